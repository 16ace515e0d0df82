//! Applies, in order, the rules that decide which claims stand.

use super::{
    claim::Claim,
    graph::{Edge, Relationship, by_older, closure, components, without_circles},
    kin::Kin,
    number::{Link, follows},
    part::Part,
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// The decision about one claim; other claims are given by their position.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Decision {
    /// The earliest claim of the claim's family.
    pub(super) first: usize,
    pub(super) is_void: bool,
    pub(super) is_difference: bool,
    pub(super) is_current: bool,
    pub(super) replaced_by: Option<usize>,
    pub(super) reverses: Option<usize>,
    pub(super) reversed_by: Option<usize>,
    pub(super) replaces_count: u64,
    pub(super) replacement_missing: bool,
    pub(super) same_number_count: u64,
    /// The current difference whose amounts add to those of this claim.
    pub(super) carried_by: Option<usize>,
}

impl Decision {
    /// The decision about a claim that stands and has no relation to any other claim.
    ///
    /// `config/marts/claim.sql` first gives every claim this decision.
    pub(super) fn alone(at: usize) -> Decision {
        Decision { first: at, is_current: true, same_number_count: 1, ..Decision::default() }
    }
}

/// The decision about each claim, and every pair of a claim and a later one that follows it.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    pub(super) claims: Vec<Decision>,
    pub(super) lineage: Vec<Edge>,
}

/// Decides about the claims of one source: which claims stand, and which claim follows which.
pub(super) fn decide(claims: &[Claim], links: &[Link]) -> Decisions {
    let kin = Kin::of(claims, links);
    let mut table = Table {
        claims,
        kin: &kin,
        follows: BTreeMap::new(),
        changes: BTreeMap::new(),
        changed: HashMap::new(),
        made: vec![Decision::default(); claims.len()],
    };
    table.pair_reversals();
    table.mark_voids();
    let mut edges = table.edges();
    edges.extend(table.edges_of_differences(&edges));
    let edges = without_circles(claims, edges);
    let lineage = closure(&edges);
    table.settle(&edges, &lineage);
    for (decision, missing) in table.made.iter_mut().zip(&kin.unresolved.later) {
        decision.replacement_missing = *missing;
    }
    Decisions { claims: table.made, lineage }
}

/// The claims, what is known of them, and the decisions so far.
pub(super) struct Table<'a> {
    pub(super) claims: &'a [Claim],
    pub(super) kin: &'a Kin,
    /// For each void or difference that names no claim: the claim with the same number that it takes back
    /// or changes.
    pub(super) follows: BTreeMap<usize, usize>,
    /// For each difference: the claim whose amount it changes; that claim is not a difference itself.
    pub(super) changes: BTreeMap<usize, usize>,
    /// For each claim, the sum of its differences in cents.
    pub(super) changed: HashMap<usize, i64>,
    pub(super) made: Vec<Decision>,
}

