//! The CapabilityStatement, which is open to everybody.

use super::outcome;
use crate::sandbox::{
    members::{
        json::{Json, array, object},
        names,
    },
    state::State,
};
use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;

pub(crate) async fn metadata(Shared(state): Shared<Arc<State>>) -> Response {
    let statement = statement(&state.origin).to_string();
    outcome::body(StatusCode::OK, outcome::FHIR_JSON, statement)
}

fn statement(origin: &str) -> Json {
    let resources: Vec<Json> = names().into_iter().map(resource).collect();
    let oauth = |name: &str, url: String| object! { url: name, valueUri: url };
    object! {
        resourceType: "CapabilityStatement",
        status: "active",
        date: "2023-01-05",
        kind: "instance",
        software: object! { name: "payersync sandbox", version: env!("CARGO_PKG_VERSION") },
        implementation: object! { description: "Synthetic demo payer", url: format!("{origin}/r4/") },
        fhirVersion: "4.0.1",
        format: array!["application/fhir+json", "json"],
        rest: array![object! {
            mode: "server",
            security: object! {
                extension: array![object! {
                    url: "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                    extension: array![
                        oauth("authorize", format!("{origin}/oauth2/authorize/test")),
                        oauth("token", format!("{origin}/oauth2/token")),
                    ],
                }],
            },
            resource: resources,
        }],
    }
}

fn resource(name: &str) -> Json {
    let parameter = |name: &str, kind: &str| object! { name: name, type: kind };
    object! {
        type: name,
        interaction: array![object! { code: "read" }, object! { code: "search-type" }],
        searchParam: array![parameter("_id", "token"), parameter("_lastUpdated", "date")],
    }
}
