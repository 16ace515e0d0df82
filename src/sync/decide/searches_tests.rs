//! Tests of the ways in which a type is searched, of their fingerprints, and of the bases of types.

use super::{
    super::{part::Part, proved_for::fingerprint},
    tests::{BASE, input},
    *,
};

use crate::{
    fhir::{Capability, SearchRules},
    warehouse::HeldType,
};
use std::collections::BTreeMap;

fn order(input: &PlanInput<'_>, name: &str) -> WalkOrder {
    match step(input, name) {
        Step::Walk(order) => *order,
        Step::Skip { finish, .. } => panic!("{name} is not walked: {finish:?}"),
    }
}

/// The query of each way, and its note.
fn ways(order: &WalkOrder) -> Vec<(String, String)> {
    let of = |start: &Url, note: &Option<String>| {
        let query = start.as_str().strip_prefix(BASE).unwrap().replace("%7B", "{");
        (query.replace("%7D", "}"), note.clone().unwrap_or_default())
    };
    let otherwise = order.otherwise.iter().map(|attempt| of(&attempt.start, &attempt.note));
    [of(&order.start, &order.note)].into_iter().chain(otherwise).collect()
}

/// The state of a type whose last walk was made with this fingerprint.
fn state(name: &str, proved_for: &str) -> TypeState {
    TypeState {
        is_short: false,
        resource_type: name.to_owned(),
        watermark: None,
        last_full_at: None,
        last_updated: LastUpdated::Unknown,
        last_updated_reason: None,
        all_dated: true,
        resources: 1,
        has_open_rejects: false,
        has_outdated: false,
        proved_for: Some(proved_for.to_owned()),
        totals: Totals::Unknown,
        probed_at: None,
        by_patient: false,
    }
}

#[test]
fn what_is_proved_is_proved_for_one_base_one_search_and_one_consent() {
    let base = Url::parse(BASE).unwrap();
    let other = Url::parse("https://api.x.test/r5").unwrap();
    let usual = input(&base);
    let here = fingerprint(&usual, "Goal", &[]);
    assert_eq!(fingerprint(&usual, "Goal", &[]), here);
    let renewed = PlanInput { consented_at: Some("2026-01-01T00:00:00.000Z"), ..usual.clone() };
    for another in [
        fingerprint(&input(&other), "Goal", &[]),
        fingerprint(&usual, "Goal", &["status=active"]),
        fingerprint(&renewed, "Goal", &[]),
    ] {
        assert_ne!(another, here);
    }
}

#[test]
fn a_type_counts_as_listed_before_if_it_is_held_so_or_was_walked_whole() {
    let base = Url::parse(BASE).unwrap();
    let held = |is_listed| [HeldType { resource_type: "Goal".into(), is_listed }];
    let is_listed =
        |held: &[HeldType]| order(&PlanInput { held, ..input(&base) }, "Goal").listed_before;
    assert!(is_listed(&held(true)));
    assert!(!is_listed(&held(false)) && !is_listed(&[]));
}

#[test]
fn a_search_that_is_refused_is_followed_by_others() {
    let base = Url::parse(BASE).unwrap();
    let order = order(&input(&base), "Goal");
    let by_patient = "searched by patient, since the plan refuses a search without one";
    let no_count = "searched without _count, since the plan refuses it";
    let expected = [
        ("/Goal?_count=100", String::new()),
        ("/Goal?_count=100&patient={patient}", by_patient.to_owned()),
        ("/Goal", no_count.to_owned()),
        ("/Goal?patient={patient}", format!("{by_patient}; {no_count}")),
    ];
    assert_eq!(ways(&order), expected.map(|(query, note)| (query.to_owned(), note)));
    let after = |status| {
        let is_for = |attempt: &Attempt| attempt.is_for(status, true);
        order.otherwise.iter().map(is_for).collect::<Vec<_>>()
    };
    assert_eq!(after(Some(400)), [true, true, true]);
    assert_eq!(after(Some(403)), [true, false, false]);
    assert_eq!(after(Some(422)), [true, true, true]);
    assert_eq!(after(Some(500)), [false, false, false]);
    assert_eq!(after(None), [false, false, false]);
    let names = order.otherwise.iter().map(|attempt| attempt.names_patient);
    assert_eq!(names.collect::<Vec<_>>(), [true, false, true]);
    // Naming the patient should bring the same; a search without _count may bring something else.
    let proofs = order.otherwise.iter().map(|attempt| attempt.proved_for == order.proved_for);
    assert_eq!(proofs.collect::<Vec<_>>(), [true, false, false]);
}

