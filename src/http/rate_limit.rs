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

/// The limits on the requests to one origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests in any second.
    pub per_second: NonZeroU32,
    /// Requests in any hour.
    pub per_hour: Option<NonZeroU32>,
    /// The shard: only its part of both limits applies here.
    pub shard: Shard,
}

impl RateLimits {
    /// The stricter of each pair of limits.
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
    /// Held by the request that goes next; the others wait in the order in which they came.
    turn: tokio::sync::Mutex<()>,
}

/// One limit that every request passes.
enum Gate {
    /// A limit on the requests in any second.
    Second(Limiter, Window),
    /// A limit on the requests in any hour, also in an hour that began under an earlier process.
    Hour(Limiter),
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

    /// Deducts from the hourly budget the requests that an earlier process sent within the last hour.
    ///
    /// If there were more than the bucket holds, it begins empty and refills at its rate.
    pub(super) fn spend(&self, origin: &Origin, requests: u32) {
        let Some(budget) = self.of(origin).filter(|budget| budget.limits.per_hour.is_some()) else {
            return;
        };
        let Some(hourly) = budget.gates.first() else { return };
        for _ in 0..requests {
            if hourly.pass().is_err() {
                return;
            }
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
    ///
    /// Nothing is reserved ahead: each request keeps the distance that is known when it is sent, and a
    /// request that is given up leaves its place to the next one.
    pub(super) async fn admit(&self, origin: &Origin) {
        let Some(budget) = self.of(origin) else { return };
        let _turn = budget.turn.lock().await;
        let pace = || budget.pace.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let due = pace().due();
            let Some(due) = due.filter(|due| *due > tokio::time::Instant::now()) else { break };
            tokio::time::sleep_until(due).await;
        }
        for gate in &budget.gates {
            while let Err(wait) = gate.pass() {
                tokio::time::sleep(wait).await;
            }
        }
        pace().sent(tokio::time::Instant::now());
    }
}

impl Budget {
    fn new(limits: RateLimits) -> Self {
        // The longer interval comes first. Otherwise a request would take a place in this second and then
        // wait for minutes.
        let mut gates = Vec::new();
        if let Some(per_hour) = limits.per_hour {
            gates.push(Gate::new(per_hour, HOUR, limits.shard));
        }
        gates.push(Gate::new(limits.per_second, SECOND, limits.shard));
        let pace = Mutex::new(Pace::new(SECOND * limits.shard.of() / limits.per_second.get()));
        Self { limits, gates, pace, turn: tokio::sync::Mutex::default() }
    }
}

impl Gate {
    /// The gate for a shard's part of a limit.
    fn new(limit: NonZeroU32, interval: Duration, shard: Shard) -> Gate {
        if limit.get() < shard.of() {
            return Gate::Turns(Turns::new(limit, interval, shard));
        }
        // The part of a u32 fits into a u32, and is at least 1.
        let part = u32::try_from(shard.part_of(limit.get().into())).unwrap_or(u32::MAX);
        let part = NonZeroU32::new(part).unwrap_or(NonZeroU32::MIN);
        match interval == SECOND {
            true => Gate::Second(bucket(part, TokioClock), Window::new(part.get(), interval)),
            false => Gate::Hour(limiter(part, interval, TokioClock)),
        }
    }

