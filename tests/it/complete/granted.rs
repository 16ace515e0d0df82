//! Gaps that are known before the first request: what the consent, the configuration and the plan's
//! own statement leave out.

use crate::support::{Dictated, Faulty, Home, Payer};
use payersync::sandbox::Fault;

const PATIENT: &str = r#"{"resourceType":"Patient","id":"1"}"#;

pub(super) fn of_patient(name: &str, id: &str) -> String {
    format!(r#"{{"resourceType":"{name}","id":"{id}","subject":{{"reference":"Patient/1"}}}}"#)
}

/// State and reason of a type, in the ledger's view.
pub(super) fn stands(home: &Home, name: &str) -> Vec<String> {
    let sql = format!("SELECT state, reason FROM completeness WHERE resource_type = '{name}'");
    home.rows(&sql).concat()
}

/// A payer with a Patient, two Conditions and a Goal, under a consent of this scope.
pub(super) fn payer(scope: &str) -> Dictated {
    let payer = Dictated::start();
    payer.script().token = format!(r#","scope":{scope:?}"#);
    payer.serve("Patient", &[PATIENT]);
    payer.serve("Condition", &[of_patient("Condition", "1"), of_patient("Condition", "2")]);
    payer.serve("Goal", &[of_patient("Goal", "1")]);
    payer
}

pub(super) fn live(home: &Home, name: &str) -> i64 {
    home.value(&format!(
        "SELECT count(*) FROM resource WHERE resource_type = '{name}' AND deleted_at IS NULL"
    ))
}

#[test]
fn a_consent_renewed_to_less_is_told_while_what_it_left_out_is_held() {
    let payer = payer("patient/*.read");
    let home = payer.home("");
    assert_eq!(home.run(&["sync"]).code, 0);
    payer.script().token = r#","scope":"patient/Patient.read patient/Goal.read""#.to_owned();
    assert_eq!(payer.connect(&home, &[]).code, 0);
    for _ in 0..2 {
        let sync = home.run(&["sync"]);
        assert_eq!(sync.code, 3, "{}", sync.stderr);
        assert!(sync.stderr.contains("payersync connect john --plan demo"), "{}", sync.stderr);
        assert_eq!(stands(&home, "Condition"), ["incomplete", "not_granted"]);
        // What was never held is no gap.
        assert_eq!(stands(&home, "Procedure"), ["skipped", "not_granted"]);
        assert_eq!(live(&home, "Condition"), 2);
    }
    assert_eq!(home.run(&["status"]).code, 3);
    payer.script().token = r#","scope":"patient/*.read""#.to_owned();
    assert_eq!(payer.connect(&home, &[]).code, 0);
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(home.run(&["status"]).code, 0);
}

#[test]
fn a_type_that_somebody_names_and_the_consent_leaves_out_is_told() {
    let narrow = "patient/Patient.read";
    for (more, arguments, code, reason) in [
        ("types = [\"Patient\", \"Goal\"]\n", &["sync"][..], 3, "not_granted"),
        ("", &["sync", "--type", "Goal"], 3, "not_granted"),
        ("scope = \"patient/Patient.read\"\n", &["sync", "--type", "Goal"], 2, "not_requested"),
        ("scope = \"patient/*.read\"\n", &["sync", "--type", "Goal"], 3, "not_granted"),
    ] {
        let payer = payer(narrow);
        let home = payer.home(more);
        let sync = home.run(arguments);
        assert_eq!(sync.code, code, "{more}: {}", sync.stderr);
        assert_eq!(stands(&home, "Goal"), ["incomplete", reason], "{more}");
        assert_eq!(home.run(&["status"]).code, code, "{more}");
        assert!(!payer.script().searched.contains(&"Goal".to_owned()));
    }
}

#[test]
fn a_refresh_that_grants_less_is_a_consent_renewed_to_less() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = Dictated::start();
    let granted = |scope: &str| format!(r#","expires_in":1,"scope":{scope:?}"#);
    payer.script().token = granted("patient/*.read");
    payer.serve("Patient", &[PATIENT]);
    payer.serve("Goal", &[of_patient("Goal", "1")]);
    let home = payer.home("");
    let mut hour = 0;
    let mut sync = || {
        hour += 1;
        faulty.run_at(&home, &["sync"], hour * 3600)
    };
    assert_eq!(sync().code, 0);
    payer.script().token = granted("patient/Patient.read");
    payer.serve::<&str>("Goal", &[]);
    let less = sync();
    assert_eq!(less.code, 3, "{}", less.stderr);
    assert_eq!(stands(&home, "Goal"), ["incomplete", "not_granted"]);
    assert_eq!(live(&home, "Goal"), 1);
    let plan = home.run(&["plan"]);
    assert!(plan.stdout.contains("the member's consent does not cover it"), "{}", plan.stdout);
    assert_eq!(home.value::<String>("SELECT scope FROM connection"), "patient/Patient.read");
    // An answer that says nothing of the scope leaves it as it was.
    payer.script().token = r#","expires_in":1"#.to_owned();
    assert_eq!(sync().code, 3);
    payer.script().token = granted("openid patient/*.read");
    payer.serve("Goal", &[of_patient("Goal", "1")]);
    assert_eq!(sync().code, 0);
}

/// The walks are decided by the old scope, and the first request renews the token.
#[test]
fn what_a_refresh_in_the_midst_of_a_run_may_have_hidden_is_not_buried() {
    let payer = Payer::small();
    let home = payer.connected_home_with("types = [\"Patient\", \"Observation\"]\n");
    home.succeed(&["sync"], "all of it");
    let before = live(&home, "Observation");
    let text = payer.resources(0, "Observation").pop().unwrap();
    let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert!(payer.withdraw(0, "Observation", parsed["id"].as_str().unwrap()));
    payer.set_faults(vec![Fault::RefreshNarrowsScope]);
    payer.expire_access_tokens();
    let full_at = "SELECT last_full_at FROM type_state WHERE resource_type = 'Observation'";
    let whole_at: String = home.value(full_at);
    let narrowed = home.run(&["sync", "--full"]);
    assert_eq!(narrowed.code, 3, "{}", narrowed.stderr);
    assert_eq!(stands(&home, "Observation"), ["incomplete", "not_granted"]);
    assert_eq!(live(&home, "Observation"), before);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM absent_resource"), 0);
    assert_eq!(home.value::<String>(full_at), whole_at, "it was not seen whole");
    payer.set_faults(Vec::new());
    payer.connect(&home, "john", 0);
    home.succeed(&["sync"], "all of it is granted again");
    assert_eq!(live(&home, "Observation"), before - 1);
}

#[test]
fn a_required_type_that_is_not_covered_is_asked_for_and_nothing_for_an_answer_is_no_answer() {
    let payer = payer("patient/*.read");
    payer.serve("Coverage", &[of_patient("Coverage", "1"), of_patient("Coverage", "2")]);
    let home = payer.home("");
    assert_eq!(home.run(&["sync"]).code, 0);
    payer.script().token = r#","scope":"patient/Patient.read patient/*.write""#.to_owned();
    payer.serve::<&str>("Coverage", &[]);
    payer.script().types.retain(|name, _| ["Patient", "Coverage"].contains(name));
    assert_eq!(payer.connect(&home, &[]).code, 0);
    for arguments in [&["sync"][..], &["sync", "--full"], &["sync", "--type", "Coverage"]] {
        let sync = home.run(arguments);
        assert_eq!(sync.code, 3, "{}", sync.stderr);
        assert_eq!(stands(&home, "Coverage"), ["incomplete", "not_granted"]);
        assert_eq!(live(&home, "Coverage"), 2);
    }
    // Many plans serve it whatever the consent says. What did not come may be hidden.
    payer.serve("Coverage", &[of_patient("Coverage", "1")]);
    assert_eq!(home.run(&["sync", "--type", "Coverage"]).code, 0);
    assert_eq!(stands(&home, "Coverage"), ["complete", ""]);
    assert_eq!(live(&home, "Coverage"), 2);
    // Where nothing is held there is nothing to grow old; the ledger mentions it.
    let said: String =
        home.value("SELECT warning FROM completeness WHERE resource_type = 'Location'");
    assert!(said.contains("does not cover it, and nothing came"), "{said}");
}

#[test]
fn a_required_type_that_may_only_be_read_is_asked_for_all_the_same() {
    let payer = payer("patient/Patient.rs patient/Coverage.r");
    payer.serve("Coverage", &[of_patient("Coverage", "1"), of_patient("Coverage", "2")]);
    let home = payer.home("required = [\"Coverage\"]\n");
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.stderr);
    assert_eq!(stands(&home, "Coverage"), ["complete", ""]);
    assert_eq!(live(&home, "Coverage"), 2, "no claim names them");
}

#[test]
fn a_scope_that_cannot_be_read_hides_nothing() {
    for scope in [
        "patient/Patient.rs?_id=1,patient/Goal.rs",
        "patient%2FGoal.read patient/Patient.read",
        "patient/Patient.read,patient/Goal.read",
        "patient/Patient.read%20patient/Goal.read",
        "patient/Patient.read+patient/Goal.read",
        r#"["patient/Patient.read","patient/Goal.read"]"#,
        "patient/Patient.read patient/Conditions.read",
        "",
    ] {
        let payer = payer(scope);
        let home = payer.home("");
        assert_eq!(home.run(&["sync"]).code, 0, "{scope}");
        assert_eq!((live(&home, "Condition"), live(&home, "Goal")), (2, 1), "{scope}");
    }
}

#[test]
fn a_granular_scope_is_mentioned_and_buries_nothing() {
    let granular = "patient/Patient.rs patient/Condition.rs?category=problem-list-item";
    let payer = payer(granular);
    let home = payer.home("");
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.stderr);
    let said: String =
        home.value("SELECT warning FROM completeness WHERE resource_type = 'Condition'");
    assert!(said.contains("category=problem-list-item"), "{said}");
    payer.serve("Condition", &[of_patient("Condition", "1")]);
    assert_eq!(home.run(&["sync", "--full"]).code, 0);
    assert_eq!(live(&home, "Condition"), 2);
    // Named, the rest is a gap; so it is after a consent that covered all of it.
    let named = home.run(&["sync", "--type", "Condition"]);
    assert_eq!(named.code, 3, "{}", named.stderr);
    payer.script().token = r#","scope":"patient/*.rs""#.to_owned();
    payer.serve("Condition", &[of_patient("Condition", "1"), of_patient("Condition", "2")]);
    assert_eq!(payer.connect(&home, &[]).code, 0);
    assert_eq!(home.run(&["sync"]).code, 0);
    payer.script().token = format!(r#","scope":"{granular}""#);
    payer.serve("Condition", &[of_patient("Condition", "1")]);
    assert_eq!(payer.connect(&home, &[]).code, 0);
    let narrowed = home.run(&["sync", "--full"]);
    assert_eq!(narrowed.code, 3, "{}", narrowed.stderr);
    assert_eq!(stands(&home, "Condition"), ["incomplete", "not_granted"]);
    assert_eq!(live(&home, "Condition"), 2);
}

#[test]
fn what_was_missed_before_the_consent_came_to_hide_it_is_not_buried_by_a_404() {
    let payer = payer("patient/*.rs");
    let home = payer.home("");
    assert_eq!(home.run(&["sync"]).code, 0);
    payer.serve("Condition", &[of_patient("Condition", "1")]);
    payer.script().refused.insert("Condition/2", 503);
    home.run(&["sync", "--full"]);
    let pending = "SELECT resource_id FROM absent_resource WHERE state = 'pending'";
    assert_eq!(home.rows(pending), [["2"]]);
    payer.script().refused.clear();
    payer.script().token =
        r#","scope":"patient/Patient.rs patient/Goal.rs patient/Condition.rs?category=x""#
            .to_owned();
    assert_eq!(payer.connect(&home, &[]).code, 0);
    assert_eq!(home.run(&["sync", "--full"]).code, 3);
    assert_eq!(live(&home, "Condition"), 2);
    // All of it is seen again, and it is not there.
    payer.script().token = r#","scope":"patient/*.rs""#.to_owned();
    assert_eq!(payer.connect(&home, &[]).code, 0);
    assert_eq!(home.run(&["sync", "--full"]).code, 0);
    assert_eq!(live(&home, "Condition"), 1);
}

#[test]
fn a_type_that_fhir_does_not_know_is_a_mistake_with_the_one_that_was_meant() {
    let payer = payer("patient/*.read");
    let home = payer.home("");
    let asked = home.run(&["sync", "--type", "ExplanationOfBenefits"]);
    assert_eq!(asked.code, 1, "{}", asked.stderr);
    assert!(asked.stderr.contains("did you mean ExplanationOfBenefit?"), "{}", asked.stderr);
    payer.configure(&home, "types = [\"ExplanationOfBenefits\"]\n");
    for command in [&["sync"][..], &["plan"], &["run"], &["connect", "x", "--plan", "demo"]] {
        let outcome = home.run(command);
        assert_eq!(outcome.code, 1, "{command:?}: {}", outcome.stderr);
        assert!(
            outcome.stderr.contains("did you mean ExplanationOfBenefit?"),
            "{}",
            outcome.stderr
        );
    }
    for (types, meant) in [
        (r#"["patient"]"#, "; did you mean Patient?"),
        (r#"["Patient ", "Goal"]"#, "; did you mean Patient?"),
        (r#"["*", "COVERAGE"]"#, "; did you mean Coverage?"),
        (r#"["**"]"#, "names **, which is not a resource type of FHIR R4"),
        (r#"[""]"#, "is not a resource type of FHIR R4"),
    ] {
        payer.configure(&home, &format!("types = {types}\n"));
        let outcome = home.run(&["sync"]);
        assert_eq!(outcome.code, 1, "{types}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(meant), "{types}: {}", outcome.stderr);
    }
    // A type of FHIR's that is not among the usual ones is no mistake.
    payer.configure(&home, "types = [\"Patient\", \"ImagingStudy\"]\n");
    payer.serve("ImagingStudy", &[of_patient("ImagingStudy", "1")]);
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(live(&home, "ImagingStudy"), 1);
    // One that is named twice is walked once.
    payer.configure(&home, "types = [\"ImagingStudy\", \"Patient\", \"*\", \"Patient\", \"*\"]\n");
    payer.script().searched.clear();
    assert_eq!(home.run(&["sync"]).code, 0);
    let mut searched = payer.script().searched.clone();
    searched.sort();
    assert!(searched.windows(2).all(|two| two[0] != two[1]), "{searched:?}");
}

#[test]
fn a_declared_type_that_nobody_asks_for_has_its_line_and_the_star_asks_for_it() {
    let payer = payer("patient/*.read");
    payer.script().declared = vec!["Patient", "Condition", "Goal", "ImagingStudy", "Endpoint"];
    payer
        .serve("ImagingStudy", &[of_patient("ImagingStudy", "1"), of_patient("ImagingStudy", "2")]);
    payer.serve("Endpoint", &[r#"{"resourceType":"Endpoint","id":"e"}"#]);
    let home = payer.home("");
    let plan = home.run(&["plan"]);
    assert!(plan.stdout.contains("ImagingStudy") && plan.stdout.contains("Endpoint"));
    for _ in 0..2 {
        assert_eq!(home.run(&["sync"]).code, 0);
        assert_eq!(stands(&home, "ImagingStudy"), ["skipped", "not_asked"]);
    }
    // An unchanged night does not say it again.
    let lines = "SELECT count(*) FROM sync_walk WHERE resource_type = 'ImagingStudy'";
    assert_eq!(home.value::<i64>(lines), 1);
    let status = home.run(&["status"]);
    assert_eq!(status.code, 0);
    assert!(status.stdout.contains("Endpoint, ImagingStudy"), "{}", status.stdout);
    payer.configure(&home, "types = [\"*\"]\n");
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.stderr);
    assert_eq!(stands(&home, "ImagingStudy"), ["complete", ""]);
    assert_eq!((live(&home, "ImagingStudy"), live(&home, "Endpoint")), (2, 1));
    let stored: String = home.value("SELECT json FROM resource WHERE resource_type = 'Endpoint'");
    assert_eq!(stored, r#"{"resourceType":"Endpoint","id":"e"}"#);
    payer.serve("ImagingStudy", &[format!("{} ", of_patient("ImagingStudy", "1"))]);
    // What is held and no longer asked for grows old: that is a gap.
    payer.configure(&home, "");
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 2, "{}", sync.stderr);
    assert_eq!(stands(&home, "ImagingStudy"), ["incomplete", "not_asked"]);
    assert_eq!(home.run(&["status"]).code, 2);
    // A run over one type says nothing of the others.
    assert_eq!(home.run(&["sync", "--type", "Goal"]).code, 0);
}
