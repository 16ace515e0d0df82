//! The access log is a chain: `verify` tells what was changed, removed or put in, and nothing sound
//! is called damaged.

use crate::support::{Dictated, Home};

/// A home whose log has five entries, of which the second and the fourth name a file.
fn home() -> (Dictated, Home) {
    let payer = Dictated::start();
    let home = payer.home("");
    backup(&home, "copy-of-john-smith.db");
    home.succeed(&["get", "Patient", "--connection", "john"], "a backup");
    backup(&home, "other.db");
    (payer, home)
}

fn backup(home: &Home, name: &str) {
    let file = home.file(name);
    home.succeed(&["backup", file.to_str().unwrap()], "what was done before");
}

fn change(home: &Home, sql: &str) {
    home.warehouse().execute_batch(sql).unwrap();
}

#[track_caller]
fn assert_clean(home: &Home, after: &str) -> String {
    let verified = home.run(&["verify"]);
    assert_eq!(verified.code, 0, "after {after}: {}", verified.stdout);
    verified.stdout
}

/// Each change, and what `verify` says of it.
const CHANGES: [(&str, &str); 14] = [
    ("UPDATE access_log SET at = '2020-01-01T00:00:00.000Z' WHERE id = 3", "entry 3 was changed"),
    ("UPDATE access_log SET os_user = 'mallory (uid 7)' WHERE id = 1", "entry 1 was changed"),
    ("UPDATE access_log SET command = 'get' WHERE id = 5", "entry 5 was changed"),
    ("UPDATE access_log SET connection_id = 2 WHERE id = 3", "entry 3 was changed"),
    (
        "UPDATE access_log SET target = '/elsewhere' WHERE id = 2",
        "the target of entry 2 was changed",
    ),
    ("UPDATE access_log SET detail = 'failed' WHERE id = 5", "the detail of entry 5 was changed"),
    ("UPDATE access_log SET at = x'00' WHERE id = 4", "entry 4 was changed"),
    ("UPDATE access_log SET digest = NULL WHERE id = 2", "entry 2 was changed"),
    (
        "UPDATE access_log SET target = NULL, target_salt = NULL WHERE id = 2",
        "the target of entry 2 was blanked by no purge",
    ),
    ("DELETE FROM access_log WHERE id = 3", "entry 4 does not follow entry 2: an entry between"),
    ("DELETE FROM access_log WHERE id = 1", "entry 2 is not the first"),
    ("DELETE FROM access_log WHERE id >= 4", "entries made: 5, entries left: 3"),
    (
        "INSERT INTO access_log (at, os_user, command) VALUES ('2030', 'me', 'get')",
        "entry 6 was changed or put in",
    ),
    (
        "UPDATE access_log SET id = 99 WHERE id = 2; UPDATE access_log SET id = 2 WHERE id = 3;
         UPDATE access_log SET id = 3 WHERE id = 99",
        "entry 2 was changed",
    ),
];

#[test]
fn each_change_is_told_with_the_number_of_the_entry() {
    let (_payer, sound) = home();
    assert!(assert_clean(&sound, "five entries").contains("note: hash up to entry 5: "));
    for (sql, told) in CHANGES {
        let home = sound.copy();
        change(&home, sql);
        let verified = home.run(&["verify"]);
        assert_eq!(verified.code, 5, "{sql}: {}", verified.stdout);
        assert!(verified.stdout.contains(told), "{sql}: {}", verified.stdout);
        assert!(verified.stderr.contains("has written to the access log"), "{}", verified.stderr);
    }
}

#[test]
fn what_is_entered_afterwards_mends_nothing() {
    let (_payer, sound) = home();
    for sql in [
        "DELETE FROM access_log WHERE id >= 4",
        "DELETE FROM access_log",
        "DELETE FROM access_log_chain",
        "DELETE FROM access_log_chain; UPDATE access_log SET digest = NULL WHERE id = 5",
        "UPDATE access_log SET digest = NULL",
    ] {
        let home = sound.copy();
        change(&home, sql);
        for round in 0..2 {
            let verified = home.run(&["verify"]);
            assert_eq!(verified.code, 5, "{sql}, round {round}: {}", verified.stdout);
            backup(&home, &format!("later-{round}.db"));
        }
    }
}

