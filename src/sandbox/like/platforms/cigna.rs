//! Cigna, sandbox.

use crate::sandbox::like::{
    refusal::Refusal,
    rule::{Base, Client, Paging, Paths, Rule, Ruleset, fact},
};

const FAILED: Refusal = Refusal::Outcome(500, "exception", "Internal Server Error");

pub(super) static CIGNA: Ruleset = Ruleset {
    name: "cigna",
    title: "Cigna, sandbox",
    preset: Some("cigna-sandbox"),
    settings: &[],
    paths: Paths {
        authorize: "/mga/sps/oauth/oauth20/authorize",
        token: "/mga/sps/oauth/oauth20/token",
        discovery: None,
        fhir: &[Base {
            path: "/PatientAccess/v1-devportal",
            types: &[
                "Patient",
                "Coverage",
                "ExplanationOfBenefit",
                "Organization",
                "Practitioner",
                "Location",
            ],
        }],
    },
    rules: &[
        fact("OBS", "aud must not be sent", Rule::NoAud),
        fact("OBS", "public clients with PKCE, or a secret", Rule::Client(Client::Public)),
        fact("OBS", "PKCE", Rule::Pkce),
        fact("3P", "$userinfo names the patient; the token answer does not", Rule::UserInfo),
        fact("OBS", "Patient/ID/$everything brings all on one page", Rule::Everything),
        fact("OBS", "a search answers one page", Rule::Paging(Paging::None)),
        fact(
            "OBS",
            "$everything is served as application/json",
            Rule::MediaType("application/json"),
        ),
        fact(
            "OBS",
            "clients search Patient by _id; nothing is known of other searches, and they fail here",
            Rule::Searches(&["Patient"], FAILED),
        ),
        fact(
            "OBS",
            "clients search Patient by _id",
            Rule::Needs { types: &["Patient"], any_of: &["_id"], refusal: FAILED },
        ),
        fact("OBS", "an unknown resource is a permanent 500", Rule::UnknownType(FAILED)),
    ],
};
