//! A payer that repeats what is secret: in a token answer, in a resource, in an error; in any spelling.
//!
//! None of it may stand in the home in clear, in a backup, in a log or on a screen, and nothing else
//! of what was received may change.

use crate::support::{Answer, AskedThrough, Home, Payer, Tampered};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{Arc, Mutex},
};

/// The secrets of the connection as a thief would have them: those in play, at the moment.
#[derive(Clone)]
struct InPlay(Arc<Mutex<BTreeSet<String>>>);

impl InPlay {
    fn of(payer: &Payer) -> InPlay {
        InPlay(Arc::new(Mutex::new(BTreeSet::from([payer.client_secret().to_owned()]))))
    }

    /// Learns the tokens of an answer of the token endpoint; those before are of no use any more.
    fn learn(&self, answer: &Answer) {
        self.0.lock().unwrap().retain(|secret| {
            !secret.starts_with("sandbox-access-") && !secret.starts_with("sandbox-refresh-")
        });
        let tokens: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        for name in ["access_token", "refresh_token"] {
            self.0.lock().unwrap().extend(tokens[name].as_str().map(str::to_owned));
        }
    }

    fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().cloned().collect()
    }
}

/// Each secret in the spellings of this test.
fn spelled(secrets: &[String], client_id: &str) -> Vec<String> {
    let unicode = |text: &str| text.encode_utf16().map(|c| format!("\\u{c:04x}")).collect();
    let percent = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let mixed = |text: &str| {
        let (first, rest) = text.split_at(1);
        format!("{}{rest}", unicode(first))
    };
    let basic = |text: &str| format!("Basic {}", STANDARD.encode(format!("{client_id}:{text}")));
    let ways: [&dyn Fn(&str) -> String; 5] = [&str::to_owned, &unicode, &percent, &mixed, &basic];
    secrets.iter().flat_map(|secret| ways.iter().map(move |way| way(secret))).collect()
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// No secret in any spelling is in the text; escapes of JSON are read first.
#[track_caller]
fn assert_unseen(what: &str, bytes: &[u8], secrets: &[String], client_id: &str) {
    let text = String::from_utf8_lossy(bytes);
    for form in spelled(secrets, client_id) {
        assert!(!text.contains(&form), "{what} shows {form}");
    }
}

#[track_caller]
fn assert_home_is_clean(home: &Home, secrets: &[String], client_id: &str) {
    home.succeed(&["backup", home.file("copy.db").to_str().unwrap()], "the sync");
    for file in files(home.path()).iter().filter(|file| !file.ends_with("demo.secret")) {
        let name = file.display().to_string();
        assert_unseen(&name, &fs::read(file).unwrap(), secrets, client_id);
    }
}

#[test]
fn scope_and_patient_take_no_secret_and_nothing_that_is_none() {
    let tampered = Tampered::new(Payer::rich());
    let (in_play, client_id) = (InPlay::of(&tampered.payer), tampered.payer.client_id().to_owned());
    let (learning, secret) = (in_play.clone(), tampered.payer.client_secret().to_owned());
    tampered.twist(move |asked, answer| {
        if !asked.target.ends_with("/oauth2/token") {
            return answer;
        }
        learning.learn(&answer);
        let tokens: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let (access, refresh) = (&tokens["access_token"], &tokens["refresh_token"]);
        let (access, refresh) = (access.as_str().unwrap(), refresh.as_str().unwrap());
        let text = answer.text().replace(
            "\"scope\":\"",
            &format!(
                "\"patient\":\"{access}\",\"scope\":\"{access} x{refresh} {secret} \\u00{:02x}{} \\u00e9 ",
                access.as_bytes()[0],
                &access[1..],
            ),
        );
        Answer { body: text.into(), ..answer }
    });
    let home = tampered.connected_home("");
    for round in 0..2 {
        tampered.payer.expire_access_tokens();
        home.succeed(&["sync"], &format!("round {round}"));
        assert_home_is_clean(&home.copy(), &in_play.all(), &client_id);
    }
    let scope = home.value::<String>("SELECT scope FROM connection");
    assert_eq!(scope, "patient/*.read");
}

#[test]
fn what_a_resource_or_an_error_repeats_is_masked_and_the_rest_is_as_it_came() {
    let tampered = Tampered::new(Payer::rich());
    let (in_play, client_id) = (InPlay::of(&tampered.payer), tampered.payer.client_id().to_owned());
    let (learning, id) = (in_play.clone(), client_id.clone());
    tampered.twist(move |asked: &AskedThrough, answer| {
        if asked.target.ends_with("/oauth2/token") {
            learning.learn(&answer);
            return answer;
        }
        let said = spelled(&learning.all(), &id).join(" ");
        if asked.target.contains("/Coverage") {
            let issue = format!(
                r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":"error","code":"invalid",
                    "diagnostics":"{said}"}}]}}"#
            );
            return Answer::new(400, issue);
        }
        if !asked.target.contains("/Patient") || answer.status != 200 {
            return answer;
        }
        let text = answer.text();
        assert!(text.contains("\"resourceType\":\"Patient\","), "{text}");
        let seen = format!("\"resourceType\":\"Patient\",\"language\":\"é\\u0041%41{said}\",");
        let text = text.replacen("\"resourceType\":\"Patient\",", &seen, 1);
        Answer { content_type: format!("application/json; of={said}"), ..Answer::new(200, text) }
    });
    let home = tampered.connected_home("");
    tampered.payer.expire_access_tokens();
    let log = ["--log", "trace", "sync", "--type", "Patient", "--type", "Coverage"];
    let outcome = home.run(&log);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    let got = home.run(&["get", "Patient", "--connection", "john"]);
    assert_eq!(got.code, 0, "{}", got.stderr);
    for (what, text) in
        [("the log", &outcome.stderr), ("get", &got.stdout), ("get's words", &got.stderr)]
    {
        assert_unseen(what, text.as_bytes(), &in_play.all(), &client_id);
    }
    assert_home_is_clean(&home, &in_play.all(), &client_id);
    let json =
        home.value::<String>("SELECT json FROM resource WHERE resource_type = 'Patient' LIMIT 1");
    let (_, rest) = json.split_once("\"language\":\"é\\u0041%41*").expect("the beginning is kept");
    let (_, rest) = rest.split_once("\",").unwrap();
    let sound = tampered.payer.resources(0, "Patient").swap_remove(0);
    let rest = rest.replace(&tampered.origin, &tampered.payer.origin());
    let kept = sound.split_once(r#""resourceType":"Patient","#).unwrap().1;
    assert_eq!(rest, kept, "what comes behind is as it came");
    let words = home.value::<String>(
        "SELECT server_message FROM sync_walk WHERE resource_type = 'Coverage' ORDER BY id DESC",
    );
    assert!(words.contains("****"), "{words}");
}

