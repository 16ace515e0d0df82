//! FHIR instants as they come: with or without fractions, zones and precision.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike, Utc};

/// Reads a `meta.lastUpdated`; `None` for something that is not a date.
///
/// If a zone or a time is missing, the earliest possible moment is taken: asking for something
/// twice is safe, missing it is not. A year that FHIR cannot have is not a date, so that no arithmetic
/// with a date overflows; a leap second is the end of the second before. Source: FHIR R4, instant.
pub fn instant(text: &str) -> Option<DateTime<Utc>> {
    let found = read(text)?;
    let found = found.with_nanosecond(found.nanosecond().min(999_999_999))?;
    (1..=9999).contains(&found.year()).then_some(found)
}

fn read(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    // UTC+14 is the zone in which a day begins first.
    let earliest =
        |local: NaiveDateTime| local.and_utc().checked_sub_signed(chrono::Duration::hours(14));
    if let Ok(local) = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f") {
        return earliest(local);
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    earliest(day.and_hms_opt(0, 0, 0)?)
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
        for text in ["2021-02-30", "yesterday", "", "2021", "2021-01-01T24:00:00Z"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_outside_of_fhirs_years_is_no_date() {
        for text in [
            "-262143-01-01",
            "-262143-01-01T00:00:00",
            "-262143-01-01T00:00:00Z",
            "+262142-12-31",
            "+262142-12-31T23:59:59Z",
            "+10000-01-01T00:00:00Z",
            "-0001-01-01",
            "0000-01-01T00:00:00Z",
            "0001-01-01",
            "99999999999999999999-01-01",
        ] {
            assert_eq!(instant(text), None, "{text}");
        }
        assert!(instant("0001-01-01T00:00:00Z").is_some());
        assert!(instant("9999-12-31T23:59:59.999999999999Z").is_some());
    }

    #[test]
    fn a_leap_second_is_the_end_of_the_second_before() {
        let leap = instant("2016-12-31T23:59:60Z").unwrap();
        assert_eq!(leap.to_rfc3339(), "2016-12-31T23:59:59.999999999+00:00");
    }
}
