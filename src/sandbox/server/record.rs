//! One type of one member's resources as the payer holds them now.
//!
//! The generated data never changes; what a test amended or withdrew is laid over it here.

use super::resource_text::{append_member, replace};
use crate::sandbox::{
    members::{ORIGIN, Shelf, TypeEntry},
    state::State,
};
use chrono::{DateTime, SecondsFormat, Utc};
use std::collections::BTreeMap;

/// What became of a resource after it was generated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// Its content changed so many times, lastly then.
    Amended(u32, DateTime<Utc>),
    /// It is gone.
    Withdrawn,
}

/// A shelf, and what changed on it by index.
pub(crate) struct Record {
    shelf: Shelf,
    changes: BTreeMap<u32, Change>,
    origin: String,
}

impl Record {
    pub(crate) fn new(state: &State, member: u32, entry: &'static TypeEntry) -> Record {
        let shelf = Shelf::new(state.member(member), entry);
        let origin = state.options.named_origin.as_ref().unwrap_or(&state.origin).clone();
        Record { shelf, changes: state.changes(member, entry.name), origin }
    }

    /// How many there ever were; withdrawn ones keep their index.
    pub(crate) fn len(&self) -> u32 {
        self.shelf.len()
    }

    pub(super) fn has_changed(&self) -> bool {
        !self.changes.is_empty()
    }

    pub(crate) fn is_withdrawn(&self, index: u32) -> bool {
        matches!(self.changes.get(&index), Some(Change::Withdrawn))
    }

    pub(crate) fn id(&self, index: u32) -> String {
        self.shelf.id(index)
    }

    /// The first index whose id is greater.
    pub(crate) fn after(&self, id: &str) -> u32 {
        self.shelf.after(id)
    }

    /// The index of that id, withdrawn or not.
    pub(crate) fn find(&self, id: &str) -> Option<u32> {
        self.shelf.find(id)
    }

    /// The days of service, where the type has them.
    pub(crate) fn serviced(&self, index: u32) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        self.shelf.serviced(index)
    }

    pub(crate) fn last_updated(&self, index: u32) -> DateTime<Utc> {
        match self.changes.get(&index) {
            Some(Change::Amended(_, at)) => *at,
            _ => self.shelf.last_updated(index),
        }
    }

    pub(crate) fn text(&self, index: u32) -> String {
        let mut text = self.shelf.text(index).replace(ORIGIN, &self.origin);
        if let Some(Change::Amended(times, at)) = self.changes.get(&index) {
            let version = 9_200_000_000_000u64 + u64::from(*times);
            replace(&mut text, "\"versionId\":\"", "\"", &version.to_string());
            let at = at.to_rfc3339_opts(SecondsFormat::Millis, true);
            replace(&mut text, "\"lastUpdated\":\"", "\"", &at);
            // A private language tag: allowed on every resource, and in none of the generated ones.
            append_member(&mut text, &format!("\"language\":\"x-amended-{times}\""));
        }
        text
    }
}
