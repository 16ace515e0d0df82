//! A payer that serves only what CARIN's guide for Blue Button requires.

use crate::sandbox::like::{
    refusal::Refusal,
    rule::{Base, Client, Paths, Rule, Ruleset, fact},
};

pub(super) static CARIN_MINIMUM: Ruleset = Ruleset {
    name: "carin-minimum",
    title: "A payer with the minimum of CARIN's guide for Blue Button",
    preset: Some("carin-minimum"),
    settings: &[("host", "fhir.payer.example")],
    paths: Paths {
        authorize: "/oauth2/authorize",
        token: "/oauth2/token",
        discovery: Some("/r4/.well-known/smart-configuration"),
        fhir: &[Base {
            path: "/r4",
            types: &["Patient", "Coverage", "ExplanationOfBenefit", "Organization", "Practitioner"],
        }],
    },
    rules: &[
        fact("DOC", "the token answer names the patient (launch/patient)", Rule::NamesPatient),
        fact("DOC", "a secret, in the body or by HTTP Basic", Rule::Client(Client::Secret)),
        fact(
            "INF",
            "Patient, Coverage, Organization and Practitioner are only read",
            Rule::Searches(
                &["ExplanationOfBenefit"],
                Refusal::Outcome(400, "not-supported", "The type cannot be searched"),
            ),
        ),
        fact(
            "DOC",
            "claims are searched by patient, _id or identifier",
            Rule::Needs {
                types: &["ExplanationOfBenefit"],
                any_of: &["patient", "_id", "identifier"],
                refusal: Refusal::Outcome(400, "required", "The search needs patient"),
            },
        ),
    ],
};
