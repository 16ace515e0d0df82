//! docs/upgrading.md: its commands, what an older warehouse answers meanwhile, which backups fit.

use super::old_warehouses::migrations;
use crate::support::{Home, Payer, bash, scripts};
use payersync::{sandbox::Options, warehouse::known_schema_version};
use std::{
    fs::{self, File},
    io::Write,
};

const FROM_THE_FUTURE: &str =
    "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
  VALUES (9000, 'from_the_future', '2030-01-01T00:00:00Z', '1');
  PRAGMA wal_checkpoint(TRUNCATE);";

const SCHEMA: &str = "SELECT max(version) FROM refinery_schema_history";

fn payer() -> Payer {
    Payer::start(Options { claims_per_member: 2, ..Options::default() })
}

#[test]
fn the_way_back_from_a_newer_version_is_the_backup() {
    let payer = payer();
    let home = payer.connected_home();
    home.succeed(&["sync", "--type", "Patient"], "a consent");
    let page = fs::read_to_string("docs/upgrading.md").unwrap();
    let [before, back] = <[String; 2]>::try_from(scripts(&page)).unwrap();
    let work = tempfile::tempdir().unwrap();
    let ok = |script: &str| {
        let outcome = bash(script, work.path(), home.path(), &[]);
        assert_eq!(outcome.code, 0, "{script}: {}{}", outcome.stdout, outcome.stderr);
        outcome.stdout
    };
    let resources = home.rows("SELECT resource_id, json FROM resource ORDER BY id");
    ok(&before);
    home.warehouse().execute_batch(FROM_THE_FUTURE).unwrap();
    assert_eq!(home.run(&["sync"]).code, 5);
    ok(&back);
    assert_eq!(home.rows("SELECT resource_id, json FROM resource ORDER BY id"), resources);
    home.succeed(&["verify"], "the restore");
    // The tokens stayed in the vault.
    home.succeed(&["sync", "--type", "Patient"], "the restore");
    let shown = page.lines().find_map(|line| line.strip_prefix("`payersync query \"")).unwrap();
    let sql = shown.split('"').next().unwrap();
    assert_eq!(sql, SCHEMA);
    let version = ok(&format!("payersync query --format csv '{sql}'"));
    assert!(version.ends_with(&format!("\n{}\n", known_schema_version())), "{version}");
}

/// A home with a warehouse of an earlier schema, as a release wrote it.
fn older() -> Home {
    home_of_schema(12)
}

fn home_of_schema(version: u32) -> Home {
    let home = Home::new();
    let text = fs::read_to_string(format!("tests/fixtures/schemas/V{version:04}.sql")).unwrap();
    if cfg!(feature = "encryption") {
        home.succeed(&["rebuild"], "nothing");
        fs::remove_file(home.file("warehouse.db")).unwrap();
    }
    home.warehouse().execute_batch(&text).unwrap();
    assert_eq!(home.value::<u32>(SCHEMA), version);
    home
}

#[test]
fn an_older_warehouse_is_asked_as_it_was_until_something_writes() {
    let home = older();
    let query = ["query", "--format", "csv", SCHEMA];
    let outcome = home.run(&query);
    assert_eq!((outcome.code, outcome.stdout.ends_with("\n12\n")), (0, true), "{outcome:?}");
    let outcome = home.run(&["verify"]);
    assert_eq!(outcome.code, 1, "{outcome:?}");
    assert!(outcome.stderr.contains("has the tables of an older payersync"), "{outcome:?}");
    assert!(outcome.stderr.contains("payersync rebuild"), "{outcome:?}");
    // Its ledger lacks columns that the state is read from. That is no damage (5).
    for more in [&[][..], &["--json"], &["--prometheus"], &["--calendar"]] {
        let outcome = home.run(&[&["status"], more].concat());
        assert_eq!((outcome.code, outcome.stdout.as_str()), (1, ""), "{more:?}: {outcome:?}");
        assert!(outcome.stderr.contains("has the tables of an older payersync"), "{outcome:?}");
        assert!(outcome.stderr.contains("payersync rebuild"), "{outcome:?}");
    }
    let outcome = home.run(&["doctor"]);
    assert!(outcome.stdout.contains("has the tables of an older payersync"), "{outcome:?}");
    assert!(!outcome.stdout.contains("no such column"), "{outcome:?}");
    assert_eq!(home.value::<u32>(SCHEMA), 12, "a reader has written");
    home.succeed(&["rebuild"], "an upgrade");
    home.succeed(&["verify"], "a rebuild");
    assert_eq!(home.value::<u32>(SCHEMA), known_schema_version());
    // This one's ledger lacks a table, too. The calendar needs only the consents, which have their ends.
    let home = home_of_schema(28);
    let outcome = home.run(&["status"]);
    assert!(outcome.stderr.contains("has the tables of an older payersync"), "{outcome:?}");
    let outcome = home.run(&["status", "--calendar"]);
    assert!(outcome.stderr.contains("no connection's consent has a known end"), "{outcome:?}");
}

