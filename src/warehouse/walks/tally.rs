//! The sums over the pages of a walk, over all the runs that it takes.

use chrono::{DateTime, Utc};

/// The sums over the pages of a walk; kept with its cursor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Matches of the search, with repeats and with what was rejected.
    pub(crate) entries: u64,
    /// Resources of the walk's own type that were taken in, each once per page, and entries that
    /// could not be taken in and came again.
    pub(crate) matches: u64,
    /// Entries among them that could not be taken in, without those that came again.
    pub(crate) rejected: u64,
    /// Different resources of the walk's own type.
    pub(crate) distinct: u64,
    /// Entries of the first page.
    pub(crate) first_page: Option<u64>,
    /// Entries of the latest page.
    pub(crate) latest_page: u64,
    /// `Bundle.total` of the latest page that had one; of a page without entries only where it is the
    /// first, for an end in the middle of a walk declares 0, too.
    pub(crate) declared_total: Option<u64>,
    /// Whether two pages had a different `Bundle.total`.
    pub(crate) total_changed: bool,
    /// Whether the latest page has no entry and does not confirm the total declared before it, so that
    /// it may be an end in the middle of a walk. Known for the page that was just fetched.
    pub(crate) denies_total: bool,
    /// Pages with entries, in a row up to the latest page, that brought nothing that the walk had
    /// not met; pages without entries between them do not count.
    pub(crate) stale_pages: u32,
    /// Pages in a row, up to the latest one, that brought nothing that the walk had not met, those
    /// without entries included.
    pub(crate) hollow_pages: u32,
    /// Whether more than half of a page that named a next one was a repeat, of earlier pages or of
    /// itself: its own content may be missing.
    pub(crate) repeated_page: bool,
    /// Whether a page of this run brought an entry without a resource that looks like one of an earlier
    /// page, in whichever run: it may be the same one, and stand for a resource that did not come.
    pub(crate) nameless_again: bool,
    /// When the walk began, by the earlier of the server's clock and ours.
    pub(crate) began: Option<DateTime<Utc>>,
    /// Whether a resource came that had last changed before the walk began.
    pub(crate) brought_early: bool,
    /// Whether a page after the first brought a resource that had changed since the walk began.
    pub(crate) brought_late: bool,
}

impl Tally {
    /// Adds a page, but for how many of its resources are new: the writer knows that.
    pub(crate) fn add_page(
        &mut self,
        entries: u64,
        matches: u64,
        rejected: u64,
        total: Option<u64>,
    ) {
        self.entries += entries;
        self.matches += matches;
        self.rejected += rejected;
        let is_first = self.first_page.is_none();
        self.first_page.get_or_insert(entries);
        self.latest_page = entries;
        self.denies_total = entries == 0 && !is_first && total < self.declared_total;
        if let Some(total) = total.filter(|_| is_first || entries > 0) {
            self.total_changed |= self.declared_total.is_some_and(|before| before != total);
            self.declared_total = Some(total);
        }
    }

    /// A page was not sound: it carried a failure, or is old. A run that goes on from it knows nothing of
    /// that, and takes it for one that moved.
    pub(crate) fn note_unsound(&mut self) {
        (self.brought_early, self.brought_late) = (true, true);
    }

    /// Adds whether the latest page brought an id of the walk's own type that the walk had not met, or
    /// any id at all.
    pub(crate) fn add_news(&mut self, has_news: bool, brings_any: bool) {
        if has_news {
            (self.stale_pages, self.hollow_pages) = (0, 0);
            return;
        }
        self.stale_pages += u32::from(brings_any);
        self.hollow_pages += 1;
    }

    /// Adds how many entries of the latest page the walk had not met.
    pub(crate) fn add_repeats(&mut self, new: u64, names_next: bool) {
        self.repeated_page |= names_next && new.saturating_mul(2) < self.latest_page;
    }

    /// Resources that came on a page though an earlier page had brought them.
    pub(crate) fn repeats(&self) -> u64 {
        self.matches.saturating_sub(self.distinct)
    }

    /// Whether something changed between two pages. A server that stamps all that it sends with the
    /// present instant shows nothing by it.
    pub(crate) fn changed_meanwhile(&self) -> bool {
        self.brought_early && self.brought_late
    }

    /// Resources that the server declares beyond those that came; negative where more came.
    ///
    /// What could not be taken in may be one of those declared, or rubbish beside them.
    pub(crate) fn total_gap(&self) -> Option<i64> {
        let total = i64::try_from(self.declared_total?).ok()?;
        let least = i64::try_from(self.distinct).ok()?;
        let most = least.checked_add(i64::try_from(self.rejected).ok()?)?;
        Some(total - total.clamp(least, most))
    }
}
