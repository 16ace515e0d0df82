//! When a claim was made, as precisely as its payer says.

use crate::warehouse::tables::marts::words::{first_day, last_day};
use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// A day in microseconds.
const DAY: i64 = 86_400_000_000;

/// The time at which a claim was made. Instants are microseconds since 1970, UTC.
///
/// Most payers send a day without a time. Such a claim was made at an unknown instant of that day, and
/// was last updated at that instant or later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Made {
    /// The first and the last instant that the text sent can mean.
    from: i64,
    to: i64,
    /// The instant that orders versions: of all that the text can mean, the nearest to the last update.
    pub(super) at: i64,
    /// The last update, if stated.
    pub(super) updated: Option<i64>,
}

impl Default for Made {
    fn default() -> Made {
        Made::of(None, None)
    }
}

impl Made {
    /// Reads `created` and `meta.lastUpdated`. If `created` is not a date, the last update is used.
    pub(super) fn of(created: Option<&str>, updated: Option<&str>) -> Made {
        let updated = updated.and_then(|text| span(text).map(|(from, _)| from));
        let (from, to) = created
            .and_then(span)
            .or(updated.map(|at| (at, at)))
            // Without any date the claim may have been made before or after any other.
            .unwrap_or((i64::MIN, i64::MAX));
        Made { from, to, at: updated.unwrap_or(from).clamp(from, to), updated }
    }

    /// Whether this claim was certainly made before the other claim; two claims of one day may be in either
    /// order.
    pub(super) fn is_before(&self, other: &Made) -> bool {
        self.to < other.from
    }
}

/// The first and the last instant that a date, or a date and time, can mean.
///
/// A time without a zone is taken as UTC.
fn span(text: &str) -> Option<(i64, i64)> {
    let text = text.trim();
    if let Some(at) = instant(text) {
        return Some((at, at));
    }
    let midnight = |day: String| {
        let day = NaiveDate::parse_from_str(&day, "%Y-%m-%d").ok()?;
        Some(day.and_hms_opt(0, 0, 0)?.and_utc().timestamp_micros())
    };
    Some((midnight(first_day(text)?)?, midnight(last_day(text)?)? + DAY - 1))
}

fn instant(text: &str) -> Option<i64> {
    let without_zone = || {
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M"]
            .iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
            .map(|time| time.and_utc().timestamp_micros())
    };
    DateTime::parse_from_rfc3339(text)
        .map(|time| time.timestamp_micros())
        .ok()
        .or_else(without_zone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn created(text: &str) -> Made {
        Made::of(Some(text), None)
    }

    #[test]
    fn instants_are_compared_and_not_their_texts() {
        let (west, utc) = (created("2025-01-10T23:00:00-08:00"), created("2025-01-11T01:00:00Z"));
        assert!(utc.is_before(&west) && utc.at < west.at);
        assert_eq!(created("2025-01-11T07:00:00.000Z"), west);
        assert_eq!(created("2025-01-11T07:00"), west);
    }

    #[test]
    fn a_day_is_before_the_next_and_not_before_an_hour_of_its_own() {
        let (day, hour) = (created("2025-02-01"), created("2025-02-01T10:00:00Z"));
        assert!(!day.is_before(&hour) && !hour.is_before(&day));
        assert!(day.is_before(&created("2025-02-02")) && created("2025-01").is_before(&day));
    }

    #[test]
    fn the_last_update_decides_where_the_text_does_not() {
        let late = Made::of(Some("2025-02-01"), Some("2025-02-03T00:00:00Z"));
        assert!(created("2025-02-01T10:00:00Z").at < late.at);
        assert!(late.is_before(&created("2025-02-02")));
        let junk = Made::of(Some("02/01/2025"), Some("2025-02-01T00:00:00Z"));
        assert!(created("2025-01-10").is_before(&junk));
        let unknown = Made::default();
        assert!(!unknown.is_before(&late) && !late.is_before(&unknown));
    }
}
