//! Whatever is damaged, verify names it; what is sound, it leaves alone.

use crate::support::{Home, Payer, VIEWS_DIR, definition};
use payersync::{
    sandbox::Options,
    warehouse::{Catalog, Checked, WarehouseFile, verify},
};
use rusqlite::Connection;
use std::{fs, path::Path};

const LEDGER: &str = "walks of the ledger and their cursors";

/// A home with resources, history, a tombstone, a reject and an unfinished walk.
fn lived_in() -> (Payer, Home) {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync"]).code, 0);
    let id = |resource_type: &str| {
        home.value::<String>(&format!(
            "SELECT resource_id FROM resource WHERE resource_type = '{resource_type}' LIMIT 1"
        ))
    };
    assert!(payer.amend(0, "ExplanationOfBenefit", &id("ExplanationOfBenefit")));
    assert!(payer.withdraw(0, "Observation", &id("Observation")));
    for fault in ["missing-id", "permanent-400"] {
        payer.set_faults(vec![fault.parse().unwrap()]);
        assert_eq!(home.run(&["sync", "--full"]).code, 2);
    }
    for table in ["resource_version", "rejected_resource", "walk_cursor"] {
        assert!(home.value::<i64>(&format!("SELECT count(*) FROM {table}")) > 0, "{table}");
    }
    assert!(home.value::<i64>("SELECT count(*) FROM resource WHERE deleted_at IS NOT NULL") > 0);
    (payer, home)
}

fn problems(path: &Path) -> Vec<Checked> {
    let catalog = Catalog::embedded();
    let file = WarehouseFile::in_clear(path);
    let mut checks = verify(&file, &catalog, &mut |_, _| {}).unwrap();
    checks.retain(|check| check.problems > 0);
    checks
}

#[test]
fn a_warehouse_that_has_lived_is_clean_and_left_as_it_is() {
    let (_payer, home) = lived_in();
    let before = fs::read(home.file("warehouse.db")).unwrap();
    let clean = home.run(&["verify"]);
    assert_eq!(clean.code, 0, "{}{}", clean.stdout, clean.stderr);
    assert!(clean.stdout.contains("live resources against their rows"), "{}", clean.stdout);
    assert!(clean.stderr.contains("Clean"));
    assert!(fs::read(home.file("warehouse.db")).unwrap() == before);
}

