//! When the next run is due. Pure: the time is an argument, nothing sleeps here.
//!
//! A [`Schedule`] is a crontab expression in a time zone. [`decide`] says what is due now and how
//! long to sleep. Neither knows what a run is.

mod agenda;
mod error;
mod expression;

pub use agenda::{Decision, Entry, KeepAlive, believed, decide};
pub use error::ScheduleError;

use chrono::{DateTime, FixedOffset, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use expression::Expression;
use sha2::{Digest, Sha256};

/// Longer than any jump of a wall clock so far: Samoa left out a whole day in 2011.
const LONGEST_JUMP: TimeDelta = TimeDelta::hours(36);

/// Recurring times of a time zone's wall clock.
///
/// When clocks are put forward, a time that is skipped comes once, right after the gap. When they
/// are put back, a time that is repeated comes once, the first time. A schedule with every hour of the day in
/// it follows the hours as they pass instead: its times are skipped and repeated with the clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    expression: Expression,
    zone: Tz,
    jitter_seconds: u32,
}

impl Schedule {
    /// Reads a crontab expression (five fields, or six with seconds first, or `@daily` and the
    /// like) and the name of an IANA time zone.
    ///
    /// `jitter_seconds` is the most by which a run is put off, so that not everybody asks at once.
    ///
    /// # Errors
    /// The expression or the time zone is not understood, or the schedule never comes.
    pub fn parse(
        expression: &str,
        time_zone: &str,
        jitter_seconds: u32,
    ) -> Result<Schedule, ScheduleError> {
        let schedule = Schedule {
            expression: Expression::parse(expression)?,
            zone: zone(time_zone)?,
            jitter_seconds,
        };
        // Any start will do: every date that exists comes within 8 years of it.
        let never = schedule.next_after(DateTime::UNIX_EPOCH + TimeDelta::days(20_000)).is_none();
        if never { Err(ScheduleError::Never) } else { Ok(schedule) }
    }

    /// The first scheduled instant after `instant`; `None` only at the end of the calendar.
    pub fn next_after(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        if self.expression.is_every_hour() {
            return self.next_as_hours_pass(instant);
        }
        let wall = instant.with_timezone(&self.zone).naive_local();
        self.expression.after(wall).map(|wall| self.instant_of(wall)).find(|next| *next > instant)
    }

    /// When the run after the one begun at `last` is due, jitter included.
    ///
    /// An instant in the past means that runs were missed: one run makes up for all of them.
    /// The jitter depends on `key` and the day alone, and never reaches the next scheduled instant.
    pub fn due_after(&self, last: DateTime<Utc>, key: &str) -> Option<DateTime<Utc>> {
        let due = self.next_after(last)?;
        if self.jitter_seconds == 0 {
            return Some(due);
        }
        let gap = self.next_after(due).map_or(i64::MAX, |next| (next - due).num_seconds());
        let most = i64::from(self.jitter_seconds).min(gap - 1).max(0) as u64;
        let day = due.with_timezone(&self.zone).date_naive();
        let hash = Sha256::digest(format!("{key} {day}"));
        let number = hash.iter().take(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        Some(due + TimeDelta::seconds((number % (most + 1)) as i64))
    }

    /// The next instant of a schedule with every hour in it: goes from one change of the offset to the next.
    fn next_as_hours_pass(&self, instant: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut start = instant;
        loop {
            let offset = self.offset(start);
            let wall = start.naive_utc() + TimeDelta::seconds(offset.local_minus_utc().into());
            let next = self.expression.after(wall).next()?;
            let next = next.and_utc() - TimeDelta::seconds(offset.local_minus_utc().into());
            if self.offset(next) == offset {
                return Some(next);
            }
            let change = self.change_between(start, next);
            // The change's own instant may be a match in the new offset.
            let wall = change.with_timezone(&self.zone).naive_local() - TimeDelta::seconds(1);
            if self.expression.after(wall).next() == Some(wall + TimeDelta::seconds(1)) {
                return Some(change);
            }
            start = change;
        }
    }

    /// The instant at which the wall clock first shows `wall`, or jumps over it.
    fn instant_of(&self, wall: NaiveDateTime) -> DateTime<Utc> {
        match self.zone.from_local_datetime(&wall).earliest() {
            Some(instant) => instant.with_timezone(&Utc),
            None => {
                let before = wall.and_utc() - LONGEST_JUMP;
                let offset = self.offset(before).local_minus_utc();
                self.change_between(before, wall.and_utc() - TimeDelta::seconds(offset.into()))
            }
        }
    }

    fn offset(&self, instant: DateTime<Utc>) -> FixedOffset {
        self.zone.offset_from_utc_datetime(&instant.naive_utc()).fix()
    }

    /// The first second after `early` at which the offset is no longer that of `early`. The offset must have
    /// changed by `late`.
    fn change_between(&self, early: DateTime<Utc>, late: DateTime<Utc>) -> DateTime<Utc> {
        let offset = self.offset(early);
        let (mut same, mut other) = (early.timestamp(), late.timestamp());
        let at = |second| DateTime::from_timestamp(second, 0).unwrap_or(late);
        while other - same > 1 {
            let middle = same + (other - same) / 2;
            if self.offset(at(middle)) == offset { same = middle } else { other = middle }
        }
        at(other)
    }
}

fn zone(name: &str) -> Result<Tz, ScheduleError> {
    name.parse().map_err(|_| ScheduleError::TimeZone)
}

#[cfg(test)]
mod tests;
