//! Decides which walks a run makes for one connection, and why each other type is left out. Pure.

use super::{
    asked::{Choice, choose, unasked_types, wanted_types},
    attempt::Attempt,
    input::PlanInput,
    order::{Increment, Step, WalkFrom, WalkOrder},
    searches::searches,
};
use crate::{
    fhir::{SearchRule, changed_since, instant, is_everything},
    outcome::{Reason, WalkKind, WalkState},
    warehouse::{Cursor, LastUpdated, Totals, TypeState, WalkFinish},
};
use chrono::{DateTime, Datelike, Utc};
use url::Url;

/// Decides for every type: first the types that are asked for, in their order, then the rest.
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
    let rule = input.search.of(name);
    if rule == Some(&SearchRule::Read) {
        let detail = "the configuration says that it is not listed; it is read by reference".into();
        let finish = WalkFinish::not_walked(WalkState::NotServed, Reason::NotListed, detail);
        return Step::Skip { resource_type: name.to_owned(), finish };
    }
    let is_known = |proved_for: &str| {
        let cursors = input.cursors.iter().filter(|cursor| cursor.resource_type == name);
        let under_way = cursors.map(|cursor| &cursor.proved_for);
        state
            .map(|state| &state.proved_for)
            .into_iter()
            .chain(under_way)
            .any(|known| known.as_deref() == Some(proved_for))
    };
    let mut otherwise = searches(input, name, rule, state, &is_known);
    let Attempt { start, parts, proved_for, note, .. } = otherwise.remove(0);
    // A proof for another base, search or consent proves nothing for this one.
    let proved = state.filter(|state| state.proved_for.as_ref() == Some(&proved_for));
    let last_full = proved.and_then(|state| state.last_full_at.as_deref());
    let cursor = |kind: WalkKind| {
        let mine = |cursor: &&Cursor| {
            cursor.resource_type == name
                && cursor.kind == kind
                && cursor.proved_for.as_ref() == Some(&proved_for)
        };
        let cursor = input.cursors.iter().find(mine).filter(|_| !input.full)?;
        WalkFrom::cursor(cursor.clone(), input.base_of(name))
    };
    let changes = || {
        // What spoke for an unfinished walk over changes when it began may no longer hold.
        let fresh = increment(input, proved?, &start)?;
        Some(cursor(WalkKind::Incremental).unwrap_or(WalkFrom::Since(fresh)))
    };
    let is_due = is_past(input, last_full) || proved.is_some_and(|state| state.is_short);
    // A full walk that takes several runs must not hold up the changes.
    let (from, beside) = match cursor(WalkKind::Full) {
        Some(full) => (full, changes().map(Box::new)),
        // A type that is searched in parts is not asked for changes; each part resumes by itself.
        _ if !parts.is_empty() => (WalkFrom::Start, None),
        // A search for changes never reports deletions. And if the consent does not cover the type, an empty
        // answer to such a search would not tell whether the plan still lets anything through.
        None if extent.is_uncovered || is_due => (WalkFrom::Start, None),
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
        otherwise,
        note,
        beside,
        totals: state.map_or(Totals::Unknown, |state| state.totals),
        extent,
        proved_for,
    }))
}

/// The search for what changed since the watermark, if that is surely enough.
///
/// It is not enough if the server does not declare `_lastUpdated` or was seen to ignore it, or if resources
/// come without a date. If a reject is open, or a version older than the stored one came, the right copy of
/// the resource may be older than the watermark. If the whole type fits on one page, the search saves
/// nothing.
fn increment(input: &PlanInput<'_>, state: &TypeState, start: &Url) -> Option<Increment> {
    let can_ask = can_ask_for_changes(input, &state.resource_type, Some(state));
    // `$everything` knows no `_lastUpdated`.
    if input.full || !can_ask || !state.all_dated || is_everything(start) {
        return None;
    }
    if state.has_open_rejects || state.has_outdated || state.resources <= u64::from(input.page_size)
    {
        return None;
    }
    let overlap = chrono::Duration::from_std(input.overlap).ok()?;
    // An overlap that reaches back before all dates asks for the whole type.
    let since = instant(state.watermark.as_deref()?)?.checked_sub_signed(overlap)?;
    if since.year() < 1 {
        return None;
    }
    // Servers change: each has to show after every full walk that it still honours `_lastUpdated`.
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

/// Whether an instant is missing, cannot be right, or is at least as long ago as the longest time between two
/// full walks.
fn is_past(input: &PlanInput<'_>, at: Option<&str>) -> bool {
    let Some(at) = at.and_then(instant) else { return true };
    let every = chrono::Duration::from_std(input.full_walk_every).unwrap_or(chrono::Duration::MAX);
    input.now.signed_duration_since(at) >= every || lies_ahead(Some(at), input.now)
}

/// Whether an instant of the ledger seems to lie in the future: a clock that was wrong dated it.
pub(crate) fn lies_ahead(instant: Option<DateTime<Utc>>, now: DateTime<Utc>) -> bool {
    instant.is_some_and(|at| at.signed_duration_since(now) > chrono::Duration::days(1))
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod changes_tests;
#[cfg(test)]
#[path = "searches_tests.rs"]
mod searches_tests;
#[cfg(test)]
#[path = "tests.rs"]
mod tests;
#[cfg(test)]
#[path = "waiting_tests.rs"]
mod waiting_tests;