#[test]
fn each_kind_of_damage_is_named() {
    let (_payer, home) = lived_in();
    let folder = tempfile::tempdir().unwrap();
    let patient = "(SELECT id FROM resource WHERE resource_type = 'Patient' LIMIT 1)";
    for (damage, what) in [
        (
            format!(
                "UPDATE resource SET json = replace(json, 'name', 'mane') WHERE id = {patient}"
            ),
            "stored resources against their hashes",
        ),
        (
            format!("UPDATE resource SET content_hash = x'00' WHERE id = {patient}"),
            "stored resources against their hashes",
        ),
        (
            "UPDATE resource_version SET json = json || ' {}'".to_owned(),
            "superseded versions against their hashes",
        ),
        (
            "UPDATE rejected_resource SET body = body || ' '".to_owned(),
            "rejects against their hashes",
        ),
        (
            "UPDATE patient SET birth_date = '1900-01-01'".to_owned(),
            "live resources against their rows",
        ),
        (
            "UPDATE explanation_of_benefit_item SET net_amount = net_amount + 0.01
             WHERE net_amount IS NOT NULL"
                .to_owned(),
            "live resources against their rows",
        ),
        ("DELETE FROM patient".to_owned(), "live resources against their rows"),
        (
            "UPDATE explanation_of_benefit_item SET row_no = row_no + 1000".to_owned(),
            "live resources against their rows",
        ),
        (
            format!("DELETE FROM resource WHERE id = {patient}"),
            "normalised rows against their resources",
        ),
        (
            format!("UPDATE resource SET deleted_at = received_at WHERE id = {patient}"),
            "normalised rows against their resources",
        ),
        ("DELETE FROM connection".to_owned(), "tables, searched for rows of unknown connections"),
        ("DELETE FROM connection".to_owned(), "tables with references between rows"),
        ("UPDATE walk_cursor SET resource_type = 'Basic' || resource_type".to_owned(), LEDGER),
        ("UPDATE sync_walk SET resources_new = resources_new + 1 WHERE id = 1".to_owned(), LEDGER),
        (
            "UPDATE resource SET version_id = version_id || '1' WHERE version_id IS NOT NULL"
                .to_owned(),
            "stored resources against their hashes",
        ),
        (
            "UPDATE resource SET last_updated = NULL WHERE last_updated IS NOT NULL".to_owned(),
            "stored resources against their hashes",
        ),
        (
            "UPDATE resource SET json = CAST(json AS BLOB) WHERE id % 3 = 0".to_owned(),
            "stored resources",
        ),
        (
            "UPDATE resource_version SET last_updated = '2001-01-01T00:00:00Z'".to_owned(),
            "superseded versions against their hashes",
        ),
        (
            "UPDATE resource_version SET resource_id = resource_id || '1'".to_owned(),
            "superseded versions against their hashes",
        ),
        ("DROP TABLE patient".to_owned(), "stored resources"),
        ("DELETE FROM rejected_resource".to_owned(), LEDGER),
        (
            "INSERT INTO rejected_resource (connection_id, resource_type, reason, detail, body,
               body_hash, page, received_at)
             SELECT connection_id, resource_type, 'no_id', detail, body || value, randomblob(32), 1, ''
             FROM rejected_resource, json_each('[1,2,3,4,5,6,7,8,9]')"
                .to_owned(),
            LEDGER,
        ),
        ("DELETE FROM resource_version".to_owned(), LEDGER),
        (
            "DELETE FROM resource_version WHERE resource_type = 'ExplanationOfBenefit'".to_owned(),
            LEDGER,
        ),
        ("UPDATE walk_page SET seen = seen || x'00'".to_owned(), LEDGER),
        ("UPDATE walk_page SET page = page + 1000".to_owned(), LEDGER),
        (
            "INSERT INTO absent_resource (connection_id, resource_type, resource_id, state,
               missed_since, missed_at)
             SELECT id, 'Patient', 'nobody', 'pending', '2026-01-01', '2026-01-01' FROM connection"
                .to_owned(),
            LEDGER,
        ),
        (
            "INSERT INTO absent_resource (connection_id, resource_type, resource_id, state,
               missed_since, missed_at)
             SELECT connection_id, resource_type, resource_id, 'deleted', '2026-01-01', '2026-01-01'
             FROM resource WHERE resource_type = 'Patient'"
                .to_owned(),
            LEDGER,
        ),
        ("UPDATE walk_cursor SET pages = pages + 1".to_owned(), LEDGER),
        ("UPDATE sync_walk SET finished_at = NULL WHERE state = 'complete'".to_owned(), LEDGER),
        (
            "UPDATE sync_walk SET resources_seen = resources_seen + 1 WHERE id = 1".to_owned(),
            LEDGER,
        ),
        (
            "UPDATE sync_walk SET state = 'incomplete' WHERE resource_type = 'Patient'".to_owned(),
            LEDGER,
        ),
        ("DELETE FROM sync_walk".to_owned(), LEDGER),
        (
            "INSERT INTO purge_unfinished (purged_id, begun_at)
             VALUES (7, '2026-01-01T00:00:00.000Z')"
                .to_owned(),
            "purges that were interrupted",
        ),
    ] {
        let path = folder.path().join("warehouse.db");
        fs::copy(home.file("warehouse.db"), &path).unwrap();
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        connection.execute(&damage, []).unwrap();
        assert!(connection.total_changes() > 0 || damage.starts_with("DROP"), "{damage}");
        drop(connection);
        let found = problems(&path);
        assert!(found.iter().any(|check| check.what == what), "{damage}: {found:?}");
    }
}

#[test]
fn a_torn_page_is_found_and_its_exit_code_is_the_warehouses() {
    let (_payer, home) = lived_in();
    let path = home.file("warehouse.db");
    let mut bytes = fs::read(&path).unwrap();
    // A page in the middle of the stored resources.
    let page: usize = home.value(
        "SELECT pageno FROM dbstat WHERE name = 'resource' AND pagetype = 'leaf' LIMIT 1 OFFSET 3",
    );
    bytes[(page - 1) * 4096..][..2048].fill(0x5a);
    fs::write(&path, bytes).unwrap();
    let damaged = home.run(&["verify"]);
    assert_eq!(damaged.code, 5, "{}{}", damaged.stdout, damaged.stderr);
    assert!(damaged.stdout.contains("damaged"), "{}", damaged.stdout);
    assert!(damaged.stderr.contains("restore the last backup"), "{}", damaged.stderr);
}

#[test]
fn wrong_rows_alone_are_made_again_by_rebuild() {
    let (_payer, home) = lived_in();
    home.warehouse().execute_batch("UPDATE patient SET gender = 'canary-gender'").unwrap();
    let damaged = home.run(&["verify"]);
    assert_eq!(damaged.code, 5);
    assert!(damaged.stderr.contains("`payersync rebuild`"), "{}", damaged.stderr);
    assert!(!format!("{damaged:?}").contains("canary-gender"));
    assert_eq!(home.run(&["rebuild", "patient"]).code, 0);
    assert_eq!(home.run(&["verify"]).code, 0);
}

