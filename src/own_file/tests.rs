//! Tests of files and folders that this account alone can change.

use super::*;
use std::os::unix::fs::{PermissionsExt, chown, symlink};

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_link_a_foreign_file_and_one_that_others_can_write_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    require_own(&file).unwrap();
    fs::write(&file, "ours").unwrap();
    chmod(&file, 0o644);
    require_own(&file).unwrap();
    for mode in [0o664, 0o646, 0o1666] {
        chmod(&file, mode);
        let refused = require_own(&file).unwrap_err();
        assert!(matches!(refused, Distrust::Writable { .. }), "{refused}");
        assert!(refused.hint().contains("chmod go-w"));
        require_owned(&file).unwrap();
    }
    symlink(&file, &link).unwrap();
    let slash = folder.path().join("link/");
    for path in [&link, &slash] {
        assert!(matches!(require_owned(path), Err(Distrust::Link { .. })));
    }
    chmod(&file, 0o600);
    // Only root can give a file away.
    if chown(&file, Some(54_321), None).is_ok() {
        let refused = require_own(&file).unwrap_err();
        assert!(matches!(refused, Distrust::Foreign { owner: 54_321, .. }), "{refused}");
        assert!(refused.hint().contains("sudo -u '#54321'"), "{}", refused.hint());
    }
}

#[test]
fn a_folder_of_everybodys_is_safe_where_each_keeps_their_own() {
    let folder = tempfile::tempdir().unwrap();
    for (mode, is_safe) in
        [(0o700, true), (0o755, true), (0o1777, true), (0o775, false), (0o777, false)]
    {
        chmod(folder.path(), mode);
        assert_eq!(require_safe_folder(folder.path()).is_ok(), is_safe, "{mode:o}");
    }
}

#[test]
fn nothing_is_written_through_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("theirs"), "theirs").unwrap();
    for (link, target) in [("a", "theirs"), ("b", "nowhere")] {
        symlink(at(target), at(link)).unwrap();
        assert!(create_new(&at(link)).is_err() && open_or_create(&at(link)).is_err());
    }
    replace(&at("a"), b"ours", 0o600).unwrap();
    for name in ["b", "theirs"] {
        assert!(
            create_whole(&at(name), b"ours").is_err() && place_new(&at("a"), &at(name)).is_err()
        );
    }
    assert_eq!(fs::read(at("theirs")).unwrap(), b"theirs");
    assert_eq!(fs::read(at("a")).unwrap(), b"ours");
    assert!(!at("a").symlink_metadata().unwrap().is_symlink() && !at("nowhere").exists());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn a_folder_takes_the_place_of_another_and_leaves_it_whole() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    create_new_folder(&at("new")).unwrap();
    assert_eq!(mode(&at("new")) & 0o777, 0o700);
    fs::write(at("new").join("a"), "first").unwrap();
    place_folder(&at("new"), &at("export"), &at("aside")).unwrap();
    create_new_folder(&at("new")).unwrap();
    fs::write(at("new").join("b"), "second").unwrap();
    place_folder(&at("new"), &at("export"), &at("aside")).unwrap();
    assert_eq!(fs::read(at("export").join("b")).unwrap(), b"second");
    assert_eq!(fs::read(at("new").join("a")).unwrap(), b"first");
    assert!(!at("aside").exists());
    sync_folder(folder.path()).unwrap();
}

#[test]
fn a_process_is_at_work_until_it_ends() {
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    assert!(is_at_work(child.id()) && !is_at_work(std::process::id()) && !is_at_work(0));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!is_at_work(child.id()));
}
