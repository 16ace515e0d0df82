//! A home in which nothing can be written, locked or mapped, a home that is none, and a machine that
//! gives too little: readers are served all that is committed, everything else says what is wrong,
//! with an exit code of ours.
#![cfg(target_os = "linux")]

use crate::support::{Faulty, Home, Payer, SHORT_SYNC};
use std::{fs, process::Command};

const COUNT: [&str; 4] =
    ["query", "SELECT count(*), max(id), max(received_at) FROM resource", "--format", "csv"];

/// What a reader asks; a count of what is stored comes first.
const READERS: [&[&str]; 7] = [
    &COUNT,
    &["status"],
    &["tables"],
    &["tables", "--unmapped"],
    &["verify"],
    &["plan"],
    &["get", "Patient", "--connection", "john"],
];

const WRITERS: [&[&str]; 5] = [
    &SHORT_SYNC,
    &["rebuild", "patient"],
    &["purge", "john", "--yes"],
    &["connect", "mary", "--plan", "demo", "--code", "-"],
    &["run"],
];

#[track_caller]
fn assert_told(said: &str, when: &str) {
    let lines = |start: &str| said.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((lines("error: "), lines("hint: ")), (1, 1), "{when}: {said}");
    assert!(!said.contains("panicked"), "{when}: {said}");
}

/// A home whose sync was killed before its journal was folded into the file, and whose journal's
/// index was lost with the machine.
fn killed(faulty: &Faulty, start: &Home) -> Home {
    let calm = faulty.count(&start.copy(), &SHORT_SYNC).steps;
    let at = calm.iter().rposition(|step| step == "write warehouse.db-wal").unwrap();
    let home = start.copy();
    assert_eq!(faulty.run(&home, &SHORT_SYNC, at, "kill-before").ended.code, -1);
    fs::remove_file(home.file("warehouse.db-shm")).unwrap();
    assert!(fs::metadata(home.file("warehouse.db-wal")).unwrap().len() > 0);
    home
}

#[test]
fn readers_are_served_where_nothing_can_be_written() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = Payer::rich();
    let start = payer.connected_home();
    let ended = start.copy();
    ended.succeed(&SHORT_SYNC, "nothing");
    for (state, home) in [("ended", ended), ("killed", killed(&faulty, &start))] {
        let undisturbed = home.copy();
        let expected = undisturbed.run(&COUNT).stdout;
        let names = home.names();
        for what in ["EROFS", "ENOSPC"] {
            for arguments in READERS {
                let home = home.copy();
                let ended = faulty.run(&home, arguments, 1, what).ended;
                let when = format!("{what}, {state}, {arguments:?}: {}", ended.stderr);
                // As where everything can be written: status tells of what is unfinished.
                assert_eq!(ended.code, undisturbed.run(arguments).code, "{when}");
                if arguments == COUNT {
                    assert_eq!(ended.stdout, expected, "{when}");
                }
                if what == "EROFS" {
                    assert_eq!(home.names(), names, "{when}");
                }
            }
            for arguments in WRITERS {
                let ended = faulty.run(&home.copy(), arguments, 1, what).ended;
                // A full disk is no matter for a lock that is there, nor for a night without news.
                assert!([5, 2, 0].contains(&ended.code), "{arguments:?}: {}", ended.stderr);
                if what == "EROFS" {
                    assert_eq!(ended.code, 5, "{arguments:?}: {}", ended.stderr);
                    assert_told(&ended.stderr, &format!("{arguments:?}"));
                }
            }
        }
    }
}

#[test]
fn without_locks_or_mappings_every_command_says_so() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = Payer::rich();
    let start = payer.connected_home();
    start.succeed(&SHORT_SYNC, "nothing");
    let expected = start.run(&COUNT).stdout;
    for fault in [["FAULTY_LOCKS", "ENOLCK"], ["FAULTY_LOCKS", "EIO"], ["FAULTY_MMAP", "1"]] {
        for arguments in READERS.into_iter().chain(WRITERS) {
            let ended = faulty.run_without(&start.copy(), arguments, fault);
            let when = format!("{fault:?} {arguments:?}");
            assert!([0, 5].contains(&ended.code), "{when}: {} {}", ended.code, ended.stderr);
            if ended.code == 5 {
                assert_told(&ended.stderr, &when);
            } else if arguments == COUNT {
                assert_eq!(ended.stdout, expected, "{when}");
            }
            let is_a_reader = READERS.contains(&arguments);
            assert!(is_a_reader || ended.code == 5, "{when}: {}", ended.stderr);
        }
    }
}

#[test]
fn a_home_that_is_none_is_a_mistake_and_too_few_files_are_the_machines() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    let long = home.path().join("long/".repeat(1000));
    let gone = home.path().join("gone");
    let file = home.file("payersync.toml");
    for arguments in [&["status"][..], &["sync"], &["verify"], &["init"], &["restore", "copy.db"]] {
        for folder in [&long, &gone, &file] {
            if folder == &gone && arguments != ["sync"] {
                continue;
            }
            let mut command = Command::new(home.command(&[]).get_program());
            command.arg("--home").arg(folder).args(arguments);
            let output = command.env("PAYERSYNC_LOG_FORMAT", "plain").output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            let when = format!("{arguments:?} {}", folder.display());
            assert_eq!(output.status.code(), Some(1), "{when}: {said}");
            assert_told(&said, &when);
        }
    }
    for files in 4..32 {
        let command = home.command(&["status"]);
        let words = command.get_args().map(|word| word.to_str().unwrap()).collect::<Vec<_>>();
        let line = format!(
            "ulimit -n {files}; exec {} {}",
            command.get_program().to_str().unwrap(),
            words.join(" ")
        );
        let mut command = Command::new("sh");
        command.args(["-c", &line]).env("PAYERSYNC_LOG_FORMAT", "plain");
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(5), "{files}: {said}");
        assert_told(&said, &format!("{files} files"));
    }
}
