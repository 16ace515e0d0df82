//! A day of commands at the finest level of the log: no secret in any output, any file or any program
//! that is started, the member in nothing but the data, and no file outside the home.
#![cfg(unix)]

use crate::support::{Consenting, Home, Outcome, Payer, Tampered, at_terminal};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

/// Commands that say nothing of a member, in the order of a day.
const SILENT: [&[&str]; 16] = [
    &["plan"],
    &["sync"],
    &["sync", "--full"],
    &["backfill", "john", "--from", "2024-01-01", "--to", "2024-06-30"],
    &["status"],
    &["status", "john"],
    &["status", "--json"],
    &["status", "--prometheus"],
    &["tables"],
    &["tables", "patient"],
    &["tables", "--unmapped"],
    &["rebuild", "patient"],
    &["verify"],
    &["doctor"],
    &["doctor", "--production"],
    &["query", "SELECT nothing FROM nowhere"],
];

/// Commands whose standard output is the data, and nothing but the data.
const OF_DATA: [&[&str]; 6] = [
    &["query", "SELECT * FROM resource", "--format", "csv"],
    &["query", "SELECT * FROM sync_walk", "--format", "ndjson"],
    &["query", "SELECT * FROM connection", "--format", "json"],
    &["query", "SELECT * FROM access_log", "--format", "markdown"],
    &["query", "SELECT * FROM patient_name"],
    &["get", "Patient", "--connection", "john"],
];

struct Day {
    tampered: Tampered,
    home: Home,
    /// Working folder, HOME and TMPDIR: nothing may come into it.
    outside: Home,
    /// Backups and metrics, which were asked for.
    given: Home,
    key: String,
    /// What the browser and the token endpoint were handed.
    sent: Arc<Mutex<BTreeSet<String>>>,
    heard: Vec<(String, String)>,
}

impl Day {
    /// A member's consent; then the key and the client's secret leave the home for the environment.
    fn begin() -> Day {
        let tampered = Tampered::new(Payer::small());
        let sent = Arc::new(Mutex::new(BTreeSet::new()));
        let learning = Arc::clone(&sent);
        tampered.twist(move |asked, answer| {
            for name in ["code", "code_verifier", "refresh_token"] {
                learning.lock().unwrap().extend(asked.form.get(name).cloned());
            }
            answer
        });
        let home = Home::new();
        tampered.configure(&home, "");
        let log = ["--log", "trace"];
        let run = Consenting::start(&tampered.payer, &home, "demo", "john", 0, &log);
        let redirect = url::Url::parse(&run.redirect).unwrap();
        let state =
            redirect.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        sent.lock().unwrap().insert(state);
        let (code, said) = run.answer().end();
        assert_eq!(code, 0, "{said}");
        // The address that a person is to open has the state, and nobody else is shown it.
        let is_address = |line: &&str| line.contains("response_type=");
        let heard: Vec<&str> = said.lines().filter(|line| !is_address(line)).collect();
        assert!(said.lines().filter(is_address).count() == 1, "{said}");
        let heard = vec![("connect".to_owned(), heard.join("\n"))];
        let key = fs::read_to_string(home.file("vault.key")).unwrap().trim().to_owned();
        fs::remove_file(home.file("vault.key")).unwrap();
        fs::remove_file(home.file("demo.secret")).unwrap();
        let text = fs::read_to_string(home.file("payersync.toml")).unwrap();
        let (from, to) = ("file = \"demo.secret\"", "env = \"DEMO_CLIENT_SECRET\"");
        assert!(text.contains(from), "{text}");
        fs::write(home.file("payersync.toml"), text.replace(from, to)).unwrap();
        Day { tampered, home, outside: Home::new(), given: Home::new(), key, sent, heard }
    }

    fn command(&self, home: &Home, arguments: &[&str]) -> Command {
        let mut command = home.command(&[&["--log", "trace"], arguments].concat());
        command
            .env("PAYERSYNC_VAULT_KEY", &self.key)
            .env("DEMO_CLIENT_SECRET", self.tampered.payer.client_secret())
            .env("HOME", self.outside.path())
            .env("TMPDIR", self.outside.path())
            .current_dir(self.outside.path());
        command
    }

    fn run(&mut self, arguments: &[&str]) -> Outcome {
        let home = std::mem::replace(&mut self.home, Home::new());
        let outcome = self.run_in(&home, arguments);
        self.home = home;
        outcome
    }

