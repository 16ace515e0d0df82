//! How old the pages of a pass are. A cache in front of a plan may answer with a page that is days old, even
//! if the other pages are new.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// The least limit for `Date` headers that differ: the clocks of a plan's servers may differ by this much.
const LEAST_LIMIT: TimeDelta = TimeDelta::hours(1);
/// The least limit for an `Age`. It compares no clocks, but may count the seconds that an answer is under
/// way (RFC 9111, section 4.2.3).
const LEAST_AGE: TimeDelta = TimeDelta::minutes(1);

/// The header that shows that a page is too old, with the age that it shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stale {
    /// The `Age` that a cache gave the page.
    Told(TimeDelta),
    /// How far the page's `Date` is behind another page's: a cache kept it, or two servers' clocks differ.
    Behind(TimeDelta),
}

/// How old the pages of a pass are, by `Age` and by how their `Date` headers differ.
#[derive(Debug, Default)]
pub(super) struct Ages {
    /// The greatest `Age`.
    told: TimeDelta,
    /// By how much our clock was ahead of the `Date` of the newest page and of the oldest one.
    ahead: Option<(TimeDelta, TimeDelta)>,
}

impl Ages {
    /// Adds a page that has just arrived.
    pub(super) fn add(
        &mut self,
        now: DateTime<Utc>,
        date: Option<DateTime<Utc>>,
        age: Option<Duration>,
    ) {
        let told = age.map(|age| TimeDelta::from_std(age).unwrap_or(TimeDelta::MAX));
        self.told = self.told.max(told.unwrap_or_default());
        let Some(ahead) = date.map(|date| now.signed_duration_since(date)) else { return };
        let (newest, oldest) = self.ahead.unwrap_or((ahead, ahead));
        self.ahead = Some((newest.min(ahead), oldest.max(ahead)));
    }

    /// The age of the oldest page, if it is greater than `overlap`. Walks over changes reach back by
    /// `overlap`, so they would not bring what changed since such a page.
    pub(super) fn beyond(&self, overlap: Duration) -> Option<Stale> {
        let overlap = TimeDelta::from_std(overlap).unwrap_or(TimeDelta::MAX);
        if self.told > overlap.max(LEAST_AGE) {
            return Some(Stale::Told(self.told));
        }
        let (newest, oldest) = self.ahead.unwrap_or_default();
        let behind = oldest.checked_sub(&newest).unwrap_or(TimeDelta::MAX);
        (behind > overlap.max(LEAST_LIMIT)).then_some(Stale::Behind(behind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result for pages that arrive a minute apart, given `Date` and `Age` of each in minutes.
    fn beyond(overlap_hours: u64, pages: &[(Option<i64>, Option<u64>)]) -> Option<Stale> {
        let start = DateTime::from_timestamp(1_770_000_000, 0).unwrap();
        let mut ages = Ages::default();
        for (minute, (date, age)) in (0..).zip(pages) {
            let now = start + TimeDelta::minutes(minute);
            let date = date.map(|minutes| now + TimeDelta::minutes(minutes));
            ages.add(now, date, age.map(|minutes| Duration::from_secs(minutes * 60)));
        }
        ages.beyond(Duration::from_secs(overlap_hours * 3600))
    }

    #[test]
    fn a_page_is_old_by_its_age_or_by_a_date_behind_that_of_another_page() {
        let told = |minutes| Some(Stale::Told(TimeDelta::minutes(minutes)));
        let behind = |minutes| Some(Stale::Behind(TimeDelta::minutes(minutes)));
        for (overlap_hours, pages, expected) in [
            (24, &[(None, None), (None, Some(1500))][..], told(1500)),
            (24, &[(None, None), (None, Some(1440))], None),
            (24, &[(Some(0), None), (Some(-1800), None), (Some(0), None)], behind(1800)),
            (24, &[(Some(-1800), None), (Some(0), None)], behind(1800)),
            (24, &[(Some(0), Some(60)), (Some(-1200), Some(1200))], None),
            (24, &[(Some(0), None), (Some(-1800), Some(1700))], told(1700)),
            // A clock that is wrong is wrong on all pages.
            (24, &[(Some(-240_000), None), (Some(-240_000), None)], None),
            (24, &[(Some(42_000), None), (None, None), (Some(42_000), None)], None),
            (24, &[], None),
            // Clocks may differ by an hour; an `Age` compares no clocks.
            (0, &[(Some(0), None), (Some(-60), None)], None),
            (0, &[(Some(0), None), (Some(-61), None)], behind(61)),
            (0, &[(Some(0), Some(1))], None),
            (0, &[(Some(0), Some(2))], told(2)),
        ] {
            assert_eq!(beyond(overlap_hours, pages), expected, "{overlap_hours} {pages:?}");
        }
    }

    #[test]
    fn no_age_and_no_date_overflows() {
        let mut ages = Ages::default();
        let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        ages.add(first, Some(last), Some(Duration::MAX));
        ages.add(last, Some(first), Some(Duration::from_secs(u64::MAX)));
        assert!(ages.beyond(Duration::MAX).is_none());
        assert!(ages.beyond(Duration::ZERO).is_some());
    }
}
