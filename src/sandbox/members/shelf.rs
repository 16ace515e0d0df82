//! A shelf: the resources of one type in one member's record, with their ids and dates.

use super::{
    claim::Claim,
    element::{epoch, later},
    member::Member,
    types::{Scope, TypeEntry},
};
use chrono::{DateTime, Duration, Utc};

/// The resources of one type in one member's record, ordered by id.
pub(in crate::sandbox) struct Shelf {
    pub(super) entry: &'static TypeEntry,
    pub(super) member: Member,
    /// For shared types, the numbers of the shared resources that this member sees.
    shared: Option<Vec<u32>>,
}

impl Shelf {
    pub(in crate::sandbox) fn new(member: Member, entry: &'static TypeEntry) -> Shelf {
        let shared = match entry.scope {
            Scope::Own(_) => None,
            Scope::Shared(pool) => Some(pool(&member)),
        };
        Shelf { entry, member, shared }
    }

    pub(in crate::sandbox) fn len(&self) -> u32 {
        match (&self.shared, self.entry.scope) {
            (Some(numbers), _) => numbers.len() as u32,
            (None, Scope::Own(count)) => count(&self.member),
            (None, Scope::Shared(_)) => 0,
        }
    }

    /// The owner of a resource, and its number among the owner's resources.
    pub(super) fn place(&self, index: u32) -> (Member, u32) {
        match &self.shared {
            Some(numbers) => (self.member.everybody(), numbers[index as usize]),
            None => (self.member, index),
        }
    }

    /// A key that identifies the resource within the whole population.
    pub(in crate::sandbox) fn key(&self, index: u32) -> (u32, &'static str, u32) {
        let (owner, number) = self.place(index);
        (owner.number, self.entry.name, number)
    }

    pub(in crate::sandbox) fn id(&self, index: u32) -> String {
        let (owner, number) = self.place(index);
        (self.entry.id)(&owner, number)
    }

    /// The first index whose id is greater than `id`.
    pub(in crate::sandbox) fn after(&self, id: &str) -> u32 {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.id(middle).as_str() <= id { low = middle + 1 } else { high = middle }
        }
        low
    }

    pub(in crate::sandbox) fn find(&self, id: &str) -> Option<u32> {
        let index = self.after(id).checked_sub(1)?;
        (self.id(index) == id).then_some(index)
    }

    /// When the payer last changed the resource. Searches know it even if the resource does not show it.
    pub(in crate::sandbox) fn last_updated(&self, index: u32) -> DateTime<Utc> {
        let (owner, number) = self.place(index);
        let spread = match self.shared {
            Some(_) => number * 20,
            None => (u64::from(index) * 1700 / u64::from(self.len().max(1))) as u32,
        };
        let mut rng = owner.rng(self.entry.name, number ^ 0x8000_0000);
        let day = later(epoch(), spread + 60 + rng.below(30));
        let midnight = day.and_hms_opt(0, 0, 0).unwrap_or_default().and_utc();
        let mut milliseconds = i64::from(rng.below(86_400_000));
        if number.is_multiple_of(5) {
            // The resource shows this time in whole seconds, so searches use whole seconds, too.
            milliseconds -= milliseconds % 1000;
        }
        midnight + Duration::milliseconds(milliseconds)
    }

    /// The first and the last instant of service, for claims.
    pub(in crate::sandbox) fn serviced(
        &self,
        index: u32,
    ) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        if self.entry.name != "ExplanationOfBenefit" {
            return None;
        }
        let claim = Claim::new(&self.member, index);
        let start = claim.start.and_hms_opt(0, 0, 0)?.and_utc();
        Some((start, claim.end.and_hms_opt(23, 59, 59)?.and_utc()))
    }
}
