//! Why a page could not be had.

use super::{bundle::BundleError, outcome::Outcome};
use crate::{
    auth::TokenError,
    http::{HttpError, SafeUrl},
};

/// A page that could not be had, after everything that could be tried.
///
/// Its text carries no value of a URL or a resource; the server's own words are apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// There is no token to ask with.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// No answer arrived.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The answer is a refusal or a failure.
    #[error("GET {url}: status {status}{}", of_outcome(.outcome))]
    Status {
        /// HTTP status.
        status: u16,
        /// What was asked for.
        url: SafeUrl,
        /// The OperationOutcome that came with it.
        outcome: Option<Outcome>,
    },
    /// The answer says 2xx, and is no page.
    #[error("GET {url}: {source}")]
    NotAPage {
        /// What was asked for.
        url: SafeUrl,
        /// What it is instead.
        source: BundleError,
    },
    /// The answer to a read says 2xx, and is not the resource asked for.
    #[error("GET {url}: the server answered something else instead of the resource")]
    NotTheResource {
        /// What was asked for.
        url: SafeUrl,
    },
}

fn of_outcome(outcome: &Option<Outcome>) -> String {
    outcome.as_ref().map(|outcome| format!(" ({outcome})")).unwrap_or_default()
}

impl FetchError {
    /// The ledger's word for it.
    pub fn reason(&self) -> &'static str {
        match self {
            FetchError::Token(error) if error.is_consent_needed() => "consent_needed",
            FetchError::Token(_) => "no_token",
            FetchError::Http(error) if error.is_throttled().is_some() => "throttled",
            FetchError::Http(error) if error.is_timeout() => "timeout",
            FetchError::Http(error) if error.is_foreign_origin() => "foreign_origin",
            FetchError::Http(error) if error.is_too_large() => "too_large",
            FetchError::Http(_) => "network",
            FetchError::Status { .. } if self.is_grant_gone() => "consent_needed",
            FetchError::Status { status: 429, outcome: Some(outcome), .. }
                if outcome.is_still_loading() =>
            {
                "still_loading"
            }
            FetchError::Status { status, .. } => match status {
                401 => "unauthorized",
                403 => "forbidden",
                404 => "not_found",
                410 => "gone",
                429 => "throttled",
                400..=499 => "refused",
                500..=599 => "server_error",
                _ => "unexpected_status",
            },
            FetchError::NotAPage { source: BundleError::NotJson, .. } => "not_json",
            FetchError::NotAPage { source: BundleError::Outcome(_), .. } => "operation_outcome",
            FetchError::NotAPage { .. } => "not_a_searchset",
            FetchError::NotTheResource { .. } => "not_the_resource",
        }
    }

    /// Status of the answer, where there was one that says no.
    pub fn status(&self) -> Option<u16> {
        match self {
            FetchError::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The server's own words, for the warehouse's ledger alone: they may name a patient.
    pub fn server_message(&self) -> Option<String> {
        match self {
            FetchError::Status { outcome, .. } => outcome.as_ref().and_then(Outcome::words),
            FetchError::NotAPage { source: BundleError::Outcome(outcome), .. } => outcome.words(),
            _ => None,
        }
    }

    /// Whether the plan says that the member's grant is no more.
    ///
    /// Blue Button does so with a 404 for every type, which else reads as "not served".
    pub fn is_grant_gone(&self) -> bool {
        let FetchError::Status { status: 404, outcome: Some(outcome), .. } = self else {
            return false;
        };
        let words = outcome.words().unwrap_or_default().to_ascii_lowercase();
        words.contains("data access grant was not found")
    }

    /// Whether the server pages by position and this position is beyond what its search engine
    /// allows: Elasticsearch's words, behind 1upHealth (10,000 resources) and others.
    pub fn is_beyond_result_window(&self) -> bool {
        self.server_message().is_some_and(|words| words.contains("Result window is too large"))
    }

    /// Whether the plan itself could not be reached.
    pub fn is_unreachable(&self) -> bool {
        match self {
            // Its token endpoint is a part of it.
            FetchError::Token(error) => error.is_unavailable(),
            FetchError::Http(error) => error.is_transient(),
            FetchError::Status { status, .. } => matches!(status, 502..=504),
            _ => false,
        }
    }
}
