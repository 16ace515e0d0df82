//! What a page came to when it was stored.

use super::{tally::Tally, walk_counters::WalkCounters};

/// The outcome of storing a page.
#[derive(Debug, Clone)]
pub(crate) struct PageWritten {
    /// The walk's counters with this page.
    pub(crate) counters: WalkCounters,
    /// What the walk's pages add up to with this one.
    pub(crate) tally: Tally,
}
