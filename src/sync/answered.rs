//! Searches that the plan has answered in this run. The plan serves such a search, even if it refuses it
//! later.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};
use url::Url;

/// The searches that were answered, by the URL of their first page; all walks of a connection share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Answered(Arc<Mutex<HashSet<Url>>>);

impl Answered {
    /// Notes that a page of the search that begins at `start` has come.
    pub(super) fn note(&self, start: &Url) {
        let mut answered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !answered.contains(start) {
            answered.insert(start.clone());
        }
    }

    /// Whether a page of any search has come.
    pub(super) fn any(&self) -> bool {
        !self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether any page of the search has come.
    pub(super) fn knows(&self, start: &Url) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(start)
    }
}
