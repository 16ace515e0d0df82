//! Synthetic members, computed from a seed.
//!
//! A resource is a function of (seed, member, type, index): a repeated request gives the same bytes, and
//! nothing is stored. Within a type, ids ascend with the index, so the id serves as the paging key. No
//! clock, file or other part of the crate is used.

mod adjudication;
mod claim;
mod clinical_care;
mod clinical_findings;
mod clinical_medication;
mod clinical_records;
mod codes;
mod coverage;
mod element;
mod eob;
mod ids;
mod item;
pub(super) mod json;
mod medication_use;
mod member;
mod patient;
mod payer_claim;
mod plan_catalog;
mod provider;
mod quirks;
mod rich;
mod rng;
mod shelf;
mod supporting_info;
mod types;

pub(super) use element::ORIGIN;
pub use member::Identity;
pub(super) use member::{Member, number_of_member_id, number_of_patient_id};
pub(super) use shelf::Shelf;
pub(super) use types::{TypeEntry, entry, names};

use chrono::SecondsFormat;
use json::{Json, array, object};

/// All members that come from one seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Population {
    pub(super) seed: u64,
    pub(super) claims_per_member: u32,
    /// Whether all members' resources are on one server, so that no two have the same id.
    pub(super) unique_ids: bool,
    /// Whether a few resources of each type have elements that payers rarely send.
    pub(super) rich: bool,
}

impl Population {
    pub(super) fn member(self, number: u32) -> Member {
        Member {
            seed: self.seed,
            number,
            claims: self.claims_per_member,
            unique_ids: self.unique_ids,
            rich: self.rich,
        }
    }
}

impl Shelf {
    /// The resource as the payer would deliver it.
    pub(super) fn text(&self, index: u32) -> String {
        let (owner, number) = self.place(index);
        let mut resource = object! {
            resourceType: self.entry.name,
            id: self.id(index),
            meta: self.meta(index, number),
        };
        if let Json::Object(members) = (self.entry.body)(&owner, number) {
            for (name, value) in members {
                match resource.get_mut(&name).filter(|_| name == "meta") {
                    Some(meta) => meta.add(value),
                    None => resource.set(&name, value),
                }
            }
        }
        rich::apply(self.entry.name, &owner, number, &mut resource);
        quirks::apply(self.entry.name, &owner, number, &mut resource);
        resource.to_string()
    }

    fn meta(&self, index: u32, number: u32) -> Json {
        let moment = self.last_updated(index);
        let precision = match number % 5 {
            0 => SecondsFormat::Secs,
            1 => SecondsFormat::Micros,
            _ => SecondsFormat::Millis,
        };
        // Every ninth resource has no meta.lastUpdated, as in payers' own samples.
        let shown = number % 9 != 8;
        let profile = (!self.entry.profile.is_empty()).then(|| array![self.entry.profile]);
        object! {
            versionId: shown.then(|| (9_000_000_000_000u64 + u64::from(number % 4)).to_string()),
            lastUpdated: shown.then(|| moment.to_rfc3339_opts(precision, number % 10 != 4)),
            profile: profile,
        }
    }
}

#[cfg(test)]
mod tests;
