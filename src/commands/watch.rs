//! Watches a sync or a backfill from outside, so that whoever `[notify]` names is told of its end,
//! be it by a plan, the disk or a bug.

use super::{calendar, home, notify::notifier, targets::LeftOut, told::tell};
use crate::{
    cli::{Cli, Command},
    clock::{self, Clock},
    config::Settings,
    exit_code::ExitCode,
    notify::{ConnectionResult, ConsentEnd, Notifier, RunResult},
    outcome::WalkKind,
    sync::Report,
    warehouse::{ConnectionRow, ReadOnlyWarehouse, TypeStatus},
};
use chrono::{DateTime, Utc};
use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
};
use tokio::{runtime::Runtime, task::JoinHandle};

/// What the results of `payersync run` are called.
const DAEMON: &str = "run";

/// A connection's name and the worst that happened to it.
type Seen = (String, ExitCode);

/// What is known of a command's work when it ends.
pub(super) struct Watch {
    armed: Option<Armed>,
    seen: Mutex<Vec<Seen>>,
}

struct Armed {
    command: &'static str,
    is_whole: bool,
    /// Whether only `[notify]` of the configuration could be read.
    is_broken: bool,
    settings: Settings,
    notifier: Notifier,
    /// The ping of the beginning; a daemon pings for each of its runs.
    begun: Option<JoinHandle<Vec<String>>>,
}

impl Watch {
    /// Begins to watch, if the command is a sync, a backfill or a daemon.
    ///
    /// Of a configuration that cannot be used `[notify]` is read alone, so that somebody is told.
    pub(super) fn begin(cli: &Cli, runtime: &Runtime) -> Watch {
        Watch { armed: Armed::of(cli, runtime), seen: Mutex::default() }
    }

    /// Notes what a run came to.
    pub(super) fn see(&self, report: &Report) {
        self.note(seen(report));
    }

    /// Notes what a run could not be about.
    pub(super) fn see_left_out(&self, left_out: &[LeftOut]) {
        let each = |one: &LeftOut| unseen(&one.connections, one.failure.code());
        self.note(left_out.iter().flat_map(each).collect());
    }

    fn note(&self, more: Vec<Seen>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).extend(more);
    }

    /// Tells what the command came to. It has ended: nothing here changes its exit code.
    pub(super) fn end(self, runtime: &Runtime, exit_code: ExitCode) {
        let Some(armed) = self.armed else { return };
        // A daemon tells of its runs itself; here, that it could not begin or go on.
        if armed.command == DAEMON && exit_code == ExitCode::Complete {
            return;
        }
        let seen = self.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let told = catch_unwind(AssertUnwindSafe(|| {
            runtime.block_on(async {
                let Armed { command, is_whole, is_broken, settings, notifier, begun } = armed;
                let problems = match begun {
                    Some(begun) => begun.await.unwrap_or_default(),
                    None => Vec::new(),
                };
                problems.iter().for_each(|problem| tell(problem));
                let now = Clock::system().now();
                let result = match is_broken {
                    // What the configuration says of consents and plans is not known.
                    true => RunResult::of_command(command, exit_code),
                    false => result_of(&settings, command, exit_code, seen, is_whole),
                };
                tell_all(&notifier, &result, now).await;
            });
        }));
        if told.is_err() {
            tell("notify: not told, by a bug in payersync");
        }
    }
}

impl Armed {
    fn of(cli: &Cli, runtime: &Runtime) -> Option<Armed> {
        let (command, is_whole) = match &cli.command {
            Command::Sync(args) => ("sync", args.types.is_empty()),
            Command::Backfill(args) => ("backfill", args.types.is_empty()),
            Command::Run(_) => (DAEMON, false),
            _ => return None,
        };
        let home = home::choose(cli).ok()?;
        // Who else may write there must not have a program of theirs run.
        home::require_own(&home).ok()?;
        let (settings, is_broken) = match Settings::load(&home) {
            Ok(settings) => (settings, false),
            Err(_) => (Settings::of_notify_alone(&home)?, true),
        };
        let notifier = notifier(&settings).ok()??;
        let beginning = notifier.clone();
        let begun =
            (command != DAEMON).then(|| runtime.spawn(async move { beginning.begin().await }));
        Some(Armed { command, is_whole, is_broken, settings, notifier, begun })
    }
}

