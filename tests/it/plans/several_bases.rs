//! Several FHIR bases under one consent: one per implementation guide, as Onyx SAFHIR has them.

use crate::support::{Dictated, Home};

const PATIENT: &str = r#"{"resourceType":"Patient","id":"1"}"#;
const DOCTOR: &str = r#"{"resourceType":"Practitioner","id":"d"}"#;

fn condition(base: &str, id: &str) -> String {
    format!(
        r#"{{"resourceType":"Condition","id":"{id}","subject":{{"reference":"Patient/1"}},"asserter":{{"reference":"{base}/Practitioner/d"}}}}"#
    )
}

#[test]
fn a_type_is_asked_for_at_its_own_base_and_is_of_the_same_plan() {
    let payer = Dictated::start();
    let pdex = payer.base().replace("/r4", "/pdex");
    payer.serve("Patient", &[PATIENT]);
    payer.serve("Condition", &[condition(&pdex, "c1"), condition(&pdex, "c2")]);
    payer.serve("Practitioner", &[DOCTOR]);
    payer.script().refused.insert("Practitioner", 403);
    // The first base's statement tells nothing of the other one.
    payer.script().declared = vec!["Patient", "Practitioner"];
    let home = payer.home(&format!("bases = {{ Condition = \"{pdex}\" }}\n"));
    home.succeed(&["sync"], "a connect");
    let live = "SELECT resource_type || '/' || resource_id FROM resource
                WHERE deleted_at IS NULL ORDER BY 1";
    let all = ["Condition/c1", "Condition/c2", "Patient/1", "Practitioner/d"];
    assert_eq!(home.rows(live).concat(), all);
    assert_eq!(home.value::<String>("SELECT DISTINCT asserter_id FROM condition"), "d");
    // What is gone is proved by a read at the same base.
    payer.serve("Condition", &[condition(&pdex, "c1")]);
    home.succeed(&["sync", "--full"], "one gone");
    assert_eq!(home.rows(live).concat(), ["Condition/c1", "Patient/1", "Practitioner/d"]);
    let received = std::mem::take(&mut payer.script().received);
    let asked = |path: &str| received.iter().any(|request| request.path == path);
    for path in ["/pdex/Condition", "/pdex/Condition/c2", "/r4/Patient", "/r4/Practitioner/d"] {
        assert!(asked(path), "{path}");
    }
    assert!(!asked("/r4/Condition") && !asked("/r4/Condition/c2") && !asked("/pdex/Patient"));
}

#[test]
fn a_base_that_cannot_be_asked_with_the_same_token_is_told() {
    let payer = Dictated::start();
    for (lines, told) in [
        (
            "bases = { Condition = \"https://elsewhere.example/pdex\" }\n",
            "plans.demo.bases.Condition is at another origin than fhir_url",
        ),
        ("bases = { Conditon = \"https://h\" }\n", "did you mean Condition?"),
    ] {
        let home = Home::new();
        payer.configure(&home, lines);
        let outcome = home.run(&["plan"]);
        assert_eq!(outcome.code, 1, "{lines}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{lines}: {}", outcome.stderr);
    }
}
