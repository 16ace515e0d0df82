//! Nothing that is secret or about a patient leaves the warehouse and the vault.
//!
//! The payer plants names and tokens where a careless program would repeat them; every output and
//! every file but the two databases is searched for them, and the databases for tokens.

use crate::support::{Home, Payer};
use payersync::sandbox::{Fault, Options};
use std::fs;

/// What must not be seen: of the member, of the payer's traps, of the client.
fn secrets(payer: &Payer, home: &Home) -> Vec<String> {
    let who = payer.identity(0);
    let mut secrets = vec![
        who.member_id,
        who.birth_date,
        payer.client_secret().to_owned(),
        "canary".to_owned(),
        "Canary".to_owned(),
    ];
    let patient = home.rows(
        "SELECT DISTINCT resource_id FROM resource WHERE resource_type = 'Patient'
         UNION SELECT birth_date FROM patient WHERE birth_date IS NOT NULL
         UNION SELECT family FROM patient_name WHERE family IS NOT NULL
         UNION SELECT value FROM patient_identifier WHERE length(value) > 5",
    );
    secrets.extend(patient.concat());
    secrets
}

fn assert_clean(what: &str, text: &str, secrets: &[String]) {
    for secret in secrets {
        // "canary" is also the name of the fault and of the synthetic payer's paths in no output.
        assert!(!text.contains(secret.as_str()), "{what} shows {secret:?}:\n{text}");
    }
}

#[test]
fn no_output_and_no_other_file_shows_a_patient_or_a_secret() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync"]).code, 0);
    let secrets = secrets(&payer, &home);
    assert!(secrets.len() > 8, "{secrets:?}");
    for fault in [
        Fault::Canary,
        Fault::Html200,
        Fault::Permanent500,
        Fault::TruncatedBody,
        Fault::NextForeignOrigin,
        Fault::AlwaysUnauthorized,
        Fault::MissingId,
        Fault::ForeignSubject,
        Fault::SelfMismatch,
    ] {
        payer.set_faults(vec![fault]);
        for format in ["plain", "json"] {
            let log = ["--log", "payersync=trace", "--log-format", format];
            let outcome = home.run(&[&log[..], &["sync", "--full"]].concat());
            assert_clean(&format!("{fault} {format}"), &outcome.stderr, &secrets);
            assert_clean(&format!("{fault} {format}"), &outcome.stdout, &secrets);
        }
    }
    for entry in fs::read_dir(home.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let is_database = name.starts_with("warehouse.db") || name.starts_with("vault.db");
        if path.is_file() && !is_database && name != "demo.secret" {
            let bytes = fs::read(&path).unwrap();
            assert_clean(&name, &String::from_utf8_lossy(&bytes), &secrets);
        }
    }
}

#[test]
fn tokens_stand_in_no_file_in_clear() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    payer.expire_access_tokens();
    assert_eq!(home.run(&["sync"]).code, 0);
    let tokens = payer.tokens();
    assert!(tokens.len() >= 3, "an access token and two refresh tokens: {}", tokens.len());
    for entry in fs::read_dir(home.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            for token in &tokens {
                let shows = bytes.windows(token.len()).any(|window| window == token.as_bytes());
                assert!(!shows, "{} holds a token", path.display());
            }
        }
    }
}
