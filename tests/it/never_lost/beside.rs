//! No command of ours ever fails another: many at once in one home, as real processes.
//!
//! `PAYERSYNC_TEST_BESIDE` says how many rounds each test plays.

use crate::support::{Consenting, Home, Payer, SHORT_SYNC, Watched};
use payersync::sandbox::Options;
use std::{
    collections::VecDeque,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// What people and scripts do while a sync runs, with the exit codes that are right then. A purge
/// needs the home for itself and says so.
const COMMANDS: [(&[&str], &[i32]); 20] = [
    (&["get", "Patient", "--connection", "john"], &[0]),
    (&["query", "SELECT count(*) FROM resource"], &[0]),
    (&["status"], &[0, 2]),
    (&["get", "Coverage", "--connection", "john", "--paginate"], &[0]),
    (&["plan"], &[0]),
    (&["tables"], &[0]),
    (&["verify"], &[0]),
    (&["backup", "copy-%.db"], &[0]),
    (&["doctor", "--offline"], &[0]),
    (&["purge", "leaver", "--yes"], &[0, 1, 6]),
    (&["status", "--json"], &[0, 2]),
    (&["query", "SELECT count(*) FROM claim", "--format", "json"], &[0]),
    (&["rebuild", "--help"], &[0]),
    (&["get", "Patient", "--connection", "mary"], &[0]),
    (&["status", "--prometheus"], &[0]),
    (&["tables", "patient"], &[0]),
    (&["tables", "--unmapped"], &[0]),
    (&["query", "SELECT * FROM completeness", "--format", "csv"], &[0]),
    (&["rebuild", "patient"], &[0, 6]),
    (&["plan", "john"], &[0]),
];

fn rounds(usual: usize) -> usize {
    std::env::var("PAYERSYNC_TEST_BESIDE").map_or(usual, |rounds| rounds.parse().unwrap())
}

/// A home with two members whose data is asked for, and one who may leave.
fn shared_home(payer: &Payer, more: &str) -> Home {
    let home = Home::new();
    payer.configure(&home, more);
    for (member, name) in ["john", "mary", "leaver"].into_iter().enumerate() {
        payer.connect(&home, name, u32::try_from(member).unwrap());
    }
    home
}

/// Starts the command of a turn in a home.
fn start(home: &Home, turn: usize) -> (usize, Watched) {
    let name = |word: &&str| match word.contains('%') {
        true => home.file(&word.replace('%', &turn.to_string())).to_str().unwrap().to_owned(),
        false => (*word).to_owned(),
    };
    let words: Vec<String> = COMMANDS[turn % COMMANDS.len()].0.iter().map(name).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    (turn, Watched::start(home, &words))
}

#[track_caller]
fn assert_fine((turn, command): (usize, Watched)) {
    let (words, codes) = COMMANDS[turn % COMMANDS.len()];
    let ended = command.end();
    assert!(codes.contains(&ended.code), "{words:?}: {} {}", ended.code, ended.stderr);
}

/// Keeps so many commands at work until something has ended, each in its turn.
fn keep_busy(home: &Home, first: usize, mut has_ended: impl FnMut() -> bool) -> usize {
    let (mut turn, mut at_work) = (first, VecDeque::new());
    while !has_ended() {
        if at_work.len() == 4 {
            at_work.pop_front().into_iter().for_each(assert_fine);
        }
        at_work.push_back(start(home, turn));
        turn += 1;
    }
    at_work.into_iter().for_each(assert_fine);
    turn
}

fn slow_payer() -> Payer {
    Payer::start(Options {
        members: 3,
        claims_per_member: 4,
        page_delay: Duration::from_millis(5),
        ..Options::plain()
    })
}

#[test]
fn twenty_commands_beside_a_sync_do_not_end_it_nor_does_it_end_them() {
    let payer = slow_payer();
    let start = shared_home(&payer, "");
    let mut turn = 0;
    for round in 0..rounds(2) {
        let home = start.copy();
        let mut sync = Watched::start(&home, &["sync", "john", "mary"]);
        turn = keep_busy(&home, turn, || sync.poll().is_some());
        let ended = sync.end();
        assert_eq!(ended.code, 0, "round {round}: {}", ended.stderr);
        home.succeed(&["verify"], "a round");
    }
    eprintln!("{turn} commands beside {} syncs", rounds(2));
    assert!(turn > 0);
}

#[test]
fn members_consent_while_a_daemon_syncs_and_while_others_do() {
    let payer = slow_payer();
    let home = Home::new();
    payer.configure(&home, "types = [\"Patient\"]\n[schedule]\ncron = \"* * * * * *\"\n");
    payer.connect(&home, "first", 0);
    let daemon = Watched::start(&home, &["run"]);
    for round in 0..rounds(4) {
        // Two at once, one of them under a name that is there already.
        let names = [format!("member-{round}"), "first".to_owned()];
        let members = names.iter().enumerate().map(|(member, name)| {
            let member = u32::try_from(if member == 0 { round % 3 } else { 0 }).unwrap();
            Consenting::start(&payer, &home, "demo", name, member, &[]).answer()
        });
        for consenting in members.collect::<Vec<_>>() {
            let (code, said) = consenting.end();
            assert_eq!(code, 0, "round {round}: {said}");
        }
    }
    daemon.terminate();
    let ended = daemon.end();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!ended.stderr.contains("error"), "{}", ended.stderr);
    home.succeed(&["verify"], "the daemon");
}

#[test]
fn the_first_commands_in_an_empty_home_may_come_at_once() {
    let payer = slow_payer();
    for round in 0..rounds(4) {
        let home = Home::new();
        payer.configure(&home, "");
        let consent = |name| Consenting::start(&payer, &home, "demo", name, 0, &[]).answer().end();
        thread::scope(|scope| {
            let consenting = ["a", "b", "c"].map(|name| scope.spawn(move || consent(name)));
            for (code, said) in consenting.map(|consenting| consenting.join().unwrap()) {
                assert_eq!(code, 0, "round {round}: {said}");
            }
        });
        assert_eq!(home.value::<i64>("SELECT count(*) FROM connection"), 3);
        assert_eq!(home.value::<i64>("SELECT count(*) FROM claim"), 0, "the tables are there");
    }
}

#[test]
fn a_writer_that_never_pauses_starves_nobody() {
    let payer = Payer::small();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "nothing");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let warehouse = home.warehouse();
            warehouse.busy_timeout(Duration::from_secs(60)).unwrap();
            while !is_over.load(Ordering::Relaxed) {
                // A transaction that takes longer than the gap to the next one by far.
                warehouse
                    .execute_batch(
                        "BEGIN IMMEDIATE;
                         UPDATE sync_run SET summary = (WITH RECURSIVE n (i) AS (
                           SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 5000) SELECT max(i) FROM n);
                         COMMIT;",
                    )
                    .unwrap();
            }
        });
        for round in 0..rounds(1) {
            for arguments in [
                &["get", "Patient", "--connection", "john"][..],
                &["backup", home.file(&format!("copy-{round}.db")).to_str().unwrap()],
                &SHORT_SYNC,
            ] {
                let ended = Watched::start(&home, arguments).end();
                if ended.code != 0 {
                    is_over.store(true, Ordering::Relaxed);
                }
                assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
            }
        }
        is_over.store(true, Ordering::Relaxed);
    });
}