impl Table<'_> {
    /// All edges from a claim that no longer stands to a claim that follows it.
    fn edges(&self) -> Vec<Edge> {
        let relationship = |newer: usize, otherwise| match &self.made[newer] {
            decision if decision.is_void => Relationship::Void,
            decision if decision.is_difference => Relationship::Difference,
            _ => otherwise,
        };
        // A cancelled void or difference has no effect on others. A reversal that takes back one payment
        // has no effect on another with a different amount.
        let is_claim = |edge: &Edge| {
            let (newer, made) = (&self.claims[edge.newer], &self.made[edge.newer]);
            let older = self.claims[edge.older].paid.unwrap_or(0);
            let takes_back_another = made.reverses.is_some_and(|payment| payment != edge.older)
                && older > 0
                && newer.paid.is_some_and(|paid| paid < 0 && paid != -older);
            newer.is_live
                && !takes_back_another
                && !(newer.is_cancelled && (made.is_void || made.is_difference))
        };
        let mut edges: Vec<Edge> = self
            .kin
            .stated
            .iter()
            .filter(|edge| is_claim(edge))
            .map(|edge| Edge {
                relationship: relationship(edge.newer, Relationship::Replacement),
                ..*edge
            })
            .collect();
        let known: HashSet<(usize, usize)> = edges
            .iter()
            .flat_map(|edge| [(edge.older, edge.newer), (edge.newer, edge.older)])
            .collect();
        let mut add = |older: usize, newer: usize| {
            if !known.contains(&(older, newer)) {
                let relationship = relationship(newer, Relationship::SameNumber);
                edges.push(Edge { relationship, ..follows(older, newer) });
            }
        };
        for group in &self.kin.numbers {
            let stands = |at: &&usize| !self.made[**at].is_void && !self.made[**at].is_difference;
            for (place, &older) in group.iter().enumerate() {
                let claim = &self.claims[older];
                let later = group[place + 1..].iter().rev().filter(stands);
                let last = later.copied().find(|at| self.claims[*at].takes_place_of(claim));
                // On one day, a difference may sort before the claim that it changes.
                if let Some(last) = last
                    && !self.made[older].is_void
                    && self.follows.get(&older) != Some(&last)
                {
                    add(older, last);
                }
            }
        }
        for (&newer, &older) in &self.follows {
            add(older, newer);
        }
        for (payment, decision) in self.made.iter().enumerate() {
            if let Some(reversal) = decision.reversed_by {
                add(payment, reversal);
            }
        }
        self.replace_siblings(&mut edges);
        self.repeat_bills(&mut edges);
        self.bill_anew(&mut edges);
        edges
    }

    /// Extends the effect of a bill on one bill of a stay to the stay's other bills.
    ///
    /// A bill that replaces one of them also replaces the others, as far as its days reach; a void of the
    /// whole stay takes all of them back. If several later bills do so, the last one counts.
    fn bill_anew(&self, edges: &mut Vec<Edge>) {
        let claims = self.claims;
        loop {
            let followed: HashSet<usize> = edges.iter().map(|edge| edge.older).collect();
            let mut found: BTreeMap<usize, Edge> = BTreeMap::new();
            for edge in edges.iter() {
                let others = self.billed_with(edge);
                for other in others.into_iter().filter(|other| !followed.contains(other)) {
                    let last = |edge: &Edge| {
                        let is_void = edge.relationship == Relationship::Void;
                        (!is_void, claims[edge.newer].order())
                    };
                    let edge = Edge { older: other, is_direct: false, ..*edge };
                    let known = found.entry(other).or_insert(edge);
                    if last(known) < last(&edge) {
                        *known = edge;
                    }
                }
            }
            if found.is_empty() {
                break;
            }
            edges.extend(found.into_values());
        }
    }

    /// The other bills of the stay to which the older claim of an edge belongs.
    fn billed_with(&self, edge: &Edge) -> Vec<usize> {
        let claims = self.claims;
        let newer = &claims[edge.newer];
        let is_void = edge.relationship == Relationship::Void && newer.is_of_a_stay();
        let is_anew = edge.relationship == Relationship::Replacement && newer.bills_anew();
        if !is_void && !is_anew {
            return Vec::new();
        }
        let continued = self.kin.continued.iter().filter_map(|&(one, other)| {
            (other == edge.older).then_some(one).or((one == edge.older).then_some(other))
        });
        let numbered = self.kin.of_number(edge.older).iter().copied();
        let is_part = |at: &usize| matches!(claims[*at].part(), Part::Days(_) | Part::Late(_));
        let numbered = numbered.filter(|other| is_void && is_part(other));
        let is_billed = |other: &usize| {
            let decision = &self.made[*other];
            *other != edge.newer
                && !decision.is_void
                && !decision.is_difference
                && newer.covers(&claims[*other])
                && !newer.made.is_before(&claims[*other].made)
        };
        continued.chain(numbered).filter(is_billed).collect()
    }

    /// Fills in the decisions that follow from the edges.
    fn settle(&mut self, edges: &[Edge], lineage: &[Edge]) {
        let after = by_older(edges);
        let claims = self.claims;
        let mut replaces: BTreeMap<usize, u64> = BTreeMap::new();
        for pair in lineage {
            *replaces.entry(pair.newer).or_default() += 1;
        }
        let joined = edges.iter().map(|edge| (edge.older, edge.newer));
        let connected = self.kin.families.iter().copied().enumerate();
        let families = components(claims.len(), joined.chain(connected));
        let mut first: HashMap<usize, usize> = HashMap::new();
        for (at, family) in families.iter().enumerate() {
            let found = first.entry(*family).or_insert(at);
            if claims[at].order() < claims[*found].order() {
                *found = at;
            }
        }
        for (at, decision) in self.made.iter_mut().enumerate() {
            let claim = &claims[at];
            decision.first = first[&families[at]];
            decision.replaces_count = replaces.get(&at).copied().unwrap_or(0);
            decision.same_number_count = 1;
            decision.is_current = claim.is_live
                && !claim.is_cancelled
                && !decision.is_void
                && decision.reversed_by.is_none()
                && !after.contains_key(&at);
            decision.replaced_by = after.get(&at).and_then(|edges| {
                let last = |edge: &&Edge| {
                    let is_void = edge.relationship == Relationship::Void;
                    (!is_void, edge.is_direct, claims[edge.newer].order())
                };
                edges.iter().max_by(|one, other| last(one).cmp(&last(other))).map(|edge| edge.newer)
            });
        }
        for group in &self.kin.numbers {
            for at in group {
                self.made[*at].same_number_count = group.len() as u64;
            }
        }
        self.carry(&after, lineage);
        self.end_differences(lineage);
    }

    /// Whether each claim stands, alone or beside the differences that follow it.
    fn standing(&self, after: &BTreeMap<usize, Vec<Edge>>) -> Vec<bool> {
        let falls_by_itself = |at: usize| {
            let edges = after.get(&at).into_iter().flatten();
            self.made[at].reversed_by.is_some()
                || edges.clone().any(|edge| edge.relationship != Relationship::Difference)
        };
        let mut standing: Vec<bool> = (0..self.made.len()).map(|at| !falls_by_itself(at)).collect();
        // If a claim falls, the claims that it changes fall, too; there are no circles.
        let mut before: HashMap<usize, Vec<usize>> = HashMap::new();
        for edge in after.values().flatten() {
            before.entry(edge.newer).or_default().push(edge.older);
        }
        let mut fallen: Vec<usize> = (0..standing.len()).filter(|at| !standing[*at]).collect();
        while let Some(at) = fallen.pop() {
            for &older in before.get(&at).into_iter().flatten() {
                if std::mem::replace(&mut standing[older], false) {
                    fallen.push(older);
                }
            }
        }
        standing
    }

    /// Marks each claim that only differences follow: its money counts beside theirs.
    fn carry(&mut self, after: &BTreeMap<usize, Vec<Edge>>, lineage: &[Edge]) {
        let standing = self.standing(after);
        for pair in lineage {
            let by = &self.made[pair.newer];
            if by.is_difference
                && by.is_current
                && !self.made[pair.older].is_void
                && !self.claims[pair.older].is_cancelled
                && self.claims[pair.older].is_live
                && self.claims[pair.older].shares_currency(&self.claims[pair.newer])
                && standing[pair.older]
            {
                let last = |by: &usize| self.claims[*by].order();
                let known = self.made[pair.older].carried_by;
                self.made[pair.older].carried_by = known
                    .into_iter()
                    .chain([pair.newer])
                    .max_by(|one, other| last(one).cmp(&last(other)));
            }
        }
    }
}
