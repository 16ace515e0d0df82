//! Several claims that, as the payer says, replace the same claim: adjustments that all name the
//! original, or the parts into which it was split.

use super::{
    claim::Claim,
    decide::Table,
    graph::{Edge, Relationship},
    part::Part,
};
use std::collections::{BTreeMap, HashSet};

impl Table<'_> {
    /// If two claims replace one claim and have the same days, the later replaces the earlier.
    ///
    /// Parts whose charges add up to the charge of the claim all stand.
    pub(super) fn replace_siblings(&self, edges: &mut Vec<Edge>) {
        let claims = self.claims;
        let mut followed: HashSet<usize> = HashSet::new();
        let mut known: HashSet<(usize, usize)> = HashSet::new();
        let mut replacements: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for edge in edges.iter() {
            known.extend([(edge.older, edge.newer), (edge.newer, edge.older)]);
            if edge.relationship == Relationship::Void {
                followed.insert(edge.older);
            }
            if edge.relationship == Relationship::Replacement && edge.is_direct {
                replacements.entry(edge.older).or_default().push(edge.newer);
            }
        }
        let stands = |at: &usize| {
            let made = &self.made[*at];
            !claims[*at].is_cancelled
                && !made.is_void
                && !made.is_difference
                && made.reversed_by.is_none()
                && !followed.contains(at)
        };
        for (older, mut siblings) in replacements {
            siblings.retain(stands);
            siblings.sort_by(|one, other| claims[*one].order().cmp(&claims[*other].order()));
            siblings.dedup();
            if is_split(&claims[older], siblings.iter().map(|at| &claims[*at])) {
                continue;
            }
            for (place, &one) in siblings.iter().enumerate() {
                let later = siblings[place + 1..].iter().rev().copied();
                let last = later.into_iter().find(|at| claims[*at].is_bill_of(&claims[one]));
                if let Some(last) = last
                    && known.insert((one, last))
                {
                    known.insert((last, one));
                    let relationship = Relationship::Replacement;
                    edges.push(Edge { older: one, newer: last, relationship, is_direct: false });
                }
            }
        }
    }
}

impl Claim {
    /// Whether both bill the same days of the same patient, and neither bills only a part of a stay.
    fn is_bill_of(&self, other: &Claim) -> bool {
        let is_whole = |claim: &Claim| claim.part() == Part::Whole && !claim.is_interim();
        is_whole(self)
            && is_whole(other)
            && self.day.is_some()
            && (&self.day, &self.last_day) == (&other.day, &other.last_day)
            && self.kind == other.kind
            && self.shares_patient(other)
            && self.shares_currency(other)
    }
}

/// Whether the charges of the parts add up to the charge of the whole.
fn is_split<'a>(whole: &Claim, parts: impl Iterator<Item = &'a Claim>) -> bool {
    let charged: Option<i64> = parts.map(|part| part.submitted).sum();
    charged.is_some() && charged == whole.submitted
}
