//! The outcome of a type's parts so far, and the order for the walk over one part.

use super::ending::interrupted;
use crate::{
    outcome::{Reason, WalkState},
    sync::{
        decide::{
            asked::Extent,
            order::{WalkFrom, WalkOrder},
            part::Part,
        },
        report::WalkReport,
        stop::Stop,
    },
    warehouse::{WalkCounters, WalkFinish, WalkWindow},
};
use chrono::{DateTime, Utc};

/// The outcome of the parts.
#[derive(Default)]
pub(super) struct Came {
    pub(super) counters: WalkCounters,
    /// When the first part was asked for, in this run or an earlier one, by our clock.
    pub(super) began: DateTime<Utc>,
    /// Parts that the plan refused, each with the status of its refusal.
    pub(super) refused: Vec<(String, u16)>,
    /// How the first refused part was refused.
    pub(super) refusal: Option<WalkFinish>,
    /// The refusal of the first part that came in an earlier run and is refused now.
    pub(super) lost: Option<WalkFinish>,
    /// Whether some part, or its beginning, came in an earlier run.
    pub(super) resumed: bool,
    /// Whether some part's resources are not all known: an earlier run kept no note of them, or rejected one.
    pub(super) is_unseen: bool,
    /// Whether this run has brought some part in full.
    pub(super) has_part: bool,
    /// The parts in a row, up to the latest, that did not reach the plan.
    pub(super) unreachable: u32,
    /// The end of a part that is not complete. If several parts are not, it is the end that decides the exit
    /// code.
    pub(super) failed: Option<WalkFinish>,
}

impl Came {
    /// Whether the plan has refused a part.
    pub(super) fn is_refused(&self, part: &Part) -> bool {
        self.refused.iter().any(|(query, _)| *query == part.query)
    }

    /// Notes the end of a part that is not complete.
    ///
    /// Of two ends that are equally bad, the one that ends the run early is kept: the parts after it were not
    /// asked for, and are due next.
    pub(super) fn note_failure(&mut self, finish: WalkFinish) {
        let ends_early = matches!(finish.reason, Some(Reason::RequestLimit | Reason::Interrupted));
        let is_worse = |known: &WalkFinish| match ends_early {
            true => !known.outcome().outranks(finish.outcome()),
            false => finish.outcome().outranks(known.outcome()),
        };
        if self.failed.as_ref().is_none_or(is_worse) {
            self.failed = Some(finish);
        }
    }

    /// Counts a part that the run has asked for.
    pub(super) fn note_end(&mut self, finish: &WalkFinish) {
        self.has_part |= finish.state == WalkState::Complete;
        self.unreachable = match finish.outcome().is_unreachable() {
            true => self.unreachable + 1,
            false => 0,
        };
    }

    /// The end of the part that failed, as that of the type.
    ///
    /// If this run has brought another part, the plan is there: it does not answer this one search.
    pub(super) fn failure(&self) -> Option<WalkFinish> {
        let failed = self.failed.clone()?;
        if !self.has_part || !failed.outcome().is_unreachable() {
            return Some(failed);
        }
        Some(WalkFinish { reason: Some(Reason::Unanswered), http_status: None, ..failed })
    }

    /// Leaves the type incomplete if the run was asked to stop before everything was asked for.
    ///
    /// A stop may come while the last page of a part is stored. That part is then complete, and the type is
    /// not: what the parts after it would bring must not be taken for absent.
    pub(super) fn note_stop(&mut self, stop: &Stop, is_something_left: bool) {
        if is_something_left && stop.is_asked() {
            self.note_failure(interrupted());
        }
    }
}

/// The walk over one part of a type.
pub(super) fn part_order(order: &WalkOrder, part: &Part, window: WalkWindow) -> WalkOrder {
    WalkOrder {
        from: WalkFrom::Start,
        start: part.start.clone(),
        window: Some(window),
        parts: Vec::new(),
        otherwise: Vec::new(),
        beside: None,
        note: None,
        extent: Extent::default(),
        ..order.clone()
    }
}