#[test]
fn a_refusal_that_repeats_what_was_sent_shows_none_of_it() {
    let tampered = Tampered::new(Payer::rich());
    let (in_play, client_id) = (InPlay::of(&tampered.payer), tampered.payer.client_id().to_owned());
    let learning = in_play.clone();
    tampered.twist(move |asked, answer| {
        if asked.target.ends_with("/oauth2/token") {
            learning.learn(&answer);
        }
        answer
    });
    let home = tampered.connected_home("");
    tampered.payer.expire_access_tokens();
    let said = spelled(&in_play.all(), &client_id).join(" ");
    for (status, body) in [
        (400, format!(r#"{{"error":"invalid_client","error_description":"{said}"}}"#)),
        (401, said.clone()),
        (503, format!(r#"{{"message":"{said}"}}"#)),
        (400, format!(r#"{{"error":"{}"}}"#, in_play.all()[0])),
        (400, format!(r#"{{"errorCode":"{said}"}}"#)),
    ] {
        tampered.answer_refresh(Answer::new(status, body));
        let home = home.copy();
        let outcome = home.run(&["--log", "trace", "sync", "--type", "Patient"]);
        assert!([1, 3, 4].contains(&outcome.code), "{}", outcome.stderr);
        assert_unseen("the log", outcome.stderr.as_bytes(), &in_play.all(), &client_id);
        assert_home_is_clean(&home, &in_play.all(), &client_id);
    }
}

#[test]
fn a_link_header_or_a_redirect_that_repeats_a_token_leaves_no_cursor_with_it() {
    let tampered = Tampered::new(Payer::rich());
    let (in_play, client_id) = (InPlay::of(&tampered.payer), tampered.payer.client_id().to_owned());
    let (learning, id) = (in_play.clone(), client_id.clone());
    let origin = tampered.origin.clone();
    tampered.twist(move |asked: &AskedThrough, answer| {
        if asked.target.ends_with("/oauth2/token") {
            learning.learn(&answer);
            return answer;
        }
        let of_type = |name: &str| asked.target.contains(name);
        if of_type("page=2") {
            return Answer::new(500, "later");
        }
        // What can stand in a URL as it is.
        let said = spelled(&learning.all(), &id).join("-").replace([' ', '\\', '+', '/'], "");
        if of_type("/again-") {
            let link = r#""link":[{"relation":"next","url":"?page=2"}]"#;
            let page = format!(r#"{{"resourceType":"Bundle","type":"searchset",{link}}}"#);
            return Answer::new(200, page);
        }
        if of_type("/Coverage") {
            let to = format!("{origin}/again-{said}/Coverage");
            return Answer { headers: vec![("location", to)], ..Answer::new(302, "") };
        }
        if of_type("/Patient") {
            let next = format!("<{origin}/fhir/Patient?page=2&t={said}>; rel=\"next\"");
            return Answer { headers: vec![("link", next)], ..answer };
        }
        answer
    });
    let home = tampered.connected_home("");
    tampered.payer.expire_access_tokens();
    let log = ["--log", "trace", "sync", "--type", "Patient", "--type", "Coverage"];
    let outcome = home.run(&log);
    assert!([2, 4].contains(&outcome.code), "{}", outcome.stderr);
    assert_unseen("the log", outcome.stderr.as_bytes(), &in_play.all(), &client_id);
    // Both walks go on there.
    let cursors = home.rows("SELECT next_url FROM walk_cursor ORDER BY next_url").concat();
    assert_eq!(cursors.len(), 2, "{cursors:?} {}", outcome.stderr);
    for cursor in &cursors {
        assert!(cursor.contains("page=2") && cursor.contains("***"), "{cursor}");
    }
    assert_home_is_clean(&home, &in_play.all(), &client_id);
}
