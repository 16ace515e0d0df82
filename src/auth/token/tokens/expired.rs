//! Whether a refused token may just have expired, if the plan said nothing of its life.

use super::{ConnectionKey, Tokens};
use crate::{
    auth::{ClientRegistration, GrantKind, TokenError},
    http::Bearer,
};
use chrono::{DateTime, Utc};

impl Tokens {
    /// Whether `rejected` may just have expired, and another token can be had in its place.
    ///
    /// # Errors
    /// An error of the vault.
    pub async fn may_have_expired(
        &self,
        connection: &ConnectionKey,
        registration: &ClientRegistration,
        rejected: &Bearer,
        now: DateTime<Utc>,
    ) -> Result<bool, TokenError> {
        let stored = self.0.load(connection).await?;
        let asks_for_itself = registration.grant == GrantKind::ClientCredentials;
        Ok(stored.is_some_and(|grant| {
            let is_replaceable = asks_for_itself || grant.refresh.is_some();
            is_replaceable && grant.may_have_expired(now) && rejected.carries(&grant.access)
        }))
    }
}
