//! Reads a crontab expression with the meaning that crontab gives it.
//!
//! The crate `cron` needs seconds, counts weekdays from 1, and requires both day and weekday to match. In
//! crontab there are five fields, weekdays count from 0, and it is enough if either day or weekday
//! matches (unless one of them begins with `*`). This file translates, so that a line from a crontab runs
//! on the same days here.

use super::error::ScheduleError;
use chrono::{DateTime, NaiveDateTime};
use cron::{OwnedScheduleIterator, TimeUnitSpec};
use std::str::FromStr;

const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Times of a local clock, without a time zone.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Expression {
    /// Two schedules if day and weekday are both given, since either may match.
    any_of: Vec<cron::Schedule>,
}

impl Expression {
    /// Reads five fields, six with seconds first, or a shorthand such as `@daily`.
    pub(super) fn parse(text: &str) -> Result<Expression, ScheduleError> {
        let text = match text.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other if other.starts_with('@') => return Err(ScheduleError::Shorthand),
            other => other,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let (seconds, rest) = match fields.len() {
            5 => ("0", &fields[..]),
            6 => (fields[0], &fields[1..]),
            found => return Err(ScheduleError::Fields { found }),
        };
        let [minutes, hours, days, months, weekdays] = rest else {
            return Err(ScheduleError::Fields { found: fields.len() });
        };
        // Each field is checked alone first, so that the wrong one can be named.
        for (field, text, first, last, alone) in [
            ("second", seconds, 0, 59, format!("{seconds} * * * * *")),
            ("minute", *minutes, 0, 59, format!("0 {minutes} * * * *")),
            ("hour", *hours, 0, 23, format!("0 0 {hours} * * *")),
            ("day", *days, 1, 31, format!("0 0 0 {days} * *")),
            ("month", *months, 1, 12, format!("0 0 0 1 {months} *")),
        ] {
            if cron::Schedule::from_str(&alone).is_err() {
                return Err(ScheduleError::Field { field, text: text.to_owned(), first, last });
            }
        }
        let engine = |days: &str, weekdays: &str| {
            let text = format!("{seconds} {minutes} {hours} {days} {months} {weekdays}");
            cron::Schedule::from_str(&text).map_err(|_| ScheduleError::Syntax)
        };
        let is_open = |field: &str| field.starts_with(['*', '?']);
        let translated = translate_weekdays(weekdays)?;
        let any_of = if is_open(days) || is_open(weekdays) {
            vec![engine(days, &translated)?]
        } else {
            vec![engine(days, "*")?, engine("*", &translated)?]
        };
        Ok(Expression { any_of })
    }

    /// The matching local times after `wall`, in order, each once.
    pub(super) fn after(&self, wall: NaiveDateTime) -> impl Iterator<Item = NaiveDateTime> {
        // The crate `cron` works on instants. Local times are given to it as UTC, in which a clock never
        // jumps.
        let start = DateTime::from_timestamp(wall.and_utc().timestamp(), 0).unwrap_or_default();
        let times = |schedule: &cron::Schedule| schedule.after_owned(start).peekable();
        Merged { sources: self.any_of.iter().map(times).collect() }
    }

    /// Whether the expression matches in every hour of the day; such a schedule follows the hours as they
    /// pass.
    pub(super) fn is_every_hour(&self) -> bool {
        self.any_of.iter().all(|schedule| schedule.hours().count() == 24)
    }
}

/// Several sorted iterators, merged into one.
struct Merged {
    sources: Vec<std::iter::Peekable<OwnedScheduleIterator<chrono::Utc>>>,
}

impl Iterator for Merged {
    type Item = NaiveDateTime;

    fn next(&mut self) -> Option<NaiveDateTime> {
        let earliest = self.sources.iter_mut().filter_map(|source| source.peek().copied()).min()?;
        for source in &mut self.sources {
            source.next_if_eq(&earliest);
        }
        Some(earliest.naive_utc())
    }
}

