//! Why the token endpoint gave no token.

use std::time::Duration;

use crate::{
    auth::ClientKeyError,
    http::{HttpError, Verdict, classify},
};

/// The reason code if the answer to a refresh holds no usable tokens.
pub(super) const UNUSABLE: &str = "refresh_answer_unusable";
/// The beginning of the reason code for a refusal without an error code; the status follows.
pub(super) const REFUSED_WITH: &str = "refresh_refused_with_";

/// A token request that gave no token.
///
/// Descriptions are the server's words, without the secrets that were sent. They may name a patient, so
/// messages leave them out; [`GrantError::words`] returns them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// The code or refresh token is spent, expired, revoked or another client's.
    #[error("the plan no longer accepts the code or refresh token")]
    InvalidGrant {
        /// The error code.
        code: String,
        /// Attempts made: after more than one, an earlier answer may have been lost.
        attempts: u32,
        /// The server's words.
        description: Option<String>,
    },
    /// The plan does not know the client, rejects its credentials, or does not allow it this grant type.
    #[error(
        "the plan does not accept the client; check client_id, token_auth, and the client secret or \
         client_key_file and client_key_id"
    )]
    InvalidClient {
        /// The server's words.
        description: Option<String>,
    },
    /// The plan does not grant the requested scope.
    #[error("the plan does not accept the scope")]
    InvalidScope {
        /// The server's words.
        description: Option<String>,
    },
    /// Any other refusal.
    #[error("the token endpoint refused with status {status}{}", code(error))]
    Other {
        /// Attempts made.
        attempts: u32,
        /// The HTTP status.
        status: u16,
        /// The error code, or the text that the server sent in its place.
        error: String,
        /// The server's words.
        description: Option<String>,
    },
    /// The token endpoint is overloaded or broken; the grant may be as good as before.
    #[error("the token endpoint is unavailable (status {status})")]
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
    /// Our private key cannot sign.
    #[error("the client's private key cannot sign")]
    Key(#[source] ClientKeyError),
    /// The plan's URLs are not http(s) URLs.
    #[error("plan {plan}: token_url and fhir_url must be https URLs")]
    Misconfigured {
        /// The plan.
        plan: String,
    },
    /// The answer is not a token response (RFC 6749, section 5.1).
    #[error("the token endpoint's answer cannot be used: {reason} (status {status})")]
    Malformed {
        /// The HTTP status.
        status: u16,
        /// What is wrong with the answer.
        reason: &'static str,
    },
}

impl GrantError {
    /// Whether only a new consent can help.
    pub fn is_invalid_grant(&self) -> bool {
        matches!(self, Self::InvalidGrant { .. })
    }

    /// Why the member must consent again after a refresh with this error, as a code.
    ///
    /// `None` if the grant may be as good as before, or if the client is at fault. An unusable answer ends
    /// the grant, too: the refresh token may be spent by then, and a plan that sees a spent token again
    /// revokes what it has issued since.
    pub(super) fn ends_grant(&self) -> Option<String> {
        match self {
            Self::InvalidGrant { code, .. } => {
                Some(as_code(code).unwrap_or("invalid_grant".into()))
            }
            Self::InvalidScope { .. } => Some("invalid_scope".into()),
            Self::Other { status, error, .. } => {
                Some(as_code(error).unwrap_or_else(|| refused_with(*status)))
            }
            Self::Malformed { .. } => Some(UNUSABLE.into()),
            Self::Unreachable(error) => match error.status()? {
                status if classify(status) == Verdict::Retryable || status >= 500 => None,
                status @ 400.. => Some(refused_with(status)),
                _ => Some(UNUSABLE.into()),
            },
            Self::InvalidClient { .. }
            | Self::Unavailable { .. }
            | Self::Key(_)
            | Self::Misconfigured { .. } => None,
        }
    }

    /// The server's own words, for the terminal of whoever connects and for the warehouse's ledger.
    pub fn words(&self) -> Option<String> {
        match self {
            Self::InvalidGrant { description, .. }
            | Self::InvalidClient { description }
            | Self::InvalidScope { description }
            | Self::Unavailable { description, .. } => description.clone(),
            Self::Other { error, description, .. } => {
                let sentence = as_code(error).is_none().then(|| error.clone());
                let words: Vec<String> = sentence.into_iter().chain(description.clone()).collect();
                (!words.is_empty()).then(|| words.join("; "))
            }
            _ => None,
        }
    }

    /// Attempts made before a refusal; 1 for other errors.
    pub(crate) fn attempts(&self) -> u32 {
        match self {
            Self::InvalidGrant { attempts, .. } | Self::Other { attempts, .. } => *attempts,
            _ => 1,
        }
    }

    /// Whether it is certain that the token endpoint saw nothing of the request, so that no token is spent.
    pub(super) fn is_unsent(&self) -> bool {
        match self {
            Self::Unreachable(error) => error.is_unsent(),
            Self::Key(_) | Self::Misconfigured { .. } => true,
            _ => false,
        }
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

/// The plan's code in lower case; `None` if it does not look like a code of RFC 6749.
///
/// Such a code has an underscore and no blank. Any other text may be somebody's name.
fn as_code(text: &str) -> Option<String> {
    let code = text.trim().to_ascii_lowercase();
    let is_code = code.contains('_')
        && (3..=40).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (is_code && code != "no_error_code").then_some(code)
}

fn refused_with(status: u16) -> String {
    format!("{REFUSED_WITH}{status}")
}

/// The plan's error code after a colon; empty if `error` is a sentence and not a code.
fn code(error: &str) -> String {
    as_code(error).map(|code| format!(": {code}")).unwrap_or_default()
}