#[test]
fn coverage_is_searched_by_beneficiary_where_the_plan_refuses_patient() {
    let base = Url::parse(BASE).unwrap();
    let rule = SearchRule::parse(&["patient={patient}".to_owned()]).unwrap();
    let mut rules = SearchRules::default();
    rules.types.insert("Coverage".to_owned(), rule);
    let silent = input(&base);
    let ruled = PlanInput { search: &rules, ..silent.clone() };
    let queries = |input: &PlanInput<'_>| {
        ways(&order(input, "Coverage")).into_iter().map(|(query, _)| query).collect::<Vec<_>>()
    };
    let by_both =
        ["/Coverage?_count=100&patient={patient}", "/Coverage?_count=100&beneficiary={patient}"];
    assert_eq!(queries(&silent)[1..3], by_both);
    assert_eq!(queries(&ruled)[..2], by_both);
    // A plan may not know the parameter, or its gateway no route for it.
    let other = order(&ruled, "Coverage").otherwise[0].clone();
    assert!([400, 404, 501].iter().all(|status| other.is_for(Some(*status), true)));
    // What the plan alone declares comes first, unless the other search has brought something.
    let statement = br#"{"resourceType":"CapabilityStatement","rest":[{"resource":[
        {"type":"Coverage","searchParam":[{"name":"beneficiary"}]}]}]}"#;
    let declared = Capability::parse(statement);
    let states = [state("Coverage", &order(&ruled, "Coverage").proved_for)];
    let alone = PlanInput { capability: declared.as_ref(), states: &states, ..ruled.clone() };
    assert_eq!(queries(&alone)[..2], [by_both[1], by_both[0]]);
    assert!(order(&alone, "Coverage").otherwise[0].is_for(Some(400), true));
    let held = [HeldType { resource_type: "Coverage".into(), is_listed: true }];
    assert_eq!(queries(&PlanInput { held: &held, ..alone })[..2], by_both);
    // What has worked comes first, with and without _count.
    let other = order(&silent, "Coverage").otherwise[1].clone();
    assert!(other.is_for(Some(400), true) && other.names_patient);
    for (count, proved_for) in [
        ("_count=100&", other.proved_for.clone()),
        ("", fingerprint(&silent, "Coverage", &[other.proved_for.as_str(), "without _count"])),
    ] {
        let states = [TypeState { by_patient: true, ..state("Coverage", &proved_for) }];
        for input in [&silent, &ruled] {
            let known = queries(&PlanInput { states: &states, ..input.clone() });
            assert_eq!(known[0], format!("/Coverage?{count}beneficiary={{patient}}"));
        }
    }
    // No other type is searched so.
    assert!(ways(&order(&silent, "Goal")).iter().all(|(query, _)| !query.contains("beneficiary")));
}

