//! What a run will ask of one connection, and why not the rest. Pure.

use super::{
    asked::{Choice, Extent, choose, unasked_types, wanted_types},
    part::Part,
    proved_for::proved_for,
};
use crate::{
    fhir::{
        Capability, RequiredTypes, SearchQuery, SearchRule, SearchRules, changed_since,
        for_patient, instant, needs_patient, patient_parameter, type_search,
    },
    http::Origin,
    outcome::{Reason, WalkKind, WalkState},
    warehouse::{Cursor, HeldType, LastUpdated, Totals, TypeState, WalkFinish, WalkWindow},
};
use chrono::{DateTime, Utc};
use std::{collections::BTreeMap, time::Duration};
use url::Url;

/// What is known before the first page is asked for.
#[derive(Debug, Clone)]
pub struct PlanInput<'a> {
    /// The connection's name, for what people are to type.
    pub connection: &'a str,
    /// Its plan's name, for the same.
    pub plan: &'a str,
    /// The plan's FHIR base.
    pub base: &'a Url,
    /// FHIR bases of types that have one of their own.
    pub type_bases: &'a BTreeMap<String, Url>,
    /// `_count` of every search; 0: none is sent.
    pub page_size: u32,
    /// Whether `_lastUpdated` may be tried.
    pub last_updated: bool,
    /// How the plan wants its types searched for.
    pub search: &'a SearchRules,
    /// Types named in the configuration, `*` for all that are declared; empty: all that payersync
    /// knows.
    pub configured_types: &'a [String],
    /// Types whose refusal is a failure.
    pub required: &'a RequiredTypes,
    /// Types named on the command line; empty: all configured.
    pub asked_types: &'a [String],
    /// What the plan declares; `None` where it declares nothing usable.
    pub capability: Option<&'a Capability>,
    /// Scopes granted.
    pub scope: Option<&'a str>,
    /// Scopes that the configuration requests.
    pub requested_scope: Option<&'a str>,
    /// Types that were walked and have live resources.
    pub held: &'a [HeldType],
    /// When the member consented last (RFC 3339).
    pub consented_at: Option<&'a str>,
    /// Unfinished walks.
    pub cursors: &'a [Cursor],
    /// What is known of the types.
    pub states: &'a [TypeState],
    /// Begin every walk anew, over the whole type.
    pub full: bool,
    /// How long a type may go without a full walk, which alone finds deletions.
    pub full_walk_every: Duration,
    /// How far an incremental walk reaches back behind the watermark.
    pub overlap: Duration,
    /// The present instant.
    pub now: DateTime<Utc>,
}

impl PlanInput<'_> {
    /// The FHIR base of a type.
    pub(crate) fn base_of(&self, name: &str) -> &Url {
        self.type_bases.get(name).unwrap_or(self.base)
    }
}

/// One type's part of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is walked.
    Walk(Box<WalkOrder>),
    /// It is not; the ledger says why.
    Skip {
        /// FHIR resource type.
        resource_type: String,
        /// How the ledger puts it.
        finish: WalkFinish,
    },
}

impl Step {
    /// FHIR resource type.
    pub fn resource_type(&self) -> &str {
        match self {
            Step::Walk(order) => &order.resource_type,
            Step::Skip { resource_type, .. } => resource_type,
        }
    }

    /// The type and why the consent keeps it, or a part of it, from us; `None` where it does not.
    pub(super) fn into_gap(self) -> Option<(String, WalkFinish)> {
        let (resource_type, finish) = match self {
            Step::Walk(order) if order.extent.is_uncovered => return None,
            Step::Walk(order) => (order.resource_type, *order.extent.gap?),
            Step::Skip { resource_type, finish } => (resource_type, finish),
        };
        let is_ours = matches!(finish.reason, Some(Reason::NotGranted | Reason::NotRequested));
        is_ours.then_some((resource_type, finish))
    }

    /// Whether it only says again that a type is not asked for: a night on which nothing changed
    /// writes nothing.
    pub(crate) fn is_left_again(&self, left: &[String]) -> bool {
        matches!(self, Step::Skip { resource_type, finish }
            if finish.state == WalkState::Skipped
                && finish.reason == Some(Reason::NotAsked)
                && left.contains(resource_type))
    }
}

/// A walk to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkOrder {
    /// FHIR resource type.
    pub resource_type: String,
    /// Whether a refusal is a failure (every plan serves it) or just a difference.
    pub required: bool,
    /// Whether the plan has listed the whole type before: then a refusal is no habit of its.
    pub listed_before: bool,
    /// Whether nothing of earlier runs is taken over.
    pub anew: bool,
    /// Where it begins.
    pub from: WalkFrom,
    /// The first page of the whole type or window, for a walk that must begin anew.
    pub start: Url,
    /// The part of the type that is walked; `None`: all of it.
    pub window: Option<WalkWindow>,
    /// Searches that together are the type; empty: `start` is all of it.
    pub parts: Vec<Part>,
    /// Whether the server declares `_lastUpdated` for the type and was never seen to ignore it.
    pub can_ask_for_changes: bool,
    /// The first page of the search that names the patient, for where the bare one is refused and
    /// nobody has said which one the plan wants.
    pub by_patient: Option<Url>,
    /// What a complete walk's entry in the ledger mentions.
    pub note: Option<String>,
    /// A walk over what changed, made first: beside a full walk that takes several runs.
    pub beside: Option<Box<WalkFrom>>,
    /// What earlier walks have shown of the server's totals.
    pub totals: Totals,
    /// How much of the type the walk can see.
    pub extent: Extent,
    /// Which base, search and consent it is made with.
    pub proved_for: String,
}

