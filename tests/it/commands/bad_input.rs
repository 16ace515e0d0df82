//! Wrong input: one clear message, what to do about it, the right exit code, and nothing damaged.

use crate::support::{Home, Outcome, Payer};
use payersync::sandbox::Options;
use std::{collections::BTreeMap, fs, net::TcpListener, os::unix::fs::PermissionsExt, path::Path};

/// A configuration whose plan is on this machine and answers nobody.
const DEAF: &str = "[http]\nmax_attempts = 1\n[plans.demo]\nfhir_url = \"http://127.0.0.1:9/r4\"\n\
    authorize_url = \"http://127.0.0.1:9/a\"\ntoken_url = \"http://127.0.0.1:9/t\"\nclient_id = \"x\"\n";

/// Every file of a folder with its bytes, but for the lock, which names its last owner, and what
/// SQLite keeps beside an open database.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let is_passing = name == "lock" || name.ends_with("-wal") || name.ends_with("-shm");
        if path.is_file() && !is_passing {
            found.insert(name, fs::read(path).unwrap());
        }
    }
    found
}

/// Runs a command that must fail, and looks whether it did so decently.
#[track_caller]
fn refused(home: &Home, arguments: &[&str], code: i32, error: &str, hint: &str) -> Outcome {
    let before = contents(home.path());
    let outcome = home.run(arguments);
    decent(&outcome, code, error, hint);
    let after = contents(home.path());
    let changed: Vec<_> = before
        .iter()
        .filter(|(name, bytes)| after.get(*name) != Some(bytes))
        .map(|(name, _)| name)
        .collect();
    assert!(changed.is_empty(), "{arguments:?} changed {changed:?}");
    outcome
}

#[track_caller]
fn decent(outcome: &Outcome, code: i32, error: &str, hint: &str) {
    let said = &outcome.stderr;
    assert_eq!(outcome.code, code, "{said}");
    let lines = |start: &str| -> Vec<&str> {
        said.lines().filter_map(|line| line.strip_prefix(start)).collect()
    };
    let (errors, hints) = (lines("error: "), lines("hint: "));
    assert!(errors.len() == 1 && errors[0].contains(error), "no error: {error}\n{said}");
    assert!(hints.len() == 1 && hints[0].contains(hint), "no hint: {hint}\n{said}");
    assert!(!errors[0].ends_with('.') && !hints[0].ends_with('.'), "{said}");
    assert!(outcome.stdout.is_empty(), "{}", outcome.stdout);
}

fn home_with(configuration: &str) -> Home {
    let home = Home::new();
    fs::write(home.file("payersync.toml"), configuration).unwrap();
    home
}

#[test]
fn an_empty_home_says_how_to_begin() {
    let home = Home::new();
    for command in [&["sync"][..], &["plan"], &["connect", "ann", "--plan", "demo"]] {
        refused(&home, command, 1, "there is no configuration at ", "`payersync init`");
    }
    for command in [&["status"][..], &["query", "SELECT 1"], &["rebuild"]] {
        refused(&home, command, 1, "there is no warehouse at ", "`payersync demo`");
    }
    assert!(contents(home.path()).is_empty());
}

#[test]
fn a_mistake_in_the_configuration_is_shown_with_its_line() {
    for (text, error) in [
        ("[sync]\n[plans.demo\n", "payersync.toml:2:12: "),
        ("[sync]\nshrink = 1\n", "payersync.toml:2:1: unknown key shrink; did you mean"),
        ("[http]\nmax_attempts = 0\n", "payersync.toml:2:16: "),
        ("[sync]\nshrink_limit_percent = 101\n", "sync.shrink_limit_percent is 101"),
        (
            "[plans.demo]\nfhir_url = \"http://example.org/r4\"\nclient_id = \"x\"\n",
            "plans.demo.fhir_url must be https",
        ),
        (
            "[plans.demo]\nfhir_url = \"https://h/r4\"\nclient_id = \"x\"\nclient_secret = \"hunter2\"\n",
            "a secret does not belong in this file",
        ),
    ] {
        let outcome = refused(&home_with(text), &["sync"], 1, error, "every key");
        assert!(!outcome.stderr.contains("hunter2"));
    }
}

#[test]
fn an_unknown_plan_is_answered_with_the_known_ones() {
    let home = home_with(DEAF);
    refused(&home, &["connect", "ann", "--plan", "acme"], 1, "has no plan acme", "plans: demo");
    let home = home_with("");
    refused(&home, &["connect", "ann", "--plan", "acme"], 1, "has no plan acme", "[plans.NAME]");
}

#[test]
fn a_secret_that_is_not_there_is_named() {
    let connect = ["connect", "ann", "--plan", "demo", "--code", "c"];
    let home = home_with(&format!("{DEAF}client_secret_env = \"PAYERSYNC_TEST_UNSET\"\n"));
    refused(
        &home,
        &connect,
        1,
        "PAYERSYNC_TEST_UNSET with the client secret is not set",
        "client_secret_file",
    );
    let home = home_with(&format!("{DEAF}client_secret_file = \"no.secret\"\n"));
    refused(&home, &connect, 1, "no.secret", "client_secret_file");
}

