//! Plans that ask nobody for consent: open servers, and tokens that were given out.

use crate::support::{Dictated, Home};
use std::fs;

const PATIENT: &str = r#"{"resourceType":"Patient","id":"a-b"}"#;
const TYPES: &str = "types = [\"Patient\", \"Condition\", \"Organization\"]\n";
const TOKEN: &str = "eyJ-a-token-that-was-given-out";

fn condition(id: &str, patient: &str) -> String {
    format!(
        r#"{{"resourceType":"Condition","id":"{id}","subject":{{"reference":"Patient/{patient}"}},"asserter":{{"reference":"Organization/o"}}}}"#
    )
}

/// A server of two members' data that looks at no token.
fn open_server() -> Dictated {
    let payer = Dictated::start();
    payer.serve("Patient", &[PATIENT, r#"{"resourceType":"Patient","id":"z"}"#]);
    payer.serve("Condition", &[condition("c1", "a-b"), condition("c2", "z")]);
    payer.serve("Organization", &[r#"{"resourceType":"Organization","id":"o"}"#]);
    payer
}

/// Its plan, which needs neither endpoints nor a client.
fn configure(payer: &Dictated, home: &Home, more: &str) {
    let text = format!(
        "[http]\ninitial_delay_milliseconds = 1\nmax_attempts = 2\n\
         [warehouse]\ncount_unmapped_paths = false\n\
         [plans.demo]\nfhir_url = \"{}\"\nrequests_per_second = 1000\n{more}",
        payer.base()
    );
    fs::write(home.file("payersync.toml"), text).unwrap();
}

fn live(home: &Home) -> Vec<String> {
    let live = "SELECT resource_type || '/' || resource_id FROM resource
                WHERE deleted_at IS NULL ORDER BY 1";
    home.rows(live).concat()
}

#[test]
fn an_open_server_is_asked_for_one_patient_alone_and_nobody_elses_data_is_taken() {
    let payer = open_server();
    let home = Home::new();
    configure(&payer, &home, &format!("grant = \"none\"\n{TYPES}"));
    let connect = ["connect", "john", "--plan", "demo"];
    let untold = home.run(&connect);
    assert_eq!(untold.code, 1, "{}", untold.stderr);
    assert!(untold.stderr.contains("--patient ID"), "{}", untold.stderr);
    let connected = home.run(&[&connect[..], &["--patient", "a-b"]].concat());
    assert_eq!(connected.code, 0, "{}", connected.stderr);
    // The server answers with everybody's whatever is asked for.
    let synced = home.run(&["sync"]);
    assert_eq!(synced.code, 2, "a stranger's data came: {}", synced.stderr);
    assert_eq!(live(&home), ["Condition/c1", "Organization/o", "Patient/a-b"]);
    let queries = std::mem::take(&mut payer.script().queries);
    for query in ["Patient?_count=100&_id=a-b", "Condition?_count=100&patient=a-b"] {
        assert!(queries.contains(&query.to_owned()), "{queries:?}");
    }
    // Whoever is nobody's is read by id: a list would be everybody's.
    assert!(!queries.iter().any(|query| query.starts_with("Organization")), "{queries:?}");
    let received = std::mem::take(&mut payer.script().received);
    assert!(received.iter().all(|request| request.header("authorization").is_empty()));
    assert!(received.iter().all(|request| request.path != "/token"));
    // It needs no consent, and nothing says that one is missing.
    payer.serve("Patient", &[PATIENT]);
    payer.serve("Condition", &[condition("c1", "a-b")]);
    home.succeed(&["sync", "--full"], "strangers gone");
    let doctor = home.run(&["doctor"]).stdout;
    assert!(doctor.contains("ok      tokens of john: the plan asks for no token"), "{doctor}");
    let metrics = home.run(&["status", "--prometheus"]).stdout;
    assert!(!metrics.contains("payersync_consent_needed{"), "{metrics}");
    // Connected again, it is still the one patient's.
    home.succeed(&connect, "a connection that knows its patient");
    let other = home.run(&[&connect[..], &["--patient", "z"]].concat());
    assert_eq!(other.code, 1, "{}", other.stderr);
    home.succeed(&["purge", "john", "--yes"], "two syncs");
}

#[test]
fn an_open_server_is_never_asked_for_everybodys_data_by_a_rule_or_a_type() {
    let payer = open_server();
    let home = Home::new();
    for (more, told) in [
        ("search = { default = \"bare\" }", "plans.demo.search.default is \"bare\""),
        ("search = { Observation = \"category=laboratory\" }", "names no patient"),
        ("search = { Provenance = \"bare\" }", "plans.demo.search.Provenance is \"bare\""),
        (
            "search = { Observation = [\"patient={patient}&category=a\", \"category=b\"] }",
            "plans.demo.search.Observation is \"category=b\"",
        ),
        ("types = [\"Account\"]", "plans.demo.types names Account"),
        ("required = [\"Account\"]", "plans.demo.required names Account"),
    ] {
        configure(&payer, &home, &format!("grant = \"none\"\n{more}\n"));
        let refused = home.run(&["connect", "john", "--plan", "demo", "--patient", "a-b"]);
        assert_eq!(refused.code, 1, "{more}: {}", refused.stderr);
        assert!(refused.stderr.contains(told), "{more}: {}", refused.stderr);
    }
    // Lists of what belongs to nobody are allowed, and so is a type of the command line: it is read.
    configure(&payer, &home, "grant = \"none\"\nsearch = { Organization = \"bare\" }\n");
    home.succeed(&["connect", "john", "--plan", "demo", "--patient", "a-b"], "a directory");
    home.run(&["sync", "--type", "Account", "--type", "Organization"]);
    let queries = std::mem::take(&mut payer.script().queries);
    assert_eq!(queries, ["Organization?_count=100"]);
}

#[test]
fn an_open_server_that_wants_a_token_is_a_matter_of_the_configuration_and_not_of_the_member() {
    let payer = open_server();
    let home = Home::new();
    configure(&payer, &home, &format!("grant = \"none\"\n{TYPES}"));
    home.succeed(&["connect", "john", "--plan", "demo", "--patient", "a-b"], "an open server");
    payer.script().wants_authorization = Some("Bearer anything".to_owned());
    let refused = home.run(&["sync"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    let told = [refused.stderr, home.run(&["status"]).stdout];
    for told in told {
        assert!(told.contains("the plan's grant is \"none\""), "{told}");
        assert!(!told.contains("payersync connect"), "{told}");
    }
}

#[test]
fn a_token_that_was_given_out_is_sent_kept_nowhere_and_its_end_says_what_to_do() {
    let payer = open_server();
    payer.serve("Condition", &[condition("c1", "a-b")]);
    payer.serve("Patient", &[PATIENT]);
    payer.script().wants_authorization = Some(format!("Bearer {TOKEN}"));
    let home = Home::new();
    configure(&payer, &home, &format!("grant = \"token\"\naccess_token_file = \"t\"\n{TYPES}"));
    let missing = home.run(&["connect", "john", "--plan", "demo"]);
    assert_eq!(missing.code, 1, "{}", missing.stderr);
    assert!(missing.stderr.contains("access_token_file"), "{}", missing.stderr);
    home.write_private("t", &format!("{TOKEN}\n"));
    home.succeed(&["connect", "john", "--plan", "demo"], "a token");
    let synced = home.run(&["sync"]);
    assert_eq!(synced.code, 0, "{}", synced.stderr);
    assert_eq!(live(&home), ["Condition/c1", "Organization/o", "Patient/a-b"]);
    for name in home.names().iter().filter(|name| *name != "t") {
        let Ok(bytes) = fs::read(home.file(name)) else { continue };
        let is_in = bytes.windows(TOKEN.len()).any(|window| window == TOKEN.as_bytes());
        assert!(!is_in && !synced.stderr.contains(TOKEN), "{name}");
    }
    // It expires, and only a new one helps.
    payer.script().wants_authorization = Some("Bearer a-newer-token-of-the-plan".to_owned());
    let expired = home.run(&["sync"]);
    assert_eq!(expired.code, 3, "{}", expired.stderr);
    let told = format!("put it into {}", home.file("t").display());
    assert!(expired.stderr.contains(&told), "{}", expired.stderr);
    assert!(!expired.stderr.contains(TOKEN), "{}", expired.stderr);
    home.write_private("t", "a-newer-token-of-the-plan");
    home.succeed(&["sync"], "a new token");
    // The same from a variable.
    configure(
        &payer,
        &home,
        &format!("grant = \"token\"\naccess_token_env = \"A_TOKEN\"\n{TYPES}"),
    );
    let unset = home.run(&["sync"]);
    assert_eq!(unset.code, 1, "{}", unset.stderr);
    assert!(unset.stderr.contains("A_TOKEN with the access token is not set"), "{}", unset.stderr);
    let mut sync = home.command(&["sync"]);
    assert!(sync.env("A_TOKEN", "a-newer-token-of-the-plan").output().unwrap().status.success());
}

#[cfg(unix)]
#[test]
fn a_token_that_others_can_read_is_not_sent() {
    use std::os::unix::fs::PermissionsExt;
    let payer = open_server();
    let home = Home::new();
    configure(&payer, &home, &format!("grant = \"token\"\naccess_token_file = \"t\"\n{TYPES}"));
    let path = home.write_private("t", TOKEN);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let refused = home.run(&["connect", "john", "--plan", "demo"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("chmod 600"), "{}", refused.stderr);
    assert!(payer.script().received.is_empty());
}

#[test]
fn a_grant_and_keys_that_contradict_each_other_are_told() {
    let payer = open_server();
    let none = "grant = \"none\"\n";
    for (lines, told) in [
        ("", "client_id is missing"),
        ("client_id = \" \"\n", "client_id is empty"),
        (
            &*format!("{none}client_id = \"x\"\n"),
            "client_id is set, and grant = \"none\" asks for no token",
        ),
        (&format!("{none}token_url = \"https://h/t\"\n"), "token_url is set, and grant"),
        (&format!("{none}scope = \"patient/*.read\"\n"), "scope is set, and grant"),
        (
            &format!("{none}access_token_file = \"t\"\n"),
            "access_token_file is set, but belongs to grant",
        ),
        (
            &format!("{none}types = [\"ImagingStudy\"]\n"),
            "types names ImagingStudy, which needs a rule",
        ),
        (&format!("{none}types = [\"*\"]\n"), "types names *, which needs a rule"),
        ("grant = \"token\"\n", "access_token_file is missing"),
        (
            "grant = \"token\"\naccess_token_file = \"t\"\naccess_token_env = \"T\"\n",
            "access_token_env and access_token_file are both set",
        ),
    ] {
        let home = Home::new();
        configure(&payer, &home, lines);
        let outcome = home.run(&["plan"]);
        assert_eq!(outcome.code, 1, "{lines}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{lines}: {}", outcome.stderr);
    }
}
