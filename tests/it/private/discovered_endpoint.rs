//! A discovery document that changes moves no secret: the first connect pins the token endpoint's origin.

use crate::support::{Dictated, Home, Outcome};
use std::{io::ErrorKind, net::TcpListener};

/// A server that answers nothing and sees whether anybody comes.
struct Elsewhere(TcpListener);

impl Elsewhere {
    fn new() -> Elsewhere {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Elsewhere(listener)
    }

    fn origin(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    #[track_caller]
    fn assert_unvisited(&self, after: &[&str]) {
        let came = self.0.accept().map_err(|error| error.kind());
        assert_eq!(came.err(), Some(ErrorKind::WouldBlock), "after {after:?}");
    }
}

/// A home whose plan names no token endpoint; `more` are lines of its section.
fn home(payer: &Dictated, more: &str) -> Home {
    let home = Home::new();
    configure(payer, &home, more);
    home.write_private("demo.secret", "a-client-secret");
    payer.script().token_endpoint = Some(payer.token_url());
    home
}

fn configure(payer: &Dictated, home: &Home, more: &str) {
    payer.configure(home, &format!("client_secret_file = \"demo.secret\"\n{more}"));
    let path = home.file("payersync.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let is_left_out =
        |line: &str| ["token_url = ", "authorize_url = "].iter().any(|key| line.starts_with(key));
    let lines: Vec<&str> = text.lines().filter(|line| !is_left_out(line)).collect();
    let told: Vec<&str> = more.lines().filter(|line| is_left_out(line)).collect();
    std::fs::write(path, [lines, told].concat().join("\n")).unwrap();
}

#[track_caller]
fn assert_refused(outcome: &Outcome, payer: &Dictated, elsewhere: &Elsewhere, command: &[&str]) {
    let said = format!("{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(outcome.code, 3, "{command:?}: {said}");
    let old = payer.base().replace("/r4", "");
    for name in [&old, &elsewhere.origin()] {
        assert!(said.contains(name.as_str()), "{command:?}: {said}");
    }
    assert!(said.contains("set token_url of plan demo"), "{command:?}: {said}");
}

const CONNECT: [&str; 6] = ["connect", "john", "--plan", "demo", "--code", "a-code"];
const CONNECT_ANOTHER: [&str; 6] = ["connect", "mary", "--plan", "demo", "--code", "a-code"];

#[test]
fn a_token_endpoint_that_discovery_moves_gets_nothing() {
    for grant in ["", "grant = \"client_credentials\"\n"] {
        let payer = Dictated::start();
        payer.serve("Patient", &[r#"{"resourceType":"Patient","id":"p"}"#]);
        let home = home(&payer, grant);
        home.succeed(&CONNECT, "discovery");
        let sync = ["sync", "--type", "Patient"];
        home.succeed(&sync, "discovery");

        let elsewhere = Elsewhere::new();
        payer.script().token_endpoint = Some(format!("{}/token", elsewhere.origin()));
        for command in [
            &sync[..],
            &["get", "Patient", "--connection", "john"],
            &["backfill", "john", "--from", "2020-01-01", "--type", "Patient"],
            &CONNECT,
            &CONNECT_ANOTHER,
        ] {
            assert_refused(&home.run(command), &payer, &elsewhere, command);
            elsewhere.assert_unvisited(command);
        }
        for command in [&["plan"][..], &["doctor"], &["status"]] {
            home.run(command);
            elsewhere.assert_unvisited(command);
        }

        // The operator's word moves it.
        let moved = Dictated::start();
        let lines = format!(
            "{grant}token_url = {:?}\nauthorize_url = {:?}\n",
            moved.token_url(),
            moved.token_url()
        );
        configure(&payer, &home, &lines);
        home.succeed(&CONNECT, "the configuration named the new endpoint");
        home.succeed(&sync, "the configuration named the new endpoint");
    }
}

#[test]
fn a_vault_that_is_gone_pins_nothing_and_so_a_person_connects_first() {
    let payer = Dictated::start();
    let home = home(&payer, "grant = \"client_credentials\"\n");
    home.succeed(&CONNECT, "discovery");
    let metrics = || home.run(&["status", "--prometheus"]).stdout;
    let needed = || {
        let metrics = metrics();
        let line = metrics.lines().find(|line| line.starts_with("payersync_consent_needed{"));
        line.and_then(|line| line.rsplit(' ').next()).unwrap_or("no line").to_owned()
    };
    assert_eq!(needed(), "0");
    std::fs::remove_file(home.file("vault.db")).unwrap();
    let elsewhere = Elsewhere::new();
    payer.script().token_endpoint = Some(format!("{}/token", elsewhere.origin()));
    let command = ["sync", "--type", "Patient"];
    let refused = home.run(&command);
    assert_eq!(refused.code, 3, "{}", refused.stderr);
    assert!(refused.stderr.contains("`payersync connect john --plan demo`"), "{}", refused.stderr);
    elsewhere.assert_unvisited(&command);
    // The alert on a missing consent says the same. No consent of a member has an end, and no token an age.
    assert_eq!(needed(), "1");
    for name in ["payersync_consent_days_left{", "payersync_tokens_issued_timestamp_seconds{"] {
        assert!(!metrics().contains(name), "{}", metrics());
    }
}
