//! What came of reading a reference.

/// The outcome of reading a reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is stored.
    Stored,
    /// There is no such resource (404).
    Absent,
    /// There was one, and it is gone (410): a stored one becomes a tombstone.
    Gone,
    /// The plan does not serve it (403).
    Refused,
    /// The plan answers, but never with the resource.
    Unreadable,
    /// No answer yet: asked for again by the next run.
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

/// A reference with what came of reading it.
#[derive(Debug, Clone)]
pub(crate) struct Answered {
    pub(crate) resource_id: String,
    pub(crate) verdict: Verdict,
    /// Status of the answer, where it says no.
    pub(crate) http_status: Option<u16>,
    /// A word, unless it is stored.
    pub(crate) reason: Option<&'static str>,
}
