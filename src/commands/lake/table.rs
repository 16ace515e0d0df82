//! Syncs one table of the lake.
//!
//! The changes follow from two states alone: the digests of the rows in the warehouse, and the digests that
//! the table's log has for this home's files. Nothing else is remembered. So a killed sync, a restored
//! backup and a changed definition need no special treatment.

use super::{
    action::{Action, Add, Txn},
    files::{Done, Files, add_up},
    log::{Log, PROTOCOL},
    schema::{self, Definition},
    source::Source,
    store::Store,
};
use crate::{
    commands::{export::Column, failure::Failure},
    own_file,
    warehouse::{ConnectionRow, Snapshot},
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// A file below this size is written again, together with the new rows of its plan.
///
/// Otherwise a table would get a new file every night.
const SMALL: u64 = 8 << 20;
/// The number of attempts to commit the changes of a table; other writers may be faster.
const ATTEMPTS: u32 = 20;

/// The data that the syncs of all tables share.
pub(super) struct Context<'a> {
    pub(super) snapshot: &'a Snapshot<'a>,
    pub(super) store: &'a Store,
    pub(super) shard: &'a str,
    pub(super) connections: &'a [ConnectionRow],
    /// The connections that are in the lake as a part of another home's shard.
    pub(super) others: &'a BTreeSet<i64>,
    /// The newest run in the warehouse.
    pub(super) run: i64,
    /// In milliseconds since 1970.
    pub(super) now: i64,
}

/// The outcome for one table.
#[derive(Default)]
pub(super) struct Change {
    /// Whether anything was committed.
    pub(super) is_committed: bool,
    /// The number of files written.
    pub(super) files: usize,
    pub(super) done: Done,
    /// The number of cells of each column that this home's files could not hold, those of earlier syncs
    /// included.
    pub(super) left_out: BTreeMap<String, u64>,
    /// Why this home's rows are not in the table.
    pub(super) conflict: Option<String>,
}

