//! One refresh of a connection at a time, on this machine.
//!
//! A rotating refresh token works once, and a plan revokes the whole grant when it sees a spent token.
//! So two processes must never send the same token.

use std::collections::HashMap;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::OwnedMutexGuard;
use tokio::time::sleep;

use crate::auth::{VaultError, vault::private_file};

/// How long to wait for another process: longer than any refresh takes with all its retries.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
const PAUSE: Duration = Duration::from_millis(50);

/// The locks of all connections of a home.
#[derive(Default)]
pub(super) struct RefreshLocks {
    home: PathBuf,
    turns: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// The right to refresh one connection, until dropped.
pub struct RefreshTurn {
    // Dropped first: the next task in this process then finds the file's lock free.
    _file: File,
    _turn: OwnedMutexGuard<()>,
}

/// Waits for the turn to refresh a connection of a home; `None` if another process holds it too long.
///
/// # Errors
/// The lock's file cannot be used.
pub async fn refresh_turn(home: &Path, uid: &str) -> Result<Option<RefreshTurn>, VaultError> {
    RefreshLocks::new(home).acquire(uid).await
}

impl RefreshLocks {
    pub(crate) fn new(home: &Path) -> Self {
        Self { home: home.to_owned(), turns: Mutex::default() }
    }

    /// Waits for the turn of connection `uid`; `None` if another process holds it too long.
    pub(crate) async fn acquire(&self, uid: &str) -> Result<Option<RefreshTurn>, VaultError> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(uid.to_owned()).or_default())
        };
        let turn = turn.lock_owned().await;

        let dir = private_file::locks_dir(&self.home);
        private_file::create_dir(&dir)?;
        let path = dir.join(format!("{}.lock", file_name(uid)));
        let file = private_file::open_lock(&path)?;
        // The lock is polled, since a thread that blocks on it could not be cancelled.
        let mut waited = Duration::ZERO;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Some(RefreshTurn { _file: file, _turn: turn })),
                Err(TryLockError::WouldBlock) if waited < PATIENCE => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(source)) => return Err(private_file::at(&path)(source)),
            }
            sleep(PAUSE).await;
            waited += PAUSE;
        }
    }
}

/// The id itself if it is safe as a file name, else its hash.
pub(crate) fn file_name(uid: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !uid.is_empty() && uid.len() <= 64 && uid.chars().all(is_plain) {
        return uid.to_owned();
    }
    base16ct::lower::encode_string(&Sha256::digest(uid.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_leads_out_of_the_folder() {
        assert_eq!(file_name("c-12_ab"), "c-12_ab");
        for uid in ["../x", "a/b", "", ".", &"x".repeat(65)] {
            assert_eq!(file_name(uid).len(), 64, "{uid}");
        }
    }

    #[tokio::test]
    async fn a_turn_is_held_by_one_and_given_back_when_dropped() {
        let home = tempfile::tempdir().unwrap();
        // Two sets of locks stand for two processes.
        let (one, two) = (RefreshLocks::new(home.path()), RefreshLocks::new(home.path()));
        let turn = one.acquire("c1").await.unwrap();
        for locks in [&one, &two] {
            let wait = tokio::time::timeout(Duration::from_millis(20), locks.acquire("c1"));
            assert!(wait.await.is_err());
        }
        assert!(two.acquire("c2").await.unwrap().is_some());
        drop(turn);
        assert!(two.acquire("c1").await.unwrap().is_some());
    }
}
