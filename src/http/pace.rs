//! A pace that learns how fast an origin may be asked, from its 429s.
//!
//! The configured budget stays the upper bound. Between a rate that was refused and one that was not, the
//! pace takes the middle, until the two are 3 % apart, and stays there. After a minute or more it tries
//! faster rates again; each time that this fails, it waits twice as long. Each rate is on trial for two
//! seconds. If a rate that was not refused in a whole trial is refused later, as by a limit over a minute, the
//! trial becomes twice as long.
//!
//! A rate is stored as a distance: the time between two requests.

use std::time::Duration;
use tokio::time::Instant;

/// The slowest pace: one request a minute.
const SLOWEST: Duration = Duration::from_secs(60);
/// For this long after a change, refusals do not change the rate: they concern requests that were under way,
/// or a window of the server's that the previous rate has filled.
const SETTLING: Duration = Duration::from_secs(1);
const FIRST_TRIAL: Duration = Duration::from_secs(2);
const LONGEST_TRIAL: Duration = Duration::from_secs(64);
/// How long to wait before faster rates are tried again; near the configured rate, ten times as long. Each
/// time that a faster rate is refused again, the time doubles.
const FIRST_PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_PATIENCE: Duration = Duration::from_secs(60 * 60);
/// The shortest time between two requests: faster rates are not told apart.
const SHORTEST: Duration = Duration::from_micros(100);

/// The time that two requests to one origin must be apart at present.
#[derive(Debug)]
pub(super) struct Pace {
    /// The time between requests at the configured rate, to which the pace may return.
    usual: Duration,
    /// The present time between requests; zero while nothing has been refused.
    distance: Duration,
    /// When the last request was sent.
    last: Option<Instant>,
    /// Nothing is sent before this instant, since a window of the server's is full.
    full_until: Option<Instant>,
    bounds: Option<Bounds>,
}

/// What is known of the time between requests that the origin demands.
#[derive(Debug)]
struct Bounds {
    /// The time between requests at the rate that was refused last.
    refused: Duration,
    /// The shortest time between requests that was not refused in a whole trial.
    held: Option<Duration>,
    /// When the present time between requests was chosen, and the number of answers since.
    since: Instant,
    answers: u32,
    trial: Duration,
    refused_at: Instant,
    patience: Duration,
    /// Whether a rate that had been refused is being tried again.
    is_bold: bool,
}

impl Pace {
    pub(super) fn new(usual: Duration) -> Pace {
        let usual = usual.max(SHORTEST);
        Pace { usual, distance: Duration::ZERO, last: None, full_until: None, bounds: None }
    }

    /// When the next request may be sent; `None` if now.
    pub(super) fn due(&self) -> Option<Instant> {
        self.last.map(|last| last + self.distance).max(self.full_until)
    }

    /// Notes that a request is sent.
    pub(super) fn sent(&mut self, now: Instant) {
        self.last = Some(now);
    }

    /// Notes a 429: the time between requests becomes the shortest one that was not refused in a
    /// whole trial, or is doubled.
    pub(super) fn throttled(&mut self, now: Instant) {
        let refused = self.distance.max(self.usual);
        let bounds = self.bounds.get_or_insert(Bounds {
            refused,
            held: None,
            // Dated back, so that the first refusal changes the distance.
            since: now.checked_sub(SETTLING).unwrap_or(now),
            answers: 0,
            trial: FIRST_TRIAL,
            refused_at: now,
            patience: FIRST_PATIENCE,
            is_bold: false,
        });
        if now < bounds.since + SETTLING && self.distance > Duration::ZERO {
            // Another refusal so soon means that a window of the server's is full: it would refuse more.
            self.full_until = Some(bounds.since + SETTLING);
            return;
        }
        if bounds.held.is_some_and(|held| refused >= held) {
            bounds.held = None;
            bounds.trial = (bounds.trial * 2).min(LONGEST_TRIAL);
        }
        if std::mem::take(&mut bounds.is_bold) {
            bounds.patience = (bounds.patience * 2).min(LONGEST_PATIENCE);
        }
        (bounds.refused, bounds.refused_at) = (refused, now);
        (bounds.since, bounds.answers) = (now, 0);
        self.distance = bounds.held.unwrap_or(refused * 2).min(SLOWEST);
    }

