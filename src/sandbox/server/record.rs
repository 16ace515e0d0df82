//! The resources of one type, of one member or of all members, as the payer holds them now.
//!
//! The generated data never changes; the changes and deletions that a test makes are applied to it here.

use super::{
    kept_texts::KeptTexts,
    resource_text::{append_member, replace, version_references},
};
use crate::sandbox::{
    change::Change,
    members::{ORIGIN, Shelf, TypeEntry},
    state::State,
};
use chrono::{DateTime, SecondsFormat, Utc};
use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

/// The path of the FHIR base in generated references.
const DEFAULT_BASE: &str = "/r4";

/// The changes on a shelf, by index.
type Changes = BTreeMap<u32, Change>;

/// Shelves with the changes on each of them.
pub(crate) struct Record {
    shelves: Vec<(Shelf, Changes)>,
    /// The shelf and the index of each resource, if there are several shelves.
    places: Option<Vec<(usize, u32)>>,
    texts: Arc<KeptTexts>,
    origin: String,
    /// The path of the FHIR base in absolute references.
    base_path: &'static str,
    has_versioned_references: bool,
}

impl Record {
    pub(crate) fn new(state: &State, member: u32, entry: &'static TypeEntry) -> Record {
        Record::over(state, std::iter::once(member), entry)
    }

    /// Every member's resources, each once, since members share providers.
    pub(crate) fn of_everybody(state: &State, entry: &'static TypeEntry) -> Record {
        let mut record = Record::over(state, 0..state.options.members, entry);
        let mut known = HashSet::new();
        let mut places = Vec::new();
        for (number, (shelf, _)) in record.shelves.iter().enumerate() {
            let indexes = (0..shelf.len()).filter(|index| known.insert(shelf.id(*index)));
            places.extend(indexes.map(|index| (number, index)));
        }
        record.places = Some(places);
        record
    }

    fn over(
        state: &State,
        members: impl Iterator<Item = u32>,
        entry: &'static TypeEntry,
    ) -> Record {
        let shelf =
            |member| (Shelf::new(state.member(member), entry), state.changes(member, entry.name));
        Record {
            shelves: members.map(shelf).collect(),
            places: None,
            texts: Arc::clone(&state.texts),
            origin: state.options.named_origin.as_ref().unwrap_or(&state.origin).clone(),
            base_path: state.options.like.base("Patient").unwrap_or(DEFAULT_BASE),
            has_versioned_references: state.options.like.has_versioned_references(),
        }
    }

    /// The shelf of a resource, the changes on it, and the resource's index there.
    fn place(&self, index: u32) -> (&Shelf, &Changes, u32) {
        let (shelf, index) = match &self.places {
            Some(places) => places[index as usize],
            None => (0, index),
        };
        let (shelf, changes) = &self.shelves[shelf];
        (shelf, changes, index)
    }

    /// The number of resources, including withdrawn ones, which keep their index.
    pub(crate) fn len(&self) -> u32 {
        match &self.places {
            Some(places) => places.len() as u32,
            None => self.shelves[0].0.len(),
        }
    }

    pub(super) fn has_changed(&self) -> bool {
        self.shelves.iter().any(|(_, changes)| !changes.is_empty())
    }

    pub(crate) fn is_withdrawn(&self, index: u32) -> bool {
        let (_, changes, index) = self.place(index);
        matches!(changes.get(&index), Some(Change::Withdrawn))
    }

    pub(crate) fn id(&self, index: u32) -> String {
        let (shelf, _, index) = self.place(index);
        shelf.id(index)
    }

    /// The first index after the resource with this id.
    pub(crate) fn after(&self, id: &str) -> u32 {
        match self.places {
            Some(_) => self.find(id).map_or(self.len(), |index| index + 1),
            None => self.shelves[0].0.after(id),
        }
    }

    /// The index of the resource with this id, withdrawn or not.
    pub(crate) fn find(&self, id: &str) -> Option<u32> {
        match self.places {
            Some(_) => (0..self.len()).find(|index| self.id(*index) == id),
            None => self.shelves[0].0.find(id),
        }
    }

    /// The first and last instant of service, if the type has them.
    pub(crate) fn serviced(&self, index: u32) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let (shelf, _, index) = self.place(index);
        shelf.serviced(index)
    }

    pub(crate) fn last_updated(&self, index: u32) -> DateTime<Utc> {
        let (shelf, changes, index) = self.place(index);
        match changes.get(&index) {
            Some(Change::Amended(_, at)) => *at,
            _ => shelf.last_updated(index),
        }
    }

    pub(crate) fn text(&self, index: u32) -> String {
        let (shelf, changes, index) = self.place(index);
        let text = self.texts.get_or_make(shelf.key(index), || self.generated(shelf, index));
        let mut text = String::from(&*text);
        if let Some(Change::Amended(times, at)) = changes.get(&index) {
            let version = 9_200_000_000_000u64 + u64::from(*times);
            replace(&mut text, "\"versionId\":\"", "\"", &version.to_string());
            let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
            replace(&mut text, "\"lastUpdated\":\"", "\"", &at);
            // A private language tag, which is allowed on every resource and which no generated resource
            // has.
            append_member(&mut text, &format!("\"language\":\"x-amended-{times}\""));
        }
        text
    }

    /// The text without any changes, with this server's addresses.
    fn generated(&self, shelf: &Shelf, index: u32) -> String {
        let mut text = shelf.text(index);
        if self.base_path != DEFAULT_BASE {
            let base = format!("{}{}", self.origin, self.base_path);
            text = text.replace(&format!("{ORIGIN}{DEFAULT_BASE}/"), &format!("{base}/"));
        }
        text = text.replace(ORIGIN, &self.origin);
        if self.has_versioned_references {
            version_references(&mut text);
        }
        text
    }
}
