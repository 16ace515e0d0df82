//! FHIR dates, dateTimes, instants and times, parsed from their text for comparison and bounds.

use std::cmp::Ordering;

/// A date, time or instant, as precise as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Temporal<'t> {
    /// Year, month, day; `None` for a `time`.
    pub(crate) date: Option<Date>,
    pub(crate) time: Option<Time<'t>>,
    /// The time zone, in minutes east of UTC.
    pub(crate) offset: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i32,
    pub(crate) month: Option<u8>,
    pub(crate) day: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time<'t> {
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: Option<u8>,
    /// The digits after the second, as written: 10:00:00 is the same instant as 10:00:00.00.
    pub(crate) fraction: &'t str,
}

/// How far a clock without a time zone can be from UTC: zones go from UTC-12 to UTC+14.
const WIDEST_OFFSET_MINUTES: i64 = 14 * 60;

impl<'t> Temporal<'t> {
    /// Reads a FHIR date, dateTime, instant or time; `None` for any other text.
    pub(crate) fn parse(text: &'t str) -> Option<Temporal<'t>> {
        if !text.is_ascii() {
            return None;
        }
        if text.as_bytes().get(2) == Some(&b':') {
            let time = Some(parse_time(text)?);
            return Some(Temporal { date: None, time, offset: None });
        }
        let Some((date, rest)) = text.split_once('T') else {
            return Some(Temporal { date: Some(parse_date(text)?), time: None, offset: None });
        };
        let date = parse_date(date)?;
        date.day?;
        let (time, offset) = match rest.find(['Z', '+', '-']) {
            None => (rest, None),
            Some(at) => (&rest[..at], Some(parse_offset(&rest[at..])?)),
        };
        Some(Temporal { date: Some(date), time: Some(parse_time(time)?), offset })
    }

    /// Whether one is a time of day and the other has a date, so that they have no order.
    pub(crate) fn differs_in_kind(&self, other: &Temporal<'_>) -> bool {
        self.date.is_some() != other.date.is_some()
    }

    /// The order in time; `None` if a lack of precision or a missing zone leaves it open.
    pub(crate) fn compare(&self, other: &Temporal<'_>) -> Option<Ordering> {
        if let (Some(left), Some(right)) = (self.minutes(), other.minutes()) {
            let known = match (self.offset, other.offset) {
                (None, Some(_)) | (Some(_), None) => {
                    let apart = (left - right).abs() > WIDEST_OFFSET_MINUTES;
                    return apart.then(|| left.cmp(&right));
                }
                _ => left.cmp(&right),
            };
            return if known.is_eq() { self.compare_seconds(other) } else { Some(known) };
        }
        for (left, right) in self.date_parts().into_iter().zip(other.date_parts()) {
            match (left, right) {
                (Some(left), Some(right)) if left == right => {}
                (Some(left), Some(right)) => return Some(left.cmp(&right)),
                (None, None) => return Some(Ordering::Equal),
                _ => return None,
            }
        }
        (self.time.is_none() && other.time.is_none()).then_some(Ordering::Equal)
    }

    /// Compares seconds with their fraction, as one decimal number.
    fn compare_seconds(&self, other: &Temporal<'_>) -> Option<Ordering> {
        let second = |moment: &Temporal<'_>| moment.time.and_then(|time| time.second);
        match (second(self), second(other)) {
            (None, None) => Some(Ordering::Equal),
            (Some(left), Some(right)) => {
                Some(left.cmp(&right).then_with(|| fraction(self.time).cmp(fraction(other.time))))
            }
            _ => None,
        }
    }

    fn date_parts(&self) -> [Option<i32>; 3] {
        let date = self.date;
        [
            date.map(|date| date.year),
            date.and_then(|date| date.month).map(i32::from),
            date.and_then(|date| date.day).map(i32::from),
        ]
    }

    /// Minutes since 1970, in UTC if the zone is known; for a time of day, minutes since midnight.
    fn minutes(&self) -> Option<i64> {
        let time = self.time?;
        let days = match self.date {
            Some(date) => days_since_epoch(date.year, date.month?, date.day?),
            None => 0,
        };
        let of_day = i64::from(time.hour) * 60 + i64::from(time.minute);
        Some(days * 24 * 60 + of_day - i64::from(self.offset.unwrap_or(0)))
    }
}

fn fraction(time: Option<Time<'_>>) -> &str {
    time.map_or("", |time| time.fraction.trim_end_matches('0'))
}

/// Days in a month of the proleptic Gregorian calendar.
pub(crate) fn days_in_month(year: i32, month: u8) -> u8 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_since_epoch(year: i32, month: u8, day: u8) -> i64 {
    let year = i64::from(year);
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    let before_year = (year - 1970) * 365 + leap_days(year - 1) - leap_days(1969);
    let before_month: i64 =
        (1..month).map(|month| i64::from(days_in_month(year as i32, month))).sum();
    before_year + before_month + i64::from(day) - 1
}

fn parse_date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let year = i32::try_from(digits(parts.next()?, 4)?).ok()?;
    let month = match parts.next() {
        Some(text) => Some(in_range(digits(text, 2)?, 1, 12)?),
        None => None,
    };
    let day = match (parts.next(), month) {
        (Some(text), Some(month)) => {
            Some(in_range(digits(text, 2)?, 1, days_in_month(year, month).into())?)
        }
        _ => None,
    };
    parts.next().is_none().then_some(Date { year, month, day })
}

