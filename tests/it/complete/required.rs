//! Which types a plan must serve is the configuration's to say.

use crate::support::{Dictated, Home};

const PATIENT: &str = r#"{"resourceType":"Patient","id":"1"}"#;

fn stands(home: &Home, name: &str) -> Vec<String> {
    let sql = format!("SELECT state, reason FROM completeness WHERE resource_type = '{name}'");
    home.rows(&sql).concat()
}

/// An EHR: it has Patients and Conditions, and refuses claims.
fn ehr() -> Dictated {
    let payer = Dictated::start();
    payer.serve("Patient", &[PATIENT]);
    payer.serve(
        "Condition",
        &[r#"{"resourceType":"Condition","id":"c","subject":{"reference":"Patient/1"}}"#],
    );
    payer.script().refused.insert("ExplanationOfBenefit", 403);
    payer
}

#[test]
fn a_type_that_is_not_required_may_be_refused_and_one_that_is_may_not() {
    let payer = ehr();
    let types = "types = [\"Patient\", \"Condition\", \"ExplanationOfBenefit\"]\n";
    for (required, code, stands_at) in [
        ("", 2, ["incomplete", "forbidden"]),
        ("required = [\"Patient\", \"Condition\"]\n", 0, ["not_served", "forbidden"]),
        ("required = []\n", 0, ["not_served", "forbidden"]),
        ("required = [\"ExplanationOfBenefit\"]\n", 2, ["incomplete", "forbidden"]),
    ] {
        let home = payer.home(&format!("{types}{required}"));
        let synced = home.run(&["sync"]);
        assert_eq!(synced.code, code, "{required}: {}", synced.stderr);
        assert_eq!(stands(&home, "ExplanationOfBenefit"), stands_at, "{required}");
        assert_eq!(stands(&home, "Condition")[0], "complete", "{required}");
    }
    // A type that few plans serve.
    payer.script().refused.insert("Condition", 404);
    for (required, code) in [("", 0), ("required = [\"Condition\"]\n", 2)] {
        let home = payer.home(&format!("types = [\"Patient\", \"Condition\"]\n{required}"));
        assert_eq!(home.run(&["sync"]).code, code, "{required}");
    }
}

#[test]
fn a_required_type_that_the_plan_does_not_know_is_told_in_the_plans_own_word() {
    let payer = ehr();
    // A table of refusals has 404 in HTML for what an EHR does not know.
    for (status, reason) in [(404, "not_found"), (501, "server_error")] {
        payer.script().refused.insert("Coverage", status);
        let home = payer.home("types = [\"Patient\", \"Condition\", \"Coverage\"]\n");
        let outcome = home.run(&["sync"]);
        assert_eq!(outcome.code, 2, "{}", outcome.stderr);
        assert_eq!(stands(&home, "Coverage"), ["incomplete", reason]);
        assert!(outcome.stderr.contains("leave it out of `required`"), "{}", outcome.stderr);
        assert!(!outcome.stderr.contains("consent may not"), "{}", outcome.stderr);
    }
}

#[test]
fn a_required_type_that_the_consent_leaves_out_is_not_granted_however_the_plan_puts_it() {
    let payer = ehr();
    payer.script().token = r#","scope":"patient/Patient.read patient/Condition.read""#.to_owned();
    let more = "required = [\"Patient\", \"Coverage\"]\n";
    for refused in [None, Some(403)] {
        payer.script().refused.remove("Coverage");
        payer.script().refused.extend(refused.map(|status| ("Coverage", status)));
        let home = payer.home(more);
        let synced = home.run(&["sync"]);
        assert_eq!(synced.code, 3, "{refused:?}: {}", synced.stderr);
        assert_eq!(stands(&home, "Coverage"), ["incomplete", "not_granted"], "{refused:?}");
        assert!(synced.stderr.contains("payersync connect john --plan demo"), "{}", synced.stderr);
        // Nobody required it, and nothing came.
        assert_eq!(stands(&home, "ExplanationOfBenefit")[0], "skipped", "{refused:?}");
        let home = payer.home("");
        assert_eq!(home.run(&["sync"]).code, 0, "{refused:?}");
    }
    // One that payersync does not ask for by itself is asked for.
    payer.script().token = String::new();
    payer.script().refused.clear();
    let home = payer.home("required = [\"ImagingStudy\"]\n");
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(stands(&home, "ImagingStudy")[0], "complete");
}

#[test]
fn what_is_required_and_cannot_be_asked_for_is_a_mistake() {
    let payer = ehr();
    for (lines, told) in [
        ("required = [\"Coverages\"]\n", "did you mean Coverage?"),
        ("required = [\"*\"]\n", "plans.demo.required names *"),
        (
            "types = [\"Patient\"]\nrequired = [\"Coverage\"]\n",
            "plans.demo.required names Coverage, but types leaves it out",
        ),
    ] {
        let home = Home::new();
        payer.configure(&home, lines);
        let outcome = home.run(&["plan"]);
        assert_eq!(outcome.code, 1, "{lines}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{lines}: {}", outcome.stderr);
    }
}
