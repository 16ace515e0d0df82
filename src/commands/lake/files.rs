//! Writes the rows of connections to Parquet files of limited size; each file has the rows of one plan.

use super::{
    action::{Action, Add, PLAN, SHARD},
    source::{CONNECTION, Source},
    store::Store,
};
use crate::{
    commands::{export::Parquet, failure::Failure},
    own_file,
    warehouse::{Answer, AnswerCell},
};
use bytes::Bytes;
use serde_json::json;
use std::{
    collections::{BTreeMap, btree_map::Entry},
    io,
};

/// A file of at least this many bytes ends before the next connection. Until then it is in memory.
const WHOLE: usize = 32 << 20;

/// Writes the rows of one plan to files.
pub(super) struct Files<'a> {
    pub(super) store: &'a Store,
    pub(super) source: &'a Source,
    pub(super) shard: &'a str,
    pub(super) plan: Option<&'a str>,
    /// The digest of each connection's rows.
    pub(super) digests: &'a BTreeMap<i64, String>,
    /// In milliseconds since 1970.
    pub(super) now: i64,
    open: Option<Open>,
    pub(super) done: Done,
}

/// The files that were written.
#[derive(Default)]
pub(super) struct Done {
    pub(super) added: Vec<Action>,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    /// The number of amounts of each column that were rounded.
    pub(super) rounded: BTreeMap<String, u64>,
}

impl Done {
    /// Adds the files of another plan.
    pub(super) fn add(&mut self, other: Done) {
        self.added.extend(other.added);
        self.rows += other.rows;
        self.bytes += other.bytes;
        add_up(&mut self.rounded, other.rounded);
    }
}

/// Adds numbers of cells, by column.
pub(super) fn add_up(all: &mut BTreeMap<String, u64>, more: BTreeMap<String, u64>) {
    for (column, cells) in more {
        *all.entry(column).or_default() += cells;
    }
}

struct Open {
    parquet: Parquet<Vec<u8>>,
    connections: BTreeMap<i64, String>,
    rows: u64,
    newest: i64,
}

impl<'a> Files<'a> {
    pub(super) fn begin(
        store: &'a Store,
        source: &'a Source,
        shard: &'a str,
        plan: Option<&'a str>,
        digests: &'a BTreeMap<i64, String>,
        now: i64,
    ) -> Files<'a> {
        Files { store, source, shard, plan, digests, now, open: None, done: Done::default() }
    }

    /// Ends the file that is open, if any.
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let (bytes, losses) = open.parquet.end().map_err(cannot_write)?;
        add_up(&mut self.done.rounded, losses.rounded);
        let name = own_file::random_name().map_err(cannot_write)?;
        let path = format!("{}/{name}.zstd.parquet", folder(self.shard, self.plan));
        let oldest = open.connections.keys().next().copied().unwrap_or_default();
        // The statistics are about the connections' numbers alone. The least and greatest texts of other
        // columns would be a member's data, which no purge could remove from the log.
        let stats = json!({
            "numRecords": open.rows,
            "minValues": { CONNECTION: oldest },
            "maxValues": { CONNECTION: open.newest },
            "nullCount": { CONNECTION: 0 },
        });
        let add = Add {
            path: path.clone(),
            partition_values: BTreeMap::from([
                (SHARD.to_owned(), Some(self.shard.to_owned())),
                (PLAN.to_owned(), self.plan.map(str::to_owned)),
            ]),
            size: bytes.len() as u64,
            modification_time: self.now,
            data_change: true,
            stats: Some(stats.to_string()),
            tags: Add::tags_of(&open.connections, &losses.left_out),
        };
        self.done.rows += open.rows;
        self.done.bytes += add.size;
        self.store.put(&format!("{}/{path}", self.source.name), Bytes::from(bytes))?;
        self.done.added.push(Action { add: Some(add), ..Action::default() });
        Ok(())
    }
}

impl Answer<Failure> for Files<'_> {
    fn columns(&mut self, names: &[&str]) -> Result<(), Failure> {
        self.source.check(names)
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> Result<(), Failure> {
        let id = self.source.connection_of(cells)?;
        if self.open.as_ref().is_some_and(|open| open.newest != id && open.parquet.bytes() >= WHOLE)
        {
            self.end()?;
        }
        if self.open.is_none() {
            let parquet = Parquet::begin(Vec::new(), &self.source.columns, true);
            let parquet = parquet.map_err(cannot_write)?;
            self.open = Some(Open { parquet, connections: BTreeMap::new(), rows: 0, newest: id });
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        if let Entry::Vacant(new) = open.connections.entry(id) {
            new.insert(self.digests.get(&id).cloned().unwrap_or_default());
        }
        open.newest = id;
        open.rows += 1;
        open.parquet.push(cells).map_err(cannot_write)
    }
}

/// The folder of a plan's files within a table, named as Hive does.
///
/// A plan's name with unusual characters is altered for the folder; the log has the name itself.
fn folder(shard: &str, plan: Option<&str>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let plan = match plan {
        Some(plan) => plan.chars().map(plain).collect(),
        None => "__HIVE_DEFAULT_PARTITION__".to_owned(),
    };
    format!("{}/{PLAN}={plan}", shard_folder(shard))
}

/// The folder of a home's files within a table.
pub(super) fn shard_folder(shard: &str) -> String {
    format!("{SHARD}={shard}")
}

fn cannot_write(error: io::Error) -> Failure {
    Failure::file("cannot make a file of the lake", error, "run the same command again")
}
