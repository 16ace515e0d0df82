//! Watches a sync or a backfill, so that its end is sent to the channels in `[notify]`.
//!
//! This includes an end caused by a plan, the disk or a bug.

use super::{calendar, home, notify::notifier, targets::LeftOut, told::tell};
use crate::{
    cli::{Cli, Command},
    clock::{self, Clock},
    config::Settings,
    exit_code::ExitCode,
    notify::{ConnectionResult, ConsentEnd, Notifier, RunResult},
    outcome::WalkKind,
    sync::Report,
    warehouse::{ConnectionRow, ReadOnlyWarehouse, TypeStatus, WarehouseFile},
};
use chrono::{DateTime, Utc};
use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Mutex, PoisonError},
};
use tokio::{runtime::Runtime, task::JoinHandle};

/// The command's name in results of `payersync run`.
const DAEMON: &str = "run";

/// A connection's name, and the most serious exit code that it had.
type Seen = (String, ExitCode);

/// The watch over a command, with the outcomes seen so far.
pub(super) struct Watch {
    armed: Option<Armed>,
    seen: Mutex<Vec<Seen>>,
}

struct Armed {
    command: &'static str,
    is_whole: bool,
    /// Whether the configuration is invalid, so that only its `[notify]` was read.
    is_broken: bool,
    settings: Settings,
    notifier: Notifier,
    /// The task that sends the ping at the beginning; a daemon pings for each of its runs instead.
    begun: Option<JoinHandle<Vec<String>>>,
}

impl Watch {
    /// Begins to watch, if the command is a sync, a backfill or a daemon.
    ///
    /// If the configuration is invalid, only its `[notify]` is read, so that somebody is notified.
    pub(super) fn begin(cli: &Cli, runtime: &Runtime) -> Watch {
        Watch { armed: Armed::of(cli, runtime), seen: Mutex::default() }
    }

    /// Adds the outcome of a run.
    pub(super) fn see(&self, report: &Report) {
        self.note(seen(report));
    }

    /// Adds the connections that a run had to leave out.
    pub(super) fn see_left_out(&self, left_out: &[LeftOut]) {
        let each = |one: &LeftOut| unseen(&one.connections, one.failure.code());
        self.note(left_out.iter().flat_map(each).collect());
    }

    fn note(&self, more: Vec<Seen>) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).extend(more);
    }

    /// Sends the outcome of the command. The command has ended, so nothing here changes its exit code.
    pub(super) fn end(self, runtime: &Runtime, exit_code: ExitCode) {
        let Some(armed) = self.armed else { return };
        // A daemon sends the outcome of its runs itself. Here it reports that it could not begin or go on.
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
                    // Consents and plans are unknown, since the configuration is invalid.
                    true => RunResult::of_command(command, exit_code),
                    false => {
                        let file = home::existing_warehouse(&settings.home).ok();
                        result_of(&settings, file.as_ref(), command, exit_code, seen, is_whole)
                    }
                };
                tell_all(&notifier, &result, now).await;
            });
        }));
        if told.is_err() {
            tell("notify: not all messages were sent, because of a bug in payersync");
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
        // If others can write to the home, a command in its configuration must not be run.
        home::require_own(&home).ok()?;
        let (settings, is_broken) = match Settings::load(&home) {
            Ok(settings) => (settings, false),
            Err(_) => (Settings::of_notify_alone(&home)?, true),
        };
        let notifier = notifier(&settings)?;
        let beginning = notifier.clone();
        let begun =
            (command != DAEMON).then(|| runtime.spawn(async move { beginning.begin().await }));
        Some(Armed { command, is_whole, is_broken, settings, notifier, begun })
    }
}

/// The exit code of each connection in a report.
pub(super) fn seen(report: &Report) -> Vec<Seen> {
    let each = report.connections.iter();
    each.map(|one| (one.connection.clone(), one.exit_code())).collect()
}

/// The same exit code for each of these connections, which were not asked at all.
pub(super) fn unseen(names: &[String], exit_code: ExitCode) -> Vec<Seen> {
    names.iter().map(|name| (name.clone(), exit_code)).collect()
}

/// Sends the result to all channels; a failure to do so is reported on stderr.
pub(super) async fn tell_all(notifier: &Notifier, result: &RunResult, now: DateTime<Utc>) {
    notifier.end(result, now).await.iter().for_each(|problem| tell(problem));
}

/// The result of a run, with what the warehouse knows about its connections.
pub(super) fn result_of(
    settings: &Settings,
    file: Option<&WarehouseFile>,
    command: &'static str,
    exit_code: ExitCode,
    seen: Vec<Seen>,
    is_whole: bool,
) -> RunResult {
    // The types are read only after a failure, since reading them counts every resource.
    let looked = file.and_then(|file| look(settings, file, exit_code != ExitCode::Complete));
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

/// The instant up to which all types of a connection are complete; `None` if a type never was.
///
/// Only types that the connection's plan was asked for count.
fn complete_as_of(name: &str, types: &[TypeStatus]) -> Option<DateTime<Utc>> {
    let mine = types.iter().filter(|status| status.connection == name);
    let asked = mine.filter(|status| status.state.is_asked() && status.mode != WalkKind::File);
    let times: Option<Vec<DateTime<Utc>>> =
        asked.map(|status| clock::parsed(status.complete_as_of.as_deref()?)).collect();
    times?.into_iter().min()
}

/// What the warehouse knows about all connections.
struct Looked {
    rows: Vec<ConnectionRow>,
    consents: Vec<ConsentEnd>,
    types: Vec<TypeStatus>,
}

/// Reads the warehouse, with the types only if they are wanted.
///
/// `None` if the warehouse cannot be read; the exit code says so already.
fn look(settings: &Settings, file: &WarehouseFile, wants_types: bool) -> Option<Looked> {
    let warehouse = ReadOnlyWarehouse::open(file).ok()?;
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