impl WalkOrder {
    /// The queries by which it is searched, with `{patient}` for the patient; none: bare.
    pub fn queries(&self) -> Vec<String> {
        if !self.parts.is_empty() {
            return self.parts.iter().map(|part| part.query.clone()).collect();
        }
        let pairs: Vec<String> = self
            .start
            .query_pairs()
            .filter(|(name, _)| name != "_count")
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if pairs.is_empty() { Vec::new() } else { vec![pairs.join("&")] }
    }

    /// Whether a cursor's walk is made with the same base, search and consent.
    pub(crate) fn is_of(&self, cursor: &Cursor) -> bool {
        cursor.proved_for.as_ref() == Some(&self.proved_for)
    }

    /// The order with the patient named in its searches; `None` where one must be and is not known.
    pub(crate) fn for_patient(&self, patient: Option<&str>) -> Option<WalkOrder> {
        let named = |url: &Url| match (needs_patient(url), patient) {
            (false, _) => Some(url.clone()),
            (true, patient) => patient.map(|patient| for_patient(url, patient)),
        };
        let from = |from: &WalkFrom| {
            Some(match from {
                WalkFrom::Since(increment) => {
                    WalkFrom::Since(Increment { url: named(&increment.url)?, ..increment.clone() })
                }
                from => from.clone(),
            })
        };
        let part =
            |part: &Part| Some(Part { query: part.query.clone(), start: named(&part.start)? });
        Some(WalkOrder {
            start: named(&self.start)?,
            from: from(&self.from)?,
            beside: match &self.beside {
                Some(beside) => Some(Box::new(from(beside)?)),
                None => None,
            },
            parts: self.parts.iter().map(part).collect::<Option<_>>()?,
            by_patient: self.by_patient.as_ref().and_then(named),
            ..self.clone()
        })
    }
}

/// Where a walk begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WalkFrom {
    /// At the first page of the whole type.
    Start,
    /// At the first page of what changed.
    Since(Increment),
    /// At the page after the last one stored.
    Cursor(Box<Cursor>, Url),
}

/// What an incremental walk asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Increment {
    /// Everything that changed at or after this instant.
    pub since: DateTime<Utc>,
    /// The first page.
    pub url: Url,
    /// Whether the server has yet to show that it honours `_lastUpdated`.
    pub probe: bool,
}

/// Decides for every type, in the order in which they are asked for; then come those that are not.
pub fn plan(input: &PlanInput<'_>) -> Vec<Step> {
    let wanted = wanted_types(input);
    let unasked = unasked_types(input, &wanted);
    let unasked =
        unasked.into_iter().map(|(resource_type, finish)| Step::Skip { resource_type, finish });
    wanted.iter().map(|name| step(input, name)).chain(unasked).collect()
}

fn step(input: &PlanInput<'_>, name: &str) -> Step {
    let extent = match choose(input, name) {
        Choice::Ask(extent) => extent,
        Choice::Leave(finish) => return Step::Skip { resource_type: name.to_owned(), finish },
    };
    let required = input.required.contains(name);
    let state = input.states.iter().find(|state| state.resource_type == name);
    let is_held = input.held.iter().any(|held| held.resource_type == name && held.is_listed);
    let listed_before = is_held || state.is_some_and(|state| state.last_full_at.is_some());
    let proved_for = proved_for(input, name);
    // What was proved for another base, search or consent proves nothing of this one.
    let proved = state.filter(|state| state.proved_for.as_ref() == Some(&proved_for));
    let last_full = proved.and_then(|state| state.last_full_at.as_deref());
    let cursor = |kind: WalkKind| {
        let mine = |cursor: &&Cursor| {
            cursor.resource_type == name
                && cursor.kind == kind
                && cursor.proved_for.as_ref() == Some(&proved_for)
        };
        let cursor = input.cursors.iter().find(mine).filter(|_| !input.full)?;
        usable(cursor, input.base_of(name))
    };
    let rule = input.search.of(name);
    if rule == Some(&SearchRule::Read) {
        let detail = "the configuration says that it is not listed; it is read by reference".into();
        let finish = WalkFinish::not_walked(WalkState::NotServed, Reason::NotListed, detail);
        return Step::Skip { resource_type: name.to_owned(), finish };
    }
    let Searches { start, parts, by_patient, note } = searches(input, name, rule, state);
    let changes = || {
        let fresh = || increment(input, proved?, &start).map(WalkFrom::Since);
        cursor(WalkKind::Incremental).or_else(fresh)
    };
    // What changed is not held up by a full walk that takes several runs.
    let (from, beside) = match cursor(WalkKind::Full) {
        Some(full) => (full, changes().map(Box::new)),
        // That nothing changed would not tell whether the consent still lets anything through.
        _ if !parts.is_empty() => (WalkFrom::Start, None),
        // A search for changes never reports deletions.
        None if extent.is_uncovered || is_past(input, last_full) => (WalkFrom::Start, None),
        None => (changes().unwrap_or(WalkFrom::Start), None),
    };
    let resource_type = name.to_owned();
    Step::Walk(Box::new(WalkOrder {
        resource_type,
        required,
        listed_before,
        anew: input.full,
        from,
        start,
        window: None,
        parts,
        can_ask_for_changes: can_ask_for_changes(input, name, state),
        by_patient,
        note,
        beside,
        totals: state.map_or(Totals::Unknown, |state| state.totals),
        extent,
        proved_for,
    }))
}

