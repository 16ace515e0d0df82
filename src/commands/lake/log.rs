//! A table's Delta log: what its commits came to, and one more commit.
//!
//! A commit is a file whose name is its number and which is made only if it is not there. Of two
//! writers one makes it; the other reads what it says and takes the next number.

use super::{
    action::{Action, Add, MetaData, Protocol},
    store::Store,
};
use crate::commands::failure::Failure;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// What payersync reads and writes: no feature that a reader may lack.
pub(super) const PROTOCOL: Protocol = Protocol { min_reader_version: 1, min_writer_version: 2 };

/// A table as its newest commit leaves it.
#[derive(Serialize, Deserialize)]
pub(super) struct Log {
    pub(super) table: String,
    /// The number of the next commit.
    next: u64,
    /// SHA-256 of the newest commit.
    newest: Vec<u8>,
    pub(super) protocol: Option<Protocol>,
    pub(super) meta_data: Option<MetaData>,
    /// The files of the table, by path.
    pub(super) live: BTreeMap<String, Add>,
    /// Files of earlier versions, by path.
    pub(super) past: BTreeMap<String, Past>,
}

/// A file of earlier versions.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Past {
    pub(super) add: Option<Add>,
    /// When it was removed, in milliseconds since 1970.
    pub(super) removed_at: i64,
}

/// What a plan of changes was made from: another commit that leaves it as it was is no conflict.
#[derive(PartialEq, Eq)]
struct Basis {
    files: Vec<String>,
    meta_data: Option<MetaData>,
    protocol: Option<Protocol>,
}

impl Log {
    /// Reads the commits of a table: all, or those behind what an earlier sync has read, if the lake
    /// still is the one that it read.
    ///
    /// # Errors
    /// The lake cannot be read, or the table needs a feature of Delta that payersync does not write.
    pub(super) fn read(store: &Store, table: &str, earlier: Option<Log>) -> Result<Log, Failure> {
        if let Some(mut log) = earlier.filter(|log| log.next > 0) {
            let newest = store.get(&log.name_of(log.next - 1))?;
            if newest.is_some_and(|bytes| Sha256::digest(&bytes).as_slice() == log.newest) {
                log.catch_up(store)?;
                return Ok(log);
            }
        }
        let mut log = Log {
            table: table.to_owned(),
            next: 0,
            newest: Vec::new(),
            protocol: None,
            meta_data: None,
            live: BTreeMap::new(),
            past: BTreeMap::new(),
        };
        log.catch_up(store)?;
        Ok(log)
    }

    /// The number of commits.
    pub(super) fn commits(&self) -> u64 {
        self.next
    }

    /// Its files that a home wrote.
    pub(super) fn files_of<'a>(&'a self, shard: &'a str) -> impl Iterator<Item = &'a Add> {
        self.live.values().filter(move |add| add.shard() == Some(shard))
    }

    /// Commits the actions, behind what others commit meanwhile. Returns false where one of those
    /// changed what the actions were made from: they have to be made anew.
    pub(super) fn commit(
        &mut self,
        store: &Store,
        shard: &str,
        actions: &[Action],
    ) -> Result<bool, Failure> {
        let body = Bytes::from(lines(actions)?);
        loop {
            let name = self.name_of(self.next);
            let is_ours = store.put_new(&name, body.clone())?
                // A request may have been answered and its answer lost. Each commit has a name of its
                // own, so that no other commit has these bytes.
                || store.get(&name)?.as_ref() == Some(&body);
            if is_ours {
                actions.iter().for_each(|action| self.apply(action.clone()));
                self.end_of(&body);
                return Ok(true);
            }
            let before = self.basis(shard);
            self.catch_up(store)?;
            if self.basis(shard) != before {
                return Ok(false);
            }
        }
    }

    fn basis(&self, shard: &str) -> Basis {
        Basis {
            files: self.files_of(shard).map(|add| add.path.clone()).collect(),
            meta_data: self.meta_data.clone(),
            protocol: self.protocol.clone(),
        }
    }

    fn name_of(&self, commit: u64) -> String {
        format!("{}/_delta_log/{commit:020}.json", self.table)
    }

    fn catch_up(&mut self, store: &Store) -> Result<(), Failure> {
        while let Some(bytes) = store.get(&self.name_of(self.next))? {
            for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let action = serde_json::from_slice(line).map_err(|error| {
                    let name = self.name_of(self.next);
                    Failure::usage(format!("cannot understand {name} of the lake"), error)
                })?;
                self.apply(action);
            }
            self.end_of(&bytes);
        }
        let is_known = self.protocol.as_ref().is_none_or(|protocol| *protocol == PROTOCOL);
        match is_known {
            true => Ok(()),
            false => Err(Failure::misuse(format!(
                "another tool has made the table {} of the lake one that payersync cannot write",
                self.table
            ))
            .hint("remove the table's folder; the next sync writes it anew")),
        }
    }

    fn end_of(&mut self, commit: &[u8]) {
        self.next += 1;
        self.newest = Sha256::digest(commit).to_vec();
    }

    fn apply(&mut self, action: Action) {
        if let Some(add) = action.add {
            self.past.remove(&add.path);
            self.live.insert(add.path.clone(), add);
        }
        if let Some(remove) = action.remove {
            let add = self.live.remove(&remove.path);
            let removed_at = remove.deletion_timestamp.unwrap_or_default();
            self.past.insert(remove.path, Past { add, removed_at });
        }
        self.meta_data = action.meta_data.or(self.meta_data.take());
        self.protocol = action.protocol.or(self.protocol.take());
    }
}

fn lines(actions: &[Action]) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    for action in actions {
        serde_json::to_writer(&mut bytes, action)
            .map_err(|error| Failure::bug("a commit cannot be written", error))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}
