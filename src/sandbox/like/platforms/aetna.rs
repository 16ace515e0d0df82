//! Aetna (CVS Health), sandbox.

use crate::sandbox::like::{
    refusal::Refusal,
    rule::{Client, Paging, Paths, Rule, Ruleset, at, fact},
};

const BAD: Refusal = Refusal::Gateway(400, "Bad Request");

pub(super) static AETNA: Ruleset = Ruleset {
    name: "aetna",
    title: "Aetna (CVS Health), sandbox",
    preset: Some("aetna-sandbox"),
    settings: &[],
    paths: Paths {
        authorize: "/fhirdemo/v1/fhirserver_auth/oauth2/authorize",
        token: "/fhirdemo/v1/fhirserver_auth/oauth2/token",
        discovery: Some("/fhirdemo/.well-known/smart-configuration"),
        fhir: &[at("/fhirdemo/v2/patientaccess")],
    },
    rules: &[
        fact("3P", "aud is the path above the FHIR base", Rule::Aud("/fhirdemo")),
        fact("OBS", "a secret goes by HTTP Basic", Rule::Client(Client::Basic)),
        fact("INF", "without offline_access there is no refresh token", Rule::NoRefreshToken),
        fact("DOC", "the token answer names the patient (launch/patient)", Rule::NamesPatient),
        fact(
            "OBS",
            "an unknown parameter is refused with 400; at most operations so are _count and \
            _lastUpdated",
            Rule::KnowsOnly(&["patient", "beneficiary", "_id", "_profile", "_page_token"], BAD),
        ),
        fact(
            "OBS",
            "a missing parameter is 400",
            Rule::Needs {
                types: &[],
                any_of: &["patient", "beneficiary", "_id", "_page_token"],
                refusal: BAD,
            },
        ),
        fact("OBS", "the next link has a _page_token", Rule::Paging(Paging::Opaque("_page_token"))),
        fact("DOC", "application/json is the only media type", Rule::MediaType("application/json")),
        fact("DOC", "406 is declared for other Accepts", Rule::Accepts("application/json")),
    ],
};
