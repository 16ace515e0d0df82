//! `lake sync` to S3: a server that throttles, fails, and does what it says it did not do.
#![cfg(feature = "lake")]

use crate::{
    files::{
        lake::{assert_same_at, two_members},
        lake_store::Store,
    },
    support::{Payer, python_with_delta},
};
use std::{fs, path::Path, process::Command, thread};

const LAKE: &str = "s3://bucket/a/lake";
/// What the server prints: a line for each commit that somebody else was quicker with.
const RACES: &str = "races";

/// moto behind a die, with a bucket.
fn moto_with_bucket(python: &Path, seed: &str) -> Store {
    Store::start(LAKE, |port, files| {
        let mut server = Command::new(python);
        server
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/s3.py"))
            .args([&port.to_string(), seed])
            .stdout(fs::File::create(files.file(RACES)).unwrap());
        let settings = vec![
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{port}")),
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "somebody".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "something".to_owned()),
        ];
        (server, settings)
    })
}

#[test]
fn two_homes_fill_a_lake_in_a_store_that_fails_now_and_then() {
    let Some(python) = python_with_delta() else { return };
    let s3 = moto_with_bucket(&python, "7");
    let (_one, first) = two_members();
    let (_two, second) = two_members();
    let homes = [("a", &first), ("b", &second)];
    thread::scope(|scope| {
        for (shard, home) in homes {
            let s3 = &s3;
            scope.spawn(move || s3.sync(home, shard));
        }
    });
    assert_same_at(LAKE, &s3.settings, &homes);
    // The home that came second to a table had its number taken, time and again.
    let races = fs::read_to_string(s3.files.file(RACES)).unwrap().lines().count();
    assert!(races > 20, "{races}");
    let told = s3.sync(&first, "a");
    assert!(told.contains("nothing changed"), "{told}");
    let outcome = s3.run(&first, &["purge", "john", "--yes"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains(" removed"), "{}", outcome.stderr);
    assert_same_at(LAKE, &s3.settings, &homes);
}

#[test]
fn a_url_with_a_key_in_it_is_refused_and_neither_shown_nor_kept() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    for url in [
        "s3://AKIATESTS:a-cloud-key-of-tests@bucket/lake",
        "s3://a-cloud-key-of-tests@bucket",
        "s3://bucket/lake?X-Amz-Signature=a-cloud-key-of-tests",
        "s3://bucket/lake#a-cloud-key-of-tests",
        "https://AKIATESTS:a-cloud-key-of-tests@bucket/lake",
        "az://bucket/lake?sig=a-cloud-key-of-tests",
        "gs://a-cloud-key-of-tests@bucket/lake",
        "ftp://bucket/lake?key=a-cloud-key-of-tests",
    ] {
        let outcome = home.run(&["--log", "trace", "lake", "sync", url]);
        assert_eq!(outcome.code, 1, "{url}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("s3://BUCKET/PREFIX"), "{url}: {}", outcome.stderr);
        assert!(!outcome.stderr.contains("a-cloud-key-of-tests"), "{url}: {}", outcome.stderr);
        assert!(!home.file("lake.json").exists());
    }
}
