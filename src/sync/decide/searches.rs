//! The searches of a type: the one that a run begins with, and those to try if the plan refuses it.
//!
//! There are few ways to search: with or without the patient, and with or without `_count`. If the
//! configuration wants `$everything` and the plan does not declare it, the ordinary search is a way, too.
//! If the consent covers a part of the type, the search for that part is a way, too. The fingerprint of the
//! last full walk tells which way has worked before. Whether the patient must be named is stored by itself.

use super::{
    attempt::{Attempt, NO_ROUTE, WANTS_PATIENT, WANTS_PATIENT_OR_ROUTE},
    granted::granted_searches,
    input::PlanInput,
    part::Part,
    proved_for::fingerprint,
};
use crate::{
    fhir::{SearchQuery, SearchRule, other_patient_parameter, patient_parameter, type_search},
    warehouse::TypeState,
};
use url::Url;

/// Says in a fingerprint that a search has no `_count`, though one is configured.
const NO_COUNT: &str = "without _count";
/// Statuses that can mean that a type, or an operation, is not served at all. Cigna always answers 500.
const NOT_SERVED: &[u16] = &[400, 403, 404, 405, 422, 500, 501];

/// The ways to search a type, in the order in which they are tried; at least one.
///
/// `is_known` says whether a walk with this fingerprint is complete or under way.
pub(super) fn searches(
    input: &PlanInput<'_>,
    name: &str,
    rule: Option<&SearchRule>,
    state: Option<&TypeState>,
    is_known: &dyn Fn(&str) -> bool,
) -> Vec<Attempt> {
    let bare = type_search(input.base_of(name), name, input.page_size);
    let is_by_patient = state.is_some_and(|state| state.by_patient);
    let wants_everything = matches!(rule, Some(SearchRule::Queries(queries))
        if queries.iter().any(SearchQuery::is_everything));
    // If the plan declares a search of the type, that search is another way. Patient has no other way: its
    // search would leave out all types that come along in $everything.
    let is_undeclared = name != "Patient"
        && input
            .capability
            .is_some_and(|capability| !capability.has_everything() && capability.searches(name));
    if !(wants_everything && is_undeclared) {
        let usual = usual(input, name, rule, &bare, is_by_patient, is_known);
        let granted = granted_searches(input, name, rule, &usual);
        let mut granted = ways(input, name, granted, is_known);
        // A search that found nothing yet is not remembered: the usual one may bring the first resource.
        let is_held = input.held.iter().any(|it| it.resource_type == name && it.is_listed);
        if is_held && granted.iter().any(|it| is_known(&it.proved_for)) {
            // If the one that has worked finds nothing, the others find nothing either.
            granted.iter_mut().for_each(|it| it.after_nothing = false);
            return granted;
        }
        let mut searches = ways(input, name, usual, is_known);
        searches.append(&mut granted);
        return searches;
    }
    let ordinary = usual(input, name, None, &bare, is_by_patient, is_known).into_iter().map(|it| {
        it.noting(
            "searched for in the ordinary way, since the plan's CapabilityStatement does not declare \
             $everything",
        )
    });
    let everything =
        usual(input, name, rule, &bare, is_by_patient, is_known).into_iter().map(|it| {
            it.noting(
            "fetched by the Patient's $everything: the plan refuses to search the type, and its \
            CapabilityStatement does not declare $everything",
        )
        });
    let ordinary = ways(input, name, ordinary.collect(), is_known);
    let everything = ways(input, name, everything.collect(), is_known);
    let has_brought = everything.iter().any(|it| is_known(&it.proved_for));
    let (mut first, mut second) =
        if has_brought { (everything, ordinary) } else { (ordinary, everything) };
    if let Some(other) = second.first_mut() {
        other.after = NOT_SERVED;
    }
    first.append(&mut second);
    first
}

/// The searches with `_count`, then the same searches without it; only those without it if they have worked
/// before.
fn ways(
    input: &PlanInput<'_>,
    name: &str,
    counted: Vec<Attempt>,
    is_known: &dyn Fn(&str) -> bool,
) -> Vec<Attempt> {
    let without = |attempt: &Attempt| {
        attempt.without_count(&without_count_proof(input, name, &attempt.proved_for))
    };
    let mut without: Vec<Attempt> = counted.iter().filter_map(without).collect();
    if without.iter().any(|attempt| is_known(&attempt.proved_for)) {
        for (attempt, counted) in without.iter_mut().zip(&counted) {
            attempt.after = counted.after;
            attempt.after_untold = counted.after_untold;
            attempt.after_nothing = counted.after_nothing;
        }
        return without;
    }
    counted.into_iter().chain(without).collect()
}

