//! The CapabilityStatement, which needs no token.

use super::outcome;
use crate::sandbox::{
    like::Base,
    members::json::{Json, array, object},
    state::State,
};
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;

/// The statement of one FHIR base: it tells nothing of the others.
pub(crate) async fn metadata(Shared(state): Shared<Arc<State>>, base: &'static Base) -> Response {
    let statement = statement(&state, base).to_string();
    outcome::body(StatusCode::OK, outcome::FHIR_JSON, statement)
}

/// The discovery document (SMART App Launch 2.0, section 2.1), if the platform publishes one.
pub(crate) async fn discovery(Shared(state): Shared<Arc<State>>) -> Response {
    let (origin, paths) = (&state.origin, state.options.like.paths());
    let document = object! {
        authorization_endpoint: format!("{origin}{}", paths.authorize),
        token_endpoint: format!("{origin}{}", paths.token),
        code_challenge_methods_supported: array!["S256"],
        capabilities: array!["launch-standalone", "permission-patient"],
    };
    outcome::body(StatusCode::OK, "application/json", document.to_string())
}

fn statement(state: &State, base: &Base) -> Json {
    let (origin, like) = (&state.origin, state.options.like);
    let paths = like.paths();
    let resource = |name| {
        let has_everything = name == "Patient" && like.has_everything();
        resource(name, like.searches(name), has_everything)
    };
    let types = like.types().into_iter().filter(|name| base.holds(name));
    let resources: Vec<Json> = types.map(resource).collect();
    let oauth = |name: &str, url: String| object! { url: name, valueUri: url };
    object! {
        resourceType: "CapabilityStatement",
        status: "active",
        date: "2023-01-05",
        kind: "instance",
        software: object! { name: "payersync sandbox", version: env!("CARGO_PKG_VERSION") },
        implementation: object! { description: "Synthetic demo payer", url: format!("{}/", state.base_url("Patient")) },
        fhirVersion: "4.0.1",
        format: array!["application/fhir+json", "json"],
        rest: array![object! {
            mode: "server",
            security: object! {
                extension: array![object! {
                    url: "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                    extension: array![
                        oauth("authorize", format!("{origin}{}", paths.authorize)),
                        oauth("token", format!("{origin}{}", paths.token)),
                    ],
                }],
            },
            resource: resources,
        }],
    }
}

fn resource(name: &str, is_searched: bool, has_everything: bool) -> Json {
    let mut interactions = vec![object! { code: "read" }];
    if is_searched {
        interactions.push(object! { code: "search-type" });
    }
    let parameter = |name: &str, kind: &str| object! { name: name, type: kind };
    object! {
        type: name,
        interaction: interactions,
        searchParam: array![parameter("_id", "token"), parameter("_lastUpdated", "date")],
        operation: has_everything.then(|| array![object! {
            name: "everything",
            definition: "http://hl7.org/fhir/OperationDefinition/Patient-everything",
        }]),
    }
}
