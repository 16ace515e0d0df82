//! CMS Blue Button 2.0, version 2, sandbox.

use crate::sandbox::like::rule::{Base, Client, Paging, Paths, Rule, Ruleset, fact};

pub(super) static BLUEBUTTON: Ruleset = Ruleset {
    name: "bluebutton",
    title: "CMS Blue Button 2.0, version 2, sandbox",
    preset: Some("bluebutton-sandbox"),
    settings: &[],
    paths: Paths {
        authorize: "/v2/o/authorize/",
        token: "/v2/o/token/",
        discovery: Some("/v2/fhir/.well-known/smart-configuration"),
        fhir: &[Base { path: "/v2/fhir", types: &["Patient", "Coverage", "ExplanationOfBenefit"] }],
    },
    rules: &[
        fact("DOC", "PKCE with S256 is required", Rule::Pkce),
        fact("DOC", "state has 16 characters or more", Rule::State(16)),
        fact("DOC", "a secret goes by HTTP Basic", Rule::Client(Client::Basic)),
        fact("DOC", "access tokens live an hour", Rule::AccessSeconds(3600)),
        fact("DOC", "expires_in may have a fraction", Rule::FractionalLifetime),
        fact("DOC", "the token answer names the patient", Rule::NamesPatient),
        fact(
            "DOC",
            "access_grant_expiration says when the consent ends, after 13 months",
            Rule::ConsentEnds(395),
        ),
        fact("DOC", "_count above 50 is 400", Rule::CountRefused(50)),
        fact(
            "DOC",
            "pages of 10 without _count",
            Rule::Count { types: &[], default: 10, most: 50 },
        ),
        fact("DOC", "the next link has a startIndex", Rule::Paging(Paging::Offset("startIndex"))),
        fact("DOC", "links first, previous and last", Rule::MoreLinks),
    ],
};
