//! What another account has prepared is not used: a home, a file in it, a folder for backups.
#![cfg(unix)]

use crate::support::{Home, Payer, SHORT_SYNC};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::{
        fs::{MetadataExt, PermissionsExt, chown, symlink},
        process::CommandExt,
    },
    path::Path,
    process::Command,
};

/// An account that nobody has.
const STRANGER: u32 = 54_321;

const COMMANDS: [&[&str]; 14] = [
    &["init"],
    &["connect", "mary", "--plan", "demo", "--code", "-"],
    &["sync"],
    &["backfill", "john", "--from", "2020-01-01"],
    &["plan"],
    &["status"],
    &["tables"],
    &["query", "SELECT 1"],
    &["rebuild"],
    &["verify"],
    &["doctor", "--offline"],
    &["get", "Patient", "--connection", "john"],
    &["purge", "john", "--yes"],
    &["demo", "--members", "1"],
];

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Names with their bytes, inode and mode.
fn contents(folder: &Path) -> BTreeMap<String, (Vec<u8>, u64, u32)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| {
            let metadata = entry.path().symlink_metadata().unwrap();
            let bytes =
                if metadata.is_file() { fs::read(entry.path()).unwrap() } else { Vec::new() };
            (entry.file_name().into_string().unwrap(), (bytes, metadata.ino(), metadata.mode()))
        })
        .collect()
}

/// Every command refuses the home, says why and what to do, and changes nothing.
#[track_caller]
fn assert_refused(home: &Home, folder: &Path, why: &str, hint: &str) {
    let before = contents(home.path());
    let program = home.command(&[]).get_program().to_owned();
    for arguments in COMMANDS {
        let output = Command::new(&program)
            .arg("--home")
            .arg(folder)
            .args(arguments)
            .env("PAYERSYNC_LOG_FORMAT", "plain")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(why), "{arguments:?}: {why}: {said}");
        assert!(said.contains(hint), "{arguments:?}: {hint}: {said}");
        assert!(contents(home.path()) == before, "{arguments:?} changed the home");
    }
}

fn home_in_use() -> (Payer, Home) {
    let payer = Payer::rich();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "a consent");
    (payer, home)
}

#[test]
fn a_home_that_others_can_write_or_that_is_a_link_is_refused() {
    let (_payer, home) = home_in_use();
    for mode in [0o770, 0o707, 0o1777] {
        set_mode(home.path(), mode);
        assert_refused(&home, home.path(), "can be written by others", "hint: `chmod go-w");
    }
    set_mode(home.path(), 0o700);
    let elsewhere = Home::new();
    let link = elsewhere.file("link");
    symlink(home.path(), &link).unwrap();
    let target = home.path().canonicalize().unwrap().display().to_string();
    for link in [link.clone(), elsewhere.file("link/")] {
        assert_refused(&home, &link, "link is a symbolic link", &target);
    }
    home.succeed(&["tables"], "the mode is mended");
}

#[test]
fn a_pipe_in_the_place_of_a_file_is_refused_and_not_waited_for() {
    let (_payer, home) = home_in_use();
    for name in ["payersync.toml", "lock", "warehouse.db", "vault.db", "vault.key"] {
        let (file, kept) = (home.file(name), home.file("kept"));
        let was_there = file.exists();
        if was_there {
            fs::rename(&file, &kept).unwrap();
        }
        assert!(Command::new("mkfifo").arg("-m600").arg(&file).status().unwrap().success());
        let why = format!("{name} is neither a file nor a folder");
        assert_refused(&home, home.path(), &why, "hint: move it aside, or name another place");
        fs::remove_file(&file).unwrap();
        if was_there {
            fs::rename(&kept, &file).unwrap();
        }
    }
    home.succeed(&["tables"], "everything is back");
}

