//! A limit below one request per shard and interval: the shards take turns by the wall clock.
//!
//! The shards share nothing but the time of day. A turn lasts 1.5 times as long as the limit asks for, and
//! a request is sent in its first sixth. So the limit holds even if the clocks of two machines differ by
//! up to a quarter of the time per request: 250 ms for one request per second.

use crate::{clock::Clock, shard::Shard};
use std::{
    num::NonZeroU32,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The turns of one shard.
#[derive(Debug)]
pub(super) struct Turns {
    clock: Clock,
    /// How long a turn is, in nanoseconds.
    turn: u128,
    shard: Shard,
    /// The last round whose turn was used, if any.
    used: Mutex<Option<u128>>,
}

impl Turns {
    /// The turns of `shard` if all shards together may send `limit` requests in an `interval`.
    pub(super) fn new(limit: NonZeroU32, interval: Duration, shard: Shard) -> Turns {
        Turns::with_clock(limit, interval, shard, Clock::system())
    }

    fn with_clock(limit: NonZeroU32, interval: Duration, shard: Shard, clock: Clock) -> Turns {
        // Never zero: an interval is a second or an hour.
        let turn = (interval.as_nanos() * 3 / (2 * u128::from(limit.get()))).max(6);
        Turns { clock, turn, shard, used: Mutex::default() }
    }

    /// Takes this round's turn, or says how long to wait before asking again.
    pub(super) fn take(&self) -> Result<(), Duration> {
        let now = self.clock.now().timestamp_nanos_opt().unwrap_or_default().max(0) as u128;
        let round = self.turn * u128::from(self.shard.of());
        let begins = self.turn * u128::from(self.shard.position());
        let (number, within) = (now / round, now % round);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let is_free = *used != Some(number);
        if is_free && (begins..begins + self.turn / 6).contains(&within) {
            *used = Some(number);
            return Ok(());
        }
        let next = if is_free && within < begins { begins } else { round + begins };
        Err(Duration::from_nanos(u64::try_from(next - within).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, Utc};
    use std::sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    };

    const SECOND: Duration = Duration::from_secs(1);

    /// When an eager shard sends, if its clock is ahead by `wrong_by` milliseconds.
    fn sent(limit: u32, shard: Shard, wrong_by: u64, count: usize) -> Vec<Duration> {
        let start = 1_800_000_000_000_000_000u64 + wrong_by * 1_000_000;
        let passed = Arc::new(AtomicU64::new(0));
        let clock = {
            let passed = Arc::clone(&passed);
            Clock::from_fn(move || -> DateTime<Utc> {
                DateTime::from_timestamp_nanos((start + passed.load(Ordering::Relaxed)) as i64)
            })
        };
        let limit = NonZeroU32::new(limit).unwrap();
        let turns = Turns::with_clock(limit, SECOND, shard, clock);
        let mut sent = Vec::new();
        while sent.len() < count {
            match turns.take() {
                Ok(()) => sent.push(Duration::from_nanos(passed.load(Ordering::Relaxed))),
                Err(wait) => {
                    passed.fetch_add(wait.as_nanos() as u64, Ordering::Relaxed);
                }
            }
        }
        sent
    }

    #[test]
    fn below_one_request_per_second_no_second_sees_more_than_all_shards_may_send() {
        for (limit, of) in [(1, 4), (3, 4), (2, 16), (1, 60)] {
            let mut all = Vec::new();
            for number in 1..=of {
                // Every other machine's clock is ahead by as much as is allowed.
                let wrong_by = u64::from(number % 2) * 249 / u64::from(limit);
                let sent = sent(limit, Shard::new(number, of).unwrap(), wrong_by, 6);
                // No shard is forgotten, and little of the rate is left unused.
                let round = SECOND * of * 3 / (2 * limit);
                assert!(sent[5] <= round * 6, "{number} of {of}: {sent:?}");
                all.extend(sent);
            }
            all.sort();
            for from in &all {
                let within = all.iter().filter(|at| *at >= from && **at < *from + SECOND).count();
                assert!(within <= limit as usize, "{limit} by {of}: {within} from {from:?}");
            }
        }
    }

    #[test]
    fn a_turn_is_taken_once() {
        let clock = Clock::from_fn(|| DateTime::from_timestamp_nanos(6_000_000_000));
        let (limit, shard) = (NonZeroU32::MIN, Shard::new(1, 4).unwrap());
        let turns = Turns::with_clock(limit, SECOND, shard, clock);
        assert_eq!(turns.take(), Ok(()));
        assert_eq!(turns.take(), Err(Duration::from_secs(6)));
    }
}
