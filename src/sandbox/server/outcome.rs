//! Answers other than Bundles: OperationOutcomes, the gateway's JSON, HTML pages.

use crate::sandbox::members::json::{Json, array, object};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

pub(crate) const FHIR_JSON: &str = "application/fhir+json; charset=utf-8";

/// An answer with a body and its media type.
pub(crate) fn body(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<axum::body::Body>,
) -> Response {
    let mut response = (status, body.into()).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An OperationOutcome with its text in `details.text`, as this payer writes it.
pub(crate) fn outcome(status: StatusCode, code: &str, text: &str) -> Response {
    body(status, FHIR_JSON, outcome_text(code, text))
}

pub(super) fn outcome_text(code: &str, text: &str) -> String {
    let issue: Json = object! { severity: "error", code: code, details: object! { text: text } };
    object! { resourceType: "OperationOutcome", issue: array![issue] }.to_string()
}

/// An answer of the gateway in front of the FHIR server.
pub(crate) fn gateway(status: StatusCode, message: &str) -> Response {
    body(status, "application/json", object! { message: message }.to_string())
}

pub(crate) fn html(status: StatusCode, title: &str) -> Response {
    let page = format!(
        "<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    );
    body(status, "text/html; charset=utf-8", page)
}
