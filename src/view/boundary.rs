//! `lowBoundary()` and `highBoundary()`: the least and greatest value that a precision allows.
//!
//! The precision is that of the text received: `1.0` is between `0.95` and `1.05`.

use super::decimal::Decimal;
use super::temporal::{Date, Temporal, Time, days_in_month};
use super::types::TypeId;

/// Which end of the range is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Boundary {
    Low,
    High,
}

/// The boundary of a number.
pub(crate) fn of_number(text: &str, end: Boundary) -> Option<String> {
    let direction = if end == Boundary::Low { -1 } else { 1 };
    Decimal::parse(text)?.boundary(direction).map(Decimal::to_text)
}

/// The boundary of a date, dateTime, instant or time; any other text has no boundary.
///
/// A text without a time is treated as a dateTime, which nearly all elements are, unless its element is
/// known to be a `date`.
pub(crate) fn of_text(text: &str, of: TypeId, end: Boundary) -> Option<String> {
    if of.is_primitive() && !of.is_temporal() {
        return None;
    }
    let moment = Temporal::parse(text)?;
    let Some(date) = moment.date else {
        return Some(time_text(moment.time?, end));
    };
    let date_text = date_text(date, end);
    if of == TypeId::DATE && moment.time.is_none() {
        return Some(date_text);
    }
    let time_text = match (moment.time, end) {
        (Some(time), _) => time_text(time, end),
        (None, Boundary::Low) => "00:00:00.000".to_owned(),
        (None, Boundary::High) => "23:59:59.999".to_owned(),
    };
    let offset = match (moment.offset, end) {
        (Some(0), _) if text.ends_with('Z') => "Z".to_owned(),
        (Some(minutes), _) => {
            let sign = if minutes < 0 { '-' } else { '+' };
            let minutes = minutes.abs();
            format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
        // The low boundary is in the easternmost time zone, where the clock shows a given time first.
        (None, Boundary::Low) => "+14:00".to_owned(),
        (None, Boundary::High) => "-12:00".to_owned(),
    };
    Some(format!("{date_text}T{time_text}{offset}"))
}

fn date_text(date: Date, end: Boundary) -> String {
    let low = end == Boundary::Low;
    let month = date.month.unwrap_or(if low { 1 } else { 12 });
    let last = days_in_month(date.year, month);
    let day = date.day.unwrap_or(if low { 1 } else { last });
    format!("{:04}-{month:02}-{day:02}", date.year)
}

fn time_text(time: Time<'_>, end: Boundary) -> String {
    let low = end == Boundary::Low;
    let second = time.second.unwrap_or(if low { 0 } else { 59 });
    let mut fraction = time.fraction.to_owned();
    while fraction.len() < 3 {
        fraction.push(if low { '0' } else { '9' });
    }
    format!("{:02}:{:02}:{second:02}.{fraction}", time.hour, time.minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both(text: &str, of: TypeId) -> (Option<String>, Option<String>) {
        (of_text(text, of, Boundary::Low), of_text(text, of, Boundary::High))
    }

    fn pair(low: &str, high: &str) -> (Option<String>, Option<String>) {
        (Some(low.to_owned()), Some(high.to_owned()))
    }

    #[test]
    fn a_number_is_half_a_unit_wide_on_either_side() {
        assert_eq!(of_number("25.00", Boundary::Low).as_deref(), Some("24.995"));
        assert_eq!(of_number("-0.5", Boundary::Low).as_deref(), Some("-0.55"));
        assert_eq!(of_number("3", Boundary::High).as_deref(), Some("3.5"));
    }

    #[test]
    fn a_date_stays_a_date_and_a_date_time_gets_a_zone() {
        assert_eq!(both("2024-02", TypeId::DATE), pair("2024-02-01", "2024-02-29"));
        assert_eq!(
            both("2023", TypeId::DATE_TIME),
            pair("2023-01-01T00:00:00.000+14:00", "2023-12-31T23:59:59.999-12:00")
        );
        assert_eq!(
            both("2023-05-06T07:08:09-05:30", TypeId::UNKNOWN),
            pair("2023-05-06T07:08:09.000-05:30", "2023-05-06T07:08:09.999-05:30")
        );
    }

    #[test]
    fn a_text_that_is_no_date_has_no_boundary() {
        assert_eq!(both("soon", TypeId::UNKNOWN), (None, None));
        assert_eq!(both("2023", TypeId::STRING), (None, None));
    }
}