#[test]
fn a_request_that_a_gateway_does_not_route_is_made_again_with_the_patient() {
    let base = Url::parse(BASE).unwrap();
    let statement = br#"{"resourceType":"CapabilityStatement","rest":[{"resource":[
        {"type":"Goal"}]}]}"#;
    let declared = Capability::parse(statement);
    let goal = ["Goal".to_owned()];
    let silent = PlanInput { asked_types: &goal, ..input(&base) };
    let declares = PlanInput { capability: declared.as_ref(), ..silent.clone() };
    let after = |input: &PlanInput<'_>, name: &str, status: u16, is_told: bool| {
        let order = order(input, name);
        let is_for = |attempt: &Attempt| attempt.is_for(Some(status), is_told);
        order.otherwise.iter().map(is_for).collect::<Vec<_>>()
    };
    for status in [404, 405, 501] {
        assert_eq!(after(&silent, "Goal", status, false), [true, false, false], "{status}");
        assert_eq!(after(&declares, "Goal", status, true), [true, false, false], "{status}");
        // The FHIR server knows what it does not serve.
        assert_eq!(after(&silent, "Goal", status, true), [false; 3], "{status}");
        // Every plan serves a required type.
        let required = after(&silent, "ExplanationOfBenefit", status, true);
        assert_eq!(required, [true, false, false], "{status}");
    }
}

#[test]
fn each_part_of_a_search_is_asked_for_without_count_where_that_is_refused() {
    let base = Url::parse(BASE).unwrap();
    let rule = SearchRule::parse(&["status=active".to_owned(), "status=draft".to_owned()]).unwrap();
    let mut rules = SearchRules::default();
    rules.types.insert("Goal".to_owned(), rule);
    let order = order(&PlanInput { search: &rules, ..input(&base) }, "Goal");
    let has_count = |part: &Part| part.start.query_pairs().any(|(name, _)| name == "_count");
    assert!(order.parts.len() == 2 && order.parts.iter().all(has_count));
    // A Goal with another status is not asked for, and the ledger says so.
    let told = "searched for by status alone: resources that no query of its rule selects are not asked for";
    assert_eq!(order.note.as_deref(), Some(told));
    let [without] = &order.otherwise[..] else { panic!("{:?}", order.otherwise) };
    assert!(without.parts.len() == 2 && !without.parts.iter().any(has_count));
}

#[test]
fn everything_is_asked_for_first_unless_only_the_search_is_declared() {
    let base = Url::parse(BASE).unwrap();
    let rule = SearchRule::parse(&["everything".to_owned()]).unwrap();
    let mut rules = SearchRules::default();
    rules.types.extend(["Goal", "Patient"].map(|name| (name.to_owned(), rule.clone())));
    let first = |declared: &str, name: &str| {
        let text = format!(
            r#"{{"resourceType":"CapabilityStatement","rest":[{{"resource":[{declared}]}}]}}"#
        );
        let capability = Capability::parse(text.as_bytes());
        let capability = capability.as_ref();
        let asked_types = &[name.to_owned()];
        let input = PlanInput { search: &rules, capability, asked_types, ..input(&base) };
        let order = order(&input, name);
        let is_first = is_everything(&order.start);
        let others = order.otherwise.iter().any(|other| is_everything(&other.start) != is_first);
        (is_first, others)
    };
    let search = r#"{"type":"Goal"}"#;
    let everything = r#"{"type":"Patient","operation":[{"name":"everything"}]}"#;
    assert_eq!(first("", "Goal"), (true, false));
    assert_eq!(first(search, "Goal"), (false, true));
    assert_eq!(first(everything, "Goal"), (true, false));
    assert_eq!(first(&format!("{search},{everything}"), "Goal"), (true, false));
    assert_eq!(first(search, "Patient"), (true, false));
}