#[test]
fn a_file_of_the_home_that_others_can_write_or_that_is_a_link_is_refused() {
    let (_payer, home) = home_in_use();
    let theirs = Home::new();
    fs::write(theirs.file("precious"), "precious").unwrap();
    for name in
        ["payersync.toml", "lock", "warehouse.db", "vault.db", "vault.key", "vault.db-journal"]
    {
        let (file, kept) = (home.file(name), home.file("kept"));
        let was_there = file.exists();
        if was_there {
            let mode = fs::metadata(&file).unwrap().permissions().mode();
            set_mode(&file, 0o662);
            assert_refused(&home, home.path(), &format!("{name} can be written by others"), "go-w");
            set_mode(&file, mode);
            fs::rename(&file, &kept).unwrap();
        }
        for target in ["precious", "nowhere"] {
            symlink(theirs.file(target), &file).unwrap();
            assert_refused(&home, home.path(), &format!("{name} is a symbolic link"), "hint: ");
            fs::remove_file(&file).unwrap();
        }
        if was_there {
            fs::rename(&kept, &file).unwrap();
        }
    }
    assert_eq!(fs::read(theirs.file("precious")).unwrap(), b"precious");
    assert_eq!(theirs.names(), ["precious"]);
    home.succeed(&["tables"], "everything is back");
}

#[test]
fn a_home_of_another_account_is_refused_and_the_account_itself_is_served() {
    let (_payer, home) = home_in_use();
    if chown(home.path(), Some(STRANGER), Some(STRANGER)).is_err() {
        eprintln!("SKIPPED: only root can give a folder away");
        return;
    }
    let why = format!("belongs to user id {STRANGER}");
    assert_refused(&home, home.path(), &why, &format!("sudo -u '#{STRANGER}'"));
    // As `sudo -u` and as a container with another user: what is root's is not theirs to open.
    let as_stranger = |arguments: &[&str], home: &Home| {
        let mut command = home.command(arguments);
        command.uid(STRANGER).gid(STRANGER).current_dir("/").output()
    };
    let roots = Home::new();
    fs::write(roots.file("payersync.toml"), "").unwrap();
    set_mode(roots.path(), 0o700);
    let Ok(output) = as_stranger(&["sync"], &roots) else {
        eprintln!("SKIPPED: the binary lies where another account cannot start it");
        return;
    };
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("make payersync.toml readable for this user"), "{said}");
    // Given over whole, it serves them, and root no more.
    for name in home.names() {
        give(&home.file(&name));
    }
    let output = as_stranger(&["query", "SELECT count(*) FROM resource"], &home).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // One file that is another's, such as a journal that root has left.
    chown(home.file("warehouse.db"), Some(STRANGER + 1), None).unwrap();
    let output = as_stranger(&["status"], &home).unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("warehouse.db belongs to user id {}", STRANGER + 1)), "{said}");
}

fn give(path: &Path) {
    chown(path, Some(STRANGER), Some(STRANGER)).unwrap();
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| give(&entry.unwrap().path()));
    }
}

#[test]
fn a_demo_in_a_prepared_folder_overwrites_nothing() {
    let theirs = Home::new();
    let precious = theirs.file("precious");
    fs::write(&precious, "# Written by `payersync demo`").unwrap();
    let names = ["payersync.toml", "demo.secret", "lock", "warehouse.db", "vault.key", "vault.db"];
    for name in names {
        let prepared = Home::new();
        symlink(&precious, prepared.file(name)).unwrap();
        let outcome = prepared.run(&["demo", "--members", "1"]);
        // A secret's own file is replaced, not written through; all others are refused.
        let is_replaced = name == "demo.secret";
        assert_eq!(outcome.code == 1, !is_replaced, "{name}: {}", outcome.stderr);
        assert_eq!(fs::read(&precious).unwrap(), b"# Written by `payersync demo`", "{name}");
    }
    assert_eq!(theirs.names(), ["precious"]);
}