/// How a type is asked for.
struct Searches {
    start: Url,
    parts: Vec<Part>,
    by_patient: Option<Url>,
    note: Option<String>,
}

/// By the plan's rule; else without the patient, until the plan has refused that once.
fn searches(
    input: &PlanInput<'_>,
    name: &str,
    rule: Option<&SearchRule>,
    state: Option<&TypeState>,
) -> Searches {
    let bare = type_search(input.base_of(name), name, input.page_size);
    let by_patient = patient_parameter(name).map(|it| SearchQuery::by_patient(it).on(&bare));
    let settled = |start| Searches { start, parts: Vec::new(), by_patient: None, note: None };
    match (rule, by_patient) {
        (Some(SearchRule::Queries(queries)), _) => match queries.as_slice() {
            [query] => settled(query.on(&bare)),
            queries => {
                let part = |query: &SearchQuery| Part {
                    query: query.as_str().to_owned(),
                    start: query.on(&bare),
                };
                Searches { parts: queries.iter().map(part).collect(), ..settled(bare.clone()) }
            }
        },
        (None, Some(by_patient)) if state.is_some_and(|state| state.by_patient) => {
            let note = "searched by patient, since the plan refuses a search without one";
            Searches { note: Some(note.to_owned()), ..settled(by_patient) }
        }
        (None, by_patient) => Searches { by_patient, ..settled(bare) },
        (Some(SearchRule::Bare | SearchRule::Read), _) => settled(bare),
    }
}

/// What changed since the watermark, where that is known to be all that is needed.
///
/// Not where the server does not declare or was seen to ignore `_lastUpdated`, where resources come
/// without a date, where a reject is open or an older version than the stored one came (what mends it
/// need not be new), or where the whole type fits one page anyway.
fn increment(input: &PlanInput<'_>, state: &TypeState, start: &Url) -> Option<Increment> {
    let can_ask = can_ask_for_changes(input, &state.resource_type, Some(state));
    if input.full || !can_ask || !state.all_dated {
        return None;
    }
    if state.has_open_rejects || state.has_outdated || state.resources <= u64::from(input.page_size)
    {
        return None;
    }
    let since = instant(state.watermark.as_deref()?)? - input.overlap;
    // Shown once and not since the last full walk is shown again: servers change.
    let is_stale = state.probed_at < state.last_full_at;
    let is_misdated = lies_ahead(state.probed_at.as_deref().and_then(instant), input.now);
    let probe = state.last_updated != LastUpdated::Honoured || is_stale || is_misdated;
    Some(Increment { since, url: changed_since(start, since), probe })
}

/// Whether the server declares `_lastUpdated` for a type, was never seen to ignore it and has not
/// refused it lately.
fn can_ask_for_changes(input: &PlanInput<'_>, name: &str, state: Option<&TypeState>) -> bool {
    let is_declared = input.capability.is_some_and(|it| it.declares_last_updated(name));
    let is_ignored = state.is_some_and(|state| match state.last_updated {
        LastUpdated::Ignored => true,
        LastUpdated::Refused => !is_past(input, state.probed_at.as_deref()),
        LastUpdated::Honoured | LastUpdated::Unknown => false,
    });
    input.last_updated && is_declared && !is_ignored
}

/// Whether an instant is as long ago as full walks may be apart, or cannot be right.
fn is_past(input: &PlanInput<'_>, at: Option<&str>) -> bool {
    let Some(at) = at.and_then(instant) else { return true };
    let every = chrono::Duration::from_std(input.full_walk_every).unwrap_or(chrono::Duration::MAX);
    input.now.signed_duration_since(at) >= every || lies_ahead(Some(at), input.now)
}

/// Whether an instant of the ledger seems to lie in the future: a clock that was wrong dated it.
pub(crate) fn lies_ahead(instant: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    instant.is_some_and(|at| at.signed_duration_since(now) > chrono::Duration::days(1))
}

/// A cursor of another origin belongs to another configuration of the plan.
fn usable(cursor: &Cursor, base: &Url) -> Option<WalkFrom> {
    let url = Url::parse(&cursor.next_url).ok()?;
    let same = Origin::of(&url).ok()? == Origin::of(base).ok()?;
    same.then(|| WalkFrom::Cursor(Box::new(cursor.clone()), url))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
