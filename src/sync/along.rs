//! Counts what the pages of a Patient's `$everything` brought, all types together.

use crate::fhir::{Bundle, SearchMode};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// The counts of the walks over `$everything`, by the type that each walk was for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Along(Arc<Mutex<BTreeMap<String, Came>>>);

/// The counts of one walk over `$everything`, all types together.
#[derive(Debug, Clone, Default)]
pub(super) struct Came {
    pub(super) walk_id: i64,
    /// Whether earlier runs fetched some of the walk's pages.
    is_resumed: bool,
    pages: u64,
    entries: u64,
    /// Entries of the latest page, and of the longest one before it.
    latest_page: u64,
    longest_before: u64,
    /// The total that the server declares.
    total: Option<u64>,
    /// Whether two pages declare different totals.
    is_changed: bool,
}

impl Along {
    /// Adds a page of a walk. `before` is the number of pages that the walk had before this run.
    pub(crate) fn add_page(&self, name: &str, (walk_id, before): (i64, u64), page: &Bundle) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let came = all.entry(name.to_owned()).or_default();
        if came.walk_id != walk_id {
            *came = Came { walk_id, is_resumed: before > 0, ..Came::default() };
        }
        let is_resource = |mode: SearchMode| mode != SearchMode::Outcome;
        let entries = page.entries.iter().filter(|entry| is_resource(entry.mode)).count() as u64;
        came.pages += 1;
        came.entries += entries;
        // The first page is often a short one: the Patient alone.
        came.longest_before = came.longest_before.max(came.latest_page);
        came.latest_page = entries;
        came.is_changed |= came.total.is_some() && page.total.is_some() && came.total != page.total;
        came.total = page.total.or(came.total);
    }

    pub(super) fn of(&self, name: &str) -> Option<Came> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

impl Came {
    /// The total and the number of entries, if resources are missing: the link to the next page is lost, or the
    /// total is to be believed whatever the pages look like.
    ///
    /// A walk that went on from an earlier run does not know how many entries came; it is made once more.
    pub(super) fn shortfall(&self, strict_totals: bool) -> Option<(u64, u64)> {
        let total = self.total.filter(|total| *total > self.entries && !self.is_resumed)?;
        let is_link_lost = self.pages > 1 && self.latest_page >= self.longest_before;
        (strict_totals || is_link_lost).then_some((total, self.entries))
    }

    /// Why this walk cannot show which resources are absent, if it cannot.
    pub(super) fn doubt(&self) -> Option<&'static str> {
        if self.is_resumed {
            Some("$everything was continued from an earlier run")
        } else if self.is_changed || self.total.is_some_and(|total| total != self.entries) {
            Some("$everything declares another total than the number of resources that came")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::Entry;

    #[test]
    fn a_total_that_is_not_reached_counts_after_a_full_last_page_or_if_totals_are_strict() {
        let shortfall = |pages: &[usize], total: u64, before: u64| {
            let along = Along::default();
            for entries in pages {
                let entries = (0..*entries).map(|_| Entry::of_resource(0..1)).collect();
                let page = Bundle { total: Some(total), ..Bundle::of_entries(entries) };
                along.add_page("Patient", (1, before), &page);
            }
            let came = along.of("Patient").unwrap();
            [false, true].map(|strict_totals| came.shortfall(strict_totals))
        };
        assert_eq!(shortfall(&[3, 3], 7, 0), [Some((7, 6)); 2]);
        assert_eq!(shortfall(&[3, 2], 7, 0), [None, Some((7, 5))]);
        assert_eq!(shortfall(&[3], 7, 0), [None, Some((7, 3))]);
        assert_eq!(shortfall(&[1, 3, 3], 8, 0), [Some((8, 7)); 2]);
        assert_eq!(shortfall(&[1, 3, 2], 7, 0), [None, Some((7, 6))], "the first page is short");
        assert_eq!(shortfall(&[3, 3], 6, 0), [None; 2]);
        assert_eq!(shortfall(&[3, 3], 1, 0), [None; 2], "it counts the Patient alone");
        assert_eq!(shortfall(&[3, 3], 7, 1), [None; 2], "the pages before are not known");
    }
}
