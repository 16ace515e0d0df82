//! A refresh that is killed, or whose disk fails, at each of its steps: the promise that a rotated
//! refresh token is durable before anything uses its access token.
#![cfg(target_os = "linux")]

use crate::support::{Faulty, Home, Payer};
use payersync::sandbox::{Fault, Options};

/// Refreshes, and waits for no lock but the connection's.
const GET: [&str; 4] = ["get", "Patient", "--connection", "john"];
const STEPS: usize = 60;

/// A payer that ends the whole grant when a spent refresh token comes back.
fn strict() -> (Payer, Home) {
    let payer = Payer::start(Options { claims_per_member: 1, ..Options::plain() });
    payer.set_faults(vec![Fault::ReuseRevokesGrant]);
    let home = payer.connected_home();
    (payer, home)
}

/// Whether the payer was asked for tokens, and for data after it had answered.
fn asked(payer: &Payer) -> (bool, bool) {
    let requests = payer.requests();
    let refreshed = requests.iter().position(|request| request.path.ends_with("/oauth2/token"));
    let used = |at: usize| requests[at..].iter().any(|request| request.path.ends_with("/Patient"));
    (refreshed.is_some(), refreshed.is_some_and(used))
}

/// Commits of the vault: the note that a refresh begins, then the tokens that came of it.
fn committed(steps: &[String]) -> usize {
    steps.iter().filter(|step| *step == "unlink vault.db-journal").count()
}

/// The member consents once more.
fn consent_anew(payer: &Payer, home: &Home, told: &str, when: &str) {
    assert!(told.contains("payersync connect john --plan demo"), "{when}: {told}");
    payer.connect(home, "john", 0);
    assert_eq!(home.run(&GET).code, 0, "{when}");
}

#[test]
fn a_refresh_killed_at_any_step_loses_a_consent_only_between_the_answer_and_its_commit() {
    let Some(faulty) = Faulty::build() else { return };
    let (payer, home) = strict();
    payer.expire_access_tokens();
    let counted = faulty.count(&home, &GET);
    assert_eq!(counted.ended.code, 0, "{}", counted.ended.stderr);
    assert_eq!(committed(&counted.steps), 2, "{:?}", counted.steps);
    let (mut kills, mut consents) = (0, 0);
    for (at, how) in counted.kills(STEPS) {
        payer.expire_access_tokens();
        payer.clear_requests();
        let run = faulty.run(&home, &GET, at, how);
        let when = format!("{how} at {at} of {}, {}", counted.steps.len(), run.step(at));
        let (is_asked, is_used) = asked(&payer);
        let is_saved = committed(&run.steps) == 2;
        assert!(is_saved || !is_used, "{when}: a token was used that is not on the disk");
        kills += usize::from(run.ended.code == -1);
        let next = home.run(&GET);
        if is_asked && !is_saved {
            // The old token is spent, and the new one was in the memory of the killed process.
            assert_eq!(next.code, 3, "{when}: {}", next.stderr);
            consents += 1;
            consent_anew(&payer, &home, &next.stderr, &when);
        } else {
            assert_eq!(next.code, 0, "{when}: {}", next.stderr);
        }
    }
    eprintln!("refresh: {} steps, {kills} kills, {consents} consents", counted.steps.len());
    assert!(consents > 0 && kills > consents, "{consents} of {kills}");
}

#[test]
fn a_disk_that_fails_during_a_refresh_lets_no_token_out_that_is_not_on_it() {
    let Some(faulty) = Faulty::build() else { return };
    let (payer, home) = strict();
    payer.expire_access_tokens();
    let counted = faulty.count(&home, &GET);
    let (mut failed, mut consents) = (0, 0);
    for (at, what) in counted.failures(STEPS) {
        payer.expire_access_tokens();
        payer.clear_requests();
        let run = faulty.run(&home, &GET, at, what);
        let when = format!("{what} at {at} of {}, {}", counted.steps.len(), run.step(at));
        let (is_asked, is_used) = asked(&payer);
        if run.ended.code != 0 {
            failed += 1;
            run.assert_decent(&when);
            assert!(!is_used || !is_asked, "{when}: a token was used that is not on the disk");
        }
        // A disk that is full, or cannot be written, before the token is sent keeps it from that.
        let is_begun = committed(&run.steps[..run.steps.len().min(at - 1)]) > 0;
        assert!(!is_asked || is_begun || what.starts_with("once:"), "{when}");
        let next = home.run(&GET);
        if next.code == 3 && is_asked {
            consents += 1;
            consent_anew(&payer, &home, &next.stderr, &when);
        } else {
            assert_eq!(next.code, 0, "{when}: {}", next.stderr);
        }
    }
    eprintln!("refresh: {} steps, {failed} failed, {consents} consents", counted.steps.len());
    assert!(failed > 0);
}
