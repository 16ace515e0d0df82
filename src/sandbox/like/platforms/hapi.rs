//! HAPI's public test server.

use crate::sandbox::like::rule::{Paths, Rule, Ruleset, at, fact};

pub(super) static HAPI: Ruleset = Ruleset {
    name: "hapi",
    title: "HAPI, public test server",
    preset: Some("hapi"),
    settings: &[],
    paths: Paths {
        authorize: "/oauth2/authorize",
        token: "/oauth2/token",
        discovery: None,
        fhir: &[at("/baseR4")],
    },
    rules: &[
        fact("DOC", "no OAuth", Rule::Open),
        fact("DOC", "data are not limited to a member", Rule::Everybody),
    ],
};
