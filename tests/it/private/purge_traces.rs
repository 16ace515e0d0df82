//! What a purge takes along outside the warehouse, and what it names where it cannot.

use crate::support::{Dictated, Home};
use std::fs;

fn home() -> (Dictated, Home) {
    let payer = Dictated::start();
    payer.serve("Patient", &[r#"{"resourceType":"Patient","id":"p"}"#]);
    let home = payer.home("[connections.john]\nschedule = \"0 4 * * *\"\n");
    let connect = ["connect", "johnny", "--plan", "demo", "--code", "a-code"];
    home.succeed(&connect, "the first");
    home.succeed(&["sync", "--type", "Patient"], "both consents");
    (payer, home)
}

fn write_metrics(home: &Home, name: &str) -> std::path::PathBuf {
    let path = home.file(name);
    home.succeed(&["status", "--prometheus", path.to_str().unwrap()], "a sync");
    assert!(fs::read_to_string(&path).unwrap().contains("connection=\"john\""));
    path
}

#[test]
fn the_series_of_a_purged_connection_leave_every_file_of_metrics() {
    let (_payer, home) = home();
    let elsewhere = Home::new();
    let files = [write_metrics(&home, "here.prom"), {
        let path = elsewhere.file("there.prom");
        home.succeed(&["status", "--prometheus", path.to_str().unwrap()], "a sync");
        path
    }];
    // Written again and again it is remembered once.
    write_metrics(&home, "here.prom");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM metrics_file"), 2);
    let series = |text: &str, name: &str| text.matches(&format!("connection=\"{name}\"")).count();
    let before = fs::read_to_string(&files[0]).unwrap();

    let purged = home.run(&["purge", "john", "--yes"]);
    assert_eq!(purged.code, 0, "{}", purged.stderr);
    for path in &files {
        let text = fs::read_to_string(path).unwrap();
        assert_eq!(series(&text, "john"), 0, "{text}");
        assert_eq!(series(&text, "johnny"), series(&before, "johnny"));
        assert!(purged.stderr.contains(path.to_str().unwrap()), "{}", purged.stderr);
    }
    // The configuration is the operator's.
    assert!(purged.stderr.contains("payersync.toml still has [connections.john]"));
    assert!(
        fs::read_to_string(home.file("payersync.toml")).unwrap().contains("[connections.john]")
    );
    let other = home.run(&["purge", "johnny", "--yes"]);
    assert_eq!(other.code, 0, "{}", other.stderr);
    assert!(!other.stderr.contains("[connections."), "{}", other.stderr);
}

#[cfg(unix)]
#[test]
fn what_lies_in_the_place_of_a_file_of_metrics_is_left_alone_and_named() {
    let (_payer, home) = home();
    let theirs = home.file("letter.txt");
    let letter = "about connection=\"john\"\n";
    fs::write(&theirs, letter).unwrap();
    for name in ["a-link.prom", "a-letter.prom", "a-folder.prom", "gone.prom"] {
        fs::remove_file(write_metrics(&home, name)).unwrap();
    }
    std::os::unix::fs::symlink(&theirs, home.file("a-link.prom")).unwrap();
    fs::write(home.file("a-letter.prom"), letter).unwrap();
    fs::create_dir(home.file("a-folder.prom")).unwrap();
    let purged = home.run(&["purge", "john", "--yes"]);
    assert_eq!(purged.code, 0, "{}", purged.stderr);
    assert!(purged.stderr.contains("a-link.prom ("), "{}", purged.stderr);
    for path in [theirs, home.file("a-letter.prom")] {
        assert_eq!(fs::read_to_string(path).unwrap(), letter);
    }
}
