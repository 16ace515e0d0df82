//! Sums over the pages of a walk while several pages are on their way to the writer.

use super::{page_written::PageWritten, tally::Tally, walk_counters::WalkCounters};
use crate::warehouse::error::WarehouseError;
use chrono::{DateTime, Utc};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The walk's counters and its tally (sums over its pages).
#[derive(Debug, Clone)]
pub(crate) enum Sums {
    /// Both include this page.
    With(WalkCounters, Tally),
    /// The sums of the pages before, which may not be stored yet, and what this page adds.
    After(Chain, PageCount),
}

/// What one page adds to the sums, as far as the page alone tells.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageCount {
    /// Requests of the walk in this run, up to this page.
    pub(crate) requests: u64,
    /// How many of these requests were retries.
    pub(crate) retries: u64,
    /// Bytes of the page's body.
    pub(crate) bytes: u64,
    /// Entries that are resources, as in [`WalkCounters`].
    pub(crate) resources_seen: u64,
    /// Entries that repeat another one of the page, as in [`WalkCounters`].
    pub(crate) duplicates: u64,
    /// Matches of the search, as in [`Tally`].
    pub(crate) entries: u64,
    /// Resources of the walk's own type, as in [`Tally`].
    pub(crate) matches: u64,
    /// Entries that could not be taken in, as in [`Tally`].
    pub(crate) rejected: u64,
    /// `Bundle.total`.
    pub(crate) total: Option<u64>,
    /// When the walk began, as in [`Tally`].
    pub(crate) began: Option<DateTime<Utc>>,
    /// Whether a resource came that had last changed before the walk began, as in [`Tally`].
    pub(crate) brought_early: bool,
    /// Whether the page is not the first and brought a resource that had changed since the walk began.
    pub(crate) brought_late: bool,
}

/// Links the pages of one walk, so that each adds its counts to the sums of the page before.
///
/// If a page cannot be stored the chain ends, so that no later page moves the cursor past it.
#[derive(Debug, Clone)]
pub(crate) struct Chain(Arc<Mutex<Link>>);

/// The sums up to the last page that was written; `None` if a page could not be stored.
pub(super) type Link = Option<(WalkCounters, Tally)>;

impl Chain {
    /// A chain that begins after pages that are stored.
    pub(crate) fn new(counters: WalkCounters, tally: Tally) -> Chain {
        Chain(Arc::new(Mutex::new(Some((counters, tally)))))
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sums {
    /// Counters and tally with this page, except for what only the writer can count.
    pub(super) fn with_page(&self) -> Result<(WalkCounters, Tally), WarehouseError> {
        match self {
            Sums::With(counters, tally) => Ok((counters.clone(), *tally)),
            Sums::After(chain, page) => {
                let before = chain.link().clone().ok_or(WarehouseError::WriterStopped)?;
                Ok(page.added_to(before))
            }
        }
    }

    /// The state of the chain before this page, to which `go_back` can return.
    pub(super) fn mark(&self) -> Link {
        match self {
            Sums::With(..) => None,
            Sums::After(chain, _) => chain.link().clone(),
        }
    }

    /// Notes that this page is written, so that the next page builds on its sums.
    pub(super) fn move_behind(&self, written: &PageWritten) {
        self.go_back(Some((written.counters.clone(), written.tally)));
    }

    /// Restores the state of the chain, because this page was not written after all.
    pub(super) fn go_back(&self, mark: Link) {
        if let Sums::After(chain, _) = self {
            *chain.link() = mark;
        }
    }

    /// Ends the chain: neither this page nor any later one can be stored.
    pub(super) fn break_off(&self) {
        self.go_back(None);
    }
}

impl PageCount {
    fn added_to(&self, before: (WalkCounters, Tally)) -> (WalkCounters, Tally) {
        let (mut counters, mut tally) = before;
        tally.add_page(self.entries, self.matches, self.rejected, self.total);
        tally.brought_early |= self.brought_early;
        tally.brought_late |= self.brought_late;
        tally.began = self.began.or(tally.began);
        counters.pages += 1;
        (counters.requests, counters.retries) = (self.requests, self.retries);
        counters.bytes += self.bytes;
        counters.resources_seen += self.resources_seen;
        counters.duplicates += self.duplicates;
        counters.declared_total = tally.declared_total.or(counters.declared_total);
        (counters, tally)
    }
}
