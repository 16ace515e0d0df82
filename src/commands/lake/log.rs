//! A table's Delta log: reads the result of its commits, and adds a commit.
//!
//! A commit is a file named by its number, which is created only if it does not exist yet. If two writers try
//! the same number, one creates the file; the other reads that commit and takes the next number.

use super::{
    action::{Action, Add, MetaData, Protocol, Remove, Txn},
    checkpoint,
    store::Store,
};
use crate::commands::failure::Failure;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The protocol version that payersync reads and writes; every reader supports it.
pub(super) const PROTOCOL: Protocol = Protocol { min_reader_version: 1, min_writer_version: 2 };

/// The number of commits after which a new checkpoint is written; the same as Delta's default.
const CHECKPOINT_EVERY: u64 = 10;

/// The state of a table after its newest commit.
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
    /// The files of earlier versions, by path.
    pub(super) past: BTreeMap<String, Past>,
    /// The newest `txn` of each writer.
    txns: BTreeMap<String, Txn>,
    /// The number of commits that are in the newest checkpoint.
    checkpointed: u64,
}

/// The file that tells readers where the newest checkpoint is.
#[derive(Serialize, Deserialize)]
struct LastCheckpoint {
    version: u64,
    /// The number of actions in the checkpoint.
    size: usize,
}

/// A file that belongs only to earlier versions of the table.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Past {
    pub(super) add: Option<Add>,
    /// When the file was removed, in milliseconds since 1970.
    pub(super) removed_at: i64,
}

/// The state that a list of actions is based on. A commit of another writer that leaves this state unchanged
/// is not a conflict.
#[derive(PartialEq, Eq)]
struct Basis {
    files: Vec<String>,
    meta_data: Option<MetaData>,
    protocol: Option<Protocol>,
}

impl Log {
    /// Reads the commits of a table.
    ///
    /// Only the commits after those of `earlier` are read, if the lake still has the newest commit of
    /// `earlier`.
    ///
    /// # Errors
    /// The lake cannot be read, or the table needs a feature of Delta that payersync does not support.
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
            txns: BTreeMap::new(),
            checkpointed: 0,
        };
        log.catch_up(store)?;
        let is_begun =
            log.next == 0 && !store.list(&format!("{table}/_delta_log"))?.files.is_empty();
        if is_begun {
            // Another home has begun the table meanwhile.
            log.catch_up(store)?;
        }
        if is_begun && log.next == 0 {
            return Err(Failure::misuse(format!(
                "the first commits of the table {table} of the lake are missing"
            ))
            .hint(
                "another tool has shortened its log; remove the table's folder, and the next sync \
                writes it anew",
            ));
        }
        if log.next >= CHECKPOINT_EVERY {
            let told = store.get(&log.last_checkpoint())?;
            let told: Option<LastCheckpoint> =
                told.and_then(|bytes| serde_json::from_slice(&bytes).ok());
            log.checkpointed = told.map_or(0, |told| told.version + 1);
        }
        Ok(log)
    }

    /// Writes a checkpoint for readers, if there are enough new commits.
    ///
    /// # Errors
    /// The lake cannot be written. All commits are in the lake already, and the next sync tries again.
    pub(super) fn checkpoint(&mut self, store: &Store) -> Result<(), Failure> {
        if self.next < self.checkpointed + CHECKPOINT_EVERY {
            return Ok(());
        }
        let version = self.next - 1;
        let actions = self.actions();
        let name = format!("{}/_delta_log/{version:020}.checkpoint.parquet", self.table);
        store.put(&name, checkpoint::file_of(&actions)?)?;
        // Written last, since it points to the checkpoint's file.
        let last = LastCheckpoint { version, size: actions.len() };
        let last = serde_json::to_vec(&last)
            .map_err(|error| Failure::bug("a checkpoint cannot be named", error))?;
        store.put(&self.last_checkpoint(), Bytes::from(last))?;
        self.checkpointed = self.next;
        Ok(())
    }

    fn last_checkpoint(&self) -> String {
        format!("{}/_delta_log/_last_checkpoint", self.table)
    }

    /// The actions that describe the result of all commits.
    fn actions(&self) -> Vec<Action> {
        let mut actions = vec![
            Action { protocol: self.protocol.clone(), ..Action::default() },
            Action { meta_data: self.meta_data.clone(), ..Action::default() },
        ];
        let txns = self.txns.values().cloned();
        actions.extend(txns.map(|txn| Action { txn: Some(txn), ..Action::default() }));
        let live = self.live.values().cloned();
        let live = live.map(|add| Add { data_change: false, ..add });
        actions.extend(live.map(|add| Action { add: Some(add), ..Action::default() }));
        let past = self.past.iter().map(|(path, past)| Remove {
            path: path.clone(),
            deletion_timestamp: Some(past.removed_at),
            data_change: false,
            extended_file_metadata: Some(past.add.is_some()),
            partition_values: past.add.as_ref().map(|add| add.partition_values.clone()),
            size: past.add.as_ref().map(|add| add.size),
        });
        actions.extend(past.map(|remove| Action { remove: Some(remove), ..Action::default() }));
        actions
    }

    /// The number of commits.
    pub(super) fn commits(&self) -> u64 {
        self.next
    }

    /// The table's files that the home of this shard wrote.
    pub(super) fn files_of<'a>(&'a self, shard: &'a str) -> impl Iterator<Item = &'a Add> {
        self.live.values().filter(move |add| add.shard() == Some(shard))
    }

    /// Commits the actions, after any commits that others have made meanwhile.
    ///
    /// Returns false if such a commit changed the state that the actions are based on; then the actions must
    /// be made anew.
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
                // The file may exist because the store's answer to an earlier attempt was lost. Each commit
                // has a random `txnId`, so no other commit has the same bytes.
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
        if let Some(txn) = action.txn {
            self.txns.insert(txn.app_id.clone(), txn);
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
