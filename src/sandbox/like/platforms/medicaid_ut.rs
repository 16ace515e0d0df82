//! Utah Medicaid.

use crate::sandbox::like::rule::{Client, Paths, Rule, Ruleset, at, fact};

pub(super) static MEDICAID_UT: Ruleset = Ruleset {
    name: "medicaid-ut",
    title: "Utah Medicaid",
    preset: Some("medicaid-ut"),
    settings: &[],
    paths: Paths {
        authorize: "/sso/oauth2/authorize",
        token: "/sso/oauth2/access_token",
        discovery: None,
        fhir: &[at("/ProviderClient")],
    },
    rules: &[
        fact("DOC", "a secret goes by HTTP Basic", Rule::Client(Client::Basic)),
        fact(
            "DOC",
            "token requests are JSON, with redirect_url in the place of redirect_uri",
            Rule::Json("redirect_url"),
        ),
        fact(
            "DOC",
            "every request has application/json as Content-Type and Accept",
            Rule::ExactAccept("application/json"),
        ),
    ],
};
