//! How old the pages of a pass are: a cache in front of a plan may answer with what the plan said days
//! ago, for a single page too.

use chrono::{DateTime, TimeDelta, Utc};
use std::time::Duration;

/// What the clocks of a plan's servers may differ by, however little a walk over changes reaches back.
const LEAST_LIMIT: TimeDelta = TimeDelta::hours(1);

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

    /// The age of the oldest page, where it is older than a walk over changes reaches back: what
    /// changed since then no later walk over changes would bring.
    pub(super) fn beyond(&self, overlap: Duration) -> Option<TimeDelta> {
        let overlap = TimeDelta::from_std(overlap).unwrap_or(TimeDelta::MAX);
        let (newest, oldest) = self.ahead.unwrap_or_default();
        let age = self.told.max(oldest.checked_sub(&newest).unwrap_or(TimeDelta::MAX));
        (age > overlap.max(LEAST_LIMIT)).then_some(age)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The age that pages show which came within two minutes, given `Date` and `Age` of each in hours.
    fn beyond(overlap: u64, pages: &[(Option<i64>, Option<u64>)]) -> Option<i64> {
        let start = DateTime::from_timestamp(1_770_000_000, 0).unwrap();
        let mut ages = Ages::default();
        for (minute, (date, age)) in (0..).zip(pages) {
            let now = start + TimeDelta::minutes(minute);
            let date = date.map(|hours| now + TimeDelta::hours(hours));
            ages.add(now, date, age.map(|hours| Duration::from_secs(hours * 3600)));
        }
        ages.beyond(Duration::from_secs(overlap * 3600)).map(|age| age.num_hours())
    }

    #[test]
    fn a_page_is_old_by_its_age_or_by_a_date_behind_that_of_another_page() {
        for (pages, expected) in [
            (&[(None, None), (None, Some(25))][..], Some(25)),
            (&[(None, None), (None, Some(24))], None),
            (&[(Some(0), None), (Some(-30), None), (Some(0), None)], Some(30)),
            (&[(Some(-30), None), (Some(0), None)], Some(30)),
            (&[(Some(0), Some(1)), (Some(-20), Some(20))], None),
            // A clock that is wrong is wrong on all pages.
            (&[(Some(-4000), None), (Some(-4000), None)], None),
            (&[(Some(700), None), (None, None), (Some(700), None)], None),
            (&[], None),
        ] {
            assert_eq!(beyond(24, pages), expected, "{pages:?}");
        }
        assert_eq!(beyond(0, &[(Some(0), Some(1)), (Some(-1), None)]), None);
        assert_eq!(beyond(0, &[(Some(0), Some(2))]), Some(2));
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
