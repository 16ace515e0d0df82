//! What has been told, kept in the home, so that the next night's process does not tell it again.
//!
//! It is a file of its own: a failing warehouse is one of the things to be told of. It holds no name:
//! a connection stands there as a hash of its random uid.

use crate::own_file;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

/// The file's name in the home.
pub(crate) const FILE_NAME: &str = "notify.json";

/// What each channel has been told.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    pub(super) channels: BTreeMap<String, Told>,
}

/// What one channel has been told.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    /// Per subject and exit code when it was last told (RFC 3339). A subject leaves with its recovery.
    pub(super) troubles: BTreeMap<String, BTreeMap<u8, String>>,
    /// Per connection the end of a consent.
    pub(super) consents: BTreeMap<String, ToldConsent>,
}

/// The end of a consent, as it was told.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ToldConsent {
    pub(super) ends_at: String,
    pub(super) told_at: String,
}

/// By what a connection is remembered.
pub(super) fn subject(uid: &str) -> String {
    let hash = Sha256::digest(uid.as_bytes());
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The memory, while nobody else changes it.
pub(super) struct Remembering {
    path: PathBuf,
    pub(super) memory: Memory,
    _lock: fs::File,
}

impl Remembering {
    /// Reads it; waits for a process that has it.
    ///
    /// # Errors
    /// The system's; the file is not of ours.
    pub(super) fn open(home: &Path) -> io::Result<Remembering> {
        let lock = own_file::open_or_create(&home.join("notify.lock"))?;
        lock.lock()?;
        let path = home.join(FILE_NAME);
        let memory = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Memory::default(),
            Err(error) => return Err(error),
        };
        Ok(Remembering { path, memory, _lock: lock })
    }

    /// Makes what has been told durable.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn save(&self) -> io::Result<()> {
        let bytes = serde_json::to_vec(&self.memory).map_err(io::Error::other)?;
        own_file::replace(&self.path, &bytes, 0o600)
    }
}
