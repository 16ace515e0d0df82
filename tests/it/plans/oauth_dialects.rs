//! Plans whose OAuth differs from the usual, through the real binary.

use crate::{
    plans::oidc_member,
    support::{Consenting, Dictated, Faulty, Home, server},
};
use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::TcpStream,
};
use url::Url;

const PATIENT: &str = r#"{"resourceType":"Patient","id":"1"}"#;
/// A port that the system picks, for a listener of this process alone.
const CAUGHT: &str = "redirect_url = \"http://127.0.0.1:0/callback\"\n";
const CONNECT: [&str; 5] = ["connect", "john", "--plan", "demo", "--no-browser"];
const PASTE: [&str; 6] = ["connect", "john", "--plan", "demo", "--code", "-"];

fn payer() -> Dictated {
    let payer = Dictated::start();
    payer.serve("Patient", &[PATIENT]);
    payer
}

fn configured(payer: &Dictated, lines: &str) -> Home {
    let home = Home::new();
    payer.configure(&home, &format!("types = [\"Patient\"]\n{lines}"));
    home
}

fn parameters(url: &str) -> BTreeMap<String, String> {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

/// What a browser does with a form that the consent page fills in.
fn post(redirect: &str, form: &str) -> String {
    let url = Url::parse(redirect).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", url.port().unwrap())).unwrap();
    let request = format!(
        "POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        url.path(),
        form.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn an_answer_that_the_browser_posts_is_caught_and_only_the_right_one() {
    let payer = payer();
    let home = configured(&payer, &format!("{CAUGHT}response_mode = \"form_post\"\n"));
    let (code, said) = Consenting::start_with(&home, &CONNECT, |url| {
        let sent = parameters(url);
        assert_eq!(sent["response_mode"], "form_post");
        let redirect = sent["redirect_uri"].clone();
        for wrong in ["code=evil&state=other", "code=evil", ""] {
            let answer = post(&redirect, wrong);
            assert!(answer.starts_with("HTTP/1.1 400"), "{wrong}: {answer}");
        }
        let answer = post(&redirect, &format!("code=a%2Fcode&state={}", sent["state"]));
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        redirect
    })
    .end();
    assert_eq!(code, 0, "{said}");
    let received = std::mem::take(&mut payer.script().received);
    assert!(received.iter().any(|it| it.path == "/token" && it.body.contains("code=a%2Fcode")));
    home.succeed(&["sync"], "a posted answer");
}

#[test]
fn an_answer_behind_the_number_sign_is_pasted_and_waited_for_in_vain_by_nobody() {
    let payer = payer();
    let home = configured(&payer, "response_mode = \"fragment\"\n");
    let waiting = home.run(&CONNECT);
    assert_eq!(waiting.code, 1, "{}", waiting.stderr);
    assert!(waiting.stderr.contains("use --code - and paste the URL"), "{}", waiting.stderr);
    let paste = |state: Option<&str>| {
        let consenting = Consenting::start_with(&home, &PASTE, |url| {
            let sent = parameters(url);
            assert_eq!(sent["response_mode"], "fragment");
            let state = state.unwrap_or(&sent["state"]);
            format!("{}#code=c0de&state={state}", sent["redirect_uri"])
        });
        consenting.answer().end()
    };
    let (code, said) = paste(Some("another"));
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("its state differs"), "{said}");
    let (code, said) = paste(None);
    assert_eq!(code, 0, "{said}");
    home.succeed(&["sync"], "a pasted answer");
}

#[test]
fn token_requests_are_written_as_json_with_the_plans_names() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = payer();
    payer.script().token = r#","expires_in":1,"token_type":"BearerToken""#.to_owned();
    let lines = "token_format = \"json\"\ntoken_auth = \"basic\"\nclient_secret_file = \"s\"\n\
                 token_fields = { redirect_uri = \"redirect_url\" }\n\
                 redirect_url = \"https://app.example/cb\"\n";
    let home = configured(&payer, lines);
    home.write_private("s", "a secret: of tests");
    let connected = payer.connect(&home, &[]);
    assert_eq!(connected.code, 0, "{}", connected.stderr);
    assert_eq!(faulty.run_at(&home, &["sync"], 3600).code, 0);
    let received = std::mem::take(&mut payer.script().received);
    let token = received.iter().filter(|request| request.path == "/token");
    let bodies: Vec<serde_json::Value> = token
        .map(|request| {
            assert_eq!(request.header("content-type"), "application/json");
            assert!(request.header("authorization").starts_with("Basic "));
            serde_json::from_str(&request.body).unwrap()
        })
        .collect();
    let code = serde_json::json!({
        "grant_type": "authorization_code", "code": "a-code",
        "redirect_url": "https://app.example/cb",
    });
    let refresh = serde_json::json!({ "grant_type": "refresh_token", "refresh_token": "r" });
    assert_eq!(bodies[0], code);
    assert!(bodies.len() >= 2 && bodies[1..].iter().all(|body| *body == refresh), "{bodies:?}");
}

#[test]
fn a_consent_without_the_id_token_that_names_its_patient_is_refused() {
    let payer = Dictated::start();
    payer.script().token = r#","patient":"another-1""#.to_owned();
    let home =
        configured(&payer, "patient_from = \"id_token\"\nscope = \"openid launch/patient\"\n");
    let refused = payer.connect(&home, &[]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    let told =
        "it has no id_token, in which patient_from looks for the Patient; add openid to scope";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
    assert!(!refused.stderr.contains("another-1"), "{}", refused.stderr);
    assert_eq!(home.run(&["status"]).stdout.matches("john").count(), 0);
}

#[test]
fn a_connection_has_parameters_of_its_own() {
    let payer = payer();
    let lines = "authorize_parameters = { lang = \"en\", id = \"none\" }\n\
                 [connections.john.authorize_parameters]\nid = \"member 7\"\n";
    let home = configured(&payer, lines);
    for (name, id) in [("john", "member 7"), ("mary", "none")] {
        let command = ["connect", name, "--plan", "demo", "--code", "-"];
        let (code, said) = Consenting::start_with(&home, &command, |url| {
            let sent = parameters(url);
            assert_eq!((sent["id"].as_str(), sent["lang"].as_str()), (id, "en"));
            assert_eq!(url.matches("id=").count(), 2, "client_id and id: {url}");
            format!("{}?code=c&state={}", sent["redirect_uri"], sent["state"])
        })
        .answer()
        .end();
        assert_eq!(code, 0, "{said}");
    }
    let lines = "client_secret_file = \"s\"\ngrant = \"client_credentials\"\n\
                 [connections.ann.authorize_parameters]\nid = \"7\"\n";
    let home = configured(&payer, lines);
    home.write_private("s", "s");
    let refused = home.run(&["connect", "ann", "--plan", "demo"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("connections.ann has authorize_parameters"),
        "{}",
        refused.stderr
    );
}

#[test]
fn what_contradicts_itself_is_told() {
    let payer = payer();
    for (lines, told) in [
        (
            "authorize_parameters = { state = \"x\" }\n",
            "authorize_parameters has state, which payersync sends by itself",
        ),
        ("authorize_parameters = { scope = \"x\" }\n", "the key that sets it: scope"),
        (
            "audience = true\nauthorize_parameters = { aud = \"https://h\" }\n",
            "authorize_parameters has aud, which payersync sends by itself; the key that sets it: audience",
        ),
        (
            "authorize_parameters = { response_mode = \"x\" }\n",
            "the key that sets it: response_mode",
        ),
        (
            "[connections.john.authorize_parameters]\nclient_id = \"x\"\n",
            "connections.john.authorize_parameters has client_id",
        ),
        (
            "[connections.john.authorize_parameters]\nresponse_type = \"code id_token\"\n",
            "connections.john.authorize_parameters has response_type; set it in the plan's",
        ),
        ("response_mode = \"web_message\"\n", "this must be "),
        (
            "authorize_parameters = { response_type = \"code token\" }\n",
            "authorize_parameters has response_type = \"code token\"",
        ),
        (
            "authorize_parameters = { response_type = \"code id_token\" }\n",
            "response_mode must be \"form_post\" or \"fragment\"",
        ),
        ("token_format = \"xml\"\n", "this must be "),
        (
            "token_fields = { redirect = \"x\" }\n",
            "token_fields has redirect, which is not a field",
        ),
        ("token_fields = { code = \"\" }\n", "which is empty or taken"),
        ("token_fields = { code = \"scope\" }\n", "which is empty or taken"),
        ("token_fields = { code = \"x\", scope = \"x\" }\n", "which is empty or taken"),
    ] {
        let home = configured(&payer, lines);
        let outcome = home.run(&["plan"]);
        assert_eq!(outcome.code, 1, "{lines}: {}", outcome.stderr);
        assert!(outcome.stderr.contains(told), "{lines}: {}", outcome.stderr);
    }
    let hybrid = "authorize_parameters = { response_type = \"code id_token\" }\nresponse_mode = \"form_post\"\n";
    assert_eq!(payer.connect(&configured(&payer, hybrid), &[]).code, 0);
    // Another way than audience to send it.
    let home = configured(&payer, "authorize_parameters = { aud = \"https://h\" }\n");
    assert_eq!(payer.connect(&home, &[]).code, 0);
}

#[test]
fn oidc_providers_form_is_caught() {
    let Some(provider) = server("PAYERSYNC_TEST_OIDC") else { return };
    let home = Home::new();
    let text = format!(
        "[plans.demo]\nfhir_url = \"http://127.0.0.1:9/r4\"\nauthorize_url = \"{}\"\n\
         token_url = \"{}\"\nclient_id = \"sync-public\"\n{CAUGHT}\
         response_mode = \"form_post\"\nscope = \"openid offline_access patient/*.read\"\n\
         authorize_parameters = {{ prompt = \"consent\" }}\n",
        provider.join("/auth").unwrap(),
        provider.join("/token").unwrap(),
    );
    fs::write(home.file("payersync.toml"), text).unwrap();
    let (code, said) = Consenting::start_with(&home, &CONNECT, |url| {
        let redirect = parameters(url)["redirect_uri"].clone();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let (url, form) = (Url::parse(url).unwrap(), Url::parse(&redirect).unwrap());
        let ended = runtime.block_on(oidc_member::consent(&url, &form));
        let answer = post(&redirect, ended.query().unwrap());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        redirect
    })
    .end();
    assert_eq!(code, 0, "{said}");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM connection"), 1);
}
