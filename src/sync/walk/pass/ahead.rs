//! The pages that a pass has sent to the writer ahead of its answers.

use crate::warehouse::{Chain, OnItsWay};
use std::collections::{HashSet, VecDeque};

/// Pages of a pass that were sent to the writer and are not known to be stored.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// The sums over the pages of the pass; begins with its first page.
    pub(super) chain: Option<Chain>,
    pub(super) on_their_way: VecDeque<Sent>,
    /// Number of pages that were sent to the writer.
    pub(super) sent: u64,
    /// Whether two pages brought the same resource: from then on the pass waits for each page.
    pub(super) is_off: bool,
}

/// A page that was sent to the writer, with a hash of the type and id of each resource on it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) page: OnItsWay,
    pub(super) names: HashSet<u64>,
}

impl Ahead {
    /// Whether a page on its way brings one of these resources.
    pub(super) fn bring_any(&self, names: &[u64]) -> bool {
        self.on_their_way.iter().any(|sent| names.iter().any(|name| sent.names.contains(name)))
    }
}

/// The outcome of storing a page.
pub(super) enum Stored {
    /// The page is committed, or will be.
    Committed,
    /// The page shows that the server does not honour `_lastUpdated`; nothing of it was stored.
    FilterIgnored(&'static str),
}