#[test]
fn a_name_that_is_none_is_refused_before_anything_is_asked() {
    let home = home_with(DEAF);
    for name in ["../ann", "", ".ann", "a b", "a/b"] {
        refused(
            &home,
            &["connect", name, "--plan", "demo", "--code", "c"],
            1,
            "cannot be a connection's name",
            "letters",
        );
    }
}

#[test]
fn a_plan_that_does_not_answer_is_unreachable() {
    let home = home_with(DEAF);
    refused(
        &home,
        &["connect", "ann", "--plan", "demo", "--code", "c"],
        4,
        "could not connect",
        "token_url",
    );
}

#[test]
fn a_wrong_secret_is_told_apart_from_a_wrong_code() {
    let payer = Payer::start(Options::default());
    let home = Home::new();
    payer.configure(&home, "");
    let connect = ["connect", "ann", "--plan", "demo", "--code", "spent-or-made-up"];
    refused(&home, &connect, 3, "", "`payersync connect`");
    fs::write(home.file("demo.secret"), "wrong").unwrap();
    // Not held to the byte: SQLite may move into the file what the first call left beside it.
    let outcome = home.run(&connect);
    decent(&outcome, 1, "", "client secret");
    assert!(
        !outcome.stderr.contains("spent-or-made-up") && !outcome.stderr.contains("wrong\""),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_url_that_no_consent_waits_for_is_refused() {
    let home = home_with(DEAF);
    let url = "http://127.0.0.1:8971/callback?code=c&state=s";
    refused(
        &home,
        &["connect", "ann", "--plan", "demo", "--code", url],
        1,
        "cannot be checked",
        "--code -",
    );
}

#[test]
fn a_callback_port_in_use_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let home = home_with(&format!("{DEAF}redirect_url = \"http://127.0.0.1:{port}/callback\"\n"));
    refused(
        &home,
        &["connect", "ann", "--plan", "demo", "--no-browser"],
        1,
        &port.to_string(),
        "--code -",
    );
}

#[test]
fn a_consent_that_never_comes_is_not_waited_for_for_ever() {
    let home = home_with(&format!("{DEAF}redirect_url = \"http://127.0.0.1:0/callback\"\n"));
    let outcome = home.run(&["connect", "ann", "--plan", "demo", "--no-browser", "--timeout", "0"]);
    decent(&outcome, 3, "", "--timeout");
    assert!(outcome.stderr.contains("Waiting up to 0 seconds for the answer at "), "{outcome:?}");
}

#[test]
fn a_home_that_cannot_be_is_refused() {
    let home = home_with("");
    let below = home.file("payersync.toml").join("below");
    for (place, error) in
        [(below.to_str().unwrap(), "cannot create "), ("/proc/payersync", "cannot create ")]
    {
        for command in ["init", "demo"] {
            // The later flag counts.
            let outcome = home.run(&[command, "--home", place]);
            decent(&outcome, 1, error, "--home");
        }
    }
    let outcome = home.run(&["sync", "--home", below.to_str().unwrap()]);
    decent(&outcome, 1, "cannot read ", "--home");
    let outcome = home.run(&["status", "--home", ""]);
    assert_eq!(outcome.code, 1);
    assert!(
        outcome.stderr.contains("error: a value is required for '--home"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn a_demo_does_not_move_into_a_real_home() {
    refused(&home_with(DEAF), &["demo"], 1, "is not the home of a demo", "--home");
}

#[test]
fn wrong_words_on_the_command_line_are_usage() {
    let home = Home::new();
    for (arguments, error) in [
        (&["bogus"][..], "unrecognized subcommand 'bogus'"),
        (&["sync", "--bogus"], "unexpected argument '--bogus'"),
        (&["sandbox", "--port", "70000"], "--port"),
        (&["demo", "--fault", "bogus"], "--list-faults"),
        (&["demo", "--members", "0"], "--members"),
        (&["query", "SELECT 1", "--format", "xml"], "possible values"),
        (&["tables", "--json", "--markdown"], "cannot be used with"),
        (&["export", "out", "--since", "x"], "is not a run: give a number"),
    ] {
        let outcome = home.run(arguments);
        assert_eq!(outcome.code, 1, "{arguments:?}");
        assert!(
            outcome.stderr.starts_with("error: ") && outcome.stderr.contains(error),
            "{}",
            outcome.stderr
        );
    }
    assert!(contents(home.path()).is_empty());
}

#[test]
fn an_unknown_table_is_refused() {
    let home = Home::new();
    refused(&home, &["tables", "claims"], 1, "there is no table claims", "`payersync tables`");
    refused(&home, &["rebuild", "claims"], 1, "there is no table claims", "`payersync tables`");
}

#[test]
fn without_a_connection_there_is_nothing_to_sync() {
    let home = home_with(DEAF);
    refused(&home, &["sync"], 1, "there is no connection yet", "payersync connect NAME");
}

#[test]
fn what_a_warehouse_does_not_have_is_refused_and_no_question_changes_it() {
    let payer = Payer::start(Options { claims_per_member: 2, ..Options::default() });
    let home = payer.connected_home();
    // The marts of a new connection are made by the next command that writes.
    home.succeed(&["rebuild"], "a consent");
    refused(&home, &["sync", "mary"], 1, "there is no connection mary", "john");
    refused(
        &home,
        &["sync", "--type", "patient"],
        1,
        "there is no resource type patient",
        "Patient",
    );
    refused(
        &home,
        &["plan", "--type", "Bogus"],
        1,
        "there is no resource type Bogus",
        "payersync plan",
    );
    assert_eq!(home.value::<i64>("SELECT count(*) FROM sync_walk"), 0);
    let elsewhere = home.file("elsewhere.db");
    let attach = format!("ATTACH '{}' AS other", elsewhere.display());
    let copy = format!("VACUUM INTO '{}'", elsewhere.display());
    for (sql, error) in [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM bogus", "no such table: bogus"),
        ("DELETE FROM connection", "only reads"),
        ("DROP TABLE connection", "only reads"),
        ("CREATE TEMP TABLE t (a)", "only reads"),
        ("PRAGMA query_only = 0", "not allowed"),
        ("PRAGMA journal_mode = DELETE", ""),
        ("PRAGMA user_version = 7", ""),
        (&attach, "not allowed"),
        (&copy, ""),
        ("SELECT 1; DELETE FROM connection", "one statement"),
    ] {
        let hint = if sql.contains("bogus") { "`payersync tables`" } else { "`payersync query" };
        let outcome = refused(&home, &["query", sql], 1, error, hint);
        assert!(!outcome.stderr.contains("Error code"), "{}", outcome.stderr);
    }
    refused(&home, &["query", " "], 1, "the query has no statement", "SELECT");
    refused(&home, &["query", "/* a */;"], 1, "the query has no statement", "query --help");
    let told = "completeness is kept by payersync";
    refused(&home, &["explain", "completeness", "1"], 1, told, "`payersync tables completeness`");
    assert!(!elsewhere.exists());
}

#[test]
fn what_is_no_warehouse_or_a_newer_one_is_left_as_it_is() {
    let home = home_with(DEAF);
    fs::write(
        home.file("warehouse.db"),
        "a letter to my aunt, long enough for the head of a page of a database",
    )
    .unwrap();
    let commands = [&["sync"][..], &["status"], &["query", "SELECT 1"], &["rebuild"], &["plan"]];
    for command in commands {
        refused(&home, command, 5, "is not a SQLite database", "move it away");
    }
    fs::rename(home.file("warehouse.db"), home.file("letter.db")).unwrap();
    let (letter, backup) = (home.file("letter.db"), "name a file that `payersync backup` wrote");
    let letter = letter.to_str().unwrap();
    refused(&home, &["restore", letter], 5, "is not a SQLite database", backup);
    refused(&home, &["restore", "no.db"], 1, "there is no warehouse at no.db", backup);
    assert_eq!(home.run(&["sync"]).code, 1);
    home.warehouse()
        .execute_batch(
            "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
             VALUES (9000, 'from_the_future', '2030-01-01T00:00:00Z', '1');
             PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .unwrap();
    for command in commands {
        refused(&home, command, 5, "has schema version 9000", "newer payersync");
    }
}

#[test]
fn a_vault_that_cannot_be_opened_is_left_as_it_is() {
    let payer = Payer::start(Options { claims_per_member: 2, ..Options::default() });
    let home = payer.connected_home();
    // The marts of a new connection are made by the next command that writes.
    home.succeed(&["rebuild"], "a consent");
    let mode = |name: &str, mode: u32| {
        fs::set_permissions(home.file(name), fs::Permissions::from_mode(mode)).unwrap()
    };
    for name in ["vault.db", "vault.key"] {
        mode(name, 0o644);
        refused(&home, &["sync"], 5, "can be read by others", "chmod 600");
        mode(name, 0o600);
    }
    let key = fs::read_to_string(home.file("vault.key")).unwrap();
    for (text, error) in [
        ("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "does not open the vault"),
        ("short", "is not a vault key"),
    ] {
        fs::write(home.file("vault.key"), text).unwrap();
        let outcome = refused(&home, &["sync"], 5, error, "key");
        assert!(!outcome.stderr.contains(text), "{}", outcome.stderr);
    }
    fs::remove_file(home.file("vault.key")).unwrap();
    refused(&home, &["sync"], 5, "vault.key is missing", "consent again");
    assert!(
        !home.file("vault.key").exists(),
        "a new key must not be made for tokens of an old one"
    );
    let output = home.command(&["sync"]).env("PAYERSYNC_VAULT_KEY", key.trim()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    fs::write(home.file("vault.key"), key).unwrap();
    mode("vault.key", 0o600);
    let vault = fs::read(home.file("vault.db")).unwrap();
    fs::write(
        home.file("vault.db"),
        "a letter to my aunt, long enough for the head of a page of a database",
    )
    .unwrap();
    refused(&home, &["sync"], 5, "is not a payersync vault", "move it away");
    fs::write(home.file("vault.db"), vault).unwrap();
    assert_eq!(home.run(&["sync"]).code, 0);
}
