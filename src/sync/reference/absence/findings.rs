//! What the answer to a read says of an absent resource.

use crate::{
    fhir::{FetchError, instant},
    warehouse::{Absent, Finding, is_no_answer},
};

/// The status by which some plans answer every read of a resource that they do not know (Cigna).
const ERROR: u16 = 500;
/// How far apart two full walks must be to prove a deletion by themselves.
const WALKS_APART_HOURS: i64 = 24;

/// The finding after a read that was refused.
///
/// Either all reads are refused, or this read alone, for example because the resource is another patient's by
/// now.
pub(super) fn refused(absent: &Absent, reads_work: bool, status: Option<u16>) -> Finding {
    match !reads_work && two_walks_agree(absent) {
        true => Finding::GoneByWalks,
        false => Finding::Open(status),
    }
}

/// An answer to a read that does not bring the resource, and that counts if other reads work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Said {
    /// The resource does not exist, or no longer: status 404 or 410.
    Gone(u16),
    /// Something else. It may be about this resource alone, or about the plan as a whole.
    Other(Option<u16>),
}

impl Said {
    /// What an error says of a resource; `None` if it says nothing, or if reads are refused.
    pub(super) fn of(error: &FetchError) -> Option<Said> {
        let status = error.status();
        match error.says_gone() {
            Some(status) => Some(Said::Gone(status)),
            None if matches!(error, FetchError::NotTheResource { .. }) => Some(Said::Other(None)),
            // A gateway may refuse this read alone, or all of them from one moment to the next.
            None if error.is_blocked() => Some(Said::Other(status)),
            None => matches!(status, Some(400 | 405 | 422 | ERROR)).then_some(Said::Other(status)),
        }
    }

    /// Whether the answer is an error of the plan, which a request repeats several times before it counts.
    pub(super) fn is_an_error(self) -> bool {
        self == Said::Other(Some(ERROR))
    }

    /// The finding, once it is known whether the plan still answers other reads.
    ///
    /// A 404 or 410 between two reads that work is a proof. Another answer between them is about this
    /// resource, and the walks decide.
    pub(super) fn finding(self, absent: &Absent, reads_work: bool) -> Finding {
        match (self, reads_work) {
            (Said::Gone(status), true) => Finding::GoneByRead(status),
            (Said::Gone(_), false) => Finding::Open(None),
            (Said::Other(status), true) => refused(absent, false, status),
            (Said::Other(status), false) => Finding::Open(status),
        }
    }
}

/// Whether an error tells nothing: for example after a time-out, without a token, or if a cache answered.
pub(super) fn is_not_answered(error: &FetchError) -> bool {
    matches!(error, FetchError::Kept { .. })
        || error.reason().is_without_token()
        || error.is_unreachable()
        || error.status().is_some_and(is_no_answer)
}

/// Whether the two full walks that missed a resource are far enough apart to prove its deletion.
pub(super) fn two_walks_agree(absent: &Absent) -> bool {
    let (Some(first), Some(latest)) = (instant(&absent.missed_since), instant(&absent.missed_at))
    else {
        return false;
    };
    latest.signed_duration_since(first) >= chrono::Duration::hours(WALKS_APART_HOURS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{SafeUrl, Verdict, classify};

    #[test]
    fn a_status_that_is_asked_for_again_proves_nothing() {
        let again = (100..=599).filter(|status| classify(*status) == Verdict::Retryable);
        assert_eq!(again.filter(|status| !is_no_answer(*status)).count(), 0);
        assert!(![403, 404, 410, 501].into_iter().any(is_no_answer));
    }

    #[test]
    fn the_page_of_a_gateway_is_another_answer_and_a_plain_403_a_refused_read() {
        let refused = |is_web_page| FetchError::Status {
            status: 403,
            url: SafeUrl::from(&url::Url::parse("https://h.test/r4/Goal/1").unwrap()),
            outcome: None,
            grant_gone: false,
            brings_resource: false,
            is_web_page,
            is_open: false,
        };
        assert_eq!(Said::of(&refused(true)), Some(Said::Other(Some(403))));
        assert_eq!(Said::of(&refused(false)), None);
        assert!(!is_not_answered(&refused(true)), "the walks may decide");
    }

    #[test]
    fn another_answer_beside_reads_that_work_leaves_the_word_to_the_walks() {
        let missed = |until: &str| Absent {
            resource_id: "a".to_owned(),
            missed_since: "2026-01-01T00:00:00.000Z".to_owned(),
            missed_at: until.to_owned(),
            was_brought: false,
        };
        let (once, twice) =
            (missed("2026-01-01T00:00:00.000Z"), missed("2026-01-02T00:00:00.000Z"));
        for status in [Some(400), Some(403), Some(500), None] {
            let said = Said::Other(status);
            assert_eq!(said.finding(&twice, true), Finding::GoneByWalks);
            assert_eq!(said.finding(&once, true), Finding::Open(status));
            assert_eq!(said.finding(&twice, false), Finding::Open(status));
        }
        assert_eq!(Said::Gone(404).finding(&once, true), Finding::GoneByRead(404));
        assert_eq!(Said::Gone(410).finding(&twice, false), Finding::Open(None));
    }
}
