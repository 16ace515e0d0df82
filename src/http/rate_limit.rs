//! A budget of requests per origin, shared by everything that talks to it.
//!
//! Every attempt counts, repeated ones and redirects included.

use std::cmp::min;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

use super::{Origin, pace::Pace, turns::Turns, window::Window};
use crate::shard::Shard;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(60 * 60);

/// How many requests an origin is sent at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests in any second.
    pub per_second: NonZeroU32,
    /// Requests in any hour.
    pub per_hour: Option<NonZeroU32>,
    /// The shard whose part of both holds here.
    pub shard: Shard,
}

impl RateLimits {
    /// The limits that respect both.
    fn strictest(self, other: Self) -> Self {
        let per_hour = match (self.per_hour, other.per_hour) {
            (Some(one), Some(two)) => Some(min(one, two)),
            (one, two) => one.or(two),
        };
        Self { per_second: min(self.per_second, other.per_second), per_hour, shard: self.shard }
    }
}

/// The budgets of all origins.
#[derive(Default)]
pub(super) struct Budgets(Mutex<HashMap<Origin, Arc<Budget>>>);

struct Budget {
    limits: RateLimits,
    gates: Vec<Gate>,
    pace: Mutex<Pace>,
}

/// One limit that every request passes.
enum Gate {
    /// At most so many requests in any interval, evenly.
    Bucket(Limiter, Window),
    /// Fewer than one request for each shard in an interval: the shards take turns.
    Turns(Turns),
}

type Limiter<C = TokioClock> =
    RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<<C as Clock>::Instant>>;

impl Budgets {
    /// Limits an origin. Of several limits for one origin the strictest holds.
    pub(super) fn limit(&self, origin: &Origin, limits: RateLimits) {
        let mut budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let merged = budgets.get(origin).map_or(limits, |budget| budget.limits.strictest(limits));
        // An unchanged limit keeps what has been spent of it.
        if budgets.get(origin).is_none_or(|budget| budget.limits != merged) {
            budgets.insert(origin.clone(), Arc::new(Budget::new(merged)));
        }
    }

    /// Takes requests off the hourly budget that an earlier process sent within the last hour.
    ///
    /// A bucket cannot owe more than it holds: it begins empty and refills at its rate. The count takes them
    /// for evenly sent.
    pub(super) fn spend(&self, origin: &Origin, requests: u32) {
        let Some(budget) = self.of(origin).filter(|budget| budget.limits.per_hour.is_some()) else {
            return;
        };
        let Some(hourly) = budget.gates.first() else { return };
        match hourly {
            Gate::Bucket(limiter, window) => {
                (0..requests).take_while(|_| limiter.check().is_ok()).for_each(drop);
                window.spent(TokioClock.now(), requests);
            }
            Gate::Turns(turns) => drop((0..requests).find(|_| turns.take().is_err())),
        }
    }

    /// Learns from an answer how fast the origin may be asked.
    pub(super) fn learn(&self, origin: &Origin, is_too_much: bool) {
        let Some(budget) = self.of(origin) else { return };
        let mut pace = budget.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let now = tokio::time::Instant::now();
        if is_too_much { pace.throttled(now) } else { pace.accepted(now) }
    }

    fn of(&self, origin: &Origin) -> Option<Arc<Budget>> {
        let budgets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        budgets.get(origin).map(Arc::clone)
    }

    /// Waits until another request may be sent to `origin`.
    pub(super) async fn admit(&self, origin: &Origin) {
        let Some(budget) = self.of(origin) else { return };
        let place = {
            let mut pace = budget.pace.lock().unwrap_or_else(PoisonError::into_inner);
            pace.place(tokio::time::Instant::now())
        };
        tokio::time::sleep_until(place).await;
        for gate in &budget.gates {
            while let Err(wait) = gate.pass() {
                tokio::time::sleep(wait).await;
            }
        }
    }
}

impl Budget {
    fn new(limits: RateLimits) -> Self {
        // The longer budget first: a place in this second is not taken and then held for minutes.
        let mut gates = Vec::new();
        if let Some(per_hour) = limits.per_hour {
            gates.push(Gate::new(per_hour, HOUR, limits.shard));
        }
        gates.push(Gate::new(limits.per_second, SECOND, limits.shard));
        let pace = Mutex::new(Pace::new(SECOND * limits.shard.of() / limits.per_second.get()));
        Self { limits, gates, pace }
    }
}

impl Gate {
    /// The gate for a shard's part of a limit.
    fn new(limit: NonZeroU32, interval: Duration, shard: Shard) -> Gate {
        if limit.get() < shard.of() {
            return Gate::Turns(Turns::new(limit, interval, shard));
        }
        // A part of a u32, and at least 1.
        let part = u32::try_from(shard.part_of(limit.get().into())).unwrap_or(u32::MAX);
        let part = NonZeroU32::new(part).unwrap_or(NonZeroU32::MIN);
        Gate::Bucket(limiter(part, interval, TokioClock), Window::new(part.get(), interval))
    }

