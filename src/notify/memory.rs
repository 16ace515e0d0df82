//! Remembers in the home which messages were sent, so that the next night's process does not repeat them.
//!
//! The memory is a file outside the warehouse, since a failing warehouse is one of the things to report. The
//! file holds no names: a connection appears as a hash of its random uid.
//!
//! On a full disk a message may be sent that cannot be remembered. Even then a file can be shortened. So
//! the file ends with two line breaks, and one of them is removed to remember such a message.

use crate::{clock, exit_code::ExitCode, own_file};
use chrono::{DateTime, Utc};
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

/// The messages that one channel has received.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    /// For each subject and exit code, when it was last told (RFC 3339). A recovery removes the subject.
    pub(super) troubles: BTreeMap<String, BTreeMap<u8, String>>,
    /// For each connection, the end of its consent.
    pub(super) consents: BTreeMap<String, ToldConsent>,
}

impl Told {
    /// Assumes that the channel was told, at the instant `at`, that a run failed because it could not write.
    pub(super) fn assume_failed(&mut self, at: DateTime<Utc>) {
        let codes = self.troubles.entry("run".to_owned()).or_default();
        codes.entry(ExitCode::Warehouse as u8).or_insert_with(|| clock::text(at));
    }
}

/// A message about the end of a consent.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ToldConsent {
    pub(super) ends_at: String,
    pub(super) told_at: String,
}

/// The key under which a connection is remembered.
pub(super) fn subject(uid: &str) -> String {
    base16ct::lower::encode_string(&Sha256::digest(uid.as_bytes())[..8])
}

/// The open memory, with a lock so that no other process changes it.
pub(super) struct Remembering {
    path: PathBuf,
    pub(super) memory: Memory,
    /// When a message was sent that could not be remembered.
    pub(super) forgot_at: Option<DateTime<Utc>>,
    _lock: fs::File,
}

impl Remembering {
    /// Reads the memory; waits while another process has it open.
    ///
    /// # Errors
    /// An error of the system, or the file cannot be parsed.
    pub(super) fn open(home: &Path) -> io::Result<Remembering> {
        let lock = own_file::open_or_create(&home.join("notify.lock"))?;
        lock.lock()?;
        let path = home.join(FILE_NAME);
        let mut it = Remembering { path, memory: Memory::default(), forgot_at: None, _lock: lock };
        match fs::read(&it.path) {
            Ok(bytes) => {
                it.memory = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
                if is_short(&bytes) {
                    it.forgot_at = Some(fs::metadata(&it.path)?.modified()?.into());
                }
            }
            // The file is created now, so that a night on a full disk can shorten it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let _ = it.save();
            }
            Err(error) => return Err(error),
        }
        Ok(it)
    }

    /// Saves the memory durably.
    ///
    /// # Errors
    /// An error of the system.
    pub(super) fn save(&self) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(&self.memory).map_err(io::Error::other)?;
        bytes.extend(WHOLE);
        own_file::replace(&self.path, &bytes, 0o600)
    }

    /// Notes that a message was sent at `now` and cannot be remembered.
    ///
    /// # Errors
    /// An error of the system.
    pub(super) fn forget(&self, now: DateTime<Utc>) -> io::Result<()> {
        let bytes = fs::read(&self.path)?;
        let file = fs::OpenOptions::new().write(true).open(&self.path)?;
        if bytes.ends_with(WHOLE) {
            file.set_len(bytes.len() as u64 - 1)?;
        }
        file.set_modified(now.into())
    }
}

/// How the file ends if every message was remembered.
const WHOLE: &[u8] = b"\n\n";

/// Whether one line break is missing at the end.
fn is_short(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\n") && !bytes.ends_with(WHOLE)
}
