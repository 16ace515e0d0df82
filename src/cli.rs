//! The command line: clap types only.

mod backup;
mod codes;
mod config;
mod explain;
mod export;
mod import;
mod init;
mod jwks;
mod lake;
mod moving;
mod notify;
mod production_access;
mod query;
mod report;
mod sandbox;
mod shard;
mod shipped;
mod status;
mod sync;
mod version;
mod views;

pub use backup::{BackupArgs, RestoreArgs};
pub use codes::{CodesAction, CodesCommand, CodesLoadArgs};
pub use config::{ConfigAction, ConfigCommand, ConfigShowArgs};
pub use explain::ExplainArgs;
pub use export::{DateTreatment, ExportArgs, ExportFormat, ExportSet};
pub use import::ImportArgs;
pub use init::InitArgs;
pub use jwks::{JwksArgs, NewKey};
pub use lake::{LakeAction, LakeCommand, LakeSyncArgs};
pub use moving::MoveArgs;
pub use notify::NotifyArgs;
pub use production_access::ProductionAccessArgs;
pub use query::{QueryArgs, QueryFormat};
pub use report::ReportArgs;
pub use sandbox::{DemoArgs, SandboxArgs, SandboxCommand};
pub use shard::{RunArgs, ShardArgs};
pub use shipped::{CompletionsArgs, ManArgs, completions, man_pages};
pub use status::StatusArgs;
pub use sync::{PlanArgs, SyncArgs};
pub use version::is_long_version;
pub use views::{ViewsAction, ViewsCheckArgs, ViewsCommand, ViewsFormat, ViewsRunArgs};

use chrono::{DateTime, Duration, NaiveDate, Utc};
use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};
use std::{ffi::OsString, path::PathBuf};

/// The heading in each command's help for the flags that all commands have.
const GLOBAL: &str = "Global options";

