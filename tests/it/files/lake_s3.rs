//! `lake sync` to S3: a server that throttles, fails, and does what it says it did not do.
#![cfg(feature = "lake")]

use crate::{
    files::lake::{assert_same_at, two_members},
    support::{Home, Outcome, Payer, python_with_delta},
};
use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

/// moto behind a die, with a bucket; gone with this value.
struct S3 {
    server: Child,
    /// What it prints: a line for each commit that somebody else was quicker with.
    printed: Home,
    settings: Vec<(&'static str, String)>,
}

impl S3 {
    fn start(python: PathBuf, seed: &str) -> S3 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let printed = Home::new();
        let server = Command::new(python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/s3.py"))
            .args([&port.to_string(), seed])
            .stdout(fs::File::create(printed.file("races")).unwrap())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let settings = vec![
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{port}")),
            ("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}")),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ACCESS_KEY_ID", "somebody".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "something".to_owned()),
        ];
        let mut s3 = S3 { server, printed, settings };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(s3.server.try_wait().unwrap().is_none(), "the server ended");
            thread::sleep(Duration::from_millis(50));
        }
        s3
    }

    fn run(&self, home: &Home, arguments: &[&str]) -> Outcome {
        let settings = self.settings.iter().map(|(name, value)| (name, value));
        let output = home.command(arguments).envs(settings).output().unwrap();
        Outcome {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// How many commits found their number taken.
    fn races(&self) -> usize {
        fs::read_to_string(self.printed.file("races")).unwrap().lines().count()
    }

    #[track_caller]
    fn sync(&self, home: &Home, shard: &str) -> String {
        let outcome = self.run(home, &["lake", "sync", "s3://bucket/a/lake", "--shard", shard]);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
        outcome.stderr
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

#[test]
fn two_homes_fill_a_lake_in_a_store_that_fails_now_and_then() {
    let Some(python) = python_with_delta() else { return };
    let s3 = S3::start(python, "7");
    let (_one, first) = two_members();
    let (_two, second) = two_members();
    let homes = [("a", &first), ("b", &second)];
    thread::scope(|scope| {
        for (shard, home) in homes {
            let s3 = &s3;
            scope.spawn(move || s3.sync(home, shard));
        }
    });
    assert_same_at("s3://bucket/a/lake", &s3.settings, &homes);
    // The home that came second to a table had its number taken, time and again.
    assert!(s3.races() > 20, "{}", s3.races());
    let told = s3.sync(&first, "a");
    assert!(told.contains("nothing changed"), "{told}");
    let outcome = s3.run(&first, &["purge", "john", "--yes"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains(" removed"), "{}", outcome.stderr);
    assert_same_at("s3://bucket/a/lake", &s3.settings, &homes);
}

#[test]
fn a_url_with_a_key_in_it_is_refused_and_neither_shown_nor_kept() {
    let payer = Payer::small();
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
