//! How claims belong together, before anything is decided about them.

use super::{
    claim::Claim,
    graph::{Edge, components},
    number::{Link, Names, Unresolved, same_number},
};
use std::collections::{HashMap, HashSet};

/// What the payer states and what the numbers of claims show. Claims are named by position.
pub(super) struct Kin {
    pub(super) stated: Vec<Edge>,
    /// Claims and those that the payer says add to them.
    pub(super) continued: Vec<(usize, usize)>,
    /// Claims of the same number, each group in the order in which they were made.
    pub(super) numbers: Vec<Vec<usize>>,
    /// For each claim, the number of the family that it belongs to in any way.
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

    /// The claims that the payer says come directly before a claim.
    pub(super) fn named(&self, at: usize) -> &[usize] {
        self.older.get(&at).map_or(&[], Vec::as_slice)
    }

    /// The claims of the same number, itself included; empty where it is alone with its number.
    pub(super) fn of_number(&self, at: usize) -> &[usize] {
        self.group.get(&at).map_or(&[], |group| self.numbers[*group].as_slice())
    }

    /// Every claim that the payer says comes after a claim, directly or through others.
    pub(super) fn stated_after(&self, at: usize) -> HashSet<usize> {
        let mut found = HashSet::new();
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            let newer = self.newer.get(&at).into_iter().flatten();
            open.extend(newer.copied().filter(|newer| found.insert(*newer)));
        }
        found
    }

    /// The claims that take the place of a claim, by what the payer states or by its number.
    pub(super) fn successors(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        let later = self.of_number(at).iter().skip_while(move |other| **other != at).skip(1);
        self.newer.get(&at).into_iter().flatten().chain(later).copied()
    }
}
