//! `unmapped_path`: what no column carries, in SQL, as true as what is stored.

use crate::support::{Home, Payer, VIEWS_DIR, definition};
use payersync::sandbox::Options;
use serde_json::Value;
use std::collections::BTreeSet;

/// The paths that `tables --unmapped` finds, with the number of leaves.
fn found(home: &Home) -> BTreeSet<(String, i64)> {
    let outcome = home.run(&["tables", "--unmapped", "--json"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let leaves: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    let text = |leaf: &Value| leaf["path"].as_str().unwrap().to_owned();
    leaves.iter().map(|leaf| (text(leaf), leaf["leaves"].as_i64().unwrap())).collect()
}

fn in_sql(home: &Home) -> BTreeSet<(String, i64)> {
    let sql = "SELECT path, sum(leaf_count) FROM unmapped_path GROUP BY path, is_foreign";
    home.rows(sql).into_iter().map(|row| (row[0].clone(), row[1].parse().unwrap())).collect()
}

fn count(home: &Home, table: &str) -> i64 {
    home.value(&format!("SELECT count(*) FROM {table}"))
}

/// As it is unless a test says otherwise, since it takes its time.
const COUNTS: &str = "[warehouse]\ncount_unmapped_paths = true\n";

#[test]
fn sql_sees_what_the_command_finds_whatever_changes_and_vanishes() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home_with(COUNTS);
    assert_eq!(home.run(&["sync"]).code, 0);
    let first = in_sql(&home);
    assert!(first.len() > 1_000, "{}", first.len());
    assert_eq!(first, found(&home));
    assert_eq!(count(&home, "unmapped_path_due"), 0);
    let wrong = "SELECT count(*) FROM unmapped_path u LEFT JOIN resource r
         ON r.connection_id = u.connection_id AND r.resource_type = u.resource_type
           AND r.received_at = u.first_seen
         WHERE r.id IS NULL OR resource_count > leaf_count OR instr(u.path, u.resource_type) <> 1";
    assert_eq!(home.value::<i64>(wrong), 0);
    let id: String =
        home.value("SELECT resource_id FROM resource WHERE resource_type = 'Goal' LIMIT 1");
    assert!(payer.withdraw(0, "Goal", &id));
    let seen: String = home.value("SELECT min(first_seen) FROM unmapped_path");
    assert_eq!(home.run(&["sync", "--accept-shrink"]).code, 0);
    assert_ne!(in_sql(&home), first);
    assert_eq!(in_sql(&home), found(&home));
    assert_eq!(home.value::<String>("SELECT min(first_seen) FROM unmapped_path"), seen);
}

#[test]
fn what_a_killed_run_left_uncounted_is_counted_by_the_next() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home_with(COUNTS);
    assert_eq!(home.run(&["sync"]).code, 0);
    let whole = in_sql(&home);
    // As a run leaves it that was killed after its last page.
    home.warehouse()
        .execute_batch(
            "DELETE FROM unmapped_path WHERE resource_type IN ('Patient', 'Goal');
             UPDATE unmapped_path SET leaf_count = 0 WHERE resource_type = 'Claim';
             INSERT INTO unmapped_path_due SELECT id, column1
               FROM connection, (VALUES ('Patient'), ('Goal'), ('Claim'));",
        )
        .unwrap();
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(in_sql(&home), whole);
}

#[test]
fn a_definition_that_carries_a_path_takes_it_out() {
    let payer = Payer::start(Options::default());
    let home = Home::new();
    std::fs::create_dir(home.file("views")).unwrap();
    payer.configure(&home, VIEWS_DIR);
    payer.connect(&home, "john", 0);
    assert_eq!(home.run(&["sync"]).code, 0);
    let goal = "SELECT path FROM unmapped_path WHERE resource_type = 'Goal' ORDER BY path";
    let before = home.rows(goal).concat();
    let path = "Goal.expressedBy.type".to_owned();
    assert!(before.contains(&path), "{before:?}");
    let view = definition("own", "Goal", "expressedBy.type");
    home.own_view("own.json", &view);
    assert_eq!(home.run(&["rebuild", "own"]).code, 0);
    let after = home.rows(goal).concat();
    assert_eq!(before.into_iter().filter(|known| *known != path).collect::<Vec<_>>(), after);
    std::fs::remove_file(home.file("views/own.json")).unwrap();
    assert_eq!(home.run(&["sync"]).code, 0);
    assert!(home.rows(goal).concat().contains(&path));
}

#[test]
fn the_dictionary_has_the_columns_that_the_table_has() {
    let home = Home::new();
    assert_eq!(home.run(&["tables"]).code, 0);
    let outcome = home.run(&["tables", "unmapped_path", "--json"]);
    let told: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    let told = told[0]["columns"].as_array().unwrap();
    let payer = Payer::start(Options::default());
    let home = payer.connected_home_with(COUNTS);
    let columns = home.rows("SELECT name, type FROM pragma_table_info('unmapped_path')");
    let told: Vec<Vec<String>> = told
        .iter()
        .map(|column| {
            ["column", "type"].map(|key| column[key].as_str().unwrap().to_owned()).to_vec()
        })
        .collect();
    assert_eq!(told, columns);
    assert!(home.run(&["tables", "unmapped_path"]).stdout.contains("leaf_count"));
}