    fn run_in(&mut self, home: &Home, arguments: &[&str]) -> Outcome {
        let output = self.command(home, arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        self.heard.push((format!("stdout of {arguments:?}"), stdout.clone()));
        self.heard.push((format!("stderr of {arguments:?}"), stderr.clone()));
        Outcome { code: output.status.code().unwrap_or(-1), stdout, stderr }
    }

    fn secrets(&self) -> BTreeSet<String> {
        let mut secrets: BTreeSet<String> = self.tampered.payer.tokens().into_iter().collect();
        secrets.extend(self.sent.lock().unwrap().iter().cloned());
        secrets.extend([self.key.clone(), self.tampered.payer.client_secret().to_owned()]);
        let in_base_64: Vec<String> =
            secrets.iter().map(|secret| STANDARD.encode(secret)).collect();
        secrets.extend(in_base_64);
        secrets
    }

    /// Who the member is, in words that nothing but their data has.
    fn member(&self) -> BTreeSet<String> {
        let who = self.tampered.payer.identity(0);
        let ids = self.home.rows(
            "SELECT resource_id FROM resource WHERE resource_type = 'Patient'
             UNION SELECT value FROM patient_identifier WHERE length(value) > 5",
        );
        let mut words: BTreeSet<String> = ids.concat().into_iter().collect();
        words.extend([who.member_id, who.last_name, who.birth_date]);
        words
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[track_caller]
fn assert_without(what: &str, bytes: &[u8], words: &BTreeSet<String>) {
    let text = String::from_utf8_lossy(bytes);
    for word in words {
        if let Some(at) = text.find(word.as_str()) {
            let around: String = text[..at].chars().rev().take(200).collect();
            panic!("{what} shows {word:?} behind {:?}", around.chars().rev().collect::<String>());
        }
    }
}

#[test]
fn a_day_of_commands_shows_no_secret_and_the_member_in_the_data_alone() {
    let mut day = Day::begin();
    day.tampered.payer.expire_access_tokens();
    let mut silent = Vec::new();
    for arguments in SILENT {
        let outcome = day.run(arguments);
        // What it finds fault with is not what is asked here, but it must have done its work.
        assert!([0, 1, 2].contains(&outcome.code), "{arguments:?}: {}", outcome.stderr);
        silent.push((format!("{arguments:?}"), outcome.stdout + &outcome.stderr));
    }
    for arguments in OF_DATA {
        let outcome = day.run(arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stdout.len() > 20, "{arguments:?}: {}", outcome.stdout);
        silent.push((format!("{arguments:?}"), outcome.stderr));
    }
    let given = |name: &str| day.given.file(name).display().to_string();
    let (copy, sealed, metrics) = (given("copy.db"), given("copy.db.age"), given("payersync.prom"));
    let recipient = age::x25519::Identity::generate().to_public().to_string();
    let elsewhere = Home::new();
    for arguments in [
        &["backup", &copy][..],
        &["backup", &sealed, "--encrypt", &recipient],
        &["status", "--prometheus", &metrics],
    ] {
        let outcome = day.run(arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
        silent.push((format!("{arguments:?}"), outcome.stdout + &outcome.stderr));
    }
    for arguments in [&["restore", &copy][..], &["verify"]] {
        let outcome = day.run_in(&elsewhere, arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
        silent.push((format!("{arguments:?}"), outcome.stdout + &outcome.stderr));
    }

    let (secrets, member) = (day.secrets(), day.member());
    assert!(secrets.len() >= 14 && member.len() >= 4, "{secrets:?} {member:?}");
    for (what, said) in &day.heard {
        assert_without(what, said.as_bytes(), &secrets);
    }
    for (what, said) in &silent {
        assert_without(what, said.as_bytes(), &member);
    }
    let folders = [&day.home, &elsewhere, &day.given];
    for file in folders.into_iter().flat_map(|folder| files(folder.path())) {
        let (name, bytes) = (file.display().to_string(), fs::read(&file).unwrap());
        assert_without(&name, &bytes, &secrets);
        if !["warehouse.db", "copy.db"].iter().any(|data| name.contains(data)) {
            assert_without(&name, &bytes, &member);
        }
    }
    assert_eq!(day.outside.names(), [""; 0], "files outside the home");

    let purged = day.run(&["purge", "john", "--yes"]);
    assert_eq!(purged.code, 0, "{}", purged.stderr);
    assert_without("purge", (purged.stdout + &purged.stderr).as_bytes(), &secrets);
    assert_eq!(day.outside.names(), [""; 0], "files outside the home");
}

#[test]
fn a_pager_inherits_no_secret() {
    let day = Day::begin();
    let (pager, note) = (day.given.file("pager"), day.given.file("note"));
    let script = format!("#!/bin/sh\n{{ echo \"$@\"; env; }} > {}\ncat\n", note.display());
    fs::write(&pager, script).unwrap();
    fs::set_permissions(&pager, fs::Permissions::from_mode(0o700)).unwrap();
    let many = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 60) \
                SELECT i FROM n";
    let synced = day.command(&day.home, &["sync", "--type", "Patient"]).output().unwrap();
    assert!(synced.status.success(), "{}", String::from_utf8_lossy(&synced.stderr));
    let mut command = day.command(&day.home, &["query", many]);
    command.env("PAGER", &pager).env("AWS_SECRET_ACCESS_KEY", "a-cloud-secret-of-tests");
    let screen = at_terminal(command, 80, 20);
    assert_eq!(screen.code, 0, "{}", screen.text());
    let note = fs::read_to_string(note).unwrap();
    assert!(note.contains("PATH="), "{note}");
    let names = ["PAYERSYNC_VAULT_KEY", "DEMO_CLIENT_SECRET", "AWS_SECRET_ACCESS_KEY"];
    for name in names {
        assert!(!note.contains(name), "{note}");
    }
    assert_without("the pager's environment", note.as_bytes(), &day.secrets());
}