/// The fingerprint of a search without `_count`.
fn without_count_proof(input: &PlanInput<'_>, name: &str, counted: &str) -> String {
    fingerprint(input, name, &[counted, NO_COUNT])
}

/// The searches that a rule demands. Without a rule: the search of the bare type, then the search by patient.
///
/// If the plan does not know the usual parameter of the patient, another one follows; and that one alone
/// comes first if it has worked before.
fn usual(
    input: &PlanInput<'_>,
    name: &str,
    rule: Option<&SearchRule>,
    bare: &Url,
    is_by_patient: bool,
    is_known: &dyn Fn(&str) -> bool,
) -> Vec<Attempt> {
    let queries: Vec<&str> = match rule {
        Some(SearchRule::Queries(queries)) => queries.iter().map(|query| query.as_str()).collect(),
        Some(SearchRule::Bare | SearchRule::Read) | None => Vec::new(),
    };
    let proved_for = fingerprint(input, name, &queries);
    let choices = rule.map(SearchRule::choices).unwrap_or_default();
    // Known beforehand: where the choices do not cover the type, the rest of it never comes.
    let note = (!choices.is_empty()).then(|| {
        format!(
            "searched for by {} alone: resources that no query of its rule selects are not asked \
            for",
            choices.join(" and ")
        )
    });
    let on = |start: Url| Attempt {
        start,
        parts: Vec::new(),
        proved_for: proved_for.clone(),
        note: note.clone(),
        names_patient: false,
        after_nothing: false,
        after: &[],
        after_untold: &[],
    };
    let is_declared = input.capability.is_some_and(|it| it.searches(name));
    let after = match is_declared || input.required.contains(name) {
        true => WANTS_PATIENT_OR_ROUTE,
        false => WANTS_PATIENT,
    };
    let is_other_alone = input.capability.is_some_and(|it| it.searches_by_other_alone(name));
    // Both parameters bring the same, but a plan that knows one of them may not know the other.
    let by_other = other_patient_parameter(name).map(|parameter| {
        let query = SearchQuery::by_patient(parameter);
        let proved_for = fingerprint(input, name, &[query.as_str()]);
        let why = match is_other_alone {
            true => {
                format!("searched by {parameter}, since the plan declares no search by patient")
            }
            false => format!("searched by {parameter}, since the plan refuses a search by patient"),
        };
        Attempt { proved_for, ..on(query.on(bare)) }.noting(&why)
    });
    let has_worked = |other: &Attempt| {
        let without = without_count_proof(input, name, &other.proved_for);
        is_known(&other.proved_for) || is_known(&without)
    };
    // Either of the two is tried after the other. The search that has brought something comes first, or else
    // the one that the plan declares: a parameter that a plan does not know may find nothing.
    let is_held = input.held.iter().any(|it| it.resource_type == name && it.is_listed);
    let with_other = |usual: Attempt| {
        let Some(other) = by_other.clone() else { return vec![usual] };
        let has_brought = is_held && has_worked(&usual);
        let is_first = has_worked(&other) || is_other_alone && !has_brought;
        let mut both = if is_first { [other, usual] } else { [usual, other] };
        (both[1].after, both[1].after_untold) = (after, NO_ROUTE);
        both.to_vec()
    };
    match rule {
        Some(SearchRule::Queries(queries)) => match queries.as_slice() {
            [query] if *query == SearchQuery::by_patient("patient") => {
                with_other(on(query.on(bare)))
            }
            [query] => vec![on(query.on(bare))],
            queries => {
                let part = |query: &SearchQuery| Part {
                    query: query.as_str().to_owned(),
                    start: query.on(bare),
                    alone: fingerprint(input, name, &[query.as_str()]),
                    is_granted: false,
                };
                let parts = queries.iter().map(part).collect();
                vec![Attempt { parts, ..on(bare.clone()) }]
            }
        },
        Some(SearchRule::Bare | SearchRule::Read) => vec![on(bare.clone())],
        // The fingerprint does not tell whether the patient is named: both searches should bring the same.
        None => {
            let Some(parameter) = patient_parameter(name) else { return vec![on(bare.clone())] };
            let by_patient = on(SearchQuery::by_patient(parameter).on(bare))
                .noting("searched by patient, since the plan refuses a search without one");
            let mut by_patient = with_other(by_patient);
            for attempt in &mut by_patient {
                attempt.names_patient = true;
                (attempt.after, attempt.after_untold) = (after, NO_ROUTE);
            }
            match is_by_patient {
                true => by_patient,
                false => [on(bare.clone())].into_iter().chain(by_patient).collect(),
            }
        }
    }
}
