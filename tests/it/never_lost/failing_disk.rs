//! A disk that is full, broken or read-only from some step on, or for one step alone: one clear
//! message, nothing that was committed is lost, and the next run comes to what a calm one does.
#![cfg(target_os = "linux")]

use crate::support::{
    Disturbed, Faulty, Home, Payer, Purgeable, SHORT_SYNC, sightings, state, stayers_rows,
};

const STEPS: usize = 16;

/// Lets a command fail at each chosen step, each time in a copy of `start`, and has it checked.
pub(crate) fn fail_at_each_step(
    start: &Home,
    command: impl Fn(&Home) -> Vec<String>,
    mut check: impl FnMut(&Home, &Disturbed, &str, &str),
) {
    let Some(faulty) = Faulty::build() else { return };
    let calm = start.copy();
    let calm_command = command(&calm);
    let counted = faulty.count(&calm, &words(&calm_command));
    assert_eq!(counted.ended.code, 0, "{}", counted.ended.stderr);
    let (mut tried, mut failed) = (0, 0);
    for (at, what) in counted.failures(STEPS) {
        let home = start.copy();
        let run = faulty.run(&home, &words(&command(&home)), at, what);
        let when = format!("{what} at {at} of {}, {}", counted.steps.len(), run.step(at));
        tried += 1;
        if run.ended.code != 0 {
            failed += 1;
            run.assert_decent(&when);
        }
        check(&home, &run, what, &when);
    }
    eprintln!("{}: {} steps, {failed} of {tried} failed", calm_command[0], counted.steps.len());
    assert!(failed > 0);
}

fn words(command: &[String]) -> Vec<&str> {
    command.iter().map(String::as_str).collect()
}

#[test]
fn a_first_sync_on_a_failing_disk_says_so_and_is_finished_by_the_next_one() {
    let payer = Payer::rich();
    let start = payer.connected_home();
    let calm = start.copy();
    calm.succeed(&SHORT_SYNC, "nothing");
    let expected = state(&calm);
    fail_at_each_step(
        &start,
        |_| SHORT_SYNC.map(str::to_owned).to_vec(),
        |home, run, _, when| {
            if run.ended.code == 0 {
                assert_eq!(state(home), expected, "{when}");
            }
            home.succeed(&SHORT_SYNC, when);
            assert_eq!(state(home), expected, "{when}");
            home.succeed(&["verify"], when);
        },
    );
}

#[test]
fn a_backup_to_a_failing_disk_leaves_no_half_copy() {
    let payer = Payer::rich();
    let start = payer.connected_home();
    start.succeed(&SHORT_SYNC, "nothing");
    let expected = state(&start);
    let copy = |home: &Home| home.file("copy.db").to_str().unwrap().to_owned();
    fail_at_each_step(
        &start,
        |home| vec!["backup".to_owned(), copy(home)],
        |home, _, what, when| {
            let names = home.names();
            let halves: Vec<_> = names.iter().filter(|name| name.contains("partial")).collect();
            // What is read-only or broken for good cannot be removed either.
            assert!(halves.is_empty() || ["EIO", "EROFS"].contains(&what), "{when}: {halves:?}");
            if !home.file("copy.db").exists() {
                home.succeed(&["backup", &copy(home)], when);
            }
            assert!(home.names().iter().all(|name| !name.contains("partial")), "{when}");
            let elsewhere = Home::new();
            elsewhere.succeed(&["restore", &copy(home)], when);
            assert_eq!(state(&elsewhere), expected, "{when}");
            assert_eq!(state(home), expected, "{when}");
            home.succeed(&["verify"], when);
        },
    );
}

#[test]
fn a_purge_on_a_failing_disk_is_never_called_done_and_leaves_nothing_once_it_is_repeated() {
    let Purgeable { payer: _payer, home: start, canaries } = Purgeable::new(&SHORT_SYNC, 2);
    let stayer = stayers_rows(&start);
    let purge = ["purge", "leaver-in-chief", "--yes"];
    fail_at_each_step(
        &start,
        |_| purge.map(str::to_owned).to_vec(),
        |home, run, _, when| {
            if run.ended.code == 0 {
                assert_eq!(sightings(home.path(), &canaries), Vec::<String>::new(), "{when}");
            }
            let again = home.run(&purge);
            let is_done = again.code == 0 || again.stderr.contains("there is no connection");
            assert!(is_done, "{when}: {}", again.stderr);
            assert_eq!(sightings(home.path(), &canaries), Vec::<String>::new(), "{when}");
            assert_eq!(stayers_rows(home), stayer, "{when}");
            home.succeed(&["verify"], when);
        },
    );
}

/// What a lake says of its folder's disk is its own: the exit code is that of a store that fails.
#[cfg(feature = "lake")]
#[test]
fn a_lake_on_a_failing_disk_is_finished_by_the_next_sync() {
    let payer = Payer::rich();
    let start = payer.connected_home();
    start.succeed(&["sync", "--type", "Patient"], "nothing");
    let expected = state(&start);
    let lake = |home: &Home| home.file("lake").to_str().unwrap().to_owned();
    fail_at_each_step(
        &start,
        |home| ["lake", "sync", &lake(home), "--shard", "a"].map(str::to_owned).to_vec(),
        |home, _, _, when| {
            assert_eq!(state(home), expected, "{when}");
            home.succeed(&["lake", "sync", &lake(home), "--shard", "a"], when);
            let again = home.run(&["lake", "sync", &lake(home)]);
            assert!(again.stderr.contains("nothing changed"), "{when}: {}", again.stderr);
            crate::files::assert_same_at(&lake(home), &[], &[("a", home)]);
        },
    );
}
