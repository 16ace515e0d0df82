//! A graph, without circles, of claims and the claims that follow them.

use super::claim::Claim;
use std::collections::BTreeMap;

/// The effect of a later claim on an earlier one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Relationship {
    Replacement,
    Void,
    Difference,
    SameNumber,
}

impl Relationship {
    pub(super) fn name(self) -> &'static str {
        match self {
            Relationship::Replacement => "replacement",
            Relationship::Void => "void",
            Relationship::Difference => "difference",
            Relationship::SameNumber => "same number",
        }
    }
}

/// One claim follows another; both are positions in the list of claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) older: usize,
    pub(super) newer: usize,
    pub(super) relationship: Relationship,
    /// Whether the payer states the relationship.
    pub(super) is_direct: bool,
}

impl Edge {
    pub(super) fn stated(older: usize, newer: usize) -> Edge {
        Edge { older, newer, relationship: Relationship::Replacement, is_direct: true }
    }
}

/// Groups of claims that are connected in any way; for each claim, the number of its group.
pub(super) fn components(count: usize, edges: impl Iterator<Item = (usize, usize)>) -> Vec<usize> {
    fn root(parent: &mut [usize], mut at: usize) -> usize {
        while parent[at] != at {
            parent[at] = parent[parent[at]];
            at = parent[at];
        }
        at
    }
    let mut parent: Vec<usize> = (0..count).collect();
    for (one, other) in edges {
        let (one, other) = (root(&mut parent, one), root(&mut parent, other));
        parent[one.max(other)] = one.min(other);
    }
    (0..count).map(|at| root(&mut parent, at)).collect()
}

/// Breaks circles: removes the edges of a circle that point back in time.
pub(super) fn without_circles(claims: &[Claim], mut edges: Vec<Edge>) -> Vec<Edge> {
    edges.sort();
    edges.dedup_by_key(|edge| (edge.older, edge.newer));
    // An edge whose older claim has no predecessor, or whose newer claim has no successor, is in no
    // circle. Such edges are set aside until there are no more of them.
    let mut is_left = vec![true; edges.len()];
    loop {
        let (mut before, mut after) = (vec![0; claims.len()], vec![0; claims.len()]);
        for (edge, _) in edges.iter().zip(&is_left).filter(|(_, left)| **left) {
            after[edge.older] += 1;
            before[edge.newer] += 1;
        }
        let mut took = false;
        for (edge, left) in edges.iter().zip(&mut is_left) {
            if *left && (before[edge.older] == 0 || after[edge.newer] == 0) {
                *left = false;
                took = true;
            }
        }
        if !took {
            break;
        }
    }
    let order = |at: usize| claims[at].order();
    let mut left = is_left.into_iter();
    edges.retain(|edge| left.next() != Some(true) || order(edge.older) < order(edge.newer));
    edges
}

/// For each claim, the edges to the claims that follow it.
pub(super) fn by_older(edges: &[Edge]) -> BTreeMap<usize, Vec<Edge>> {
    let mut map: BTreeMap<usize, Vec<Edge>> = BTreeMap::new();
    for edge in edges {
        map.entry(edge.older).or_default().push(*edge);
    }
    map
}

/// Every pair of a claim and a later one that follows it, directly or through others.
///
/// A pair that is not direct has the relationship of its first step.
pub(super) fn closure(edges: &[Edge]) -> Vec<Edge> {
    let after = by_older(edges);
    let mut pairs = Vec::new();
    for (&older, first) in &after {
        let mut found: BTreeMap<usize, Edge> =
            first.iter().map(|edge| (edge.newer, *edge)).collect();
        let mut open: Vec<(usize, Relationship)> =
            first.iter().map(|edge| (edge.newer, edge.relationship)).collect();
        while let Some((at, relationship)) = open.pop() {
            for next in after.get(&at).into_iter().flatten() {
                found.entry(next.newer).or_insert_with(|| {
                    open.push((next.newer, relationship));
                    Edge { older, newer: next.newer, relationship, is_direct: false }
                });
            }
        }
        pairs.extend(found.into_values().filter(|edge| edge.newer != older));
    }
    pairs
}
