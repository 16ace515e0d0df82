//! What is decided for each type, and why.

use super::*;

fn capability(types: &[&str]) -> Capability {
    let resources: Vec<_> = types.iter().map(|name| serde_json::json!({ "type": name })).collect();
    let statement = serde_json::json!({
        "resourceType": "CapabilityStatement", "rest": [{ "resource": resources }]
    });
    Capability::parse(statement.to_string().as_bytes()).unwrap()
}

fn cursor(url: &str) -> Cursor {
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
        tally: Default::default(),
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
    assert_eq!(steps(&PlanInput { configured_types: &goal, ..undeclared.clone() }), begun);
    let listed = [TypeState {
        resource_type: "Goal".into(),
        watermark: None,
        last_full_at: Some("2026-01-05T00:00:00.000Z".into()),
        last_updated: LastUpdated::Unknown,
        all_dated: true,
        resources: 1,
        has_open_rejects: false,
        totals: Totals::Unknown,
        probed_at: None,
        walked_at: None,
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
        totals: Totals::Unknown,
        probed_at: None,
        walked_at: None,
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
    let old = TypeState { last_full_at: Some("2026-01-01T00:00:00.000Z".into()), ..good.clone() };
    let small = TypeState { resources: 100, ..good.clone() };
    let rejected = TypeState { has_open_rejects: true, ..good.clone() };
    let never = TypeState { last_full_at: None, ..good };
    for state in [ignored, undated, unmarked, old, small, rejected, never] {
        assert_eq!(begins(&declares, &state, false), "start", "{state:?}");
    }
}
