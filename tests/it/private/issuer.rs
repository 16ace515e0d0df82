//! An answer to a consent that another server gave is refused, and its code is sent nowhere.

use crate::support::{Consenting, Home, Payer};
use payersync::sandbox::Options;

const ISSUER: &str = "https://issuer.plan.example/oauth2";

/// A consent at the payer whose answer gets more parameters on its way back.
fn answered(payer: &Payer, issuer: Option<&str>, more: &str) -> (Home, i32, String) {
    let home = Home::new();
    let key = issuer.map(|issuer| format!("issuer = {issuer:?}\n")).unwrap_or_default();
    payer.configure(&home, &key);
    let command = ["connect", "john", "--plan", "demo", "--code", "-"];
    let consent = |url: &str| payer.consent(url, 0) + more;
    let (code, said) = Consenting::start_with(&home, &command, consent).answer().end();
    (home, code, said)
}

#[test]
fn another_servers_answer_is_refused_and_its_code_not_redeemed() {
    let payer = Payer::start(Options::default());
    for (issuer, more, told) in [
        (None, "&iss=https://evil.example", "comes from https://evil.example, not from http://127"),
        (
            Some(ISSUER),
            "&iss=https://evil.example",
            "comes from https://evil.example, not from https://issuer",
        ),
        (
            Some(ISSUER),
            "&iss=https://issuer.plan.example/oauth2/",
            "not from https://issuer.plan.example/oauth2;",
        ),
        (Some(ISSUER), "&iss=", "not from https://issuer.plan.example/oauth2;"),
        (None, "&code=another", "more than one code"),
        (None, "&error=access_denied&iss=https://evil.example", "comes from https://evil.example"),
    ] {
        let (_home, code, said) = answered(&payer, issuer, more);
        assert_eq!(code, 1, "{more}: {said}");
        assert!(said.contains(told), "{more}: {said}");
        assert_eq!(payer.tokens(), Vec::<String>::new(), "{more}");
    }
    let origin = format!(
        "&iss={}",
        url::Url::parse(&payer.authorize_url()).unwrap().origin().ascii_serialization()
    );
    for (issuer, more) in [
        (None, origin.as_str()),
        (None, ""),
        (Some(ISSUER), ""),
        (Some(ISSUER), "&iss=https%3A%2F%2Fissuer.plan.example%2Foauth2"),
    ] {
        let (_home, code, said) = answered(&payer, issuer, more);
        assert_eq!(code, 0, "{more}: {said}");
    }
}

#[test]
fn plans_that_share_a_redirect_url_are_named_by_doctor() {
    let plan = |name: &str, redirect: &str| {
        format!(
            "[plans.{name}]\nfhir_url = \"http://127.0.0.1:1/{name}\"\nclient_id = \"c\"\n\
                 token_url = \"http://127.0.0.1:1/t\"\nauthorize_url = \"http://127.0.0.1:1/a\"\n{redirect}"
        )
    };
    let told = |redirects: [&str; 2]| {
        let home = Home::new();
        let text = plan("acme", redirects[0]) + &plan("beta", redirects[1]);
        home.write_private("payersync.toml", &text);
        home.run(&["doctor", "--offline"]).stdout
    };
    let shared = "redirect_url = \"https://www.example.com/consent\"\n";
    let said = told([shared, shared]);
    assert!(said.contains("plan beta has the same redirect_url"), "{said}");
    let own = "redirect_url = \"https://www.example.com/consent/beta\"\n";
    for redirects in [["", ""], [shared, own], [shared, ""]] {
        let said = told(redirects);
        assert!(!said.contains("redirect_url"), "{said}");
    }
}
