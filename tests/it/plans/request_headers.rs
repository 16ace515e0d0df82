//! What a plan's section adds to its requests goes to its own FHIR server and nowhere else.

use crate::support::{Dictated, Home};

const PATIENT: &str = r#"{"resourceType":"Patient","id":"1"}"#;
const KEY: &str = "a-subscription-key-0123456789";

fn plan_with(lines: &str) -> (Dictated, Home) {
    let payer = Dictated::start();
    payer.serve("Patient", &[PATIENT]);
    let home = Home::new();
    home.write_private("key", KEY);
    payer.configure(&home, &format!("types = [\"Patient\", \"Condition\"]\n{lines}"));
    (payer, home)
}

#[test]
fn headers_and_accept_go_along_to_the_fhir_server_alone() {
    let lines = "accept = \"application/json\"\n\
                 headers = { Prefer = \"handling=strict\", X-Key = { file = \"key\" } }\n";
    let (payer, home) = plan_with(lines);
    let elsewhere = Dictated::start();
    elsewhere.serve("Condition", &[PATIENT]);
    // A server that repeats what it was sent.
    payer.serve("Condition", &[format!(
        r#"{{"resourceType":"Condition","id":"c","subject":{{"reference":"Patient/1"}},"note":[{{"text":"{KEY}"}}]}}"#
    )]);
    let connected = payer.connect(&home, &[]);
    assert_eq!(connected.code, 0, "{}", connected.stderr);
    let synced = home.run(&["sync"]);
    assert_eq!(synced.code, 0, "{}", synced.stderr);
    let received = std::mem::take(&mut payer.script().received);
    let (fhir, others): (Vec<_>, Vec<_>) =
        received.iter().partition(|request| request.path.starts_with("/r4/"));
    for request in &fhir {
        let of = |name| request.header(name);
        assert_eq!(of("accept"), "application/json", "{request:?}");
        assert_eq!((of("prefer"), of("x-key")), ("handling=strict".to_owned(), KEY.to_owned()));
    }
    assert!(fhir.len() >= 3 && !others.is_empty());
    for request in &others {
        assert!(request.header("x-key").is_empty(), "{request:?}");
        assert!(request.body.starts_with("grant_type="), "{request:?}");
    }
    let stored: String = home.value("SELECT json FROM resource WHERE resource_type = 'Condition'");
    assert!(!stored.contains(KEY), "{stored}");
    // A redirect to another server is not followed, with the key or without.
    payer.script().moved.insert("Condition", format!("{}/Condition", elsewhere.base()));
    let moved = home.run(&["sync", "--full"]);
    assert_eq!(moved.code, 2, "{}", moved.stderr);
    assert!(elsewhere.script().received.is_empty());
    assert!(!moved.stderr.contains(KEY), "{}", moved.stderr);
}

#[test]
fn without_settings_the_headers_are_what_they_were() {
    let (payer, home) = plan_with("");
    assert_eq!(payer.connect(&home, &[]).code, 0);
    assert_eq!(home.run(&["sync"]).code, 0);
    let received = std::mem::take(&mut payer.script().received);
    let fhir = received.iter().filter(|request| request.path.starts_with("/r4/"));
    assert!(fhir.clone().count() >= 2);
    for request in fhir {
        assert_eq!(request.header("accept"), "application/fhir+json");
        assert!(request.header("x-key").is_empty() && request.header("prefer").is_empty());
    }
}

#[test]
fn what_cannot_be_sent_or_is_sent_anyway_is_told() {
    for (lines, told) in [
        ("accept = \"text/html\"\n", "accept does not accept JSON"),
        ("accept = \"application/json\\u0007\"\n", "accept cannot be sent in a header"),
        (
            "headers = { Authorization = \"x\" }\n",
            "headers.Authorization is not a header that can be set",
        ),
        ("headers = { \"a b\" = \"x\" }\n", "headers.a b is not a header that can be set"),
        ("headers = { X-Key = \"a\\u0000\" }\n", "headers.X-Key cannot be sent in a header"),
        ("headers = { X-Key = {} }\n", "headers.X-Key names neither or both of env and file"),
        (
            "headers = { X-Key = { env = \"K\", file = \"key\" } }\n",
            "headers.X-Key names neither or both of env and file",
        ),
        (
            "headers = { X-Key = { env = \"NO_SUCH_KEY\" } }\n",
            "the environment variable NO_SUCH_KEY with the value of the header X-Key is not set",
        ),
    ] {
        let (payer, home) = plan_with(lines);
        let outcome = payer.connect(&home, &[]);
        assert_eq!(outcome.code, 1, "{lines}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{lines}: {}", outcome.stderr);
        assert!(payer.script().received.is_empty(), "{lines}");
    }
}
