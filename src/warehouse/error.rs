//! What can go wrong with the warehouse, in words that say what to do.

use super::file::{no_locks, seal_error::SealError};
use crate::own_file::Distrust;
use rusqlite::ErrorCode;
use std::{error::Error, io, path::PathBuf};

/// A failure of the warehouse. It never contains a stored value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WarehouseError {
    /// The file cannot be opened or created.
    #[error("cannot open the warehouse {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// The error of SQLite or the system.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is not a SQLite database. It was not touched.
    #[error("{} is not a SQLite database; it was left as it is", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// A connection cannot move: it has rows in a table of the user's own that the other home lacks.
    #[error("table {table} has rows of the connection, and the other home has no such table")]
    NotThere {
        /// The table.
        table: String,
    },
    /// The warehouse is encrypted, with another key than the vault's. It was not touched.
    #[error("{} does not open with the vault's key; it was left as it is", path.display())]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// The warehouse is not encrypted, and this build encrypts. It was not touched.
    #[error("{} is not encrypted, but this build needs it to be; it was left as it is", path.display())]
    InClear {
        /// The file.
        path: PathBuf,
    },
    /// The warehouse is encrypted, and this build has no encryption. It was not touched.
    #[error("the warehouse in {} is encrypted, and this build of payersync cannot open it", path.display())]
    NeedsEncryption {
        /// The file.
        path: PathBuf,
    },
    /// A query's statement has a parameter without a value, or a value has no parameter.
    #[error("{}", match is_given {
        true => format!("the statement has no parameter {name}"),
        false => format!("the statement's parameter {name} has no value"),
    })]
    Parameter {
        /// The parameter.
        name: String,
        /// True if a value was given and the statement lacks the parameter; false for the reverse.
        is_given: bool,
    },
    /// A newer payersync wrote the warehouse. It was not touched.
    #[error(
        "{} has schema version {found}, this payersync knows {known}; it was left as it is",
        path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The version found in the file.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// An older payersync wrote the warehouse, and nothing has brought it up to date yet.
    #[error("{} has the tables of an older payersync", path.display())]
    OlderSchema {
        /// The file.
        path: PathBuf,
    },
    /// There is no warehouse yet.
    #[error("there is no warehouse at {}", path.display())]
    Missing {
        /// The path that was looked at.
        path: PathBuf,
    },
    /// The file that would be written exists already; nothing is overwritten.
    #[error("{} exists; it was left as it is", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The file is a database, but payersync did not make it.
    #[error("{} is not a copy of a warehouse", path.display())]
    NotAWarehouse {
        /// The file.
        path: PathBuf,
    },
    /// A copy cannot be written or named.
    #[error("cannot write {}", path.display())]
    Copy {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// A copy has triggers or views that payersync did not make.
    #[error("{} has triggers or views that payersync did not make: {}", path.display(), names.join(", "))]
    Strangers {
        /// The copy.
        path: PathBuf,
        /// Kind and name of each trigger and view.
        names: Vec<String>,
    },
    /// A copy would be in a folder where other users could replace it.
    #[error(transparent)]
    Distrusted(Distrust),
    /// A copy cannot be encrypted or decrypted.
    #[error(transparent)]
    Seal(SealError),
    /// The copy is damaged and was removed.
    #[error("the copy is damaged (problems found: {problems}) and was removed")]
    UnsoundCopy {
        /// How many problems SQLite found.
        problems: u64,
    },
    /// Another program reads the warehouse, so its journal cannot be emptied.
    #[error("another program keeps {} open; bytes of removed rows may still be in it", path.display())]
    KeptOpen {
        /// The file.
        path: PathBuf,
    },
    /// The warehouse was read without locks, because the file system gives none, and was written
    /// meanwhile.
    #[error("{} was written to while it was read without locks, so the answer may be wrong", path.display())]
    WrittenMeanwhile {
        /// The file.
        path: PathBuf,
    },
    /// A migration failed; it was rolled back.
    #[error("cannot bring the warehouse's tables up to date")]
    Migrate(#[source] Box<refinery::Error>),
    /// SQLite refused a statement.
    #[error("{doing}")]
    Sqlite {
        /// The work that failed, in words.
        doing: &'static str,
        /// SQLite's words.
        source: rusqlite::Error,
    },
    /// A ViewDefinition cannot become a table.
    #[error("view {view} cannot be a table: {reason}")]
    Table {
        /// The view's name.
        view: String,
        /// Why.
        reason: String,
    },
    /// A table cannot be filled again, because a stored resource no longer becomes rows.
    #[error("cannot rebuild table {table}")]
    Rebuild {
        /// The table.
        table: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The state at an instant was asked for, but the versions of that time have been pruned.
    #[error(
        "versions that ended before {pruned_to} have been pruned, so the state of that time \
             is unknown"
    )]
    Pruned {
        /// From this instant on the past is known (RFC 3339).
        pruned_to: String,
    },
    /// The system has no thread for the writer.
    #[error("the system gives this process no more threads")]
    Thread(#[source] std::io::Error),
    /// The writer thread is gone: an earlier failure or a bug.
    #[error("the warehouse's writer has stopped")]
    WriterStopped,
}

/// The hint for a process that has reached a limit of the system: files, threads or memory.
pub(crate) const RAISE_LIMITS: &str =
    "raise the limits (`ulimit -n`, `ulimit -u`, `ulimit -v`, TasksMax)";

impl WarehouseError {
    /// What a person can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        self.disk_hint().or_else(|| self.own_hint())
    }

    /// Whether the file or the disk fails, as opposed to the statement.
    pub fn is_of_the_file(&self) -> bool {
        use ErrorCode::{CannotOpen, DatabaseCorrupt, DiskFull, NotADatabase, SystemIoFailure};
        let WarehouseError::Sqlite { source, .. } = self else {
            return !matches!(self, WarehouseError::Parameter { .. });
        };
        matches!(
            source.sqlite_error_code(),
            Some(CannotOpen | DatabaseCorrupt | DiskFull | NotADatabase | SystemIoFailure)
        )
    }

    /// SQLite's reason for refusing a statement, without the text of the statement.
    pub fn words(&self) -> Option<String> {
        use ErrorCode::{AuthorizationForStatementDenied, ReadOnly};
        let WarehouseError::Sqlite { source, .. } = self else { return None };
        Some(match (source, source.sqlite_error_code()) {
            (_, Some(ReadOnly)) => "the statement writes, and a query only reads".to_owned(),
            (_, Some(AuthorizationForStatementDenied)) => {
                "this statement is not allowed in a query".to_owned()
            }
            (rusqlite::Error::SqlInputError { msg, .. }, _) => msg.clone(),
            (rusqlite::Error::MultipleStatement, _) => "a query is one statement".to_owned(),
            // SQLite gets no statement if the text has nothing but comments.
            (_, Some(ErrorCode::ApiMisuse)) => "the query has no statement".to_owned(),
            (source, _) => source.to_string(),
        })
    }

    /// Whether the statement names a table or a column that does not exist.
    pub fn is_of_a_name(&self) -> bool {
        let words = self.words().unwrap_or_default();
        ["no such table: ", "no such column: "].iter().any(|begin| words.contains(begin))
    }

    /// A hint for a statement that is valid SQL and still not allowed as a query.
    pub fn query_hint(&self) -> Option<&'static str> {
        use ErrorCode::{AuthorizationForStatementDenied, ReadOnly};
        let WarehouseError::Sqlite { source, .. } = self else { return None };
        match (source, source.sqlite_error_code()) {
            (rusqlite::Error::MultipleStatement, _) => {
                Some("`payersync query` takes one statement, without a second after the `;`")
            }
            (_, Some(ReadOnly | AuthorizationForStatementDenied)) => {
                Some("`payersync query` takes a SELECT")
            }
            _ => None,
        }
    }

    fn own_hint(&self) -> Option<&'static str> {
        match self {
            WarehouseError::NotADatabase { .. } => Some(
                "an encrypted warehouse opens only in a build with --features encryption; if the file is not a warehouse, move it away, or name another folder with --home",
            ),
            WarehouseError::NotThere { .. } => Some(
                "create the table in the other home, or delete the connection's rows from the \
                 table here; nothing was moved",
            ),
            WarehouseError::WrongKey { .. } => Some(
                "put back the key that the file was made with; if the key is the right one, the \
                 file is damaged or is not a warehouse",
            ),
            WarehouseError::InClear { .. } => Some(
                "back the warehouse up with the build that made it, move warehouse.db away, and `payersync restore` the backup with this build",
            ),
            WarehouseError::NeedsEncryption { .. } => {
                Some("restore it with a build that encrypts (--features encryption)")
            }
            WarehouseError::Thread(_) => Some(RAISE_LIMITS),
            WarehouseError::Pruned { .. } => {
                Some("ask for a later instant: [warehouse] keeps versions for keep_versions_days")
            }
            WarehouseError::OlderSchema { .. } => {
                Some("`payersync sync` or `payersync rebuild` brings it up to date; then ask again")
            }
            WarehouseError::NewerSchema { .. } => Some("use the newer payersync that wrote it"),
            WarehouseError::Missing { .. } => Some(
                "`payersync init`, `connect` and `sync` make it; `payersync demo` shows the whole job",
            ),
            WarehouseError::Exists { .. } => Some("name another file, or move this one away"),
            WarehouseError::NotAWarehouse { .. } => {
                Some("name a file that `payersync backup` wrote")
            }
            WarehouseError::Copy { .. } => {
                Some("check that the folder exists, is writable and has room for the copy")
            }
            WarehouseError::Strangers { .. } => Some(
                "if you made them yourself, remove them from a copy of the backup and restore the copy; if not, take another backup",
            ),
            WarehouseError::Distrusted(_) => Some(
                "back up into a folder that is yours and that nobody else can write to, or with --encrypt",
            ),
            WarehouseError::Seal(error) => Some(error.hint()),
            WarehouseError::UnsoundCopy { .. } => {
                Some("`payersync verify` tells what is damaged; keep the backups that you have")
            }
            WarehouseError::WrittenMeanwhile { .. } => {
                Some("run it again, or where the folder can be written")
            }
            WarehouseError::KeptOpen { .. } => {
                Some("close what has the warehouse open, then `payersync purge --finish`")
            }
            WarehouseError::Open { .. } => {
                Some("check that the folder exists and that this user may write to it")
            }
            _ => None,
        }
    }

    /// Whether the file or its folder can be read but not written.
    pub fn is_closed_to_writing(&self) -> bool {
        use ErrorCode::{CannotOpen, DiskFull, ReadOnly};
        matches!(self.sqlite_code(), Some(CannotOpen | DiskFull | ReadOnly))
    }

    /// Whether opening failed for a reason that reading without locks may get around.
    pub(super) fn is_of_the_disk(&self) -> bool {
        use ErrorCode::{CannotOpen, DiskFull, PermissionDenied, ReadOnly, SystemIoFailure};
        matches!(
            self.sqlite_code(),
            Some(CannotOpen | DiskFull | PermissionDenied | ReadOnly | SystemIoFailure)
        )
    }

    fn sqlite_code(&self) -> Option<ErrorCode> {
        match self {
            WarehouseError::Sqlite { source, .. } => source.sqlite_error_code(),
            WarehouseError::Open { source, .. } => {
                source.downcast_ref::<rusqlite::Error>()?.sqlite_error_code()
            }
            _ => None,
        }
    }

    /// The hint for a failing disk, if any error in the chain of causes comes from the disk.
    fn disk_hint(&self) -> Option<&'static str> {
        let mut cause: Option<&(dyn Error + 'static)> = Some(self);
        while let Some(error) = cause {
            let hint = if let Some(error) = error.downcast_ref::<io::Error>() {
                hint_for_io(error.kind())
            } else if let Some(error) = error.downcast_ref::<rusqlite::Error>() {
                error.sqlite_error_code().and_then(hint_for_sqlite)
            } else {
                None
            };
            if hint.is_some() {
                return hint;
            }
            cause = error.source();
        }
        None
    }
}

