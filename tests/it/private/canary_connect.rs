//! Consents that are refused: neither the code nor the client's secret nor a token is repeated.

use crate::support::{Consenting, Home, Payer};
use payersync::sandbox::{Fault, Options};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

const WRONG_SECRET: &str = "a-wrong-secret-that-nobody-may-see";

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn assert_unseen(payer: &Payer, home: &Home, said: &str, code: &str) {
    let who = payer.identity(0);
    let secret = payer.client_secret();
    let mut unseen = payer.tokens();
    unseen.extend([code, secret, WRONG_SECRET].map(str::to_owned));
    for text in &unseen {
        assert!(!said.contains(text.as_str()), "{text:?} is in\n{said}");
    }
    for text in [&who.member_id, &who.birth_date, &who.last_name] {
        assert!(!said.contains(text.as_str()), "{text:?} is in\n{said}");
    }
    for file in files(home.path()) {
        if file.ends_with("demo.secret") {
            continue;
        }
        let bytes = fs::read(&file).unwrap();
        for text in &unseen {
            let shows = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!shows, "{} holds {text:?}", file.display());
        }
    }
}

fn try_in(payer: &Payer, home: &Home, format: &str) -> (i32, String, String) {
    let log = ["--log", "trace", "--log-format", format];
    let run = Consenting::start(payer, home, "demo", "john", 0, &log);
    let code = run.code();
    let (exit, said) = run.answer().end();
    (exit, said, code)
}

fn refused(payer: &Payer, prepare: impl Fn(&Home)) {
    for format in ["plain", "json"] {
        let home = Home::new();
        payer.configure(&home, "");
        prepare(&home);
        let (exit, said, code) = try_in(payer, &home, format);
        assert!([1, 2, 3, 4].contains(&exit), "{exit}: {said}");
        assert_unseen(payer, &home, &said, &code);
    }
}

#[test]
fn a_wrong_client_secret_is_not_repeated() {
    let payer = Payer::start(Options::default());
    refused(&payer, |home| fs::write(home.file("demo.secret"), WRONG_SECRET).unwrap());
}

#[test]
fn an_expired_code_is_not_repeated() {
    let payer = Payer::start(Options { code_lifetime: Duration::ZERO, ..Options::default() });
    refused(&payer, |_| {});
}

#[test]
fn a_token_endpoint_that_answers_nonsense_gets_no_secret_shown() {
    for fault in [Fault::TokenHtml, Fault::Token503] {
        let payer = Payer::start(Options { faults: vec![fault], ..Options::default() });
        refused(&payer, |_| payer.set_faults(vec![fault]));
    }
}

#[test]
fn a_spent_code_is_not_repeated_and_the_connection_it_made_still_works() {
    let payer = Payer::start(Options::default());
    let home = Home::new();
    payer.configure(&home, "");
    let (exit, said, code) = try_in(&payer, &home, "plain");
    assert_eq!(exit, 0, "{said}");
    assert_unseen(&payer, &home, &said, &code);
    let again = home.run(&["--log", "trace", "connect", "john", "--plan", "demo", "--code", &code]);
    assert_ne!(again.code, 0, "{}", again.stderr);
    assert_unseen(&payer, &home, &format!("{}{}", again.stdout, again.stderr), &code);
    assert_eq!(home.run(&["sync", "--type", "Patient"]).code, 0);
}

#[test]
fn a_night_of_refreshes_shows_no_token_at_the_finest_level_of_the_log() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    for (format, fault) in
        [("plain", Fault::Canary), ("json", Fault::UnauthorizedMidWalk), ("json", Fault::TokenHtml)]
    {
        payer.set_faults(vec![fault]);
        payer.expire_access_tokens();
        let outcome = home.run(&["--log", "trace", "--log-format", format, "sync", "--full"]);
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        assert!(said.len() > 1000, "{said}");
        assert_unseen(&payer, &home, &said, "no code");
    }
}
