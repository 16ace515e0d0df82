//! The sums over the pages of a walk, over all the runs that the walk takes.

use chrono::{DateTime, Utc};

/// Sums over the pages of a walk; stored with the walk's cursor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Matches of the search, including repeats and rejects.
    pub(crate) entries: u64,
    /// Resources of the walk's own type that were taken in, counted once per page. Also entries that
    /// could not be taken in and came again.
    pub(crate) matches: u64,
    /// Entries that could not be taken in, without those that came again.
    pub(crate) rejected: u64,
    /// Different resources of the walk's own type.
    pub(crate) distinct: u64,
    /// Entries of the first page.
    pub(crate) first_page: Option<u64>,
    /// Entries of the latest page.
    pub(crate) latest_page: u64,
    /// `Bundle.total` of the latest page that had one.
    ///
    /// For a page without entries it counts only if the page is the first, since an end in the middle of
    /// a walk declares 0, too.
    pub(crate) declared_total: Option<u64>,
    /// Whether two pages had a different `Bundle.total`.
    pub(crate) total_changed: bool,
    /// Whether the latest page has no entry and does not confirm the total declared before. It may then
    /// be an end in the middle of a walk. Known only for the page that was just fetched.
    pub(crate) denies_total: bool,
    /// How many pages with entries brought nothing new to the walk since a page last did. Pages without
    /// entries are not counted.
    pub(crate) stale_pages: u32,
    /// How many pages, with or without entries, brought nothing new to the walk since a page last did.
    pub(crate) hollow_pages: u32,
    /// Whether more than half of a page that named a next page was a repeat, of earlier pages or of
    /// itself. Its own content may then be missing.
    pub(crate) repeated_page: bool,
    /// Whether a page of this run brought an entry without a resource that equals one of an earlier page,
    /// in any run. It may be the same entry, or stand for a resource that did not come.
    pub(crate) nameless_again: bool,
    /// When the walk began, by the server's clock or ours, whichever is earlier.
    pub(crate) began: Option<DateTime<Utc>>,
    /// Whether a resource came whose last change was before the walk began.
    pub(crate) brought_early: bool,
    /// Whether a page after the first brought a resource that had changed since the walk began.
    pub(crate) brought_late: bool,
}

impl Tally {
    /// Adds a page, except the number of its new resources, which only the writer knows.
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

    /// Notes that a page was unsound: it carried a failure, or is old.
    ///
    /// A run that continues after the page does not know this, and treats the walk as one whose pages moved.
    pub(crate) fn note_unsound(&mut self) {
        (self.brought_early, self.brought_late) = (true, true);
    }

    /// Notes whether the latest page brought an id of the walk's own type that is new to the walk.
    ///
    /// `brings_any` tells whether it brought any id at all.
    pub(crate) fn add_news(&mut self, has_news: bool, brings_any: bool) {
        if has_news {
            (self.stale_pages, self.hollow_pages) = (0, 0);
            return;
        }
        self.stale_pages += u32::from(brings_any);
        self.hollow_pages += 1;
    }

    /// Notes how many entries of the latest page were new to the walk.
    pub(crate) fn add_repeats(&mut self, new: u64, names_next: bool) {
        self.repeated_page |= names_next && new.saturating_mul(2) < self.latest_page;
    }

    /// The number of times that a resource came again on a later page.
    pub(crate) fn repeats(&self) -> u64 {
        self.matches.saturating_sub(self.distinct)
    }

    /// Whether something changed between two pages.
    ///
    /// This shows nothing about a server that gives the present instant as the last change of everything.
    pub(crate) fn changed_meanwhile(&self) -> bool {
        self.brought_early && self.brought_late
    }

    /// The number of declared resources beyond those that came; negative if more came.
    ///
    /// A rejected entry may be one of those declared, or rubbish that the total does not count.
    pub(crate) fn total_gap(&self) -> Option<i64> {
        let total = i64::try_from(self.declared_total?).ok()?;
        let least = i64::try_from(self.distinct).ok()?;
        let most = least.checked_add(i64::try_from(self.rejected).ok()?)?;
        Some(total - total.clamp(least, most))
    }
}
