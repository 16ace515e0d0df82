//! A vault that can be read and not written: exit 5, what happened and what to do, and no token spent.

use crate::support::{Consenting, Home, Payer, SHORT_SYNC};
use payersync::sandbox::Fault;

fn in_vault(home: &Home, sql: &str) {
    rusqlite::Connection::open(home.file("vault.db")).unwrap().execute_batch(sql).unwrap();
}

fn fill(home: &Home, event: &str) {
    in_vault(
        home,
        &format!(
            "CREATE TRIGGER full BEFORE {event} ON stored_grant
             BEGIN SELECT RAISE(ABORT, 'no space left'); END"
        ),
    );
}

#[track_caller]
fn assert_told(code: i32, said: &str) {
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("vault.db") && said.contains("no space left"), "{said}");
    assert!(said.contains("hint: "), "{said}");
}

#[test]
fn a_sync_that_cannot_note_its_refresh_sends_nothing_and_exits_with_five() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "the consent");
    // A token that is sent a second time costs the consent.
    payer.set_faults(vec![Fault::ReuseRevokesGrant]);
    payer.expire_access_tokens();
    fill(&home, "UPDATE");
    payer.clear_requests();
    for arguments in [&["sync", "--type", "Patient"][..], &SHORT_SYNC] {
        let outcome = home.run(arguments);
        assert_told(outcome.code, &outcome.stderr);
        assert_eq!(home.run(&["status"]).code, 5);
    }
    let is_refresh = |path: &str| path.ends_with("/oauth2/token");
    assert!(!payer.requests().iter().any(|request| is_refresh(&request.path)));
    in_vault(&home, "DROP TRIGGER full");
    home.succeed(&SHORT_SYNC, "the vault can be written again");
    assert_eq!(home.run(&["status"]).code, 0);
}

#[test]
fn new_tokens_that_cannot_be_stored_are_not_used_and_the_run_exits_with_five() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    payer.expire_access_tokens();
    fill(&home, "UPDATE OF access");
    payer.clear_requests();
    let outcome = home.run(&SHORT_SYNC);
    assert_told(outcome.code, &outcome.stderr);
    let requests = payer.requests();
    let refreshed = requests.iter().position(|request| request.path.ends_with("/oauth2/token"));
    let later = &requests[refreshed.expect("a refresh")..];
    assert!(!later.iter().any(|request| request.path.contains("/r4/")), "a token was used");
}

#[test]
fn a_consent_that_cannot_be_stored_exits_with_five() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    fill(&home, "INSERT");
    let (code, said) = Consenting::start(&payer, &home, "demo", "mary", 0, &[]).answer().end();
    assert_told(code, &said);
    in_vault(&home, "DROP TRIGGER full");
    payer.connect(&home, "mary", 0);
}

#[test]
fn a_damaged_row_costs_its_own_connection_alone() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    payer.connect(&home, "mary", 0);
    in_vault(&home, "UPDATE stored_grant SET scope = 'more' WHERE name = 'john'");
    let synced = home.run(&SHORT_SYNC);
    assert_eq!(synced.code, 5, "{}", synced.stderr);
    assert!(synced.stderr.contains("is damaged"), "{}", synced.stderr);

    let metrics = home.run(&["status", "--prometheus"]);
    assert!(metrics.stderr.contains("is damaged"), "{}", metrics.stderr);
    for (name, needed) in [("john", " 1"), ("mary", " 0")] {
        let is_it =
            |line: &&str| line.starts_with("payersync_consent_needed{") && line.contains(name);
        let line = metrics.stdout.lines().find(is_it).unwrap();
        assert!(line.ends_with(needed), "{line}");
    }
    let doctor = home.run(&["doctor"]).stdout;
    assert!(doctor.contains("tokens of john: the vault's"), "{doctor}");

    payer.connect(&home, "john", 0);
    home.succeed(&SHORT_SYNC, "a new consent");
}
