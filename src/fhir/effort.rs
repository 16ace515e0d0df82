//! Counts the requests that a client sends.
//!
//! The count belongs to a handle of the client, not to an answer. A request that a stop drops halfway, for
//! example while the token is renewed after a 401, has no answer, yet the plan has received it.

use std::sync::{Arc, Mutex, PoisonError};

/// The number of requests sent, repeats included.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Effort {
    pub(crate) requests: u64,
    pub(crate) retries: u64,
}

/// The requests of one handle and its clones.
#[derive(Debug, Clone, Default)]
pub(super) struct Sent(Arc<Mutex<Effort>>);

impl Sent {
    /// Counts the attempts of one request.
    pub(super) fn add(&self, attempts: u32) {
        let mut effort = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        effort.requests += u64::from(attempts);
        effort.retries += u64::from(attempts.saturating_sub(1));
    }

    /// The requests counted until now.
    pub(super) fn effort(&self) -> Effort {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
