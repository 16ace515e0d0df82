//! Finds claims by their numbers and by other references.

use super::{
    claim::{Claim, Number, NumberKind},
    graph::{Edge, Relationship},
};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet, HashMap},
};

/// How a claim refers to another claim.
#[derive(Debug, Clone)]
pub(super) enum Target {
    /// By the id of an ExplanationOfBenefit.
    Id(String),
    /// By the id of the Claim resource that the other claim explains; some payers give both the same id.
    Explained(String),
    /// By one of the other claim's numbers.
    Number { system: Option<String>, value: String },
}

impl Target {
    /// A number as sent, normalised like the numbers of claims.
    pub(super) fn number(system: Option<String>, value: &str) -> Target {
        let Number { system, value, .. } = Number::new(NumberKind::Other, system, value);
        Target::Number { system, value }
    }
}

/// A claim's statement that it is related to another claim.
#[derive(Debug, Clone)]
pub(super) struct Link {
    /// Position of the claim that states the relation.
    pub(super) from: usize,
    /// The relationship in lower case: prior, replaces, replacedby or replaced.
    pub(super) relationship: String,
    pub(super) target: Target,
}

/// Finds claims by the ids and numbers that a payer uses for them.
pub(super) struct Names<'a> {
    claims: &'a [Claim],
    ids: HashMap<&'a str, Vec<usize>>,
    explained: HashMap<&'a str, Vec<usize>>,
    numbers: HashMap<&'a str, Vec<(usize, &'a Number, bool)>>,
}