/// The connections of a report.
pub(super) fn seen(report: &Report) -> Vec<Seen> {
    let each = report.connections.iter();
    each.map(|one| (one.connection.clone(), one.exit_code())).collect()
}

/// Connections that were not asked at all.
pub(super) fn unseen(names: &[String], exit_code: ExitCode) -> Vec<Seen> {
    names.iter().map(|name| (name.clone(), exit_code)).collect()
}

/// Tells it; what fails is told here, on stderr.
pub(super) async fn tell_all(notifier: &Notifier, result: &RunResult, now: DateTime<Utc>) {
    notifier.end(result, now).await.iter().for_each(|problem| tell(problem));
}

/// What a run came to, with what the warehouse knows of its connections.
pub(super) fn result_of(
    settings: &Settings,
    command: &'static str,
    exit_code: ExitCode,
    seen: Vec<Seen>,
    is_whole: bool,
) -> RunResult {
    // Since when something is missing is told of failures alone, and counts every resource.
    let looked = look(settings, exit_code != ExitCode::Complete);
    let rows = looked.as_ref().map_or(&[][..], |looked| &looked.rows);
    let types = looked.as_ref().map_or(&[][..], |looked| &looked.types);
    let by_name: HashMap<&str, &ConnectionRow> =
        rows.iter().map(|row| (row.name.as_str(), row)).collect();
    let of = |(name, exit_code): Seen| {
        let row = by_name.get(name.as_str())?;
        let (uid, plan) = (row.uid.clone(), row.plan_name().to_owned());
        let complete_as_of = complete_as_of(&name, types);
        Some(ConnectionResult { uid, plan, exit_code, is_whole, complete_as_of })
    };
    RunResult {
        command,
        exit_code,
        connections: seen.into_iter().filter_map(of).collect(),
        known: looked.as_ref().map(|_| rows.iter().map(|row| row.uid.clone()).collect()),
        consents: looked.map(|looked| looked.consents).unwrap_or_default(),
    }
}

/// The instant up to which all types that a connection's plan was asked for are complete; `None` if a
/// type never was.
fn complete_as_of(name: &str, types: &[TypeStatus]) -> Option<DateTime<Utc>> {
    let mine = types.iter().filter(|status| status.connection == name);
    let asked = mine.filter(|status| status.state.is_asked() && status.mode != WalkKind::File);
    let times: Option<Vec<DateTime<Utc>>> =
        asked.map(|status| clock::parsed(status.complete_as_of.as_deref()?)).collect();
    times?.into_iter().min()
}

/// What the warehouse knows of all connections.
struct Looked {
    rows: Vec<ConnectionRow>,
    consents: Vec<ConsentEnd>,
    types: Vec<TypeStatus>,
}

/// Reads it, the types only if they are wanted; `None` if the warehouse cannot be read, which the exit
/// code says.
fn look(settings: &Settings, wants_types: bool) -> Option<Looked> {
    let file = home::existing_warehouse(&settings.home).ok()?;
    let warehouse = ReadOnlyWarehouse::open(&file).ok()?;
    let consents = warehouse.consents().ok()?.into_iter().filter_map(|consent| {
        let ends_at = calendar::ends_at(settings, &consent)?;
        Some(ConsentEnd { uid: consent.uid, plan: consent.plan, ends_at })
    });
    Some(Looked {
        rows: warehouse.connections().ok()?,
        consents: consents.collect(),
        types: if wants_types { warehouse.status().ok()? } else { Vec::new() },
    })
}
