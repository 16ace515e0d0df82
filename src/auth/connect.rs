//! From the code in the browser's address to a grant that can be stored.

use chrono::{DateTime, TimeDelta, Utc};
use secrecy::SecretString;

use super::{ClientRegistration, ConsentState, GrantError, StoredGrant, TokenResponse, grant};
use crate::http::HttpClient;

/// What came back from the consent page.
#[derive(Clone, Debug)]
pub struct Redirected {
    /// The authorization code.
    pub code: SecretString,
    /// The verifier of the request, where it was made with PKCE.
    pub verifier: Option<SecretString>,
}

/// Exchanges a code for a grant, ready to be put into the vault.
///
/// `name` is the connection's; `now` is when the tokens count as issued.
pub async fn exchange(
    http: &HttpClient,
    registration: &ClientRegistration,
    name: &str,
    redirected: &Redirected,
    now: DateTime<Utc>,
) -> Result<StoredGrant, GrantError> {
    let Redirected { code, verifier } = redirected;
    let tokens = grant::exchange_code(http, registration, code, verifier.as_ref()).await?;
    new_grant(registration, name, tokens, now)
}

/// A first grant from tokens as issued.
pub(super) fn new_grant(
    registration: &ClientRegistration,
    name: &str,
    tokens: TokenResponse,
    now: DateTime<Utc>,
) -> Result<StoredGrant, GrantError> {
    let (Ok(fhir_origin), Ok(token_origin)) =
        (registration.fhir_origin(), registration.token_origin())
    else {
        return Err(GrantError::Misconfigured { plan: registration.plan.clone() });
    };
    let expires_at = expiry(&tokens, now);
    Ok(StoredGrant {
        plan: registration.plan.clone(),
        name: name.to_owned(),
        fhir_origin,
        token_origin,
        access: tokens.access,
        refresh: tokens.refresh,
        expires_at,
        refreshed_at: now,
        scope: tokens.scope,
        patient: tokens.patient,
        consent: ConsentState::Granted,
        refresh_begun_at: None,
        generation: 0,
    })
}

/// When the access token expires; unknown beyond the range of instants.
fn expiry(tokens: &TokenResponse, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    now.checked_add_signed(TimeDelta::from_std(tokens.expires_in?).ok()?)
}

/// A grant with the tokens of a refresh; what the answer leaves out stays (RFC 6749, section 6).
pub(super) fn refreshed(
    grant: &StoredGrant,
    tokens: TokenResponse,
    now: DateTime<Utc>,
) -> StoredGrant {
    let (old, expires_at) = (grant.clone(), expiry(&tokens, now));
    StoredGrant {
        access: tokens.access,
        refresh: tokens.refresh.or(old.refresh),
        expires_at,
        refreshed_at: now,
        scope: tokens.scope.or(old.scope),
        patient: tokens.patient.or(old.patient),
        ..old
    }
}
