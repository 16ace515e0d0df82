//! Onyx SAFHIR.

use crate::sandbox::like::rule::{Base, Client, Paging, Paths, Rule, Ruleset, fact};

pub(super) static SAFHIR: Ruleset = Ruleset {
    name: "safhir",
    title: "Onyx SAFHIR, claims and clinical data",
    preset: Some("safhir"),
    settings: &[("tenant", "sandbox-1")],
    paths: Paths {
        authorize: "/v1/authorize",
        token: "/v1/token",
        discovery: None,
        fhir: &[
            Base {
                path: "/v1/api/carin-bb",
                types: &["Patient", "Coverage", "ExplanationOfBenefit"],
            },
            Base {
                path: "/v1/api/pdex",
                types: &[
                    "Condition",
                    "Observation",
                    "Procedure",
                    "Encounter",
                    "Immunization",
                    "MedicationRequest",
                    "AllergyIntolerance",
                    "DiagnosticReport",
                    "DocumentReference",
                    "CarePlan",
                    "CareTeam",
                    "Goal",
                ],
            },
        ],
    },
    rules: &[
        fact("DOC", "aud is the path above the FHIR bases", Rule::Aud("/v1")),
        fact("DOC", "a secret goes in the body", Rule::Client(Client::Post)),
        fact("DOC", "the token answer names the patient", Rule::NamesPatient),
        fact("3P", "pages of about 10", Rule::Count { types: &[], default: 10, most: 10 }),
        fact("3P", "the next link has a ct cursor", Rule::Paging(Paging::Opaque("ct"))),
        fact(
            "3P",
            "the next link may name another host",
            Rule::NextAt("https://gateway.safhir.example"),
        ),
    ],
};
