//! SIGKILL at each step of what changes the home: what is committed stays, and the same command
//! comes to what an undisturbed one does.
#![cfg(target_os = "linux")]

use crate::support::{Faulty, Home, Payer, Purgeable, SHORT_SYNC, sightings, state, stayers_rows};

/// How many steps of a command are looked at, about; see [`crate::support::Disturbed::chosen`].
const STEPS: usize = 16;

/// A home after its first sync.
fn synced(payer: &Payer) -> Home {
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "the first sync");
    home
}

/// Kills a command at each chosen step, each time in a copy of `start`, and has the copy checked.
pub(crate) fn kill_at_each_step(
    start: &Home,
    command: impl Fn(&Home) -> Vec<String>,
    mut check: impl FnMut(&Home, &str),
) {
    let Some(faulty) = Faulty::build() else { return };
    let calm = start.copy();
    let calm_command = command(&calm);
    let counted = faulty.count(&calm, &words(&calm_command));
    assert_eq!(counted.ended.code, 0, "{}", counted.ended.stderr);
    let kills = counted.kills(STEPS);
    let mut done = 0;
    for (at, how) in &kills {
        let home = start.copy();
        let run = faulty.run(&home, &words(&command(&home)), *at, how);
        let when = format!("{how} at {at} of {}, {}", counted.steps.len(), run.step(*at));
        // Threads may come to fewer steps than the calm run had.
        assert!([0, -1].contains(&run.ended.code), "{when}: {}", run.ended.stderr);
        done += usize::from(run.ended.code == -1);
        check(&home, &when);
    }
    assert!(done * 10 >= kills.len() * 8, "{done} of {} kills came in time", kills.len());
    eprintln!("{}: {} steps, {done} kills", calm_command[0], counted.steps.len());
}

fn words(command: &[String]) -> Vec<&str> {
    command.iter().map(String::as_str).collect()
}

pub(crate) fn fixed(command: &'static [&'static str]) -> impl Fn(&Home) -> Vec<String> {
    |_| command.iter().map(|word| (*word).to_owned()).collect()
}

#[test]
fn a_first_sync_killed_at_any_step_is_finished_by_the_next_one() {
    let payer = Payer::rich();
    let start = payer.connected_home();
    let calm = start.copy();
    calm.succeed(&SHORT_SYNC, "nothing");
    let expected = state(&calm);
    kill_at_each_step(&start, fixed(&SHORT_SYNC), |home, when| {
        home.succeed(&SHORT_SYNC, when);
        assert_eq!(state(home), expected, "{when}");
        home.succeed(&["verify"], when);
    });
}

#[test]
fn a_rebuild_killed_at_any_step_shows_whole_tables_and_is_finished_by_the_next_one() {
    let payer = Payer::rich();
    let start = synced(&payer);
    let expected = state(&start);
    let command = &["rebuild", "explanation_of_benefit", "patient"];
    kill_at_each_step(&start, fixed(command), |home, when| {
        assert_eq!(state(home), expected, "{when}");
        home.succeed(command, when);
        assert_eq!(state(home), expected, "{when}");
        let left =
            "SELECT (SELECT count(*) FROM table_rebuild) + (SELECT count(*) FROM rebuild_request)";
        assert_eq!(home.value::<i64>(left), 0, "{when}");
        home.succeed(&["verify"], when);
    });
}

#[test]
fn a_backup_killed_at_any_step_leaves_a_whole_copy_or_none() {
    let payer = Payer::rich();
    let start = synced(&payer);
    let expected = state(&start);
    let copy = |home: &Home| home.file("copy.db").to_str().unwrap().to_owned();
    let before = start.names();
    kill_at_each_step(
        &start,
        |home| vec!["backup".to_owned(), copy(home)],
        |home, when| {
            let copy = copy(home);
            if !home.file("copy.db").exists() {
                home.succeed(&["backup", &copy], when);
            }
            let mut after = home.names();
            after.retain(|name| name != "copy.db" && !name.starts_with("warehouse.db-"));
            assert_eq!(after, before, "{when}");
            home.succeed(&["verify"], when);
            let elsewhere = Home::new();
            elsewhere.succeed(&["restore", &copy], when);
            assert_eq!(state(&elsewhere), expected, "{when}");
        },
    );
}

#[test]
fn an_encrypted_backup_killed_at_any_step_leaves_nothing_in_clear_at_its_target() {
    let payer = Payer::rich();
    let start = synced(&payer);
    let recipient = age::x25519::Identity::generate().to_public().to_string();
    let command = |home: &Home| {
        let copy = home.file("copy.age").to_str().unwrap().to_owned();
        vec!["backup".to_owned(), copy, "--encrypt".to_owned(), recipient.clone()]
    };
    let mut sealed = 0;
    kill_at_each_step(&start, command, |home, when| {
        for name in home.names().iter().filter(|name| name.starts_with("copy.age")) {
            let bytes = std::fs::read(home.file(name)).unwrap();
            assert!(bytes.is_empty() || bytes.starts_with(b"age-encryption.org"), "{when}: {name}");
            sealed += usize::from(!bytes.is_empty());
        }
        if home.file("copy.age").exists() {
            std::fs::remove_file(home.file("copy.age")).unwrap();
        }
        home.succeed(&words(&command(home)), when);
        let left = |name: &String| name.contains("staging") || name.contains("partial");
        assert!(!home.names().iter().any(left), "{when}: {:?}", home.names());
        home.succeed(&["verify"], when);
    });
    assert!(sealed > 0, "no kill fell behind the first sealed byte");
}

#[test]
fn a_restore_killed_at_any_step_leaves_a_whole_warehouse_or_none() {
    let payer = Payer::rich();
    let home = synced(&payer);
    let expected = state(&home);
    let copy = home.file("copy.db").to_str().unwrap().to_owned();
    home.succeed(&["backup", &copy], "nothing");
    let start = Home::new();
    kill_at_each_step(
        &start,
        |_| vec!["restore".to_owned(), copy.clone()],
        |home, when| {
            if !home.file("warehouse.db").exists() {
                home.succeed(&["restore", &copy], when);
            }
            let left = home.names();
            assert!(left.iter().all(|name| !name.contains("partial")), "{when}: {left:?}");
            assert_eq!(state(home), expected, "{when}");
            home.succeed(&["verify"], when);
        },
    );
}

#[test]
fn a_purge_killed_at_any_step_leaves_nothing_once_it_is_repeated() {
    let Purgeable { payer: _payer, home: start, canaries } = Purgeable::new(&SHORT_SYNC, 2);
    let stayer = stayers_rows(&start);
    let command = &["purge", "leaver-in-chief", "--yes"];
    kill_at_each_step(&start, fixed(command), |home, when| {
        let again = home.run(command);
        let is_done = again.code == 0 || again.stderr.contains("there is no connection");
        assert!(is_done, "{when}: {}", again.stderr);
        assert_eq!(sightings(home.path(), &canaries), Vec::<String>::new(), "{when}");
        assert_eq!(stayers_rows(home), stayer, "{when}");
        assert_eq!(home.value::<i64>("SELECT count(*) FROM purge_unfinished"), 0, "{when}");
        home.succeed(&["verify"], when);
    });
}
