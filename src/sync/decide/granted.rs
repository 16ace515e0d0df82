//! The searches for the part of a type that a consent covers.
//!
//! A granular scope of SMART version 2, such as `patient/Condition.rs?category=problem-list-item`, grants
//! what this search finds. Some servers let a search for the whole type through and leave out what is not
//! granted. Others refuse it, or answer it with nothing: there, only the search that the scope names brings
//! the part.

use super::{
    attempt::{Attempt, WANTS_PATIENT},
    input::PlanInput,
    part::{Part, query_of},
    proved_for::fingerprint,
};
use crate::fhir::{Granted, SearchQuery, SearchRule, granted, is_everything, patient_parameter};

/// Says in a fingerprint that the search is limited to what the consent names.
const GRANTED: &str = "what the consent names";

/// The usual searches of a type, each limited to what the consent names.
///
/// Empty if the consent covers the whole type, or nothing of it; if a rule chooses among the resources
/// itself; and if the scope names a person, since nobody may be named in the ledger.
pub(super) fn granted_searches(
    input: &PlanInput<'_>,
    name: &str,
    rule: Option<&SearchRule>,
    usual: &[Attempt],
) -> Vec<Attempt> {
    let Granted::Part(constraints) = granted(input.scope, name) else { return Vec::new() };
    let chooses = rule.is_some_and(|rule| !rule.choices().is_empty());
    if chooses || patient_parameter(name) != Some("patient") {
        return Vec::new();
    }
    let Ok(SearchRule::Queries(queries)) = SearchRule::parse(&distinct(constraints)) else {
        return Vec::new();
    };
    let is_limited =
        |attempt: &&Attempt| attempt.parts.is_empty() && !is_everything(&attempt.start);
    usual.iter().filter(is_limited).map(|attempt| limited(input, name, attempt, &queries)).collect()
}

fn distinct(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// A search of the whole type, limited to what each of these queries finds.
fn limited(input: &PlanInput<'_>, name: &str, whole: &Attempt, queries: &[SearchQuery]) -> Attempt {
    let texts = queries.iter().map(SearchQuery::as_str);
    let proof: Vec<&str> = [whole.proved_for.as_str(), GRANTED].into_iter().chain(texts).collect();
    let same = Attempt {
        proved_for: fingerprint(input, name, &proof),
        after_nothing: true,
        after: WANTS_PATIENT,
        ..whole.clone()
    };
    let same = same.noting(
        "searched by what the member's consent names, since a search for the whole type brought nothing",
    );
    let part = |query: &SearchQuery| {
        let start = query.on(&whole.start);
        let query = query_of(&start);
        let alone = fingerprint(input, name, &[query.as_str()]);
        Part { query, start, alone, is_granted: true }
    };
    match queries {
        [query] => Attempt { start: query.on(&whole.start), ..same },
        queries => Attempt { parts: queries.iter().map(part).collect(), ..same },
    }
}
