//! Warehouses of earlier schemas: opened, brought up to date, and nothing of them lost.
//!
//! `tests/fixtures/schemas/` has one of each schema that a release has shipped, as SQL.
//! `PAYERSYNC_BLESS=1` writes the one of this build's schema where there is none yet; one that is
//! there is never changed. The schemas before the first release are made from `migrations/`.

use crate::support::{Home, Payer, copy_rows, dump, rows};
use payersync::{
    sandbox::{Fault, Options},
    warehouse::known_schema_version,
};
use rusqlite::Connection;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

const SYNC: [&str; 5] = ["sync", "--type", "Patient", "--type", "ExplanationOfBenefit"];

/// What must still be there, however the tables around it have changed.
const KEPT: [&str; 6] = [
    "SELECT id, uid, name, plan, member FROM connection ORDER BY id",
    "SELECT id, connection_id, resource_type, resource_id, json, received_at, deleted_at
       FROM resource ORDER BY id",
    "SELECT id, connection_id, resource_type, resource_id, json, valid_from, valid_to
       FROM resource_version ORDER BY id",
    "SELECT id, connection_id, resource_type, reason, body, page, resolved_at
       FROM rejected_resource ORDER BY id",
    "SELECT id, run_id, connection_id, resource_type, mode, state, pages, resources_seen
       FROM sync_walk ORDER BY id",
    "SELECT connection_id, resource_type, mode, walk_id, pages, resources_seen
       FROM walk_cursor ORDER BY 1, 2",
];

/// A home with resources, history, a tombstone, a reject and an unfinished walk.
fn lived_in() -> (Payer, Home) {
    let payer = Payer::start(Options { claims_per_member: 5, ..Options::default() });
    let home = payer.connected_home_with("page_size = 2\n");
    assert_eq!(home.run(&SYNC).code, 0);
    let id = |number: usize| {
        let ids = "SELECT resource_id FROM resource WHERE resource_type = 'ExplanationOfBenefit'";
        home.rows(&format!("{ids} ORDER BY 1"))[number][0].clone()
    };
    assert!(payer.amend(0, "ExplanationOfBenefit", &id(0)));
    assert!(payer.withdraw(0, "ExplanationOfBenefit", &id(1)));
    assert_eq!(home.run(&[&SYNC[..], &["--full"]].concat()).code, 0);
    // A resource of another type for the reject, then a walk that stops there for the cursor.
    for fault in [Fault::WrongTypeEntry, Fault::Permanent400] {
        payer.set_faults(vec![fault]);
        assert_eq!(home.run(&[&SYNC[..], &["--full"]].concat()).code, 2);
    }
    payer.set_faults(Vec::new());
    for table in ["resource_version", "rejected_resource", "walk_cursor"] {
        assert!(home.value::<i64>(&format!("SELECT count(*) FROM {table}")) > 0, "{table}");
    }
    assert!(home.value::<i64>("SELECT count(*) FROM resource WHERE deleted_at IS NOT NULL") > 0);
    (payer, home)
}

/// The rows of each of [`KEPT`] that this schema has.
fn kept(connection: &Connection) -> BTreeMap<&'static str, Vec<Vec<String>>> {
    let has = |sql: &&&str| connection.prepare(sql).is_ok();
    KEPT.iter().filter(has).map(|sql| (*sql, rows(connection, sql))).collect()
}

/// Opens an old warehouse with this build by each way to it, and compares.
fn comes_up_to_date(payer: &Payer, home: &Home, what: &str) {
    let old = kept(&home.warehouse());
    let ok = |arguments: &[&str]| {
        let outcome = home.run(arguments);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert_eq!(outcome.code, 0, "{what}: {arguments:?}: {said}");
    };
    ok(&["rebuild"]);
    ok(&["verify"]);
    let new = kept(&home.warehouse());
    for (sql, rows) in &old {
        assert_eq!(new[sql], *rows, "{what}: {sql}");
    }
    let version = "SELECT max(version) FROM refinery_schema_history";
    assert_eq!(home.value::<u32>(version), known_schema_version(), "{what}");
    // A renewed consent, since the tokens did not come along; then it goes on as if it were new.
    payer.connect(home, "john", 0);
    assert!([0, 2].contains(&home.run(&SYNC).code), "{what}: the cursor's walk, and its reject");
    // A payer that never changed the claims has gone back: the second run believes it.
    for _ in 0..2 {
        ok(&[&SYNC[..], &["--full"]].concat());
    }
    ok(&["verify"]);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM connection"), 1, "{what}");
    let live = "SELECT json FROM resource WHERE deleted_at IS NULL
                  AND resource_type IN ('Patient', 'ExplanationOfBenefit') ORDER BY 1";
    let mut served = payer.resources(0, "Patient");
    served.extend(payer.resources(0, "ExplanationOfBenefit"));
    served.sort();
    assert_eq!(home.rows(live).concat(), served, "{what}");
}

/// The migrations up to a version, in order.
pub(super) fn migrations(up_to: u32) -> Vec<String> {
    let mut files: Vec<PathBuf> = fs::read_dir("migrations")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| version_of(path) <= up_to)
        .collect();
    files.sort();
    files.iter().map(|file| fs::read_to_string(file).unwrap()).collect()
}