/// Keeps a local SQLite warehouse in step with the Patient Access APIs of US health plans.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Exit codes: 0 complete, 1 usage or configuration, 2 finished incomplete, \
                  3 a member must consent again, 4 plan unreachable, 5 warehouse, \
                  6 locked by another run, 70 bug.\n\n`payersync --version --verbose` tells \
                  what this build is made of."
)]
pub struct Cli {
    /// The one folder for configuration, warehouse and vault [default: ~/.payersync, or payersync
    /// in XDG_DATA_HOME]
    #[arg(long, global = true, env = "PAYERSYNC_HOME", value_name = "DIR", help_heading = GLOBAL)]
    pub home: Option<PathBuf>,
    /// How logs are written to stderr
    #[arg(
        long,
        global = true,
        env = "PAYERSYNC_LOG_FORMAT",
        value_enum,
        default_value = "auto",
        help_heading = GLOBAL
    )]
    pub log_format: LogFormat,
    /// What is logged, e.g. info, debug or payersync::http=debug
    #[arg(long, global = true, env = "PAYERSYNC_LOG", value_name = "FILTER", help_heading = GLOBAL)]
    pub log: Option<String>,
    /// Say nothing on stderr if all goes well: for cron, which mails every output
    #[arg(short, long, global = true, help_heading = GLOBAL)]
    pub quiet: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Progress bars on a terminal; elsewhere JSON lines from sync, backfill and run, and plain lines from
    /// all other commands
    Auto,
    /// Plain lines
    Plain,
    /// JSON lines
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Do the whole job against the embedded payer: consent, sync, show
    #[command(after_long_help = include_str!("cli/help/demo.txt"))]
    Demo(DemoArgs),
    /// Write a commented payersync.toml, with the plan of a preset if you name one
    #[command(after_long_help = include_str!("cli/help/init.txt"))]
    Init(InitArgs),
    /// Let a member consent to a connection
    #[command(after_long_help = include_str!("cli/help/connect.txt"))]
    Connect(ConnectArgs),
    /// Bring the warehouse up to date
    #[command(after_long_help = include_str!("cli/help/sync.txt"))]
    Sync(SyncArgs),
    /// Fetch a connection's history by windows of date, once
    #[command(after_long_help = include_str!("cli/help/backfill.txt"))]
    Backfill(BackfillArgs),
    /// Import files that members downloaded from portals or that another tool fetched
    #[command(after_long_help = include_str!("cli/help/import.txt"))]
    Import(ImportArgs),
    /// Sync on schedule until told to stop (SIGTERM, SIGINT); SIGHUP reads the configuration again
    #[command(after_long_help = include_str!("cli/help/run.txt"))]
    Run(RunArgs),
    /// Send a test alert to whoever is told when a nightly run fails
    #[command(after_long_help = include_str!("cli/help/notify.txt"))]
    Notify(NotifyArgs),
    /// Show what a sync would ask for, and why it would leave the rest out
    #[command(after_long_help = include_str!("cli/help/plan.txt"))]
    Plan(PlanArgs),
    /// Tell what is complete, how fresh it is and what is wrong
    #[command(after_long_help = include_str!("cli/help/status.txt"))]
    Status(StatusArgs),
    /// Print the data dictionary
    #[command(after_long_help = include_str!("cli/help/tables.txt"))]
    Tables(TablesArgs),
    /// Ask the warehouse a question in SQL
    #[command(after_long_help = include_str!("cli/help/query.txt"))]
    Query(QueryArgs),
    /// Show where a value comes from: its path, the resource's bytes, the versions, the run
    #[command(after_long_help = include_str!("cli/help/explain.txt"))]
    Explain(ExplainArgs),
    /// Write a page about members to look at and to print
    #[command(after_long_help = include_str!("cli/help/report.txt"))]
    Report(ReportArgs),
    /// Write tables or resources to a folder, for other tools
    #[command(after_long_help = include_str!("cli/help/export.txt"))]
    Export(ExportArgs),
    /// Write the tables to a Delta Lake, in a folder or an object store, for engines that outgrow one machine
    #[command(after_long_help = include_str!("cli/help/lake.txt"))]
    Lake(LakeCommand),
    /// List the code lists that are loaded, or load published ones, so that codes have names
    #[command(after_long_help = include_str!("cli/help/codes.txt"))]
    Codes(CodesCommand),
    /// Run or check SQL on FHIR ViewDefinitions without a warehouse
    #[command(after_long_help = include_str!("cli/help/views.txt"))]
    Views(ViewsCommand),
    /// Fill normalised tables again from the stored resources
    #[command(after_long_help = include_str!("cli/help/rebuild.txt"))]
    Rebuild(RebuildArgs),
    /// Check that the warehouse is sound: file, hashes, rows, ledger
    #[command(after_long_help = include_str!("cli/help/verify.txt"))]
    Verify,
    /// Copy the warehouse to a file, also while a sync runs
    #[command(after_long_help = include_str!("cli/help/backup.txt"))]
    Backup(BackupArgs),
    /// Restore a backup into a home that has no warehouse
    #[command(after_long_help = include_str!("cli/help/restore.txt"))]
    Restore(RestoreArgs),
    /// Print the settings in force and where each comes from, or the schema for editors
    #[command(after_long_help = include_str!("cli/help/config.txt"))]
    Config(ConfigCommand),
    /// Check everything that a nightly run depends on; change nothing
    #[command(after_long_help = include_str!("cli/help/doctor.txt"))]
    Doctor(DoctorArgs),
    /// Ask a plan for one path with a connection's token and print the answer
    #[command(after_long_help = include_str!("cli/help/get.txt"))]
    Get(GetArgs),
    /// Print the public part of a plan's client key, for the plan to register
    #[command(after_long_help = include_str!("cli/help/jwks.txt"))]
    Jwks(JwksArgs),
    /// Write what 1upHealth asks for before real members are connected: answers, e-mails, policies, logo
    #[command(after_long_help = include_str!("cli/help/production-access.txt"))]
    ProductionAccess(ProductionAccessArgs),
    /// Remove every trace of a connection: rows, history, rejects, tokens
    #[command(after_long_help = include_str!("cli/help/purge.txt"))]
    Purge(PurgeArgs),
    /// Move connections to another home: consent, rows, history, cursors
    #[command(after_long_help = include_str!("cli/help/move.txt"))]
    Move(MoveArgs),
    /// Run the embedded payer
    #[command(after_long_help = include_str!("cli/help/sandbox.txt"))]
    Sandbox(SandboxCommand),
    /// Print a script that completes commands and flags in a shell
    #[command(after_long_help = include_str!("cli/help/completions.txt"))]
    Completions(CompletionsArgs),
    /// Write man pages to a folder
    #[command(after_long_help = include_str!("cli/help/man.txt"))]
    Man(ManArgs),
}

/// `payersync connect`.
#[derive(Debug, Args)]
pub struct ConnectArgs {
    /// What the connection is called from now on
    pub name: String,
    /// The plan's name in payersync.toml
    #[arg(long)]
    pub plan: String,
    /// A label that groups one person's connections across plans
    #[arg(long, value_name = "LABEL")]
    pub member: Option<String>,
    /// The id of the member's Patient, for a backend service that connects for one member; `-` reads it
    /// from standard input, where no list of processes shows it
    #[arg(long, value_name = "ID", conflicts_with = "code")]
    pub patient: Option<String>,
    /// The code, or the whole URL that the browser ended at, where there is no browser; `-` reads it
    /// from standard input after the URL was printed
    #[arg(long, value_name = "CODE")]
    pub code: Option<String>,
    /// Only print the URL, do not open a browser
    #[arg(long)]
    pub no_browser: bool,
    /// How long to wait for the consent, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    pub timeout: u64,
    /// Do not ask before the connection's data is purged because the consent is for another patient
    #[arg(long)]
    pub yes: bool,
}

