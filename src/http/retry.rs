//! Why an attempt is repeated, and after which wait.
//!
//! The crate `backoff` is unmaintained upstream (RUSTSEC-2025-0012). No other file names it, so that it
//! can leave by changing [`Delays`] alone.

use std::fmt;
use std::time::Duration;

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;

use super::{HttpErrorKind, HttpOptions, SafeUrl, verdict::reason_of};

/// An attempt that failed and is about to be repeated.
#[derive(Clone, Debug)]
pub struct Retry {
    /// The attempt that failed, from 1.
    pub attempt: u32,
    /// Why the attempt failed.
    pub reason: RetryReason,
    /// The wait before the next attempt.
    pub wait: Duration,
    /// The URL that was asked for.
    pub url: SafeUrl,
}

/// Why an attempt is repeated.
#[derive(Clone, Debug)]
pub enum RetryReason {
    /// The server answered with a status that [`classify`](super::classify) calls retryable.
    Status(u16),
    /// No complete answer arrived.
    Network(HttpErrorKind),
    /// The answer came with a good status and a body that cannot be used.
    Body,
}

impl fmt::Display for RetryReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => match reason_of(*status) {
                Some(reason) => write!(f, "status {status}, {reason}"),
                None => write!(f, "status {status}"),
            },
            Self::Network(kind) => kind.fmt(f),
            Self::Body => f.write_str("the answer is not what was asked for"),
        }
    }
}

/// The waits between the attempts of one request: exponential, with full jitter.
pub(super) struct Delays(ExponentialBackoff);

impl Delays {
    pub(super) fn new(options: &HttpOptions) -> Self {
        // With a factor of 1 the crate draws from [0, 2 × interval]. An interval of half the delay
        // gives full jitter, [0, delay].
        let first = options.initial_delay / 2;
        Self(ExponentialBackoff {
            current_interval: first,
            initial_interval: first,
            randomization_factor: 1.0,
            multiplier: 2.0,
            max_interval: options.max_delay / 2,
            max_elapsed_time: None,
            ..ExponentialBackoff::default()
        })
    }

    /// The next wait, never shorter than what the server asked for.
    pub(super) fn next(&mut self, retry_after: Option<Duration>) -> Duration {
        let drawn = self.0.next_backoff().unwrap_or(self.0.max_interval);
        drawn.max(retry_after.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_within_their_bounds() {
        let options = HttpOptions {
            initial_delay: Duration::from_millis(100),
            max_delay: Duration::from_millis(800),
            ..HttpOptions::default()
        };
        for _ in 0..200 {
            let mut delays = Delays::new(&options);
            for bound in [100, 200, 400, 800, 800, 800] {
                let wait = delays.next(None);
                assert!(wait <= Duration::from_millis(bound), "{wait:?} > {bound} ms");
            }
        }
    }

    #[test]
    fn a_wait_is_never_shorter_than_the_server_asks() {
        let mut delays = Delays::new(&HttpOptions::impatient());
        assert_eq!(delays.next(Some(Duration::from_secs(90))), Duration::from_secs(90));
    }
}
