//! What a search includes besides its matches (`_include`, `_revinclude`) is taken in, counts as no match,
//! and proves nothing about its own type.

use crate::support::{Dictated, Home, Scripted, bundle};
use std::{
    ops::Range,
    sync::{Arc, Mutex},
};

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

/// Which of six Practitioners the plan lists, brings along with Conditions, and brings by their ids.
struct Brings {
    /// `None`: the plan refuses to list them.
    list: Option<Range<usize>>,
    along: Range<usize>,
    reads: Range<usize>,
}

#[test]
fn a_list_without_what_only_came_along_or_was_read_shows_nothing_about_it() {
    let practitioner = |id: usize| format!(r#"{{"resourceType":"Practitioner","id":"d{id}"}}"#);
    let types = ["Condition", "Practitioner"];
    for comes_along in [true, false] {
        let along = if comes_along { 0..6 } else { 0..0 };
        let list = comes_along.then_some(0..0);
        let brings = Arc::new(Mutex::new(Brings { list, along: along.clone(), reads: 0..6 }));
        let now = Arc::clone(&brings);
        let payer = Scripted::start(&types, move |asked| {
            let now = now.lock().unwrap();
            match (&asked.id, &*asked.resource_type) {
                (None, "Condition") => {
                    let naming = |id: usize| {
                        format!(
                            r#"{{"resource":{{"resourceType":"Condition","id":"c{id}","asserter":{{"reference":"Practitioner/d{id}"}}}}}}"#
                        )
                    };
                    let along =
                        now.along.clone().map(|id| included("Practitioner", &format!("d{id}"), ""));
                    let entries: Vec<String> = (0..6).map(naming).chain(along).collect();
                    let head = r#""resourceType":"Bundle","type":"searchset","total":6"#;
                    (200, format!("{{{head},\"entry\":[{}]}}", entries.join(",")))
                }
                (None, _) => match &now.list {
                    Some(listed) => {
                        let listed: Vec<String> = listed.clone().map(practitioner).collect();
                        bundle(&listed, Some(listed.len()), None)
                    }
                    None => (403, String::new()),
                },
                (Some(id), _) => {
                    match id[1..].parse::<usize>().is_ok_and(|id| now.reads.contains(&id)) {
                        true => (200, practitioner(id[1..].parse().unwrap())),
                        false => (404, String::new()),
                    }
                }
            }
        });
        let home = payer.connected_home(&types, "");
        let held = || home.value::<i64>("SELECT count(*) FROM practitioner");
        let count = |table: &str| home.value::<i64>(&format!("SELECT count(*) FROM {table}"));
        home.succeed(&["sync"], "a first night");
        assert_eq!((held(), count("resource_unlisted")), (6, 6), "along: {comes_along}");
        // The list is empty, and so is every read.
        *brings.lock().unwrap() = Brings { list: Some(0..0), along: along.clone(), reads: 0..0 };
        home.succeed(&["sync", "--full"], "an empty list");
        assert_eq!((held(), count("absent_resource")), (6, 0), "along: {comes_along}");
        // Once the list has brought them, they are missed like any other.
        *brings.lock().unwrap() = Brings { list: Some(0..6), along, reads: 0..6 };
        home.succeed(&["sync", "--full"], "a list of all");
        assert_eq!(count("resource_unlisted"), 0, "along: {comes_along}");
        let along = if comes_along { 0..5 } else { 0..0 };
        *brings.lock().unwrap() = Brings { list: Some(0..5), along, reads: 0..5 };
        home.succeed(&["sync", "--full"], "one is gone");
        let proofs = home.rows("SELECT resource_id, state, proof FROM absent_resource");
        assert_eq!(
            (held(), proofs),
            (5, vec![vec!["d5".to_owned(), "deleted".into(), "read".into()]])
        );
        home.succeed(&["verify"], "four syncs");
    }
}
