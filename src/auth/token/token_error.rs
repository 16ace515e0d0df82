//! Why there is no bearer token.

use crate::http::Origin;

use super::grant_error::{REFUSED_WITH, UNUSABLE};
use crate::auth::{GrantError, VaultError};

/// A connection without a usable token.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The member must consent again.
    #[error(
        "connection {connection} needs a new consent at plan {plan}: {} ({reason})",
        explained(reason)
    )]
    ConsentNeeded {
        /// The connection's name.
        connection: String,
        /// The plan.
        plan: String,
        /// Why, as a code.
        reason: String,
    },
    /// An endpoint has moved to another origin since the consent. Nothing was sent.
    #[error(
        "connection {connection}: its tokens are for {consented}, but {key} of plan {plan} is now {}",
        configured.as_ref().map_or("not an http(s) URL".to_owned(), ToString::to_string)
    )]
    OriginChanged {
        /// The connection's name.
        connection: String,
        /// The plan.
        plan: String,
        /// The configuration key of the endpoint.
        key: &'static str,
        /// The origin that the tokens may go to.
        consented: Origin,
        /// The origin that the tokens would go to now.
        configured: Option<Origin>,
        /// Whether the new origin comes from the plan's discovery document instead of the configuration.
        is_discovered: bool,
    },
    /// The vault's tokens are older than those that an earlier run used. Nothing was sent.
    #[error(
        "vault.db holds older tokens of connection {connection} than the last run used; its refresh token \
         is not sent"
    )]
    OlderVault {
        /// The connection's name.
        connection: String,
        /// The plan.
        plan: String,
    },
    /// The plan rejects the access token of the configuration.
    #[error("connection {connection}: plan {plan} rejects the access token in {place}")]
    FixedRejected {
        /// The connection's name.
        connection: String,
        /// The plan.
        plan: String,
        /// Where the configuration has the token.
        place: String,
    },
    /// The token endpoint cannot answer now. The grant is kept.
    #[error("no token for connection {connection} at the moment")]
    Unavailable {
        /// The connection's name.
        connection: String,
        /// What the token endpoint did.
        source: GrantError,
    },
    /// The token endpoint refused for a reason that a new consent cannot fix. The grant is kept.
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
    /// Whether the member must consent again, or the configuration needs a new token.
    pub fn is_consent_needed(&self) -> bool {
        matches!(
            self,
            Self::ConsentNeeded { .. }
                | Self::OriginChanged { .. }
                | Self::OlderVault { .. }
                | Self::FixedRejected { .. }
        )
    }

    /// Whether the same request may succeed later.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::Busy { .. })
    }

    /// Whether the plan refuses the client: then the configuration is wrong.
    pub fn is_client_refused(&self) -> bool {
        matches!(self, Self::Refused { source: GrantError::InvalidClient { .. }, .. })
    }

    /// The token endpoint's own words, which may name a patient.
    pub fn words(&self) -> Option<String> {
        match self {
            Self::Unavailable { source, .. } | Self::Refused { source, .. } => source.words(),
            _ => None,
        }
    }

    /// What the operator can do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::ConsentNeeded { connection, plan, .. } => {
                Some(format!("`payersync connect {connection} --plan {plan}`"))
            }
            Self::OlderVault { connection, plan } => Some(format!(
                "put the newest vault.db back, or `payersync connect {connection} --plan {plan}`"
            )),
            Self::FixedRejected { place, .. } => Some(format!(
                "the access token has expired or was revoked: get a new token from the plan and \
                 put it into {place}"
            )),
            Self::OriginChanged { connection, plan, key, is_discovered: true, .. } => {
                Some(format!(
                    "the new URL comes from the plan's own answer: ask the plan whether it has moved; \
                 only then set {key} of plan {plan} in payersync.toml, and run \
                 `payersync connect {connection} --plan {plan}`"
                ))
            }
            Self::OriginChanged { connection, plan, key, .. } => Some(format!(
                "check {key} of plan {plan}; if the plan has moved, \
                 `payersync connect {connection} --plan {plan}`"
            )),
            Self::Refused { source: GrantError::InvalidClient { .. }, .. } => {
                Some("check client_id, the client secret and token_auth of the plan".to_owned())
            }
            Self::Refused { .. } => Some("check the plan's token_url and scope".to_owned()),
            Self::Unavailable { .. } => Some(
                "check the network and the plan's token_url; the next run asks again".to_owned(),
            ),
            Self::Vault(error) => error.hint(),
            Self::Busy { .. } | Self::Superseded { .. } => None,
        }
    }
}

/// Says what happened, for each reason code that the vault stores.
fn explained(reason: &str) -> String {
    let status = reason.strip_prefix(REFUSED_WITH);
    match (reason, status) {
        (_, Some(status)) => return format!("it refused to renew the tokens with status {status}"),
        ("not_connected", _) => "no tokens are stored",
        ("access_expired", _) => "the access token has expired and cannot be renewed",
        ("access_rejected", _) => "it rejects the access token, which cannot be renewed",
        ("refresh_answer_lost", _) => {
            "an answer with new tokens was lost, and it no longer accepts the old ones"
        }
        (UNUSABLE, _) => "its answer held no usable tokens, and the tokens sent to it may be spent",
        _ => "it refuses to renew the tokens",
    }
    .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_needed_consent_says_what_happened_and_which_command_helps() {
        let said = |reason: &str| {
            let (connection, plan) = ("ann".to_owned(), "acme".to_owned());
            let error = TokenError::ConsentNeeded { connection, plan, reason: reason.to_owned() };
            assert_eq!(error.hint().unwrap(), "`payersync connect ann --plan acme`");
            error.to_string()
        };
        assert_eq!(
            said("refresh_refused_with_403"),
            "connection ann needs a new consent at plan acme: it refused to renew the tokens with \
             status 403 (refresh_refused_with_403)"
        );
        for (reason, what) in [
            ("not_connected", "no tokens are stored"),
            ("refresh_answer_unusable", "no usable tokens"),
            ("refresh_answer_lost", "was lost"),
            ("invalid_request", "refuses to renew the tokens"),
        ] {
            assert!(said(reason).contains(what) && said(reason).contains(reason), "{reason}");
        }
    }
}
