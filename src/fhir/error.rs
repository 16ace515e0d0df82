//! Why a page could not be fetched.

use super::{bundle::BundleError, outcome::Outcome};
use crate::{
    auth::TokenError,
    fingerprint::fingerprint,
    http::{HttpError, Response, SafeUrl, without_mark},
    outcome::Reason,
};

/// Why a page could not be fetched, after every retry.
///
/// The message has no value of a URL or a resource, and none of the server's own words.
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
        /// The URL that was asked for.
        url: SafeUrl,
        /// The OperationOutcome that came with the answer, if any.
        outcome: Option<Outcome>,
        /// Whether the answer says that the member's grant has ended.
        grant_gone: bool,
        /// Whether a resource other than an OperationOutcome came with the answer.
        brings_resource: bool,
        /// Whether a web page came with the answer, as a gateway in front of a plan sends it.
        is_web_page: bool,
        /// Whether the request had no token, since the plan's grant is `none`.
        is_open: bool,
    },
    /// The answer has status 2xx, and is not a page.
    #[error("GET {url}: {source}")]
    NotAPage {
        /// The URL that was asked for.
        url: SafeUrl,
        /// Why the answer is not a page.
        source: BundleError,
    },
    /// The answer to a read has status 2xx, and is not the resource asked for.
    #[error("GET {url}: the server answered something else instead of the resource")]
    NotTheResource {
        /// The URL that was asked for.
        url: SafeUrl,
    },
    /// The id of a resource that is to be read cannot stand in a URL.
    #[error(
        "GET {base}: the id of the resource cannot stand in a URL, so the resource cannot be read"
    )]
    NoAddress {
        /// The FHIR base that the resource would be read from.
        base: SafeUrl,
    },
    /// A cache answered a read in the plan's place.
    #[error("GET {url}: a cache answered with an earlier answer of the plan")]
    Kept {
        /// The URL that was asked for.
        url: SafeUrl,
    },
}

/// Whether an answer has Blue Button's words for a grant that has ended, in whatever shape and case: an
/// OperationOutcome, `{"detail": …}`, plain text.
fn says_grant_gone(body: &[u8]) -> bool {
    const LONGEST: usize = 64 * 1024;
    let text = String::from_utf8_lossy(&body[..body.len().min(LONGEST)]).to_ascii_lowercase();
    // JSON's escape for a line break, `\n`, has a letter that is not part of the words.
    let text = text.replace("\\n", " ").replace("\\r", " ").replace("\\t", " ");
    let letters: String = text.chars().filter(char::is_ascii_alphabetic).collect();
    ["dataaccessgrantwasnotfound", "dataaccessgrantnotfound"]
        .iter()
        .any(|words| letters.contains(words))
}

/// Whether a body is a FHIR resource, other than an OperationOutcome.
fn is_resource(body: &[u8]) -> bool {
    fingerprint(without_mark(body)).is_ok_and(|found| found.resource_type != "OperationOutcome")
}

/// Whether a body is an HTML page; a resource in XML is not.
pub(super) fn is_web_page(body: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&body[..body.len().min(1024)]).to_ascii_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with('<') && (text.contains("<html") || text.starts_with("<!doctype html"))
}

fn of_outcome(outcome: &Option<Outcome>) -> String {
    outcome.as_ref().map(|outcome| format!(" ({outcome})")).unwrap_or_default()
}

impl FetchError {
    /// The ledger's reason for this error.
    pub fn reason(&self) -> Reason {
        match self {
            FetchError::Token(error) if error.is_consent_needed() => Reason::ConsentNeeded,
            FetchError::Token(error) if error.is_unavailable() => Reason::TokenUnreachable,
            FetchError::Token(TokenError::Vault(_)) => Reason::Vault,
            FetchError::Token(error) if error.is_client_refused() => Reason::ClientRefused,
            FetchError::Token(_) => Reason::NoToken,
            FetchError::Http(error) if error.is_throttled().is_some() => Reason::Throttled,
            FetchError::Http(error) if error.is_timeout() => Reason::Timeout,
            FetchError::Http(error) if error.is_foreign_origin() => Reason::ForeignOrigin,
            FetchError::Http(error) if error.is_too_large() => Reason::TooLarge,
            FetchError::Http(error) if error.is_unknown_encoding() => Reason::UnknownEncoding,
            FetchError::Http(_) => Reason::Network,
            FetchError::Status { .. } if self.is_grant_gone() => Reason::ConsentNeeded,
            FetchError::Status { status: 429, outcome: Some(outcome), .. }
                if outcome.is_still_loading() =>
            {
                Reason::StillLoading
            }
            FetchError::Status { status: 403, is_web_page: true, .. } => Reason::Blocked,
            FetchError::Status { status, .. } => match status {
                401 => Reason::Unauthorized,
                403 => Reason::Forbidden,
                404 => Reason::NotFound,
                410 => Reason::Gone,
                429 => Reason::Throttled,
                400..=499 => Reason::Refused,
                500..=599 => Reason::ServerError,
                _ => Reason::UnexpectedStatus,
            },
            FetchError::NotAPage { source: BundleError::NotJson, .. } => Reason::NotJson,
            FetchError::NotAPage { source: BundleError::Outcome(_), .. } => {
                Reason::OperationOutcome
            }
            FetchError::NotAPage { source: BundleError::TooManyEntries, .. } => {
                Reason::TooManyEntries
            }
            FetchError::NotAPage { .. } => Reason::NotASearchset,
            FetchError::NotTheResource { .. } | FetchError::NoAddress { .. } => {
                Reason::NotTheResource
            }
            FetchError::Kept { .. } => Reason::StaleAnswer,
        }
    }