/// 12 of `V0012__name.sql` and of `V0012.sql`.
fn version_of(path: &Path) -> u32 {
    let name = path.file_name().unwrap().to_str().unwrap();
    name[1..5].parse().unwrap()
}

#[test]
fn a_warehouse_of_every_earlier_schema_comes_up_to_date_with_all_its_rows() {
    let (payer, donor) = lived_in();
    for version in 1..known_schema_version() {
        let home = of_schema(version, &payer, &donor);
        comes_up_to_date(&payer, &home, &format!("schema {version}"));
    }
}

/// A home of an earlier schema with all rows of a lived-in one that it has a place for.
fn of_schema(version: u32, payer: &Payer, donor: &Home) -> Home {
    let home = Home::new();
    payer.configure(&home, "page_size = 2\n");
    let old = home.warehouse();
    old.execute_batch("PRAGMA journal_mode = WAL").unwrap();
    for migration in migrations(version) {
        old.execute_batch(&migration).unwrap();
    }
    old.execute_batch(
        "CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name VARCHAR(255),
           applied_on VARCHAR(255), checksum VARCHAR(255))",
    )
    .unwrap();
    copy_rows(&old, &donor.file("warehouse.db"));
    old.execute("DELETE FROM refinery_schema_history WHERE version > ?1", [version]).unwrap();
    let resources = "SELECT count(*) FROM resource";
    let found: i64 = old.query_row(resources, [], |row| row.get(0)).unwrap_or(0);
    assert_eq!(found > 0, version >= 3, "schema {version}");
    if version < 3 {
        // Walks that brought nothing yet: there is no table to bring it to.
        let _ = old.execute_batch("DELETE FROM walk_cursor; DELETE FROM sync_walk");
    }
    drop(old);
    home
}

#[cfg(target_os = "linux")]
#[test]
fn an_upgrade_killed_at_any_step_is_finished_by_the_next_command() {
    use crate::never_lost::kill_steps::{fixed, kill_at_each_step};
    let (payer, donor) = lived_in();
    let start = of_schema(4, &payer, &donor);
    let old = kept(&start.warehouse());
    let expected = donor.digest();
    kill_at_each_step(&start, fixed(&["rebuild", "patient"]), |home, when| {
        for arguments in [&["rebuild", "patient"][..], &["verify"]] {
            let outcome = home.run(arguments);
            assert_eq!(outcome.code, 0, "{when}: {}{}", outcome.stdout, outcome.stderr);
        }
        let new = kept(&home.warehouse());
        old.iter().for_each(|(sql, rows)| assert_eq!(new[sql], *rows, "{when}"));
        assert_eq!(home.digest(), expected, "{when}");
    });
}

fn fixtures() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir("tests/fixtures/schemas")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

#[test]
fn a_warehouse_of_every_released_schema_comes_up_to_date_with_all_its_rows() {
    bless();
    let payer = Payer::start(Options { claims_per_member: 5, ..Options::default() });
    for fixture in fixtures() {
        let home = Home::new();
        payer.configure(&home, "page_size = 2\n");
        let old = home.warehouse();
        old.execute_batch(&fs::read_to_string(&fixture).unwrap()).unwrap();
        // The payer of this test is at another port.
        old.execute(
            "UPDATE walk_cursor SET next_url = replace(next_url, 'http://127.0.0.1:1', ?1)",
            [payer.origin()],
        )
        .unwrap();
        assert_eq!(kept(&old).len(), KEPT.len());
        drop(old);
        comes_up_to_date(&payer, &home, &fixture.display().to_string());
    }
}

/// Writes the fixture of this build's schema, if that is asked for and there is none.
fn bless() {
    let target =
        PathBuf::from(format!("tests/fixtures/schemas/V{:04}.sql", known_schema_version()));
    if std::env::var_os("PAYERSYNC_BLESS").is_none() || target.exists() {
        return;
    }
    let (payer, home) = lived_in();
    let tables = "SELECT name FROM view_table WHERE resource_type = 'Patient'";
    let text = dump(&home.warehouse(), &home.rows(tables).concat())
        .replace(&payer.origin(), "http://127.0.0.1:1");
    let first = format!("-- payersync {}\n", env!("CARGO_PKG_VERSION"));
    fs::write(target, first + &text).unwrap();
}

#[test]
fn a_release_has_a_fixture_of_its_schema() {
    let newest = fixtures().pop().unwrap();
    let text = fs::read_to_string(&newest).unwrap();
    let (known, had) = (known_schema_version(), version_of(&newest));
    let told = format!(
        "schema {known} has no fixture; the newest is {}. Before a version with it is released, run\n  \
         PAYERSYNC_BLESS=1 cargo nextest run -E 'test(/old_warehouses::/)'\nand commit the new file. \
         Those that are there stay as they are: they are what people have",
        newest.display()
    );
    // Until the version is raised nobody has a warehouse of the newer schema.
    let is_released = !text.starts_with(&format!("-- payersync {}\n", env!("CARGO_PKG_VERSION")));
    assert!(had == known || !is_released, "{told}");
    if had < known {
        eprintln!("NOTE: {told}");
    }
}
