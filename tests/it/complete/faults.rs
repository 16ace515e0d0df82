//! Every fault that the sandbox knows, through the real binary, in a first run, in a second one, in
//! a full one and in one that resumes a walk: the right exit code, the right ledger row, nothing
//! silently short, no request to another origin, no hang; and once the payer is well again the next
//! run makes everything complete.

use crate::{
    complete::fault_case::{Case, configure},
    complete::fault_table::{Phase, Row, TABLE, expected},
    support::{Home, Payer, Watched},
};
use payersync::sandbox::{Fault, Options};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

/// Cases at the same time: most of them wait.
const THREADS: usize = 6;

#[test]
fn every_fault_has_one_row() {
    let page = include_str!("../../../docs/faults.md");
    for fault in Fault::ALL {
        let rows = TABLE.iter().filter(|row| row.fault == *fault).count();
        assert_eq!(rows, 1, "{fault}");
        let rows = page.matches(&format!("\n| {fault} | ")).count();
        assert_eq!(rows, 1, "{fault} in docs/faults.md");
    }
    assert_eq!(TABLE.len(), Fault::ALL.len());
}

#[test]
fn every_fault_in_a_first_run_comes_to_what_the_table_says() {
    every_fault(Phase::First);
}

#[test]
fn every_fault_in_a_second_run_comes_to_what_the_table_says() {
    every_fault(Phase::Second);
}

#[test]
fn every_fault_in_a_full_run_comes_to_what_the_table_says() {
    every_fault(Phase::Full);
}

#[test]
fn every_fault_in_a_resumed_run_comes_to_what_the_table_says() {
    every_fault(Phase::Resumed);
}

fn every_fault(phase: Phase) {
    let wanted = std::env::var("PAYERSYNC_TEST_FAULTS").unwrap_or_default();
    let is_wanted = |row: &&Row| {
        wanted.is_empty() || wanted.split(',').any(|name| row.fault.name().starts_with(name))
    };
    let rows: Vec<_> =
        TABLE.iter().filter(is_wanted).filter_map(|row| expected(row, phase)).collect();
    let next = AtomicUsize::new(0);
    let told = Mutex::new(BTreeMap::new());
    let problems = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(row) = rows.get(number) else { break };
                    let Ok((line, mut found)) = std::panic::catch_unwind(|| {
                        let mut case = Case::new(*row, phase);
                        (case.run(), case.problems)
                    }) else {
                        problems.lock().unwrap().push(format!("{}: panicked", row.fault));
                        continue;
                    };
                    told.lock().unwrap().insert(number, line);
                    problems.lock().unwrap().append(&mut found);
                }
            });
        }
    });
    eprintln!("| fault | exit | ledger | requests for claims (all) | tokens | next run |");
    eprintln!("|---|---|---|---|---|---|");
    for line in told.into_inner().unwrap().values() {
        eprintln!("{line}");
    }
    let problems = problems.into_inner().unwrap();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn a_payer_that_is_not_there_is_unreachable_and_a_matter_of_exit_code_four() {
    let payer = Payer::start(Options::default());
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

#[test]
fn a_next_page_at_another_origin_says_what_to_do_if_it_is_the_plans_own() {
    let faults = vec![Fault::NextForeignOrigin];
    let payer = Payer::start(Options { faults, ..Options::default() });
    let home = payer.connected_home();
    let synced = home.run(&["sync", "--type", "ExplanationOfBenefit"]);
    assert_eq!(synced.code, 2, "{}", synced.stderr);
    for told in [synced.stderr, home.run(&["status"]).stdout] {
        assert!(told.contains("add it to the plan's proxied_origins"), "{told}");
    }
}

#[test]
fn an_expired_token_without_a_refresh_token_needs_a_new_consent() {
    let faults = vec![Fault::NoRefreshToken];
    let payer = Payer::start(Options { faults, ..Options::default() });
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
    let payer = Payer::start(Options::default());
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
    let payer = Payer::start(Options::default());
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
