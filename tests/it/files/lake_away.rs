//! A lake that is not there: a disk that is not mounted is neither written to nor taken for the lake.
#![cfg(all(feature = "lake", unix))]

use crate::{
    files::lake::{run, sync, two_members},
    support::{Home, Purgeable, SHORT_SYNC, sightings},
};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::DirBuilderExt,
    path::Path,
    process::Stdio,
};

/// The folder that a lake's disk leaves when it is not mounted.
fn make_mount_point(path: &Path) {
    fs::DirBuilder::new().mode(0o755).create(path).unwrap();
}

/// Changes what the home remembers of its only lake.
fn edit_lake(home: &Home, edit: impl Fn(&mut serde_json::Map<String, Value>)) {
    let path = home.file("lake.json");
    let mut known: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for lake in known["lakes"].as_object_mut().unwrap().values_mut() {
        edit(lake.as_object_mut().unwrap());
    }
    fs::write(&path, known.to_string()).unwrap();
}

#[test]
fn a_purge_does_not_reach_a_lake_that_is_not_there() {
    let Purgeable { home, canaries, .. } = Purgeable::new(&SHORT_SYNC, 5);
    let folder = Home::new();
    let (lake, away) = (folder.file("lake"), folder.file("away"));
    sync(&home, &lake, &["--shard", "a"]);
    fs::rename(&lake, &away).unwrap();
    for has_mount_point in [false, true] {
        if has_mount_point {
            make_mount_point(&lake);
        }
        let purged = home.run(&["purge", "leaver-in-chief", "--yes"]);
        assert_eq!(purged.code, 2, "{}", purged.stderr);
        assert!(purged.stderr.contains("cannot reach the lake"), "{}", purged.stderr);
        assert!(purged.stderr.contains("may hold what was purged"), "{}", purged.stderr);
        let synced = run(&home, &lake, &[]);
        assert_eq!(synced.code, 4, "{}", synced.stderr);
        assert!(synced.stderr.contains("--take-over"), "{}", synced.stderr);
        // A sync of another lake does not end the purge either.
        let other = run(&home, &folder.file("other"), &["--shard", "a"]);
        assert_eq!(other.code, 0, "{}", other.stderr);
        assert_eq!(home.value::<i64>("SELECT count(*) FROM purge_unfinished"), 1);
        assert_ne!(home.run(&["verify"]).code, 0);
        // Nobody's rows were written to the disk below.
        assert_eq!(lake.exists(), has_mount_point);
        assert!(!has_mount_point || fs::read_dir(&lake).unwrap().next().is_none());
    }
    fs::remove_dir(&lake).unwrap();
    fs::rename(&away, &lake).unwrap();
    // An encrypted backup at work does not fail the sync, which leaves the purge to the next one.
    let mut backup = fs::File::create(home.file("backup.lock")).unwrap();
    backup.lock().unwrap();
    writeln!(backup, "`payersync backup`, process 1").unwrap();
    let told = sync(&home, &lake, &[]);
    assert!(!told.contains("Finished an earlier purge"), "{told}");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM purge_unfinished"), 1);
    drop(backup);
    let told = sync(&home, &lake, &[]);
    assert!(told.contains("Finished an earlier purge"), "{told}");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM purge_unfinished"), 0);
    assert_eq!(sightings(&lake, &canaries), Vec::<String>::new());
}

#[test]
fn neither_a_backup_nor_a_consent_waits_for_the_lakes_of_a_purge() {
    let Purgeable { payer: _payer, home, .. } = Purgeable::new(&SHORT_SYNC, 5);
    let folder = Home::new();
    sync(&home, &folder.file("lake"), &["--shard", "a"]);
    let mut lake = fs::File::create(home.file("lake.lock")).unwrap();
    lake.lock().unwrap();
    // A purge waits for this owner.
    writeln!(lake, "`payersync purge`, process 1").unwrap();
    let mut purge = home.command(&["purge", "leaver-in-chief", "--yes"]);
    let mut purge = purge.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = BufReader::new(purge.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(told.any(|line| line.contains("Waiting for")), "it did not wait for the lake");
    for name in ["backup.lock", "consent.lock"] {
        let lock = fs::File::open(home.file(name)).unwrap();
        assert!(lock.try_lock().is_ok(), "{name}");
    }
    drop(lake);
    let rest: Vec<String> = told.collect();
    assert!(purge.wait().unwrap().success(), "{rest:?}");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM purge_unfinished"), 0);
}

#[test]
fn a_lake_that_is_gone_for_good_begins_anew_when_a_person_says_so() {
    let (_payer, home) = two_members();
    let folder = Home::new();
    let lake = folder.file("lake");
    sync(&home, &lake, &["--shard", "a"]);
    fs::remove_dir_all(&lake).unwrap();
    // An earlier version did not write down whether it had begun the lake.
    edit_lake(&home, |lake| drop(lake.remove("is_begun").unwrap()));
    let outcome = run(&home, &lake, &[]);
    assert_eq!(outcome.code, 4, "{}", outcome.stderr);
    assert!(!lake.exists());
    sync(&home, &lake, &["--take-over"]);
    // Without an unfinished purge, a sync of a lake leaves the home's lock to runs.
    let _ = fs::remove_file(home.file("lock"));
    let told = sync(&home, &lake, &[]);
    assert!(told.contains("nothing changed"), "{told}");
    assert!(!home.file("lock").exists());

    // A first sync that was killed before it wrote to the lake is begun by the next one.
    fs::remove_dir_all(&lake).unwrap();
    edit_lake(&home, |lake| drop(lake.insert("is_begun".to_owned(), false.into())));
    sync(&home, &lake, &[]);
}

#[test]
fn a_purge_does_not_look_for_a_lake_that_was_never_begun() {
    let Purgeable { payer: _payer, home, .. } = Purgeable::new(&SHORT_SYNC, 5);
    let (_other_payer, other) = two_members();
    let folder = Home::new();
    let lake = folder.file("lake");
    sync(&other, &lake, &["--shard", "a"]);
    let refused = run(&home, &lake, &["--shard", "a"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("belongs to another home"), "{}", refused.stderr);
    edit_lake(&home, |lake| assert_eq!(lake["is_begun"], false));
    home.succeed(&["purge", "leaver-in-chief", "--yes"], "a lake that was never begun");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM purge_unfinished"), 0);
    home.succeed(&["verify"], "a purge");
}
