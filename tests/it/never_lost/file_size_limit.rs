//! A limit on the size of a file (`ulimit -f`): the write that exceeds it fails like one on a full
//! disk. No signal ends the process, what was committed stays, and the next run finishes the rest.
#![cfg(target_os = "linux")]

use crate::support::{Home, Payer, SHORT_SYNC, state};
use std::{fs, process::Command};

/// Runs a command whose files may have at most so many blocks of 512 bytes; returns its exit code,
/// -1 where a signal ended it, and what it said. Pipes have no such limit.
fn run_limited(home: &Home, arguments: &[&str], blocks: u64) -> (i32, String) {
    let command = home.command(arguments);
    let words = command.get_args().map(|word| format!("'{}'", word.to_str().unwrap()));
    let line = format!(
        "ulimit -f {blocks}; exec {} {}",
        command.get_program().to_str().unwrap(),
        words.collect::<Vec<_>>().join(" ")
    );
    let mut limited = Command::new("sh");
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            limited.env(name, value);
        }
    }
    let output = limited.args(["-c", &line]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap_or(-1), said)
}

#[track_caller]
fn assert_told(code: i32, said: &str, when: &str) {
    assert_eq!(code, 5, "{when}: {said}");
    let lines = |start: &str| said.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((lines("error: "), lines("hint: ")), (1, 1), "{when}: {said}");
    assert!(!said.contains("panicked"), "{when}: {said}");
}

/// The size of the largest file of a home, in blocks.
fn largest(home: &Home) -> u64 {
    let sizes = home.names().into_iter().map(|name| fs::metadata(home.file(&name)).unwrap().len());
    sizes.max().unwrap() / 512
}

#[test]
fn a_sync_that_reaches_the_limit_says_so_and_is_finished_by_the_next_one() {
    let payer = Payer::start(payersync::sandbox::Options::default());
    let start = payer.connected_home();
    let calm = start.copy();
    calm.succeed(&SHORT_SYNC, "nothing");
    let (expected, least, most) = (state(&calm), largest(&start), largest(&calm));
    let steps = 5;
    let (mut failed, mut kept) = (0, 0);
    for blocks in
        [0, 1].into_iter().chain((0..steps).map(|step| least + (most - least) * step / steps))
    {
        let home = start.copy();
        let (code, said) = run_limited(&home, &SHORT_SYNC, blocks);
        let when = format!("{blocks} of {most} blocks");
        if code != 0 {
            failed += 1;
            assert_told(code, &said, &when);
        }
        let committed: i64 = home.value("SELECT count(*) FROM resource");
        home.succeed(&["verify"], &when);
        home.succeed(&SHORT_SYNC, &when);
        let first_run = "SELECT count(*) FROM resource WHERE walk_id IN
                         (SELECT id FROM sync_walk WHERE run_id = (SELECT min(id) FROM sync_run))";
        if committed > 0 && code != 0 {
            kept += 1;
            assert_eq!(home.value::<i64>(first_run), committed, "{when}");
        }
        assert_eq!(state(&home), expected, "{when}");
    }
    assert!(failed > 2 && kept > 0, "{failed} failed, {kept} of them after a page");
}

#[test]
fn every_command_that_writes_ends_by_itself() {
    let payer = Payer::rich();
    let start = payer.connected_home();
    start.succeed(&SHORT_SYNC, "nothing");
    let expected = state(&start);
    for arguments in [
        &["rebuild"][..],
        &["backup", "copy.db"],
        &["purge", "john", "--yes"],
        &["connect", "mary", "--plan", "demo", "--code", "-"],
    ] {
        let home = start.copy();
        let copy = home.file("copy.db");
        let words: Vec<&str> = arguments
            .iter()
            .map(|word| if *word == "copy.db" { copy.to_str().unwrap() } else { word })
            .collect();
        let (code, said) = run_limited(&home, &words, 8);
        assert_told(code, &said, arguments[0]);
        home.succeed(&["verify"], arguments[0]);
        assert_eq!(state(&home), expected, "{}", arguments[0]);
    }
}

#[test]
fn a_configuration_that_cannot_be_written_whole_is_not_left_behind() {
    let home = Home::new();
    let (code, said) = run_limited(&home, &["init"], 1);
    assert_told(code, &said, "init");
    assert_eq!(home.names(), Vec::<String>::new());
    home.succeed(&["init"], "nothing");
}

#[test]
fn a_key_that_cannot_be_written_is_made_by_the_next_export() {
    let payer = Payer::small();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "nothing");
    let [folder, key] = ["export", "join.key"].map(|name| home.file(name));
    let export = [
        "export",
        folder.to_str().unwrap(),
        "patient",
        "--deidentify",
        "--deidentify-key",
        key.to_str().unwrap(),
    ];
    let (code, said) = run_limited(&home, &export, 0);
    assert_ne!(code, 0, "{said}");
    assert!(!key.exists(), "{said}");
    home.succeed(&export, "a full disk");
}
