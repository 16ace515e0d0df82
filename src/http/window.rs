//! Counts requests, so that no interval has more of them than a limit.
//!
//! A bucket alone keeps a limit in every interval only if it refills slower than the limit: a tenth slower,
//! if it holds a tenth of it. With this count beside it, the bucket may refill at the limit itself.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The number of parts that an interval is cut into.
///
/// A request counts for at least one part longer than the interval, since two requests may arrive at the
/// server closer together than they were sent.
const PARTS: u32 = 100;
/// The number of parts that are kept: the present one, those of an interval, and one more.
const KEPT: u64 = PARTS as u64 + 2;

/// The requests of the last interval.
#[derive(Debug)]
pub(super) struct Window {
    limit: u32,
    part: Duration,
    counted: Mutex<Option<Counted>>,
}

#[derive(Debug)]
struct Counted {
    /// When the first part began.
    start: Instant,
    /// The number of the present part.
    now: u64,
    /// The requests of each part, and their sum.
    parts: Box<[u32; KEPT as usize]>,
    sum: u32,
}

impl Window {
    pub(super) fn new(limit: u32, interval: Duration) -> Window {
        // Rounded up: parts that are too short would let one more request pass.
        let part = interval / PARTS + Duration::from_nanos(1);
        Window { limit, part, counted: Mutex::default() }
    }

    /// Counts a request, if `bucket` lets it through, too; else says how long to wait before asking again.
    pub(super) fn take(
        &self,
        now: Instant,
        bucket: impl FnOnce() -> Result<(), Duration>,
    ) -> Result<(), Duration> {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = counted.get_or_insert_with(|| Counted::new(now));
        let passed = counted.turn(now, self.part);
        if counted.sum < self.limit {
            bucket()?;
            counted.sum += 1;
            *counted.at(counted.now) += 1;
            return Ok(());
        }
        let next = self.part.as_nanos() * u128::from(counted.now + counted.oldest());
        let next = Duration::from_nanos(u64::try_from(next).unwrap_or(u64::MAX));
        Err(next.saturating_sub(passed))
    }
}

impl Counted {
    fn new(start: Instant) -> Counted {
        Counted { start, now: 0, parts: Box::new([0; KEPT as usize]), sum: 0 }
    }

    fn at(&mut self, part: u64) -> &mut u32 {
        &mut self.parts[(part % KEPT) as usize]
    }

    /// Moves on to the part that `now` is in, and forgets requests older than an interval. Returns the time
    /// since the start.
    fn turn(&mut self, now: Instant, part: Duration) -> Duration {
        let passed = now.saturating_duration_since(self.start);
        let to = u64::try_from(passed.as_nanos() / part.as_nanos()).unwrap_or(u64::MAX / 2);
        for part in self.now.max(to.saturating_sub(KEPT)) + 1..=to {
            self.sum -= std::mem::take(self.at(part));
        }
        self.now = self.now.max(to);
        passed
    }

    /// After how many parts the oldest request is forgotten.
    fn oldest(&mut self) -> u64 {
        let now = self.now;
        (1..=KEPT).find(|ahead| *self.at(now + ahead) > 0).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn no_interval_sees_more_than_the_limit_and_two_parts_in_a_hundred_are_lost() {
        let (start, window) = (Instant::now(), Window::new(10, SECOND));
        let mut now = start;
        let mut taken = Vec::new();
        while taken.len() < 100 {
            match window.take(now, || Ok(())) {
                Ok(()) => taken.push(now),
                Err(wait) => now += wait,
            }
            // Requests also come in the middle of parts.
            now += Duration::from_micros(700);
        }
        for (first, next) in taken.iter().zip(&taken[10..]) {
            assert!(*next - *first >= SECOND + SECOND / PARTS);
        }
        assert!(taken[99] - start < SECOND * 10);
    }

    #[test]
    fn what_the_bucket_holds_back_is_not_counted() {
        let (now, window) = (Instant::now(), Window::new(1, SECOND));
        assert_eq!(window.take(now, || Err(SECOND)), Err(SECOND));
        assert_eq!(window.take(now, || Ok(())), Ok(()));
        assert!(window.take(now, || Ok(())).is_err());
    }
}
