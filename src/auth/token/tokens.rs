//! The only way to get a bearer token.
//!
//! Tokens are refreshed ahead of time, by one task of one process at a time, and are on disk
//! before they are used.

mod expired;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::{
    decision::{Step, next_step},
    grant,
    grant_error::UNUSABLE,
    in_flight::InFlight,
    introspect::refresh_token_end,
    refresh_lock::RefreshLocks,
    stopped::stopped,
};
use crate::{
    auth::{
        ClientRegistration, GrantError, StoredGrant, TokenError, Vault, VaultError,
        consent::connect,
    },
    http::{Bearer, HttpClient, SecretsInPlay},
};

/// Gives out bearers; clones share everything.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    http: Mutex<HttpClient>,
    vault: Vault,
    locks: RefreshLocks,
    /// Tokens that a plan issued and the vault could not take: never given out, but kept, since
    /// the refresh token before them is spent.
    unsaved: Mutex<HashMap<String, StoredGrant>>,
    /// The secrets that are masked in a server's answers, by connection.
    secrets: Mutex<HashMap<String, SecretsInPlay>>,
    /// When consents end, by connection, as told by this process's refreshes.
    consent_ends: Mutex<HashMap<String, DateTime<Utc>>>,
}

/// Names a connection: by its id for the vault, by its name for messages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionKey {
    /// The id that stays when the connection is renamed.
    pub uid: String,
    /// The name, for messages.
    pub name: String,
    /// The newest generation of tokens that a run has noted. Older tokens come from an older vault that was
    /// put back: their refresh token may be spent, so they are not used.
    pub least_generation: Option<i64>,
}

impl Tokens {
    /// Gives out the tokens in `vault`; the locks between processes are files in `home`.
    pub fn new(http: HttpClient, vault: Vault, home: &Path) -> Self {
        let locks = RefreshLocks::new(home);
        let (unsaved, secrets, consent_ends) = Default::default();
        let http = Mutex::new(http);
        Self(Arc::new(Inner { http, vault, locks, unsaved, secrets, consent_ends }))
    }

    /// Asks with another client from now on, since its settings or limits have changed.
    pub fn use_client(&self, http: HttpClient) {
        *self.0.http.lock().unwrap_or_else(PoisonError::into_inner) = http;
    }

    /// A token that is good for a while, refreshed first if need be.
    pub async fn bearer(
        &self,
        connection: &ConnectionKey,
        registration: &ClientRegistration,
        now: DateTime<Utc>,
    ) -> Result<Bearer, TokenError> {
        self.bearer_unless(None, true, connection, registration, now).await
    }

    /// The scope that the plan granted last, if it told one: a refresh may grant less than the
    /// consent did (RFC 6749, section 6).
    ///
    /// # Errors
    /// An error of the vault.
    pub async fn scope(&self, connection: &ConnectionKey) -> Result<Option<String>, VaultError> {
        Ok(self.0.load(connection).await?.and_then(|grant| grant.scope))
    }

    /// When the member's consent ends, if a refresh of this process has told it.
    pub fn consent_ends_at(&self, connection: &ConnectionKey) -> Option<DateTime<Utc>> {
        let ends = self.0.consent_ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.get(&connection.uid).copied()
    }

    /// The generation of the tokens that are stored: it grows with each consent and refresh.
    ///
    /// # Errors
    /// An error of the vault.
    pub async fn generation(&self, connection: &ConnectionKey) -> Result<Option<i64>, VaultError> {
        Ok(self.0.load(connection).await?.map(|grant| grant.generation))
    }

    /// Gets another token in place of `rejected`, which the plan refused with status 401.
    ///
    /// Refreshes unless somebody already has.
    pub async fn refresh_after_401(
        &self,
        connection: &ConnectionKey,
        registration: &ClientRegistration,
        rejected: &Bearer,
        now: DateTime<Utc>,
    ) -> Result<Bearer, TokenError> {
        self.bearer_unless(Some(rejected), true, connection, registration, now).await
    }

    /// Refreshes a grant although its access token is still good.
    ///
    /// For plans whose refresh tokens expire if they are not used. Does nothing if no refresh token is
    /// stored.
    pub async fn keep_alive(
        &self,
        connection: &ConnectionKey,
        registration: &ClientRegistration,
        now: DateTime<Utc>,
    ) -> Result<(), TokenError> {
        let stored = self.0.load(connection).await?;
        let Some(current) = stored.filter(|grant| grant.refresh.is_some()) else { return Ok(()) };
        let current = self.0.bearer_of(connection, registration, &current);
        self.bearer_unless(Some(&current), true, connection, registration, now).await.map(drop)
    }

