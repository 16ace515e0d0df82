//! Why there is no bearer.

use crate::http::Origin;

use super::{GrantError, VaultError};

/// A connection without a usable token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The member must consent again.
    #[error("connection {connection} needs a new consent at plan {plan} ({reason})")]
    ConsentNeeded {
        /// The connection's name.
        connection: String,
        /// The plan.
        plan: String,
        /// Why, as a code.
        reason: String,
    },
    /// The configuration names another origin than the consent was for. Nothing was sent.
    #[error(
        "connection {connection} consented to {consented}, but {key} of plan {plan} is now {}",
        configured.as_ref().map_or("not an http(s) URL".to_owned(), ToString::to_string)
    )]
    OriginChanged {
        /// The connection's name.
        connection: String,
        /// The plan.
        plan: String,
        /// The key of the configuration.
        key: &'static str,
        /// Where the tokens may go.
        consented: Origin,
        /// Where they would go.
        configured: Option<Origin>,
    },
    /// The token endpoint cannot answer now. The grant is kept.
    #[error("no token for connection {connection} at the moment")]
    Unavailable {
        /// The connection's name.
        connection: String,
        /// What the token endpoint did.
        source: GrantError,
    },
    /// The token endpoint refused for a reason that a member cannot mend. The grant is kept.
    #[error("no token for connection {connection}")]
    Refused {
        /// The connection's name.
        connection: String,
        /// What the token endpoint said.
        source: GrantError,
    },
    /// Another process has been refreshing this connection for too long.
    #[error("another process has been refreshing connection {connection} for minutes")]
    Busy {
        /// The connection's name.
        connection: String,
    },
    /// The grant was removed or replaced while it was refreshed.
    #[error("connection {connection} was removed or connected anew meanwhile")]
    Superseded {
        /// The connection's name.
        connection: String,
    },
    /// The vault cannot be used. A token that could not be stored is not given out.
    #[error(transparent)]
    Vault(#[from] VaultError),
}

impl TokenError {
    /// Whether the member must consent again.
    pub fn is_consent_needed(&self) -> bool {
        matches!(self, Self::ConsentNeeded { .. })
    }

    /// Whether the same request may succeed later.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Busy { .. })
    }

    /// What the operator can do, as a command where there is one.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ConsentNeeded { connection, plan, .. }
            | Self::OriginChanged { connection, plan, .. } => {
                Some(format!("payersync connect {connection} --plan {plan}"))
            }
            _ => None,
        }
    }
}
