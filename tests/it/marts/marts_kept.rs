//! The marts are kept in step with the tables: a row that is not what the tables give is found and
//! made again, a night without a change writes none, and status says where they are behind.

use crate::{
    marts::own_claims,
    support::{Dictated, Home},
};

const MARTS: &str = "rows of marts";

/// Marts that are tables.
fn tables(home: &Home) -> Vec<String> {
    home.rows(
        "SELECT m.name FROM mart_table AS m JOIN sqlite_schema AS s ON s.name = m.name
         WHERE s.type = 'table' ORDER BY 1",
    )
    .concat()
}

fn change(home: &Home, sql: &str) {
    assert!(home.warehouse().execute(sql, []).unwrap() > 0, "{sql}");
}

#[test]
fn a_row_of_a_mart_that_was_altered_is_found_and_made_again() {
    let (_server, home) = own_claims::synced();
    let before = home.digest();
    let sound = home.run(&["verify"]);
    assert_eq!(sound.code, 0, "{}{}", sound.stdout, sound.stderr);
    assert!(sound.stdout.contains(MARTS), "{}", sound.stdout);
    for mart in tables(&home) {
        if home.value::<i64>(&format!("SELECT count(*) FROM {mart}")) == 0 {
            continue;
        }
        let columns = home.rows(&format!("SELECT name FROM pragma_table_info('{mart}')")).concat();
        let last = columns.last().unwrap();
        let one = format!("rowid = (SELECT min(rowid) FROM {mart})");
        for damage in [
            format!("UPDATE {mart} SET {last} = 'other' WHERE {one}"),
            format!("DELETE FROM {mart} WHERE {one}"),
        ] {
            let damaged = home.copy();
            change(&damaged, &damage);
            let found = damaged.run(&["verify"]);
            assert_eq!(found.code, 5, "{damage}: {}", found.stdout);
            assert!(found.stdout.contains(&format!("- {mart}: of ")), "{damage}: {}", found.stdout);
            assert!(found.stderr.contains("payersync rebuild"), "{damage}: {}", found.stderr);
            damaged.succeed(&["rebuild", &mart], &damage);
            assert_eq!(damaged.digest(), before, "{damage}");
        }
    }
    // A row more, and a mart that is a view.
    change(
        &home,
        "INSERT INTO claim_lineage SELECT connection_id, 'x', 'y', connection_id, 'void', 1 FROM claim_lineage LIMIT 1",
    );
    assert_eq!(home.run(&["verify"]).code, 5);
    home.succeed(&["rebuild", "claim_lineage", "enrollment"], "a row too many");
    assert_eq!(home.digest(), before);
    home.succeed(&["verify"], "all of it");
    let unknown = home.run(&["rebuild", "claims"]);
    assert_eq!(unknown.code, 1, "{}", unknown.stderr);
}

#[test]
fn a_night_without_a_change_writes_no_row_of_a_mart() {
    let (server, home) = own_claims::synced();
    // A row that is made again loses its mark.
    change(&home, "UPDATE claim SET outcome = 'marked'");
    home.succeed(&["sync"], "the first night");
    home.succeed(&["sync", "--full"], "a full one");
    assert_eq!(home.rows("SELECT DISTINCT outcome FROM claim"), [["marked"]]);
    // One plan's change makes the marts of its own connection anew and no other.
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/claims/chain.ndjson");
    let chain = std::fs::read_to_string(file).unwrap().replace("\"value\":30.0", "\"value\":31.5");
    server.serve("chain", &chain);
    home.succeed(&["sync", "--full"], "a change");
    let made = "SELECT DISTINCT c.name FROM claim JOIN connection AS c ON c.id = connection_id
                WHERE outcome <> 'marked'";
    assert_eq!(home.rows(made), [["chain"]]);
    let paid =
        "SELECT plan_paid_cents FROM claim_current JOIN connection AS c ON c.id = connection_id
                WHERE c.name = 'chain'";
    assert_eq!(home.rows(paid), [["3150"]]);
}

#[test]
fn status_says_where_marts_are_behind_until_the_next_run() {
    let (_server, home) = own_claims::synced();
    let said = |home: &Home| home.run(&["status"]).stdout;
    assert!(!said(&home).contains("marts"), "{}", said(&home));
    // What a run that was killed before its end has left.
    change(&home, "INSERT INTO mart_due SELECT id FROM connection WHERE name = 'chain'");
    assert!(said(&home).contains("marts are older than its tables"), "{}", said(&home));
    let json = home.run(&["status", "--json"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let behind: Vec<_> = json["connections"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["marts_behind"] == true)
        .map(|row| row["name"].as_str().unwrap())
        .collect();
    assert_eq!(behind, ["chain"]);
    let verified = home.run(&["verify"]);
    assert_eq!(verified.code, 0, "{}", verified.stdout);
    assert!(verified.stdout.contains("not compared"), "{}", verified.stdout);
    home.succeed(&["sync"], "a killed run");
    assert!(!said(&home).contains("marts"), "{}", said(&home));
}

#[test]
fn a_member_who_is_there_already_is_told_by_connect_and_status() {
    let payer = Dictated::start();
    payer.serve("Patient", &[r#"{"resourceType":"Patient","id":"a"}"#]);
    payer.script().token = r#","patient":"a""#.to_owned();
    let home = payer.home("");
    let first = home.rows("SELECT name FROM connection").concat().remove(0);
    let connect = |name: &str| home.run(&["connect", name, "--plan", "demo", "--code", "a-code"]);
    let again = connect("again");
    assert_eq!(again.code, 0, "{}", again.stderr);
    let told = format!("connected as {first} already");
    assert!(again.stderr.contains(&told), "{}", again.stderr);
    payer.script().token = r#","patient":"b""#.to_owned();
    let other = connect("other");
    assert!(!other.stderr.contains("already"), "{}", other.stderr);
    home.succeed(&["sync", &first, "again"], "three consents");
    let status = home.run(&["status", "--json"]).stdout;
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    let same: Vec<_> = status["connections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["same_person"].to_string()))
        .collect();
    let of = |name: &str| same.iter().find(|(known, _)| *known == name).unwrap().1.clone();
    assert_eq!(of(&first), r#"["again"]"#);
    assert_eq!(of("again"), format!("[\"{first}\"]"));
    assert_eq!(of("other"), "[]");
    let said = home.run(&["status"]).stdout;
    assert!(said.contains(&format!("The same person as {first};")), "{said}");
}
