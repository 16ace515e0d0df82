//! One way to search a type, and when it is tried.

use super::part::Part;
use crate::fhir::without_count;
use url::Url;

/// Statuses that can mean that a search must name the patient.
pub(super) const WANTS_PATIENT: &[u16] = &[400, 403, 422];
/// Statuses by which a gateway says that it routes no such request. Gateways route by what is declared to
/// them, and that may be a search with the patient alone.
pub(super) const NO_ROUTE: &[u16] = &[404, 405, 501];
/// Statuses that can mean that a search must name the patient, of a type that the plan surely serves.
pub(super) const WANTS_PATIENT_OR_ROUTE: &[u16] = &[400, 403, 404, 405, 422, 501];
/// Statuses that can mean that a parameter is not known, or has too large a value.
const WANTS_NO_COUNT: &[u16] = &[400, 422];

/// One way to search a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// The first page of the whole type.
    pub start: Url,
    /// Searches that together cover the type; empty: `start` covers all of it.
    pub parts: Vec<Part>,
    /// A fingerprint of the base, search and consent of a walk by this search.
    pub proved_for: String,
    /// A note for the ledger, if the walk is complete.
    pub note: Option<String>,
    /// Whether the search names the patient though no rule says so.
    pub names_patient: bool,
    /// Whether this search may bring something where a search before it found nothing.
    pub after_nothing: bool,
    /// The statuses of a refused first page after which this search may get further.
    pub(super) after: &'static [u16],
    /// More such statuses, if no word of the FHIR server came with the status: a gateway may have refused.
    pub(super) after_untold: &'static [u16],
}

impl Attempt {
    /// Whether this search may get further than one whose first page had this status.
    ///
    /// `is_told` says whether the server's own words came with the status.
    pub fn is_for(&self, status: Option<u16>, is_told: bool) -> bool {
        status.is_some_and(|status| {
            self.after.contains(&status) || !is_told && self.after_untold.contains(&status)
        })
    }

    /// The same search with more to say in the ledger.
    pub(super) fn noting(self, more: &str) -> Attempt {
        let notes: Vec<&str> = self.note.as_deref().into_iter().chain([more]).collect();
        Attempt { note: Some(notes.join("; ")), ..self }
    }

    /// The same search without `_count`; `None` if it has none.
    pub(super) fn without_count(&self, proved_for: &str) -> Option<Attempt> {
        let part = |part: &Part| match without_count(&part.start) {
            Some(start) => Part { start, ..part.clone() },
            None => part.clone(),
        };
        let start = without_count(&self.start)?;
        let parts = self.parts.iter().map(part).collect();
        let same = Attempt { start, parts, proved_for: proved_for.to_owned(), ..self.clone() };
        // A search without _count finds nothing that the same search with it did not find.
        Some(
            Attempt { after: WANTS_NO_COUNT, after_untold: &[], after_nothing: false, ..same }
                .noting("searched without _count, since the plan refuses it"),
        )
    }
}
