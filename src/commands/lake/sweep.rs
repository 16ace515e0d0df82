//! Removes files that no version of a table needs any more.
//!
//! They are files of killed syncs, files that were replaced long ago, and, without delay, files that may
//! hold rows of a purged connection.

use super::{
    action::Add,
    files::shard_folder,
    log::{Log, Past},
    store::Store,
};
use crate::{commands::failure::Failure, warehouse::ConnectionRow};
use std::collections::BTreeSet;

/// A day in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// The rules that decide whether a file is kept.
pub(super) struct Sweep<'a> {
    shard: &'a str,
    /// A file that was replaced before this instant is removed.
    replaced_before: i64,
    /// A replaced file that was written before this instant, the time of the last purge, is removed.
    ///
    /// Even a file without the purged connection may say something about its member, in rows of another
    /// connection of the same person.
    written_before: i64,
}

impl<'a> Sweep<'a> {
    /// Makes the rules from the logs of all tables.
    ///
    /// A replaced file whose connection the warehouse does not know shows that there was a purge.
    pub(super) fn new(
        logs: &[Log],
        shard: &'a str,
        connections: &[ConnectionRow],
        now: i64,
        keep_days: u32,
    ) -> Sweep<'a> {
        let known: BTreeSet<i64> = connections.iter().map(|row| row.id).collect();
        let is_purged = |past: &&Past| {
            let of = past.add.as_ref().filter(|add| add.shard() == Some(shard));
            let of = of.and_then(Add::connections).unwrap_or_default();
            of.keys().any(|id| !known.contains(id))
        };
        let past = logs.iter().flat_map(|log| log.past.values());
        let purges = past.filter(is_purged).map(|past| past.removed_at);
        Sweep {
            shard,
            replaced_before: now - i64::from(keep_days) * DAY,
            written_before: purges.max().unwrap_or(i64::MIN),
        }
    }

    /// Whether the table has files to remove. A killed sync may have left further files.
    pub(super) fn has_work(&self, log: &Log) -> bool {
        log.past.values().any(|past| !self.keeps(past))
    }

    /// Removes the table's files that are not kept, and forgets them; returns their number.
    ///
    /// It looks only into this home's own folders: no other process writes there, so an unknown file is a
    /// leftover.
    ///
    /// # Errors
    /// The lake cannot be listed or written.
    pub(super) fn table(&self, store: &Store, log: &mut Log) -> Result<usize, Failure> {
        let shard = shard_folder(self.shard);
        let mut removed = 0;
        for plan in store.list(&format!("{}/{shard}", log.table))?.folders {
            let folder = format!("{}/{shard}/{plan}", log.table);
            store.sweep_half_written(&folder)?;
            for file in store.list(&folder)?.files {
                let path = format!("{shard}/{plan}/{file}");
                let is_past = log.past.get(&path).is_some_and(|past| self.keeps(past));
                if !is_past && !log.live.contains_key(&path) {
                    store.delete(&format!("{folder}/{file}"))?;
                    removed += 1;
                }
            }
        }
        log.past.retain(|_, past| self.keeps(past));
        Ok(removed)
    }

    fn keeps(&self, past: &Past) -> bool {
        let Past { add: Some(add), removed_at } = past else { return false };
        *removed_at >= self.replaced_before
            && add.modification_time >= self.written_before
            // A file of another tool may hold anybody's rows.
            && add.connections().is_some()
    }
}
