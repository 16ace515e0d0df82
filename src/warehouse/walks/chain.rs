//! What the pages of a walk add up to while several of them are on their way to the writer.

use super::{page_written::PageWritten, tally::Tally, walk_counters::WalkCounters};
use crate::warehouse::error::WarehouseError;
use chrono::{DateTime, Utc};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a walk has counted, and what its pages add up to.
#[derive(Debug, Clone)]
pub(crate) enum Sums {
    /// With this page.
    With(WalkCounters, Tally),
    /// Those of the pages before it, which may not be stored yet, and what it adds.
    After(Chain, PageCount),
}

/// What one page adds, as far as it tells by itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct PageCount {
    /// Requests of the walk in this run, up to this page.
    pub(crate) requests: u64,
    /// Repeats among them.
    pub(crate) retries: u64,
    /// Bytes of its body.
    pub(crate) bytes: u64,
    /// As in [`WalkCounters`].
    pub(crate) resources_seen: u64,
    /// As in [`WalkCounters`].
    pub(crate) duplicates: u64,
    /// As in [`Tally`].
    pub(crate) entries: u64,
    /// As in [`Tally`].
    pub(crate) matches: u64,
    /// As in [`Tally`].
    pub(crate) rejected: u64,
    /// `Bundle.total`.
    pub(crate) total: Option<u64>,
    /// As in [`Tally`].
    pub(crate) began: Option<DateTime<Utc>>,
    /// As in [`Tally`].
    pub(crate) brought_early: bool,
    /// As in [`Tally`].
    pub(crate) brought_late: bool,
}

/// The pages of one walk, one after the other: each adds itself to what the one before it came to. A
/// page that cannot be stored ends the chain, so that no page behind it moves the cursor past it.
#[derive(Debug, Clone)]
pub(crate) struct Chain(Arc<Mutex<Link>>);

/// Where a chain stands; `None`: a page could not be stored.
pub(super) type Link = Option<(WalkCounters, Tally)>;

impl Chain {
    /// A chain that begins behind pages that are stored.
    pub(crate) fn new(counters: WalkCounters, tally: Tally) -> Chain {
        Chain(Arc::new(Mutex::new(Some((counters, tally)))))
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sums {
    /// Counters and tally with this page, but for what the writer finds out.
    pub(super) fn with_page(&self) -> Result<(WalkCounters, Tally), WarehouseError> {
        match self {
            Sums::With(counters, tally) => Ok((counters.clone(), *tally)),
            Sums::After(chain, page) => {
                let before = chain.link().clone().ok_or(WarehouseError::WriterStopped)?;
                Ok(page.added_to(before))
            }
        }
    }

    /// Where the chain stands before this page.
    pub(super) fn mark(&self) -> Link {
        match self {
            Sums::With(..) => None,
            Sums::After(chain, _) => chain.link().clone(),
        }
    }

    /// This page is written: the next one comes behind it.
    pub(super) fn move_behind(&self, written: &PageWritten) {
        self.go_back(Some((written.counters.clone(), written.tally)));
    }

    /// This page is not written after all.
    pub(super) fn go_back(&self, mark: Link) {
        if let Sums::After(chain, _) = self {
            *chain.link() = mark;
        }
    }

    /// This page cannot be stored, nor any page behind it.
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