#[test]
fn what_another_base_declares_is_listed_or_noted() {
    let base = Url::parse(BASE).unwrap();
    let of = |types: &[&str]| {
        let types: Vec<_> = types.iter().map(|name| serde_json::json!({ "type": name })).collect();
        let statement = serde_json::json!({
            "resourceType": "CapabilityStatement", "rest": [{ "resource": types }]
        });
        Capability::parse(statement.to_string().as_bytes()).unwrap()
    };
    let mut declared = of(&["Patient", "Coverage", "ExplanationOfBenefit"]);
    declared
        .add(&of(&["Patient", "ExplanationOfBenefit", "Device", "Goal"]), |name| name == "Goal");
    let bases = BTreeMap::from([("Goal".to_owned(), Url::parse("https://api.x.test/p").unwrap())]);
    let usual = PlanInput { capability: Some(&declared), type_bases: &bases, ..input(&base) };
    let named = ["Patient", "Goal"].map(str::to_owned);
    let every = ["*".to_owned()];
    let choices: [&[String]; 3] = [&[], &named, &every];
    for configured_types in choices {
        let input = PlanInput { configured_types, ..usual.clone() };
        let skipped = plan(&input).into_iter().find_map(|step| match step {
            Step::Skip { resource_type, finish } if resource_type == "Device" => Some(finish),
            _ => None,
        });
        let skipped = skipped.unwrap();
        assert_eq!(skipped.reason, Some(Reason::NotAsked), "{configured_types:?}");
        assert!(skipped.detail.unwrap().starts_with("only another FHIR base"));
    }
    let note = |name: &str| order(&usual, name).extent.note;
    assert!(
        note("ExplanationOfBenefit").unwrap().contains("the resources of the type at that base")
    );
    assert_eq!((note("Patient"), note("Goal"), note("Coverage")), (None, None, None));
}

#[test]
fn what_the_consent_names_is_searched_for_where_the_whole_type_brings_nothing() {
    let base = Url::parse(BASE).unwrap();
    let scope = "patient/Goal.rs?category=http://x.test|a patient/Device.rs?type=b \
                 patient/Device.rs?type=a patient/Patient.rs?active=true \
                 patient/Condition.rs?patient=7";
    let usual = PlanInput { scope: Some(scope), ..input(&base) };
    let goal = order(&usual, "Goal");
    let told = "searched by what the member's consent names, since a search for the whole type \
                brought nothing";
    let granted: Vec<(String, String)> =
        ways(&goal).into_iter().filter(|(_, note)| note.contains(told)).collect();
    let queries: Vec<&str> = granted.iter().map(|(query, _)| query.as_str()).collect();
    assert_eq!(
        queries,
        [
            "/Goal?_count=100&category=http%3A%2F%2Fx.test%7Ca",
            "/Goal?_count=100&patient={patient}&category=http%3A%2F%2Fx.test%7Ca",
            "/Goal?category=http%3A%2F%2Fx.test%7Ca",
            "/Goal?patient={patient}&category=http%3A%2F%2Fx.test%7Ca",
        ]
    );
    let [.., first, _, _, _] = &goal.otherwise[..] else { panic!("{:?}", goal.otherwise) };
    assert!(
        first.after_nothing && first.is_for(Some(403), true) && first.proved_for != goal.proved_for
    );
    assert_eq!(goal.otherwise.iter().filter(|attempt| attempt.after_nothing).count(), 2);
    // Several searches are the parts of one.
    let device = order(&usual, "Device");
    let parts = device.otherwise.iter().find(|attempt| attempt.after_nothing).unwrap();
    let queries: Vec<&str> = parts.parts.iter().map(|part| part.query.as_str()).collect();
    assert_eq!(queries, ["type=a", "type=b"]);
    assert!(parts.parts.iter().all(|part| part.is_granted));
    // What has brought something is asked for first, and a search that names a person is not made.
    let held = [HeldType { resource_type: "Goal".into(), is_listed: true }];
    let states = [state("Goal", &first.proved_for)];
    let known = PlanInput { held: &held, states: &states, ..usual.clone() };
    assert_eq!(order(&known, "Goal").start, first.start);
    assert!(order(&known, "Goal").otherwise.iter().all(|attempt| !attempt.after_nothing));
    let read = [HeldType { resource_type: "Goal".into(), is_listed: false }];
    assert_eq!(order(&PlanInput { held: &read, ..known.clone() }, "Goal").start, goal.start);
    assert_eq!(order(&PlanInput { states: &states, ..usual.clone() }, "Goal").start, goal.start);
    for name in ["Patient", "Condition"] {
        let ways = ways(&order(&usual, name));
        assert!(ways.iter().all(|(_, note)| !note.contains(told)), "{name}: {ways:?}");
    }
}
