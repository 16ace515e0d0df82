//! Why the token endpoint gave no token.

use std::time::Duration;

use crate::http::HttpError;

/// A token request that gave no token.
///
/// Descriptions are the server's words, without anything secret that was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// The code or refresh token is spent, expired, revoked or another client's.
    #[error("the plan no longer accepts the grant{}", said(description))]
    InvalidGrant {
        /// Attempts made: after more than one, an earlier answer may have been lost.
        attempts: u32,
        /// The server's words.
        description: Option<String>,
    },
    /// The plan does not know the client, or not with this secret.
    #[error(
        "the plan does not accept the client; check client_id and client_secret{}",
        said(description)
    )]
    InvalidClient {
        /// The server's words.
        description: Option<String>,
    },
    /// The plan does not grant what was asked for.
    #[error("the plan does not accept the scope{}", said(description))]
    InvalidScope {
        /// The server's words.
        description: Option<String>,
    },
    /// Any other refusal.
    #[error("the token endpoint refused with status {status}: {error}{}", said(description))]
    Other {
        /// The HTTP status.
        status: u16,
        /// The error code, or what stands in its place.
        error: String,
        /// The server's words.
        description: Option<String>,
    },
    /// The token endpoint is overloaded or broken; the grant may be as good as before.
    #[error("the token endpoint is unavailable (status {status}){}", said(description))]
    Unavailable {
        /// The HTTP status.
        status: u16,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
        /// The server's words.
        description: Option<String>,
    },
    /// The token endpoint could not be reached, or gave no complete answer.
    #[error("the token endpoint gave no answer")]
    Unreachable(#[source] HttpError),
    /// The plan's URLs are not http(s) URLs.
    #[error("plan {plan}: token_url and fhir_url must be https URLs")]
    Misconfigured {
        /// The plan.
        plan: String,
    },
    /// The answer is not a token response (RFC 6749, section 5.1).
    #[error("the token endpoint's answer makes no sense: {reason} (status {status})")]
    Malformed {
        /// The HTTP status.
        status: u16,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl GrantError {
    /// Whether only a new consent can help.
    pub fn is_invalid_grant(&self) -> bool {
        matches!(self, Self::InvalidGrant { .. })
    }

    /// Whether the same request may succeed later.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Self::Unavailable { .. } => true,
            Self::Unreachable(source) => source.is_transient(),
            _ => false,
        }
    }
}

fn said(description: &Option<String>) -> String {
    description.as_ref().map(|description| format!(" (it says: {description})")).unwrap_or_default()
}
