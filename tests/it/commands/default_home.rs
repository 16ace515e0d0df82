//! Which folder is the home where none is named: `~/.payersync`, or where XDG puts a user's data.
#![cfg(unix)]

use crate::support::Home;
use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

/// Runs payersync as a user whose folder this is. Returns the exit code and all that was said.
fn run(user: &Home, xdg: Option<&Path>, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_payersync"));
    command.env_clear().env("HOME", user.path()).env("PAYERSYNC_LOG_FORMAT", "plain");
    command.envs(xdg.map(|folder| ("XDG_DATA_HOME", folder)));
    let output = command.args(arguments).current_dir(user.path()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// Where `init` puts the configuration.
fn home_of_init(user: &Home, xdg: Option<&Path>) -> String {
    let (code, said) = run(user, xdg, &["init"]);
    assert_eq!(code, 0, "{said}");
    let path = said.lines().find_map(|line| line.strip_prefix("Wrote ")).unwrap();
    assert!(Path::new(path).exists() || user.file(path).exists(), "{said}");
    let home = Path::new(path).parent().unwrap();
    assert_eq!(fs::metadata(home).unwrap().permissions().mode() & 0o777, 0o700);
    home.strip_prefix(user.path()).unwrap().display().to_string()
}

fn folder(user: &Home, name: &str) {
    fs::create_dir_all(user.file(name)).unwrap();
    fs::set_permissions(user.file(name), fs::Permissions::from_mode(0o700)).unwrap();
}

const OLD: &str = ".payersync";
const XDG: &str = "data/payersync";

#[test]
fn with_neither_folder_it_is_the_old_one_whatever_the_variable_says() {
    assert_eq!(home_of_init(&Home::new(), None), OLD);
    let user = Home::new();
    assert_eq!(home_of_init(&user, Some(&user.file("data"))), OLD);
    // What one shell made, a shell without the variable finds.
    let (code, said) = run(&user, None, &["config", "show"]);
    assert_eq!(code, 0, "{said}");
    assert!(!said.contains("does not exist"), "{said}");
}

#[test]
fn an_empty_and_a_relative_path_count_as_none() {
    for ignored in ["", "data"] {
        let user = Home::new();
        folder(&user, XDG);
        assert_eq!(home_of_init(&user, Some(Path::new(ignored))), OLD);
    }
}

#[test]
fn with_the_old_folder_alone_it_stays_the_home() {
    let user = Home::new();
    folder(&user, OLD);
    assert_eq!(home_of_init(&user, Some(&user.file("data"))), OLD);
    assert!(!user.file("data").exists());
}

#[test]
fn with_xdgs_folder_alone_it_is_the_home_also_for_cron() {
    let user = Home::new();
    folder(&user, XDG);
    assert_eq!(home_of_init(&user, Some(&user.file("data"))), XDG);
    // cron knows no variable: the default of the specification is looked at.
    let user = Home::new();
    folder(&user, ".local/share/payersync");
    assert_eq!(home_of_init(&user, None), ".local/share/payersync");
}

#[test]
fn with_both_folders_the_old_one_is_the_home_and_the_other_is_named() {
    let user = Home::new();
    let data = user.file("data");
    folder(&user, OLD);
    folder(&user, XDG);
    assert_eq!(home_of_init(&user, Some(&data)), OLD);
    let other = user.file(XDG).display().to_string();
    for command in [&["doctor", "--offline"][..], &["config", "show"], &["plan"], &["status"]] {
        let (_, said) = run(&user, Some(&data), command);
        assert!(said.split_whitespace().any(|word| word == other), "{command:?}: {said}");
    }
    // Whoever names a home has chosen.
    let old = user.file(OLD).display().to_string();
    for command in [&["config", "show"][..], &["doctor", "--offline"]] {
        let (_, said) = run(&user, Some(&data), &[&["--home", old.as_str()][..], command].concat());
        assert!(!said.contains(&other), "{said}");
    }
    fs::remove_dir_all(user.file(XDG)).unwrap();
    let (_, said) = run(&user, Some(&data), &["--home", &old, "doctor", "--offline"]);
    assert!(!said.contains(&other), "{said}");
}

#[test]
fn a_link_in_the_old_ones_place_is_refused_and_not_passed_over() {
    let user = Home::new();
    symlink(user.file("nowhere"), user.file(OLD)).unwrap();
    let (code, said) = run(&user, Some(&user.file("data")), &["status"]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("is a symbolic link"), "{said}");
}
