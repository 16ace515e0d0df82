//! A grant as a row. Each token is sealed to its own connection, column and origins, and the whole row has a
//! seal of its own, so that no column can be exchanged for an older one or for another row's.

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::Row;
use secrecy::{ExposeSecret, SecretString};

use super::cipher::Cipher;
use crate::{
    auth::{ConsentState, StoredGrant, VaultError},
    http::Origin,
};

/// A row of `stored_grant`, as it is on disk.
pub(super) struct SealedRow {
    pub(crate) uid: String,
    plan: String,
    name: String,
    fhir_origin: String,
    token_origin: String,
    access: Vec<u8>,
    refresh: Option<Vec<u8>>,
    patient: Option<Vec<u8>>,
    scope: Option<String>,
    expires_at: Option<String>,
    refreshed_at: String,
    refresh_begun_at: Option<String>,
    consent_reason: Option<String>,
    consent_since: Option<String>,
    generation: i64,
    seal: Option<Vec<u8>>,
}

/// The sealed columns of a grant, to be written.
pub(super) struct SealedTokens {
    pub(crate) access: Vec<u8>,
    pub(crate) refresh: Option<Vec<u8>>,
    pub(crate) patient: Option<Vec<u8>>,
}

/// Encrypts the secrets of `grant` for the row of `uid`.
pub(crate) fn seal(
    cipher: &Cipher,
    uid: &str,
    grant: &StoredGrant,
) -> Result<SealedTokens, VaultError> {
    let (fhir, token) = (grant.fhir_origin.to_string(), grant.token_origin.to_string());
    let seal = |column, secret: &SecretString| {
        let place = place(uid, column, &fhir, &token);
        cipher.seal(&place, secret.expose_secret().as_bytes())?.ok_or(VaultError::Encrypt)
    };
    let seal_some = |column, secret: &Option<SecretString>| {
        secret.as_ref().map(|secret| seal(column, secret)).transpose()
    };
    Ok(SealedTokens {
        access: seal("access", &grant.access)?,
        refresh: seal_some("refresh", &grant.refresh)?,
        patient: seal_some("patient", &grant.patient)?,
    })
}

impl SealedRow {
    /// Reads a row by the names of its columns.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            uid: row.get("connection_uid")?,
            plan: row.get("plan")?,
            name: row.get("name")?,
            fhir_origin: row.get("fhir_origin")?,
            token_origin: row.get("token_origin")?,
            access: row.get("access")?,
            refresh: row.get("refresh")?,
            patient: row.get("patient")?,
            scope: row.get("scope")?,
            expires_at: row.get("expires_at")?,
            refreshed_at: row.get("refreshed_at")?,
            refresh_begun_at: row.get("refresh_begun_at")?,
            consent_reason: row.get("consent_reason")?,
            consent_since: row.get("consent_since")?,
            generation: row.get("generation")?,
            seal: row.get("seal")?,
        })
    }

    /// Makes the seal that proves that the row is as it was written.
    pub(crate) fn seal(&self, cipher: &Cipher) -> Result<Vec<u8>, VaultError> {
        cipher.seal(&self.whole(), b"")?.ok_or(VaultError::Encrypt)
    }

    /// Checks that the row is as it was written.
    pub(crate) fn check(&self, cipher: &Cipher) -> Result<(), VaultError> {
        match self.seal.as_deref().and_then(|seal| cipher.open(&self.whole(), seal)) {
            Some(_) => Ok(()),
            None => Err(VaultError::Damaged { connection: self.uid.clone(), column: "row" }),
        }
    }

    /// Every column but the seal, each with its length, so that two different rows never give the same bytes.
    fn whole(&self) -> Vec<u8> {
        let generation = self.generation.to_string();
        let text = |text: &'_ Option<String>| text.clone().map(String::into_bytes);
        let columns = [
            Some(b"row".to_vec()),
            Some(self.uid.clone().into_bytes()),
            Some(self.plan.clone().into_bytes()),
            Some(self.name.clone().into_bytes()),
            Some(self.fhir_origin.clone().into_bytes()),
            Some(self.token_origin.clone().into_bytes()),
            Some(self.access.clone()),
            self.refresh.clone(),
            self.patient.clone(),
            text(&self.scope),
            text(&self.expires_at),
            Some(self.refreshed_at.clone().into_bytes()),
            text(&self.refresh_begun_at),
            text(&self.consent_reason),
            text(&self.consent_since),
            Some(generation.into_bytes()),
        ];
        let mut whole = Vec::new();
        for column in columns {
            // A missing column counts as longer than any column can be.
            let length = column.as_ref().map_or(u64::MAX, |bytes| bytes.len() as u64);
            whole.extend_from_slice(&length.to_le_bytes());
            whole.extend(column.unwrap_or_default());
        }
        whole
    }

    /// Decrypts the row, or says which column is damaged.
    pub(crate) fn open(self, cipher: &Cipher) -> Result<StoredGrant, VaultError> {
        let grant = self.read_columns(cipher)?;
        self.check(cipher)?;
        Ok(grant)
    }

    fn read_columns(&self, cipher: &Cipher) -> Result<StoredGrant, VaultError> {
        let damaged = |column| VaultError::Damaged { connection: self.uid.clone(), column };
        let secret = |column: &'static str, sealed: &[u8]| {
            let place = place(&self.uid, column, &self.fhir_origin, &self.token_origin);
            let plain = cipher.open(&place, sealed).ok_or_else(|| damaged(column))?;
            let text = std::str::from_utf8(&plain).map_err(|_| damaged(column))?;
            Ok::<_, VaultError>(SecretString::from(text))
        };
        let secret_or_none = |column, sealed: &Option<Vec<u8>>| {
            sealed.as_deref().map(|sealed| secret(column, sealed)).transpose()
        };
        let origin = |column, text: &str| text.parse::<Origin>().map_err(|_| damaged(column));
        let instant = |column, text: &str| read_instant(text).ok_or_else(|| damaged(column));
        let instant_or_none = |column, text: &Option<String>| {
            text.as_deref().map(|text| instant(column, text)).transpose()
        };
        let consent = match &self.consent_reason {
            None => ConsentState::Granted,
            Some(reason) => ConsentState::Needed {
                reason: reason.clone(),
                since: instant_or_none("consent_since", &self.consent_since)?
                    .ok_or_else(|| damaged("consent_since"))?,
            },
        };
        Ok(StoredGrant {
            fhir_origin: origin("fhir_origin", &self.fhir_origin)?,
            token_origin: origin("token_origin", &self.token_origin)?,
            access: secret("access", &self.access)?,
            refresh: secret_or_none("refresh", &self.refresh)?,
            patient: secret_or_none("patient", &self.patient)?,
            consent_ends_at: None,
            expires_at: instant_or_none("expires_at", &self.expires_at)?,
            refreshed_at: instant("refreshed_at", &self.refreshed_at)?,
            refresh_begun_at: instant_or_none("refresh_begun_at", &self.refresh_begun_at)?,
            consent,
            plan: self.plan.clone(),
            name: self.name.clone(),
            scope: self.scope.clone(),
            generation: self.generation,
        })
    }
}

/// The place for which a value is sealed. A token copied to another row, column or origin does not
/// decrypt.
fn place(uid: &str, column: &str, fhir_origin: &str, token_origin: &str) -> Vec<u8> {
    [uid, column, fhir_origin, token_origin].join("\0").into_bytes()
}

pub(super) fn write_instant(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn read_instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|instant| instant.with_timezone(&Utc))
}