#[test]
fn a_purge_enters_no_path_of_a_copy_that_was_removed() {
    let (_payer, home) = home();
    std::fs::remove_file(home.file("copy-of-john-smith.db")).unwrap();
    home.succeed(&["purge", "john", "--yes"], "a copy that was rotated away");
    let entered = "SELECT count(*) FROM access_log WHERE instr(target, '…') > 0";
    assert_eq!(home.value::<i64>(entered), 0);
    assert_clean(&home, "the purge");
}

#[test]
fn a_purge_blanks_names_and_leaves_the_chain_whole() {
    let (payer, home) = home();
    home.succeed(&["purge", "john", "--yes"], "a log that names it");
    assert_clean(&home, "a purge");
    let left = home.rows("SELECT id FROM access_log WHERE instr(target, 'john') > 0");
    assert_eq!(left, Vec::<Vec<String>>::new());
    let blanked = home.rows("SELECT blanks FROM access_log WHERE command = 'purge'");
    assert_eq!(blanked, [["1,2"]]);
    let files = home.rows("SELECT count(target), count(target_salt) FROM access_log");
    // Entry 7 has the path without the name, so that later purges can name that copy.
    assert_eq!(files, [["3", "3"]]);
    let kept: String = home.value("SELECT target FROM access_log WHERE id = 7");
    assert!(kept.ends_with("/copy-of-…-smith.db"), "{kept}");

    // A connection that is called as a word of ours takes no word of ours along.
    let connected = home.run(&["connect", "encrypted", "--plan", "demo", "--code", "a-code"]);
    assert_eq!(connected.code, 0, "{}", connected.stderr);
    home.succeed(&["purge", "encrypted", "--yes"], "its consent");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM access_log WHERE detail IS NULL"), 1);
    assert_clean(&home, "another purge");

    // Nobody else can say that a purge did it.
    change(&home, "UPDATE access_log SET detail = NULL, detail_salt = NULL WHERE id = 5");
    let verified = home.run(&["verify"]);
    assert!(verified.stdout.contains("entry 5 was blanked by no purge"), "{}", verified.stdout);
    drop(payer);
}

#[test]
fn a_backup_has_the_chain_as_it_was_and_a_restore_goes_on_with_it() {
    let (_payer, home) = home();
    let elsewhere = Home::new();
    std::fs::copy(home.file("vault.key"), elsewhere.file("vault.key")).unwrap();
    let copy = home.file("other.db");
    elsewhere.succeed(&["restore", copy.to_str().unwrap()], "a backup");
    // The copy was made between its first entry and its second.
    assert!(assert_clean(&elsewhere, "a restore").contains("note: hash up to entry 5: "));
    let last = "SELECT command FROM access_log ORDER BY id DESC LIMIT 1";
    assert_eq!(elsewhere.value::<String>(last), "restore");
}

#[test]
fn a_log_from_before_it_was_a_chain_is_sealed_with_the_next_entry() {
    let (_payer, home) = home();
    change(
        &home,
        "UPDATE access_log SET digest = NULL, target_salt = NULL, target_seal = NULL,
           detail_salt = NULL, detail_seal = NULL;
         DELETE FROM access_log_chain",
    );
    assert!(assert_clean(&home, "an upgrade").contains("note: from before entries were chained"));
    backup(&home, "first-of-the-chain.db");
    assert!(assert_clean(&home, "the next entry").contains("note: hash up to entry 7: "));
    change(&home, CHANGES[0].0);
    assert_eq!(home.run(&["verify"]).code, 5);
}

#[test]
fn entries_of_commands_beside_each_other_make_one_chain() {
    let (_payer, home) = home();
    let files: Vec<String> =
        (0..6).map(|at| home.file(&format!("beside-{at}.db")).display().to_string()).collect();
    let children: Vec<_> =
        files.iter().map(|file| home.command(&["backup", file]).spawn().unwrap()).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert!(assert_clean(&home, "six backups").contains("note: hash up to entry 17: "));
}
