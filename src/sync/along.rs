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
    entries: u64,
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
        came.entries += page.entries.iter().filter(|entry| is_resource(entry.mode)).count() as u64;
        came.is_changed |= came.total.is_some() && page.total.is_some() && came.total != page.total;
        came.total = page.total.or(came.total);
    }

    pub(super) fn of(&self, name: &str) -> Option<Came> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

impl Came {
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
