//! A random world against the warehouse: what it claims must be true, night after night.
//!
//! A payer whose resources come, change, go and merge, also between two page requests, is synced by
//! the real binary: through pages that move, are repeated or blank, replicas that lag, entries that
//! cannot be read, small budgets, clocks that jump, kills, and other commands beside it. After each
//! sync:
//!
//! - what is stored was once sent, and the tables are what the stored bytes say;
//! - nothing that is alive at the payer is buried;
//! - a walk told as complete holds what the payer held within that walk: each resource at some
//!   instant of it, and where the payer declares totals, all of them at one instant.
//! - a complete backfill, which takes the place of some syncs, holds what was there all the while,
//!   though Conditions move from window to window.
//!
//! After some calm nights the warehouse is equal to the payer.

mod budget;
mod claims;
pub(crate) mod dice;
mod night;
mod payer;
mod server;
mod world;

use crate::support::{Faulty, Home};
use claims::{Runs, check_always, check_claims, stored};
use dice::Dice;
use night::{Event, Night, connected_home, play};
use server::Server;
use std::panic::{AssertUnwindSafe, catch_unwind};
use world::TYPES;

fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).map_or(usual, |text| text.parse().unwrap())
}

fn play_and_check(
    (home, server, faulty): (&Home, &Server, &Faulty),
    runs: &mut Runs,
    night: &Night,
    when: &str,
) -> i32 {
    let played = play(home, server, faulty, night);
    let (code, was_killed, run_id) = (played.ended.code, played.was_killed, played.run_id);
    let payer = server.payer();
    check_always(home, &payer, &played, when);
    if let Some(run_id) = run_id {
        runs.insert(run_id, played);
        if !was_killed {
            check_claims(home, &payer, runs, run_id, when);
        }
    }
    code
}

fn history(faulty: &Faulty, seed: u64, nights: u64) {
    let server = Server::start(seed);
    let home = connected_home(&server, 1 + (seed % 2) as usize);
    let place = (&home, &server, faulty);
    let (mut dice, mut runs) = (Dice::new(seed ^ 0x1234), Runs::new());
    for number in 0..nights {
        let night = Night::throw(&mut dice);
        {
            let mut payer = server.payer();
            payer.world.live_a_day();
            payer.turn_to(night.mood.clone());
        }
        let when = format!("seed {seed}, night {number}, {night:?}");
        play_and_check(place, &mut runs, &night, &when);
        if let Event::Kill(_) = night.event {
            let again = Night { event: Event::Nothing, ..night };
            play_and_check(place, &mut runs, &again, &format!("{when}, after the kill"));
        }
    }
    for number in 0..3 {
        let calm = Night::calm();
        {
            let mut payer = server.payer();
            payer.world.now += chrono::Duration::days(8);
            payer.turn_to(calm.mood.clone());
        }
        let when = format!("seed {seed}, calm night {number}");
        let code = play_and_check(place, &mut runs, &calm, &when);
        let said = || runs.values().next_back().map(|run| run.ended.stderr.clone());
        assert!(number < 2 || code == 0, "{when}: exit code {code}: {:?}", said());
    }
    for name in TYPES {
        let payer = server.payer();
        let truth = payer.world.content(name, payer.world.version(name));
        assert_eq!(stored(&home, name), truth, "seed {seed}: {name} at last");
    }
    let pending: i64 = home.value("SELECT count(*) FROM absent_resource WHERE state = 'pending'");
    assert_eq!(pending, 0, "seed {seed}: absences without an end");
    let left = home.rows(
        "SELECT w.resource_type, w.mode, w.state, w.window_parameter, p.page, w.id
         FROM walk_page p LEFT JOIN sync_walk w ON w.id = p.walk_id
         -- A window goes on when it is asked for again.
         WHERE p.page <= 0 OR w.mode IS NOT 'window'",
    );
    assert!(left.is_empty(), "seed {seed}: notes of the pages of walks that are over: {left:?}");
    home.succeed(&["verify"], &format!("seed {seed}"));
    play_and_check(place, &mut runs, &Night::calm(), &format!("seed {seed}, once more"));
    let written: i64 = home.value(
        "SELECT sum(rows_written) FROM sync_walk WHERE run_id = (SELECT max(id) FROM sync_run)",
    );
    assert_eq!(written, 0, "seed {seed}: a quiet night writes nothing");
}

#[test]
fn what_the_warehouse_claims_is_true_night_after_night() {
    let Some(faulty) = Faulty::build() else { return };
    let (first, seeds) =
        (number("PAYERSYNC_TEST_FIRST_SEED", 0), number("PAYERSYNC_TEST_SEEDS", 8));
    let nights = number("PAYERSYNC_TEST_NIGHTS", 4);
    let is_refuted =
        |seed: &u64| catch_unwind(AssertUnwindSafe(|| history(&faulty, *seed, nights))).is_err();
    let refuted: Vec<u64> = (first..first + seeds).filter(is_refuted).collect();
    eprintln!("{seeds} seeds, {nights} nights each");
    assert!(refuted.is_empty(), "seeds {refuted:?}");
}
