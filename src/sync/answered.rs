//! Searches that the plan has answered in this run: one that it refuses afterwards is no search that it does
//! not serve.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};
use url::Url;

/// The first pages of the searches that were answered, shared by all walks of a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Answered(Arc<Mutex<HashSet<Url>>>);

impl Answered {
    /// A page of the search that begins at `start` has come.
    pub(super) fn note(&self, start: &Url) {
        let mut answered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !answered.contains(start) {
            answered.insert(start.clone());
        }
    }

    /// Whether any page of the search has come.
    pub(super) fn knows(&self, start: &Url) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(start)
    }
}
