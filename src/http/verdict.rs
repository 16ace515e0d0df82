//! Which statuses are worth another attempt.

/// What a status says about asking again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same request may succeed later.
    Retryable,
    /// Asking again would bring the same answer.
    Final,
}

/// The statuses that are asked for again, each with its reason.
const RETRYABLE: [(u16, &str); 7] = [
    (408, "request timeout"),
    (425, "too early"),
    (429, "too many requests"),
    // Some payers answer a permanent 500 for an unknown resource; the attempts are bounded.
    (500, "server error"),
    (502, "bad gateway"),
    (503, "unavailable"),
    (504, "gateway timeout"),
];

/// Whether an answer with `status` is worth another attempt.
pub fn classify(status: u16) -> Verdict {
    match reason_of(status) {
        Some(_) => Verdict::Retryable,
        None => Verdict::Final,
    }
}

pub(super) fn reason_of(status: u16) -> Option<&'static str> {
    RETRYABLE.iter().find(|(retryable, _)| *retryable == status).map(|(_, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_these_statuses_are_asked_for_again() {
        let retried: Vec<u16> =
            (100..=599).filter(|status| classify(*status) == Verdict::Retryable).collect();
        assert_eq!(retried, [408, 425, 429, 500, 502, 503, 504]);
    }
}
