//! A machine that gives too few threads: what cannot start says so, and a connection that lacks one fails
//! alone.
#![cfg(target_os = "linux")]

use crate::support::{Faulty, Home, Payer};
use payersync::sandbox::Options;
use std::thread::available_parallelism;

const LIMIT: &str = "FAULTY_THREADS";
const STATES: &str = "SELECT connection_id, count(*), sum(state = 'complete') FROM sync_walk
  WHERE run_id = (SELECT max(id) FROM sync_run) GROUP BY 1 ORDER BY 1";

/// Threads that the start tries: the runtime's, and four more.
fn tried() -> usize {
    available_parallelism().unwrap().get() + 4
}

fn payer_of_two() -> Payer {
    Payer::start(Options { members: 2, claims_per_member: 3, ..Options::plain() })
}

fn two_members(payer: &Payer) -> Home {
    let home = payer.connected_home();
    payer.connect(&home, "mary", 1);
    // Each connection has a refresh before it, which a thread of its own stores.
    payer.expire_access_tokens();
    home
}

/// All current resources, as they came.
fn stored(home: &Home) -> Vec<Vec<String>> {
    home.rows(
        "SELECT connection_id, resource_type, resource_id, json FROM resource
         WHERE deleted_at IS NULL ORDER BY 1, 2, 3",
    )
}

#[test]
fn with_too_few_threads_every_command_ends_and_says_so() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = payer_of_two();
    let start = two_members(&payer);
    for command in [&["sync"][..], &["status"], &["verify"], &["rebuild"]] {
        for threads in 0..tried() {
            let limit = threads.to_string();
            let ended = faulty.run_without(&start.copy(), command, [LIMIT, &limit]);
            let when = format!("{command:?} with {threads} threads: {}", ended.stderr);
            assert_eq!(ended.code, 5, "{when}");
            assert!(ended.stderr.contains("no more threads"), "{when}");
            assert!(ended.stderr.contains("TasksMax"), "{when}");
            assert!(!ended.stderr.contains("panicked"), "{when}");
        }
    }
    payer.clear_requests();
    let enough = tried().to_string();
    start.succeed(&["sync"], "nothing");
    for command in [&["sync"][..], &["status"], &["verify"], &["rebuild"]] {
        let ended = faulty.run_without(&start.copy(), command, [LIMIT, &enough]);
        assert_eq!(ended.code, 0, "{command:?} with {enough} threads: {}", ended.stderr);
    }
}

#[test]
fn a_connection_that_panics_is_incomplete_alone() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = payer_of_two();
    let calm = two_members(&payer);
    calm.succeed(&["sync"], "nothing");
    let (expected, walks) = (stored(&calm), calm.rows(STATES));
    let workers = available_parallelism().unwrap().get();
    let mut alone = 0;
    // One thread alone is missing: one of those behind the start, which asks for all at once.
    for missing in (tried() + workers + 1..).take(8) {
        let home = two_members(&payer);
        let limit = format!("once:{missing}");
        let ended = faulty.run_without(&home, &["sync"], [LIMIT, &limit]);
        let when = format!("{limit}: {}", ended.stderr);
        match ended.code {
            0 => assert_eq!(home.rows(STATES), walks, "{when}"),
            5 => assert!(ended.stderr.contains("no more threads"), "{when}"),
            70 => {
                alone += 1;
                assert_eq!(ended.stderr.matches("panicked").count(), 1, "{when}");
                let states = home.rows(STATES);
                let complete = walks.iter().filter(|walk| states.contains(walk)).count();
                assert_eq!(complete, 1, "{when}: {states:?}");
                let open = "SELECT count(*) FROM sync_run WHERE state = 'running'";
                assert_eq!(home.value::<i64>(open), 0, "{when}");
            }
            code => panic!("exit code {code}, {when}"),
        }
        // Nobody has to consent again, and nothing is missing.
        home.succeed(&["sync"], &when);
        assert_eq!(stored(&home), expected, "{when}");
    }
    assert!(alone > 0, "no run had one connection panic");
}
