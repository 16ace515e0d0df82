//! Replaces a date in a de-identified export by its year or by a shifted date.

use chrono::{Datelike, Days, NaiveDate};

/// The year of a date, but no earlier than `earliest`, the year of a birth 90 years ago.
///
/// Even the year of an event could show an age over 89, which Safe Harbor forbids (C).
pub(super) fn year(text: &str, earliest: i32) -> Option<i64> {
    let (year, _, _) = parts(text)?;
    Some(year.max(earliest).into())
}

/// The date shifted back by `days`, with the precision of the original: a day, a month or a year.
///
/// A time of day is left out. `None` for a text that is not a date, and for a date in the earliest year or
/// before.
pub(super) fn shifted(text: &str, earliest: i32, days: u64) -> Option<String> {
    let (year, month, day) = parts(text)?;
    if year <= earliest {
        return None;
    }
    let date = NaiveDate::from_ymd_opt(year, month.unwrap_or(1), day.unwrap_or(1))?;
    let earlier = date.checked_sub_days(Days::new(days))?;
    Some(match (month, day) {
        (Some(_), Some(_)) => earlier.format("%Y-%m-%d").to_string(),
        (Some(_), None) => earlier.format("%Y-%m").to_string(),
        _ => earlier.year().to_string(),
    })
}

/// Year, month and day of a date in a format of FHIR (`YYYY`, `YYYY-MM`, `YYYY-MM-DD`) or Tuva (`YYYYMM`).
///
/// A time of day may follow.
fn parts(text: &str) -> Option<(i32, Option<u32>, Option<u32>)> {
    let date = text.split(['T', ' ']).next().unwrap_or_default();
    let number = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u32>().ok()).flatten()
    };
    let (year, rest) = date.split_at_checked(4)?;
    let year = number(year).filter(|year| (1800..=2199).contains(year))?;
    let (month, day) = match (rest.len(), rest.strip_prefix('-')) {
        (0, None) => (None, None),
        (2, None) => (Some(number(rest)?), None),
        (3, Some(month)) => (Some(number(month)?), None),
        (6, Some(rest)) => {
            let (month, day) = rest.split_once('-')?;
            (Some(number(month)?), Some(number(day)?))
        }
        _ => return None,
    };
    Some((i32::try_from(year).ok()?, month, day))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_becomes_its_year_and_those_of_the_oldest_are_one() {
        for (text, is) in [
            ("2024-05-01", Some(2024)),
            ("2024-05-01T10:00:00Z", Some(2024)),
            ("2024-02-30", Some(2024)),
            ("2024-05", Some(2024)),
            ("202405", Some(2024)),
            ("2024", Some(2024)),
            ("1936-01-01", Some(1936)),
            ("1911", Some(1936)),
            ("noon", None),
            ("12345678", None),
            ("20é4", None),
            ("", None),
        ] {
            assert_eq!(year(text, 1936), is, "{text}");
        }
    }

    #[test]
    fn a_shifted_date_stays_as_precise_as_it_was() {
        for (text, is) in [
            ("2024-05-01", Some("2024-04-21")),
            ("2024-05-01 10:00:00", Some("2024-04-21")),
            ("2024-05", Some("2024-04")),
            ("2024", Some("2023")),
            ("2024-02-30", None),
            ("1936-01-01", None),
            ("noon", None),
        ] {
            assert_eq!(shifted(text, 1936, 10).as_deref(), is, "{text}");
        }
    }
}
