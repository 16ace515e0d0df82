//! The ways in which a platform refuses a request.

use crate::sandbox::server::outcome;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

/// The form of a refusal.
#[derive(Clone, Copy, Debug)]
pub(in crate::sandbox) enum Refusal {
    /// An OperationOutcome, with status, issue code and text.
    Outcome(u16, &'static str, &'static str),
    /// A status without a body.
    Empty(u16),
    /// A status with an HTML page.
    Html(u16, &'static str),
    /// The JSON of a gateway, which is not FHIR.
    Gateway(u16, &'static str),
}

impl Refusal {
    pub(in crate::sandbox) fn response(self) -> Response {
        let status = |code| StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST);
        match self {
            Refusal::Outcome(code, issue, text) => outcome::outcome(status(code), issue, text),
            Refusal::Empty(code) => status(code).into_response(),
            Refusal::Html(code, title) => outcome::html(status(code), title),
            Refusal::Gateway(code, message) => outcome::gateway(status(code), message),
        }
    }
}