#[test]
fn no_command_migrates_a_warehouse_beside_a_run_of_the_older_payersync() {
    let payer = payer();
    let home = older();
    payer.configure(&home, "");
    let mut lock = File::create(home.write_private("lock", "")).unwrap();
    lock.lock().unwrap();
    writeln!(lock, "`payersync sync`, process 7, since yesterday").unwrap();
    for arguments in [
        &["plan"][..],
        &["get", "Patient", "--connection", "john"],
        &["connect", "ann", "--plan", "demo", "--code", "-"],
        &["sync"],
    ] {
        let outcome = home.run(arguments);
        assert_eq!(outcome.code, 6, "{arguments:?}: {outcome:?}");
        assert!(outcome.stderr.contains("process 7"), "{arguments:?}: {outcome:?}");
        assert_eq!(home.value::<u32>(SCHEMA), 12, "{arguments:?}");
    }
    let outcome = home.run(&["plan"]);
    assert!(outcome.stderr.contains("has the tables of an older payersync"), "{outcome:?}");
    // What only reads goes on.
    assert_eq!(home.run(&["query", SCHEMA]).code, 0);
    drop(lock);
    home.run(&["get", "Patient", "--connection", "john"]);
    assert_eq!(home.value::<u32>(SCHEMA), known_schema_version());
}

#[test]
fn a_backup_of_an_earlier_schema_comes_up_to_date_and_a_later_one_is_refused() {
    let old = older();
    let copy = old.file("copy.db");
    old.succeed(&["backup", copy.to_str().unwrap()], "an upgrade");
    let elsewhere = || {
        let elsewhere = Home::new();
        if cfg!(feature = "encryption") {
            fs::copy(old.file("vault.key"), elsewhere.file("vault.key")).unwrap();
        }
        elsewhere
    };
    let home = elsewhere();
    home.succeed(&["restore", copy.to_str().unwrap()], "a backup");
    let resources = "SELECT resource_type, resource_id, json FROM resource ORDER BY id";
    home.succeed(&["rebuild"], "the restore");
    home.succeed(&["verify"], "the restore");
    assert!(!home.rows(resources).is_empty());
    assert_eq!(home.rows(resources), old.rows(resources));

    home.warehouse().execute_batch(FROM_THE_FUTURE).unwrap();
    let later = home.file("warehouse.db");
    let home = elsewhere();
    let outcome = home.run(&["restore", later.to_str().unwrap()]);
    assert_eq!(outcome.code, 5, "{outcome:?}");
    assert!(outcome.stderr.contains("has schema version 9000"), "{outcome:?}");
    assert!(!home.file("warehouse.db").exists());
}

#[test]
fn a_warehouse_older_than_the_access_log_is_backed_up_and_restored() {
    let old = Home::new();
    if cfg!(feature = "encryption") {
        old.succeed(&["rebuild"], "nothing");
        fs::remove_file(old.file("warehouse.db")).unwrap();
    }
    let warehouse = old.warehouse();
    migrations(7).iter().for_each(|migration| warehouse.execute_batch(migration).unwrap());
    warehouse
        .execute_batch(
            "CREATE TABLE refinery_schema_history (version int4 PRIMARY KEY, name VARCHAR(255),
               applied_on VARCHAR(255), checksum VARCHAR(255));
             INSERT INTO refinery_schema_history
               VALUES (7, 'the_seventh', '2025-01-01T00:00:00Z', '1');",
        )
        .unwrap();
    drop(warehouse);
    let logs = "SELECT count(*) FROM sqlite_schema WHERE name = 'access_log'";
    assert_eq!(old.value::<i64>(logs), 0);
    let copy = old.file("copy.db");
    let new = Home::new();
    if cfg!(feature = "encryption") {
        fs::copy(old.file("vault.key"), new.file("vault.key")).unwrap();
    }
    for (home, command, done) in [(&old, "backup", "Backed up "), (&new, "restore", "Restored ")] {
        let outcome = home.run(&[command, copy.to_str().unwrap()]);
        assert_eq!(outcome.code, 0, "{outcome:?}");
        assert!(outcome.stderr.contains(done), "{outcome:?}");
        assert_eq!(outcome.stderr.matches("Not entered in the access log").count(), 1);
        assert_eq!(home.value::<u32>(SCHEMA), 7, "{command}");
    }
}

