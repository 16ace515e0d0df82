//! The vault: tokens, encrypted, in a SQLite file of their own.
//!
//! A call that writes returns when the change is on disk. The vault holds grants alone, is not part of
//! any backup, and opens with its own key only.

pub(super) mod cipher;
pub(super) mod derived_key;
pub(super) mod key;
pub(super) mod private_file;
mod row;
mod schema;
pub(super) mod stored_grant;
pub(super) mod vault_error;

#[cfg(test)]
pub(super) mod tests;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use rusqlite::{
    Connection, OpenFlags, OptionalExtension as _, ToSql, TransactionBehavior, named_params,
};

use super::{ConsentState, GivenKey, StoredGrant, VaultError};
use cipher::Cipher;
use row::{SealedRow, write_instant};
use schema::{SCHEMA, create_schema, schema};
use vault_error::sqlite_error;

/// The plaintext of the check value, by which a key is known to be the right one.
const CHECK: &[u8] = b"payersync vault";
/// The place for which the check value is sealed, one per schema version. So a vault cannot be passed off
/// as one of an earlier version, whose rows had no seal.
const CHECK_PLACES: [&[u8]; 2] = [b"check", b"check 2"];
/// How long to wait for another process's write: a token that cannot be stored is a lost consent.
const BUSY: std::time::Duration = std::time::Duration::from_secs(30);

/// Stores a consent. The first generation is the consent's instant, so that a connection that was removed
/// and connected again never repeats a generation.
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

/// Stores a grant of another vault as it is.
const ADOPT: &str = "
    INSERT OR REPLACE INTO stored_grant (connection_uid, plan, name, fhir_origin, token_origin,
        access, refresh, patient, scope, expires_at, refreshed_at, refresh_begun_at,
        consent_reason, consent_since, generation)
    VALUES (:uid, :plan, :name, :fhir_origin, :token_origin, :access, :refresh, :patient, :scope,
        :expires_at, :refreshed_at, :refresh_begun_at, :consent_reason, :consent_since, :generation)";

/// Stores a refresh. It never inserts: a grant that was removed meanwhile stays removed.
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

/// A grant, or why its row cannot be read.
pub(crate) type Opened = Result<StoredGrant, VaultError>;

impl Vault {
    /// Opens `vault.db` in `home`, and creates it, with its key, on first use.
    ///
    /// Without `key` the key is `vault.key` in `home`.
    ///
    /// # Errors
    ///
    /// See [`VaultError`]; whatever the reason, existing files are left as they are.
    pub fn open(home: &Path, key: Option<GivenKey>) -> Result<Self, VaultError> {
        let _lock = private_file::lock_vault(home)?;

        let path = home.join("vault.db");
        if path.exists() {
            private_file::require_private(&path)?;
        } else {
            // Created here, since SQLite would leave the file mode to the umask.
            private_file::create_new(&path)?;
            private_file::sync_dir(home)?;
        }
        let failed = |source| sqlite_error(&path, source);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        // A transaction locks before it reads, so that nobody changes the row between its read and its write.
        connection.set_transaction_behavior(TransactionBehavior::Immediate);

        let schema = schema(&connection, &path)?;
        let is_new = schema.is_none();
        let holds_tokens = !is_new
            && connection
                .query_row("SELECT EXISTS (SELECT 1 FROM stored_grant)", [], |row| row.get(0))
                .map_err(failed)?;
        let found = key::find(home, key.as_ref(), !holds_tokens)?;
        let cipher = Cipher::new(&found.key);
        // Every commit is durable, with the journal's removal; deleted tokens are overwritten.
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
        inner.check_key(found.place, holds_tokens, schema.unwrap_or(SCHEMA))?;
        Ok(Self(Arc::new(inner)))
    }

    /// The grant of a connection.
    pub fn get(&self, uid: &str) -> Result<Option<StoredGrant>, VaultError> {
        let sealed = row(&self.0.lock(), uid).map_err(|source| self.0.failed(source))?;
        sealed.map(|row| row.open(&self.0.cipher)).transpose()
    }

    /// All grants with their connections' ids, in the order of the ids. A damaged row is an error of its own
    /// connection alone.
    pub fn list(&self) -> Result<Vec<(String, Opened)>, VaultError> {
        let rows = {
            let connection = self.0.lock();
            connection
                .prepare("SELECT * FROM stored_grant ORDER BY connection_uid")
                .and_then(|mut all| {
                    all.query_map([], SealedRow::read)?.collect::<Result<Vec<_>, _>>()
                })
                .map_err(|source| self.0.failed(source))?
        };
        Ok(rows.into_iter().map(|row| (row.uid.clone(), row.open(&self.0.cipher))).collect())
    }

