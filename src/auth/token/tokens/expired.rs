//! Whether a refused token is to be replaced, and the token in its place if it may just have expired.

use super::{ConnectionKey, Tokens};
use crate::{
    auth::{ClientRegistration, GrantKind, TokenError},
    http::Bearer,
};
use chrono::{DateTime, Utc};

impl Tokens {
    /// Whether another token can be had in place of `rejected`, or the stored one is known to be useless. If
    /// not, a single refused request must not end the grant, whose token other requests may still use.
    ///
    /// # Errors
    /// An error of the vault.
    pub async fn can_replace(
        &self,
        connection: &ConnectionKey,
        registration: &ClientRegistration,
        rejected: &Bearer,
        now: DateTime<Utc>,
    ) -> Result<bool, TokenError> {
        let stored = self.0.load(connection).await?;
        let asks_for_itself = registration.grant == GrantKind::ClientCredentials;
        Ok(stored.is_none_or(|grant| {
            let is_lasting = grant.refresh.is_none() && grant.is_alive(now);
            asks_for_itself || !is_lasting || !rejected.carries(&grant.access)
        }))
    }

    /// Another token in place of `refused`, which was answered 403, if the token may just have expired. `None`
    /// if it cannot have expired, or if no other token can be had.
    ///
    /// The plan may as well refuse what was asked for, and the token may be good for everything else. So a
    /// failure does not mark the grant, and ends nothing.
    ///
    /// # Errors
    /// An error of the vault.
    pub async fn renewed_if_expired(
        &self,
        connection: &ConnectionKey,
        registration: &ClientRegistration,
        refused: &Bearer,
        now: DateTime<Utc>,
    ) -> Result<Option<Bearer>, TokenError> {
        let stored = self.0.load(connection).await?;
        let asks_for_itself = registration.grant == GrantKind::ClientCredentials;
        let may_have_expired = stored.is_some_and(|grant| {
            let is_replaceable = asks_for_itself || grant.refresh.is_some();
            is_replaceable && grant.may_have_expired(now) && refused.carries(&grant.access)
        });
        if !may_have_expired {
            return Ok(None);
        }
        match self.bearer_unless(Some(refused), false, connection, registration, now).await {
            Ok(bearer) => Ok(Some(bearer)),
            // The plan may have sent new tokens that could not be stored.
            Err(TokenError::Vault(error)) => Err(error.into()),
            Err(_) => Ok(None),
        }
    }
}
