//! A file in the home that remembers the logs of a lake.
//!
//! With it, a sync reads only the commits since the last sync. The file can be removed at any time.

use super::{log::Log, store::Store};
use crate::commands::{failure::Failure, home};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The file that remembers a lake's logs.
pub(super) struct Memory {
    /// The file's name after a completed sync.
    whole: PathBuf,
    /// The file's name during a sync, and after a sync that was killed.
    begun: PathBuf,
}

/// The content of the file.
pub(super) struct Remembered {
    /// The logs by table; empty if they cannot be read.
    pub(super) logs: BTreeMap<String, Log>,
    /// Whether the last sync was completed. If not, it may have left files that no log names.
    pub(super) is_whole: bool,
}

impl Memory {
    /// The file for this lake.
    pub(super) fn of(home: &Path, store: &Store) -> Memory {
        let hash = Sha256::digest(store.name());
        let name = base16ct::lower::encode_string(&hash[..8]);
        let file = |ending: &str| home.join(format!("lake.{name}.{ending}"));
        Memory { whole: file("json"), begun: file("begun.json") }
    }

    /// Reads what the last sync left, and marks that a sync has begun.
    pub(super) fn begin(&self) -> Remembered {
        let is_whole = fs::rename(&self.whole, &self.begun).is_ok();
        let logs: Option<Vec<Log>> =
            fs::read(&self.begun).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let is_whole = is_whole && logs.is_some();
        let logs = logs.unwrap_or_default();
        let logs = logs.into_iter().map(|log| (log.table.clone(), log)).collect();
        Remembered { logs, is_whole }
    }

    /// Writes the logs at the end of a completed sync.
    pub(super) fn end(&self, logs: &[Log]) -> Result<(), Failure> {
        let text = serde_json::to_string(logs)
            .map_err(|error| Failure::bug("logs cannot be written as JSON", error))?;
        home::write_private(&self.whole, &text)?;
        // If this fails, the next sync renames the newer file over the old one.
        let _ = fs::remove_file(&self.begun);
        Ok(())
    }
}
