//! Which exit code comes of which ends, and that every word of the ledger is known.

use super::*;

fn incomplete(reason: Reason, http_status: Option<u16>) -> TypeOutcome {
    TypeOutcome { state: WalkState::Incomplete, reason: Some(reason), http_status }
}

const COMPLETE: TypeOutcome =
    TypeOutcome { state: WalkState::Complete, reason: None, http_status: None };

#[test]
fn every_word_finds_its_variant_and_none_stands_for_two() {
    for reason in Reason::ALL {
        assert_eq!(Reason::from_word(reason.as_str()), Some(*reason));
    }
    for state in WalkState::ALL {
        assert_eq!(WalkState::from_word(state.as_str()), Some(*state));
    }
    for kind in WalkKind::ALL {
        assert_eq!(WalkKind::from_word(kind.as_str()), Some(*kind));
    }
    assert_eq!(Reason::from_word("Complete"), None);
}

#[test]
fn types_that_are_not_served_are_counted_with_the_plans_way_to_say_so() {
    let left = |reason| TypeOutcome {
        state: WalkState::NotServed,
        reason: Some(reason),
        http_status: None,
    };
    let told = |types: &[TypeOutcome]| not_served(types).unwrap_or_default();
    assert_eq!(told(&[COMPLETE, left(Reason::NotListed)]), "");
    let forbidden = left(Reason::Forbidden);
    assert_eq!(told(&[COMPLETE, forbidden]), "1 type not served by the plan (403)");
    let both = [forbidden, forbidden, left(Reason::NotDeclared)];
    assert_eq!(told(&both), "3 types not served by the plan (403, not declared)");
}

#[test]
fn a_token_endpoint_that_is_down_is_an_unreachable_plan_whatever_was_complete_before() {
    let down = incomplete(Reason::TokenUnreachable, None);
    assert_eq!(exit_code(&[down], false), ExitCode::Unreachable);
    assert_eq!(exit_code(&[down, down], false), ExitCode::Unreachable);
    assert_eq!(exit_code(&[COMPLETE, down], false), ExitCode::Unreachable);
}

#[test]
fn a_plan_that_answered_for_one_type_is_not_unreachable() {
    let timeout = incomplete(Reason::Timeout, None);
    let gateway = incomplete(Reason::ServerError, Some(503));
    assert_eq!(exit_code(&[timeout, gateway], false), ExitCode::Unreachable);
    assert_eq!(exit_code(&[COMPLETE, timeout], false), ExitCode::Incomplete);
    let broken = incomplete(Reason::ServerError, Some(500));
    assert_eq!(exit_code(&[timeout, broken], false), ExitCode::Incomplete);
    let left = |http_status| TypeOutcome {
        state: WalkState::NotServed,
        reason: Some(Reason::NotFound),
        http_status,
    };
    assert_eq!(exit_code(&[timeout, left(Some(404))], false), ExitCode::Incomplete);
    assert_eq!(exit_code(&[timeout, left(None)], false), ExitCode::Unreachable);
}

#[test]
fn a_gap_that_was_known_before_says_nothing_of_whether_the_plan_answers() {
    let timeout = incomplete(Reason::Timeout, None);
    for reason in [Reason::NotAsked, Reason::NotRequested] {
        let gap = incomplete(reason, None);
        assert_eq!(exit_code(&[gap, timeout], false), ExitCode::Unreachable);
        assert_eq!(exit_code(&[gap], false), ExitCode::Incomplete);
    }
    let gap = incomplete(Reason::NotGranted, None);
    assert_eq!(exit_code(&[gap, timeout], false), ExitCode::ConsentNeeded);
}

#[test]
fn of_two_ends_the_one_that_tells_the_exit_code_outranks_the_other() {
    let timeout = incomplete(Reason::Timeout, None);
    let broken = incomplete(Reason::NotJson, None);
    let consent = incomplete(Reason::ConsentNeeded, None);
    let bug = incomplete(Reason::Bug, None);
    // A plan whose other answer was not JSON was reached.
    for pair in [[timeout, broken], [broken, consent], [timeout, consent], [consent, bug]] {
        assert!(pair[1].outranks(pair[0]) && !pair[0].outranks(pair[1]), "{pair:?}");
    }
    assert!(!timeout.outranks(timeout) && !COMPLETE.outranks(consent));
}

#[test]
fn a_needed_consent_and_a_bug_outrank_the_rest_and_rejects_are_incomplete() {
    let timeout = incomplete(Reason::Timeout, None);
    let consent = incomplete(Reason::ConsentNeeded, None);
    let bug = incomplete(Reason::Bug, None);
    assert_eq!(exit_code(&[timeout, consent], false), ExitCode::ConsentNeeded);
    assert_eq!(exit_code(&[consent, bug], false), ExitCode::Bug);
    let vault = incomplete(Reason::Vault, None);
    assert_eq!(exit_code(&[COMPLETE, vault], false), ExitCode::Warehouse);
    let client = incomplete(Reason::ClientRefused, None);
    assert_eq!(exit_code(&[COMPLETE, client], false), ExitCode::Usage);
    let configuration = incomplete(Reason::Configuration, None);
    assert_eq!(exit_code(&[COMPLETE, configuration], false), ExitCode::Usage);
    assert_eq!(exit_code(&[COMPLETE], true), ExitCode::Incomplete);
    assert_eq!(exit_code(&[], false), ExitCode::Complete);
}
