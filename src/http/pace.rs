//! A pace that learns: slower after each 429, faster again with each other answer.
//!
//! Kept beside the configured budget, which stays the upper bound.

use std::time::Duration;
use tokio::time::Instant;

/// The slowest pace: one request a minute.
const SLOWEST: Duration = Duration::from_secs(60);
/// Below this the pace is no longer worth keeping.
const NEGLIGIBLE: Duration = Duration::from_millis(2);

/// The distance that requests to one origin keep at present.
#[derive(Debug)]
pub(super) struct Pace {
    /// The distance at which the first 429 sets in: that of the configured rate.
    usual: Duration,
    distance: Duration,
    next: Option<Instant>,
}

impl Pace {
    pub(super) fn new(usual: Duration) -> Pace {
        Pace { usual, distance: Duration::ZERO, next: None }
    }

    /// When the next request may go; takes the place.
    pub(super) fn place(&mut self, now: Instant) -> Instant {
        let at = self.next.map_or(now, |next| next.max(now));
        self.next = Some(at + self.distance);
        at
    }

    /// The server said 429: twice the distance.
    pub(super) fn throttled(&mut self) {
        self.distance = (self.distance * 2).clamp(self.usual * 2, SLOWEST);
    }

    /// The server took the request: a tenth less distance.
    pub(super) fn accepted(&mut self) {
        self.distance = self.distance * 9 / 10;
        if self.distance < NEGLIGIBLE {
            self.distance = Duration::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_slows_down_with_each_refusal_and_comes_back_but_never_above_the_budget() {
        let mut pace = Pace::new(Duration::from_millis(100));
        assert_eq!(pace.distance, Duration::ZERO);
        pace.throttled();
        assert_eq!(pace.distance, Duration::from_millis(200));
        pace.throttled();
        assert_eq!(pace.distance, Duration::from_millis(400));
        (0..100).for_each(|_| pace.throttled());
        assert_eq!(pace.distance, SLOWEST);
        let answers = (0..).take_while(|_| {
            pace.accepted();
            pace.distance > Duration::ZERO
        });
        assert!(answers.count() < 120);
    }

    #[test]
    fn places_keep_their_distance() {
        let mut pace = Pace::new(Duration::from_millis(100));
        pace.throttled();
        let now = Instant::now();
        let places: Vec<_> = (0..4).map(|_| pace.place(now) - now).collect();
        assert_eq!(places, [0, 200, 400, 600].map(Duration::from_millis));
    }
}
