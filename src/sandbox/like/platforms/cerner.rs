//! Oracle Health (Cerner), patient access.

use crate::sandbox::like::{
    refusal::Refusal,
    rule::{Base, Client, Paging, Paths, Rule, Ruleset, fact},
};

const BAD: Refusal =
    Refusal::Outcome(400, "required", "at least one of _id, patient must be provided");

pub(super) static CERNER: Ruleset = Ruleset {
    name: "cerner",
    title: "Oracle Health (Cerner), patient access",
    preset: Some("cerner"),
    settings: &[("tenant", "sandbox")],
    paths: Paths {
        authorize: "/tenants/sandbox/personas/patient/authorize",
        token: "/tenants/sandbox/token",
        discovery: Some("/r4/sandbox/.well-known/smart-configuration"),
        fhir: &[Base {
            path: "/r4/sandbox",
            types: &[
                "Patient",
                "Condition",
                "Observation",
                "MedicationRequest",
                "Immunization",
                "AllergyIntolerance",
                "Procedure",
                "Encounter",
                "DiagnosticReport",
                "DocumentReference",
                "Provenance",
            ],
        }],
    },
    rules: &[
        fact("DOC", "aud is required", Rule::Aud("/r4/sandbox")),
        fact("DOC", "scopes have no wildcards", Rule::NoWildcards),
        fact("DOC", "a secret goes by HTTP Basic", Rule::Client(Client::Basic)),
        fact("DOC", "access tokens live 570 s", Rule::AccessSeconds(570)),
        fact("DOC", "the token answer names the patient", Rule::NamesPatient),
        fact(
            "DOC",
            "a search without _id or patient is 400",
            Rule::Needs { types: &[], any_of: &["patient", "subject", "_id"], refusal: BAD },
        ),
        fact(
            "DOC",
            "Provenance comes along with what it is about (_revinclude=Provenance:target)",
            Rule::OnlyRevincluded("Provenance", BAD),
        ),
        fact("DOC", "_count has no effect beside _id", Rule::NoCountWithId),
        fact(
            "DOC",
            "pages of 50 Observations, 200 at most",
            Rule::Count { types: &["Observation"], default: 50, most: 200 },
        ),
        fact("DOC", "the next link has a pageContext", Rule::Paging(Paging::Opaque("pageContext"))),
        fact("DOC", "a resource may come again on the next page", Rule::RepeatsAcrossPages),
        fact("DOC", "a request that does not accept JSON is 406 and empty", Rule::AcceptsJson),
    ],
};