    /// Notes that the server took a request. At the end of a trial the time between requests gets shorter.
    pub(super) fn accepted(&mut self, now: Instant) {
        let Some(bounds) = &mut self.bounds else { return };
        bounds.answers = bounds.answers.saturating_add(1);
        let passed = now - bounds.since;
        if passed < bounds.trial.max(self.distance) {
            return;
        }
        // A rate holds only if enough requests were sent at it.
        let is_used = self.distance * bounds.answers * 5 >= passed * 4;
        (bounds.since, bounds.answers) = (now, 0);
        if !is_used {
            return;
        }
        // The configured rate held, so the budget alone is enough.
        if self.distance <= self.usual {
            (self.distance, self.bounds) = (Duration::ZERO, None);
            return;
        }
        bounds.held = Some(self.distance);
        if self.distance * 100 <= bounds.refused * 103 {
            // A refusal far below the configured rate is more likely a shortage that passes than the plan's
            // limit.
            let is_far = self.distance > self.usual * 8;
            if now < bounds.refused_at + bounds.patience * if is_far { 1 } else { 10 } {
                return;
            }
            bounds.refused = (bounds.refused / 4).max(self.usual);
            bounds.is_bold = true;
        }
        self.distance = between(self.distance, bounds.refused);
        if self.distance * 100 <= self.usual * 103 && bounds.is_bold {
            self.distance = self.usual;
        }
    }
}

