//! FHIR dates, dateTimes, instants and times, parsed from their text for comparison and bounds.

use std::cmp::Ordering;

/// A moment as precise as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Temporal {
    /// Year, month, day; a `time` has none.
    pub(crate) date: Option<Date>,
    pub(crate) time: Option<Time>,
    /// Minutes east of UTC.
    pub(crate) offset: Option<i32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Date {
    pub(crate) year: i32,
    pub(crate) month: Option<u8>,
    pub(crate) day: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Time {
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: Option<u8>,
    /// Digits after the second, at most nine, as nanoseconds.
    pub(crate) nanosecond: u32,
    /// How many of those digits were written.
    pub(crate) fraction_digits: usize,
}

impl Temporal {
    /// Reads a FHIR date, dateTime, instant or time; `None` when the text is none of them.
    pub(crate) fn parse(text: &str) -> Option<Temporal> {
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

    /// Order in time; `None` when the precision does not tell.
    pub(crate) fn compare(&self, other: &Temporal) -> Option<Ordering> {
        if let (Some(left), Some(right)) = (self.utc_seconds(), other.utc_seconds()) {
            let nanoseconds = |moment: &Temporal| moment.time.map_or(0, |time| time.nanosecond);
            return Some(left.cmp(&right).then(nanoseconds(self).cmp(&nanoseconds(other))));
        }
        for (left, right) in self.parts().into_iter().zip(other.parts()) {
            match (left, right) {
                (None, None) => {}
                (Some(left), Some(right)) if left == right => {}
                (Some(left), Some(right)) => return Some(left.cmp(&right)),
                _ => return None,
            }
        }
        // The same wall clock, once with and once without a time zone, may be hours apart.
        (self.offset.is_some() == other.offset.is_some()).then_some(Ordering::Equal)
    }

    fn parts(&self) -> [Option<i64>; 6] {
        let date = self.date;
        let time = self.time;
        let second = time.and_then(|time| {
            Some(i64::from(time.second?) * 1_000_000_000 + i64::from(time.nanosecond))
        });
        [
            date.map(|date| i64::from(date.year)),
            date.and_then(|date| date.month).map(i64::from),
            date.and_then(|date| date.day).map(i64::from),
            time.map(|time| i64::from(time.hour)),
            time.map(|time| i64::from(time.minute)),
            second,
        ]
    }

    /// Seconds since 1970 when everything down to the second and the zone is known.
    fn utc_seconds(&self) -> Option<i64> {
        let (date, time, offset) = (self.date?, self.time?, self.offset?);
        let days = days_since_epoch(date.year, date.month?, date.day?);
        let minutes = i64::from(time.hour) * 60 + i64::from(time.minute) - i64::from(offset);
        Some(days * 86_400 + minutes * 60 + i64::from(time.second?))
    }
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

fn parse_time(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let hour = in_range(digits(parts.next()?, 2)?, 0, 23)?;
    let minute = in_range(digits(parts.next()?, 2)?, 0, 59)?;
    let mut time = Time { hour, minute, second: None, nanosecond: 0, fraction_digits: 0 };
    if let Some(text) = parts.next() {
        let (second, fraction) = text.split_once('.').unwrap_or((text, ""));
        time.second = Some(in_range(digits(second, 2)?, 0, 60)?);
        if text.contains('.') && fraction.is_empty() {
            return None;
        }
        if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        time.fraction_digits = fraction.len();
        let kept = &fraction[..fraction.len().min(9)];
        time.nanosecond = format!("{kept:0<9}").parse().ok()?;
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