const FULL: &str =
    "free disk space and run again; pages already committed are kept and the run goes on there";
const TOO_LARGE: &str =
    "raise the limit on the size of a file (`ulimit -f`) and run again; what was committed is kept";
const READ_ONLY: &str = "make the folder writable";

fn hint_for_io(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Some(FULL),
        io::ErrorKind::FileTooLarge => Some(TOO_LARGE),
        io::ErrorKind::ReadOnlyFilesystem => Some(READ_ONLY),
        _ => None,
    }
}

fn hint_for_sqlite(code: ErrorCode) -> Option<&'static str> {
    match code {
        ErrorCode::DiskFull => Some(FULL),
        ErrorCode::ReadOnly => Some(READ_ONLY),
        // SQLite does not pass on the system's reason.
        ErrorCode::CannotOpen => Some(
            "check that the folder exists, that this user may write to it and that the disk has room",
        ),
        ErrorCode::SystemIoFailure => Some(
            "the disk is full, a limit on the size of a file (`ulimit -f`) is reached, or the disk or \
             its file system fails; look at the system's log, then run again: what was committed is \
             kept",
        ),
        ErrorCode::DatabaseCorrupt => {
            Some("restore the last backup, and check the warehouse with `payersync verify`")
        }
        ErrorCode::DatabaseBusy if no_locks::is_noted() => Some(
            "the file system gives no locks: move the home to a disk of this machine, or mend the \
             network drive's lock service",
        ),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            Some("another program writes to the warehouse; close it and run again")
        }
        _ => None,
    }
}

/// Adds to an error of SQLite the work that failed.
pub(crate) trait Doing<T> {
    /// Names the work for the error's text.
    fn doing(self, doing: &'static str) -> Result<T, WarehouseError>;
}

impl<T> Doing<T> for Result<T, rusqlite::Error> {
    fn doing(self, doing: &'static str) -> Result<T, WarehouseError> {
        self.map_err(|source| WarehouseError::Sqlite { doing, source })
    }
}
