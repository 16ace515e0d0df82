//! FHIR instants as they come: with or without fractions, zones and precision.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// Reads a `meta.lastUpdated`; `None` for what is no date at all.
///
/// Where a zone or a time is missing the earliest possible moment is taken: asking for something
/// twice is safe, missing it is not. Source: FHIR R4, instant.
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    // UTC+14 is the zone in which a day begins first.
    let earliest = |local: NaiveDateTime| local.and_utc() - chrono::Duration::hours(14);
    if let Ok(local) = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f") {
        return Some(earliest(local));
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .and_then(|day| day.and_hms_opt(0, 0, 0))
        .map(earliest)
}

#[cfg(test)]
mod tests {
    use super::instant;

    #[test]
    fn all_precisions_are_read_and_the_earliest_moment_is_taken() {
        for (text, expected) in [
            ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00+00:00"),
            ("2026-03-01T10:00:00.123456789-05:00", "2026-03-01T15:00:00.123456789+00:00"),
            ("2026-03-01T10:00:00", "2026-02-28T20:00:00+00:00"),
            ("2026-03-01", "2026-02-28T10:00:00+00:00"),
        ] {
            assert_eq!(instant(text).unwrap().to_rfc3339(), expected, "{text}");
        }
        assert_eq!(instant("2021-02-30"), None);
        assert_eq!(instant("yesterday"), None);
    }
}
