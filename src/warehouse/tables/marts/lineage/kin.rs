//! How claims are related, before anything is decided about them.

use super::{
    claim::Claim,
    graph::{Edge, components},
    number::{Link, Names, Unresolved, same_number},
};
use std::collections::{HashMap, HashSet};

/// The relations that the payer states or that the claims' numbers show. Claims are given by position.
pub(super) struct Kin {
    pub(super) stated: Vec<Edge>,
    /// Pairs of a claim and a later one that, as the payer says, adds to it.
    pub(super) continued: Vec<(usize, usize)>,
    /// Groups of claims with the same number, each in the order in which the claims were made.
    pub(super) numbers: Vec<Vec<usize>>,
    /// For each claim, the number of the family of claims to which it is related in any way.
    pub(super) families: Vec<usize>,
    pub(super) unresolved: Unresolved,
    older: HashMap<usize, Vec<usize>>,
    newer: HashMap<usize, Vec<usize>>,
    group: HashMap<usize, usize>,
}

impl Kin {
    pub(super) fn of(claims: &[Claim], links: &[Link]) -> Kin {
        let (stated, continued, unresolved) = Names::of(claims).resolve(claims, links);
        let numbers = same_number(claims);
        let related = stated.iter().map(|edge| (edge.older, edge.newer));
        let related = related.chain(continued.iter().copied());
        let together =
            numbers.iter().flat_map(|group| group.windows(2).map(|two| (two[0], two[1])));
        let families = components(claims.len(), related.chain(together));
        let (mut older, mut newer): (HashMap<usize, Vec<usize>>, HashMap<usize, Vec<usize>>) =
            Default::default();
        for edge in &stated {
            older.entry(edge.newer).or_default().push(edge.older);
            newer.entry(edge.older).or_default().push(edge.newer);
        }
        let group = numbers
            .iter()
            .enumerate()
            .flat_map(|(number, group)| group.iter().map(move |at| (*at, number)))
            .collect();
        Kin { stated, continued, numbers, families, unresolved, older, newer, group }
    }

    /// The claims that, as the payer says, come directly before this claim.
    pub(super) fn named(&self, at: usize) -> &[usize] {
        self.older.get(&at).map_or(&[], Vec::as_slice)
    }

    /// The claims with the same number, this one included; empty if no other claim has its number.
    pub(super) fn of_number(&self, at: usize) -> &[usize] {
        self.group.get(&at).map_or(&[], |group| self.numbers[*group].as_slice())
    }

    /// All claims that, as the payer says, come after this claim, directly or through others.
    pub(super) fn stated_after(&self, at: usize) -> HashSet<usize> {
        let mut found = HashSet::new();
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            let newer = self.newer.get(&at).into_iter().flatten();
            open.extend(newer.copied().filter(|newer| found.insert(*newer)));
        }
        found
    }

    /// The claims that replace this claim, by the payer's word or by its number.
    pub(super) fn successors(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let later = self.of_number(at).iter().skip_while(move |other| **other != at).skip(1);
        self.newer.get(&at).into_iter().flatten().chain(later).copied()
    }
}
