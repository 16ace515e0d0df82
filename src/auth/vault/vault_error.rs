//! Why the vault cannot be used.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::auth::random::RandomError;

/// A vault that cannot be opened, read or written. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// A file cannot be read or written.
    #[error("cannot use {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file with secrets can be read by others than its owner.
    #[error("{0} can be read by others", path.display())]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a vault.
    #[error("{} is not a payersync vault; it was left as it is", path.display())]
    NotAVault {
        /// The file.
        path: PathBuf,
    },
    /// The vault was written by a newer version.
    #[error(
        "{} has schema {found} and this version knows up to {known}; it was left as it is",
        path.display()
    )]
    Newer {
        /// The vault.
        path: PathBuf,
        /// The schema version of the file.
        found: i64,
        /// The newest schema this version knows.
        known: i64,
    },
    /// The vault holds tokens, or the warehouse is encrypted, and the key is gone.
    #[error("{} is missing, and the vault here was encrypted with it", path.display())]
    MissingKey {
        /// Where the key should be.
        path: PathBuf,
    },
    /// Tokens are still there after they were removed: another process put them back.
    #[error("the tokens are still in the vault; is the member connecting again just now?")]
    NotRemoved,
    /// The key is not a key.
    #[error("{place} is not a vault key")]
    InvalidKey {
        /// Where the key comes from.
        place: String,
    },
    /// The key belongs to another vault.
    #[error("the key from {place} does not open the vault, which was made with another key")]
    WrongKey {
        /// Where the key comes from.
        place: String,
    },
    /// Something other than this program changed a row.
    #[error("the vault's {column} for connection {connection} is damaged")]
    Damaged {
        /// The connection's id.
        connection: String,
        /// The column.
        column: &'static str,
    },
    /// A token cannot be encrypted.
    #[error("the vault cannot encrypt")]
    Encrypt,
    /// SQLite's reason.
    #[error("cannot use the vault {}", path.display())]
    Sqlite {
        /// The vault.
        path: PathBuf,
        /// The reason.
        source: rusqlite::Error,
    },
    /// No key or nonce could be made.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The task that used the vault was stopped.
    #[error("the vault was not reached: the program is shutting down")]
    Stopped,
}

const FULL: &str = "free disk space and run again; the tokens on the disk are as they were";

fn is_full(kind: io::ErrorKind) -> bool {
    matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The error for SQLite's complaint about the vault's file.
pub(super) fn sqlite_error(path: &Path, source: rusqlite::Error) -> VaultError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => VaultError::NotAVault { path },
        _ => VaultError::Sqlite { path, source },
    }
}

impl VaultError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            VaultError::Io { source, .. } if is_full(source.kind()) => FULL.to_owned(),
            VaultError::Sqlite { source, .. } => match source.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => FULL.to_owned(),
                Some(ErrorCode::SystemIoFailure) => {
                    "the disk or its file system fails; look at the system's log, then run again"
                        .to_owned()
                }
                Some(ErrorCode::DatabaseCorrupt) => {
                    "move vault.db away and let every member consent again".to_owned()
                }
                _ => "check that the folder exists and that this user may write to it".to_owned(),
            },
            VaultError::Io { .. } => {
                "check that the folder exists and that this user may write to it".to_owned()
            }
            VaultError::ReadableByOthers { path } => format!("`chmod 600 {}`", path.display()),
            VaultError::NotAVault { .. } => {
                "move it away, or name another folder with --home".to_owned()
            }
            VaultError::Newer { .. } => "use the newer payersync that wrote it".to_owned(),
            VaultError::MissingKey { .. } | VaultError::WrongKey { .. } => {
                "restore the key, or name the place where it is (docs/vault-key.md); without the \
                 key, remove vault.db and let every member consent again"
                    .to_owned()
            }
            VaultError::InvalidKey { .. } => {
                "a key is 32 bytes in base64, as `openssl rand -base64 32` makes them".to_owned()
            }
            VaultError::Damaged { .. } => "`payersync connect` stores new tokens".to_owned(),
            VaultError::NotRemoved => "run the same `payersync purge` again".to_owned(),
            VaultError::Encrypt | VaultError::Random(_) | VaultError::Stopped => return None,
        })
    }
}
