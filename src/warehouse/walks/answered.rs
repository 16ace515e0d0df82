//! The outcome of reading a reference.

/// The outcome of reading a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The resource is stored.
    Stored,
    /// The resource does not exist (404).
    Absent,
    /// The resource existed and is gone (410); a stored copy becomes a tombstone.
    Gone,
    /// The plan does not serve the resource (403).
    Refused,
    /// The plan answers, but never with the resource.
    Unreadable,
    /// There is no answer yet; the next run asks again.
    Later,
}

impl Verdict {
    pub(super) fn state(self) -> Option<&'static str> {
        match self {
            Verdict::Stored => Some("stored"),
            Verdict::Absent | Verdict::Gone => Some("absent"),
            Verdict::Refused => Some("refused"),
            Verdict::Unreadable => Some("unreadable"),
            Verdict::Later => None,
        }
    }
}

/// A reference, with the outcome of reading it.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) resource_id: String,
    pub(crate) verdict: Verdict,
    /// HTTP status of the answer, if it is a refusal.
    pub(crate) http_status: Option<u16>,
    /// The reason as a word, unless the resource is stored.
    pub(crate) reason: Option<&'static str>,
}
