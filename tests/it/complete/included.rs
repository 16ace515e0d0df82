//! What a search includes besides its matches (`_include`, `_revinclude`) is taken in, counts as no match,
//! and proves nothing about its own type.

use crate::support::{Dictated, Home};

const PATIENT: &str = r#"{"resourceType":"Patient","id":"1"}"#;

fn condition(id: &str) -> String {
    format!(r#"{{"resourceType":"Condition","id":"{id}","subject":{{"reference":"Patient/1"}}}}"#)
}

/// An entry that comes along with a Condition.
fn included(name: &str, id: &str, more: &str) -> String {
    format!(
        r#"{{"fullUrl":"https://h/{name}/{id}","resource":{{"resourceType":"{name}","id":"{id}"{more}}},"search":{{"mode":"include"}}}}"#
    )
}

fn provenance(id: &str) -> String {
    included("Provenance", id, r#","target":[{"reference":"Condition/c1"}]"#)
}

fn live(home: &Home) -> Vec<String> {
    let live = "SELECT resource_type || '/' || resource_id FROM resource
                WHERE deleted_at IS NULL ORDER BY 1";
    home.rows(live).concat()
}

#[test]
fn what_comes_along_is_kept_counts_as_no_match_and_is_not_missed() {
    let payer = Dictated::start();
    payer.serve("Patient", &[PATIENT]);
    let all = [condition("c1"), provenance("p1"), condition("c2"), provenance("p2")];
    payer.serve("Condition", &all);
    payer.script().token = r#","patient":"1""#.to_owned();
    let rule = "types = [\"Patient\", \"Condition\"]\n[plans.demo.search]\n\
                Condition = \"patient={patient}&_revinclude=Provenance:target\"\n";
    let home = payer.home(rule);
    home.succeed(&["sync"], "a connect");
    let both = ["Condition/c1", "Condition/c2", "Patient/1", "Provenance/p1", "Provenance/p2"];
    assert_eq!(live(&home), both);
    let asked = "Condition?_count=100&patient=1&_revinclude=Provenance%3Atarget";
    assert!(payer.script().queries.contains(&asked.to_owned()), "{:?}", payer.script().queries);
    let along = "SELECT state, reason, resources FROM completeness
                 WHERE resource_type = 'Provenance'";
    assert_eq!(home.rows(along), [["skipped", "not_asked", "2"]]);
    // The same again writes nothing.
    let versions = "SELECT count(*) FROM resource_version";
    let before: i64 = home.value(versions);
    home.succeed(&["sync", "--full"], "the same again");
    assert_eq!(
        (live(&home), home.value::<i64>(versions)),
        (both.map(str::to_owned).into(), before)
    );
    // A match that is gone is gone; what does not come along any more proves nothing.
    payer.serve("Condition", &[condition("c1"), provenance("p1")]);
    home.succeed(&["sync", "--full"], "one gone");
    assert_eq!(live(&home), ["Condition/c1", "Patient/1", "Provenance/p1", "Provenance/p2"]);
    home.succeed(&["verify"], "three syncs");
}

#[test]
fn somebody_else_who_comes_along_is_not_taken_in() {
    let payer = Dictated::start();
    payer.serve("Patient", &[PATIENT]);
    let stranger = included("Patient", "2", "");
    payer.serve("Condition", &[condition("c1"), stranger]);
    let home = payer.home("types = [\"Patient\", \"Condition\"]\n");
    let synced = home.run(&["sync"]);
    assert_eq!(synced.code, 2, "{}", synced.stderr);
    assert_eq!(live(&home), ["Condition/c1", "Patient/1"]);
    let rejected = "SELECT resource_id, reason FROM rejected_resource";
    assert_eq!(home.rows(rejected), [["2", "foreign_subject"]]);
}
