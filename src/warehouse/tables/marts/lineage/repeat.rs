//! Cumulative interim bills: each repeats the earlier bills of the stay, and adds its own days.

use super::{
    claim::Claim,
    decide::Table,
    graph::{Edge, Relationship},
};
use std::collections::{BTreeMap, HashSet};

impl Table<'_> {
    /// Adds edges from interim bills to the later bills that repeat them.
    ///
    /// An interim bill is replaced by a later bill of the stay whose days contain its days, and by a
    /// later replacement that covers its first day.
    ///
    /// Bills belong to one stay if numbers or links make them a family, or if type of bill, provider and
    /// day of admission are equal. A bill that was cancelled or taken back repeats nothing.
    pub(super) fn repeat_bills(&self, edges: &mut Vec<Edge>) {
        let claims = self.claims;
        let voided: HashSet<usize> = edges
            .iter()
            .filter(|edge| edge.relationship == Relationship::Void)
            .map(|edge| edge.older)
            .collect();
        let is_bill = |at: usize| {
            let (claim, made) = (&claims[at], &self.made[at]);
            claim.is_live && !claim.is_negative() && !made.is_void && !made.is_difference
        };
        let stands = |at: usize| {
            !claims[at].is_cancelled && self.made[at].reversed_by.is_none() && !voided.contains(&at)
        };
        let mut known: HashSet<(usize, usize)> = edges
            .iter()
            .flat_map(|edge| [(edge.older, edge.newer), (edge.newer, edge.older)])
            .collect();
        let mut has_grown = true;
        while std::mem::take(&mut has_grown) {
            let is_interim = self.interim(edges);
            let is_of_a_stay = |at: usize| {
                is_interim[at] || claims[at].frequency == Some('1') || claims[at].bills_anew()
            };
            let bills: Vec<usize> =
                (0..claims.len()).filter(|&at| is_bill(at) && is_of_a_stay(at)).collect();
            for stay in self.stays(&bills) {
                for &older in stay.iter().filter(|at| is_interim[**at]) {
                    let newer: Vec<usize> = stay
                        .iter()
                        .copied()
                        .filter(|&newer| newer != older && stands(newer))
                        .filter(|&newer| claims[newer].repeats(&claims[older]))
                        .collect();
                    let last = newer
                        .iter()
                        .copied()
                        .max_by(|one, other| claims[*one].order().cmp(&claims[*other].order()));
                    // A replacement gets an edge of its own, since a later bill may repeat it in turn.
                    let anew = newer.iter().copied().filter(|&at| claims[at].bills_anew());
                    for newer in anew.chain(last) {
                        if known.insert((older, newer)) {
                            let relationship = Relationship::Replacement;
                            edges.push(Edge { older, newer, relationship, is_direct: false });
                            has_grown = true;
                        }
                    }
                }
            }
        }
    }

    /// The bills grouped by stay; groups of one are left out.
    fn stays(&self, bills: &[usize]) -> Vec<Vec<usize>> {
        let mut families: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        let mut stays: BTreeMap<(&str, Option<&str>), Vec<usize>> = BTreeMap::new();
        for &at in bills {
            let claim: &Claim = &self.claims[at];
            families.entry(self.kin.families[at]).or_default().push(at);
            if let Some(stay) = &claim.stay {
                stays.entry((stay, claim.patient_id.as_deref())).or_default().push(at);
            }
        }
        let groups = families.into_values().chain(stays.into_values());
        groups.filter(|group| group.len() > 1).collect()
    }

    /// For each claim, whether it is an interim bill, or replaced an interim bill.
    fn interim(&self, edges: &[Edge]) -> Vec<bool> {
        let mut found: Vec<bool> = self.claims.iter().map(Claim::is_interim).collect();
        let mut has_grown = true;
        while std::mem::take(&mut has_grown) {
            for edge in edges.iter().filter(|edge| edge.relationship == Relationship::Replacement) {
                has_grown |= found[edge.older] && !std::mem::replace(&mut found[edge.newer], true);
            }
        }
        found
    }
}