    /// Stores the grant of a new consent; durable when it returns.
    pub fn put(&self, uid: &str, grant: &StoredGrant) -> Result<(), VaultError> {
        let sealed = row::seal(&self.0.cipher, uid, grant)?;
        self.0.write(
            uid,
            Present::Replaced,
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

    /// Stores a grant of another vault with its state and its generation; durable when it returns.
    pub fn adopt(&self, uid: &str, grant: &StoredGrant) -> Result<(), VaultError> {
        let sealed = row::seal(&self.0.cipher, uid, grant)?;
        let (reason, since) = match &grant.consent {
            ConsentState::Granted => (None, None),
            ConsentState::Needed { reason, since } => (Some(reason), Some(write_instant(*since))),
        };
        self.0.write(
            uid,
            Present::Replaced,
            ADOPT,
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
                ":refresh_begun_at": grant.refresh_begun_at.map(write_instant),
                ":consent_reason": reason,
                ":consent_since": since,
                ":generation": grant.generation,
            },
        )?;
        Ok(())
    }

    /// Stores refreshed tokens unless the grant was changed or removed since it was read.
    ///
    /// Returns whether they were stored; if so they are durable.
    pub fn replace(&self, uid: &str, grant: &StoredGrant) -> Result<bool, VaultError> {
        let sealed = row::seal(&self.0.cipher, uid, grant)?;
        self.0.write(
            uid,
            Present::Kept,
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

    /// Records that a refresh token is about to be sent; durable when it returns. If it was not sent after
    /// all, `at` is when an earlier refresh was begun whose outcome is not known, or `None`.
    ///
    /// Returns whether the grant is still of that `generation`. A vault that cannot be written is
    /// noticed here, before the token is spent.
    pub fn begin_refresh(
        &self,
        uid: &str,
        generation: i64,
        at: impl Into<Option<DateTime<Utc>>>,
    ) -> Result<bool, VaultError> {
        let at = at.into().map(write_instant);
        self.0.write(
            uid,
            Present::Kept,
            "UPDATE stored_grant SET refresh_begun_at = :at
             WHERE connection_uid = :uid AND generation = :generation",
            named_params! { ":uid": uid, ":generation": generation, ":at": at },
        )
    }

    /// Records that only a new consent helps; durable when it returns.
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
            uid,
            Present::Kept,
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
        let delete = "DELETE FROM stored_grant WHERE connection_uid = :uid";
        self.0.write(uid, Present::Replaced, delete, params)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a connection's row and seals it in the same transaction; returns whether a row was written.
    fn write(
        &self,
        uid: &str,
        present: Present,
        sql: &str,
        params: &[(&str, &dyn ToSql)],
    ) -> Result<bool, VaultError> {
        let failed = |source| self.failed(source);
        let mut connection = self.lock();
        let transaction = connection.transaction().map_err(failed)?;
        if present == Present::Kept
            && let Some(row) = row(&transaction, uid).map_err(failed)?
        {
            row.check(&self.cipher)?;
        }
        let rows = transaction.execute(sql, params).map_err(failed)?;
        self.seal(&transaction, uid)?;
        transaction.commit().map_err(failed)?;
        Ok(rows > 0)
    }

    /// Seals a connection's row anew. A connection without a row is left alone.
    fn seal(&self, connection: &Connection, uid: &str) -> Result<(), VaultError> {
        let failed = |source| self.failed(source);
        let Some(row) = row(connection, uid).map_err(failed)? else { return Ok(()) };
        let seal = row.seal(&self.cipher)?;
        let sql = "UPDATE stored_grant SET seal = ?2 WHERE connection_uid = ?1";
        connection.execute(sql, (uid, seal)).map(drop).map_err(failed)
    }

    /// Brings a vault of an earlier schema up to date; its key is known to be right.
    fn upgrade(&self) -> Result<(), VaultError> {
        let failed = |source| self.failed(source);
        let mut connection = self.lock();
        let transaction = connection.transaction().map_err(failed)?;
        transaction
            .execute_batch("ALTER TABLE stored_grant ADD COLUMN seal BLOB")
            .map_err(failed)?;
        let uids = transaction
            .prepare("SELECT connection_uid FROM stored_grant")
            .and_then(|mut all| {
                all.query_map([], |row| row.get(0))?.collect::<Result<Vec<String>, _>>()
            })
            .map_err(failed)?;
        uids.iter().try_for_each(|uid| self.seal(&transaction, uid))?;
        self.write_check(&transaction)?;
        transaction.pragma_update(None, "user_version", SCHEMA).map_err(failed)?;
        transaction.commit().map_err(failed)
    }

    fn write_check(&self, connection: &Connection) -> Result<(), VaultError> {
        let place = CHECK_PLACES[CHECK_PLACES.len() - 1];
        let sealed = self.cipher.seal(place, CHECK)?.ok_or(VaultError::Encrypt)?;
        connection
            .execute("INSERT OR REPLACE INTO check_value VALUES (1, ?1)", [sealed])
            .map(drop)
            .map_err(|source| self.failed(source))
    }

    fn failed(&self, source: rusqlite::Error) -> VaultError {
        sqlite_error(&self.path, source)
    }

    /// Checks that the vault was made with this key; an empty vault takes any key.
    fn check_key(&self, place: String, holds_tokens: bool, schema: i64) -> Result<(), VaultError> {
        let sealed: Option<Vec<u8>> = self
            .lock()
            .query_row("SELECT sealed FROM check_value", [], |row| row.get(0))
            .optional()
            .map_err(|source| self.failed(source))?;
        let check_place = CHECK_PLACES[usize::try_from(schema - 1).unwrap_or_default()];
        let opened = sealed.and_then(|sealed| self.cipher.open(check_place, &sealed));
        match opened {
            Some(plain) if plain[..] == *CHECK => {}
            _ if holds_tokens => return Err(VaultError::WrongKey { place }),
            _ if schema == SCHEMA => return self.write_check(&self.lock()),
            _ => {}
        }
        if schema < SCHEMA { self.upgrade() } else { Ok(()) }
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Vault").field(&self.0.path).finish()
    }
}

/// Whether a write keeps a connection's stored row. The seal of a row that is kept is checked first.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Present {
    Kept,
    /// A new consent or a removal replaces even a damaged row.
    Replaced,
}

fn row(connection: &Connection, uid: &str) -> rusqlite::Result<Option<SealedRow>> {
    let sql = "SELECT * FROM stored_grant WHERE connection_uid = ?";
    connection.prepare_cached(sql)?.query_row([uid], SealedRow::read).optional()
}
