//! Why a member's consent brought no code.

use crate::auth::random::RandomError;

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorizeError {
    /// The plan is not configured for consent in a browser.
    #[error("plan {plan} has no authorize_url")]
    NoAuthorizeUrl {
        /// The plan.
        plan: String,
    },
    /// The consent page would be reached without TLS.
    #[error("the authorize_url of plan {plan} must be https")]
    Insecure {
        /// The plan.
        plan: String,
    },
    /// The member or the plan said no.
    #[error("consent was not given: {error}{}", described(description.as_deref()))]
    Denied {
        /// The error code, such as `access_denied`.
        error: String,
        /// The plan's words.
        description: Option<String>,
    },
    /// The answer belongs to another request.
    #[error("the answer belongs to another request (its state differs); start again")]
    StateMismatch,
    /// The answer does not say to which request it belongs.
    #[error("the answer has no state; paste the whole URL, or only the code")]
    NoState,
    /// There is no code in the answer.
    #[error("there is no code in the answer")]
    NoCode,
    /// A parameter stands in the answer more than once (RFC 6749, section 3.1).
    #[error("the answer has more than one {0}; its code was not used")]
    Repeated(&'static str),
    /// The answer comes from another authorization server than the one asked (RFC 9207, section 2.4).
    #[error("the answer comes from {named}, not from {expected}; its code was not used")]
    OtherIssuer {
        /// The issuer in the answer.
        named: String,
        /// The issuer or origin that was asked.
        expected: String,
    },
    /// The answer names no issuer, though the plan's answers do.
    #[error(
        "the answer does not say which server gave it, though this plan's answers do; paste the \
         whole URL that the browser ends at"
    )]
    NoIssuer,
    /// No state could be made.
    #[error(transparent)]
    Random(#[from] RandomError),
}

fn described(description: Option<&str>) -> String {
    description.map(|description| format!(" ({description})")).unwrap_or_default()
}
