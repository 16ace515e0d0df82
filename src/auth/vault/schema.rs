//! The vault's schema, and how a file is recognised as a vault.

use std::path::Path;

use rusqlite::Connection;

use super::vault_error::sqlite_error;
use crate::auth::VaultError;

/// Marks a SQLite file as a vault: "pyvt".
const APPLICATION_ID: i64 = 0x7079_7674;
/// The newest schema this version knows.
pub(super) const SCHEMA: i64 = 2;

const CREATE: &str = "
    CREATE TABLE check_value (id INTEGER PRIMARY KEY CHECK (id = 1), sealed BLOB NOT NULL) STRICT;
    CREATE TABLE stored_grant (
        connection_uid   TEXT PRIMARY KEY,
        plan             TEXT NOT NULL,
        name             TEXT NOT NULL,
        fhir_origin      TEXT NOT NULL,
        token_origin     TEXT NOT NULL,
        access           BLOB NOT NULL,
        refresh          BLOB,
        patient          BLOB,
        scope            TEXT,
        expires_at       TEXT,
        refreshed_at     TEXT NOT NULL,
        refresh_begun_at TEXT,
        consent_reason   TEXT,
        consent_since    TEXT,
        generation       INTEGER NOT NULL,
        seal             BLOB
    ) STRICT, WITHOUT ROWID;";

/// The schema version of the file; `None` if the file is empty.
///
/// # Errors
/// The file is not a vault, or a newer version wrote it.
pub(crate) fn schema(connection: &Connection, path: &Path) -> Result<Option<i64>, VaultError> {
    let number = |pragma: &str| {
        connection
            .query_row(pragma, [], |row| row.get::<_, i64>(0))
            .map_err(|source| sqlite_error(path, source))
    };
    let found = number("PRAGMA user_version")?;
    let application_id = number("PRAGMA application_id")?;
    let objects = number("SELECT count(*) FROM sqlite_schema")?;
    let path = path.to_owned();
    match (application_id, found) {
        (0, 0) if objects == 0 => Ok(None),
        (APPLICATION_ID, 1..=SCHEMA) => Ok(Some(found)),
        (APPLICATION_ID, _) => Err(VaultError::Newer { path, found, known: SCHEMA }),
        _ => Err(VaultError::NotAVault { path }),
    }
}

pub(super) fn create_schema(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(CREATE)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    transaction.commit()
}
