//! The commands, one file or folder each.
//!
//! Only this module puts the parts of payersync together, shows their results to people and turns them into
//! exit codes. Data goes to stdout, everything else to stderr.

mod asked;
mod backfill;
mod backup;
mod browser;
mod calendar;
mod causes;
mod codes;
mod config;
mod connect;
mod consent;
mod control_table;
mod demo;
mod doctor;
mod earlier;
mod explain;
mod export;
mod failure;
mod freshness;
mod get;
mod handed_on;
mod home;
mod import;
mod init;
mod json_lines;
mod jwks;
mod key_command;
#[cfg(feature = "lake")]
mod lake;
mod lock;
mod logging;
mod make_room;
mod mart_description;
mod metrics;
mod moving;
mod notify;
mod other_home;
mod own_views;
mod pager;
mod pending;
mod plan;
mod production_access;
mod progress;
mod purge;
mod query;
mod quiet;
mod rebuild;
mod report;
mod revoke;
mod run;
mod sandbox;
mod settled;
mod shard;
mod shipped;
mod show;
mod standing;
mod status;
mod stdout;
mod stop_signal;
mod strays;
mod sync;
mod system;
mod tables;
mod targets;
mod terminal;
mod told;
mod vault_key;
mod verify;
mod version;
mod views;
mod watch;

use crate::{
    auth::finish_refreshes,
    cli::{Cli, Command, LakeAction, LakeCommand, LakeSyncArgs},
    exit_code::ExitCode,
};
use failure::Failure;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use import::any_import;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    pin::Pin,
};
use stdout::print;
use tokio::runtime::{Builder, Runtime};
use told::{tell, tell_summary, warn};
pub use version::long_version;
use watch::Watch;

/// Reports why the command line cannot be understood, in clap's words.
pub fn misused(words: &str) -> ExitCode {
    match terminal::told_width() {
        Some(screen) => terminal::passed_on(&(show::wrap(words, screen, 4) + "\n")),
        None => terminal::passed_on(words),
    }
    ExitCode::Usage
}

/// Runs the command; returns the most serious exit code.
pub fn run(cli: Cli) -> ExitCode {
    system::forbid_core_dumps();
    system::keep_from_others();
    let style = match logging::start(&cli) {
        Ok(style) => style,
        Err(failure) => return ended(Err(failure)),
    };
    let started = catch_unwind(start_runtime).unwrap_or_else(|panic| Err(Failure::panic(&*panic)));
    let runtime = match started {
        Ok(runtime) => runtime,
        Err(failure) => return ended(Err(failure)),
    };
    let watch = Watch::begin(&cli, &runtime);
    let code = to_the_end(&runtime, dispatch(cli, style, &watch), finish_refreshes());
    watch.end(&runtime, code);
    code
}

fn start_runtime() -> Result<Runtime, Failure> {
    system::try_threads().map_err(Failure::limits)?;
    system::open_enough_files()
        .and_then(|()| Builder::new_multi_thread().enable_all().build())
        .and_then(|runtime| {
            let _within = runtime.enter();
            system::outlive_file_size_limit()?;
            Ok(runtime)
        })
        .map_err(|error| Failure::file("cannot start", error, "try again"))
}

/// Runs a command, then `last`, even if the command fails or panics.
///
/// `last` makes sure that tokens of a refresh under way reach the disk.
fn to_the_end(
    runtime: &Runtime,
    command: impl Future<Output = Result<ExitCode, Failure>>,
    last: impl Future<Output = ()>,
) -> ExitCode {
    // A trait object is compiled once; otherwise the commands would be compiled again for each place in the
    // runtime that polls them.
    let command: Pin<Box<dyn Future<Output = _> + '_>> = Box::pin(command);
    let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(command)));
    runtime.block_on(last);
    ended(result.unwrap_or_else(|panic| Err(Failure::panic(&*panic))))
}

