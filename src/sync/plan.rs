//! What a run will ask of one connection, and why not the rest. Pure.

use crate::{
    fhir::{
        Capability, RESOURCE_TYPES, changed_since, grants_read, instant, is_read_by_reference,
        resource_type, type_search,
    },
    http::Origin,
    outcome::{Reason, WalkState},
    warehouse::{Cursor, LastUpdated, TypeState, WalkFinish, WalkWindow},
};
use chrono::{DateTime, Utc};
use std::time::Duration;
use url::Url;

/// What is known before the first page is asked for.
#[derive(Debug, Clone)]
pub struct PlanInput<'a> {
    /// The plan's FHIR base.
    pub base: &'a Url,
    /// `_count` of every search.
    pub page_size: u32,
    /// Types named in the configuration; empty: all that payersync knows.
    pub configured_types: &'a [String],
    /// Types named on the command line; empty: all configured.
    pub asked_types: &'a [String],
    /// What the plan declares; `None` where it declares nothing usable.
    pub capability: Option<&'a Capability>,
    /// Scopes granted.
    pub scope: Option<&'a str>,
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

/// One type's part of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It is walked.
    Walk(WalkOrder),
    /// It is not; the ledger says why.
    Skip {
        /// FHIR resource type.
        resource_type: String,
        /// How the ledger puts it.
        finish: WalkFinish,
    },
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
    /// What a complete walk's entry in the ledger mentions.
    pub note: Option<String>,
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

/// Decides for every type, in the order in which they are asked for.
pub fn plan(input: &PlanInput<'_>) -> Vec<Step> {
    let names: Vec<&str> = match (input.asked_types, input.configured_types) {
        ([], []) => RESOURCE_TYPES.iter().map(|known| known.name).collect(),
        ([], configured) => configured.iter().map(String::as_str).collect(),
        (asked, _) => asked.iter().map(String::as_str).collect(),
    };
    names.into_iter().map(|name| step(input, name)).collect()
}

fn step(input: &PlanInput<'_>, name: &str) -> Step {
    let required = resource_type(name).is_some_and(|known| known.required);
    let state = input.states.iter().find(|state| state.resource_type == name);
    let listed_before = state.is_some_and(|state| state.last_full_at.is_some());
    // Statements are often incomplete: somebody's word, or experience, counts for more.
    let is_named = !(input.asked_types.is_empty() && input.configured_types.is_empty());
    let is_known = required || listed_before || is_named;
    let skip = |state, reason, detail: String| Step::Skip {
        resource_type: name.to_owned(),
        finish: WalkFinish::not_walked(state, reason, detail),
    };
    let only_read = input.capability.is_some_and(|capability| capability.only_reads(name));
    if !required && only_read && is_read_by_reference(name) && grants_read(input.scope, name) {
        let detail = "the plan does not offer to list it; it is read by reference";
        return skip(WalkState::NotServed, Reason::NotListed, detail.to_owned());
    }
    if !is_known && input.capability.is_some_and(|capability| !capability.searches(name)) {
        let detail = "the plan's CapabilityStatement does not offer to search it";
        return skip(WalkState::NotServed, Reason::NotDeclared, detail.to_owned());
    }
    if !required && !grants_read(input.scope, name) {
        let detail = "the member's consent does not cover it";
        return skip(WalkState::Skipped, Reason::NotGranted, detail.to_owned());
    }
    let cursor = input
        .cursors
        .iter()
        .find(|cursor| cursor.resource_type == name && !input.full)
        .and_then(|cursor| usable(cursor, input.base));
    let start = type_search(input.base, name, input.page_size);
    let from = cursor
        .or_else(|| increment(input, state?, &start).map(WalkFrom::Since))
        .unwrap_or(WalkFrom::Start);
    let resource_type = name.to_owned();
    Step::Walk(WalkOrder {
        resource_type,
        required,
        listed_before,
        anew: input.full,
        from,
        start,
        window: None,
        note: None,
    })
}

