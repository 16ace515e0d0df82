//! Files that a command is told to write: what lies in their place, and who can read them.
#![cfg(unix)]

use crate::support::{Home, Payer, SHORT_SYNC};
use std::{
    fs,
    os::unix::fs::{PermissionsExt, chown, symlink},
    path::{Path, PathBuf},
    process::Command,
};

/// An account that nobody has.
const STRANGER: u32 = 54_321;

fn home_in_use() -> (Payer, Home) {
    let payer = Payer::rich();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "a consent");
    (payer, home)
}

/// What replaces a file that is named to it.
fn replacing(file: &Path) -> [Vec<String>; 3] {
    let file = file.display().to_string();
    [
        &["query", "SELECT 1 AS one", "--format", "csv", "--output", &file][..],
        &["report", &file],
        &["status", "--prometheus", &file],
    ]
    .map(|words| words.iter().map(|word| (*word).to_owned()).collect())
}

#[test]
fn a_named_file_takes_the_place_of_no_link_pipe_device_or_strangers_file() {
    let (_payer, home) = home_in_use();
    let folder = Home::new();
    let (target, precious) = (folder.file("target"), folder.file("precious"));
    fs::write(&precious, "precious").unwrap();
    for arguments in replacing(&target) {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let assert_left = |why: &str| {
            let outcome = home.run(&arguments);
            assert_eq!(outcome.code, 1, "{arguments:?} {why}: {}", outcome.stderr);
            assert!(outcome.stderr.contains(why), "{arguments:?}: {}", outcome.stderr);
            assert!(target.symlink_metadata().is_ok());
            fs::remove_file(&target).unwrap();
        };
        for there in [&precious, &folder.file("nowhere")] {
            symlink(there, &target).unwrap();
            assert_left("is a symbolic link");
        }
        assert!(Command::new("mkfifo").arg(&target).status().unwrap().success());
        assert_left("is neither a file nor a folder");
        // As /dev/null: only root can make one, and only root could put a file in its place.
        if Command::new("mknod").arg(&target).args(["c", "1", "3"]).status().unwrap().success() {
            assert_left("is neither a file nor a folder");
        }
        fs::write(&target, "").unwrap();
        if chown(&target, Some(STRANGER), None).is_ok() {
            assert_left(&format!("belongs to user id {STRANGER}"));
        }
        home.succeed(&arguments, "nothing is there");
        home.succeed(&arguments, "an earlier one is there");
        fs::remove_file(&target).unwrap();
    }
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
    assert_eq!(folder.names(), ["precious"]);
}

#[test]
fn man_pages_are_written_over_a_link_and_not_through_it() {
    let folder = Home::new();
    let (pages, precious) = (folder.file("man"), folder.file("precious"));
    fs::write(&precious, "precious").unwrap();
    fs::create_dir(&pages).unwrap();
    symlink(&precious, pages.join("payersync.1")).unwrap();
    folder.succeed(&["man", pages.to_str().unwrap()], "a link is there");
    assert_eq!(fs::read(&precious).unwrap(), b"precious");
    let page = pages.join("payersync.1").symlink_metadata().unwrap();
    assert!(page.is_file() && page.permissions().mode() & 0o777 == 0o644);
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn what_others_may_read_is_metrics_papers_and_pages_whatever_the_umask() {
    let (_payer, home) = home_in_use();
    for umask in ["0", "077"] {
        let folder = Home::new();
        let given = |name: &str| folder.file(name).display().to_string();
        for (arguments, name, expected) in [
            (&["query", "SELECT 1 AS one", "--format", "csv", "--output"][..], "one.csv", 0o600),
            (&["report"], "report.html", 0o600),
            (&["export"], "tables", 0o600),
            (&["export", "--format", "ndjson"], "bulk", 0o600),
            (&["export", "--deidentify"], "research", 0o600),
            (&["backup"], "copy.db", 0o600),
            (&["status", "--prometheus"], "metrics.prom", 0o644),
            (&["production-access"], "papers", 0o644),
            (&["man"], "man", 0o644),
        ] {
            let command = home.command(&[arguments, &[&given(name)]].concat());
            let mut shell = Command::new("sh");
            shell.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]);
            shell.arg(command.get_program()).args(command.get_args());
            shell.env("PAYERSYNC_LOG_FORMAT", "plain");
            let output = shell.output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{arguments:?}: {said}");
            let written = folder.file(name);
            let written = if written.is_dir() { files(&written) } else { vec![written] };
            assert!(!written.is_empty());
            for file in written {
                let mode = fs::metadata(&file).unwrap().permissions().mode() & 0o777;
                assert_eq!(mode, expected, "umask {umask}: {} {mode:o}", file.display());
            }
        }
    }
}
