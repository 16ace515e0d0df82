//! Tests of the decision for each type.

use super::{super::proved_for::fingerprint, *};
use crate::{
    fhir::{Capability, RESOURCE_TYPES, RequiredTypes, SearchRules},
    outcome::{Reason, WalkKind, WalkState},
    warehouse::{Cursor, HeldType, LastUpdated, Totals, TypeState},
};
use std::{collections::BTreeMap, sync::LazyLock, time::Duration};
use url::Url;

pub(super) fn capability(types: &[&str]) -> Capability {
    let resources: Vec<_> = types.iter().map(|name| serde_json::json!({ "type": name })).collect();
    let statement = serde_json::json!({
        "resourceType": "CapabilityStatement", "rest": [{ "resource": resources }]
    });
    Capability::parse(statement.to_string().as_bytes()).unwrap()
}

pub(super) fn cursor(url: &str) -> Cursor {
    Cursor {
        resource_type: "Coverage".into(),
        kind: WalkKind::Full,
        walk_id: 1,
        next_url: url.into(),
        pages: 3,
        resources_seen: 30,
        walk_started_at: "2026-01-01T00:00:00.000Z".into(),
        since: None,
        failures: 0,
        proved_for: proof("Coverage"),
        tally: Default::default(),
    }
}

pub(super) const BASE: &str = "https://api.x.test/r4";

pub(super) fn input(base: &Url) -> PlanInput<'_> {
    static NO_RULES: LazyLock<SearchRules> = LazyLock::new(SearchRules::default);
    static NO_BASES: BTreeMap<String, Url> = BTreeMap::new();
    static USUAL: LazyLock<RequiredTypes> = LazyLock::new(RequiredTypes::default);
    PlanInput {
        search: &NO_RULES,
        required: &USUAL,
        connection: "john",
        plan: "demo",
        base,
        type_bases: &NO_BASES,
        page_size: 100,
        last_updated: true,
        configured_types: &[],
        asked_types: &[],
        capability: None,
        scope: None,
        requested_scope: None,
        held: &[],
        waiting: &[],
        consented_at: Some("2025-12-01T00:00:00.000Z"),
        cursors: &[],
        states: &[],
        full: false,
        full_walk_every: Duration::from_secs(7 * 24 * 3600),
        overlap: Duration::from_secs(3600),
        now: instant("2026-01-08T00:00:00Z").unwrap(),
    }
}

/// The fingerprint of a type in the usual input, as watermarks and cursors store it.
fn proof(name: &str) -> Option<String> {
    let base = Url::parse(BASE).unwrap();
    Some(fingerprint(&input(&base), name, &[]))
}

/// The state of a type of which changes may be asked for.
pub(super) fn known(name: &str) -> TypeState {
    TypeState {
        resource_type: name.into(),
        watermark: Some("2026-01-07T12:00:00.000Z".into()),
        last_full_at: Some("2026-01-05T00:00:00.000Z".into()),
        last_updated: LastUpdated::Honoured,
        all_dated: true,
        last_updated_reason: None,
        resources: 101,
        has_open_rejects: false,
        has_outdated: false,
        is_short: false,
        proved_for: proof(name),
        totals: Totals::Unknown,
        probed_at: None,
        by_patient: false,
    }
}

