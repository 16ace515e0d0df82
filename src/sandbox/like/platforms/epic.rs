//! Epic's sandbox.

use crate::sandbox::like::{
    refusal::Refusal,
    rule::{Base, Client, Paging, Paths, Rule, Ruleset, fact},
};

const BAD: Refusal = Refusal::Outcome(400, "business-rule", "A required element is missing.");

pub(super) static EPIC: Ruleset = Ruleset {
    name: "epic",
    title: "Epic, sandbox",
    preset: Some("epic-sandbox"),
    settings: &[],
    paths: Paths {
        authorize: "/interconnect-fhir-oauth/oauth2/authorize",
        token: "/interconnect-fhir-oauth/oauth2/token",
        discovery: Some("/interconnect-fhir-oauth/api/FHIR/R4/.well-known/smart-configuration"),
        fhir: &[Base {
            path: "/interconnect-fhir-oauth/api/FHIR/R4",
            types: &[
                "Patient",
                "Condition",
                "Observation",
                "Immunization",
                "AllergyIntolerance",
                "MedicationRequest",
                "Procedure",
                "Encounter",
                "DiagnosticReport",
                "DocumentReference",
                "CarePlan",
                "CareTeam",
                "Goal",
                "Device",
            ],
        }],
    },
    rules: &[
        fact("DOC", "aud is required", Rule::Aud("/interconnect-fhir-oauth/api/FHIR/R4")),
        fact("OBS", "scopes are mostly decided at registration", Rule::ScopesOfRegistration),
        fact(
            "DOC",
            "a client that refreshes tokens signs its requests (private_key_jwt); a bad key is \
            invalid_client without detail",
            Rule::Client(Client::Assertion),
        ),
        fact("DOC", "access tokens live 3600 s", Rule::AccessSeconds(3600)),
        fact(
            "DOC",
            "introspection shows when a consent ends; the member chooses the date",
            Rule::Introspection("/interconnect-fhir-oauth/oauth2/introspect", 90),
        ),
        fact("OBS", "the token answer names the patient", Rule::NamesPatient),
        fact(
            "OBS",
            "a bare search is refused for most types",
            Rule::Needs { types: &[], any_of: &["patient", "subject", "_id"], refusal: BAD },
        ),
        fact(
            "DOC",
            "Observation needs category or code",
            Rule::Needs {
                types: &["Observation"],
                any_of: &["category", "code", "_id"],
                refusal: BAD,
            },
        ),
        fact(
            "DOC",
            "CarePlan needs category",
            Rule::Needs { types: &["CarePlan"], any_of: &["category", "_id"], refusal: BAD },
        ),
        fact("DOC", "category chooses", Rule::Filters(&["category"])),
        fact("OBS", "the next link has a session's id", Rule::Paging(Paging::Opaque("sessionID"))),
        fact("OBS", "each Bundle has an OperationOutcome among its entries", Rule::OutcomeEntry),
        fact(
            "OBS",
            "what is not allowed is 403 with an empty body",
            Rule::SomebodyElse(Refusal::Empty(403)),
        ),
        fact(
            "OBS",
            "an unknown type is an HTML page with 404",
            Rule::UnknownType(Refusal::Html(404, "404 - File or directory not found.")),
        ),
    ],
};