/// Of the absences of what no list has brought, those that a read can still prove stay.
#[test]
fn what_no_list_has_brought_is_noted_and_only_a_read_still_proves_that_it_is_gone() {
    let all = migrations(known_schema_version());
    let noting = all.iter().position(|it| it.contains("CREATE TABLE resource_unlisted")).unwrap();
    let warehouse = rusqlite::Connection::open_in_memory().unwrap();
    all[..noting].iter().for_each(|migration| warehouse.execute_batch(migration).unwrap());
    warehouse
        .execute_batch(
            "INSERT INTO connection (id, uid, name, created_at) VALUES (1, 'u', 'ann', '2026-01-01');
             INSERT INTO sync_run (id, command, version, state, started_at)
               VALUES (1, 'sync', '', 'complete', '2026-01-01');
             -- The second list of organizations was walked by parts, whose rejects its row does not have.
             INSERT INTO sync_walk (id, run_id, connection_id, resource_type, mode, state, started_at,
                 walk_started_at, first_url)
               VALUES (1, 1, 1, 'Practitioner', 'reference', 'complete', '2026-01-01', '2026-01-01', NULL),
                 (2, 1, 1, 'Practitioner', 'full', 'complete', '2026-02-01', '2026-02-01', 'u'),
                 (3, 1, 1, 'Organization', 'reference', 'complete', '2026-01-01', '2026-01-01', NULL),
                 (4, 1, 1, 'Organization', 'full', 'complete', '2026-02-01', '2026-02-01', NULL);
             INSERT INTO type_state (connection_id, resource_type, last_full_at)
               VALUES (1, 'Practitioner', '2026-02-01'), (1, 'Organization', '2026-02-01');
             INSERT INTO resource (connection_id, resource_type, resource_id, content_hash, json,
                 walk_id, received_at)
               VALUES (1, 'Practitioner', 'met', x'00', '{}', 1, '2026-01-01'),
                 (1, 'Practitioner', 'later', x'00', '{}', 1, '2026-03-01'),
                 (1, 'Practitioner', 'unasked', x'00', '{}', 1, '2026-01-01'),
                 (1, 'Practitioner', 'refused', x'00', '{}', 1, '2026-01-01'),
                 (1, 'Practitioner', 'unanswered', x'00', '{}', 1, '2026-01-01'),
                 (1, 'Practitioner', 'listed', x'00', '{}', 2, '2026-02-01'),
                 (1, 'Organization', 'parts', x'00', '{}', 3, '2026-01-01');
             INSERT INTO absent_resource (connection_id, resource_type, resource_id, state,
                 missed_since, missed_at, walk_id, http_status)
               VALUES (1, 'Practitioner', 'unasked', 'pending', '2026-02-01', '2026-02-01', 2, NULL),
                 (1, 'Practitioner', 'refused', 'pending', '2026-02-01', '2026-02-01', 2, 403),
                 (1, 'Practitioner', 'unanswered', 'pending', '2026-02-01', '2026-02-01', 2, 503),
                 (1, 'Practitioner', 'listed', 'pending', '2026-02-01', '2026-02-01', 2, 403);",
        )
        .unwrap();
    warehouse.execute_batch(&all[noting]).unwrap();
    let rows = |sql: &str| -> Vec<String> {
        let mut statement = warehouse.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    let noted = "SELECT r.resource_id FROM resource_unlisted u JOIN resource r ON r.id = u.resource
                 ORDER BY r.id";
    assert_eq!(rows(noted), ["later", "unasked", "refused", "unanswered", "parts"]);
    let absences = "SELECT resource_id || ' ' || substr(missed_since, 1, 4) || ' '
                      || substr(missed_at, 1, 4) FROM absent_resource ORDER BY 1";
    assert_eq!(rows(absences), ["listed 2026 2026", "unanswered 9999 9999", "unasked 9999 9999"]);
}