    /// Status of the answer, if there was an answer and it refused.
    pub fn status(&self) -> Option<u16> {
        match self {
            FetchError::Status { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The status, if the answer to a read says that the resource does not exist, or no longer exists.
    ///
    /// 404 and 410 do, unless the body is a resource, or says that the server is busy, that the resource may
    /// not be seen or that the grant has ended. Source: FHIR R4, RESTful read, and IssueType.
    pub(crate) fn says_gone(&self) -> Option<u16> {
        match self {
            FetchError::Status {
                status: status @ (404 | 410),
                outcome,
                grant_gone: false,
                brings_resource: false,
                ..
            } if !outcome.as_ref().is_some_and(Outcome::is_about_access) => Some(*status),
            _ => None,
        }
    }

    /// Whether this resource alone cannot be read, and others may be: the plan refuses it by 403, or its id
    /// does not fit a URL.
    pub fn is_of_this_one(&self) -> bool {
        matches!(self, FetchError::NoAddress { .. }) || matches!(self.status(), Some(403 | 414))
    }

    /// Whether a gateway in front of the plan refused the request, as a firewall does if requests come too
    /// fast. The plan itself may then have said nothing of what was asked for; but some web servers answer so
    /// for what the plan does not serve.
    pub(crate) fn is_blocked(&self) -> bool {
        self.reason() == Reason::Blocked
    }

    /// The server's own words, for the warehouse's ledger alone: they may name a patient.
    pub fn server_message(&self) -> Option<String> {
        match self {
            FetchError::Status { outcome, .. } => outcome.as_ref().and_then(Outcome::words),
            FetchError::NotAPage { source: BundleError::Outcome(outcome), .. } => outcome.words(),
            FetchError::Token(error) => error.words(),
            _ => None,
        }
    }

    /// The error for an answer that refuses.
    pub(super) fn refused(url: SafeUrl, response: &Response, is_open: bool) -> FetchError {
        let (status, body) = (response.status, &response.body[..]);
        FetchError::Status {
            status,
            url,
            outcome: Outcome::parse(body),
            // If the plan asks nobody for consent, no grant can have ended.
            grant_gone: !is_open && status < 500 && says_grant_gone(body),
            brings_resource: is_resource(body),
            is_web_page: is_web_page(body),
            is_open,
        }
    }

    /// Whether the plan says that the member's grant has ended.
    ///
    /// Blue Button does so with a 404 for every type, which otherwise reads as "not served".
    pub fn is_grant_gone(&self) -> bool {
        matches!(self, FetchError::Status { grant_gone: true, .. })
    }

    /// What the operator can do if the cause is the token or its absence.
    pub fn hint(&self) -> Option<String> {
        match self {
            FetchError::Token(error) => error.hint(),
            FetchError::Status { status: 401 | 403, is_open: true, .. } => Some(
                "the plan's grant is \"none\", so no token is sent; if the server wants a token, \
                 set another grant in the plan's section"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// Whether the server pages by position and this position is beyond what its search engine
    /// allows: Elasticsearch's words, behind 1upHealth (10,000 resources) and others.
    pub fn is_beyond_result_window(&self) -> bool {
        self.server_message().is_some_and(|words| words.contains("Result window is too large"))
    }

    /// Whether the plan itself, or its token endpoint, could not be reached.
    pub fn is_unreachable(&self) -> bool {
        self.reason().is_unreachable(self.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_page_is_told_from_a_resource_in_xml_and_from_an_empty_body() {
        for page in [
            "<html>\r\n<head><title>403 Forbidden</title></head></html>",
            "\u{feff}  <!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\"><HTML></HTML>",
            "<?xml version=\"1.0\"?><html xmlns=\"http://www.w3.org/1999/xhtml\"></html>",
        ] {
            assert!(is_web_page(page.as_bytes()), "{page}");
        }
        for other in [
            "",
            "<OperationOutcome xmlns=\"http://hl7.org/fhir\"></OperationOutcome>",
            r#"{"message":"<html>"}"#,
            "Forbidden",
        ] {
            assert!(!is_web_page(other.as_bytes()), "{other}");
        }
    }
}
