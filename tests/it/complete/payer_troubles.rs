//! What a payer's trouble comes to beyond the table of faults: the exit code, the hint, the new consent.

use crate::{
    complete::fault_case::configure,
    support::{Home, Payer, Scripted, Watched, bundle},
};
use payersync::sandbox::{Fault, Options};
use std::fs;

#[test]
fn a_payer_that_is_not_there_is_unreachable_and_a_matter_of_exit_code_four() {
    let payer = Payer::start(Options::plain());
    let home = Home::new();
    configure(&payer, &home);
    payer.connect(&home, "john", 0);
    drop(payer);
    let ended = Watched::start(&home, &["sync"]).end();
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    let states = home.rows("SELECT DISTINCT state, reason FROM completeness");
    assert_eq!(states, [["incomplete", "unreachable"]]);
    assert_eq!(Watched::start(&home, &["status"]).end().code, 4);
}

/// A type that is not asked for by a search is a part of such a run, too: without it nothing would be open.
#[test]
fn types_that_are_only_read_or_not_granted_are_no_complete_run_while_the_payer_is_away() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home_with("search = { Patient = \"read\" }\n");
    drop(payer);
    let patient = home.run(&["sync", "--type", "Patient"]);
    assert_eq!(patient.code, 4, "{}", patient.stderr);
    let state = "SELECT state, reason FROM completeness WHERE resource_type = 'Patient'";
    assert_eq!(home.rows(state), [["incomplete", "unreachable"]]);

    let payer = Payer::start(Options { faults: vec![Fault::NarrowScope], ..Options::plain() });
    let home = payer.connected_home();
    drop(payer);
    let goal = home.run(&["sync", "--type", "Goal"]);
    assert_eq!(goal.code, 3, "{}", goal.stderr);
    let state = "SELECT state, reason FROM completeness WHERE resource_type = 'Goal'";
    assert_eq!(home.rows(state), [["incomplete", "not_granted"]]);
}

#[test]
fn a_next_page_at_another_origin_says_what_to_do_if_it_is_the_plans_own() {
    let faults = vec![Fault::NextForeignOrigin];
    let payer = Payer::start(Options { faults, ..Options::plain() });
    let home = payer.connected_home();
    let synced = home.run(&["sync", "--type", "ExplanationOfBenefit"]);
    assert_eq!(synced.code, 2, "{}", synced.stderr);
    for told in [synced.stderr, home.run(&["status"]).stdout] {
        assert!(told.contains("add it to the plan's proxied_origins"), "{told}");
    }
}

#[test]
fn get_follows_a_next_page_at_an_origin_that_the_configuration_calls_the_plans_own() {
    let payer = Scripted::start(&["Patient"], |asked| {
        let one = |id: &str| [format!(r#"{{"resourceType":"Patient","id":"{id}"}}"#)];
        match asked.number("page") {
            0 => {
                let next = "http://inside.example/r4/Patient?page=1".to_owned();
                bundle(&one("first"), None, Some(next))
            }
            _ => bundle(&one("second"), None, None),
        }
    });
    let home = payer.connected_home(&["Patient"], "");
    let get = ["get", "Patient", "--connection", "c", "--paginate"];
    let refused = home.run(&get);
    assert!(refused.code != 0 && !refused.stdout.contains("second"), "{}", refused.stdout);
    let text = fs::read_to_string(home.file("payersync.toml")).unwrap();
    let known = "proxied_origins = [\"http://inside.example\"]\n";
    fs::write(home.file("payersync.toml"), text + known).unwrap();
    let followed = home.run(&get);
    assert_eq!(followed.code, 0, "{}", followed.stderr);
    assert!(followed.stdout.contains("second"), "{}", followed.stdout);
}

#[test]
fn an_expired_token_without_a_refresh_token_needs_a_new_consent() {
    let faults = vec![Fault::NoRefreshToken];
    let payer = Payer::start(Options { faults, ..Options::plain() });
    let home = payer.connected_home();
    assert_eq!(Watched::start(&home, &["sync"]).end().code, 0);
    payer.expire_access_tokens();
    let ended = Watched::start(&home, &["sync"]).end();
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stderr.contains("payersync connect john"), "{}", ended.stderr);
    payer.connect(&home, "john", 0);
    assert_eq!(Watched::start(&home, &["sync"]).end().code, 0);
}

#[test]
fn a_grant_that_the_plan_revoked_needs_a_new_consent() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home();
    payer.expire_access_tokens();
    payer.revoke_grants();
    let ended = Watched::start(&home, &["sync"]).end();
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let states =
        home.rows("SELECT DISTINCT state, reason FROM completeness WHERE state != 'not_served'");
    assert_eq!(states, [["incomplete", "consent_needed"]]);
}

