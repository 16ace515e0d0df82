//! Plans that do not take a bare search: they get the patient named, a category, or reads by id.

use crate::support::{Dictated, Home};

fn condition(id: &str) -> String {
    about("Condition", id, "")
}

fn about(name: &str, id: &str, more: &str) -> String {
    format!(
        r#"{{"resourceType":"{name}","id":"{id}","subject":{{"reference":"Patient/a-b"}}{more}}}"#
    )
}

fn observation(id: &str, category: &str) -> String {
    let more = format!(r#","category":[{{"coding":[{{"code":"{category}"}}]}}]"#);
    about("Observation", id, &more)
}

const PATIENT: &str = r#"{"resourceType":"Patient","id":"a-b"}"#;
pub(super) const TOKEN: &str = r#","patient":"a-b""#;
pub(super) const TYPES: &str = "types = [\"Patient\", \"Coverage\", \"Condition\"]\n";

fn coverage() -> String {
    r#"{"resourceType":"Coverage","id":"v","beneficiary":{"reference":"Patient/a-b"}}"#.to_owned()
}

/// A payer that wants the patient in every search of a member's type.
pub(super) fn wanting(status: u16) -> Dictated {
    let payer = Dictated::start();
    payer.serve("Patient", &[PATIENT]);
    payer.serve("Coverage", &[coverage()]);
    payer.serve("Condition", &[condition("c1"), condition("c2")]);
    let mut script = payer.script();
    script.wants.insert("Patient", ("_id=a-b", status));
    script.wants.insert("Coverage", ("patient=a-b", status));
    script.wants.insert("Condition", ("patient=a-b", status));
    drop(script);
    payer
}

pub(super) fn queries(payer: &Dictated) -> Vec<String> {
    let mut queries = std::mem::take(&mut payer.script().queries);
    queries.sort();
    queries
}

pub(super) fn live(home: &Home) -> Vec<String> {
    home.rows(
        "SELECT resource_type || '/' || resource_id FROM resource WHERE deleted_at IS NULL
         ORDER BY 1",
    )
    .concat()
}

pub(super) fn state(home: &Home, name: &str) -> String {
    let latest = format!(
        "SELECT state || ' ' || coalesce(reason, '') FROM sync_walk
         WHERE resource_type = '{name}' AND mode <> 'window' ORDER BY id DESC LIMIT 1"
    );
    home.value::<String>(&latest).trim_end().to_owned()
}

#[test]
fn a_plan_that_refuses_a_bare_search_gets_the_patient_named_and_from_then_on_at_once() {
    for status in [400, 403, 404, 405, 422] {
        let payer = wanting(status);
        payer.script().token = TOKEN.to_owned();
        let home = payer.home(TYPES);
        let first = home.run(&["sync"]);
        assert_eq!(first.code, 0, "{status}: {}", first.stderr);
        let all = ["Condition/c1", "Condition/c2", "Coverage/v", "Patient/a-b"];
        assert_eq!(live(&home), all, "{status}");
        assert_eq!(queries(&payer).len(), 6, "{status}");
        // Nobody is told whose data it is.
        assert!(!first.stderr.contains("a-b"), "{}", first.stderr);
        let second = home.run(&["sync", "--full"]);
        assert_eq!(second.code, 0, "{status}: {}", second.stderr);
        let named = [
            "Condition?_count=100&patient=a-b",
            "Coverage?_count=100&patient=a-b",
            "Patient?_count=100&_id=a-b",
        ];
        assert_eq!(queries(&payer), named, "{status}");
        let told = home.run(&["status"]).stdout;
        assert!(told.contains("searched by patient"), "{told}");
        // The searches see all of it: what is gone is found gone.
        payer.serve("Condition", &[condition("c1")]);
        home.succeed(&["sync", "--full"], "a deletion");
        assert_eq!(live(&home), ["Condition/c1", "Coverage/v", "Patient/a-b"]);
        home.succeed(&["verify"], "three syncs");
    }
}

#[test]
fn a_plan_that_does_not_know_count_is_searched_without_it_and_from_then_on_at_once() {
    const NO_RULE: &str = "types = [\"Patient\", \"Coverage\", \"Condition\"]\n";
    const RULE: &str = "[plans.demo.search]\ndefault = \"patient={patient}\"\n";
    const PARTS: &str = "[plans.demo.search]\nCondition = [\"patient={patient}&category=problem\", \"patient={patient}&category=health\"]\n";
    for (wants_patient, rules) in [(false, ""), (true, ""), (true, RULE), (false, PARTS)] {
        for status in [400, 422] {
            let payer = wanting(status);
            if !wants_patient {
                payer.script().wants.clear();
            }
            let of = |category: &str| {
                let more = format!(r#","category":[{{"coding":[{{"code":"{category}"}}]}}]"#);
                about("Condition", category, &more)
            };
            payer.serve("Condition", &[of("problem"), of("health")]);
            payer.script().token = TOKEN.to_owned();
            payer.script().refuses = Some(("_count", status));
            let home = payer.home(&format!("{NO_RULE}{rules}"));
            home.succeed(&["sync"], rules);
            let all = ["Condition/health", "Condition/problem", "Coverage/v", "Patient/a-b"];
            assert_eq!(live(&home), all, "{status} {rules}");
            payer.script().queries.clear();
            payer.script().searched.clear();
            home.succeed(&["sync"], "another night");
            home.succeed(&["sync", "--full"], "a full night");
            let asked = queries(&payer);
            assert!(asked.iter().all(|query| !query.contains("_count")), "{asked:?}");
            let told = home.run(&["status"]).stdout;
            assert!(told.contains("searched without _count"), "{told}");
            // All of it is seen: what is gone is found gone.
            payer.serve("Condition", &[of("health")]);
            home.succeed(&["sync", "--full"], "a deletion");
            assert_eq!(live(&home), ["Condition/health", "Coverage/v", "Patient/a-b"]);
            home.succeed(&["verify"], "searches without _count");
        }
    }
}

#[test]
fn a_search_that_is_refused_in_every_form_is_a_gap_that_says_what_to_do() {
    let payer = wanting(400);
    payer.script().token = TOKEN.to_owned();
    payer.script().wants.insert("Condition", ("category=", 400));
    let home = payer.home(TYPES);
    for night in ["a first night", "a second night"] {
        let outcome = home.run(&["sync"]);
        assert_eq!(outcome.code, 2, "{night}: {}", outcome.stderr);
        assert_eq!(state(&home, "Condition"), "incomplete refused");
        for told in ["add a rule for it to `search`", "leave it out of `types`"] {
            assert!(outcome.stderr.contains(told), "{}", outcome.stderr);
        }
    }
    // Each form once, and the words are those of the search that names the patient.
    let asked = queries(&payer);
    let of = |query: &str| asked.iter().filter(|asked| **asked == query).count();
    for query in [
        "Condition?_count=100",
        "Condition?_count=100&patient=a-b",
        "Condition?",
        "Condition?patient=a-b",
    ] {
        assert_eq!(of(query), 2, "{query}: {asked:?}");
    }
    payer.configure(
        &home,
        &format!("{TYPES}search = {{ Condition = \"patient={{patient}}&category=problem\" }}\n"),
    );
    home.succeed(&["sync"], "a rule");
}

/// Flexpa's documents have 422 for data that it could not load.
#[test]
fn a_422_may_mean_that_the_plan_could_not_load_the_data() {
    for (status, is_told) in [(422, true), (400, false)] {
        let payer = wanting(status);
        payer.script().token = TOKEN.to_owned();
        payer.script().wants.insert("Condition", ("category=", status));
        let home = payer.home(TYPES);
        let outcome = home.run(&["sync"]);
        assert_eq!(outcome.code, 2, "{}", outcome.stderr);
        for told in ["could not load the member's data", "`payersync connect john --plan demo`"] {
            assert_eq!(outcome.stderr.contains(told), is_told, "{status}: {}", outcome.stderr);
        }
    }
}

#[test]
fn a_plan_whose_consent_names_nobody_gets_the_one_patient_named() {
    let payer = wanting(400);
    payer.script().wants.remove("Patient");
    let home = payer.home(TYPES);
    home.succeed(&["sync"], "a consent that names nobody");
    assert_eq!(live(&home), ["Condition/c1", "Condition/c2", "Coverage/v", "Patient/a-b"]);
}

#[test]
fn a_patient_and_a_coverage_that_may_only_be_read_are_read() {
    let payer = wanting(400);
    let claim = r#"{"resourceType":"ExplanationOfBenefit","id":"e","patient":{"reference":"Patient/a-b"},"insurance":[{"coverage":{"reference":"Coverage/v"}}]}"#;
    payer.serve("ExplanationOfBenefit", &[claim]);
    payer.script().token = TOKEN.to_owned();
    for status in [400, 403, 404] {
        payer.script().refused.insert("Patient", status);
        payer.script().refused.insert("Coverage", status);
        let types = "types = [\"Patient\", \"Coverage\", \"ExplanationOfBenefit\"]\n";
        for rules in ["", "[plans.demo.search]\nPatient = \"read\"\nCoverage = \"read\"\n"] {
            let home = payer.home(&format!("{types}{rules}"));
            home.succeed(&["sync"], "a plan that lists neither");
            let all = ["Coverage/v", "ExplanationOfBenefit/e", "Patient/a-b"];
            assert_eq!(live(&home), all, "{status} {rules}");
            home.succeed(&["sync", "--full"], "the same again");
            assert_eq!(live(&home), all, "{status} {rules}");
        }
    }
    // Refused altogether, it is missed.
    payer.script().refused.insert("Patient/a-b", 403);
    let home = payer.home("types = [\"Patient\"]\n");
    let outcome = home.run(&["sync"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert_eq!(state(&home, "Patient"), "incomplete forbidden");
}

/// Such as a search that always times out.
#[test]
fn a_type_that_the_plan_cannot_answer_keeps_no_other_from_being_read() {
    let payer = wanting(400);
    let claim = r#"{"resourceType":"ExplanationOfBenefit","id":"e","patient":{"reference":"Patient/a-b"},"insurance":[{"coverage":{"reference":"Coverage/v"}}]}"#;
    payer.serve("ExplanationOfBenefit", &[claim]);
    payer.script().token = TOKEN.to_owned();
    payer.script().refused.insert("Coverage", 403);
    payer.script().refused.insert("Condition", 503);
    let types = "types = [\"Patient\", \"Coverage\", \"ExplanationOfBenefit\", \"Condition\"]\n";
    let home = payer.home(types);
    let outcome = home.run(&["sync"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert_eq!(state(&home, "Condition"), "incomplete server_error");
    assert_eq!(state(&home, "Coverage"), "complete");
    assert_eq!(live(&home), ["Coverage/v", "ExplanationOfBenefit/e", "Patient/a-b"]);
}

#[test]
fn what_the_consent_does_not_cover_and_the_plan_refuses_is_no_gap() {
    let payer = wanting(400);
    payer.script().wants.clear();
    payer.script().refused.insert("Patient", 403);
    payer.script().refused.insert("Patient/a-b", 403);
    let scope = r#","patient":"a-b","scope":"patient/Condition.read patient/Coverage.read""#;
    payer.script().token = scope.to_owned();
    let home = payer.home(TYPES);
    home.succeed(&["sync"], "a consent without demographics");
    assert_eq!(state(&home, "Patient"), "skipped not_granted");
    assert_eq!(live(&home), ["Condition/c1", "Condition/c2", "Coverage/v"]);
}

#[test]
fn several_searches_together_are_the_type() {
    let payer = Dictated::start();
    payer.serve("Patient", &[PATIENT]);
    let all = [observation("l1", "laboratory"), observation("v1", "vital-signs")];
    payer.serve("Observation", &all);
    payer.script().wants.insert("Observation", ("patient=a-b&category=", 400));
    payer.script().token = TOKEN.to_owned();
    let rules = "types = [\"Patient\", \"Observation\"]\n[plans.demo.search]\nObservation = [\"patient={patient}&category=laboratory\", \"patient={patient}&category=vital-signs\"]\n";
    let home = payer.home(rules);
    home.succeed(&["sync"], "two categories");
    let expected = ["Observation/l1", "Observation/v1", "Patient/a-b"];
    assert_eq!(live(&home), expected);
    assert_eq!(state(&home, "Observation"), "complete");
    let asked = "Observation?_count=100&patient=a-b&category=laboratory";
    assert!(queries(&payer).contains(&asked.to_owned()));
    // What no part brings any more is gone, and what another part brings is not.
    let moved = observation("l1", "vital-signs");
    payer.serve("Observation", &[moved]);
    home.succeed(&["sync"], "one gone, one moved to the other part");
    assert_eq!(live(&home), ["Observation/l1", "Patient/a-b"]);
    home.succeed(&["verify"], "a deletion");
}

const CATEGORIES: &str = "types = [\"Patient\", \"Observation\"]\n[plans.demo.search]\nObservation = [\"patient={patient}&category=laboratory\", \"patient={patient}&category=vital-signs\"]\n";

/// A payer of a laboratory result and a vital sign.
fn with_categories() -> Dictated {
    let payer = Dictated::start();
    payer.serve("Patient", &[PATIENT]);
    let all = [observation("l1", "laboratory"), observation("v1", "vital-signs")];
    payer.serve("Observation", &all);
    payer.script().token = TOKEN.to_owned();
    payer
}

#[test]
fn a_part_that_the_plan_has_always_refused_is_told_and_proves_nothing() {
    let payer = with_categories();
    payer.script().wants.insert("Observation", ("category=laboratory", 400));
    let home = payer.home(CATEGORIES);
    home.succeed(&["sync"], "a refused part");
    home.succeed(&["sync", "--full"], "the same again");
    assert_eq!(live(&home), ["Observation/l1", "Patient/a-b"]);
    let told = home.run(&["status"]).stdout;
    assert!(told.contains("the plan refuses patient={patient}&category=vital-signs"), "{told}");
    payer.script().wants.insert("Observation", ("category=none", 400));
    assert_eq!(home.run(&["sync"]).code, 2);
    assert_eq!(state(&home, "Observation"), "incomplete refused");
    assert_eq!(live(&home), ["Observation/l1", "Patient/a-b"]);
}

#[test]
fn a_new_part_that_is_refused_came_before_only_if_an_earlier_search_brought_it() {
    const LABORATORY: &str = "patient={patient}&category=laboratory";
    let with = |search: &str| {
        format!(
            "types = [\"Patient\", \"Observation\"]\n[plans.demo.search]\nObservation = {search}\n"
        )
    };
    // The whole type, the refused part alone, the other part alone.
    for (earlier, refused, code) in [
        ("\"bare\"".to_owned(), "vital-signs", 2),
        ("\"patient={patient}\"".to_owned(), "vital-signs", 2),
        (format!("\"{LABORATORY}\""), "laboratory", 2),
        (format!("\"{LABORATORY}\""), "vital-signs", 0),
    ] {
        let payer = with_categories();
        let home = payer.home(&with(&earlier));
        home.succeed(&["sync"], &earlier);
        let wanted =
            if refused == "laboratory" { "category=vital-signs" } else { "category=laboratory" };
        payer.script().wants.insert("Observation", (wanted, 400));
        payer.configure(&home, CATEGORIES);
        let synced = home.run(&["sync"]);
        assert_eq!(synced.code, code, "{earlier} {refused}: {}", synced.stderr);
        assert_eq!(
            synced.stderr.contains("although it answered this search before"),
            code == 2,
            "{}",
            synced.stderr
        );
    }
}

#[test]
fn a_part_that_came_before_and_is_refused_now_is_a_gap_and_proves_nothing() {
    for (status, reason) in
        [(400, "refused"), (403, "forbidden"), (404, "not_found"), (422, "refused")]
    {
        let payer = with_categories();
        let home = payer.home(CATEGORIES);
        home.succeed(&["sync"], "two categories");
        // The first part, and the other one is asked for all the same.
        payer.serve(
            "Observation",
            &[observation("l2", "laboratory"), observation("v2", "vital-signs")],
        );
        payer.script().wants.insert("Observation", ("category=vital-signs", status));
        for night in [&["sync"][..], &["sync", "--full"]] {
            let refused = home.run(night);
            assert_eq!(refused.code, 2, "{status}: {}", refused.stderr);
            assert_eq!(state(&home, "Observation"), format!("incomplete {reason}"), "{status}");
            assert!(
                refused.stderr.contains("although it answered this search before"),
                "{}",
                refused.stderr
            );
        }
        let all = ["Observation/l1", "Observation/v1", "Observation/v2", "Patient/a-b"];
        assert_eq!(live(&home), all, "{status}");
        payer.script().wants.remove("Observation");
        home.succeed(&["sync"], "the plan is well again");
        assert_eq!(live(&home), ["Observation/l2", "Observation/v2", "Patient/a-b"], "{status}");
        home.succeed(&["verify"], "a refused part");
    }
}

#[test]
fn rules_that_cannot_work_are_told() {
    let payer = wanting(400);
    for (rule, told) in [
        (
            "Conditon = \"bare\"",
            "search.Conditon is for no resource type of FHIR R4; did you mean Condition?",
        ),
        ("Condition = \"patient\"", "not name=value"),
        ("Condition = \"patient={member}\"", "the only placeholder is {patient}"),
        ("Condition = []", "is empty"),
    ] {
        let home = Home::new();
        payer.configure(&home, &format!("[plans.demo.search]\n{rule}\n"));
        let outcome = home.run(&["plan"]);
        assert_eq!(outcome.code, 1, "{rule}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{rule}: {}", outcome.stderr);
    }
    // A patient that nobody names.
    let rules = "types = [\"Condition\"]\n[plans.demo.search]\ndefault = \"patient={patient}\"\n";
    let home = payer.home(rules);
    let outcome = home.run(&["sync"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert_eq!(state(&home, "Condition"), "incomplete patient_unknown");
    assert!(outcome.stderr.contains("payersync connect john"), "{}", outcome.stderr);
}