#[test]
fn a_backup_is_not_put_where_others_could_exchange_it() {
    let (_payer, home) = home_in_use();
    let theirs = Home::new();
    let copy = theirs.file("copy.db");
    let backup = ["backup", copy.to_str().unwrap()];
    for mode in [0o770, 0o777] {
        set_mode(theirs.path(), mode);
        let outcome = home.run(&backup);
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("can be written by others"), "{}", outcome.stderr);
        assert!(outcome.stderr.contains("nobody else can write to"), "{}", outcome.stderr);
        assert_eq!(theirs.names(), [""; 0]);
    }
    let failed: i64 = home.value("SELECT count(*) FROM access_log WHERE detail = 'failed'");
    assert_eq!(failed, 2);
    // Encrypted bytes are nobody's gain, and no name can be known beforehand.
    fs::write(home.file("precious"), "precious").unwrap();
    symlink(home.file("precious"), theirs.file("copy.db.partial")).unwrap();
    let recipient = age::x25519::Identity::generate().to_public().to_string();
    home.succeed(&[&backup[..], &["--encrypt", &recipient]].concat(), "a folder of everybody's");
    fs::remove_file(&copy).unwrap();
    // As the system's temporary folder.
    set_mode(theirs.path(), 0o1777);
    home.succeed(&backup, "a sticky folder");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read(home.file("precious")).unwrap(), b"precious");
    assert_eq!(theirs.names(), ["copy.db", "copy.db.partial"]);
}

#[test]
fn two_backups_at_once_have_a_file_each_and_what_the_killed_left_goes() {
    let (_payer, home) = home_in_use();
    let folder = Home::new();
    // No process has this number, and no warehouse this tag.
    let of_another = "theirs.db.00000000-2000000000-0123456789abcdef.partial";
    fs::write(folder.file(of_another), "health data of another warehouse").unwrap();
    fs::write(folder.file("old.db.partial"), "as a version before left it").unwrap();
    let copies: Vec<_> = (0..4).map(|number| folder.file(&format!("copy-{number}.db"))).collect();
    let running: Vec<_> = copies
        .iter()
        .map(|copy| home.command(&["backup", copy.to_str().unwrap()]).spawn().unwrap())
        .collect();
    for mut child in running {
        assert!(child.wait().unwrap().success());
    }
    home.succeed(&["backup", folder.file("old.db").to_str().unwrap()], "another");
    let expected = ["copy-0.db", "copy-1.db", "copy-2.db", "copy-3.db", "old.db", of_another];
    assert_eq!(folder.names(), expected);
    for copy in &copies {
        let elsewhere = Home::new();
        fs::copy(home.file("vault.key"), elsewhere.file("vault.key")).unwrap();
        elsewhere.succeed(&["restore", copy.to_str().unwrap()], "a backup beside others");
        elsewhere.succeed(&["verify"], "a backup beside others");
    }
    let outcome = home.run(&["doctor", "--offline"]);
    assert!(outcome.stdout.contains(of_another), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("is an unfinished copy, and holds health data"));
}

#[test]
fn metrics_take_no_strangers_place_and_follow_no_link() {
    let (_payer, home) = home_in_use();
    let theirs = Home::new();
    // A collector's folder may be everybody's: what is in the file is no secret.
    set_mode(theirs.path(), 0o777);
    let file = theirs.file("payersync.prom");
    let arguments = ["status", "--prometheus", file.to_str().unwrap()];
    symlink(home.file("payersync.toml"), theirs.file("payersync.prom.partial")).unwrap();
    let before = fs::read(home.file("payersync.toml")).unwrap();
    home.succeed(&arguments, "a link beside it");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o644);
    fs::remove_file(&file).unwrap();
    symlink(home.file("payersync.toml"), &file).unwrap();
    let outcome = home.run(&arguments);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("is a symbolic link"), "{}", outcome.stderr);
    assert!(fs::read(home.file("payersync.toml")).unwrap() == before);
    fs::remove_file(&file).unwrap();
    fs::write(&file, "theirs").unwrap();
    if chown(&file, Some(STRANGER), None).is_ok() {
        let outcome = home.run(&arguments);
        assert_eq!(outcome.code, 1, "{}", outcome.stderr);
        assert_eq!(fs::read(&file).unwrap(), b"theirs");
    }
}
