//! What the vault keeps about a connection.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};

use crate::http::{Bearer, Origin, SecretsInPlay};

/// A member's consent at a plan, and its tokens.
///
/// `Debug` shows neither tokens nor the patient.
#[derive(Clone)]
pub struct StoredGrant {
    /// The plan's name in the configuration.
    pub plan: String,
    /// The connection's name.
    pub name: String,
    /// The only origin the access token is sent to.
    pub fhir_origin: Origin,
    /// The only origin the refresh token is sent to.
    pub token_origin: Origin,
    /// The access token.
    pub access: SecretString,
    /// The refresh token, if the plan issues one.
    pub refresh: Option<SecretString>,
    /// When the access token expires; unknown if the plan does not say it.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the tokens were issued.
    pub refreshed_at: DateTime<Utc>,
    /// The scopes granted, separated by spaces.
    pub scope: Option<String>,
    /// The id of the member's Patient resource, if the plan says it.
    pub patient: Option<SecretString>,
    /// When the consent ends, as the answer with these tokens told it; not kept in the vault.
    pub consent_ends_at: Option<DateTime<Utc>>,
    /// Whether the grant can still be used.
    pub consent: ConsentState,
    /// When a refresh began, if its outcome is not known.
    pub refresh_begun_at: Option<DateTime<Utc>>,
    /// Grows with each change of the tokens; set by the vault, ignored by `put`.
    pub generation: i64,
}

/// Whether a member has to consent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsentState {
    /// The grant can be used.
    Granted,
    /// Only a new consent helps.
    Needed {
        /// Why: a code, not a sentence.
        reason: String,
        /// Since when.
        since: DateTime<Utc>,
    },
}

impl StoredGrant {
    /// The access token, bound to its origin; the refresh token is masked in answers, too.
    pub(crate) fn bearer(&self, secrets: SecretsInPlay) -> Bearer {
        secrets.learn(self.refresh.iter().map(|refresh| refresh.expose_secret()));
        Bearer::new(self.access.clone(), self.fhir_origin.clone(), secrets)
    }

    /// Whether the access token is good for longer than a minute, or than a quarter of its life if that is
    /// less.
    pub(crate) fn is_fresh(&self, now: DateTime<Utc>) -> bool {
        let Some(expires_at) = self.expires_at else { return true };
        let margin = ((expires_at - self.refreshed_at) / 4).min(TimeDelta::seconds(60));
        expires_at.checked_sub_signed(margin).is_some_and(|renewed_at| now < renewed_at)
    }

    /// Whether nobody said how long the access token lives, and it is older than the hour for which most
    /// tokens live.
    pub(crate) fn may_have_expired(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none()
            && now.signed_duration_since(self.refreshed_at) >= TimeDelta::hours(1)
    }

    /// Whether the access token has not expired.
    pub(crate) fn is_alive(&self, now: DateTime<Utc>) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

impl fmt::Debug for StoredGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredGrant")
            .field("plan", &self.plan)
            .field("name", &self.name)
            .field("fhir_origin", &self.fhir_origin)
            .field("token_origin", &self.token_origin)
            .field("has_refresh", &self.refresh.is_some())
            .field("expires_at", &self.expires_at)
            .field("refreshed_at", &self.refreshed_at)
            .field("scope", &self.scope)
            .field("consent", &self.consent)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}
