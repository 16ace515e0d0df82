//! Nights with few requests in a world that goes on living: what went is gone in the end.

use super::{
    Faulty, Home, Night, Runs, Server, TYPES, connected_home, number, play_and_check, stored,
};
use std::panic::{AssertUnwindSafe, catch_unwind};

const NIGHTS: usize = 24;
/// From this night on, what is dead is to be found.
const FROM: usize = 6;

fn nights(faulty: &Faulty, seed: u64, budget: usize) {
    let server = Server::start(seed);
    let home = connected_home(&server, 1);
    let mut runs = Runs::new();
    let mut early = Vec::new();
    for number in 0..NIGHTS {
        if number == FROM {
            early = dead(&home, &server);
        }
        let night = Night { budget: (number > 0).then_some(budget), ..Night::calm() };
        server.payer().world.live_a_day();
        let when = format!("seed {seed}, night {number}, {night:?}");
        play_and_check((&home, &server, faulty), &mut runs, &night, &when);
    }
    let left = dead(&home, &server);
    let left: Vec<&String> = early.iter().filter(|id| left.contains(id)).collect();
    assert!(left.is_empty(), "seed {seed}: {left:?} of {early:?} are not buried");
}

#[test]
fn a_small_budget_finds_what_was_deleted_while_the_world_goes_on() {
    let Some(faulty) = Faulty::build() else { return };
    // Fourteen has pages that move from night to night, fifteen types whose reads are refused.
    let first = number("PAYERSYNC_TEST_FIRST_SEED", 14);
    let seeds = number("PAYERSYNC_TEST_SEEDS", 8) / 4;
    let budget = |seed: u64| if seed.is_multiple_of(2) { 6 } else { 12 };
    let is_refuted = |seed: &u64| {
        catch_unwind(AssertUnwindSafe(|| nights(&faulty, *seed, budget(*seed)))).is_err()
    };
    let refuted: Vec<u64> = (first..first + seeds).filter(is_refuted).collect();
    assert!(refuted.is_empty(), "seeds {refuted:?}");
}

/// What is stored as alive and is not at the payer.
fn dead(home: &Home, server: &Server) -> Vec<String> {
    let payer = server.payer();
    TYPES
        .iter()
        .flat_map(|name| {
            let truth = payer.world.content(name, payer.world.version(name));
            let held = stored(home, name).into_keys();
            held.filter(move |id| !truth.contains_key(id)).map(move |id| format!("{name}/{id}"))
        })
        .collect()
}
