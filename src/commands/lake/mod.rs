//! `payersync lake sync`: writes the tables of the warehouse to a Delta Lake, for query engines.
//!
//! The log of a Delta table is written here rather than by the crate `deltalake-core`, because without
//! DataFusion that crate can neither write nor delete rows. docs/lake.md has the figures.

mod action;
mod checkpoint;
mod files;
mod known;
mod log;
mod memory;
mod schema;
mod source;
mod store;
mod sweep;
mod table;

use super::{
    failure::Failure,
    home, lock,
    other_home::{self, Elsewhere},
    system, tell, warn,
};
use crate::{
    cli::LakeSyncArgs,
    clock::Clock,
    config::Settings,
    exit_code::ExitCode,
    plural,
    warehouse::{
        Access, Catalog, ConnectionRow, ReadOnlyWarehouse, Snapshot, WarehouseFile, backup_outcome,
        log_access,
    },
};
use files::shard_folder;
use known::{Begin, Known, Lake, SHARDS};
use log::Log;
use memory::Memory;
use std::{collections::BTreeSet, path::Path};
use store::{Place, Store};
use sweep::Sweep;
use table::{Change, Context};

/// Syncs a lake.
pub(super) fn run(folder: &Path, args: &LakeSyncArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    sync(&settings, args, if args.take_over { Begin::TakeOver } else { Begin::IfNew })
}

/// Syncs every lake of a home after a purge.
///
/// A lake that could be reached is removed from `copies`, the list of copies that still hold the member. A
/// lake that is not there could not be reached: it is not begun anew, since the old one may come back. A lake
/// that was never begun holds nothing: the home's file is the first to be written.
/// Returns whether all lakes could be reached.
pub(super) fn after_purge(settings: &Settings, copies: &mut Vec<String>) -> Result<bool, Failure> {
    let mut are_all_reached = true;
    for (name, lake) in Known::read(&settings.home)?.lakes {
        if !lake.is_begun {
            copies.retain(|copy| *copy != name);
            continue;
        }
        let args =
            LakeSyncArgs { url: name.clone(), shard: None, keep_days: None, take_over: false };
        match sync(settings, &args, Begin::Never) {
            Ok(_) => copies.retain(|copy| *copy != name),
            Err(failure) => {
                are_all_reached = false;
                failure.tell();
                tell(&format!(
                    "Lake {name} may hold what was purged: `payersync lake sync {name}` finishes the \
                     purge; if the lake is gone for good, first remove it from lake.json"
                ));
            }
        }
    }
    Ok(are_all_reached)
}

/// Tells the user that the lakes of a home still have a moved connection as it was before.
pub(super) fn tell_of_move(home: &Path) -> Result<(), Failure> {
    let lakes = Known::read(home)?.lakes.into_iter();
    for (name, _) in lakes.filter(|(_, lake)| lake.is_begun) {
        let home = home.display();
        tell(&format!(
            "Next: `payersync --home {home} lake sync {name}` tells the lake of the move"
        ));
    }
    Ok(())
}

fn sync(settings: &Settings, args: &LakeSyncArgs, begin: Begin) -> Result<ExitCode, Failure> {
    let catalog = home::catalog(settings)?;
    let file = home::existing_warehouse(&settings.home)?;
    let _lock = lock::take_for_lake(&settings.home)?;
    let warehouse = ReadOnlyWarehouse::open(&file)?;
    let place = Place::of(&args.url)?;
    let mut known = Known::read(&settings.home)?;
    let name = place.name();
    let is_new = !known.lakes.contains_key(&name);
    let lake = known.choose(&settings.home, &name, args.shard.as_deref(), args.keep_days)?;
    let store = Store::open(place, begin.is_allowed(&lake))?;
    known.claim(&settings.home, &store, &lake, begin)?;
    if is_new {
        // The lake is logged before it is written, so that a purge can name its files.
        log(&file, &store, backup_outcome::BEGUN)?;
    }
    let memory = Memory::of(&settings.home, &store);
    let total = warehouse
        .snapshot(|snapshot| bring_up_to_date(snapshot, &catalog, &store, &lake, &memory))??;
    if total.tables > 0 {
        log(&file, &store, &total.words())?;
    }
    tell(&format!("{} as shard {}: {}", store.name(), lake.shard, total.words()));
    total.losses.iter().for_each(|loss| warn(loss));
    Ok(if total.is_faithful { ExitCode::Complete } else { ExitCode::Incomplete })
}

/// The outcome of a sync of a lake.
struct Total {
    /// The number of tables with a new commit.
    tables: usize,
    files: usize,
    rows: u64,
    bytes: u64,
    /// The number of files that were removed from the lake.
    swept: usize,
    losses: Vec<String>,
    is_faithful: bool,
}

impl Total {
    fn words(&self) -> String {
        let swept = match self.swept {
            0 => String::new(),
            swept => format!(", {} removed", plural::count(swept, "old file")),
        };
        if self.tables == 0 {
            return format!("nothing changed{swept}");
        }
        format!(
            "{} changed, {} in {} ({:.1} MB){swept}",
            plural::count(self.tables, "table"),
            plural::count(self.rows, "row"),
            plural::count(self.files, "file"),
            self.bytes as f64 / 1e6,
        )
    }

