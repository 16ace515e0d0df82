//! An older vault that is put back is noticed before its spent refresh token ends the grant.

use crate::support::Payer;
use payersync::sandbox::{Fault, Options};
use std::fs;

#[test]
fn an_older_vault_is_told_and_its_spent_token_stays_unsent() {
    let payer = Payer::start(Options {
        faults: vec![Fault::UnauthorizedMidWalk, Fault::ReuseRevokesGrant],
        ..Options::plain()
    });
    // So small pages that the walk over the claims has the second one, at which its token dies.
    let home = payer.connected_home_with("page_size = 2\n");
    let vault = home.file("vault.db");
    let older = fs::read(&vault).unwrap();
    home.succeed(&["sync"], "a consent");
    let newest = fs::read(&vault).unwrap();
    assert!(newest != older, "nothing was refreshed");
    let issued = payer.tokens();

    fs::write(&vault, &older).unwrap();
    for _ in 0..2 {
        let outcome = home.run(&["sync"]);
        assert_eq!(outcome.code, 3, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("holds older tokens"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("put the newest vault.db back"), "{}", outcome.stderr);
        assert_eq!(home.run(&["status"]).code, 3);
    }
    // Nor do commands that ask for one page, or look first whether the plan honours dates.
    let get: &[&str] = &["get", "Patient", "--connection", "john"];
    for command in [get, &["backfill", "john", "--from", "2024-01-01"]] {
        let outcome = home.run(command);
        assert_eq!(outcome.code, 3, "{command:?}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("holds older tokens"), "{}", outcome.stderr);
    }
    assert_eq!(payer.tokens(), issued, "a token was asked for");

    // The grant still lives.
    fs::write(&vault, &newest).unwrap();
    home.succeed(&["sync"], "the newest vault");
    // As it does with a new consent, whatever the vault held.
    fs::write(&vault, &older).unwrap();
    payer.connect(&home, "john", 0);
    home.succeed(&["sync"], "a new consent");
}
