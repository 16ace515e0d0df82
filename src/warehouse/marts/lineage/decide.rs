//! The rules, in their order.

use super::{
    Claim,
    graph::{Edge, Relationship, by_older, closure, components, without_circles},
    number::{Link, Names, follows, same_number},
};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What was found out about one claim. Others are named by position.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Decision {
    /// The first claim of its family.
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

/// Decisions by claim, and every pair of a claim and one that comes after it.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    pub(super) claims: Vec<Decision>,
    pub(super) lineage: Vec<Edge>,
}

/// Decides about the claims of one source.
pub(super) fn decide(claims: &[Claim], links: &[Link]) -> Decisions {
    let (stated, missing) = Names::of(claims).resolve(claims, links);
    let numbers = same_number(claims);
    let related = stated.iter().map(|edge| (edge.older, edge.newer));
    let together = numbers.iter().flat_map(|group| group.windows(2).map(|two| (two[0], two[1])));
    let families = components(claims.len(), related.chain(together));
    let mut table = Table {
        claims,
        stated: &stated,
        numbers: &numbers,
        families: &families,
        made: vec![Decision::default(); claims.len()],
    };
    table.pair_reversals();
    table.mark_voids();
    let edges = without_circles(claims, table.edges());
    let lineage = closure(&edges);
    table.settle(&edges, &lineage);
    for (decision, missing) in table.made.iter_mut().zip(missing) {
        decision.replacement_missing = missing;
    }
    Decisions { claims: table.made, lineage }
}

struct Table<'a> {
    claims: &'a [Claim],
    stated: &'a [Edge],
    numbers: &'a [Vec<usize>],
    families: &'a [usize],
    made: Vec<Decision>,
}