fn parse_time(text: &str) -> Option<Time<'_>> {
    let mut parts = text.split(':');
    let hour = in_range(digits(parts.next()?, 2)?, 0, 23)?;
    let minute = in_range(digits(parts.next()?, 2)?, 0, 59)?;
    let mut time = Time { hour, minute, second: None, fraction: "" };
    if let Some(text) = parts.next() {
        let (second, fraction) = text.split_once('.').unwrap_or((text, ""));
        time.second = Some(in_range(digits(second, 2)?, 0, 60)?);
        if text.contains('.') && fraction.is_empty() {
            return None;
        }
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        time.fraction = fraction;
    }
    parts.next().is_none().then_some(time)
}

fn parse_offset(text: &str) -> Option<i32> {
    if text == "Z" {
        return Some(0);
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let hours = i32::from(in_range(digits(hours, 2)?, 0, 14)?);
    let minutes = i32::from(in_range(digits(minutes, 2)?, 0, 59)?);
    Some(sign * (hours * 60 + minutes))
}

fn digits(text: &str, length: usize) -> Option<u32> {
    if text.len() != length || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

fn in_range(value: u32, low: u32, high: u32) -> Option<u8> {
    (low..=high).contains(&value).then_some(value).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(left: &str, right: &str) -> Option<Ordering> {
        Temporal::parse(left).unwrap().compare(&Temporal::parse(right).unwrap())
    }

    #[test]
    fn instants_compare_across_time_zones() {
        let noon = "2020-03-01T12:00:00Z";
        assert_eq!(compare(noon, "2020-03-01T14:00:00+02:00"), Some(Ordering::Equal));
        assert_eq!(compare(noon, "2020-02-29T23:00:00-12:00"), Some(Ordering::Greater));
        assert_eq!(compare(noon, "2020-03-01T12:00:00.5Z"), Some(Ordering::Less));
    }

    #[test]
    fn precision_that_does_not_tell_gives_no_answer() {
        assert_eq!(compare("2020", "2020-05"), None);
        assert_eq!(compare("2020", "2021-05"), Some(Ordering::Less));
        assert_eq!(compare("2020-05-01", "2020-05-01T10:00:00Z"), None);
        assert_eq!(compare("2020-05-01", "2020-05-01"), Some(Ordering::Equal));
        assert_eq!(compare("12:30:00", "12:30:00.1"), Some(Ordering::Less));
        assert_eq!(compare("12:30", "12:30:00"), None);
        assert_eq!(compare("12:30", "12:31:00"), Some(Ordering::Less));
    }

    #[test]
    fn zones_count_at_every_precision_of_time() {
        let minute = "2020-03-01T12:00Z";
        assert_eq!(compare(minute, "2020-03-01T14:00+02:00"), Some(Ordering::Equal));
        assert_eq!(compare(minute, "2020-03-01T14:01+02:00"), Some(Ordering::Less));
        assert_eq!(compare(minute, "2020-03-01T14:00:00+02:00"), None);
        assert_eq!(compare("2020-03-01T00:30+01:00", "2020-02-29T23:30Z"), Some(Ordering::Equal));
    }

    #[test]
    fn a_missing_zone_leaves_open_what_is_less_than_fourteen_hours_apart() {
        let zoned = "2020-03-01T12:00:00Z";
        assert_eq!(compare("2020-03-01T12:00:00", zoned), None);
        assert_eq!(compare("2020-03-01T13:00:00", zoned), None);
        assert_eq!(compare("2020-03-02T12:00:00", zoned), Some(Ordering::Greater));
        assert_eq!(compare("2019-03-01T12:00:00", zoned), Some(Ordering::Less));
        assert_eq!(compare("2020-03-01T12:00:00", "2020-03-01T12:00:00.0"), Some(Ordering::Equal));
    }

    #[test]
    fn fractions_of_a_second_are_compared_to_the_last_digit() {
        assert_eq!(compare("10:00:00.1", "10:00:00.100"), Some(Ordering::Equal));
        assert_eq!(compare("10:00:00.1", "10:00:00.01"), Some(Ordering::Greater));
        assert_eq!(compare("10:00:00.12345678901", "10:00:00.12345678902"), Some(Ordering::Less));
    }

    #[test]
    fn what_is_not_a_date_is_refused() {
        for text in ["", "20", "2020-13", "2021-02-29", "2020-1-1", "2020-01-01T", "x", "25:00:00"]
        {
            assert_eq!(Temporal::parse(text), None, "{text}");
        }
        assert!(Temporal::parse("2020-02-29").is_some());
    }

    #[test]
    fn the_epoch_is_day_zero() {
        assert_eq!(days_since_epoch(1970, 1, 1), 0);
        assert_eq!(days_since_epoch(2000, 3, 1), 11_017);
        assert_eq!(days_since_epoch(1969, 12, 31), -1);
    }
}