#[test]
fn a_purge_that_was_interrupted_is_finished_and_no_backup_is_restored() {
    let (_payer, home) = lived_in();
    let unfinished = "INSERT INTO purge_unfinished (purged_id, begun_at)
         VALUES (7, '2026-01-01T00:00:00.000Z')";
    home.warehouse().execute_batch(unfinished).unwrap();
    let told = home.run(&["verify"]);
    assert_eq!(told.code, 5);
    assert!(told.stderr.contains("`payersync purge --finish`"), "{}", told.stderr);
    assert!(!told.stderr.contains("restore"), "{}", told.stderr);
    let finished = home.run(&["purge", "--finish"]);
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    home.succeed(&["verify"], "the end of the purge");
}

#[test]
fn whatever_was_rejected_repeated_or_settled_is_sound() {
    let payer = Payer::start(Options { members: 2, ..Options::default() });
    let home = payer.connected_home();
    let sync = ["sync", "--full", "--type", "Patient", "--type", "ExplanationOfBenefit"];
    for fault in [
        "foreign-subject",
        "missing-id",
        "wrong-type-entry",
        "null-entry",
        "duplicate-entry",
        "duplicate-across-pages",
        "deep-nesting",
        "duplicate-key",
        "invalid-utf8",
        "include-entry",
        "outcome-entry",
        "bad-date",
        "version-churn",
        "no-last-updated",
        "permanent-400",
    ] {
        payer.set_faults(vec![fault.parse().unwrap()]);
        // The same reject on a later night is the same row.
        for night in 0..2 {
            let outcome = home.run(&sync);
            assert!([0, 2].contains(&outcome.code), "{fault}: {}", outcome.stderr);
            home.succeed(&["verify"], &format!("{fault}, night {night}"));
        }
        payer.set_faults(Vec::new());
        home.run(&sync);
        home.succeed(&["verify"], &format!("{fault} is over"));
    }
    assert!(home.value::<i64>("SELECT count(DISTINCT reason) FROM rejected_resource") > 3);
    // One that is gone is missed, whichever it is, though many are left.
    let ids: Vec<i64> = home
        .rows("SELECT id FROM rejected_resource ORDER BY id")
        .concat()
        .iter()
        .map(|id| id.parse().unwrap())
        .collect();
    let copy = home.file("copy.db");
    for id in [ids[0], ids[ids.len() / 2], ids[ids.len() - 1]] {
        fs::copy(home.file("warehouse.db"), &copy).unwrap();
        let gone = format!("DELETE FROM rejected_resource WHERE id = {id}");
        Connection::open(&copy).unwrap().execute_batch(&gone).unwrap();
        let found = problems(&copy);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].what, LEDGER);
        assert!(found[0].described[0].contains("than were entered"), "{found:?}");
    }
}

#[test]
fn rejects_of_reads_and_of_definitions_a_rebuild_and_a_purge_are_sound() {
    let faults = ["no-listing", "unreadable-location"].map(|name| name.parse().unwrap());
    let payer = Payer::start(Options { members: 2, faults: faults.to_vec(), ..Options::default() });
    let home = Home::new();
    payer.configure(&home, VIEWS_DIR);
    std::fs::create_dir(home.file("views")).unwrap();
    payer.connect(&home, "john", 0);
    payer.connect(&home, "leaver", 1);
    let reject = "SELECT count(*) FROM rejected_resource WHERE resolved_at IS NULL AND reason = ";
    for night in 0..2 {
        assert_eq!(home.run(&["sync"]).code, 2);
        home.succeed(&["verify"], &format!("night {night}"));
    }
    assert!(home.value::<i64>(&format!("{reject}'unreadable'")) > 0);
    home.own_view("own.json", &definition("own", "Patient", "identifier.value"));
    assert_eq!(home.run(&["rebuild", "own"]).code, 2);
    assert_eq!(home.value::<i64>(&format!("{reject}'view_error'")), 2);
    home.succeed(&["verify"], "a definition that rejects");
    // What a definition rejects has an open reject, or it is in no table for no reason.
    let copy = home.copy();
    copy.warehouse()
        .execute_batch("UPDATE rejected_resource SET resolved_at = received_at")
        .unwrap();
    assert_eq!(copy.run(&["verify"]).code, 5);
    assert_eq!(home.run(&["sync", "--full"]).code, 2);
    home.succeed(&["verify"], "a sync with a definition that rejects");
    home.succeed(&["purge", "leaver", "--yes"], "nothing");
    home.succeed(&["verify"], "a purge");
    home.own_view("own.json", &definition("own", "Patient", "identifier.value.first()"));
    home.succeed(&["rebuild"], "a definition was mended");
    home.succeed(&["verify"], "a rebuild");
}