impl Table<'_> {
    /// Finds the payment that each negative claim takes back: the one it names, one of its number,
    /// one of its family, and for a claim that names nothing one of the same day and amounts.
    fn pair_reversals(&mut self) {
        let claims = self.claims;
        let mut reversals: Vec<usize> = (0..claims.len())
            .filter(|&at| claims[at].is_live && claims[at].paid.is_some_and(|paid| paid < 0))
            .collect();
        reversals.sort_by(|one, other| claims[*one].order().cmp(&claims[*other].order()));
        let mut named: HashMap<usize, Vec<usize>> = HashMap::new();
        for edge in self.stated {
            named.entry(edge.newer).or_default().push(edge.older);
        }
        let mut numbered: HashMap<usize, &Vec<usize>> = HashMap::new();
        for group in self.numbers {
            numbered.extend(group.iter().map(|at| (*at, group)));
        }
        let (mut family, mut day): (HashMap<_, Vec<usize>>, HashMap<_, Vec<usize>>) =
            Default::default();
        for (at, claim) in claims.iter().enumerate() {
            family.entry(self.families[at]).or_default().push(at);
            if let Some(served) = &claim.day {
                let key = (served, &claim.patient_id, &claim.kind, claim.submitted.map(i64::abs));
                day.entry(key).or_default().push(at);
            }
        }
        let nothing = Vec::new();
        for pass in 0..4 {
            for &reversal in &reversals {
                let claim = &claims[reversal];
                let is_alone = family[&self.families[reversal]].len() == 1;
                let among = match pass {
                    0 => named.get(&reversal).unwrap_or(&nothing),
                    1 => numbered.get(&reversal).copied().unwrap_or(&nothing),
                    2 => &family[&self.families[reversal]],
                    _ => match &claim.day {
                        Some(served)
                            if is_alone && claim.submitted.is_some_and(|cents| cents < 0) =>
                        {
                            let submitted = claim.submitted.map(i64::abs);
                            &day[&(served, &claim.patient_id, &claim.kind, submitted)]
                        }
                        _ => &nothing,
                    },
                };
                if self.made[reversal].reverses.is_none()
                    && let Some(payment) = self.payment_of(reversal, among)
                {
                    self.made[reversal].reverses = Some(payment);
                    self.made[payment].reversed_by = Some(reversal);
                }
            }
        }
    }

    /// The payment of the opposite amount: the last one made before, else the first one after.
    fn payment_of(&self, reversal: usize, among: &[usize]) -> Option<usize> {
        let claims = self.claims;
        let fits = |at: &usize| {
            let claim = &claims[*at];
            *at != reversal
                && claim.is_live
                // A reversal that was cancelled takes nothing back that stands.
                && (claim.is_cancelled || !claims[reversal].is_cancelled)
                && self.made[*at].reversed_by.is_none()
                && claim.paid.zip(claims[reversal].paid).is_some_and(|(paid, back)| paid == -back)
        };
        let found = || among.iter().copied().filter(fits);
        let made = &claims[reversal].made.0;
        found()
            .filter(|at| claims[*at].made.0 <= *made)
            .max_by(|one, other| claims[*one].order().cmp(&claims[*other].order()))
            .or_else(|| {
                found().min_by(|one, other| claims[*one].order().cmp(&claims[*other].order()))
            })
    }

    /// Tells voids from differences.
    fn mark_voids(&mut self) {
        let mut named: HashMap<usize, Vec<usize>> = HashMap::new();
        for edge in self.stated {
            named.entry(edge.newer).or_default().push(edge.older);
        }
        for (at, claim) in self.claims.iter().enumerate() {
            let older = named.get(&at).map_or(&[][..], Vec::as_slice);
            let is_negative = claim.submitted.is_some_and(|cents| cents < 0)
                || claim.paid.is_some_and(|cents| cents < 0)
                    && claim.submitted.is_none_or(|cents| cents <= 0);
            let is_paired = self.made[at].reverses.is_some();
            // Less than what it refers to was paid: only the change was sent.
            let is_part = claim.paid.is_some_and(|back| {
                back < 0
                    && older
                        .iter()
                        .any(|other| self.claims[*other].paid.is_some_and(|paid| paid > -back))
            });
            let empties = !older.is_empty() && claim.is_zero && claim.submitted == Some(0);
            let decision = &mut self.made[at];
            decision.is_difference = is_part && !is_paired && !claim.says_void && claim.is_live;
            decision.is_void =
                claim.says_void || is_paired || !decision.is_difference && (is_negative || empties);
        }
    }

    /// Everything that makes a claim stand no longer.
    fn edges(&self) -> Vec<Edge> {
        let relationship = |newer: usize, otherwise| match &self.made[newer] {
            decision if decision.is_void => Relationship::Void,
            decision if decision.is_difference => Relationship::Difference,
            _ => otherwise,
        };
        // A void or a difference that was cancelled does nothing to others.
        let is_claim = |edge: &Edge| {
            let (newer, made) = (&self.claims[edge.newer], &self.made[edge.newer]);
            newer.is_live && !(newer.is_cancelled && (made.is_void || made.is_difference))
        };
        let mut edges: Vec<Edge> = self
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
        for group in self.numbers {
            let stands = |at: &&usize| !self.made[**at].is_void && !self.made[**at].is_difference;
            if let Some(&last) = group.iter().rev().find(stands) {
                for &older in group.iter().take_while(|at| **at != last).filter(stands) {
                    add(older, last);
                }
            }
            for (position, &void) in group.iter().enumerate() {
                if self.made[void].is_void
                    && self.made[void].reverses.is_none()
                    && !self.claims[void].is_cancelled
                {
                    group[..position].iter().filter(stands).for_each(|&older| add(older, void));
                }
            }
        }
        for (payment, decision) in self.made.iter().enumerate() {
            if let Some(reversal) = decision.reversed_by {
                add(payment, reversal);
            }
        }
        edges
    }

    /// What follows from the edges.
    fn settle(&mut self, edges: &[Edge], lineage: &[Edge]) {
        let after = by_older(edges);
        let claims = self.claims;
        let mut replaces: BTreeMap<usize, u64> = BTreeMap::new();
        for pair in lineage {
            *replaces.entry(pair.newer).or_default() += 1;
        }
        let joined = edges.iter().map(|edge| (edge.older, edge.newer));
        let connected = self.families.iter().copied().enumerate();
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
                && !after.contains_key(&at);
            decision.replaced_by = after.get(&at).and_then(|edges| {
                let last = |edge: &&Edge| {
                    let is_void = edge.relationship == Relationship::Void;
                    (!is_void, edge.is_direct, claims[edge.newer].order())
                };
                edges.iter().max_by(|one, other| last(one).cmp(&last(other))).map(|edge| edge.newer)
            });
        }
        for group in self.numbers {
            for at in group {
                self.made[*at].same_number_count = group.len() as u64;
            }
        }
        self.carry(&after, lineage);
    }

    /// A claim that nothing but differences follow keeps its money beside theirs.
    fn carry(&mut self, after: &BTreeMap<usize, Vec<Edge>>, lineage: &[Edge]) {
        let only_differences = |at: &usize, made: &[Decision]| {
            made[*at].reversed_by.is_none()
                && after.get(at).is_some_and(|edges| {
                    edges.iter().all(|edge| edge.relationship == Relationship::Difference)
                })
        };
        for pair in lineage {
            let by = &self.made[pair.newer];
            if by.is_difference
                && by.is_current
                && !self.made[pair.older].is_void
                && !self.claims[pair.older].is_cancelled
                && self.claims[pair.older].is_live
                && only_differences(&pair.older, &self.made)
            {
                self.made[pair.older].carried_by = Some(pair.newer);
            }
        }
    }
}