    /// Lets a request through, or says how long to wait before asking again.
    fn pass(&self) -> Result<(), Duration> {
        match self {
            Gate::Second(bucket, window) => {
                let now = TokioClock.now();
                window.take(now, || bucket.check().map_err(|later| later.wait_time_from(now)))
            }
            Gate::Hour(limiter) => {
                limiter.check().map_err(|later| later.wait_time_from(TokioClock.now()))
            }
            Gate::Turns(turns) => turns.take(),
        }
    }
}

/// A bucket that refills at a limit per second and holds a tenth of it, to make up for late timers.
///
/// The window beside it keeps the limit in every second.
fn bucket<C: Clock>(limit: NonZeroU32, clock: C) -> Limiter<C> {
    let burst = NonZeroU32::new((limit.get() / 10).max(2.min(limit.get()))).unwrap_or(limit);
    // Only a period of zero has no quota, which would be more than one request in a nanosecond.
    let quota = Quota::with_period(SECOND / limit.get()).unwrap_or(Quota::per_second(limit));
    RateLimiter::direct_with_clock(quota.allow_burst(burst), clock)
}

/// A limiter that lets at most `limit` requests pass in any `interval`, not only on average.
///
/// A bucket of `burst` that refills at `rate` lets `burst + rate - 1` pass, so the burst, a tenth of the
/// limit, is subtracted from the rate. The period is rounded up: a nanosecond less lets one more pass. Unlike
/// a count of requests, a bucket need not know when an earlier process sent them.
fn limiter<C: Clock>(limit: NonZeroU32, interval: Duration, clock: C) -> Limiter<C> {
    let burst = NonZeroU32::new(limit.get() / 10).unwrap_or(NonZeroU32::MIN);
    let rate = limit.get() - burst.get() + 1;
    let period = interval / rate + Duration::from_nanos(1);
    // Only a period of zero has no quota, and this one is at least a nanosecond.
    let quota = Quota::with_period(period).unwrap_or(Quota::per_second(limit));
    RateLimiter::direct_with_clock(quota.allow_burst(burst), clock)
}

/// The runtime's clock, so that waiting and counting agree if a test pauses time.
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
    fn admitted(
        count: usize,
        clock: &FakeRelativeClock,
        pass: impl Fn(Duration) -> Result<(), Duration>,
    ) -> Vec<Duration> {
        let (mut now, mut admitted) = (Duration::ZERO, Vec::new());
        while admitted.len() < count {
            match pass(now) {
                Ok(()) => admitted.push(now),
                Err(wait) => {
                    clock.advance(wait);
                    now += wait;
                }
            }
        }
        admitted
    }

    fn in_seconds(limit: u32, count: usize) -> Vec<Duration> {
        let clock = FakeRelativeClock::default();
        let bucket = bucket(number(limit), clock.clone());
        let (start, window) = (Instant::now(), Window::new(limit, SECOND));
        let check = || bucket.check().map_err(|later| later.wait_time_from(clock.now()));
        admitted(count, &clock, |now| window.take(start + now, check))
    }

    fn in_hours(limit: u32, count: usize) -> Vec<Duration> {
        let clock = FakeRelativeClock::default();
        let limiter = limiter(number(limit), HOUR, clock.clone());
        let check = || limiter.check().map_err(|later| later.wait_time_from(clock.now()));
        admitted(count, &clock, |_| check())
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
            let admitted = in_seconds(limit, 50 * limit as usize);
            assert!(most_within(SECOND, &admitted) <= limit as usize, "{limit}");
            // About two hundredths may be left unused.
            assert!(*admitted.last().unwrap() < Duration::from_millis(51_100), "{limit}");
        }
    }

    #[test]
    fn no_hour_sees_more_than_its_limit() {
        let admitted = in_hours(300, 900);
        assert!(most_within(HOUR, &admitted) <= 300);
    }

    /// Each process knows how many requests the one before it has sent, but not when.
    #[test]
    fn no_hour_over_two_processes_sees_more_than_its_limit() {
        for sent in [30, 100, 271, 300] {
            let first = in_hours(300, sent);
            let began = *first.last().unwrap();
            let clock = FakeRelativeClock::default();
            let limiter = limiter(number(300), HOUR, clock.clone());
            (0..sent).take_while(|_| limiter.check().is_ok()).for_each(drop);
            let check = || limiter.check().map_err(|later| later.wait_time_from(clock.now()));
            let second = admitted(600, &clock, |_| check());
            let both: Vec<_> =
                first.into_iter().chain(second.iter().map(|at| began + *at)).collect();
            assert!(most_within(HOUR, &both) <= 300, "{sent}");
        }
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
                    Gate::Second(..)
                ));
                admitted.extend(in_seconds(part, 5 * part as usize));
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
