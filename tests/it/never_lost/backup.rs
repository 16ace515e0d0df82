//! A backup is one instant, whole, private, free of secrets, and leads back.

use crate::support::{Home, Payer};
use payersync::sandbox::Options;
use std::{fs, process::Stdio};

#[test]
fn a_backup_taken_while_a_sync_writes_is_whole_and_the_way_back() {
    let payer = Payer::start(Options {
        page_delay: std::time::Duration::from_millis(5),
        ..Options::default()
    });
    let home = payer.connected_home();
    let mut sync =
        home.command(&["sync"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut taken = Vec::new();
    while sync.try_wait().unwrap().is_none() {
        let name = home.file(&format!("copy-{}.db", taken.len()));
        let outcome = home.run(&["backup", name.to_str().unwrap()]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        taken.push(name);
    }
    assert!(!taken.is_empty());
    let elsewhere = || {
        let elsewhere = Home::new();
        // A build that encrypts opens such a copy with the same key alone.
        fs::copy(home.file("vault.key"), elsewhere.file("vault.key")).unwrap();
        elsewhere
    };
    let last = home.file("last.db");
    assert_eq!(home.run(&["backup", last.to_str().unwrap()]).code, 0);
    taken.push(last.clone());
    for copy in &taken {
        let elsewhere = elsewhere();
        let restored = elsewhere.run(&["restore", copy.to_str().unwrap()]);
        assert_eq!(restored.code, 0, "{}", restored.stderr);
        // What a page brought is there as a whole: rows, cursor, counts.
        let verified = elsewhere.run(&["verify"]);
        assert_eq!(verified.code, 0, "{}", verified.stdout);
    }
    let elsewhere = elsewhere();
    assert_eq!(elsewhere.run(&["restore", last.to_str().unwrap()]).code, 0);
    let resources = "SELECT connection_id, resource_type, resource_id, json FROM resource";
    assert!(!home.rows(resources).is_empty());
    assert_eq!(elsewhere.rows(resources), home.rows(resources));
    let logged = home.value::<i64>(
        "SELECT count(*) FROM access_log WHERE command = 'backup' AND detail <> 'begun'",
    );
    assert_eq!(logged as usize, taken.len());
}

#[test]
fn a_backup_is_private_has_no_secret_and_overwrites_nothing() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync"]).code, 0);
    let copy = home.file("copy.db");
    let arguments = ["backup", copy.to_str().unwrap()];
    assert_eq!(home.run(&arguments).code, 0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let bytes = fs::read(&copy).unwrap();
    let key = fs::read_to_string(home.file("vault.key")).unwrap();
    for secret in [payer.client_secret(), key.trim()] {
        assert!(!bytes.windows(secret.len()).any(|text| text == secret.as_bytes()));
    }
    let again = home.run(&arguments);
    assert_eq!(again.code, 1, "{}", again.stderr);
    assert!(fs::read(&copy).unwrap() == bytes);
    let over = home.run(&["restore", copy.to_str().unwrap()]);
    assert_eq!(over.code, 1, "{}", over.stderr);
    let hint = "name a new home with --home, or move warehouse.db aside";
    assert!(over.stderr.contains(hint), "{}", over.stderr);
    assert!(again.stderr.contains("name another file"), "{}", again.stderr);
    let elsewhere = Home::new();
    fs::copy(home.file("vault.key"), elsewhere.file("vault.key")).unwrap();
    let restored = elsewhere.run(&["restore", copy.to_str().unwrap()]);
    let next = "Next: put payersync.toml back, then `payersync sync`";
    assert!(restored.code == 0 && restored.stderr.contains(next), "{}", restored.stderr);
    let elsewhere = Home::new();
    fs::copy(home.file("vault.key"), elsewhere.file("vault.key")).unwrap();
    payer.configure(&elsewhere, "");
    let restored = elsewhere.run(&["restore", copy.to_str().unwrap()]);
    assert!(restored.stderr.contains("Next: `payersync sync`"), "{}", restored.stderr);
    let names: Vec<_> = fs::read_dir(home.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("copy"))
        .collect();
    assert_eq!(names, ["copy.db"]);
}

#[test]
fn a_damaged_warehouse_or_copy_is_noticed_and_leaves_nothing_behind() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync"]).code, 0);
    let copy = home.file("copy.db");
    assert_eq!(home.run(&["backup", copy.to_str().unwrap()]).code, 0);
    let page: usize = home.value(
        "SELECT pageno FROM dbstat WHERE name = 'resource' AND pagetype = 'leaf' LIMIT 1 OFFSET 3",
    );
    for file in [&copy, &home.file("warehouse.db")] {
        let mut bytes = fs::read(file).unwrap();
        bytes[(page - 1) * 4096..][..2048].fill(0x5a);
        fs::write(file, bytes).unwrap();
    }
    let second = home.file("second.db");
    let refused = home.run(&["backup", second.to_str().unwrap()]);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    let elsewhere = Home::new();
    let refused = elsewhere.run(&["restore", copy.to_str().unwrap()]);
    assert_eq!(refused.code, 5, "{}", refused.stderr);
    for absent in [second, home.file("second.db.partial"), elsewhere.file("warehouse.db")] {
        assert!(!absent.exists(), "{}", absent.display());
    }
    let foreign = home.file("foreign.db");
    rusqlite::Connection::open(&foreign).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert_eq!(elsewhere.run(&["restore", foreign.to_str().unwrap()]).code, 1);
}

#[test]
fn a_backup_with_a_trigger_or_view_that_is_not_ours_is_refused_and_named() {
    let payer = Payer::start(Options { claims_per_member: 2, ..Options::default() });
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync"]).code, 0);
    let copy = home.file("copy.db");
    home.succeed(&["backup", copy.to_str().unwrap()], "a sync");
    let elsewhere = Home::new();
    fs::copy(home.file("vault.key"), elsewhere.file("vault.key")).unwrap();
    let restore = |file: &std::path::Path| elsewhere.run(&["restore", file.to_str().unwrap()]);
    for (change, named) in [
        (
            "CREATE TRIGGER steal AFTER INSERT ON resource BEGIN DELETE FROM access_log; END",
            "trigger steal",
        ),
        ("CREATE VIEW mine AS SELECT 1 AS x", "view mine"),
        (
            "DROP VIEW completeness; CREATE VIEW completeness AS SELECT 'complete' AS state",
            "view completeness",
        ),
        ("DROP VIEW enrollment; CREATE VIEW enrollment AS SELECT 1 AS x", "view enrollment"),
        // As nobody but an attacker writes it, and as SQLite runs it all the same.
        (
            "CREATE TRIGGER hidden AFTER INSERT ON sync_run BEGIN DELETE FROM access_log; END;
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET type = 'TRIGGER' WHERE name = 'hidden'",
            "trigger hidden",
        ),
        (
            "CREATE VIRTUAL TABLE hidden USING fts5(a);
             PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = 'CREATE/**/VIRTUAL TABLE hidden USING fts5(a)'
             WHERE name = 'hidden'",
            "virtual table hidden",
        ),
    ] {
        home.warehouse().execute_batch(change).unwrap();
        let changed = home.file("changed.db");
        home.succeed(&["backup", changed.to_str().unwrap()], named);
        let outcome = restore(&changed);
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains(named), "{named}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("\nhint: "), "{}", outcome.stderr);
        assert!(!elsewhere.names().iter().any(|name| name.starts_with("warehouse.db")));
        for command in [&["verify"][..], &["doctor", "--offline"]] {
            let said = home.run(command).stdout;
            assert!(said.contains(named), "{command:?}: {said}");
        }
        fs::remove_file(&changed).unwrap();
        // As it was before.
        fs::remove_file(home.file("warehouse.db")).unwrap();
        home.succeed(&["restore", copy.to_str().unwrap()], named);
    }
    // What says to be another version's is made anew with the next run.
    home.warehouse()
        .execute_batch(
            "DROP VIEW enrollment; CREATE VIEW enrollment AS SELECT 1 AS x;
             UPDATE mart_table SET definition_hash = x'00' WHERE name = 'enrollment'",
        )
        .unwrap();
    let older = home.file("older.db");
    home.succeed(&["backup", older.to_str().unwrap()], "a mart of an older version");
    elsewhere.succeed(&["restore", older.to_str().unwrap()], "a mart of an older version");
    elsewhere.succeed(&["rebuild"], "a restore");
    let rows = "SELECT * FROM enrollment";
    let copied = Home::new();
    fs::copy(home.file("vault.key"), copied.file("vault.key")).unwrap();
    copied.succeed(&["restore", copy.to_str().unwrap()], "the sound backup");
    assert_eq!(elsewhere.rows(rows), copied.rows(rows));
}
