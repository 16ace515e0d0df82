//! The vault: tokens, encrypted, in a SQLite file of their own.
//!
//! What is written is on disk when the call returns. The vault never holds anything but grants,
//! is never part of a backup, and never opens with a key other than its own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, OptionalExtension as _, ToSql, TransactionBehavior,
    named_params,
};
use secrecy::SecretString;

use super::vault_cipher::Cipher;
use super::vault_row::{self, SealedRow, write_instant};
use super::{StoredGrant, VaultError, private_file, vault_key};

/// Marks a SQLite file as a vault: "pyvt".
const APPLICATION_ID: i64 = 0x7079_7674;
/// The newest schema this version knows.
const SCHEMA: i64 = 1;
/// What the check value decrypts to with the right key.
const CHECK: &[u8] = b"payersync vault";
const CHECK_PLACE: &[u8] = b"check";
/// How long another process's write is waited for: a token that cannot be stored is a lost consent.
const BUSY: std::time::Duration = std::time::Duration::from_secs(30);

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
        generation       INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;";

/// A consent. The first generation is its instant, so that it differs from any the connection
/// had before it was removed and connected again.
const PUT: &str = "
    INSERT INTO stored_grant (connection_uid, plan, name, fhir_origin, token_origin, access,
        refresh, patient, scope, expires_at, refreshed_at, generation)
    VALUES (:uid, :plan, :name, :fhir_origin, :token_origin, :access,
        :refresh, :patient, :scope, :expires_at, :refreshed_at, :first_generation)
    ON CONFLICT DO UPDATE SET
        plan = excluded.plan, name = excluded.name, fhir_origin = excluded.fhir_origin,
        token_origin = excluded.token_origin, access = excluded.access,
        refresh = excluded.refresh, patient = excluded.patient, scope = excluded.scope,
        expires_at = excluded.expires_at, refreshed_at = excluded.refreshed_at,
        refresh_begun_at = NULL, consent_reason = NULL, consent_since = NULL,
        generation = max(generation + 1, excluded.generation)";

/// A refresh. Never an insert: what was removed meanwhile stays removed.
const REPLACE: &str = "
    UPDATE stored_grant SET access = :access, refresh = :refresh, patient = :patient,
        scope = :scope, expires_at = :expires_at, refreshed_at = :refreshed_at,
        refresh_begun_at = NULL, generation = generation + 1
    WHERE connection_uid = :uid AND generation = :generation";

/// The tokens of all connections. Clones share one open file.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    path: PathBuf,
    cipher: Cipher,
    connection: Mutex<Connection>,
}

impl Vault {
    /// Opens `vault.db` in `home`, and creates it, with its key, on first use.
    ///
    /// `key` is 32 bytes in base64 (`PAYERSYNC_VAULT_KEY`); without it the key is `vault.key` in
    /// `home`.
    ///
    /// # Errors
    ///
    /// See [`VaultError`]; whatever the reason, existing files are left as they are.
    pub fn open(home: &Path, key: Option<SecretString>) -> Result<Self, VaultError> {
        let _lock = private_file::lock_vault(home)?;

        let path = home.join("vault.db");
        if path.exists() {
            private_file::require_private(&path)?;
        } else {
            // Before SQLite does it, which would leave the mode to the umask.
            private_file::create_new(&path)?;
            private_file::sync_dir(home)?;
        }
        let failed = |source| sqlite_error(&path, source);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        // The lock before the first look: what was read cannot change before it is written.
        connection.set_transaction_behavior(TransactionBehavior::Immediate);

        let is_new = is_new(&connection, &path)?;
        let holds_tokens = !is_new
            && connection
                .query_row("SELECT EXISTS (SELECT 1 FROM stored_grant)", [], |row| row.get(0))
                .map_err(failed)?;
        let found = vault_key::find(home, key.as_ref(), !holds_tokens)?;
        let cipher = Cipher::new(&found.key);
        // Every commit durable, journal included; deleted tokens overwritten.
        connection
            .execute_batch(
                "PRAGMA journal_mode = DELETE; PRAGMA synchronous = EXTRA;
                 PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF;
                 PRAGMA temp_store = MEMORY;",
            )
            .map_err(failed)?;
        if is_new {
            create_schema(&mut connection).map_err(failed)?;
        }
        let inner = Inner { path, cipher, connection: Mutex::new(connection) };
        inner.check_key(found.place, holds_tokens)?;
        Ok(Self(Arc::new(inner)))
    }

    /// The grant of a connection.
    pub fn get(&self, uid: &str) -> Result<Option<StoredGrant>, VaultError> {
        let sealed = self
            .0
            .lock()
            .query_row(
                "SELECT * FROM stored_grant WHERE connection_uid = ?",
                [uid],
                SealedRow::read,
            )
            .optional()
            .map_err(|source| self.0.failed(source))?;
        sealed.map(|row| row.open(&self.0.cipher)).transpose()
    }

    /// All grants with their connections' ids, in the order of the ids.
    pub fn list(&self) -> Result<Vec<(String, StoredGrant)>, VaultError> {
        let rows = {
            let connection = self.0.lock();
            connection
                .prepare("SELECT * FROM stored_grant ORDER BY connection_uid")
                .and_then(|mut all| {
                    all.query_map([], SealedRow::read)?.collect::<Result<Vec<_>, _>>()
                })
                .map_err(|source| self.0.failed(source))?
        };
        let named = |row: SealedRow| Ok((row.uid.clone(), row.open(&self.0.cipher)?));
        rows.into_iter().map(named).collect()
    }

