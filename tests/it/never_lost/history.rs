//! What the warehouse said before, and for how long it can tell.

use crate::support::{Home, Payer};
use payersync::sandbox::Options;

const TYPE: &str = "Observation";

fn first_ids(home: &Home) -> Vec<String> {
    home.rows(
        "SELECT resource_id FROM resource WHERE resource_type = 'Observation' ORDER BY 1 LIMIT 3",
    )
    .concat()
}

/// The instant after everything stored so far.
fn latest(home: &Home) -> String {
    home.value("SELECT max(max(received_at), coalesce(max(deleted_at), '')) FROM resource")
}

fn as_of(home: &Home, at: &str) -> Vec<String> {
    let sql = "SELECT json FROM resource WHERE resource_type = 'Observation' ORDER BY json";
    let outcome = home.run(&["query", sql, "--as-of", at, "--format", "ndjson"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let json = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    outcome.stdout.lines().map(|line| json(line)["json"].as_str().unwrap().to_owned()).collect()
}

fn truth(payer: &Payer) -> Vec<String> {
    let mut truth = payer.resources(0, TYPE);
    truth.sort();
    truth
}

#[test]
fn every_night_can_be_seen_again_as_it_was() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    let sync = || {
        let outcome = home.run(&["sync", "--full"]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    };
    let mut nights = Vec::new();
    sync();
    nights.push((latest(&home), truth(&payer)));
    let ids = first_ids(&home);
    payer.amend(0, TYPE, &ids[0]);
    payer.amend(0, TYPE, &ids[1]);
    sync();
    nights.push((latest(&home), truth(&payer)));
    payer.amend(0, TYPE, &ids[0]);
    payer.withdraw(0, TYPE, &ids[2]);
    sync();
    nights.push((latest(&home), truth(&payer)));
    // It comes back, with other content.
    payer.amend(0, TYPE, &ids[2]);
    sync();
    nights.push((latest(&home), truth(&payer)));
    for (night, (at, expected)) in nights.iter().enumerate() {
        assert_eq!(as_of(&home, at), *expected, "night {night}");
    }
    assert_eq!(as_of(&home, "2020-01-01"), Vec::<String>::new());
    assert_eq!(as_of(&home, "2999-12-31"), nights[3].1);
    let unmarked = home.run(&["query", "SELECT count(*) AS n FROM resource", "--format", "csv"]);
    assert_ne!(unmarked.stdout, "", "{}", unmarked.stderr);
}

#[test]
fn the_past_is_never_mixed_with_the_present() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync"]).code, 0);
    for sql in [
        "SELECT count(*) FROM observation",
        "SELECT * FROM claim LIMIT 1",
        "SELECT * FROM completeness",
        "DELETE FROM resource_version",
        "DROP VIEW temp.resource",
    ] {
        let outcome = home.run(&["query", sql, "--as-of", "2999-12-31"]);
        assert_eq!(outcome.code, 1, "{sql}: {}", outcome.stderr);
    }
    let outcome = home.run(&["query", "SELECT 1", "--as-of", "yesterday"]);
    assert_eq!(outcome.code, 1);
    let history = "SELECT count(*) FROM connection, sync_run, resource_version";
    assert_eq!(home.run(&["query", history, "--as-of", "2999-12-31"]).code, 0);
}

#[test]
fn old_versions_are_pruned_present_ones_are_not_and_what_is_unknown_is_said() {
    let payer = Payer::start(Options::default());
    let home = Home::new();
    payer.configure(&home, "[warehouse]\nkeep_versions_days = 30\n");
    payer.connect(&home, "john", 0);
    assert_eq!(home.run(&["sync"]).code, 0);
    let ids = first_ids(&home);
    payer.amend(0, TYPE, &ids[0]);
    payer.amend(0, TYPE, &ids[1]);
    assert_eq!(home.run(&["sync", "--full"]).code, 0);
    let versions = "SELECT count(*) FROM resource_version";
    assert_eq!(home.value::<i64>(versions), 2);
    let old = "UPDATE resource_version SET valid_from = '2001-01-01T00:00:00.000Z',
               valid_to = '2001-02-01T00:00:00.000Z' WHERE resource_id = ?1";
    home.warehouse().execute(old, [&ids[0]]).unwrap();
    let live: i64 = home.value("SELECT count(*) FROM resource");
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(home.value::<i64>(versions), 1);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM resource"), live);
    let before = home.run(&["query", "SELECT count(*) FROM resource", "--as-of", "2001-01-15"]);
    assert_eq!(before.code, 1, "{}", before.stderr);
    assert!(before.stderr.contains("have been pruned"), "{}", before.stderr);
    assert_eq!(as_of(&home, "2999-12-31"), truth(&payer));
}
