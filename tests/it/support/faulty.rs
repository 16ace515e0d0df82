//! A file system that fails where a test wants it to, under the real binary; `tests/faulty/faulty.c`
//! explains how.
//!
//! A step is one change of a file. The steps of a command are counted in an undisturbed run. To fail at
//! each of them would take too long, so a test tries the steps between two kinds of work, and some of the
//! others. `PAYERSYNC_TEST_STEPS=all`, or a number, tries more.

use super::{Ended, Home, Watched};
use std::{collections::BTreeSet, fs, process::Command};
use tempfile::TempDir;

/// The compiled library.
pub(crate) struct Faulty(TempDir);

/// The end of a run with the library, and its steps.
pub(crate) struct Disturbed {
    pub(crate) ended: Ended,
    /// Every step that was begun, including the one that failed.
    pub(crate) steps: Vec<String>,
}

impl Faulty {
    /// Builds the library. Without a C compiler it says SKIPPED, and fails under CI=true.
    pub(crate) fn build() -> Option<Faulty> {
        let folder = tempfile::tempdir().unwrap();
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faulty/faulty.c");
        let built = Command::new("cc")
            .args(["-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", source, "-ldl", "-o"])
            .arg(folder.path().join("faulty.so"))
            .status();
        match built {
            Ok(status) => assert!(status.success(), "{source} was not compiled"),
            Err(error) => {
                assert!(std::env::var("CI").as_deref() != Ok("true"), "no C compiler: {error}");
                eprintln!("SKIPPED: no C compiler: {error}");
                return None;
            }
        }
        Some(Faulty(folder))
    }

    /// Runs a command undisturbed and counts its steps.
    pub(crate) fn count(&self, home: &Home, arguments: &[&str]) -> Disturbed {
        self.run(home, arguments, 0, "")
    }

    /// Runs a command in which step `at` fails as `what` says.
    pub(crate) fn run(&self, home: &Home, arguments: &[&str], at: usize, what: &str) -> Disturbed {
        let trace = self.0.path().join("trace");
        let _ = fs::remove_file(&trace);
        let mut command = self.command(home, arguments);
        command
            .env("FAULTY_ROOT", home.path())
            .env("FAULTY_TRACE", &trace)
            .env("FAULTY_AT", at.to_string())
            .env("FAULTY_DO", what);
        let ended = Watched::spawn(command, format!("{what} at step {at} of {arguments:?}")).end();
        let steps = fs::read_to_string(&trace).unwrap_or_default();
        Disturbed { ended, steps: steps.lines().map(str::to_owned).collect() }
    }

    /// Runs a command that gets no lock (`FAULTY_LOCKS`), no mapping (`FAULTY_MMAP`), or a limited number
    /// of threads (`FAULTY_THREADS`).
    pub(crate) fn run_without(&self, home: &Home, arguments: &[&str], fault: [&str; 2]) -> Ended {
        let mut command = self.command(home, arguments);
        command.env("FAULTY_ROOT", home.path()).env(fault[0], fault[1]);
        Watched::spawn(command, format!("{arguments:?} with {fault:?}")).end()
    }

    /// Runs a command whose clock is wrong by so many seconds.
    pub(crate) fn run_at(&self, home: &Home, arguments: &[&str], seconds: i64) -> Ended {
        self.start_at(home, arguments, seconds).end()
    }

    /// Starts a command whose clock is wrong by so many seconds.
    pub(crate) fn start_at(&self, home: &Home, arguments: &[&str], seconds: i64) -> Watched {
        let mut command = self.command(home, arguments);
        command.env("FAULTY_CLOCK", seconds.to_string());
        Watched::spawn(command, format!("{arguments:?} {seconds} s off"))
    }

    /// Runs a command whose clock is wrong by so many seconds, on a disk without room.
    pub(crate) fn run_full_at(&self, home: &Home, arguments: &[&str], seconds: i64) -> Ended {
        let mut command = self.command(home, arguments);
        command
            .env("FAULTY_CLOCK", seconds.to_string())
            .env("FAULTY_ROOT", home.path())
            .env("FAULTY_AT", "1")
            .env("FAULTY_DO", "ENOSPC");
        Watched::spawn(command, format!("{arguments:?} {seconds} s off, without room")).end()
    }

