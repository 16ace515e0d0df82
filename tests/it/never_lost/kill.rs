//! SIGKILL at any moment: what is committed stays, and the next run goes on at its page.

use crate::support::{Home, Payer, Watched};
use payersync::sandbox::{Fault, Options};
use std::{collections::BTreeSet, time::Duration};

const CLAIMS: &str = "ExplanationOfBenefit";
const SYNC: [&str; 3] = ["sync", "--type", CLAIMS];

fn many_claims() -> Payer {
    Payer::start(Options {
        claims_per_member: 300,
        page_delay: Duration::from_millis(4),
        ..Options::plain()
    })
}

fn asked(payer: &Payer) -> usize {
    payer.requests().iter().filter(|request| request.path.ends_with(CLAIMS)).count()
}

/// Pages of the walk that are committed; none while there is no warehouse yet.
fn committed(home: &Home) -> i64 {
    let walks = "SELECT count(*) FROM sqlite_schema WHERE name = 'walk_cursor'";
    if !home.file("warehouse.db").exists() || home.value::<i64>(walks) == 0 {
        return 0;
    }
    home.value("SELECT coalesce(max(pages), 0) FROM walk_cursor")
}

fn stored(home: &Home) -> BTreeSet<String> {
    home.rows("SELECT json FROM resource WHERE deleted_at IS NULL").concat().into_iter().collect()
}

/// Rows of every table of the type; two homes with the same ones differ in nothing.
fn rows(home: &Home) -> Vec<(String, Vec<Vec<String>>)> {
    let tables =
        "SELECT name FROM view_table WHERE resource_type = 'ExplanationOfBenefit' ORDER BY 1";
    home.rows(tables)
        .concat()
        .into_iter()
        .map(|table| {
            let rows = home.rows(&format!("SELECT * FROM \"{table}\" ORDER BY 1, 2, 3"));
            (table, rows)
        })
        .collect()
}

#[test]
fn however_often_it_is_killed_the_rows_are_those_of_a_calm_run() {
    let payer = many_claims();
    let calm = payer.connected_home();
    assert_eq!(calm.run(&SYNC).code, 0);
    let pages: i64 = calm.value("SELECT pages FROM sync_walk");
    let wild = payer.connected_home();
    // Twelve moments all over the walk, the first before anything is stored. Every third waits for one more page to be
    // committed: how many requests the pages are behind is the machine's affair.
    let mut done = 0;
    for kill in 0..12usize {
        payer.clear_requests();
        let mut run = Watched::start(&wild, &SYNC);
        let until = kill * 7 % 5;
        let due = || match kill % 3 {
            2 => committed(&wild) > done,
            _ => asked(&payer) > until,
        };
        assert!(run.until(due), "it ended before kill {kill}");
        run.kill();
        let now = committed(&wild);
        assert!(now >= done, "kill {kill} took pages away: {now} after {done}");
        done = now;
    }
    payer.clear_requests();
    let last = wild.run(&SYNC);
    assert_eq!(last.code, 0, "{}", last.stderr);
    assert!(asked(&payer) as i64 <= pages - done + 1, "{} of {pages} - {done}", asked(&payer));
    assert!(done > 3, "each third kill left a page more: {done}");
    assert_eq!(stored(&wild), payer.resources(0, CLAIMS).into_iter().collect());
    assert_eq!(rows(&wild), rows(&calm));
    let verified = wild.run(&["verify"]);
    assert_eq!(verified.code, 0, "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn a_kill_during_a_refresh_costs_a_consent_at_most_and_never_the_vault() {
    let payer = Payer::start(Options::plain());
    for moment in [0, 20, 60, 150, 400, 900] {
        payer.set_faults(vec![]);
        let home = payer.connected_home();
        payer.expire_access_tokens();
        payer.set_faults(vec![Fault::TokenSlow]);
        payer.clear_requests();
        let mut run = Watched::start(&home, &["sync", "--type", "Patient"]);
        let refreshes =
            || payer.requests().iter().any(|request| request.path.ends_with("/Patient"));
        run.until(refreshes);
        std::thread::sleep(Duration::from_millis(moment));
        run.kill();
        payer.set_faults(vec![]);
        let next = home.run(&["sync", "--type", "Patient"]);
        assert!([0, 3].contains(&next.code), "{moment} ms: {}: {}", next.code, next.stderr);
        if next.code == 3 {
            assert!(next.stderr.contains("payersync connect john"), "{}", next.stderr);
            payer.connect(&home, "john", 0);
            assert_eq!(home.run(&["sync", "--type", "Patient"]).code, 0);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_run_that_is_told_to_stop_commits_its_page_and_the_next_one_goes_on() {
    let payer = many_claims();
    let home = payer.connected_home();
    let mut run = Watched::start(&home, &SYNC);
    assert!(run.until(|| asked(&payer) > 4));
    run.terminate();
    let ended = run.end_within(Duration::from_secs(10));
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stdout.is_empty());
    assert_eq!(home.value::<String>("SELECT state FROM sync_run"), "interrupted");
    let pages: i64 = home.value("SELECT pages FROM walk_cursor");
    assert!(pages > 0);
    payer.clear_requests();
    assert_eq!(home.run(&SYNC).code, 0);
    let before: i64 = home.value("SELECT pages_before FROM sync_walk ORDER BY id DESC LIMIT 1");
    assert_eq!(before, pages);
}

#[test]
fn a_second_run_is_told_who_is_at_work_and_readers_never_wait() {
    let payer = many_claims();
    let home = payer.connected_home();
    let mut run = Watched::start(&home, &SYNC);
    assert!(run.until(|| asked(&payer) > 4));
    let second = home.run(&["sync"]);
    assert_eq!(second.code, 6, "{}", second.stderr);
    assert!(second.stderr.contains("`payersync sync`"), "{}", second.stderr);
    let counted = home.run(&["query", "SELECT count(*) FROM explanation_of_benefit"]);
    assert_eq!(counted.code, 0, "{}", counted.stderr);
    assert_eq!(home.run(&["status"]).code, 2, "it is running");
    assert_eq!(run.end().code, 0);
}
