//! Faults of cursors that an earlier run has saved: they fail, while the cursors of a new walk work.

use super::Asking;
use crate::sandbox::{
    faults::fault::Fault,
    server::{
        bundle::Bundle,
        line::{Script, Wire},
        outcome::{self, FHIR_JSON},
    },
};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

/// The parameter that marks the links of walks that began under the fault.
const NEW: &str = "_new";

/// The answer to an old cursor, if the fault concerns old cursors.
pub(super) fn answer(asking: &Asking<'_>, fault: Fault, wire: &Wire) -> Option<Response> {
    let is_old = asking.of_claims() && !asking.begins_walk();
    if !is_old || asking.search.pairs.get(NEW).is_some() {
        return None;
    }
    Some(match fault {
        Fault::CursorUnauthorized => outcome::gateway(StatusCode::UNAUTHORIZED, "Unauthorized"),
        Fault::CursorForbidden => StatusCode::FORBIDDEN.into_response(),
        Fault::CursorThrottled => {
            outcome::gateway(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests")
        }
        Fault::CursorBroken => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            outcome::outcome(status, "exception", "Something went wrong")
        }
        Fault::CursorReset => {
            wire.follow(Script::Reset);
            StatusCode::OK.into_response()
        }
        Fault::CursorHtml => outcome::html(StatusCode::OK, "Sign in"),
        Fault::CursorOutcome => {
            outcome::outcome(StatusCode::OK, "processing", "The search could not be finished")
        }
        Fault::CursorEmpty => {
            let bundle = r#"{"resourceType":"Bundle","type":"searchset"}"#;
            outcome::body(StatusCode::OK, FHIR_JSON, bundle)
        }
        _ => return None,
    })
}

/// Marks the first link of a new walk, if the fault concerns old cursors; later links repeat the mark.
pub(super) fn mark(asking: &Asking<'_>, fault: Fault, bundle: &mut Bundle) {
    let is_concerned = matches!(
        fault,
        Fault::CursorUnauthorized
            | Fault::CursorForbidden
            | Fault::CursorThrottled
            | Fault::CursorBroken
            | Fault::CursorReset
            | Fault::CursorHtml
            | Fault::CursorOutcome
            | Fault::CursorEmpty
    );
    if let Some(next) = bundle.next.as_mut().filter(|_| is_concerned && asking.begins_walk()) {
        next.push_str(&format!("&{NEW}=1"));
    }
}
