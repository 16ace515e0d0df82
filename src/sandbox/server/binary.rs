//! Files that resources name: `Binary/ID`, as bytes, or as a resource for clients that accept only FHIR.

use super::outcome;
use crate::sandbox::members::json::object;
use axum::{
    http::{HeaderMap, StatusCode, header},
    response::Response,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The size that attachments of scanned forms declare.
const FORM_BYTES: usize = 2048;

/// The answer to a read of a Binary.
pub(super) fn answer(id: &str, headers: &HeaderMap) -> Response {
    let Some((content_type, bytes)) = file(id) else {
        return outcome::outcome(StatusCode::NOT_FOUND, "not-found", "Resource not found");
    };
    let accept = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok()).unwrap_or_default();
    if !accept.contains("fhir+json") {
        return outcome::body(StatusCode::OK, content_type, bytes);
    }
    let (id, data) = (id.to_owned(), STANDARD.encode(bytes));
    let binary = object! { resourceType: "Binary", id: id, contentType: content_type, data: data };
    outcome::body(StatusCode::OK, outcome::FHIR_JSON, binary.to_string())
}

/// The media type and the bytes of a file.
fn file(id: &str) -> Option<(&'static str, Vec<u8>)> {
    if id.starts_with("note") {
        return Some(("text/plain", b"Synthetic visit note.".to_vec()));
    }
    let number = id.strip_prefix("sandbox-")?.parse::<u32>().ok()?;
    let mut bytes = format!("%PDF-1.4\n% Synthetic scanned form {number}\n").into_bytes();
    bytes.resize(FORM_BYTES, b'\n');
    Some(("application/pdf", bytes))
}
