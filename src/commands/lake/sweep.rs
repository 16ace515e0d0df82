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
    /// Whether a replaced file may hold rows of a purged connection.
    ///
    /// Then every replaced file of the shard is removed. Even a file without the purged connection may say
    /// something about its member, in rows of another connection of the same person. The times of the files
    /// are not compared with the time of the purge, since the clock may have been set back since.
    has_purge: bool,
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
        let is_purged = |past: &Past| {
            let of = past.add.as_ref().filter(|add| add.shard() == Some(shard));
            let of = of.and_then(Add::connections).unwrap_or_default();
            of.keys().any(|id| !known.contains(id))
        };
        Sweep {
            shard,
            replaced_before: now - i64::from(keep_days) * DAY,
            has_purge: logs.iter().flat_map(|log| log.past.values()).any(is_purged),
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
        let is_ours = add.shard() == Some(self.shard);
        *removed_at >= self.replaced_before
            && !(is_ours && self.has_purge)
            // A file of another tool may hold anybody's rows.
            && add.connections().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: i64 = 1_800_000_000_000;

    /// A log of files, each of a shard and a connection, that were all replaced just now.
    fn log(files: &[(&str, i64, i64)]) -> Log {
        let past = files.iter().enumerate().map(|(number, (shard, connection, written))| {
            let add = json!({
                "path": number.to_string(),
                "partitionValues": { "lake_shard": shard, "lake_plan": "acme" },
                "size": 1,
                "modificationTime": written,
                "dataChange": true,
                "tags": { "payersync.connections": json!({ (connection.to_string()): "x" }).to_string() },
            });
            (number.to_string(), json!({ "add": add, "removed_at": NOW }))
        });
        let past: serde_json::Map<String, serde_json::Value> = past.collect();
        serde_json::from_value(json!({
            "table": "claim", "next": 2, "newest": [], "protocol": null, "meta_data": null,
            "live": {}, "past": past, "txns": {}, "checkpointed": 0,
        }))
        .unwrap()
    }

    fn connection(id: i64) -> ConnectionRow {
        ConnectionRow {
            id,
            uid: String::new(),
            name: String::new(),
            plan: Some("acme".to_owned()),
            member: None,
            patient_id: None,
            scope: None,
            consented_at: None,
            token_generation: None,
            moving: None,
        }
    }

    #[test]
    fn a_purge_removes_replaced_files_whatever_the_clock_was_when_they_were_written() {
        let hours = |hours: i64| NOW + hours * DAY / 24;
        let logs = [
            log(&[("a", 1, hours(2)), ("a", 2, hours(-2)), ("b", 1, hours(-2))]),
            log(&[("a", 2, hours(2))]),
        ];
        let kept = |connections: &[ConnectionRow]| -> Vec<Vec<bool>> {
            let sweep = Sweep::new(&logs, "a", connections, NOW, 7);
            let of = |log: &Log| log.past.values().map(|past| sweep.keeps(past)).collect();
            logs.iter().map(of).collect()
        };
        assert_eq!(kept(&[connection(1), connection(2)]), [vec![true; 3], vec![true]]);
        // The shard of another home numbers its connections by itself.
        assert_eq!(kept(&[connection(2)]), [vec![false, false, true], vec![false]]);
    }
}
