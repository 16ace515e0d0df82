//! Large bodies in memory, bounded over all requests together.
//!
//! Small bodies are not counted: each walk holds two pages at most. A larger body takes its part of one
//! budget before it grows, and gives the part back when nobody holds the body any more. Large bodies are
//! read one at a time, so that no two half-read bodies wait for each other.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{Mutex, MutexGuard, OwnedSemaphorePermit, Semaphore};

/// Bodies of up to this many bytes are not counted; a page has some hundred thousand.
const SMALL: usize = 4 << 20;
/// The unit of the budget.
const UNIT: usize = 1 << 20;

/// The budget; as large as the largest body that is allowed.
pub(super) struct InFlight {
    budget: Arc<Semaphore>,
    turn: Mutex<()>,
}

/// The part of the budget that a body has while it is read.
pub(super) struct Part<'a> {
    in_flight: &'a InFlight,
    turn: Option<MutexGuard<'a, ()>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl InFlight {
    pub(super) fn new(max_body_bytes: usize) -> InFlight {
        let budget = Arc::new(Semaphore::new(max_body_bytes.div_ceil(UNIT)));
        InFlight { budget, turn: Mutex::new(()) }
    }

    /// The part, still empty, of a body that is about to be read.
    pub(super) fn part(&self) -> Part<'_> {
        Part { in_flight: self, turn: None, permit: None }
    }
}

impl Part<'_> {
    /// Whether a body of `bytes` bytes needs a larger part than this one.
    pub(super) fn is_short_of(&self, bytes: usize) -> bool {
        bytes > SMALL && bytes > self.units() * UNIT
    }

    /// Waits until a body of `bytes` bytes may stay in memory.
    pub(super) async fn grow(&mut self, bytes: usize) {
        if self.turn.is_none() {
            self.turn = Some(self.in_flight.turn.lock().await);
        }
        let missing = bytes.div_ceil(UNIT).saturating_sub(self.units());
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        // The semaphore is never closed. Only complete bodies hold its other permits, so they come back.
        let more = Arc::clone(&self.in_flight.budget).acquire_many_owned(missing).await.ok();
        match (&mut self.permit, more) {
            (Some(permit), Some(more)) => permit.merge(more),
            (_, more) => self.permit = more,
        }
    }

    /// A body that keeps its part until it is dropped.
    pub(super) fn hold(self, body: Vec<u8>) -> Bytes {
        match self.permit {
            None => Bytes::from(body),
            permit => Bytes::from_owner(Held { body, _permit: permit }),
        }
    }

    fn units(&self) -> usize {
        self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }
}

struct Held {
    body: Vec<u8>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    async fn read(in_flight: &InFlight, bytes: usize) -> Bytes {
        let mut part = in_flight.part();
        if part.is_short_of(bytes) {
            part.grow(bytes).await;
        }
        part.hold(vec![b' '; bytes])
    }

    #[tokio::test]
    async fn large_bodies_wait_for_each_other_and_small_ones_for_nobody() {
        let in_flight = InFlight::new(10 * UNIT);
        let first = read(&in_flight, 6 * UNIT).await;
        let clone = first.clone();
        drop(first);
        let mut second = pin!(read(&in_flight, 5 * UNIT));
        let mut context = Context::from_waker(Waker::noop());
        assert!(second.as_mut().poll(&mut context).is_pending());
        assert_eq!(read(&in_flight, SMALL).await.len(), SMALL);
        drop(clone);
        assert_eq!(second.await.len(), 5 * UNIT);
    }

    #[tokio::test]
    async fn a_body_that_grows_step_by_step_never_waits_for_another_one_that_does() {
        let in_flight = InFlight::new(10 * UNIT);
        let mut first = in_flight.part();
        first.grow(5 * UNIT).await;
        let mut other = in_flight.part();
        let mut context = Context::from_waker(Waker::noop());
        let mut waiting = pin!(other.grow(5 * UNIT));
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        first.grow(10 * UNIT).await;
        assert!(!first.is_short_of(10 * UNIT));
        drop(first);
        waiting.await;
    }
}
