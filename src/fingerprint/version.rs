//! Decides which of two versions of a resource is the older one.

use chrono::{DateTime, Utc};
use std::cmp::Ordering;

/// The version that a resource declares for itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Version<'a> {
    /// `meta.versionId`.
    pub version_id: Option<&'a str>,
    /// `meta.lastUpdated`.
    pub last_updated: Option<&'a str>,
}

impl Version<'_> {
    /// Whether this version is certainly older than another one of the same resource.
    ///
    /// A version is older if it was updated earlier, unless its number is higher. It is also older if its
    /// number is lower and the dates are equal or missing. FHIR orders versions neither by date nor by
    /// number, so the two must not contradict each other. A number is a versionId of digits alone, or an ETag
    /// of digits (`W/"3"`); a date has a time and a zone.
    pub fn is_older_than(&self, other: &Version<'_>) -> bool {
        let by_date = match (self.date(), other.date()) {
            (Some(ours), Some(theirs)) => Some(compare(ours, theirs)),
            _ => None,
        };
        let by_number = match (self.number(), other.number()) {
            (Some(ours), Some(theirs)) => Some(ours.cmp(&theirs)),
            _ => None,
        };
        match by_date {
            Some(Ordering::Less) => by_number != Some(Ordering::Greater),
            Some(Ordering::Equal) | None => by_number == Some(Ordering::Less),
            Some(Ordering::Greater) => false,
        }
    }

    /// A rank by date, then by number; a version without a date or a number comes before one that has it.
    ///
    /// Unlike [`Version::is_older_than`] the rank orders any two versions, so that three cannot take
    /// each other's place in a circle.
    pub fn rank(&self) -> impl Ord + use<> {
        (self.instant(), self.number())
    }

    fn number(&self) -> Option<u128> {
        let text = self.version_id?;
        let text = text.strip_prefix("W/").unwrap_or(text);
        let quoted = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        let text = quoted.unwrap_or(text);
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| text.parse().ok()).flatten()
    }

    /// The date in whole seconds: a rank must compare any two dates in the same way.
    fn instant(&self) -> Option<i64> {
        self.date().map(|date| date.timestamp())
    }

    fn date(&self) -> Option<DateTime<Utc>> {
        let date = DateTime::parse_from_rfc3339(self.last_updated?).ok()?;
        Some(date.with_timezone(&Utc))
    }
}

/// Compares two dates in milliseconds if both have some, else in seconds: a server may leave out
/// the fraction in one answer and not in another.
fn compare(ours: DateTime<Utc>, theirs: DateTime<Utc>) -> Ordering {
    match ours.timestamp_subsec_millis() > 0 && theirs.timestamp_subsec_millis() > 0 {
        true => ours.timestamp_millis().cmp(&theirs.timestamp_millis()),
        false => ours.timestamp().cmp(&theirs.timestamp()),
    }
}

#[cfg(test)]
mod tests {
    use super::Version;

    fn version<'a>(version_id: &'a str, last_updated: &'a str) -> Version<'a> {
        let given = |text: &'a str| (!text.is_empty()).then_some(text);
        Version { version_id: given(version_id), last_updated: given(last_updated) }
    }

    #[test]
    fn any_two_have_a_rank_and_three_make_no_circle() {
        let (old, undated, new) = (version("", OLD), version("7", ""), version("", NEW));
        assert!(!old.is_older_than(&undated) && !undated.is_older_than(&new));
        assert!(undated.rank() < old.rank() && old.rank() < new.rank());
        assert!(version("1", OLD).rank() < version("2", OLD).rank());
        assert!(version("x", OLD).rank() == version("y", OLD).rank());
    }

    const OLD: &str = "2026-03-01T10:00:00Z";
    const NEW: &str = "2026-03-01T05:00:01-05:00";

    #[test]
    fn date_and_number_must_not_contradict_each_other() {
        for (ours, theirs, is_older) in [
            (("1", OLD), ("2", NEW), true),
            (("", OLD), ("", NEW), true),
            (("a", OLD), ("b", NEW), true),
            (("2", OLD), ("2", NEW), true),
            (("9", ""), ("10", ""), true),
            (("9", OLD), ("10", OLD), true),
            (("9", ""), ("10", NEW), true),
            (("9", "2026-03-01"), ("10", "2026-03-02"), true),
            (("W/\"9\"", ""), ("W/\"10\"", ""), true),
            (("\"9\"", ""), ("10", ""), true),
            (("", "2026-03-01T10:00:00.100Z"), ("", "2026-03-01T10:00:00.9Z"), true),
            // They contradict each other, or say nothing.
            (("W/\"10\"", ""), ("W/\"9\"", ""), false),
            (("W/9\"", ""), ("10", ""), false),
            (("", "2026-03-01T10:00:00.123Z"), ("", "2026-03-01T10:00:00.123456Z"), false),
            (("", "2026-03-01T10:00:00.000Z"), ("", "2026-03-01T10:00:00.900Z"), false),
            (("2", OLD), ("1", NEW), false),
            (("1", NEW), ("2", OLD), false),
            (("", "2026-03-01"), ("", "2026-03-02"), false),
            (("", "2026-03-01T10:00:00"), ("", NEW), false),
            (("", "2026-03-01T10:00:00Z"), ("", "2026-03-01T10:00:00.999Z"), false),
            (("a1", ""), ("a2", ""), false),
            (("-1", ""), ("2", ""), false),
            (("", ""), ("", ""), false),
            (("1", OLD), ("1", OLD), false),
            (("", "-262143-01-01T00:00:00Z"), ("", NEW), false),
            (("99999999999999999999999999999999999999999999", ""), ("1", ""), false),
        ] {
            let (ours, theirs) = (version(ours.0, ours.1), version(theirs.0, theirs.1));
            assert_eq!(ours.is_older_than(&theirs), is_older, "{ours:?} {theirs:?}");
            assert!(!(is_older && theirs.is_older_than(&ours)), "{ours:?} {theirs:?}");
        }
    }
}