/// What changed since the watermark, where that is known to be all that is needed.
///
/// Not where the server does not declare or was seen to ignore `_lastUpdated`, where resources
/// come without a date, where a full walk is due (a search never reports deletions), where a reject
/// is open (what mends it need not be new), or where the whole type fits one page anyway.
fn increment(input: &PlanInput<'_>, state: &TypeState, start: &Url) -> Option<Increment> {
    let declared = input.capability?.declares_last_updated(&state.resource_type);
    if input.full || !declared || !state.all_dated || state.last_updated == LastUpdated::Ignored {
        return None;
    }
    if state.has_open_rejects || state.resources <= u64::from(input.page_size) {
        return None;
    }
    let last_full = instant(state.last_full_at.as_deref()?)?;
    if input.now - last_full >= chrono::Duration::from_std(input.full_walk_every).ok()? {
        return None;
    }
    let since = instant(state.watermark.as_deref()?)? - input.overlap;
    let probe = state.last_updated == LastUpdated::Unknown;
    Some(Increment { since, url: changed_since(start, since), probe })
}

/// A cursor of another origin belongs to another configuration of the plan.
fn usable(cursor: &Cursor, base: &Url) -> Option<WalkFrom> {
    let url = Url::parse(&cursor.next_url).ok()?;
    let same = Origin::of(&url).ok()? == Origin::of(base).ok()?;
    same.then(|| WalkFrom::Cursor(Box::new(cursor.clone()), url))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capability(types: &[&str]) -> Capability {
        let resources: Vec<_> =
            types.iter().map(|name| serde_json::json!({ "type": name })).collect();
        let statement = serde_json::json!({
            "resourceType": "CapabilityStatement", "rest": [{ "resource": resources }]
        });
        Capability::parse(statement.to_string().as_bytes()).unwrap()
    }

    fn cursor(url: &str) -> Cursor {
        Cursor {
            resource_type: "Coverage".into(),
            walk_id: 1,
            next_url: url.into(),
            pages: 3,
            resources_seen: 30,
            walk_started_at: "2026-01-01T00:00:00.000Z".into(),
            since: None,
        }
    }

    const BASE: &str = "https://api.x.test/r4";

    fn input(base: &Url) -> PlanInput<'_> {
        PlanInput {
            base,
            page_size: 100,
            configured_types: &[],
            asked_types: &[],
            capability: None,
            scope: None,
            cursors: &[],
            states: &[],
            full: false,
            full_walk_every: Duration::from_secs(7 * 24 * 3600),
            overlap: Duration::from_secs(3600),
            now: instant("2026-01-08T00:00:00Z").unwrap(),
        }
    }

    /// Each type with where it begins, or why it does not.
    fn steps(input: &PlanInput<'_>) -> Vec<(String, String)> {
        plan(input)
            .into_iter()
            .map(|step| match step {
                Step::Walk(WalkOrder { resource_type, from: WalkFrom::Start, .. }) => {
                    (resource_type, "start".to_owned())
                }
                Step::Walk(WalkOrder { resource_type, from: WalkFrom::Cursor(_, url), .. }) => {
                    (resource_type, url.to_string())
                }
                Step::Walk(WalkOrder { resource_type, from: WalkFrom::Since(what), .. }) => {
                    (resource_type, format!("since {}", what.since.to_rfc3339()))
                }
                Step::Skip { resource_type, finish } => {
                    (resource_type, finish.reason.unwrap().to_string())
                }
            })
            .collect()
    }

    #[test]
    fn a_plan_that_declares_nothing_is_asked_for_everything() {
        let base = Url::parse(BASE).unwrap();
        let steps = steps(&input(&base));
        assert_eq!(steps.len(), RESOURCE_TYPES.len());
        assert!(steps.iter().all(|(_, what)| what == "start"));
    }

    #[test]
    fn required_types_are_asked_for_whatever_is_declared_and_the_rest_as_declared() {
        let base = Url::parse(BASE).unwrap();
        let declared = capability(&["Condition"]);
        let steps = steps(&PlanInput { capability: Some(&declared), ..input(&base) });
        let walked: Vec<&str> = steps
            .iter()
            .filter(|(_, what)| what == "start")
            .map(|(name, _)| name.as_str())
            .collect();
        let required = [
            "Patient",
            "Coverage",
            "ExplanationOfBenefit",
            "Organization",
            "Practitioner",
            "Location",
        ];
        assert_eq!(walked, [&required[..], &["Condition"]].concat());
    }

    #[test]
    fn a_type_that_is_named_or_was_listed_before_is_asked_for_though_nobody_declares_it() {
        let base = Url::parse(BASE).unwrap();
        let declared = capability(&["Condition"]);
        let goal = ["Goal".to_owned()];
        let undeclared = PlanInput { capability: Some(&declared), ..input(&base) };
        let begun = [("Goal".to_owned(), "start".to_owned())];
        assert_eq!(steps(&PlanInput { asked_types: &goal, ..undeclared.clone() }), begun);
        assert_eq!(steps(&PlanInput { configured_types: &goal, ..undeclared.clone() }), begun);
        let listed = [TypeState {
            resource_type: "Goal".into(),
            watermark: None,
            last_full_at: Some("2026-01-05T00:00:00.000Z".into()),
            last_updated: LastUpdated::Unknown,
            all_dated: true,
            resources: 1,
            has_open_rejects: false,
        }];
        assert!(steps(&PlanInput { states: &listed, ..undeclared.clone() }).contains(&begun[0]));
        assert!(!steps(&undeclared).contains(&begun[0]));
    }

    #[test]
    fn a_type_outside_the_consent_is_skipped_and_says_so() {
        let base = Url::parse(BASE).unwrap();
        let asked = ["Goal".to_owned()];
        let scope = Some("patient/Patient.read");
        let steps = steps(&PlanInput { asked_types: &asked, scope, ..input(&base) });
        assert_eq!(steps, [("Goal".to_owned(), "not_granted".to_owned())]);
    }

    #[test]
    fn an_unfinished_walk_goes_on_at_its_cursor_unless_told_otherwise() {
        let base = Url::parse(BASE).unwrap();
        let asked = ["Coverage".to_owned()];
        let here = [cursor("https://api.x.test/r4/Coverage?_after=30")];
        let elsewhere = [cursor("https://old.x.test/r4/Coverage?_after=30")];
        let start = |cursors: &[Cursor], full| {
            let input = PlanInput { asked_types: &asked, cursors, full, ..input(&base) };
            steps(&input)[0].1.clone()
        };
        assert_eq!(start(&here, false), "https://api.x.test/r4/Coverage?_after=30");
        assert_eq!(start(&here, true), "start");
        assert_eq!(start(&elsewhere, false), "start");
    }

    #[test]
    fn what_changed_is_asked_for_only_where_nothing_speaks_against_it() {
        let base = Url::parse(BASE).unwrap();
        let asked = ["Coverage".to_owned()];
        let statement = |parameter: &str| {
            let text = format!(
                r#"{{"resourceType":"CapabilityStatement","rest":[{{"resource":[
                   {{"type":"Coverage","searchParam":[{{"name":"{parameter}"}}]}}]}}]}}"#
            );
            Capability::parse(text.as_bytes()).unwrap()
        };
        let (declares, silent) = (statement("_lastUpdated"), statement("patient"));
        let good = TypeState {
            resource_type: "Coverage".into(),
            watermark: Some("2026-01-07T12:00:00.000Z".into()),
            last_full_at: Some("2026-01-05T00:00:00.000Z".into()),
            last_updated: LastUpdated::Honoured,
            all_dated: true,
            resources: 101,
            has_open_rejects: false,
        };
        let begins = |capability: &Capability, state: &TypeState, full| {
            let states = [state.clone()];
            let input = PlanInput {
                asked_types: &asked,
                capability: Some(capability),
                states: &states,
                full,
                ..input(&base)
            };
            steps(&input)[0].1.clone()
        };
        assert_eq!(begins(&declares, &good, false), "since 2026-01-07T11:00:00+00:00");
        assert_eq!(begins(&declares, &good, true), "start");
        assert_eq!(begins(&silent, &good, false), "start");
        let ignored = TypeState { last_updated: LastUpdated::Ignored, ..good.clone() };
        let undated = TypeState { all_dated: false, ..good.clone() };
        let unmarked = TypeState { watermark: None, ..good.clone() };
        let old =
            TypeState { last_full_at: Some("2026-01-01T00:00:00.000Z".into()), ..good.clone() };
        let small = TypeState { resources: 100, ..good.clone() };
        let rejected = TypeState { has_open_rejects: true, ..good.clone() };
        let never = TypeState { last_full_at: None, ..good };
        for state in [ignored, undated, unmarked, old, small, rejected, never] {
            assert_eq!(begins(&declares, &state, false), "start", "{state:?}");
        }
    }
}