/// `payersync backfill`.
#[derive(Debug, Args)]
pub struct BackfillArgs {
    /// The connection
    pub name: String,
    /// The first day of service, YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub from: NaiveDate,
    /// The last day of service, YYYY-MM-DD [default: today, UTC]
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub to: Option<NaiveDate>,
    /// Only this resource type; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    pub types: Vec<String>,
    /// How many months are asked for at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1200))]
    pub window_months: u32,
    /// Ask again for windows that are complete
    #[arg(long)]
    pub full: bool,
    /// Stop between two pages after this many page requests; the next run goes on there
    #[arg(long, value_name = "N")]
    pub max_requests: Option<u64>,
    /// Stop between two pages after this many seconds; the next run goes on there
    #[arg(long, value_name = "SECONDS")]
    pub max_duration: Option<u64>,
}

/// `payersync tables`.
#[derive(Debug, Args)]
pub struct TablesArgs {
    /// Only this mart or table: its columns, joins and three queries
    pub table: Option<String>,
    /// Every table, also those without rows
    #[arg(long, conflicts_with = "table")]
    pub all: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Show which paths of the stored resources no column depends on; never a value
    #[arg(long, conflicts_with_all = ["table", "markdown", "all"])]
    pub unmapped: bool,
    /// Print Markdown: every mart and table with its columns
    #[arg(long, conflicts_with = "json")]
    pub markdown: bool,
    /// Write Markdown into a folder: the marts with an index and diagrams, and a page per FHIR type
    #[arg(long, value_name = "DIR", conflicts_with_all = ["table", "all", "json", "unmapped", "markdown"])]
    pub pages: Option<PathBuf>,
    /// Print metadata for Datasette: descriptions, facets, questions
    #[arg(long, conflicts_with_all = ["table", "all", "json", "unmapped", "markdown", "pages"])]
    pub datasette: bool,
}

/// `payersync rebuild`.
#[derive(Debug, Args)]
pub struct RebuildArgs {
    /// The tables and marts; all of them if none is named
    pub tables: Vec<String>,
}

/// `payersync doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Check also what must be in order before real members are connected
    #[arg(long)]
    pub production: bool,
    /// Send nothing to any plan
    #[arg(long)]
    pub offline: bool,
}

/// `payersync get`.
#[derive(Debug, Args)]
pub struct GetArgs {
    /// Below the plan's FHIR base, e.g. `Patient` or `Coverage?_count=1`
    pub path: String,
    /// The connection whose token is used
    #[arg(long, value_name = "NAME")]
    pub connection: String,
    /// Follow `next` links; prints one page after the other
    #[arg(long)]
    pub paginate: bool,
}

/// `payersync purge`.
#[derive(Debug, Args)]
pub struct PurgeArgs {
    /// The connection
    #[arg(required_unless_present = "finish")]
    pub name: Option<String>,
    /// Only finish purges that were interrupted
    #[arg(long, conflicts_with_all = ["name", "yes"])]
    pub finish: bool,
    /// Do not ask; needed where there is no terminal
    #[arg(long)]
    pub yes: bool,
}

/// The message for a refused command line, without the flags that environment variables have set.
///
/// clap treats a flag that a variable sets like one that was typed, and shows it in the usage.
pub fn refusal(arguments: &[OsString], error: &clap::Error) -> String {
    let without_variables = ["home", "log", "log_format"]
        .into_iter()
        .fold(Cli::command(), |command, id| command.mut_arg(id, |arg| arg.env(None::<&str>)));
    let again = without_variables.try_get_matches_from(arguments.iter().map(on_one_line)).err();
    again.as_ref().unwrap_or(error).render().to_string()
}

/// Escapes line feeds: with them an argument that a message repeats could look like lines of ours.
///
/// The line feed that [`no_comment_is_a_flag`] has put before an argument stays.
fn on_one_line(argument: &OsString) -> OsString {
    let Some(text) = argument.to_str() else { return argument.clone() };
    let (first, rest) = text.split_at(usize::from(text.starts_with("\n--")));
    format!("{first}{}", rest.replace('\n', "\\u000a")).into()
}

/// Changes an argument that begins with a comment of SQL (`-- spend by month`), so that it is no flag.
pub fn no_comment_is_a_flag(argument: OsString) -> OsString {
    match argument.to_str().and_then(|text| text.strip_prefix("--")) {
        Some(rest) if rest.starts_with(char::is_whitespace) => format!("\n--{rest}").into(),
        _ => argument,
    }
}

/// Reads a day.
fn day(text: &str) -> Result<NaiveDate, String> {
    let read = NaiveDate::parse_from_str(text, "%Y-%m-%d");
    read.map_err(|_| "not a date such as 2026-01-31".to_owned())
}

/// Reads an instant, or a day, which stands for its last millisecond.
fn instant_or_days_end(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Ok(instant.to_utc());
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .and_then(|day| day.succ_opt()?.and_hms_opt(0, 0, 0))
        .map(|midnight| midnight.and_utc() - Duration::milliseconds(1))
        .ok_or_else(|| "not a date such as 2026-01-31 or 2026-01-31T12:00:00Z".to_owned())
}
