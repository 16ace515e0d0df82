//! Another member's data never enters a connection.

use crate::support::{Dictated, Payer};
use payersync::sandbox::{Fault, Options};

fn two_members(faults: Vec<Fault>) -> Payer {
    Payer::start(Options { members: 2, faults, ..Options::default() })
}

#[test]
fn a_resource_about_somebody_else_is_rejected_with_its_bytes() {
    let payer = two_members(vec![Fault::ForeignSubject]);
    let home = payer.connected_home();
    let outcome = home.run(&["sync"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    let rejects =
        home.rows("SELECT resource_type, reason, length(body) > 100 FROM rejected_resource");
    assert!(!rejects.is_empty());
    assert!(rejects.iter().all(|row| row[1..] == ["foreign_subject", "1"]), "{rejects:?}");
    let foreign: i64 = home.value(
        "SELECT count(*) FROM explanation_of_benefit WHERE patient_id NOT IN (SELECT id FROM patient)",
    );
    assert_eq!(foreign, 0);
}

#[test]
fn a_plan_for_dependants_takes_them_in() {
    let payer = two_members(vec![Fault::ForeignSubject]);
    let home = payer.connected_home_with("dependants = true\n");
    let outcome = home.run(&["sync"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn a_page_that_answers_a_search_for_another_patient_is_refused_whole() {
    let payer = two_members(vec![Fault::SelfMismatch]);
    let home = payer.connected_home();
    let outcome = home.run(&["sync"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    let walk = home.rows(
        "SELECT state, reason FROM completeness WHERE resource_type = 'ExplanationOfBenefit'",
    );
    assert_eq!(walk, [["incomplete", "another_patient"]]);
    assert!(!outcome.stderr.contains("Patient/"), "{}", outcome.stderr);
}

#[test]
fn a_connection_renewed_by_somebody_else_takes_nothing_in() {
    let payer = two_members(vec![]);
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync", "--type", "Patient", "--type", "Coverage"]).code, 0);
    let before: i64 = home.value("SELECT count(*) FROM resource");
    payer.connect(&home, "john", 1);
    let outcome = home.run(&["sync", "--type", "Patient", "--type", "Coverage"]);
    assert_eq!(outcome.code, 3, "{}", outcome.stderr);
    // One hint speaks of dependants, after what is likelier; a bare one beside it would be followed.
    for told in [outcome.stderr, home.run(&["status"]).stdout] {
        assert!(told.contains("hint: if somebody else consented"), "{told}");
        assert!(!told.contains("`dependants = true` in [plans.demo]"), "{told}");
    }
    assert_eq!(home.value::<i64>("SELECT count(*) FROM resource"), before);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM resource WHERE deleted_at IS NOT NULL"), 0);
}

#[test]
fn a_limit_of_requests_stops_between_pages_and_the_next_run_goes_on() {
    let payer = two_members(vec![]);
    let home = payer.connected_home();
    let limited = home.run(&["sync", "--type", "ExplanationOfBenefit", "--max-requests", "2"]);
    assert_eq!(limited.code, 2, "{}", limited.stderr);
    let pages = "SELECT pages_before, pages, state FROM sync_walk ORDER BY id";
    assert_eq!(home.rows(pages), [["0", "2", "incomplete"]]);
    payer.clear_requests();
    assert_eq!(home.run(&["sync", "--type", "ExplanationOfBenefit"]).code, 0);
    assert_eq!(home.rows(pages)[1], ["2", "3", "complete"]);
    let asked =
        payer.requests().iter().filter(|r| r.path.ends_with("ExplanationOfBenefit")).count();
    assert_eq!(asked, 3);
}

/// Two entries of one id: where one cannot be taken in, it does not supersede the other.
#[test]
fn what_is_rejected_takes_no_other_entrys_place() {
    let payer = Dictated::start();
    payer.serve("Patient", &[r#"{"resourceType":"Patient","id":"1"}"#]);
    let entry = |version: &str, subject: &str| {
        format!(
            r#"{{"resourceType":"Condition","id":"c","meta":{{"versionId":"{version}"}},"code":{{"text":"{version}"}},"subject":{{"reference":"{subject}"}}}}"#
        )
    };
    let own = "Patient/1";
    for (entries, stands, versions) in [
        (vec![entry("1", own), entry("2", "Patient/2")], "1", 0),
        (vec![entry("2", "Patient/2"), entry("1", own)], "1", 0),
        (vec![entry("1", own), entry("3", "somebody"), entry("2", own)], "2", 1),
        (vec![entry("2", own), entry("1", own), entry("3", "Patient/2")], "2", 1),
    ] {
        payer.serve("Condition", &entries);
        let home = payer.home("types = [\"Patient\", \"Condition\"]\n");
        assert_eq!(home.run(&["sync"]).code, 2, "{entries:?}");
        assert_eq!(home.rows("SELECT code_text FROM condition"), [[stands]], "{entries:?}");
        let rejects: i64 = home.value("SELECT count(*) FROM rejected_resource");
        let history: i64 = home.value("SELECT count(*) FROM resource_version");
        assert_eq!((rejects, history), (1, versions), "{entries:?}");
        home.succeed(&["verify"], "two entries of one id");
        // The same again writes nothing.
        assert_eq!(home.run(&["sync", "--full"]).code, 2);
        let again = "SELECT sum(rows_written) FROM sync_walk WHERE run_id = (SELECT max(run_id) FROM sync_walk)";
        assert_eq!(home.value::<i64>(again), 0, "{entries:?}");
    }
}
