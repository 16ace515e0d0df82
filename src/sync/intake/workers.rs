//! Cores and memory for unpacking pages, shared by all walks of a run.
//!
//! What a page unpacks to is in memory until the writer has stored it. So a page waits until there is
//! room for the most that it can become; one that could take all the room is unpacked alone.

use crate::warehouse::RowBatch;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that all unpacked pages may take together.
const ROOM: usize = 256 << 20;
/// The unit in which room is given.
const UNIT: usize = 1 << 20;

/// The cores and the room of a run.
#[derive(Debug, Clone)]
pub(crate) struct Workers {
    cores: Arc<Semaphore>,
    room: Arc<Semaphore>,
}

/// A page's room; it is free again when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Room {
    _permit: Option<OwnedSemaphorePermit>,
}

impl Workers {
    pub(crate) fn new(cores: usize) -> Workers {
        let room = Arc::new(Semaphore::new(ROOM / UNIT));
        Workers { cores: Arc::new(Semaphore::new(cores)), room }
    }

    /// Waits until a page of so many bytes may be unpacked.
    pub(crate) async fn room(&self, bytes: usize) -> Room {
        let most = RowBatch::most_bytes(bytes).min(ROOM).div_ceil(UNIT);
        let units = u32::try_from(most).unwrap_or(u32::MAX);
        // Never closed, so it cannot fail.
        Room { _permit: Arc::clone(&self.room).acquire_many_owned(units).await.ok() }
    }

    /// Waits until a core is free.
    pub(crate) async fn core(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.cores).acquire_owned().await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        future::Future as _,
        pin::pin,
        task::{Context, Waker},
    };

    #[tokio::test]
    async fn a_page_waits_for_room_and_a_huge_one_is_alone() {
        let workers = Workers::new(1);
        let small = workers.room(1 << 10).await;
        let mut context = Context::from_waker(Waker::noop());
        let mut huge = pin!(workers.room(1 << 40));
        assert!(huge.as_mut().poll(&mut context).is_pending());
        drop(small);
        let huge = huge.await;
        let mut other = pin!(workers.room(0));
        assert!(other.as_mut().poll(&mut context).is_pending());
        drop(huge);
        other.await;
    }
}
