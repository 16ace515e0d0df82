//! The SMART App Launcher.

use crate::sandbox::like::rule::{Client, Paths, Rule, Ruleset, at, fact};

pub(super) static SMART_LAUNCHER: Ruleset = Ruleset {
    name: "smart-launcher",
    title: "SMART App Launcher (test data)",
    preset: Some("smart-launcher"),
    settings: &[],
    paths: Paths {
        authorize: "/v/r4/auth/authorize",
        token: "/v/r4/auth/token",
        discovery: Some("/v/r4/fhir/.well-known/smart-configuration"),
        fhir: &[at("/v/r4/fhir")],
    },
    rules: &[
        fact("DOC", "aud is the FHIR base", Rule::Aud("/v/r4/fhir")),
        fact("DOC", "public clients", Rule::Client(Client::Public)),
        fact("DOC", "redirect_uri is repeated in the token request", Rule::RedirectUri),
        fact("DOC", "access tokens live an hour", Rule::AccessSeconds(3600)),
        fact("DOC", "the token answer names the patient", Rule::NamesPatient),
        fact("DOC", "data are not limited to the member", Rule::Everybody),
    ],
};
