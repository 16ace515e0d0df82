//! Cores and memory for unpacking pages, shared by all walks of a run.
//!
//! An unpacked page is in memory until the writer has stored it. So a page waits until there is room for the
//! largest size that it can unpack to. A page that could take all the room is unpacked alone.

use crate::warehouse::RowBatch;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes that all unpacked pages may take together.
const ROOM: usize = 256 << 20;
/// The unit in which room is given.
const UNIT: usize = 1 << 20;

/// Bytes of pages that all walks together may have sent ahead of the answers of the writer.
const AHEAD: usize = 8 << 20;

/// The cores and the room of a run.
#[derive(Debug, Clone)]
pub(crate) struct Workers {
    cores: Arc<Semaphore>,
    room: Arc<Semaphore>,
    ahead: Arc<Semaphore>,
}

/// A page's room; it is free again when this is dropped.
#[derive(Debug, Default)]
pub(crate) struct Room(Option<OwnedSemaphorePermit>);

impl Room {
    /// Gives back the room that the page turned out not to need.
    pub(crate) fn shrink_to(mut self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let permit = self.0.as_mut()?;
        drop(permit.split(permit.num_permits().saturating_sub(units(bytes))));
        self.0
    }
}

fn units(bytes: usize) -> usize {
    bytes.div_ceil(UNIT)
}

impl Workers {
    pub(crate) fn new(cores: usize) -> Workers {
        Workers {
            cores: Arc::new(Semaphore::new(cores)),
            room: Arc::new(Semaphore::new(units(ROOM))),
            ahead: Arc::new(Semaphore::new(units(AHEAD))),
        }
    }

    /// Waits until a page of this size may be unpacked.
    pub(crate) async fn room(&self, bytes: usize) -> Room {
        let most = units(RowBatch::most_bytes(bytes).min(ROOM));
        let units = u32::try_from(most).unwrap_or(u32::MAX);
        // The semaphore is never closed, so this cannot fail.
        Room(Arc::clone(&self.room).acquire_many_owned(units).await.ok())
    }

    /// Memory for a page of this size that is sent ahead, if enough is left.
    pub(crate) fn ahead(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let units = u32::try_from(units(bytes)).ok()?;
        Arc::clone(&self.ahead).try_acquire_many_owned(units).ok()
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
