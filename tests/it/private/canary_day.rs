//! A day of commands at the finest level of the log: no secret in any output, any file or any program
//! that is started, the member in nothing but the data, and no file outside the home.
#![cfg(unix)]

use crate::{
    commands::codes::publish,
    support::{Answer, Consenting, Home, Outcome, Payer, Tampered, at_terminal},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::CommandFactory;
use payersync::cli::Cli;
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

/// Commands that say nothing of a member, in the order of a day.
const SILENT: [&[&str]; 31] = [
    &["init", "--list"],
    &["config", "show"],
    &["config", "schema"],
    &["jwks", "demo"],
    &["plan"],
    &["sync"],
    &["sync", "--full"],
    &["backfill", "john", "--from", "2024-01-01", "--to", "2024-06-30"],
    &["status"],
    &["status", "john"],
    &["status", "--json"],
    &["status", "--all"],
    &["status", "--prometheus"],
    &["status", "--calendar"],
    &["notify", "--test"],
    &["tables"],
    &["tables", "--json"],
    &["tables", "patient"],
    &["tables", "--unmapped"],
    &["tables", "--unmapped", "--json"],
    &["codes"],
    &["codes", "--json"],
    &["rebuild", "patient"],
    &["rebuild"],
    &["verify"],
    &["doctor"],
    &["doctor", "--offline"],
    &["doctor", "--production"],
    &["explain", "patient", "nobody-has-this-id"],
    &["completions", "bash"],
    &["query", "SELECT nothing FROM nowhere"],
];

/// Commands whose standard output is the data, and nothing but the data.
const OF_DATA: [&[&str]; 9] = [
    &["query", "SELECT * FROM resource", "--format", "csv"],
    &["query", "SELECT * FROM sync_walk", "--format", "ndjson"],
    &["query", "SELECT * FROM connection", "--format", "json"],
    &["query", "SELECT * FROM access_log", "--format", "markdown"],
    &["query", "SELECT * FROM patient_name"],
    &["query", "SELECT * FROM patient", "--vertical"],
    &["query", "SELECT * FROM resource", "--as-of", "2126-01-01"],
    &["get", "Patient", "--connection", "john"],
    &["get", "ExplanationOfBenefit", "--connection", "john", "--paginate"],
];

/// A name that looks like a code.
const AS_A_CODE: &str = "quibblesworth";

/// Commands that have no home, or a home, members and secrets of their own.
const OF_NO_DAY: [&str; 2] = ["demo", "sandbox"];

/// What was asked for with the data in it, and the man pages, which name the sandbox's first member.
const WITH_DATA: [&str; 9] = [
    "/man/",
    "warehouse.db",
    "copy.db",
    "portal.ndjson",
    "answer.csv",
    "report.html",
    "/tables/",
    "/bulk/",
    "/lake/",
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
    /// What was told of commands that show nothing of the member.
    silent: Vec<(String, String)>,
    /// First words of all commands.
    commands: BTreeSet<String>,
}

impl Day {
    /// A member's consent; then the key and the client's secret leave the home for the environment.
    fn begin() -> Day {
        let tampered = Tampered::new(Payer::rich());
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
        let given = Home::new();
        let notify =
            format!("[notify]\ncommand = [\"tee\", \"-a\", {:?}]\n", given.file("notices"));
        fs::write(home.file("payersync.toml"), text.replace(from, to) + &notify).unwrap();
        let commands = BTreeSet::from(["connect".to_owned()]);
        let silent = heard.clone();
        Day { tampered, home, outside: Home::new(), given, key, sent, heard, silent, commands }
    }

    /// A place that is named to a command.
    fn given(&self, name: &str) -> String {
        self.given.file(name).display().to_string()
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
        self.commands.insert(arguments[0].to_owned());
        self.heard.push((format!("stdout of {arguments:?}"), stdout.clone()));
        self.heard.push((format!("stderr of {arguments:?}"), stderr.clone()));
        Outcome { code: output.status.code().unwrap_or(-1), stdout, stderr }
    }

    /// Runs a command that shows nothing of the member; one of these exit codes is to come.
    #[track_caller]
    fn expect_silence(&mut self, codes: &[i32], arguments: &[&str]) {
        let outcome = self.run(arguments);
        assert!(codes.contains(&outcome.code), "{arguments:?}: {}", outcome.stderr);
        self.silent.push((format!("{arguments:?}"), outcome.stdout + &outcome.stderr));
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
        words.extend([who.member_id, who.last_name, who.birth_date, AS_A_CODE.to_owned()]);
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

/// A night in which the plan refuses one type, in words that name the member and repeat what is secret.
fn fail_a_night(day: &mut Day) {
    let mut words: Vec<String> = day.member().into_iter().collect();
    words.push(day.tampered.payer.client_secret().to_owned());
    let words = words.join(" ");
    day.tampered.twist(move |asked, answer| {
        let bearer = asked.authorization.as_deref().unwrap_or_default();
        let said = serde_json::Value::from(format!("{words} {bearer}"));
        let issue =
            format!(r#"{{"severity":"{AS_A_CODE}","code":"{AS_A_CODE}","diagnostics":{said}}}"#);
        match asked.target.contains("/Coverage") {
            true => Answer::new(
                400,
                format!(r#"{{"resourceType":"OperationOutcome","issue":[{issue}]}}"#),
            ),
            false => answer,
        }
    });
    day.expect_silence(&[2], &["sync", "--full"]);
    day.expect_silence(&[2], &["status"]);
    day.tampered.be_honest();
    day.expect_silence(&[0], &["sync"]);
}

/// A service that is told to stop after a while.
fn serve_for_a_while(day: &mut Day) {
    let mut command = day.command(&day.home, &["run"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_secs(2));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    day.commands.insert("run".to_owned());
    day.heard.push(("run".to_owned(), said.clone()));
    day.silent.push(("run".to_owned(), said));
}

/// Files that are asked for, and read.
fn write_and_read_files(day: &mut Day) {
    let resources = day.tampered.payer.resources(0, "Patient").join("\n");
    fs::write(day.given.file("portal.ndjson"), resources).unwrap();
    publish(day.given.path());
    let view = r#"{"resourceType":"ViewDefinition","resource":"Patient","name":"a_view","status":"active",
        "select":[{"column":[{"name":"id","path":"getResourceKey()"}]}]}"#;
    fs::write(day.given.file("view.json"), view).unwrap();
    let given = |name: &str| day.given.file(name).display().to_string();
    let recipient = age::x25519::Identity::generate().to_public().to_string();
    let (portal, view) = (given("portal.ndjson"), given("view.json"));
    let (codes, answer) = (given("icd10cm-order-2026.txt"), given("answer.csv"));
    let (copy, sealed) = (given("copy.db"), given("copy.db.age"));
    let (metrics, report) = (given("payersync.prom"), given("report.html"));
    let (tables, bulk, research) = (given("tables"), given("bulk"), given("research"));
    let (pages, papers) = (given("man"), given("papers"));
    let all = "SELECT * FROM resource";
    for arguments in [
        &["import", "portal", &portal, "--member", "another"][..],
        &["codes", "load", &codes],
        &["views", "check", &view],
        &["query", all, "--output", &answer, "--format", "csv"],
        &["report", &report],
        &["export", &tables],
        &["export", &bulk, "--format", "ndjson"],
        &["export", &research, "--deidentify"],
        &["backup", &copy],
        &["backup", &sealed, "--encrypt", &recipient],
        &["status", "--prometheus", &metrics],
        &["production-access", &papers],
        &["man", &pages],
        #[cfg(feature = "lake")]
        &["lake", "sync", &given("lake")],
    ] {
        day.expect_silence(&[0], arguments);
    }
    let of_john =
        "SELECT resource_id FROM resource WHERE resource_type = 'Patient' AND connection_id = 1";
    let patient: String = day.home.value(of_john);
    for arguments in [
        &["explain", "patient", &patient, "birth_date", "--connection", "john"][..],
        &["views", "run", &view, "--input", &portal],
    ] {
        let outcome = day.run(arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
        day.silent.push((format!("{arguments:?}"), outcome.stderr));
    }
}

#[test]
fn a_day_of_commands_shows_no_secret_and_the_member_in_the_data_alone() {
    let mut day = Day::begin();
    day.tampered.payer.expire_access_tokens();
    for arguments in SILENT {
        // What it finds fault with is not what is asked here, but it must have done its work.
        day.expect_silence(&[0, 1, 2], arguments);
    }
    fail_a_night(&mut day);
    serve_for_a_while(&mut day);
    for arguments in OF_DATA {
        let outcome = day.run(arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
        assert!(outcome.stdout.len() > 20, "{arguments:?}: {}", outcome.stdout);
        day.silent.push((format!("{arguments:?}"), outcome.stderr));
    }
    write_and_read_files(&mut day);
    let (elsewhere, moved, copy) = (Home::new(), Home::new(), day.given("copy.db"));
    for arguments in [&["restore", &copy][..], &["verify"]] {
        let outcome = day.run_in(&elsewhere, arguments);
        assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
        day.silent.push((format!("{arguments:?}"), outcome.stdout + &outcome.stderr));
    }
    let member = day.member();
    fs::write(moved.file("other.key"), &day.key).unwrap();
    fs::set_permissions(moved.file("other.key"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::copy(day.home.file("payersync.toml"), moved.file("payersync.toml")).unwrap();
    let (target, key) = (moved.path().display().to_string(), moved.file("other.key"));
    day.expect_silence(&[0], &["move", "john", &target, "--key-file", key.to_str().unwrap()]);
    fs::remove_file(key).unwrap();

    let secrets = day.secrets();
    assert!(secrets.len() >= 14 && member.len() >= 4, "{secrets:?} {member:?}");
    for (what, said) in &day.heard {
        assert_without(what, said.as_bytes(), &secrets);
    }
    for (what, said) in &day.silent {
        assert_without(what, said.as_bytes(), &member);
    }
    let folders = [&day.home, &elsewhere, &moved, &day.given];
    for file in folders.into_iter().flat_map(|folder| files(folder.path())) {
        let (name, bytes) = (file.display().to_string(), fs::read(&file).unwrap());
        assert_without(&name, &bytes, &secrets);
        assert_without("a name", name.as_bytes(), &member);
        if !WITH_DATA.iter().any(|data| name.contains(data)) {
            assert_without(&name, &bytes, &member);
        }
    }
    let notices = fs::read_to_string(day.given.file("notices")).unwrap();
    for event in ["\"test\"", "\"failure\"", "\"recovery\""] {
        assert!(notices.contains(event), "{event}: {notices}");
    }

    let purged = day.run_in(&moved, &["purge", "john", "--yes"]);
    assert_eq!(purged.code, 0, "{}", purged.stderr);
    assert_without("purge", (purged.stdout + &purged.stderr).as_bytes(), &secrets);
    assert_eq!(day.outside.names(), [""; 0], "files outside the home");
    let ours = |name: &&str| *name != "lake" || cfg!(feature = "lake");
    let cli = Cli::command();
    let known = cli.get_subcommands().map(|it| it.get_name()).filter(ours);
    let missing: Vec<&str> = known.filter(|name| !day.commands.contains(*name)).collect();
    assert_eq!(missing, OF_NO_DAY, "a command that no day has");
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
    for name in ["PAYERSYNC_VAULT_KEY", "DEMO_CLIENT_SECRET", "AWS_SECRET_ACCESS_KEY"] {
        assert!(!note.contains(name), "{note}");
    }
    assert_without("the pager's environment", note.as_bytes(), &day.secrets());
}