/// The status of a walk whose first page was refused, if it says that the plan does not know the search.
///
/// Some plans answer 404 if the member's consent has ended: that says nothing of the search.
pub(super) fn refusal(report: &WalkReport) -> Option<u16> {
    let WalkReport { finish, counters, .. } = report;
    if counters.pages > 0 || finish.reason.is_some_and(Reason::is_without_token) {
        return None;
    }
    finish.http_status.filter(|status| matches!(status, 400 | 403 | 404 | 422))
}

/// The end of a type of which a part is refused, though the member's consent names it.
pub(super) fn refused_though_granted(finish: &WalkFinish, part: &Part) -> WalkFinish {
    let detail = finish.detail.as_deref().unwrap_or_default();
    let detail = format!(
        "the plan refuses {}, although the member's consent names it: {detail}",
        part.query
    );
    WalkFinish { state: WalkState::Incomplete, detail: Some(detail), ..finish.clone() }
}

/// The end of a type of which a part came before and is refused now.
pub(super) fn lost(finish: WalkFinish, part: &Part) -> WalkFinish {
    let detail = finish.detail.unwrap_or_default();
    let given_up =
        format!("if the plan no longer supports {}, take it out of the plan's search", part.query);
    let hint = match finish.reason {
        Some(Reason::Refused | Reason::NotFound) => given_up,
        _ => finish.hint.unwrap_or(given_up),
    };
    WalkFinish {
        detail: Some(format!(
            "the plan now refuses {}, although it answered this search before: {detail}",
            part.query
        )),
        hint: Some(hint),
        ..finish
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_leaves_a_type_incomplete_only_if_something_was_not_asked_for() {
        let (handle, stop) = Stop::new();
        let failed = |is_something_left: bool| {
            let mut came = Came::default();
            came.note_stop(&stop, is_something_left);
            came.failed.and_then(|finish| finish.reason)
        };
        assert_eq!(failed(true), None);
        handle.ask();
        assert_eq!((failed(true), failed(false)), (Some(Reason::Interrupted), None));
    }

    #[test]
    fn a_part_that_does_not_reach_the_plan_is_unanswered_beside_a_part_that_came() {
        let timeout = WalkFinish::incomplete(Reason::Timeout, "30 s".to_owned());
        let told = |ends: &[&WalkFinish]| {
            let mut came = Came::default();
            for finish in ends {
                came.note_end(finish);
                if finish.state != WalkState::Complete {
                    came.note_failure(WalkFinish::clone(finish));
                }
            }
            let failure = came.failure();
            assert!(failure.iter().all(|finish| finish.detail == timeout.detail));
            (failure.and_then(|finish| finish.reason), came.unreachable)
        };
        let complete = WalkFinish::complete(None);
        assert_eq!(told(&[&timeout, &timeout]), (Some(Reason::Timeout), 2));
        assert_eq!(told(&[&timeout, &complete, &timeout]), (Some(Reason::Unanswered), 1));
        assert_eq!(told(&[&complete]), (None, 0));
        let refused = WalkFinish {
            detail: timeout.detail.clone(),
            ..WalkFinish::incomplete(Reason::Refused, String::new())
        };
        assert_eq!(told(&[&complete, &timeout, &refused]).1, 0);
    }

    #[test]
    fn only_an_answer_to_the_search_refuses_it() {
        let refused_by = |reason| {
            let finish = WalkFinish::incomplete(reason, String::new());
            refusal(&WalkReport {
                resource_type: "Goal".to_owned(),
                finish: WalkFinish { http_status: Some(403), ..finish },
                counters: WalkCounters::default(),
            })
        };
        assert_eq!(refused_by(Reason::Forbidden), Some(403));
        assert_eq!(refused_by(Reason::Blocked), Some(403));
        assert_eq!(refused_by(Reason::ConsentNeeded), None);
    }

    #[test]
    fn the_failure_with_the_worst_exit_code_is_the_types() {
        let open = |reason: Reason| WalkFinish::incomplete(reason, String::new());
        let mut came = Came::default();
        for (next, told) in [
            (Reason::ServerError, Reason::ServerError),
            (Reason::NotJson, Reason::ServerError),
            (Reason::ConsentNeeded, Reason::ConsentNeeded),
            (Reason::Timeout, Reason::ConsentNeeded),
        ] {
            came.note_failure(open(next));
            assert_eq!(came.failed.as_ref().and_then(|finish| finish.reason), Some(told));
        }
    }
}
