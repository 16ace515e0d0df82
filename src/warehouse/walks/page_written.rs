//! The outcome of storing a page.

use super::{tally::Tally, walk_counters::WalkCounters};

/// The sums of a walk after a page was stored.
#[derive(Debug, Clone)]
pub(crate) struct PageWritten {
    /// The walk's counters, with this page.
    pub(crate) counters: WalkCounters,
    /// The sums over the walk's pages, with this page.
    pub(crate) tally: Tally,
}
