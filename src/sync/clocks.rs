//! Three clocks: this machine's, each plan's, and the ledger's newest entry.
//!
//! Any of them may be wrong. Of the first two the earlier is believed: asking for something twice is safe,
//! missing it is not. While the clocks contradict the ledger, nothing is done that cannot be undone:
//! superseded versions are not forgotten, and two walks do not count as days apart.

use chrono::{DateTime, Duration, Utc};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// How far two clocks may differ without a warning. An answer from a cache carries an older time, too.
const TOLERANCE: Duration = Duration::days(1);
/// How far two clocks may differ and still count as the same: a `Date` has no milliseconds, and an answer
/// takes its time.
const AS_ONE: Duration = Duration::hours(1);
/// How far a clock must be behind the ledger's newest entry to contradict it.
const JUMP: Duration = Duration::days(60);

/// The clocks of one run.
#[derive(Debug, Clone)]
pub(super) struct Clocks {
    /// When the newest entry of the ledger was made, without the entries of this run.
    newest_entry: Option<DateTime<Utc>>,
    shown: Arc<Mutex<Shown>>,
    /// By how much this machine's clock is ahead of the connection's plan; `None` before any answer.
    ahead_of_plan: Arc<Mutex<Option<Duration>>>,
    /// Whether this connection was warned about the clocks.
    is_told: Arc<AtomicBool>,
}

/// The clocks of the plans, as the answers of a run have shown them.
#[derive(Debug, Default)]
struct Shown {
    /// By how much this machine's clock is ahead of the slowest plan's; `None` before any answer.
    ahead: Option<Duration>,
    is_doubted: bool,
}

/// What the clocks show at one instant, such as the arrival of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reading {
    /// The present instant, by the earlier of the two clocks.
    pub(super) believed: DateTime<Utc>,
    /// The dates for walks that must be days apart.
    pub(super) dated: Dated,
    /// Whether the clocks contradict the ledger, so that nothing may be done that cannot be undone.
    pub(super) is_doubted: bool,
    /// What is odd about the clocks, for people; told once per connection.
    pub(super) warning: Option<String>,
}

/// The instant of a walk that must be days apart from another walk, by both clocks.
///
/// Either clock may jump between the walks. If the clocks contradict the ledger, both fields are the instant
/// of its newest entry, so that no later walk counts as days after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Dated {
    /// The earlier of the two instants, used if the other walk came first.
    pub(super) earliest: DateTime<Utc>,
    /// The later of the two instants, used if the other walk comes later.
    pub(super) latest: DateTime<Utc>,
}

impl Clocks {
    pub(super) fn new(newest_entry: Option<DateTime<Utc>>) -> Clocks {
        Clocks {
            newest_entry,
            shown: Arc::default(),
            ahead_of_plan: Arc::default(),
            is_told: Arc::default(),
        }
    }

    /// The clocks for another connection, which gets a warning of its own.
    pub(super) fn of_connection(&self) -> Clocks {
        Clocks { ahead_of_plan: Arc::default(), is_told: Arc::default(), ..self.clone() }
    }

    /// Compares the clocks when an answer arrives: ours and, if the answer has a `Date`, the server's.
    pub(super) fn read(&self, ours: DateTime<Utc>, server: Option<DateTime<Utc>>) -> Reading {
        let ahead = server.map_or(Duration::zero(), |server| ours.signed_duration_since(server));
        if server.is_some() {
            *lock(&self.ahead_of_plan) = Some(ahead);
        }
        let reading = self.compare(ours, server);
        let mut shown = self.shown();
        let known = shown.ahead.unwrap_or(Duration::zero());
        shown.ahead = Some(known.max(ahead));
        shown.is_doubted |= reading.is_doubted;
        reading
    }

    /// The clocks at an instant of this run at which no answer arrives: the plan's clock goes on from its
    /// latest answer.
    pub(super) fn at(&self, ours: DateTime<Utc>) -> Reading {
        let ahead = *lock(&self.ahead_of_plan);
        self.compare(ours, ahead.and_then(|ahead| ours.checked_sub_signed(ahead)))
    }

    fn compare(&self, ours: DateTime<Utc>, server: Option<DateTime<Utc>>) -> Reading {
        let ahead = server.map_or(Duration::zero(), |server| ours.signed_duration_since(server));
        let believed = server.map_or(ours, |server| ours.min(server));
        let differ = ahead.abs() > TOLERANCE;
        let is_confirmed = server.is_some() && !differ;
        // An entry far in the future was made by a wrong clock, unless it is our clock now that is wrong.
        let contradicts = |newest: &DateTime<Utc>| newest.signed_duration_since(believed) > JUMP;
        let newer = self.newest_entry.filter(contradicts).filter(|_| !is_confirmed);
        let oddity = match (server.filter(|_| differ), newer) {
            (Some(server), _) => Some(format!(
                "this machine's clock says {}, the plan's {}: the earlier time is used",
                day(ours),
                day(server)
            )),
            (None, Some(newest)) => Some(format!(
                "this machine's clock says {}, but the newest run in the ledger is of {}: until \
                 they agree, old versions and runs are kept, and only a read proves a deletion",
                day(ours),
                day(newest)
            )),
            (None, None) => None,
        };
        let is_doubted = newer.is_some();
        let warning = oddity.filter(|_| !self.is_told.swap(true, Ordering::Relaxed));
        let dated = newer
            .map_or_else(|| self.dated(ours), |newest| Dated { earliest: newest, latest: newest });
        Reading { believed, dated, is_doubted, warning }
    }