    /// Lets a request through, or says how long to wait before asking again.
    fn pass(&self) -> Result<(), Duration> {
        match self {
            Gate::Bucket(limiter, window) => {
                let now = TokioClock.now();
                let bucket = || limiter.check().map_err(|not_yet| not_yet.wait_time_from(now));
                window.take(now, bucket)
            }
            Gate::Turns(turns) => turns.take(),
        }
    }
}

/// A bucket that refills at the limit, and holds a tenth of it: what a late timer missed is made up for.
///
/// The window beside it keeps the limit in every interval.
fn limiter<C: Clock>(limit: NonZeroU32, interval: Duration, clock: C) -> Limiter<C> {
    let burst = NonZeroU32::new((limit.get() / 10).max(2.min(limit.get()))).unwrap_or(limit);
    // Only a period of zero has no quota: of more than one request in a nanosecond.
    let quota = Quota::with_period(interval / limit.get()).unwrap_or(Quota::per_second(limit));
    RateLimiter::direct_with_clock(quota.allow_burst(burst), clock)
}

/// The runtime's clock, so that waiting and counting agree where a test pauses time.
#[derive(Clone, Debug, Default)]
struct TokioClock;

impl Clock for TokioClock {
    type Instant = Instant;

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn number(value: u32) -> NonZeroU32 {
        NonZeroU32::new(value).unwrap()
    }

    fn limits(per_second: u32, per_hour: Option<u32>) -> RateLimits {
        RateLimits {
            per_second: number(per_second),
            per_hour: per_hour.map(number),
            shard: Shard::WHOLE,
        }
    }

    /// The instants at which an eager sender is let through.
    fn admissions(limit: u32, interval: Duration, count: usize) -> Vec<Duration> {
        let clock = FakeRelativeClock::default();
        let limiter = limiter(number(limit), interval, clock.clone());
        let (start, window) = (Instant::now(), Window::new(limit, interval));
        let mut now = Duration::ZERO;
        let mut admitted = Vec::new();
        while admitted.len() < count {
            let bucket = || limiter.check().map_err(|later| later.wait_time_from(clock.now()));
            match window.take(start + now, bucket) {
                Ok(()) => admitted.push(now),
                Err(wait) => {
                    clock.advance(wait);
                    now += wait;
                }
            }
        }
        admitted
    }

    fn most_within(interval: Duration, admitted: &[Duration]) -> usize {
        let within = |from: &Duration| {
            admitted.iter().filter(|at| **at >= *from && **at < *from + interval).count()
        };
        admitted.iter().map(within).max().unwrap()
    }

    #[test]
    fn no_second_sees_more_than_its_limit_and_little_of_it_is_left_unused() {
        for limit in [1, 3, 10, 40, 250] {
            let admitted = admissions(limit, SECOND, 50 * limit as usize);
            assert!(most_within(SECOND, &admitted) <= limit as usize, "{limit}");
            // Two hundredths.
            assert!(*admitted.last().unwrap() < Duration::from_millis(51_100), "{limit}");
        }
    }

    #[test]
    fn no_hour_sees_more_than_its_limit() {
        let admitted = admissions(300, HOUR, 900);
        assert!(most_within(HOUR, &admitted) <= 300);
        assert!(*admitted.last().unwrap() < HOUR * 311 / 100);
    }

    #[test]
    fn shards_together_ask_no_more_than_one_may_and_none_of_them_starves() {
        for (limit, of) in [(10, 4), (4, 4), (40, 3), (5, 2)] {
            let mut admitted: Vec<Duration> = Vec::new();
            for number in 1..=of {
                let shard = Shard::new(number, of).unwrap();
                let part = u32::try_from(shard.part_of(limit.into())).unwrap();
                assert!(part > 0, "{number} of {of}, {limit}");
                assert!(matches!(
                    Gate::new(super::tests::number(limit), SECOND, shard),
                    Gate::Bucket(..)
                ));
                admitted.extend(admissions(part, SECOND, 5 * part as usize));
            }
            assert!(most_within(SECOND, &admitted) <= limit as usize, "{limit} by {of}");
        }
        let shard = Shard::new(2, 4).unwrap();
        assert!(matches!(Gate::new(number(3), SECOND, shard), Gate::Turns(_)));
    }

    #[test]
    fn the_strictest_of_several_limits_holds() {
        let (budgets, origin) = (Budgets::default(), "https://h".parse().unwrap());
        for (given, held) in [
            (limits(5, None), limits(5, None)),
            (limits(50, Some(1000)), limits(5, Some(1000))),
            (limits(2, Some(2000)), limits(2, Some(1000))),
        ] {
            budgets.limit(&origin, given);
            assert_eq!(budgets.0.lock().unwrap()[&origin].limits, held);
        }
    }

    #[tokio::test]
    async fn a_repeated_limit_keeps_what_was_spent_and_other_origins_are_free() {
        let (budgets, origin) = (Budgets::default(), "https://h".parse().unwrap());
        let only_one = limits(100, Some(1));
        budgets.limit(&origin, only_one);
        budgets.admit(&origin).await;
        budgets.limit(&origin, only_one);
        budgets.admit(&"https://other".parse().unwrap()).await;
        let budget = Arc::clone(&budgets.0.lock().unwrap()[&origin]);
        assert!(budget.gates[0].pass().is_err());
    }
}
