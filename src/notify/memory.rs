//! What has been told, kept in the home, so that the next night's process does not tell it again.
//!
//! It is a file of its own: a failing warehouse is one of the things to be told of. It holds no name:
//! a connection stands there as a hash of its random uid.
//!
//! On a full disk a message may be sent that cannot be remembered. A file can still be shortened then, so
//! the file ends with two line breaks, of which such a message takes one.

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

/// What one channel has been told.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Told {
    /// Per subject and exit code when it was last told (RFC 3339). A subject leaves with its recovery.
    pub(super) troubles: BTreeMap<String, BTreeMap<u8, String>>,
    /// Per connection the end of a consent.
    pub(super) consents: BTreeMap<String, ToldConsent>,
}

impl Told {
    /// Takes it that the failure of a run that could write nothing was told at `at`.
    pub(super) fn assume_failed(&mut self, at: DateTime<Utc>) {
        let codes = self.troubles.entry("run".to_owned()).or_default();
        codes.entry(ExitCode::Warehouse as u8).or_insert_with(|| clock::text(at));
    }
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
    base16ct::lower::encode_string(&Sha256::digest(uid.as_bytes())[..8])
}

/// The memory, while nobody else changes it.
pub(super) struct Remembering {
    path: PathBuf,
    pub(super) memory: Memory,
    /// When a message was sent that could not be remembered.
    pub(super) forgot_at: Option<DateTime<Utc>>,
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
        let mut it = Remembering { path, memory: Memory::default(), forgot_at: None, _lock: lock };
        match fs::read(&it.path) {
            Ok(bytes) => {
                it.memory = serde_json::from_slice(&bytes).map_err(io::Error::other)?;
                if is_short(&bytes) {
                    it.forgot_at = Some(fs::metadata(&it.path)?.modified()?.into());
                }
            }
            // There from now on, so that a night on a full disk can shorten it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let _ = it.save();
            }
            Err(error) => return Err(error),
        }
        Ok(it)
    }

    /// Makes what has been told durable.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn save(&self) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(&self.memory).map_err(io::Error::other)?;
        bytes.extend(WHOLE);
        own_file::replace(&self.path, &bytes, 0o600)
    }

    /// Notes that a message was sent at `now` and cannot be remembered.
    ///
    /// # Errors
    /// The system's.
    pub(super) fn forget(&self, now: DateTime<Utc>) -> io::Result<()> {
        let bytes = fs::read(&self.path)?;
        let file = fs::OpenOptions::new().write(true).open(&self.path)?;
        if bytes.ends_with(WHOLE) {
            file.set_len(bytes.len() as u64 - 1)?;
        }
        file.set_modified(now.into())
    }
}

/// The end of the file.
const WHOLE: &[u8] = b"\n\n";

/// Whether a line break is missing at the end.
fn is_short(bytes: &[u8]) -> bool {
    bytes.ends_with(b"\n") && !bytes.ends_with(WHOLE)
}
