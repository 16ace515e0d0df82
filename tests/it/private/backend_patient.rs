//! A backend service that connects for one patient: no consent says whose data it is.

use crate::support::{Home, Outcome, Scripted, bundle};
use std::{
    io::Write,
    process::{Output, Stdio},
};

const RULE: &str = "search = { default = \"patient={patient}\" }\n";

/// A payer with a Condition of two people, which wants to be told of whom.
fn payer() -> (Scripted, Home) {
    let payer = Scripted::start(&["Condition"], |asked| {
        let condition = |id: &str, patient: &str| {
            format!(
                r#"{{"resourceType":"Condition","id":"{id}","subject":{{"reference":"Patient/{patient}"}}}}"#
            )
        };
        match asked.query.get("patient").map(String::as_str) {
            // It sends somebody else's along: that must not pass for the member's.
            Some("a-1") => bundle(&[condition("c1", "a-1"), condition("c2", "b-2")], None, None),
            _ => (400, r#"{"resourceType":"OperationOutcome","issue":[]}"#.to_owned()),
        }
    });
    let home = payer.connected_home(&["Condition"], "");
    let file = home.file("payersync.toml");
    let text = std::fs::read_to_string(&file).unwrap() + RULE;
    std::fs::write(&file, text).unwrap();
    (payer, home)
}

fn connect(home: &Home, name: &str, patient: &str) -> Outcome {
    home.run(&["connect", name, "--plan", "p", "--patient", patient])
}

#[test]
fn a_backend_that_is_told_its_patient_gets_that_patients_data_and_nobody_elses() {
    let (_payer, home) = payer();
    let untold = home.run(&["sync", "c"]);
    assert_eq!(untold.code, 2, "{}", untold.stderr);
    assert!(untold.stderr.contains("--patient"), "{}", untold.stderr);
    let told = connect(&home, "c", "a-1");
    assert_eq!(told.code, 0, "{}", told.stderr);
    let synced = home.run(&["sync", "c"]);
    assert_eq!(synced.code, 2, "a stranger's resource came: {}", synced.stderr);
    assert_eq!(home.rows("SELECT id FROM condition"), [["c1"]]);
    let rejected = "SELECT resource_id, reason FROM rejected_resource";
    assert_eq!(home.rows(rejected), [["c2", "foreign_subject"]]);
    // Nothing that is told, and no text of the ledger, names the member.
    let ledger = home.rows("SELECT * FROM sync_walk").concat().concat();
    let noted = home.rows("SELECT * FROM access_log").concat().concat();
    for said in [untold.stderr, told.stderr, synced.stderr, ledger, noted] {
        assert!(!said.contains("a-1"), "{said}");
    }
}

#[test]
fn a_backend_whose_tokens_last_a_day_is_no_alarm() {
    let (_payer, home) = payer();
    assert_eq!(connect(&home, "c", "a-1").code, 0);
    let doctor = home.run(&["doctor", "--offline"]).stdout;
    assert!(doctor.contains("ok      tokens of c: access token until "), "{doctor}");
    // No member consents, so that no alert may say when the consent ends.
    let metrics = home.run(&["status", "--prometheus"]).stdout;
    assert!(metrics.contains("payersync_vault_readable 1"), "{metrics}");
    assert!(!metrics.contains("payersync_consent_days_left{"), "{metrics}");
}

#[test]
fn a_patient_that_is_no_id_or_another_one_or_not_needed_is_refused() {
    let (_payer, home) = payer();
    for wrong in ["a 1", "", "anna@example"] {
        let refused = connect(&home, "c", wrong);
        assert_eq!(refused.code, 1, "{wrong}: {}", refused.stderr);
        let repeats = !wrong.is_empty() && refused.stderr.contains(wrong);
        assert!(!repeats && refused.stderr.contains("not the id of a FHIR"), "{}", refused.stderr);
    }
    assert_eq!(connect(&home, "c", "Patient/a-1").code, 0);
    let other = connect(&home, "c", "b-2");
    assert_eq!(other.code, 1, "{}", other.stderr);
    assert!(other.stderr.contains("c holds another patient's data"), "{}", other.stderr);
    let kept: String = home.value("SELECT patient_id FROM connection WHERE name = 'c'");
    assert_eq!(kept, "a-1");
    // A consent says it by itself.
    let file = home.file("payersync.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let text = text
        .replace("grant = \"client_credentials\"\n", "authorize_url = \"http://127.0.0.1:1/a\"\n");
    std::fs::write(&file, text).unwrap();
    let consented = connect(&home, "d", "a-1");
    assert_eq!(consented.code, 1, "{}", consented.stderr);
    assert!(consented.stderr.contains("backend services"), "{}", consented.stderr);
}

#[test]
fn a_patients_id_that_fhir_does_not_allow_is_taken_and_a_mail_address_is_not() {
    let (_payer, home) = payer();
    for given in ["p_17", "Patient/p_17"] {
        let told = connect(&home, "d", given);
        assert_eq!(told.code, 0, "{given}: {}", told.stderr);
        let named = "SELECT patient_id FROM connection WHERE name = 'd'";
        assert_eq!(home.value::<String>(named), "p_17", "{given}");
    }
    for given in ["a b", "ann@plan.example", ""] {
        let refused = connect(&home, "e", given);
        assert_eq!(refused.code, 1, "{given}: {}", refused.stderr);
        assert!(refused.stderr.contains("what follows Patient/"), "{}", refused.stderr);
    }
}

#[test]
fn the_patient_may_come_where_no_list_of_processes_shows_it() {
    let (_payer, home) = payer();
    let mut child = home
        .command(&["connect", "c", "--plan", "p", "--patient", "-"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"a-1\n").unwrap();
    let Output { status, stderr, .. } = child.wait_with_output().unwrap();
    assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
    assert_eq!(home.value::<String>("SELECT patient_id FROM connection"), "a-1");
}
