//! Why a request got no answer.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use super::{Origin, SafeUrl, Verdict, classify};

/// A request without a usable answer: what failed, at which URL, after how many attempts and how long.
///
/// It never shows a token, a query value or an id.
pub struct HttpError(Box<Details>);

struct Details {
    kind: HttpErrorKind,
    method: &'static str,
    url: Option<SafeUrl>,
    status: Option<u16>,
    attempts: u32,
    /// Whether it is certain that the server saw nothing of any attempt.
    unsent: bool,
    elapsed: Duration,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kinds of failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpErrorKind {
    /// The token belongs to another origin. Nothing was sent.
    #[error("refused to send a token that was issued for {issued_for}")]
    ForeignOrigin {
        /// Where the token may go.
        issued_for: Origin,
    },
    /// The URL is neither https nor on this machine. Nothing was sent.
    #[error("refused to send without TLS; use https")]
    Insecure,
    /// The program ends before the request's turn came. Nothing was sent.
    #[error("given up before it was sent, since the program ends")]
    GivenUp,
    /// A value that was given cannot be sent in a header. Nothing was sent.
    #[error("the request has an invalid header")]
    InvalidRequest,
    /// The system's TLS roots or proxy settings cannot be used.
    #[error("its certificates or proxy settings cannot be used")]
    Setup,
    /// A time limit was reached.
    #[error("timed out")]
    Timeout,
    /// No connection could be made.
    #[error("could not connect")]
    Connect,
    /// The connection broke before the answer began.
    #[error("connection lost")]
    ConnectionLost,
    /// The body ended early or cannot be decompressed.
    #[error("the answer is cut short or damaged")]
    Truncated,
    /// The body is larger than allowed.
    #[error("the answer is larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit, in bytes after decompression.
        limit_bytes: usize,
    },
    /// The body has an encoding that was not asked for.
    #[error("the answer is encoded as {encoding}, which was not asked for")]
    UnknownEncoding {
        /// The word in `Content-Encoding`.
        encoding: &'static str,
    },
    /// The server asks to wait longer than a request may wait.
    #[error("the server asks to wait {}s", retry_after.as_secs())]
    Throttled {
        /// How long the server asks to wait.
        retry_after: Duration,
    },
}

/// One failed attempt.
pub(super) struct Fault {
    pub(super) kind: HttpErrorKind,
    /// Whether it is certain that the server saw nothing of the request.
    pub(super) unsent: bool,
    /// The status of the answer, if its head arrived.
    pub(super) status: Option<u16>,
    pub(super) source: Option<Box<dyn Error + Send + Sync>>,
}

impl HttpErrorKind {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Timeout | Self::Connect | Self::ConnectionLost | Self::Truncated | Self::GivenUp
        )
    }
}

impl HttpError {
    pub(super) fn new(
        method: &'static str,
        url: Option<SafeUrl>,
        fault: Fault,
        attempts: u32,
        elapsed: Duration,
    ) -> Self {
        let Fault { kind, unsent, status, source } = fault;
        Self(Box::new(Details { kind, method, url, status, attempts, unsent, elapsed, source }))
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> &HttpErrorKind {
        &self.0.kind
    }

    /// The URL that was asked for; absent if the client itself could not be made.
    pub fn url(&self) -> Option<&SafeUrl> {
        self.0.url.as_ref()
    }

    /// The number of attempts; 0 if nothing was sent.
    pub fn attempts(&self) -> u32 {
        self.0.attempts
    }

    /// The status of the last answer, if its head arrived and its body could not be read.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Whether it is certain that the server saw nothing of any attempt.
    pub fn is_unsent(&self) -> bool {
        self.0.unsent
    }

    /// How long the request was tried, waits included.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Whether a time limit was reached.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == HttpErrorKind::Timeout
    }

    /// Whether the server was reached, as far as is known, and gave no answer.
    pub fn is_unanswered(&self) -> bool {
        matches!(self.0.kind, HttpErrorKind::Timeout | HttpErrorKind::ConnectionLost)
    }

    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        self.0.kind.is_transient() || self.is_throttled().is_some()
    }

    /// How long the server asks to wait, if that is longer than a request may wait.
    pub fn is_throttled(&self) -> Option<Duration> {
        match self.0.kind {
            HttpErrorKind::Throttled { retry_after } => Some(retry_after),
            _ => None,
        }
    }

    /// Whether the answer is larger than allowed; asking again would not help.
    pub fn is_too_large(&self) -> bool {
        matches!(self.0.kind, HttpErrorKind::TooLarge { .. })
    }

    /// Whether the answer has an encoding that was not asked for.
    pub fn is_unknown_encoding(&self) -> bool {
        matches!(self.0.kind, HttpErrorKind::UnknownEncoding { .. })
    }

    /// Whether the token belongs to another origin.
    pub fn is_foreign_origin(&self) -> bool {
        matches!(self.0.kind, HttpErrorKind::ForeignOrigin { .. })
    }
}

impl Fault {
    /// A refusal, before anything is sent.
    pub(super) fn refusal(kind: HttpErrorKind) -> Self {
        Self { kind, unsent: true, status: None, source: None }
    }

    pub(super) fn setup(source: reqwest::Error) -> Self {
        Self::caused(HttpErrorKind::Setup, true, source)
    }

    /// A failure before the head of the answer arrived.
    pub(super) fn sending(source: reqwest::Error) -> Self {
        let unsent = source.is_connect() || source.is_builder();
        let kind = if source.is_timeout() {
            HttpErrorKind::Timeout
        } else if source.is_connect() {
            HttpErrorKind::Connect
        } else if source.is_builder() {
            HttpErrorKind::InvalidRequest
        } else {
            HttpErrorKind::ConnectionLost
        };
        Self::caused(kind, unsent, source)
    }

    /// A failure of an attempt that took longer than the total timeout.
    pub(super) fn too_slow() -> Self {
        Self { unsent: false, ..Self::refusal(HttpErrorKind::Timeout) }
    }

    /// A failure while the body arrived.
    pub(super) fn reading(source: reqwest::Error) -> Self {
        let kind =
            if source.is_timeout() { HttpErrorKind::Timeout } else { HttpErrorKind::Truncated };
        Self::caused(kind, false, source)
    }

    /// Adds the status in the head of the answer to a failure.
    pub(super) fn after_head(self, status: u16) -> Self {
        Self { status: Some(status), ..self }
    }

    /// Whether the head of an answer with a final status had arrived: asking again would not change the
    /// status.
    pub(super) fn is_final(&self) -> bool {
        self.status.is_some_and(|status| classify(status) == Verdict::Final)
    }

    fn caused(kind: HttpErrorKind, unsent: bool, source: reqwest::Error) -> Self {
        // The URL holds ids and cursors; it is shown masked, or not at all.
        let source = Some(Box::new(source.without_url()) as _);
        Self { kind, unsent, status: None, source }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { kind, method, url, attempts, elapsed, .. } = &*self.0;
        if let Some(url) = url {
            write!(f, "{method} {url}: ")?;
        }
        kind.fmt(f)?;
        match attempts {
            0 => Ok(()),
            1 => write!(f, " after 1 attempt in {:.1}s", elapsed.as_secs_f64()),
            _ => write!(f, " after {attempts} attempts in {:.1}s", elapsed.as_secs_f64()),
        }
    }
}

impl fmt::Debug for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpError({self}; source: {:?})", self.0.source)
    }
}

impl Error for HttpError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
