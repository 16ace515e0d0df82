//! The instants of a walk: when it began, by the plan's clock and ours, and how new its resources are.

use crate::{
    clock,
    fhir::instant,
    warehouse::{Cursor, Tally},
};
use chrono::{DateTime, Duration, Utc};

/// Some plans stamp each resource with the time of the answer: at most this long before the answer's `Date`.
const SURELY_BEFORE: Duration = Duration::minutes(1);

/// The instants of a walk.
#[derive(Debug, Clone, Copy)]
pub(super) struct WalkClock {
    /// When this run asked for its first page, by our clock.
    asked: DateTime<Utc>,
    /// The earlier of the two clocks when the walk began.
    started: DateTime<Utc>,
    /// A resource that changed after this instant changed while the walk was under way.
    began: DateTime<Utc>,
    /// A resource that changed before this instant surely changed before the walk began, by the plan's clock
    /// or by ours.
    early_until: DateTime<Utc>,
    /// The newest date of a resource that is not later than the beginning of the walk.
    newest: Option<DateTime<Utc>>,
    /// Whether the run's requests are limited.
    is_limited: bool,
}

impl WalkClock {
    /// The clock of a walk that begins now, or goes on from a cursor.
    ///
    /// If requests are limited, a walk takes many nights, and something changes between them. If such
    /// changes counted as moved pages, the walk would never end. So it is complete as of its beginning, and
    /// later changes come with the walks over changes.
    pub(crate) fn new(now: DateTime<Utc>, resumes: Option<&Cursor>, is_limited: bool) -> WalkClock {
        let started = resumes
            .and_then(|cursor| cursor.tally.began.or_else(|| instant(&cursor.walk_started_at)))
            .unwrap_or(now);
        let began = if is_limited { now } else { started };
        WalkClock { asked: now, started, began, early_until: began, newest: None, is_limited }
    }

    /// When the walk began, by the earlier of the two clocks.
    pub(crate) fn started(&self) -> DateTime<Utc> {
        self.started
    }

    /// Notes the clocks at the first page of this run: `date` is the plan's, if it tells.
    ///
    /// `believed` is the earlier of the two clocks. `is_walks_first` says whether the walk began with this
    /// page.
    pub(crate) fn first_page(
        &mut self,
        date: Option<DateTime<Utc>>,
        believed: DateTime<Utc>,
        is_walks_first: bool,
    ) {
        if is_walks_first {
            self.started = self.started.min(believed);
        } else if !self.is_limited {
            return;
        }
        let Some(date) = date else { return };
        // A change is dated by the plan's clock. Its `Date` leaves out the milliseconds; our clock fills them
        // in where the two agree. A header ahead of our clock is not believed: only changes that are dated
        // later still would be noticed. If the plan's clock really is ahead, the pages are passed through
        // once more, which is safe.
        let end = date.checked_add_signed(Duration::milliseconds(999)).unwrap_or(date);
        self.began = self.asked.min(end);
        // If our clock is far behind, everything that the plan holds would be newer than the walk. So the
        // header counts, too. It is safe: a resource that the plan stamps with the time of the answer is
        // newer than this instant.
        self.early_until = date.checked_sub_signed(SURELY_BEFORE).unwrap_or(date).max(self.began);
    }

    /// Notes when the resources of a page were last updated.
    pub(crate) fn page(&mut self, dates: &[DateTime<Utc>], is_first: bool, tally: &mut Tally) {
        let passed = dates.iter().filter(|date| **date <= self.started);
        self.newest = self.newest.max(passed.max().copied());
        let is_late = |date: &DateTime<Utc>| *date > self.began;
        tally.brought_early |= dates.iter().any(|date| *date <= self.early_until);
        tally.brought_late |= !is_first && dates.iter().any(is_late);
        tally.began = Some(self.started);
    }

    /// The instant up to which everything was seen.
    ///
    /// The newest date may be the present by the plan's clock. Nothing later than the beginning of the walk
    /// can have been seen completely.
    pub(crate) fn watermark(&self) -> Option<String> {
        self.newest.map(|newest| clock::text(newest.min(self.started)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_770_000_000_000 + milliseconds).unwrap()
    }

    /// Whether a resource of the second page, changed at `second`, shows that the pages moved. The first page
    /// was asked for at 500 ms and answered with the `Date` in `header`.
    fn shows_moved(second: i64, header: i64) -> bool {
        let mut clock = WalkClock::new(at(500), None, false);
        clock.first_page(Some(at(header)), at(header.min(500)), true);
        let mut tally = Tally::default();
        clock.page(&[at(header.min(500) - 60_000)], true, &mut tally);
        clock.page(&[at(second)], false, &mut tally);
        tally.changed_meanwhile()
    }

    #[test]
    fn a_change_is_late_by_the_plans_clock_to_the_millisecond_where_ours_agrees() {
        assert!(!shows_moved(400, 0));
        assert!(shows_moved(600, 0));
        // A plan whose clock is a day behind.
        let day = -86_400_000;
        assert!(!shows_moved(day - 1, day));
        assert!(shows_moved(day + 1_000, day));
    }

    #[test]
    fn a_date_header_ahead_of_our_clock_hides_no_change() {
        for ahead in [1_000, 86_400_000, 30 * 86_400_000] {
            assert!(!shows_moved(400, ahead));
            assert!(shows_moved(600, ahead));
            assert!(shows_moved(ahead - 1, ahead));
        }
    }

    #[test]
    fn a_clock_of_ours_that_is_far_behind_hides_no_change() {
        let month = 30 * 86_400_000;
        for (first, second, moved) in [
            // Written an hour before, and while the walk was under way.
            (-3_600_000, 2_000, true),
            // Written before, but our clock cannot tell: passed through once more.
            (-3_600_000, -1_800_000, true),
            // Stamped with the present.
            (-1_000, 2_000, false),
            (700, 900, false),
        ] {
            let mut clock = WalkClock::new(at(500), None, false);
            clock.first_page(Some(at(month)), at(500), true);
            let mut tally = Tally::default();
            clock.page(&[at(month + first)], true, &mut tally);
            clock.page(&[at(month + second)], false, &mut tally);
            assert_eq!(tally.changed_meanwhile(), moved, "{first} {second}");
        }
    }

    #[test]
    fn a_plan_that_stamps_everything_with_the_present_shows_nothing_by_it() {
        let mut clock = WalkClock::new(at(500), None, false);
        clock.first_page(Some(at(0)), at(0), true);
        let mut tally = Tally::default();
        clock.page(&[at(700)], true, &mut tally);
        clock.page(&[at(900)], false, &mut tally);
        assert!(!tally.changed_meanwhile());
        assert_eq!(clock.watermark(), None);
    }
}