    /// Asks for a first token for the client itself, whatever is stored. From then on, tokens and the
    /// client's secret may go to the origins that the configuration names now.
    pub async fn connect_client(
        &self,
        connection: &ConnectionKey,
        registration: &ClientRegistration,
        now: DateTime<Utc>,
    ) -> Result<(), TokenError> {
        let Some(_turn) = self.0.locks.acquire(&connection.uid).await? else {
            return Err(TokenError::Busy { connection: connection.name.clone() });
        };
        self.0.ask(connection, registration, now).await.map(drop)
    }

    /// A token other than `rejected`. `marks` says whether the grant is marked if only a new consent brings one.
    async fn bearer_unless(
        &self,
        rejected: Option<&Bearer>,
        marks: bool,
        connection: &ConnectionKey,
        registration: &ClientRegistration,
        now: DateTime<Utc>,
    ) -> Result<Bearer, TokenError> {
        let stored = self.0.load(connection).await?;
        let least = connection.least_generation;
        if let Step::Use(grant) = next_step(stored.as_ref(), registration, rejected, least, now) {
            return Ok(self.0.bearer_of(connection, registration, grant));
        }
        // The renewal is a task of its own, since the walk that asks may be cancelled. If nobody took the
        // answer to a refresh, the grant would be lost.
        let inner = Arc::clone(&self.0);
        let (connection, registration) = (connection.clone(), registration.clone());
        let rejected = rejected.cloned();
        let renewal = async move {
            inner.renew(&connection, &registration, rejected.as_ref(), marks, now).await
        };
        tokio::spawn(renewal).await.unwrap_or_else(|error| Err(stopped(error).into()))
    }
}

