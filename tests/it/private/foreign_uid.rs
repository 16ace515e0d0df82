//! Homes as containers, network drives and `sudo -u` make them: each row of the table in SECURITY.md.
#![cfg(target_os = "linux")]

use crate::support::Home;
use std::{
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// An account that nobody has, and a group that it is in.
const UID: u32 = 54_321;
const GROUP: u32 = 54_777;
/// Whom a network drive shows as the owner of what root has made there (`root_squash`).
const NOBODY: u32 = 65_534;

/// A folder that the account can reach; `None` where this process cannot give folders away.
struct Volume {
    folder: Home,
    program: PathBuf,
}

impl Volume {
    fn new() -> Option<Volume> {
        let folder = Home::new();
        let program = folder.file("payersync");
        let given = chown(folder.path(), Some(0), Some(0));
        fs::copy(env!("CARGO_BIN_EXE_payersync"), &program).unwrap();
        set(folder.path(), 0o755);
        set(&program, 0o755);
        let volume = Volume { folder, program };
        let output = given.and_then(|()| volume.command(Path::new("/"), &["--version"]).output());
        match output {
            Ok(output) if output.status.success() => Some(volume),
            _ => {
                eprintln!("SKIPPED: only root can give folders away, where others can reach them");
                None
            }
        }
    }

    /// A folder that belongs to these, with this mode.
    fn make(&self, name: &str, owner: u32, group: u32, mode: u32) -> PathBuf {
        let path = self.folder.file(name);
        fs::create_dir(&path).unwrap();
        chown(&path, Some(owner), Some(group)).unwrap();
        set(&path, mode);
        path
    }

    /// The binary as the account runs it.
    fn command(&self, home: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().env("PAYERSYNC_LOG_FORMAT", "plain").env("HOME", "/nonexistent");
        command.arg("--home").arg(home).args(arguments);
        command.current_dir("/").uid(UID).gid(GROUP);
        command
    }

    #[track_caller]
    fn expect(&self, home: &Path, command: &str, code: i32, words: &str) {
        let output = self.command(home, &[command]).output().unwrap();
        expect(&output, command, code, words);
    }
}

fn set(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[track_caller]
fn expect(output: &Output, command: &str, code: i32, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{command}: {said}");
    assert!(said.contains(words), "{command}: {words}: {said}");
}

#[test]
fn a_home_of_somebody_else_or_of_a_group_is_refused() {
    let Some(volume) = Volume::new() else { return };
    let theirs = volume.make("theirs", UID + 1, GROUP, 0o755);
    let squashed = volume.make("squashed", NOBODY, NOBODY, 0o777);
    let of_a_group = volume.make("of-a-group", UID, GROUP, 0o770);
    let sticky = volume.make("sticky", 0, 0, 0o1777);
    let fs_group = volume.make("fs-group", 0, GROUP, 0o2775);
    for command in ["init", "sync", "status"] {
        volume.expect(&theirs, command, 1, &format!("belongs to user id {}", UID + 1));
        volume.expect(&squashed, command, 1, &format!("belongs to user id {NOBODY}"));
        for home in [&of_a_group, &sticky, &fs_group] {
            volume.expect(home, command, 1, "can be written by others");
        }
    }
}

#[test]
fn a_new_folder_in_a_volume_that_others_can_write_serves() {
    let Some(volume) = Volume::new() else { return };
    for (name, mode) in [("sticky", 0o1777), ("fs-group", 0o2775)] {
        let home = volume.make(name, 0, GROUP, mode).join("home");
        volume.expect(&home, "init", 0, "");
        let made = fs::metadata(&home).unwrap();
        assert_eq!((made.uid(), made.mode() & 0o777), (UID, 0o700), "{name}");
        volume.expect(&home, "sync", 1, "there is no connection yet");
    }
}

#[test]
fn a_home_of_root_is_read_and_not_written() {
    let Some(volume) = Volume::new() else { return };
    let home = volume.make("home", UID, GROUP, 0o700);
    let demo = volume.command(&home, &["demo", "--members", "1"]).output().unwrap();
    expect(&demo, "demo", 0, "");
    chown(&home, Some(0), Some(0)).unwrap();
    set(&home, 0o755);
    volume.expect(&home, "status", 0, "");
    volume.expect(&home, "sync", 5, "hint: make the folder writable");
    let empty = volume.make("empty", 0, 0, 0o755);
    volume.expect(&empty, "init", 5, "hint: make the folder writable");
    let closed = volume.make("closed", 0, 0, 0o700);
    volume.expect(&closed, "status", 1, "make payersync.toml readable for this user");
}

#[test]
fn the_home_of_the_account_that_sudo_came_from_is_not_taken() {
    let Some(volume) = Volume::new() else { return };
    let roots = volume.make("roots", 0, 0, 0o700);
    fs::create_dir(roots.join(".payersync")).unwrap();
    let mut command = Command::new(&volume.program);
    command.env_clear().env("PAYERSYNC_LOG_FORMAT", "plain").env("HOME", &roots);
    let output = command.arg("status").current_dir("/").uid(UID).gid(GROUP).output().unwrap();
    expect(&output, "sudo -u", 1, "make payersync.toml readable for this user");
    let mut command = Command::new(&volume.program);
    let own = volume.make("own", UID, GROUP, 0o700);
    command.env_clear().env("PAYERSYNC_LOG_FORMAT", "plain").env("HOME", &own);
    let output = command.arg("init").current_dir("/").uid(UID).gid(GROUP).output().unwrap();
    expect(&output, "sudo -H -u", 0, "");
    assert!(own.join(".payersync/payersync.toml").exists());
}