impl Context<'_> {
    /// Commits the differences between the warehouse and the lake.
    ///
    /// If another home's rows have another type in a column, this home's rows leave the table: stale rows of
    /// several homes would keep each of them from changing the type. The last home changes it, and the others
    /// write their rows again.
    ///
    /// # Errors
    /// The warehouse cannot be read, the lake cannot be written, or a newer version has written the table.
    pub(super) fn sync(&self, source: &Source, log: &mut Log) -> Result<Change, Failure> {
        let mut digests = source.digests(self.snapshot, self.connections)?;
        digests.retain(|id, _| !self.others.contains(id));
        let mut change = self.bring(log, Some(&source.columns), &digests, |plan, ids| {
            let mut files = Files::begin(self.store, source, self.shard, plan, &digests, self.now);
            source.rows(self.snapshot, ids, &mut files)?;
            files.end()?;
            Ok(files.done)
        })?;
        for add in log.files_of(self.shard) {
            add_up(&mut change.left_out, add.left_out());
        }
        Ok(change)
    }

    /// Removes this home's rows from a table that the home no longer has.
    ///
    /// # Errors
    /// The lake cannot be written.
    pub(super) fn leave(&self, log: &mut Log) -> Result<Change, Failure> {
        self.bring(log, None, &BTreeMap::new(), |_, _| Ok(Done::default()))
    }

    fn bring(
        &self,
        log: &mut Log,
        columns: Option<&[Column]>,
        digests: &BTreeMap<i64, String>,
        write: impl Fn(Option<&str>, &[i64]) -> Result<Done, Failure>,
    ) -> Result<Change, Failure> {
        for _ in 0..ATTEMPTS {
            let definition = match columns {
                Some(columns) => schema::needed(log, self.shard, columns, self.now)?,
                None => Definition::Same,
            };
            let (meta_data, conflict) = match definition {
                Definition::Same => (None, None),
                Definition::New(meta_data) => (Some(*meta_data), None),
                Definition::Conflict(said) => (None, Some(said)),
            };
            let (removed, written) = match conflict {
                Some(_) => self.plan(log, &BTreeMap::new()),
                None => self.plan(log, digests),
            };
            // Without rows of this home nothing is missing.
            let conflict = conflict.filter(|_| !digests.is_empty());
            if meta_data.is_none() && removed.is_empty() && written.is_empty() {
                return Ok(Change { conflict, ..Change::default() });
            }
            let mut change = Change { is_committed: true, conflict, ..Change::default() };
            for (plan, ids) in &written {
                change.done.add(write(*plan, ids)?);
            }
            let mut actions = vec![self.commit_info()?];
            if log.protocol.is_none() {
                actions.push(Action { protocol: Some(PROTOCOL), ..Action::default() });
            }
            actions.extend(
                meta_data
                    .map(|meta_data| Action { meta_data: Some(meta_data), ..Action::default() }),
            );
            actions.push(self.txn());
            actions.extend(removed);
            change.files = change.done.added.len();
            actions.append(&mut change.done.added);
            if log.commit(self.store, self.shard, &actions)? {
                return Ok(change);
            }
            for add in actions.iter().filter_map(|action| action.add.as_ref()) {
                self.store.delete(&format!("{}/{}", log.table, add.path))?;
            }
        }
        Err(Failure::misuse(format!(
            "other writers keep changing the table {} of the lake",
            log.table
        ))
        .hint("run the same command again when the other writers are done"))
    }

    /// The files to remove, and for each plan the connections whose rows are to be written.
    fn plan<'s>(
        &'s self,
        log: &Log,
        digests: &BTreeMap<i64, String>,
    ) -> (Vec<Action>, BTreeMap<Option<&'s str>, Vec<i64>>) {
        let plans: BTreeMap<i64, Option<&'s str>> =
            self.connections.iter().map(|row| (row.id, row.plan.as_deref())).collect();
        let plan_of = |id: &i64| plans.get(id).copied().flatten();
        let is_sound = |add: &Add, (id, digest): (&i64, &String)| {
            digests.get(id) == Some(digest) && plan_of(id) == add.plan()
        };
        let (mut kept, mut gone) = (Vec::new(), Vec::new());
        for add in log.files_of(self.shard) {
            match add.connections() {
                Some(of) if of.iter().all(|one| is_sound(add, one)) => kept.push((add, of)),
                _ => gone.push(add),
            }
        }
        let held: BTreeSet<i64> = kept.iter().flat_map(|(_, of)| of.keys().copied()).collect();
        let mut written: BTreeMap<Option<&'s str>, Vec<i64>> = BTreeMap::new();
        for id in digests.keys().filter(|id| !held.contains(id)) {
            written.entry(plan_of(id)).or_default().push(*id);
        }
        for (add, of) in kept {
            // All connections in a file belong to the same plan.
            let plan = of.keys().next().and_then(plan_of);
            if let Some(ids) = written.get_mut(&plan).filter(|_| add.size < SMALL) {
                ids.extend(of.keys());
                gone.push(add);
            }
        }
        (gone.into_iter().map(|add| add.removed(self.now)).collect(), written)
    }

    fn commit_info(&self) -> Result<Action, Failure> {
        let name = own_file::random_name()
            .map_err(|error| Failure::usage("the system gives no random numbers", error))?;
        let info = json!({
            "timestamp": self.now,
            "operation": "MERGE",
            "operationParameters": { "shard": self.shard, "run": self.run.to_string() },
            "engineInfo": concat!("payersync ", env!("CARGO_PKG_VERSION")),
            "txnId": name,
        });
        Ok(Action { commit_info: Some(info), ..Action::default() })
    }

    fn txn(&self) -> Action {
        let app_id = format!("payersync/{}", self.shard);
        let txn = Txn { app_id, version: self.run, last_updated: Some(self.now) };
        Action { txn: Some(txn), ..Action::default() }
    }
}
