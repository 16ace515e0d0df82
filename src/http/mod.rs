//! HTTP for batch work: patient, bounded, and unable to leak a token.
//!
//! No other module names `reqwest`, `backoff` or `governor`. This one repeats failed attempts, waits as
//! long as a server asks for, keeps to a budget of requests per origin, bounds every body, and hands
//! every final answer, good or bad, to the layer above.
//!
//! It knows nothing of FHIR or OAuth, except which words of a URL may be shown. It never logs, and sends a
//! [`Bearer`] only to the origin that the bearer was made for.

mod bearer;
mod body;
mod call;
mod client;
mod cookies;
mod encoding;
mod error;
mod in_flight;
mod mark;
mod options;
mod origin;
mod origin_headers;
mod pace;
mod posted;
mod rate_limit;
mod request;
mod response;
mod retry;
mod retry_after;
mod safe_url;
mod secrets;
mod spelling;
mod turns;
mod verdict;
mod wait;
mod window;

pub use bearer::Bearer;
pub use client::HttpClient;
pub use cookies::Cookies;
pub use error::{HttpError, HttpErrorKind};
pub use mark::without_mark;
pub use options::HttpOptions;
pub use origin::{Origin, OriginError};
pub use origin_headers::OriginHeaders;
pub use posted::BodyFormat;
pub use rate_limit::RateLimits;
pub use request::{Get, PostForm, PostText, Reading, never, nothing_fresh, silently};
pub use response::Response;
pub use retry::{Retry, RetryReason};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use retry_after::retry_after;
pub use safe_url::SafeUrl;
pub use secrets::{Secrets, SecretsInPlay};
pub use verdict::{Verdict, classify};

#[cfg(test)]
mod client_tests;