#[test]
fn a_plan_that_knows_no_grant_any_more_is_told_as_a_consent_that_is_needed() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home();
    payer.set_faults(vec![Fault::RevokedGrant]);
    let ended = Watched::start(&home, &["sync"]).end();
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let status = Watched::start(&home, &["status"]).end();
    assert_eq!(status.code, 3, "{}", status.stderr);
    for told in [ended.stderr, status.stdout] {
        assert!(told.contains("needs a new consent: GET "), "{told}");
        assert!(told.contains("hint: `payersync connect john --plan demo`"), "{told}");
    }
}

#[test]
fn a_plan_that_still_loads_the_members_data_is_asked_again_by_the_next_run_and_not_waited_for() {
    let types = ["Condition", "Observation"];
    let loading = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error",
        "code":"transient","details":{"text":"sync in progress"}}]}"#;
    let payer = Scripted::start(&types, |_| (429, loading.to_owned()));
    let home = payer.connected_home(&types, "");
    let begun = std::time::Instant::now();
    let outcome = home.run(&["sync"]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert!(begun.elapsed().as_secs() < 60, "the plan asks to wait for fifteen minutes");
    assert!(outcome.stderr.contains("still loading the member's data"), "{}", outcome.stderr);
    let ledger = "SELECT DISTINCT state, reason FROM completeness";
    assert_eq!(home.rows(ledger), [["incomplete", "still_loading"]]);
    assert_eq!(payer.asked().len(), types.len(), "each type once");
    payer.play(|asked| {
        let name = &asked.resource_type;
        bundle(&[format!(r#"{{"resourceType":"{name}","id":"1"}}"#)], Some(1), None)
    });
    home.succeed(&["sync"], "the data is loaded");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM resource"), 2);
}

/// A firewall in front of a plan refuses by rate with a web page: the plan has said nothing of the type.
#[test]
fn a_403_with_a_web_page_is_no_word_of_the_plans_and_the_next_run_asks_again() {
    let types = ["Condition", "Practitioner"];
    let page = "<html>\r\n<head><title>403 Forbidden</title></head></html>";
    let payer = Scripted::start(&types, move |_| (403, page.to_owned()));
    let home = payer.connected_home(&types, "");
    let blocked = home.run(&["sync"]);
    assert_eq!(blocked.code, 2, "{}", blocked.stderr);
    assert!(blocked.stderr.contains("requests_per_second"), "{}", blocked.stderr);
    let ledger = "SELECT resource_type, state, reason FROM completeness ORDER BY 1";
    let each =
        |state: &str, reason: &str| types.map(|name| [name, state, reason].map(str::to_owned));
    assert_eq!(home.rows(ledger), each("incomplete", "blocked"));
    // Some web servers answer so for what does not exist: a fine plan must not stay incomplete for ever. The
    // plan's own refusal has no page.
    for body in [page, "", page] {
        payer.play(move |_| (403, body.to_owned()));
        home.succeed(&["sync"], "the plan serves neither");
        assert!(!home.rows(ledger).concat().contains(&"incomplete".to_owned()), "{body}");
    }
    payer.play(|asked| {
        let name = &asked.resource_type;
        bundle(&[format!(r#"{{"resourceType":"{name}","id":"1"}}"#)], Some(1), None)
    });
    home.succeed(&["sync"], "the plan serves both");
    assert_eq!(home.rows(ledger), each("complete", ""));
    for night in 0..2 {
        payer.play(move |_| (403, page.to_owned()));
        assert_eq!(home.run(&["sync", "--full"]).code, 2, "night {night}: both came before");
        assert_eq!(home.rows(ledger), each("incomplete", "blocked"), "night {night}");
    }
}