    fn command(&self, home: &Home, arguments: &[&str]) -> Command {
        let mut command = home.command(arguments);
        command.env("LD_PRELOAD", self.0.path().join("faulty.so"));
        command
    }
}

impl Disturbed {
    /// The step with this number, counted from 1, for messages.
    pub(crate) fn step(&self, number: usize) -> &str {
        self.steps.get(number - 1).map_or("after the last step", String::as_str)
    }

    /// The numbers of the steps that a test tries: about as many as `wanted`, or more.
    ///
    /// They are steps at which the work changes to another file or call, and others, spread evenly.
    pub(crate) fn chosen(&self, wanted: usize) -> Vec<usize> {
        let all = self.steps.len();
        let wanted = match std::env::var("PAYERSYNC_TEST_STEPS").as_deref() {
            Ok("all") => return (1..=all).collect(),
            Ok(number) => number.parse().unwrap(),
            Err(_) => wanted,
        };
        let changes = |at: &usize| *at == all || self.steps[*at] != self.steps[*at - 1];
        let edges: Vec<usize> = (1..=all).filter(changes).collect();
        let spread = |steps: &[usize], count: usize| -> Vec<usize> {
            let count = count.min(steps.len());
            (0..count).map(|at| steps[at * steps.len() / count]).collect()
        };
        let every: Vec<usize> = (1..=all).collect();
        let mut chosen = BTreeSet::from([1, all]);
        chosen.extend(spread(&edges, wanted * 2 / 3));
        chosen.extend(spread(&every, wanted.saturating_sub(chosen.len())));
        chosen.into_iter().collect()
    }

    /// Ways to be killed at these steps: before a step, in the middle of a write, and after the last step.
    pub(crate) fn kills(&self, wanted: usize) -> Vec<(usize, &'static str)> {
        let is_dense = std::env::var("PAYERSYNC_TEST_STEPS").as_deref() == Ok("all");
        let mut kills = Vec::new();
        for (turn, at) in self.chosen(wanted).into_iter().enumerate() {
            let can_tear = self.steps[at - 1].starts_with("write ");
            if is_dense || !can_tear || turn % 2 == 0 {
                kills.push((at, "kill-before"));
            }
            if can_tear && (is_dense || turn % 2 == 1) {
                kills.push((at, "kill-torn"));
            }
        }
        kills.push((self.steps.len(), "kill-after"));
        kills
    }

    /// Ways to fail at these steps: one for each step in turn, or all at each if all steps are wanted.
    pub(crate) fn failures(&self, wanted: usize) -> Vec<(usize, &'static str)> {
        const WAYS: [&str; 6] = ["ENOSPC", "EIO", "EROFS", "once:EIO", "EDQUOT", "once:ENOSPC"];
        let is_dense = std::env::var("PAYERSYNC_TEST_STEPS").as_deref() == Ok("all");
        let chosen = self.chosen(wanted);
        let every = chosen.iter().flat_map(|at| WAYS.map(|way| (*at, way)));
        let in_turn = chosen.iter().enumerate().map(|(turn, at)| (*at, WAYS[turn % WAYS.len()]));
        if is_dense { every.collect() } else { in_turn.collect() }
    }

    /// Asserts that the failure was reported in one message with a hint right after it, and that the exit
    /// code is that of a failed warehouse or vault.
    #[track_caller]
    pub(crate) fn assert_decent(&self, when: &str) {
        let said = &self.ended.stderr;
        assert_eq!(self.ended.code, 5, "{when}: {said}");
        let lines: Vec<&str> = said.lines().collect();
        let is_error = |line: &&str| line.starts_with("error: ");
        assert_eq!(lines.iter().filter(|line| is_error(line)).count(), 1, "{when}: {said}");
        let hint = lines.iter().skip_while(|line| !is_error(line)).nth(1);
        assert!(hint.is_some_and(|line| line.starts_with("hint: ")), "{when}: {said}");
        assert!(!said.contains("panicked"), "{when}: {said}");
    }
}