    /// Whether the `Date` of an answer shows that a cache kept it, though the cache does not tell its age.
    pub(super) fn is_kept(&self, ours: DateTime<Utc>, server: Option<DateTime<Utc>>) -> bool {
        let known = *lock(&self.ahead_of_plan);
        let (Some(server), Some(known)) = (server, known) else { return false };
        let behind = ours.signed_duration_since(server).checked_sub(&known);
        behind.is_none_or(|behind| behind > AS_ONE)
    }

    /// Converts an instant of our clock to the slowest clock that has answered, if that is behind ours.
    pub(super) fn earlier(&self, ours: DateTime<Utc>) -> DateTime<Utc> {
        let ahead = self.shown().ahead.unwrap_or(Duration::zero()).max(Duration::zero());
        ours.checked_sub_signed(ahead).unwrap_or(ours)
    }

    /// Converts an instant of our clock to both clocks. The plan's latest answer has shown the plan's clock.
    fn dated(&self, ours: DateTime<Utc>) -> Dated {
        let ahead = lock(&self.ahead_of_plan).filter(|ahead| ahead.abs() > AS_ONE);
        let ahead = ahead.unwrap_or(Duration::zero());
        let plans = ours.checked_sub_signed(ahead).unwrap_or(ours);
        Dated { earliest: ours.min(plans), latest: ours.max(plans) }
    }

    /// The instant before which data is forgotten, if it is kept for the time `keep`.
    ///
    /// `None` if no plan has answered, or if the clocks contradict the ledger.
    pub(super) fn forget_before(
        &self,
        ours: DateTime<Utc>,
        keep: Duration,
    ) -> Option<DateTime<Utc>> {
        let shown = self.shown();
        let ahead = shown.ahead.filter(|_| !shown.is_doubted)?;
        ours.checked_sub_signed(ahead)?.checked_sub_signed(keep)
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        lock(&self.shown)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn day(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::instant;

    fn at(day: &str) -> DateTime<Utc> {
        instant(&format!("{day}T12:00:00Z")).unwrap()
    }

    fn kept_until(clocks: &Clocks, ours: &str) -> Option<String> {
        clocks.forget_before(at(ours), Duration::days(30)).map(day)
    }

    #[test]
    fn clocks_that_agree_are_silent_whatever_the_ledger_says() {
        for newest in [None, Some(at("2026-03-01")), Some(at("2027-06-01"))] {
            let clocks = Clocks::new(newest);
            assert_eq!(kept_until(&clocks, "2026-03-02"), None, "nobody has answered");
            let reading = clocks.read(at("2026-03-02"), Some(at("2026-03-02")));
            assert_eq!((reading.is_doubted, reading.warning), (false, None));
            assert_eq!(kept_until(&clocks, "2026-03-02").unwrap(), "2026-01-31");
        }
    }

    #[test]
    fn of_two_that_differ_the_earlier_is_believed_and_both_are_told() {
        for (ours, server, forgotten) in
            [("2027-04-06", "2026-03-02", "2026-01-31"), ("2026-03-02", "2026-04-02", "2026-01-31")]
        {
            let clocks = Clocks::new(Some(at("2026-03-01")));
            let reading = clocks.read(at(ours), Some(at(server)));
            assert_eq!((reading.believed, reading.is_doubted), (at("2026-03-02"), false));
            let warning = reading.warning.unwrap();
            assert!(warning.contains(ours) && warning.contains(server), "{warning}");
            assert_eq!(kept_until(&clocks, ours).unwrap(), forgotten);
        }
    }

    #[test]
    fn a_clock_behind_the_ledger_is_doubted_unless_the_plan_confirms_it() {
        for server in [None, Some(at("2026-03-05")), Some(at("2025-01-05"))] {
            let clocks = Clocks::new(Some(at("2026-03-01")));
            let reading = clocks.read(at("2025-01-01"), server);
            let is_confirmed = server == Some(at("2025-01-01"));
            assert_eq!(
                (reading.is_doubted, kept_until(&clocks, "2025-01-01")),
                (!is_confirmed, None)
            );
            assert!(reading.warning.is_some(), "{server:?}");
        }
    }

    #[test]
    fn without_an_answer_the_plans_clock_goes_on_and_nothing_is_shown() {
        let clocks = Clocks::new(Some(at("2026-06-01")));
        assert!(clocks.at(at("2026-03-01")).is_doubted);
        assert_eq!(kept_until(&clocks, "2026-03-01"), None);
        // The plan confirms this machine's clock, so it is the ledger's that is wrong.
        assert!(!clocks.read(at("2026-03-02"), Some(at("2026-03-02"))).is_doubted);
        assert!(!clocks.at(at("2026-03-01")).is_doubted);
        // The plan's clock is behind ours, and the ledger's ahead of both.
        assert!(!clocks.read(at("2026-06-20"), Some(at("2026-05-20"))).is_doubted);
        let reading = clocks.at(at("2026-06-21"));
        assert_eq!(
            (reading.believed, reading.dated.earliest),
            (at("2026-05-21"), at("2026-05-21"))
        );
    }

    #[test]
    fn the_slowest_plan_says_how_much_is_kept() {
        let clocks = Clocks::new(None);
        clocks.read(at("2027-04-06"), None);
        clocks.read(at("2027-04-06"), Some(at("2026-03-02")));
        clocks.read(at("2027-04-06"), Some(at("2027-04-06")));
        assert_eq!(kept_until(&clocks, "2027-04-06").unwrap(), "2026-01-31");
    }

    #[test]
    fn instants_at_the_ends_of_time_do_not_overflow() {
        let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
        for (ours, server) in [(first, last), (last, first)] {
            let clocks = Clocks::new(Some(first));
            assert_eq!(clocks.read(ours, Some(server)).believed, first);
            assert_eq!(clocks.forget_before(ours, Duration::MAX), None);
        }
    }
}