/// Converts crontab's weekdays (0 or 7 is Sunday) to those of the crate `cron` (1 is Sunday).
fn translate_weekdays(field: &str) -> Result<String, ScheduleError> {
    if field == "*" || field == "?" {
        return Ok("*".to_owned());
    }
    let mut chosen = [false; 7];
    for item in field.split(',') {
        let wrong = || ScheduleError::Weekday(item.to_owned());
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, step.parse::<usize>().map_err(|_| wrong())?),
            None => (item, 1),
        };
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => {
                (weekday(first).ok_or_else(wrong)?, weekday(last).ok_or_else(wrong)?)
            }
            None if range == "*" => (0, 6),
            // `1/2` has different meanings in different programs.
            None if step != 1 => return Err(wrong()),
            None => {
                let day = weekday(range).ok_or_else(wrong)?;
                (day, day)
            }
        };
        if first > last || step == 0 {
            return Err(wrong());
        }
        (first..=last).step_by(step).for_each(|day| chosen[day % 7] = true);
    }
    let numbers = (1..).zip(chosen).filter(|(_, is_chosen)| *is_chosen);
    Ok(numbers.map(|(number, _): (u32, _)| number.to_string()).collect::<Vec<_>>().join(","))
}

fn weekday(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let named = WEEKDAYS.iter().position(|name| *name == lower);
    named.or_else(|| text.parse().ok().filter(|number| *number <= 7))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    fn days(expression: &str, count: usize) -> Vec<String> {
        let start = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap().and_hms_opt(0, 0, 0).unwrap();
        let expression = Expression::parse(expression).unwrap();
        expression
            .after(start)
            .take(count)
            .map(|time| time.format("%a %d %T").to_string())
            .collect()
    }

    #[test]
    fn weekdays_count_as_in_crontab() {
        assert_eq!(days("0 3 * * 1", 1), ["Mon 02 03:00:00"]);
        assert_eq!(days("0 3 * * 0", 1), ["Sun 01 03:00:00"]);
        assert_eq!(days("0 3 * * 7", 1), ["Sun 01 03:00:00"]);
        assert_eq!(
            days("0 3 * * 5-7", 3),
            ["Sun 01 03:00:00", "Fri 06 03:00:00", "Sat 07 03:00:00"]
        );
        assert_eq!(
            days("0 3 * * Mon-fri/2", 3),
            ["Mon 02 03:00:00", "Wed 04 03:00:00", "Fri 06 03:00:00"]
        );
        assert_eq!(
            days("0 3 * * */3", 3),
            ["Sun 01 03:00:00", "Wed 04 03:00:00", "Sat 07 03:00:00"]
        );
        assert_eq!(days("0 3 * * tue,4", 2), ["Tue 03 03:00:00", "Thu 05 03:00:00"]);
    }

    #[test]
    fn weekdays_that_programs_read_differently_are_refused() {
        for field in ["8", "6-0", "sat-sun", "1/2", "1-5/0", "L", "monday", "5#3"] {
            let expression = format!("0 0 3 * * {field}");
            assert!(Expression::parse(&expression).is_err(), "{field:?}");
        }
    }

    #[test]
    fn of_a_day_and_a_weekday_either_is_enough_unless_one_begins_with_a_star() {
        assert_eq!(days("0 3 3 * 1", 3), ["Mon 02 03:00:00", "Tue 03 03:00:00", "Mon 09 03:00:00"]);
        assert_eq!(days("0 3 2 * 1", 2), ["Mon 02 03:00:00", "Mon 09 03:00:00"]);
        assert_eq!(days("0 3 */2 * 1", 2), ["Mon 09 03:00:00", "Mon 23 03:00:00"]);
    }

    #[test]
    fn five_fields_begin_at_the_full_minute_and_six_have_seconds() {
        assert_eq!(days("*/30 * * * *", 2), ["Sun 01 00:30:00", "Sun 01 01:00:00"]);
        assert_eq!(days("15 */30 * * * *", 2), ["Sun 01 00:00:15", "Sun 01 00:30:15"]);
    }

    #[test]
    fn shorthands_are_crontabs() {
        assert_eq!(days("@daily", 1), ["Mon 02 00:00:00"]);
        assert_eq!(days("@weekly", 1), ["Sun 08 00:00:00"]);
        assert_eq!(days("@hourly", 1), ["Sun 01 01:00:00"]);
        assert_eq!(Expression::parse("@reboot"), Err(ScheduleError::Shorthand));
    }

    #[test]
    fn what_is_wrong_is_told_on_one_line() {
        for text in
            ["", "0 3 * *", "0 3 * * * * *", "61 3 * * *", "x 3 * * *", "*/0 * * * *", "0 24 * * *"]
        {
            let error = Expression::parse(text).unwrap_err().to_string();
            assert!(!error.contains('\n'), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-0-9*/,? a-zé@]{0,24}") {
            let _ = Expression::parse(&text);
        }
    }
}
