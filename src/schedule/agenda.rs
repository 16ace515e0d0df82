//! Decides what is due at an instant, and how long to sleep.

use super::Schedule;
use chrono::{DateTime, TimeDelta, Utc};
use std::cmp::max;

/// A connection with the times that decide when it is due.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// The text from which the connection's jitter is computed.
    pub key: &'a str,
    /// The connection's schedule.
    pub schedule: &'a Schedule,
    /// When the connection's latest run began. Without a run yet, or with a run in the future, the connection
    /// is due at once.
    pub last_run: Option<DateTime<Utc>>,
    /// How the grant is kept from expiring unused; `None` if that is not wanted or not needed.
    pub keep_alive: Option<KeepAlive>,
}

/// A grant that expires if it is not used for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAlive {
    /// The longest time without a refresh.
    pub every: TimeDelta,
    /// When the grant's tokens were issued.
    pub refreshed_at: DateTime<Utc>,
    /// When a refresh last failed, after these tokens were issued.
    pub failed_at: Option<DateTime<Utc>>,
    /// Whether the grant is being refreshed now.
    pub is_under_way: bool,
}

/// What to do now. Entries are given by their position in the list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Entries to sync together, in one run.
    pub sync: Vec<usize>,
    /// Entries whose grants must be refreshed.
    pub keep_alive: Vec<usize>,
    /// When the next entry is due, if nothing else happens; never in the past.
    pub wake_at: Option<DateTime<Utc>>,
}

/// Decides what is due at `now`.
///
/// While a run is at work, nothing else is synced. Connections that become due meanwhile are due once,
/// when the run ends. Grants are refreshed during the run, too.
pub fn decide(entries: &[Entry<'_>], is_running: bool, now: DateTime<Utc>) -> Decision {
    let mut decision = Decision::default();
    for (position, entry) in entries.iter().enumerate() {
        if !is_running {
            match entry.due_at(now) {
                Some(due) if due <= now => decision.sync.push(position),
                due => decision.wake(due),
            }
        }
        match entry.keep_alive.filter(|grant| !grant.is_under_way) {
            Some(grant) if grant.due_at(now) <= now => decision.keep_alive.push(position),
            Some(grant) => decision.wake(Some(grant.due_at(now))),
            None => {}
        }
    }
    decision
}

impl Entry<'_> {
    fn due_at(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self.last_run.and_then(|last| believed(last, now)) {
            Some(last) => self.schedule.due_after(last, self.key),
            None => Some(now),
        }
    }
}

/// When a run began, as far as the clock at `now` lets it be believed; `None` if nobody knows.
///
/// A run in the future was entered while the clock was wrong. Up to ten minutes ahead its time stays: if a
/// clock is set back over the instant that made the run due, that instant makes no second run due. Up to a
/// day ahead the run counts as begun at `now`, so that a clock that is set back makes no run due at once. The
/// caller must keep the answer. If it asked anew each time, the run would always have begun just now, and the
/// next run would never be due.
pub fn believed(last_run: DateTime<Utc>, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    if last_run <= now + TimeDelta::minutes(10) {
        return Some(last_run);
    }
    (last_run <= now + TimeDelta::days(1)).then_some(now)
}

impl KeepAlive {
    fn due_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        // Tokens from the future were issued while the clock was wrong, so their age is not known. To wait
        // for the time of a failure in the future could outlast the grant.
        let due = if self.refreshed_at > now { now } else { self.refreshed_at + self.every };
        let failed_at = self.failed_at.filter(|at| *at <= now);
        failed_at.map_or(due, |at| max(due, at + self.retry_after()))
    }

    /// How long after a failed refresh to try again.
    ///
    /// The wait is short enough that retries fit into the second half of the token's life, and long enough
    /// for a plan that has problems to recover.
    fn retry_after(&self) -> TimeDelta {
        (self.every / 6).clamp(TimeDelta::seconds(30), TimeDelta::minutes(10))
    }
}

