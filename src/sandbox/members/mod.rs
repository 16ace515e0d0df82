//! Synthetic members, computed from a seed.
//!
//! A resource is a function of (seed, member, type, index): asking twice gives the same bytes, and
//! nothing is kept. Within a type, ids ascend with the index, which makes the id the paging key.
//! Never reads a clock, a file or another part of the crate.

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
mod supporting_info;
mod types;

pub(super) use element::ORIGIN;
pub use member::Identity;
pub(super) use member::{Member, number_of_member_id, number_of_patient_id};
pub(super) use types::{TypeEntry, entry, names};

use chrono::{DateTime, Duration, SecondsFormat, Utc};
use json::{Json, array, object};
use types::Scope;

/// All members of one seed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Population {
    pub(super) seed: u64,
    pub(super) claims_per_member: u32,
    /// Whether all members' resources are of one server, so that no two have the same id.
    pub(super) unique_ids: bool,
}

impl Population {
    pub(super) fn member(self, number: u32) -> Member {
        Member {
            seed: self.seed,
            number,
            claims: self.claims_per_member,
            unique_ids: self.unique_ids,
        }
    }
}

/// One type of one member's resources, in id order.
pub(super) struct Shelf {
    entry: &'static TypeEntry,
    member: Member,
    /// For shared types: which of everybody's resources this member sees.
    shared: Option<Vec<u32>>,
}

impl Shelf {
    pub(super) fn new(member: Member, entry: &'static TypeEntry) -> Shelf {
        let shared = match entry.scope {
            Scope::Own(_) => None,
            Scope::Shared(pool) => Some(pool(&member)),
        };
        Shelf { entry, member, shared }
    }

    pub(super) fn len(&self) -> u32 {
        match (&self.shared, self.entry.scope) {
            (Some(numbers), _) => numbers.len() as u32,
            (None, Scope::Own(count)) => count(&self.member),
            (None, Scope::Shared(_)) => 0,
        }
    }

    /// Whose resource it is, and its number there.
    fn place(&self, index: u32) -> (Member, u32) {
        match &self.shared {
            Some(numbers) => (self.member.everybody(), numbers[index as usize]),
            None => (self.member, index),
        }
    }

    pub(super) fn id(&self, index: u32) -> String {
        let (owner, number) = self.place(index);
        (self.entry.id)(&owner, number)
    }

    /// The first index whose id is greater than `id`.
    pub(super) fn after(&self, id: &str) -> u32 {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.id(middle).as_str() <= id { low = middle + 1 } else { high = middle }
        }
        low
    }

    pub(super) fn find(&self, id: &str) -> Option<u32> {
        let index = self.after(id).checked_sub(1)?;
        (self.id(index) == id).then_some(index)
    }

    /// When the payer last changed it; known to searches even where the resource does not say.
    pub(super) fn last_updated(&self, index: u32) -> DateTime<Utc> {
        let (owner, number) = self.place(index);
        let spread = match self.shared {
            Some(_) => number * 20,
            None => (u64::from(index) * 1700 / u64::from(self.len().max(1))) as u32,
        };
        let mut rng = owner.rng(self.entry.name, number ^ 0x8000_0000);
        let day = element::later(element::epoch(), spread + 60 + rng.below(30));
        let midnight = day.and_hms_opt(0, 0, 0).unwrap_or_default().and_utc();
        let mut milliseconds = i64::from(rng.below(86_400_000));
        if number.is_multiple_of(5) {
            // Shown to the second, so known to the second: searches agree with what is shown.
            milliseconds -= milliseconds % 1000;
        }
        midnight + Duration::milliseconds(milliseconds)
    }

    /// The first and last instant of service, for claims.
    pub(super) fn serviced(&self, index: u32) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        if self.entry.name != "ExplanationOfBenefit" {
            return None;
        }
        let claim = claim::Claim::new(&self.member, index);
        let start = claim.start.and_hms_opt(0, 0, 0)?.and_utc();
        Some((start, claim.end.and_hms_opt(23, 59, 59)?.and_utc()))
    }

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
        // Every ninth says nothing: payers' own samples carry no meta.lastUpdated.
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
