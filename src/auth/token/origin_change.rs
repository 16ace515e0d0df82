//! Endpoints that have moved to another origin since the consent.
//!
//! Each run asks for the discovery document anew. Whoever can change the document must not be able to have
//! tokens or the client's secret sent elsewhere. So the first connect pins the origin of the token endpoint,
//! and only the configuration can name another one.

use crate::{
    auth::{ClientRegistration, StoredGrant, TokenError, Vault},
    http::Origin,
};

/// An endpoint that has moved, with its old and its new origin.
#[derive(Debug)]
pub(crate) struct OriginChange {
    /// The configuration key of the endpoint.
    pub(crate) key: &'static str,
    consented: Origin,
    configured: Option<Origin>,
}

impl OriginChange {
    /// The first endpoint whose origin differs from the one stored in the grant.
    pub(crate) fn between(grant: &StoredGrant, registration: &ClientRegistration) -> Option<Self> {
        [
            ("fhir_url", &grant.fhir_origin, registration.fhir_origin().ok()),
            ("token_url", &grant.token_origin, registration.token_origin().ok()),
        ]
        .into_iter()
        .find(|(_, consented, configured)| configured.as_ref() != Some(*consented))
        .map(|(key, consented, configured)| Self {
            key,
            consented: consented.clone(),
            configured,
        })
    }

    /// The change as the error of a connection.
    pub(crate) fn of(self, connection: &str, registration: &ClientRegistration) -> TokenError {
        TokenError::OriginChanged {
            connection: connection.to_owned(),
            plan: registration.plan.clone(),
            is_discovered: self.key == "token_url" && registration.token_url_is_discovered,
            key: self.key,
            consented: self.consented,
            configured: self.configured,
        }
    }
}

/// Refuses a discovered token endpoint if the vault holds tokens of the plan, and none of them was issued
/// at the endpoint's origin.
///
/// `connection` is the name of the connection that is about to be made or renewed.
///
/// # Errors
/// [`TokenError::OriginChanged`], or an error of the vault.
pub fn require_known_token_origin(
    vault: &Vault,
    registration: &ClientRegistration,
    connection: &str,
) -> Result<(), TokenError> {
    if !registration.token_url_is_discovered {
        return Ok(());
    }
    let named = registration.token_origin().ok();
    // A new consent is what mends a damaged row, so that it must not keep any from being given.
    let known: Vec<Origin> = vault
        .list()?
        .into_iter()
        .filter_map(|(_, grant)| grant.ok())
        .filter(|grant| grant.plan == registration.plan)
        .map(|grant| grant.token_origin)
        .collect();
    match known.first() {
        Some(first) if !known.iter().any(|origin| Some(origin) == named.as_ref()) => {
            let (consented, configured) = (first.clone(), named);
            let change = OriginChange { key: "token_url", consented, configured };
            Err(change.of(connection, registration))
        }
        _ => Ok(()),
    }
}