/// Each type with where its walk begins, or why it is not walked.
pub(super) fn steps(input: &PlanInput<'_>) -> Vec<(String, String)> {
    plan(input)
        .into_iter()
        .map(|step| match step {
            Step::Walk(order) => {
                let begins = match order.from {
                    WalkFrom::Start => "start".to_owned(),
                    WalkFrom::Cursor(_, url) => url.to_string(),
                    WalkFrom::Since(what) => format!("since {}", what.since.to_rfc3339()),
                };
                (order.resource_type, begins)
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
    let walked: Vec<&str> =
        steps.iter().filter(|(_, what)| what == "start").map(|(name, _)| name.as_str()).collect();
    let required =
        ["Patient", "Coverage", "ExplanationOfBenefit", "Organization", "Practitioner", "Location"];
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
    assert_eq!(steps(&PlanInput { configured_types: &goal, ..undeclared.clone() })[..1], begun);
    let listed = [TypeState {
        watermark: None,
        last_updated: LastUpdated::Unknown,
        resources: 1,
        ..known("Goal")
    }];
    assert!(steps(&PlanInput { states: &listed, ..undeclared.clone() }).contains(&begun[0]));
    assert!(!steps(&undeclared).contains(&begun[0]));
}

#[test]
fn what_the_consent_leaves_out_is_a_gap_only_where_it_is_held_or_named() {
    let base = Url::parse(BASE).unwrap();
    let narrow = PlanInput { scope: Some("patient/Patient.read"), ..input(&base) };
    let goal = |input: &PlanInput<'_>| {
        let steps = plan(input);
        let found = steps.iter().find_map(|step| match step {
            Step::Skip { resource_type, finish } if resource_type == "Goal" => Some(finish),
            _ => None,
        });
        let finish = found.cloned().unwrap();
        (finish.state, finish.reason.unwrap())
    };
    assert_eq!(goal(&narrow), (WalkState::Skipped, Reason::NotGranted));
    let asked = ["Goal".to_owned()];
    let named = PlanInput { asked_types: &asked, ..narrow.clone() };
    assert_eq!(goal(&named), (WalkState::Incomplete, Reason::NotGranted));
    let configured = PlanInput { configured_types: &asked, ..narrow.clone() };
    assert_eq!(goal(&configured), (WalkState::Incomplete, Reason::NotGranted));
    let held = [HeldType { resource_type: "Goal".into(), is_listed: true }];
    let held = PlanInput { held: &held, ..narrow };
    assert_eq!(goal(&held), (WalkState::Incomplete, Reason::NotGranted));
    let requested = Some("patient/Patient.read patient/Coverage.read");
    let never = PlanInput { requested_scope: requested, ..held };
    assert_eq!(goal(&never), (WalkState::Incomplete, Reason::NotRequested));
}

#[test]
fn a_required_type_that_the_consent_does_not_cover_is_walked_in_full_each_time() {
    let base = Url::parse(BASE).unwrap();
    let asked = ["Coverage".to_owned()];
    let statement = br#"{"resourceType":"CapabilityStatement","rest":[{"resource":[
        {"type":"Coverage","searchParam":[{"name":"_lastUpdated"}]}]}]}"#;
    let states = [TypeState {
        last_full_at: Some("2026-01-07T00:00:00.000Z".into()),
        probed_at: Some("2026-01-07T00:00:00.000Z".into()),
        ..known("Coverage")
    }];
    let begins = |scope| {
        let capability = Capability::parse(statement);
        let input = PlanInput {
            asked_types: &asked,
            capability: capability.as_ref(),
            states: &states,
            scope: Some(scope),
            ..input(&base)
        };
        steps(&input)[0].1.clone()
    };
    assert_ne!(begins("patient/*.read"), "start");
    assert_eq!(begins("patient/Patient.read"), "start");
}

#[test]
fn a_declared_type_that_is_not_asked_for_says_so_and_the_star_asks_for_it() {
    let base = Url::parse(BASE).unwrap();
    let declared = capability(&["Condition", "ImagingStudy"]);
    let usual = PlanInput { capability: Some(&declared), ..input(&base) };
    let left = ("ImagingStudy".to_owned(), "not_asked".to_owned());
    assert!(steps(&usual).contains(&left));
    let star = ["*".to_owned()];
    let begun = ("ImagingStudy".to_owned(), "start".to_owned());
    let all = PlanInput { configured_types: &star, ..usual.clone() };
    assert!(steps(&all).contains(&begun) && !steps(&all).contains(&left));
    let goal = ["Goal".to_owned()];
    let of_a_run = PlanInput { asked_types: &goal, ..usual };
    assert_eq!(steps(&of_a_run).len(), 1);
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
    let another = [Cursor { proved_for: Some("another search".to_owned()), ..here[0].clone() }];
    assert_eq!(start(&another, false), "start");
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
    let good = known("Coverage");
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
    // More hours than there are in the years before the watermark, and more than the calendar has.
    for hours in [100_000_000, u64::from(u32::MAX)] {
        let states = [good.clone()];
        let input = PlanInput {
            asked_types: &asked,
            capability: Some(&declares),
            states: &states,
            overlap: Duration::from_secs(hours * 3600),
            ..input(&base)
        };
        assert_eq!(steps(&input)[0].1, "start");
    }
    for (probed_at, is_asked_again) in [("01-06", false), ("01-04", true), ("12-31", true)] {
        let probed_at = Some(format!("2026-{probed_at}T00:00:00.000Z"));
        let states = [TypeState { probed_at: probed_at.clone(), ..good.clone() }];
        let input = PlanInput {
            asked_types: &asked,
            capability: Some(&declares),
            states: &states,
            ..input(&base)
        };
        let Step::Walk(order) = &plan(&input)[0] else { panic!("{probed_at:?} is not walked") };
        let WalkFrom::Since(increment) = &order.from else { panic!("{:?}", order.from) };
        assert_eq!(increment.probe, is_asked_again, "probed at {probed_at:?}");
    }
    let ignored = TypeState { last_updated: LastUpdated::Ignored, ..good.clone() };
    let undated = TypeState { all_dated: false, ..good.clone() };
    let outdated = TypeState { has_outdated: true, ..good.clone() };
    let short = TypeState { is_short: true, ..good.clone() };
    let unmarked = TypeState { watermark: None, ..good.clone() };
    let old = TypeState { last_full_at: Some("2026-01-01T00:00:00.000Z".into()), ..good.clone() };
    let small = TypeState { resources: 100, ..good.clone() };
    let another = TypeState { proved_for: Some("another consent".to_owned()), ..good.clone() };
    let unknown = TypeState { proved_for: None, ..good.clone() };
    let rejected = TypeState { has_open_rejects: true, ..good.clone() };
    let never = TypeState { last_full_at: None, ..good };
    for state in
        [ignored, undated, outdated, short, unmarked, old, small, another, unknown, rejected, never]
    {
        assert_eq!(begins(&declares, &state, false), "start", "{state:?}");
    }
}