impl Inner {
    fn http(&self) -> HttpClient {
        self.http.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for the connection's refresh lock, reads the stored grant again, and gets a token as decided:
    /// the stored token, a refreshed one, a new one for the client itself, or an error that says why not.
    async fn renew(
        &self,
        connection: &ConnectionKey,
        registration: &ClientRegistration,
        rejected: Option<&Bearer>,
        marks: bool,
        now: DateTime<Utc>,
    ) -> Result<Bearer, TokenError> {
        let Some(_turn) = self.locks.acquire(&connection.uid).await? else {
            return Err(TokenError::Busy { connection: connection.name.clone() });
        };
        // Another task may have refreshed while this one waited, so the grant is read again.
        self.save_unsaved(connection).await?;
        let stored = self.load(connection).await?;
        let least = connection.least_generation;
        match next_step(stored.as_ref(), registration, rejected, least, now) {
            Step::Use(grant) => Ok(self.bearer_of(connection, registration, grant)),
            Step::Refresh(grant, token) => {
                self.refresh(connection, registration, grant, token, marks, now).await
            }
            Step::Ask => self.ask(connection, registration, now).await,
            Step::Consent { reason, note } => {
                if let Some(generation) = note.filter(|_| marks) {
                    self.note_consent(connection, generation, &reason, now).await?;
                }
                Err(consent_needed(connection, registration, reason))
            }
            Step::OriginChanged(change) => Err(change.of(&connection.name, registration)),
            Step::OlderVault => {
                let (connection, plan) = (connection.name.clone(), registration.plan.clone());
                Err(TokenError::OlderVault { connection, plan })
            }
        }
    }

    /// Sends the refresh token, stores what comes back, and only then gives it out.
    async fn refresh(
        &self,
        connection: &ConnectionKey,
        registration: &ClientRegistration,
        grant: &StoredGrant,
        token: &SecretString,
        marks: bool,
        now: DateTime<Utc>,
    ) -> Result<Bearer, TokenError> {
        // The process does not end before this is dropped.
        let Some(_in_flight) = InFlight::begin() else { return Err(VaultError::Stopped.into()) };
        let (uid, generation) = (connection.uid.clone(), grant.generation);
        if !self.in_vault(move |vault| vault.begin_refresh(&uid, generation, now)).await? {
            return Err(superseded(connection));
        }
        let error = match grant::refresh(&self.http(), registration, token, &grant.access).await {
            Ok(tokens) => {
                let next = connect::refreshed(grant, registration, tokens, now);
                let told = next.consent_ends_at;
                if let Some(end) = told {
                    self.note_consent_end(connection, end);
                }
                let asked = next.refresh.clone().unwrap_or_else(|| token.clone());
                // Made first, so that its secrets are masked from now on: the plan can repeat them.
                let bearer = self.bearer_of(connection, registration, &next);
                self.remember_unsaved(connection, next);
                if !self.save_unsaved(connection).await? {
                    return Err(superseded(connection));
                }
                // Asked only now that the new refresh token is on disk.
                if told.is_none()
                    && let Some(end) = refresh_token_end(&self.http(), registration, &asked).await
                {
                    self.note_consent_end(connection, end);
                }
                return Ok(bearer);
            }
            Err(error) => error,
        };
        let ends = error.ends_grant();
        let is_told = ends.as_ref().is_some_and(|reason| reason != UNUSABLE);
        let is_kept = !marks && is_told && error.attempts() == 1;
        if error.is_unsent() || is_kept {
            // The note that a refresh began would make the end of the consent, whenever it comes, look like a
            // lost answer. The note stays if the vault cannot be written now.
            let (uid, before) = (connection.uid.clone(), grant.refresh_begun_at);
            let _ = self.in_vault(move |vault| vault.begin_refresh(&uid, generation, before)).await;
        }
        let Some(mut reason) = ends else { return Err(failed(connection, error)) };
        // The operator gets a reason of its own: the plan may have rotated the token in an answer that never
        // arrived, and no client can undo that.
        let was_sent_before = error.attempts() > 1 || grant.refresh_begun_at.is_some();
        if was_sent_before && reason != UNUSABLE {
            reason = "refresh_answer_lost".to_owned();
        }
        if marks {
            self.note_consent(connection, generation, &reason, now).await?;
        }
        Err(consent_needed(connection, registration, reason))
    }

    /// Asks for a token for the client itself.
    async fn ask(
        &self,
        connection: &ConnectionKey,
        registration: &ClientRegistration,
        now: DateTime<Utc>,
    ) -> Result<Bearer, TokenError> {
        let issued = match grant::client_credentials(&self.http(), registration).await {
            Ok(tokens) => connect::new_grant(registration, &connection.name, tokens, now),
            Err(error) => Err(error),
        };
        let grant = issued.map_err(|error| failed(connection, error))?;
        let bearer = self.bearer_of(connection, registration, &grant);
        let uid = connection.uid.clone();
        self.in_vault(move |vault| vault.put(&uid, &grant)).await?;
        Ok(bearer)
    }

    /// The bearer of a grant, which masks the grant's secrets in every answer.
    fn bearer_of(
        &self,
        connection: &ConnectionKey,
        registration: &ClientRegistration,
        grant: &StoredGrant,
    ) -> Bearer {
        let secrets = {
            let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
            secrets.entry(connection.uid.clone()).or_default().clone()
        };
        secrets.learn(registration.secrets().iter().map(|secret| secret.expose_secret()));
        grant.bearer(secrets)
    }

    fn note_consent_end(&self, connection: &ConnectionKey, end: DateTime<Utc>) {
        let mut ends = self.consent_ends.lock().unwrap_or_else(PoisonError::into_inner);
        ends.insert(connection.uid.clone(), end);
    }

    fn remember_unsaved(&self, connection: &ConnectionKey, grant: StoredGrant) {
        let mut unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        unsaved.insert(connection.uid.clone(), grant);
    }

    /// Stores tokens that the vault could not take before; returns whether it took any now.
    async fn save_unsaved(&self, connection: &ConnectionKey) -> Result<bool, VaultError> {
        let waiting = {
            let unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
            unsaved.get(&connection.uid).cloned()
        };
        let Some(grant) = waiting else { return Ok(false) };
        let uid = connection.uid.clone();
        let is_stored = self.in_vault(move |vault| vault.replace(&uid, &grant)).await?;
        // The tokens are stored now, or useless because their grant is gone.
        let mut unsaved = self.unsaved.lock().unwrap_or_else(PoisonError::into_inner);
        unsaved.remove(&connection.uid);
        Ok(is_stored)
    }

    async fn note_consent(
        &self,
        connection: &ConnectionKey,
        generation: i64,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), VaultError> {
        let (uid, reason) = (connection.uid.clone(), reason.to_owned());
        self.in_vault(move |vault| vault.mark_consent_needed(&uid, generation, &reason, now))
            .await
            .map(drop)
    }

    async fn load(&self, connection: &ConnectionKey) -> Result<Option<StoredGrant>, VaultError> {
        let uid = connection.uid.clone();
        self.in_vault(move |vault| vault.get(&uid)).await
    }

    /// Uses the vault on a thread that may wait for the disk.
    async fn in_vault<T: Send + 'static>(
        &self,
        use_it: impl FnOnce(&Vault) -> Result<T, VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let vault = self.vault.clone();
        tokio::task::spawn_blocking(move || use_it(&vault))
            .await
            .unwrap_or_else(|error| Err(stopped(error)))
    }
}

fn consent_needed(
    connection: &ConnectionKey,
    registration: &ClientRegistration,
    reason: String,
) -> TokenError {
    let (connection, plan) = (connection.name.clone(), registration.plan.clone());
    TokenError::ConsentNeeded { connection, plan, reason }
}

fn superseded(connection: &ConnectionKey) -> TokenError {
    TokenError::Superseded { connection: connection.name.clone() }
}

fn failed(connection: &ConnectionKey, source: GrantError) -> TokenError {
    let connection = connection.name.clone();
    match source.is_unavailable() {
        true => TokenError::Unavailable { connection, source },
        false => TokenError::Refused { connection, source },
    }
}
