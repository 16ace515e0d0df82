//! Kaiser Permanente, health plan API.

use crate::sandbox::like::{
    refusal::Refusal,
    rule::{Base, Client, Paths, Rule, Ruleset, fact},
};

pub(super) static KAISER: Ruleset = Ruleset {
    name: "kaiser",
    title: "Kaiser Permanente, health plan API",
    preset: Some("kaiser"),
    settings: &[],
    paths: Paths {
        authorize: "/service/kpx/v1/oauth2/authorize",
        token: "/service/kpx/v1/oauth2/token",
        discovery: None,
        fhir: &[Base {
            path: "/service/cdo/siae/healthplankpxv1rc/FHIR/api",
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
        fact("OBS", "a secret goes by HTTP Basic", Rule::Client(Client::Basic)),
        fact("OBS", "PKCE", Rule::Pkce),
        fact("3P", "the token answer names the patient", Rule::NamesPatient),
        fact(
            "3P",
            "claims are searched, other resources are read one by one",
            Rule::Searches(
                &["ExplanationOfBenefit"],
                Refusal::Outcome(400, "not-supported", "The search is not supported"),
            ),
        ),
        fact("OBS", "references name a version", Rule::VersionedReferences),
    ],
};