impl Decision {
    fn wake(&mut self, at: Option<DateTime<Utc>>) {
        self.wake_at = [self.wake_at, at].into_iter().flatten().min();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

    fn hourly() -> Schedule {
        // NOW is at a full hour.
        Schedule::parse("@hourly", "UTC", 0).unwrap()
    }

    fn entry<'a>(schedule: &'a Schedule, minutes_ago: Option<i64>) -> Entry<'a> {
        let last_run = minutes_ago.map(|minutes| NOW - TimeDelta::minutes(minutes));
        Entry { key: "c", schedule, last_run, keep_alive: None }
    }

    fn idle(minutes: i64) -> KeepAlive {
        KeepAlive {
            every: TimeDelta::minutes(60),
            refreshed_at: NOW - TimeDelta::minutes(minutes),
            failed_at: None,
            is_under_way: false,
        }
    }

    #[test]
    fn missed_runs_are_made_up_for_once_and_a_new_connection_does_not_wait() {
        let schedule = hourly();
        let entries =
            [entry(&schedule, Some(500)), entry(&schedule, Some(0)), entry(&schedule, None)];
        let decision = decide(&entries, false, NOW);
        assert_eq!(decision.sync, [0, 2]);
        assert_eq!(decision.wake_at, Some(NOW + TimeDelta::minutes(60)));
    }

    #[test]
    fn nothing_is_synced_during_a_run_but_grants_are_kept_alive() {
        let schedule = hourly();
        let mut due = entry(&schedule, Some(500));
        due.keep_alive = Some(idle(61));
        let decision = decide(&[due], true, NOW);
        assert_eq!((decision.sync, decision.keep_alive), (vec![], vec![0]));
        assert_eq!(decision.wake_at, None);
    }

    #[test]
    fn a_grant_is_refreshed_when_its_time_has_come_and_not_before() {
        let schedule = hourly();
        let mut young = entry(&schedule, Some(0));
        young.keep_alive = Some(idle(59));
        let decision = decide(&[young.clone()], false, NOW);
        assert!(decision.keep_alive.is_empty());
        assert_eq!(decision.wake_at, Some(NOW + TimeDelta::minutes(1)));
        assert_eq!(decide(&[young], false, NOW + TimeDelta::minutes(1)).keep_alive, [0]);
    }

    /// After a clock was put back, a token's age is not known, but the time of a failure is.
    #[test]
    fn a_token_from_the_future_waits_after_a_failure_too() {
        let schedule = hourly();
        let mut ahead = entry(&schedule, Some(0));
        ahead.keep_alive = Some(KeepAlive { failed_at: Some(NOW), ..idle(-30) });
        let decision = decide(&[ahead.clone()], false, NOW);
        assert!(decision.keep_alive.is_empty());
        assert_eq!(decision.wake_at, Some(NOW + TimeDelta::minutes(10)));
        assert_eq!(decide(&[ahead], false, NOW + TimeDelta::minutes(10)).keep_alive, [0]);
    }

    #[test]
    fn a_failure_in_the_future_holds_no_refresh_up() {
        let schedule = hourly();
        for issued in [70, -30] {
            let mut failed = entry(&schedule, Some(0));
            let failed_at = Some(NOW + TimeDelta::hours(5));
            failed.keep_alive = Some(KeepAlive { failed_at, ..idle(issued) });
            assert_eq!(decide(&[failed], false, NOW).keep_alive, [0], "{issued} minutes ago");
        }
    }

    #[test]
    fn a_clock_set_back_over_an_instant_of_the_schedule_does_not_make_it_due_twice() {
        let schedule = hourly();
        for seconds in [1, 2, 300] {
            // The run began just after NOW; then the clock is set back to just before NOW, and comes again.
            let mut begun = entry(&schedule, None);
            begun.last_run = Some(NOW + TimeDelta::seconds(seconds));
            for now in [NOW - TimeDelta::seconds(1), NOW, NOW + TimeDelta::seconds(seconds)] {
                begun.last_run = begun.last_run.and_then(|last| believed(last, now));
                let decision = decide(&[begun.clone()], false, now);
                assert!(decision.sync.is_empty(), "{seconds} {now}");
                assert_eq!(decision.wake_at, Some(NOW + TimeDelta::minutes(60)), "{seconds} {now}");
            }
        }
    }

    #[test]
    fn a_run_a_little_ahead_counts_as_begun_now_and_one_far_ahead_as_unknown() {
        let cases = [
            (-60, Some(-60)),
            (0, Some(0)),
            (10, Some(10)),
            (11, Some(0)),
            (300, Some(0)),
            (1500, None),
        ];
        for (minutes, expected) in cases {
            let last_run = NOW + TimeDelta::minutes(minutes);
            let expected = expected.map(|minutes| NOW + TimeDelta::minutes(minutes));
            assert_eq!(believed(last_run, NOW), expected, "{minutes} minutes ahead");
        }
    }

    #[test]
    fn a_failed_refresh_is_tried_again_after_a_while() {
        let schedule = hourly();
        let mut failed = entry(&schedule, Some(0));
        failed.keep_alive = Some(KeepAlive { failed_at: Some(NOW), ..idle(70) });
        let decision = decide(&[failed.clone()], false, NOW);
        assert!(decision.keep_alive.is_empty());
        assert_eq!(decision.wake_at, Some(NOW + TimeDelta::minutes(10)));
        assert_eq!(decide(&[failed], false, NOW + TimeDelta::minutes(10)).keep_alive, [0]);
    }

    #[test]
    fn what_a_wrong_clock_wrote_holds_nothing_up() {
        let schedule = hourly();
        let mut entry = entry(&schedule, Some(-100_000));
        entry.keep_alive = Some(idle(-100_000));
        let decision = decide(&[entry.clone()], false, NOW);
        assert_eq!((decision.sync, decision.keep_alive), (vec![0], vec![0]));
        // The run that then begins has the right date.
        entry.last_run = Some(NOW);
        let decision = decide(&[entry], false, NOW);
        assert!(decision.sync.is_empty());
        assert_eq!(decision.wake_at, Some(NOW + TimeDelta::minutes(60)));
    }

    #[test]
    fn a_grant_that_is_being_refreshed_is_left_alone() {
        let schedule = hourly();
        let mut entry = entry(&schedule, Some(0));
        entry.keep_alive = Some(KeepAlive { is_under_way: true, ..idle(70) });
        assert!(decide(&[entry], false, NOW).keep_alive.is_empty());
    }
}