    /// The connections that another home writes to the lake: those that are still on their way here, and
    /// those that have arrived there and are not removed here yet.
    ///
    /// If the other home cannot be read, the rows stay: they may be nowhere else.
    fn of_other_homes(&mut self, connections: &[ConnectionRow]) -> BTreeSet<i64> {
        let mut others = BTreeSet::new();
        for row in connections {
            let Some(moving) = &row.moving else { continue };
            let is_elsewhere = moving.arrives
                || match other_home::look(row, moving) {
                    Elsewhere::Connection(there) => there.is_none(),
                    Elsewhere::Nothing => false,
                    Elsewhere::Unknown => {
                        let sentence = moving.sentence();
                        let hint = moving.hint(&row.name);
                        self.losses.push(format!(
                            "{} {sentence}, which cannot be read: if it is active there, its rows may be \
                             in the lake twice; {hint}",
                            row.name
                        ));
                        self.is_faithful = false;
                        false
                    }
                };
            if is_elsewhere {
                others.insert(row.id);
            }
        }
        others
    }

    fn add(&mut self, table: &str, change: &Change) {
        self.tables += usize::from(change.is_committed);
        self.files += change.files;
        self.rows += change.done.rows;
        self.bytes += change.done.bytes;
        if let Some(conflict) = &change.conflict {
            self.losses.push(format!(
                "{conflict}: the rows of this home are left out of the table until all homes of the lake \
                 have the same version of payersync and the same views, and each has synced the lake"
            ));
            self.is_faithful = false;
        }
        for (column, cells) in &change.done.rounded {
            let rows = plural::count(*cells, "row");
            self.losses.push(format!("{table}.{column} is rounded in {rows}"));
        }
        for (column, cells) in &change.left_out {
            let rows = plural::count(*cells, "row");
            let what = "whose value is not of the column's type";
            self.losses.push(format!("{table}.{column} is NULL in {rows}, {what}"));
            self.is_faithful = false;
        }
    }
}

fn bring_up_to_date(
    snapshot: &Snapshot<'_>,
    catalog: &Catalog,
    store: &Store,
    lake: &Lake,
    memory: &Memory,
) -> Result<Total, Failure> {
    let mut before = memory.begin();
    let connections = snapshot.connections()?;
    let now = Clock::system().now().timestamp_millis();
    let run = snapshot.newest_run()?.unwrap_or_default();
    let sources = source::all(snapshot, catalog)?;
    let mut total = Total {
        tables: 0,
        files: 0,
        rows: 0,
        bytes: 0,
        swept: 0,
        losses: Vec::new(),
        is_faithful: true,
    };
    let others = total.of_other_homes(&connections);
    let context = Context {
        snapshot,
        store,
        shard: &lake.shard,
        connections: &connections,
        others: &others,
        run,
        now,
    };
    let behind = snapshot.mart_state()?.behind;
    total.losses.extend(connections.iter().filter(|row| behind.contains(&row.id)).map(|row| {
        let hint = "the next `payersync sync` brings them up to date";
        format!("{}: its marts are older than its tables; {hint}", row.name)
    }));
    let mut logs = Vec::new();
    for source in &sources {
        let mut log = Log::read(store, &source.name, before.logs.remove(&source.name))?;
        total.add(&source.name, &context.sync(source, &mut log)?);
        logs.push(log);
    }
    let is_source = |name: &String| sources.iter().any(|source| source.name == *name);
    for name in store.list("")?.folders.into_iter().filter(|name| name != SHARDS) {
        if is_source(&name) {
            continue;
        }
        // This home no longer has the table, or never had it: a table of another home, or of another tool,
        // which may need features of Delta that payersync does not know.
        let earlier = before.logs.remove(&name);
        let is_remembered =
            earlier.as_ref().is_some_and(|log| log.files_of(&lake.shard).next().is_some());
        if !is_remembered && !store.list(&name)?.folders.contains(&shard_folder(&lake.shard)) {
            continue;
        }
        let mut log = Log::read(store, &name, earlier)?;
        if log.commits() > 0 {
            total.add(&name, &context.leave(&mut log)?);
            logs.push(log);
        }
    }
    let sweep = Sweep::new(&logs, &lake.shard, &connections, now, lake.keep_days);
    for log in &mut logs {
        if !before.is_whole || sweep.has_work(log) {
            total.swept += sweep.table(store, log)?;
        }
        log.checkpoint(store)?;
    }
    memory.end(&logs)?;
    Ok(total)
}

fn log(file: &WarehouseFile, store: &Store, detail: &str) -> Result<(), Failure> {
    let access = Access {
        os_user: system::user(),
        command: "lake",
        connection_id: None,
        target: Some(store.name().to_owned()),
        detail: Some(detail.to_owned()),
    };
    Ok(log_access(file, &access, Clock::system().now())?)
}