fn ended(result: Result<ExitCode, Failure>) -> ExitCode {
    let code = result.as_ref().map_or_else(Failure::code, |code| *code);
    // Lines held back by `--quiet` are printed in their order; the failure comes last.
    quiet::end(code).iter().for_each(|line| tell(line));
    if let Err(failure) = result {
        failure.tell();
    }
    code
}

async fn dispatch(cli: Cli, style: progress::Style, watch: &Watch) -> Result<ExitCode, Failure> {
    let home = home::choose(&cli)?;
    let is_named = cli.home.is_some();
    // The demo has a home of its own, and the other commands listed here need no home.
    if !matches!(
        cli.command,
        Command::Demo(_)
            | Command::Views(_)
            | Command::Sandbox(_)
            | Command::Completions(_)
            | Command::Man(_)
    ) {
        home::require_own(&home)?;
        if !is_named {
            home::tell_other_default(&home);
        }
    }
    let given = config::given(&cli, &home);
    match cli.command {
        Command::Demo(args) => demo::run(&args, cli.home, style).await,
        Command::Init(args) => init::run(&home, &args),
        Command::Connect(args) => connect::run(&home, args).await,
        Command::Sync(args) => sync::run(&home, args, style, watch).await,
        Command::Backfill(args) => backfill::run(&home, args, style, watch).await,
        Command::Import(args) => import::run(&home, args, style).await,
        Command::Run(args) => run::run(&home, &args, style).await,
        // clap refuses this command without --test.
        Command::Notify(_) => notify::run(&home).await,
        Command::Plan(args) => plan::run(&home, args).await,
        Command::Status(args) => status::run(&home, &args),
        Command::Tables(args) => tables::run(&home, &args),
        Command::Query(args) => query::run(&home, &args),
        Command::Explain(args) => explain::run(&home, &args),
        Command::Report(args) => report::run(&home, &args),
        Command::Export(args) => export::run(&home, &args),
        Command::Lake(LakeCommand { action: LakeAction::Sync(args) }) => lake_sync(&home, &args),
        Command::Codes(command) => codes::run(&home, command, style).await,
        Command::Views(command) => views::views(command),
        Command::Rebuild(args) => rebuild::run(&home, args, style),
        Command::Backup(args) => backup::run(&home, &args),
        Command::Restore(args) => backup::restore(&home, &args),
        Command::Doctor(args) => doctor::run(&home, &args, is_named).await,
        Command::Config(command) => config::run(&home, &command.action, given),
        Command::Get(args) => stop_signal::until_signalled(get::run(&home, &args)).await,
        Command::Verify => verify::run(&home),
        Command::Jwks(args) => jwks::run(&home, &args),
        Command::ProductionAccess(args) => production_access::run(&home, &args),
        Command::Purge(args) => purge::run(&home, &args).await,
        Command::Move(args) => moving::run(&home, &args).await,
        Command::Sandbox(args) => sandbox::run(args).await,
        Command::Completions(args) => shipped::completions(&args),
        Command::Man(args) => shipped::man(&args),
    }
}

#[cfg(feature = "lake")]
fn lake_sync(home: &Path, args: &LakeSyncArgs) -> Result<ExitCode, Failure> {
    let code = lake::run(home, args)?;
    // A purge may have been kept from being done by the lake alone.
    purge::finish_interrupted(home)?;
    Ok(code)
}

#[cfg(not(feature = "lake"))]
fn lake_sync(_: &Path, _: &LakeSyncArgs) -> Result<ExitCode, Failure> {
    Err(Failure::misuse("this payersync was built without lakes")
        .hint("build it with `--features lake`, or use `payersync export`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_under_way_is_waited_for_also_after_a_panic_which_is_a_bug() {
        let runtime = Runtime::new().unwrap();
        let (ours, theirs) = tokio::sync::oneshot::channel();
        runtime.spawn(async {
            tokio::task::yield_now().await;
            ours.send("stored")
        });
        let (mut stored, panics) = (None, async { panic!("the other connection") });
        let last = async { stored = theirs.await.ok() };
        assert_eq!(to_the_end(&runtime, panics, last), ExitCode::Bug);
        assert_eq!(stored, Some("stored"));
    }
}
