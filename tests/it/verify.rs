//! Whatever is damaged, verify names it; what is sound, it leaves alone.

use crate::support::{Home, Payer};
use payersync::{
    sandbox::Options,
    warehouse::{Catalog, Checked, WarehouseFile, verify},
};
use rusqlite::Connection;
use std::{fs, path::Path};

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
    let catalog = Catalog::embedded().unwrap();
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
        ("DELETE FROM connection".to_owned(), "tables for rows of unknown connections"),
        ("DELETE FROM connection".to_owned(), "tables with references between rows"),
        (
            "UPDATE walk_cursor SET resource_type = 'Basic' || resource_type".to_owned(),
            "walks of the ledger and their cursors",
        ),
        (
            "UPDATE sync_walk SET resources_new = resources_new + 1 WHERE id = 1".to_owned(),
            "walks of the ledger and their cursors",
        ),
        (
            "INSERT INTO purge_unfinished VALUES (7, '2026-01-01T00:00:00.000Z')".to_owned(),
            "purges that were interrupted",
        ),
    ] {
        let path = folder.path().join("warehouse.db");
        fs::copy(home.file("warehouse.db"), &path).unwrap();
        let connection = Connection::open(&path).unwrap();
        connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        assert!(connection.execute(&damage, []).unwrap() > 0, "{damage}");
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