impl<'a> Names<'a> {
    pub(super) fn of(claims: &'a [Claim]) -> Names<'a> {
        let (mut ids, mut explained) = (HashMap::new(), HashMap::new());
        let mut numbers: HashMap<&str, Vec<_>> = HashMap::new();
        for (at, claim) in claims.iter().enumerate() {
            ids.entry(claim.id.as_str()).or_insert_with(Vec::new).push(at);
            if let Some(explains) = &claim.explains {
                explained.entry(explains.as_str()).or_insert_with(Vec::new).push(at);
            }
            for (position, number) in claim.numbers.iter().enumerate() {
                let entry = (at, number, position == 0);
                numbers.entry(number.value.as_str()).or_default().push(entry);
            }
        }
        Names { claims, ids, explained, numbers }
    }

    fn by_id(&self, id: &str) -> Vec<usize> {
        self.ids.get(id).cloned().unwrap_or_default()
    }

    fn by_claim(&self, id: &str) -> Vec<usize> {
        self.explained.get(id).cloned().unwrap_or_else(|| self.by_id(id))
    }

    /// The claims that a reference in the claim `from` means.
    ///
    /// A number with a system means claims with that number in that system. A number without a system means
    /// the claims that show it; if there are none, the only other claim that has it in a system whose numbers
    /// tell claims apart. A number leads to another patient's claim only if both claims name its system and
    /// the payer's numbers are unique in that system.
    fn find(&self, target: &Target, from: usize) -> Vec<usize> {
        match target {
            Target::Id(id) => self.by_id(id),
            Target::Explained(id) => self.by_claim(id),
            Target::Number { system, value } => {
                if let Some(id) = value.strip_prefix("ExplanationOfBenefit/") {
                    return self.by_id(id);
                }
                let numbers = self.numbers.get(value.as_str()).into_iter().flatten();
                let fits = |number: &Number, is_shown: bool| match (system, &number.system) {
                    (Some(asked), Some(has)) => asked == has,
                    _ => is_shown,
                };
                let is_of_patient = |at: usize| self.claims[at].shares_patient(&self.claims[from]);
                let is_unique = |number: &Number| {
                    system.is_some() && number.system.is_some() && number.kind != NumberKind::Other
                };
                let mut found: Vec<usize> = numbers
                    .filter(|(_, number, is_shown)| fits(number, *is_shown))
                    .filter(|(at, number, _)| is_of_patient(*at) || is_unique(number))
                    .map(|(at, ..)| *at)
                    .collect();
                if found.iter().any(|at| *at != from && is_of_patient(*at)) {
                    found.retain(|at| is_of_patient(*at));
                }
                if !found.is_empty() {
                    return found;
                }
                let ids = if system.is_none() { self.by_claim(value) } else { Vec::new() };
                if !ids.is_empty() {
                    return ids;
                }
                // Claims of one group may share a number. A system's numbers tell claims apart if the
                // claim `from` has a different number in the same system.
                let own = &self.claims[from].numbers;
                let tells_apart = |number: &Number| {
                    let mut alike = own.iter().filter(|it| it.system == number.system);
                    system.is_none() && alike.any(|it| it.value != number.value)
                };
                let numbers = self.numbers.get(value.as_str()).into_iter().flatten();
                let others: BTreeSet<usize> = numbers
                    .filter(|(at, number, _)| {
                        *at != from && is_of_patient(*at) && tells_apart(number)
                    })
                    .map(|(at, ..)| *at)
                    .collect();
                if others.len() == 1 { others.into_iter().collect() } else { Vec::new() }
            }
        }
    }

    /// Whether this payer's word `replaced` leads from a claim to its replacement, or the other way round.
    ///
    /// Pairs of claims that were made at different times show what the payer means. If they do not show it,
    /// the word means that the claim was replaced.
    fn replaced_leads_on(&self, claims: &[Claim], links: &[Link]) -> bool {
        let mut votes = 0_i64;
        for link in links.iter().filter(|link| link.relationship == "replaced") {
            for other in
                self.find(&link.target, link.from).into_iter().filter(|other| *other != link.from)
            {
                votes += match order(&claims[link.from], &claims[other]) {
                    Ordering::Less => 1,
                    Ordering::Equal => 0,
                    Ordering::Greater => -1,
                };
            }
        }
        votes >= 0
    }

    /// Resolves the links: which claim replaces which, which adds to which, and which links lead nowhere.
    pub(super) fn resolve(
        &self,
        claims: &[Claim],
        links: &[Link],
    ) -> (Vec<Edge>, Vec<(usize, usize)>, Unresolved) {
        let (mut edges, mut continued) = (Vec::new(), Vec::new());
        // For each direction and claim: whether one of its links leads to another claim, and whether one does
        // not lead to the claim itself.
        let mut leads = [vec![false; claims.len()], vec![false; claims.len()]];
        let mut lacks = leads.clone();
        let leads_on = self.replaced_leads_on(claims, links);
        for link in links {
            let points_forward = link.relationship.starts_with("replaced");
            let direction = usize::from(points_forward);
            let mut found = self.find(&link.target, link.from);
            lacks[direction][link.from] |= !found.contains(&link.from);
            found.retain(|other| *other != link.from);
            leads[direction][link.from] |= !found.is_empty();
            for other in found {
                let from_is_older = match link.relationship.as_str() {
                    "replaced" => match order(&claims[link.from], &claims[other]) {
                        Ordering::Less => true,
                        Ordering::Equal => leads_on,
                        Ordering::Greater => false,
                    },
                    _ => points_forward,
                };
                let (older, newer) =
                    if from_is_older { (link.from, other) } else { (other, link.from) };
                match link.relationship == "prior" && claims[newer].adds_to(&claims[older]) {
                    true => continued.push((older, newer)),
                    false => edges.push(Edge::stated(older, newer)),
                }
            }
        }
        let missing = |direction: usize| {
            lacks[direction].iter().zip(&leads[direction]).map(|(lacks, leads)| *lacks && !leads)
        };
        (
            edges,
            continued,
            Unresolved { earlier: missing(0).collect(), later: missing(1).collect() },
        )
    }
}

/// The claims whose payer names other claims that are not stored.
pub(super) struct Unresolved {
    /// For each claim, whether the missing ones are earlier claims.
    pub(super) earlier: Vec<bool>,
    /// For each claim, whether the missing ones are later claims.
    pub(super) later: Vec<bool>,
}

/// The order of two claims that the payer links by `replaced`, which allows either order.
///
/// It is the order in which they were made; of two made at the same time, the payment comes before its
/// reversal.
fn order(from: &Claim, other: &Claim) -> Ordering {
    let when = |claim: &Claim| {
        (claim.made.at, !claim.is_cancelled, claim.made.updated, claim.is_negative())
    };
    when(from).cmp(&when(other))
}

/// Groups of claims with the same number, each in the order in which the claims were made.
///
/// A number of an unknown kind may be anything, even a group's number, so it relates claims only on the
/// same day. A unique or control number without a system is taken to be of the only system in which such
/// claims have it; with two such systems it is left alone. A claim without a known type is likewise taken
/// to be of the only type.
pub(super) fn same_number(claims: &[Claim]) -> Vec<Vec<usize>> {
    let mut alike: HashMap<_, Vec<usize>> = HashMap::new();
    for (at, claim) in claims.iter().enumerate() {
        let Some(number) = claim.numbers.first().filter(|_| claim.is_live) else { continue };
        let day = claim.day.as_deref().filter(|_| number.kind == NumberKind::Other);
        if number.kind == NumberKind::Other && day.is_none() {
            continue;
        }
        let key = (number.kind, number.value.as_str(), &claim.patient_id, day);
        alike.entry(key).or_default().push(at);
    }
    let kind_of = |at: usize| claims[at].kind.as_deref();
    let system_of = |at: usize| claims[at].numbers.first().and_then(|it| it.system.as_deref());
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for ((kind, ..), among) in alike {
        for of_kind in divide(&among, kind_of, true) {
            groups.extend(divide(&of_kind, system_of, kind != NumberKind::Other));
        }
    }
    groups.retain(|group| group.len() > 1);
    for group in &mut groups {
        group.sort_by(|one, other| claims[*one].order().cmp(&claims[*other].order()));
    }
    groups.sort();
    groups
}

/// Divides claims by a property. If all that state it agree, claims that do not state it join them.
fn divide<'a>(
    among: &[usize],
    stated: impl Fn(usize) -> Option<&'a str>,
    silent_agree: bool,
) -> Vec<Vec<usize>> {
    let mut parts: BTreeMap<Option<&str>, Vec<usize>> = BTreeMap::new();
    for &at in among {
        parts.entry(stated(at)).or_default().push(at);
    }
    if silent_agree && parts.len() == 2 {
        let silent = parts.remove(&None).unwrap_or_default();
        if let Some(known) = parts.values_mut().next() {
            known.extend(silent);
        }
    }
    parts.into_values().collect()
}

/// The edge between two claims with the same number.
pub(super) fn follows(older: usize, newer: usize) -> Edge {
    Edge { older, newer, relationship: Relationship::SameNumber, is_direct: false }
}
