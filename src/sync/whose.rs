//! Whose data a connection may hold: never another member's.

use std::{collections::BTreeSet, sync::Arc};

/// The Patients that a connection's resources may be about.
#[derive(Debug, Clone, Default)]
pub(super) struct Whose(Option<Arc<BTreeSet<String>>>);

impl Whose {
    /// Anybody's: a backend service, a plan configured for dependants, or a member not yet known.
    pub(super) fn anybody() -> Whose {
        Whose(None)
    }

    /// These Patients' alone; anybody's when there is none.
    pub(super) fn only(patients: impl IntoIterator<Item = String>) -> Whose {
        let patients: BTreeSet<String> = patients.into_iter().collect();
        if patients.is_empty() { Whose::anybody() } else { Whose(Some(Arc::new(patients))) }
    }

    /// Whether a Patient is somebody else.
    pub(super) fn excludes(&self, patient: &str) -> bool {
        self.0.as_ref().is_some_and(|patients| !patients.contains(patient))
    }
}