    /// Stores the grant of a new consent; durable when it returns.
    pub fn put(&self, uid: &str, grant: &StoredGrant) -> Result<(), VaultError> {
        let sealed = vault_row::seal(&self.0.cipher, uid, grant)?;
        self.0.write(
            PUT,
            named_params! {
                ":uid": uid,
                ":plan": grant.plan,
                ":name": grant.name,
                ":fhir_origin": grant.fhir_origin.to_string(),
                ":token_origin": grant.token_origin.to_string(),
                ":access": sealed.access,
                ":refresh": sealed.refresh,
                ":patient": sealed.patient,
                ":scope": grant.scope,
                ":expires_at": grant.expires_at.map(write_instant),
                ":refreshed_at": write_instant(grant.refreshed_at),
                ":first_generation": grant.refreshed_at.timestamp_millis(),
            },
        )?;
        Ok(())
    }

    /// Stores refreshed tokens unless the grant was changed or removed since it was read.
    ///
    /// Returns whether they were stored; if so they are durable.
    pub fn replace(&self, uid: &str, grant: &StoredGrant) -> Result<bool, VaultError> {
        let sealed = vault_row::seal(&self.0.cipher, uid, grant)?;
        self.0.write(
            REPLACE,
            named_params! {
                ":uid": uid,
                ":access": sealed.access,
                ":refresh": sealed.refresh,
                ":patient": sealed.patient,
                ":scope": grant.scope,
                ":expires_at": grant.expires_at.map(write_instant),
                ":refreshed_at": write_instant(grant.refreshed_at),
                ":generation": grant.generation,
            },
        )
    }

    /// Notes that a refresh token is about to be sent; durable when it returns.
    ///
    /// Returns whether the grant is still of that `generation`. A vault that cannot be written is
    /// noticed here, before the token is spent.
    pub fn begin_refresh(
        &self,
        uid: &str,
        generation: i64,
        at: DateTime<Utc>,
    ) -> Result<bool, VaultError> {
        self.0.write(
            "UPDATE stored_grant SET refresh_begun_at = :at
             WHERE connection_uid = :uid AND generation = :generation",
            named_params! { ":uid": uid, ":generation": generation, ":at": write_instant(at) },
        )
    }

    /// Notes that only a new consent helps; durable when it returns.
    ///
    /// `reason` is a code. Returns whether the grant is still of that `generation`: a consent
    /// given meanwhile is not undone, and the first reason stays.
    pub fn mark_consent_needed(
        &self,
        uid: &str,
        generation: i64,
        reason: &str,
        at: DateTime<Utc>,
    ) -> Result<bool, VaultError> {
        self.0.write(
            "UPDATE stored_grant SET consent_reason = coalesce(consent_reason, :reason),
                 consent_since = coalesce(consent_since, :at)
             WHERE connection_uid = :uid AND generation = :generation",
            named_params! {
                ":uid": uid,
                ":generation": generation,
                ":reason": reason,
                ":at": write_instant(at),
            },
        )
    }

    #[cfg(test)]
    pub(super) fn connection_for_tests(&self) -> MutexGuard<'_, Connection> {
        self.0.lock()
    }

    /// Removes a connection's tokens and overwrites them; returns whether there were any.
    pub fn remove(&self, uid: &str) -> Result<bool, VaultError> {
        let params = named_params! { ":uid": uid };
        self.0.write("DELETE FROM stored_grant WHERE connection_uid = :uid", params)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a row was written.
    fn write(&self, sql: &str, params: &[(&str, &dyn ToSql)]) -> Result<bool, VaultError> {
        let rows = self.lock().execute(sql, params).map_err(|source| self.failed(source))?;
        Ok(rows > 0)
    }

    fn failed(&self, source: rusqlite::Error) -> VaultError {
        sqlite_error(&self.path, source)
    }

    /// Compares the key with the one the vault was made with; an empty vault takes any.
    fn check_key(&self, place: String, holds_tokens: bool) -> Result<(), VaultError> {
        let sealed: Option<Vec<u8>> = self
            .lock()
            .query_row("SELECT sealed FROM check_value", [], |row| row.get(0))
            .optional()
            .map_err(|source| self.failed(source))?;
        let opened = sealed.and_then(|sealed| self.cipher.open(CHECK_PLACE, &sealed));
        match opened {
            Some(plain) if plain[..] == *CHECK => Ok(()),
            _ if holds_tokens => Err(VaultError::WrongKey { place }),
            _ => {
                let sealed = self.cipher.seal(CHECK_PLACE, CHECK)?.ok_or(VaultError::Encrypt)?;
                let params = named_params! { ":sealed": sealed };
                self.write("INSERT OR REPLACE INTO check_value VALUES (1, :sealed)", params)?;
                Ok(())
            }
        }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vault").field(&self.0.path).finish()
    }
}

/// Whether the file is empty; refuses one that is not a vault this version knows.
fn is_new(connection: &Connection, path: &Path) -> Result<bool, VaultError> {
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
        (0, 0) if objects == 0 => Ok(true),
        (APPLICATION_ID, 1..=SCHEMA) => Ok(false),
        (APPLICATION_ID, _) => Err(VaultError::Newer { path, found, known: SCHEMA }),
        _ => Err(VaultError::NotAVault { path }),
    }
}

fn create_schema(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(CREATE)?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    transaction.commit()
}

fn sqlite_error(path: &Path, source: rusqlite::Error) -> VaultError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => VaultError::NotAVault { path },
        _ => VaultError::Sqlite { path, source },
    }
}
