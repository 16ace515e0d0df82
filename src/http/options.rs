//! The limits of a request: how long, how large, how often.

use std::time::Duration;

/// Limits that hold for every request of a client.
#[derive(Clone, Debug)]
pub struct HttpOptions {
    /// Longest time until a connection is made, TLS included.
    pub connect_timeout: Duration,
    /// Longest silence between two pieces of an answer.
    pub read_timeout: Duration,
    /// Longest time of one attempt, body included.
    pub total_timeout: Duration,
    /// Largest body in bytes, counted after decompression.
    pub max_body_bytes: usize,
    /// Attempts per request, the first included; at least one is made.
    pub max_attempts: u32,
    /// Longest `Retry-After` that is waited for; a longer one ends the request as throttled.
    pub max_retry_wait: Duration,
    /// Upper bound of the wait before the second attempt; it doubles with each attempt.
    pub initial_delay: Duration,
    /// Upper bound that the doubling stops at.
    pub max_delay: Duration,
    /// The `User-Agent` header.
    pub user_agent: String,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(15),
            read_timeout: Duration::from_secs(60),
            total_timeout: Duration::from_secs(10 * 60),
            max_body_bytes: 256 * 1024 * 1024,
            max_attempts: 6,
            max_retry_wait: Duration::from_secs(15 * 60),
            initial_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(60),
            user_agent: concat!("payersync/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

impl HttpOptions {
    /// The defaults with waits of a few milliseconds, for servers on this machine.
    pub fn impatient() -> Self {
        Self {
            initial_delay: Duration::from_millis(1),
            max_delay: Duration::from_millis(4),
            ..Self::default()
        }
    }
}