/// How the run ends a type that it does not walk.
fn skipped(input: &PlanInput<'_>, name: &str) -> Option<WalkFinish> {
    plan(input).into_iter().find_map(|step| match step {
        Step::Skip { resource_type, finish } if resource_type == name => Some(finish),
        _ => None,
    })
}

#[test]
fn a_held_type_that_nobody_names_any_more_is_a_gap_if_the_plan_listed_it() {
    let base = Url::parse(BASE).unwrap();
    let declared = capability(&["ImagingStudy"]);
    let end = |held: &[HeldType]| {
        let input = PlanInput { capability: Some(&declared), held, ..input(&base) };
        skipped(&input, "ImagingStudy").unwrap()
    };
    let held = |name: &str, is_listed| [HeldType { resource_type: name.into(), is_listed }];
    for left in [&[][..], &held("ImagingStudy", false), &held("Media", true)] {
        assert_eq!((end(left).state, end(left).hint), (WalkState::Skipped, None), "{left:?}");
    }
    let gap = end(&held("ImagingStudy", true));
    assert_eq!(gap.state, WalkState::Incomplete);
    assert!(gap.hint.unwrap().starts_with("add \"ImagingStudy\""));
    let along = super::super::asked::came_along("Media");
    assert_eq!(along.hint.as_deref(), Some("add \"Media\" to the plan's types"));
}

#[test]
fn a_type_that_can_only_be_read_is_read_by_reference_unless_somebody_counts_on_it() {
    let base = Url::parse(BASE).unwrap();
    let statement = br#"{"resourceType":"CapabilityStatement","rest":[{"resource":[
        {"type":"Medication","interaction":[{"code":"read"}]},
        {"type":"Patient","interaction":[{"code":"search-type"}]}]}]}"#;
    let declared = Capability::parse(statement).unwrap();
    let usual = PlanInput { capability: Some(&declared), ..input(&base) };
    let reason = |input: &PlanInput<'_>| skipped(input, "Medication").and_then(|end| end.reason);
    assert_eq!(reason(&usual), Some(Reason::NotListed));
    let required = RequiredTypes::named(vec!["Medication".to_owned()]);
    assert_eq!(reason(&PlanInput { required: &required, ..usual.clone() }), None);
    let held = [HeldType { resource_type: "Medication".into(), is_listed: true }];
    assert_eq!(reason(&PlanInput { held: &held, ..usual.clone() }), None);
    let narrow = PlanInput { scope: Some("patient/Patient.read"), ..usual };
    assert_ne!(reason(&narrow), Some(Reason::NotListed));
}

#[test]
fn a_type_that_the_consent_covers_in_part_says_which_part() {
    let base = Url::parse(BASE).unwrap();
    let asked = ["Observation".to_owned()];
    let scope = Some("patient/Observation.rs?category=laboratory");
    let usual = PlanInput { scope, ..input(&base) };
    let Choice::Ask(extent) = choose(&usual, "Observation") else { panic!("it is left out") };
    assert!(extent.is_part && !extent.is_uncovered && extent.gap.is_none());
    assert!(extent.note.unwrap().ends_with("Observation?category=laboratory"));
    let named = PlanInput { asked_types: &asked, ..usual };
    let Choice::Ask(extent) = choose(&named, "Observation") else { panic!("it is left out") };
    let gap = extent.gap.unwrap();
    assert!(
        gap.keep_cursor && gap.hint.unwrap().starts_with("`payersync connect john --plan demo`")
    );
}

#[test]
fn a_type_that_a_consent_lets_only_be_read_is_read_by_reference() {
    let base = Url::parse(BASE).unwrap();
    let scope = Some("patient/ExplanationOfBenefit.rs patient/*.r");
    let usual = PlanInput { scope, ..input(&base) };
    let reason = |input: &PlanInput<'_>, name| skipped(input, name).and_then(|end| end.reason);
    let (unlisted, nothing) = (Some(Reason::NotListed), RequiredTypes::named(Vec::new()));
    let optional = PlanInput { required: &nothing, ..usual.clone() };
    assert_eq!(reason(&usual, "Medication"), unlisted);
    for name in ["Patient", "Coverage"] {
        let Choice::Ask(extent) = choose(&usual, name) else { panic!("{name} is left out") };
        assert_eq!((extent.is_part, extent.complete(None, true).reason), (true, unlisted));
        assert_eq!(reason(&optional, name), unlisted, "{name}");
    }
    assert_eq!(reason(&usual, "ExplanationOfBenefit"), None);
    assert_eq!(reason(&usual, "Condition"), Some(Reason::NotGranted));
    let held = [HeldType { resource_type: "Medication".into(), is_listed: true }];
    assert_ne!(reason(&PlanInput { held: &held, ..usual }, "Medication"), Some(Reason::NotListed));
}
