//! athenahealth.

use crate::sandbox::like::{
    refusal::Refusal,
    rule::{Base, Client, Paging, Paths, Rule, Ruleset, fact},
};

const FORBIDDEN: Refusal =
    Refusal::Outcome(403, "forbidden", "The combination of search parameters is not allowed");

pub(super) static ATHENA: Ruleset = Ruleset {
    name: "athena",
    title: "athenahealth",
    preset: Some("athena"),
    settings: &[],
    paths: Paths {
        authorize: "/oauth2/v1/authorize",
        token: "/oauth2/v1/token",
        discovery: Some("/fhir/r4/.well-known/smart-configuration"),
        fhir: &[Base {
            path: "/fhir/r4",
            types: &[
                "Patient",
                "Condition",
                "Observation",
                "MedicationRequest",
                "Immunization",
                "AllergyIntolerance",
                "Procedure",
                "Encounter",
            ],
        }],
    },
    rules: &[
        fact("OBS", "aud is sent", Rule::Aud("/fhir/r4")),
        fact("OBS", "a secret goes by HTTP Basic", Rule::Client(Client::Basic)),
        fact("OBS", "the token answer names the patient", Rule::NamesPatient),
        fact(
            "OBS",
            "a missing combination of parameters is 403",
            Rule::Needs { types: &[], any_of: &["patient", "_id"], refusal: FORBIDDEN },
        ),
        fact(
            "DOC",
            "MedicationRequest needs intent beside the patient",
            Rule::Needs {
                types: &["MedicationRequest"],
                any_of: &["intent", "_id"],
                refusal: FORBIDDEN,
            },
        ),
        fact("DOC", "intent chooses", Rule::Filters(&["intent"])),
        fact("OBS", "the next link has a cursor", Rule::Paging(Paging::Opaque("cursor"))),
        fact("OBS", "Bundles have no total", Rule::NoTotal),
        fact(
            "OBS",
            "answers have Ratelimit headers",
            Rule::RateHeaders(["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"]),
        ),
    ],
};