/// The time between requests at the mean of two rates; `one` and `other` are the times between requests at
/// these rates.
fn between(one: Duration, other: Duration) -> Duration {
    let [one, other] = [one, other].map(|distance| distance.as_secs_f64().max(1e-9));
    Duration::from_secs_f64(2.0 * one * other / (one + other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    /// Simulates senders that send again as soon as they are answered. Returns for each request when it was
    /// sent, and whether it was refused. Two requests are at least `usual` apart.
    fn sent_by(
        senders: usize,
        usual: Duration,
        seconds: u64,
        mut allowed: impl FnMut(Duration) -> (usize, Duration),
    ) -> Vec<(Duration, bool)> {
        let (start, mut pace) = (Instant::now(), Pace::new(usual));
        let (mut now, mut taken, mut sent) = (start, VecDeque::new(), Vec::new());
        let mut waiting = senders;
        // Answers under way: when each comes, and whether it is a refusal.
        let mut answers: Vec<(Instant, bool)> = Vec::new();
        while now < start + Duration::from_secs(seconds) {
            let budget = sent.last().map(|(at, _)| start + *at + usual);
            let go = pace.due().max(budget).unwrap_or(now).max(now);
            let first = answers.iter().map(|(at, _)| *at).min();
            if let Some(at) = first.filter(|at| waiting == 0 || *at <= go) {
                now = at.max(now);
                let position = answers.iter().position(|(other, _)| *other == at).unwrap();
                match answers.swap_remove(position).1 {
                    true => pace.throttled(now),
                    false => pace.accepted(now),
                }
                waiting += 1;
                continue;
            }
            now = go;
            waiting -= 1;
            pace.sent(now);
            let (limit, window) = allowed(now - start);
            // Up to 8 ms on the way there, and some hundred for the answer.
            let there = now + Duration::from_millis(sent.len() as u64 * 7919 % 9);
            while taken.front().is_some_and(|at| *at + window <= there) {
                taken.pop_front();
            }
            let is_refused = taken.len() >= limit;
            sent.push((now - start, is_refused));
            let lasts = if is_refused { 20 } else { 200 + sent.len() as u64 * 104_729 % 200 };
            answers
                .push((there + Duration::from_millis(lasts * u64::from(senders > 1)), is_refused));
            if !is_refused {
                taken.push_back(there);
            }
        }
        sent
    }

    /// The requests of one eager sender, who is answered at once.
    fn sent(
        usual: Duration,
        seconds: u64,
        allowed: impl FnMut(Duration) -> (usize, Duration),
    ) -> Vec<(Duration, bool)> {
        sent_by(1, usual, seconds, allowed)
    }

    /// The numbers of requests taken and refused from second `from` until second `to`.
    fn count(sent: &[(Duration, bool)], from: u64, to: u64) -> (usize, usize) {
        let span = Duration::from_secs(from)..Duration::from_secs(to);
        let within = sent.iter().filter(|(at, _)| span.contains(at));
        let refused = within.clone().filter(|(_, is_refused)| *is_refused).count();
        (within.count() - refused, refused)
    }

    #[test]
    fn a_limit_below_the_budget_is_learned_within_a_minute_and_used() {
        let second = Duration::from_secs(1);
        for (usual, allowed) in [(25, 20), (10, 20), (100, 7), (1, 100), (100, 1)] {
            let sent = sent(Duration::from_millis(usual), 60, |_| (allowed, second));
            let (taken, refused) = count(&sent, 40, 60);
            assert_eq!(refused, 0, "{usual} {allowed}");
            assert!(taken * 100 >= allowed * 20 * 97 - 100, "{usual} {allowed}: {taken}");
        }
    }

    #[test]
    fn a_limit_over_a_minute_is_learned_too() {
        let minute = Duration::from_secs(60);
        let sent = sent(Duration::from_millis(100), 3600, |_| (300, minute));
        let (taken, refused) = count(&sent, 3000, 3600);
        assert!(refused <= 60, "{refused}");
        // Four fifths are enough: a full window refuses slow rates, too, which are then tried again late.
        assert!(taken > 2400, "{taken}");
    }

    #[test]
    fn what_was_refused_once_is_tried_again_later_and_more_and_more_rarely() {
        let second = Duration::from_secs(1);
        // The server allows little for half a minute, and then as much as before.
        let squeezed = |at: Duration| match at.as_secs() {
            10..40 => (1, second),
            _ => (1000, second),
        };
        let (taken, refused) = count(&sent(Duration::from_millis(100), 1000, squeezed), 900, 1000);
        assert!((990..=1001).contains(&taken) && refused == 0, "{taken} {refused}");
        let lasting = sent(Duration::from_millis(50), 4 * 3600, |_| (10, second));
        let hour = |number: u64| count(&lasting, number * 3600, (number + 1) * 3600).1;
        assert!(hour(3) < hour(0) && hour(3) <= 20, "{} {}", hour(0), hour(3));
    }

    #[test]
    fn requests_under_way_do_not_slow_it_down_again_and_a_full_window_is_waited_out() {
        let now = Instant::now();
        for (refusals, due) in [(1, 200), (8, 1000)] {
            let mut pace = Pace::new(Duration::from_millis(100));
            pace.sent(now);
            (0..refusals).for_each(|_| pace.throttled(now));
            assert_eq!(pace.due(), Some(now + Duration::from_millis(due)), "{refusals}");
            assert_eq!(pace.distance, Duration::from_millis(200), "{refusals}");
        }
    }

    /// Sixteen senders are four connections that read four types each.
    #[test]
    fn many_requests_under_way_learn_the_limit_as_one_does() {
        let (tenth, second) = (Duration::from_millis(100), Duration::from_secs(1));
        for (senders, allowed) in [(4, 5), (16, 10), (16, 5), (16, 2), (16, 1), (64, 5)] {
            let sent = sent_by(senders, tenth, 1200, |_| (allowed, second));
            let (taken, refused) = count(&sent, 600, 1200);
            let all = allowed * 600;
            assert!(taken * 10 >= all * 9, "{senders} at {allowed}: {taken} of {all}");
            assert!(refused * 20 <= taken, "{senders} at {allowed}: {refused} of {taken}");
        }
    }

    #[test]
    fn it_is_never_slower_than_a_request_a_minute() {
        let mut pace = Pace::new(Duration::from_millis(100));
        let start = Instant::now();
        (0..100).for_each(|minute| pace.throttled(start + SLOWEST * minute));
        assert_eq!(pace.distance, SLOWEST);
    }
}
