//! Faults that send another answer instead of a page.

use super::{Asking, old_cursor};
use crate::sandbox::{
    faults::fault::Fault,
    members::{
        TypeEntry,
        json::{array, object},
    },
    server::{
        line::{Script, Wire},
        outcome::{self, FHIR_JSON},
        search::window_too_large,
    },
    state::State,
};
use axum::http::header::{LOCATION, RETRY_AFTER};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use chrono::{Duration, Utc};

/// The answer if all searches and reads of a type are refused.
pub(in crate::sandbox) fn refused_type(state: &State, entry: &TypeEntry) -> Option<Response> {
    if entry.optional && state.has(Fault::ForbiddenClinical) {
        return Some(outcome::gateway(StatusCode::FORBIDDEN, "Forbidden"));
    }
    if entry.optional && state.has(Fault::NotFoundClinical) {
        return Some(outcome::html(StatusCode::NOT_FOUND, "404 Not Found"));
    }
    if entry.name == "Location" && state.has(Fault::ForbiddenPayerType) {
        return Some(StatusCode::FORBIDDEN.into_response());
    }
    None
}

/// The answer if a type cannot be listed, or only by ids, although it can be read by id.
fn unlisted(asking: &Asking<'_>) -> Option<Response> {
    const UNLISTED: [&str; 5] =
        ["Organization", "Practitioner", "Location", "Medication", "PractitionerRole"];
    if !UNLISTED.contains(&asking.search.entry.name) {
        return None;
    }
    if asking.state.has(Fault::NoListing) {
        return Some(StatusCode::FORBIDDEN.into_response());
    }
    let by_id = asking.search.pairs.get("_id").is_some();
    (asking.state.has(Fault::ListingByIdOnly) && !by_id).then(|| {
        outcome::outcome(StatusCode::BAD_REQUEST, "not-supported", "Search needs the parameter _id")
    })
}

/// The failure of a read that fails however often it is repeated.
pub(in crate::sandbox) fn unreadable(
    state: &State,
    entry: &TypeEntry,
    index: u32,
) -> Option<Response> {
    let fails = entry.name == "Location" && index == 0 && state.has(Fault::UnreadableLocation);
    fails.then(|| {
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        outcome::outcome(status, "exception", "Something went wrong")
    })
}

/// The answer of the first fault that withholds the page, if any does.
pub(in crate::sandbox) fn instead_of_page(asking: &Asking<'_>, wire: &Wire) -> Option<Response> {
    if asking.begins_walk() {
        asking.state.begin_walk(asking.number);
    }
    refused_type(asking.state, asking.search.entry)
        .or_else(|| unlisted(asking))
        .or_else(|| asking.faults().into_iter().find_map(|fault| answer(asking, fault, wire)))
}

fn answer(asking: &Asking<'_>, fault: Fault, wire: &Wire) -> Option<Response> {
    match fault {
        Fault::UnauthorizedMidWalk => {
            let first = asking.is_claims_page(2) && attempt(asking, "unauthorized") == 0;
            first.then(|| {
                asking.state.grants().expire_access(asking.token);
                outcome::gateway(StatusCode::UNAUTHORIZED, "Unauthorized")
            })
        }
        Fault::CursorExpired => {
            let walk = asking.search.pairs.get("_walk").and_then(|walk| walk.parse().ok());
            let expired = asking.of_claims()
                && asking.page.number >= 3
                && walk.is_some_and(|walk| asking.state.has_expired(asking.number, walk));
            expired.then(|| outcome::outcome(StatusCode::GONE, "expired", "The cursor has expired"))
        }
        Fault::CursorAlwaysExpired if asking.is_deep() => {
            Some(outcome::outcome(StatusCode::GONE, "expired", "The cursor has expired"))
        }
        Fault::CursorForgotten if asking.is_deep() => {
            Some(outcome::html(StatusCode::NOT_FOUND, "404 Not Found"))
        }
        Fault::ResultWindow if asking.is_deep() => {
            Some(*window_too_large(asking.page.number * asking.search.count))
        }
        _ if asking.is_claims_page(3) => {
            page_three(asking, fault, wire).or_else(|| old_cursor::answer(asking, fault, wire))
        }
        _ => old_cursor::answer(asking, fault, wire),
    }
}

fn page_three(asking: &Asking<'_>, fault: Fault, wire: &Wire) -> Option<Response> {
    let twice = |what, response: fn() -> Response| (attempt(asking, what) < 2).then(response);
    match fault {
        Fault::Permanent400 => {
            Some(outcome::outcome(StatusCode::BAD_REQUEST, "invalid", "Something is not valid"))
        }
        Fault::Permanent500 => {
            let status = StatusCode::INTERNAL_SERVER_ERROR;
            Some(outcome::outcome(status, "exception", "Something went wrong"))
        }
        Fault::Canary => Some(canary(asking)),
        Fault::ThrottleSeconds => twice("throttle-seconds", throttle_one_second),
        Fault::ThrottleDate => twice("throttle-date", throttle_date),
        Fault::ThrottleBare => twice("throttle-bare", throttled),
        Fault::ThrottleForever => Some(throttle_one_second()),
        Fault::ThrottleTransient => twice("throttle-transient", throttle_transient),
        Fault::Gateway500 => twice("gateway-500", || {
            outcome::gateway(StatusCode::INTERNAL_SERVER_ERROR, "Internal server error")
        }),
        Fault::Gateway502 => {
            twice("gateway-502", || outcome::html(StatusCode::BAD_GATEWAY, "502 Bad Gateway"))
        }
        Fault::Gateway503 => twice("gateway-503", || {
            outcome::gateway(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")
        }),
        Fault::Gateway504 => twice("gateway-504", || {
            outcome::gateway(StatusCode::GATEWAY_TIMEOUT, "Endpoint request timed out")
        }),
        Fault::ConnectionReset => (attempt(asking, "connection-reset") < 2).then(|| {
            wire.follow(Script::Reset);
            StatusCode::OK.into_response()
        }),
        Fault::RedirectForeignOrigin => Some(redirect(asking)),
        Fault::Html200 => Some(outcome::html(StatusCode::OK, "Sign in")),
        Fault::Outcome200 => {
            Some(outcome::outcome(StatusCode::OK, "processing", "The search could not be finished"))
        }
        Fault::Empty200 => Some(outcome::body(StatusCode::OK, FHIR_JSON, "")),
        Fault::Array200 => Some(outcome::body(StatusCode::OK, FHIR_JSON, "[]")),
        Fault::Partial206 => {
            let part = r#"{"resourceType":"Bundle","type":"searchset","entry":[]}"#;
            Some(outcome::body(StatusCode::PARTIAL_CONTENT, FHIR_JSON, part))
        }
        Fault::Collection200 => {
            let bundle = r#"{"resourceType":"Bundle","type":"collection"}"#;
            Some(outcome::body(StatusCode::OK, FHIR_JSON, bundle))
        }
        _ => None,
    }
}

fn attempt(asking: &Asking<'_>, what: &'static str) -> u32 {
    asking.state.attempt(asking.number, what)
}

/// The error page of a careless server, which reveals the patient and the token.
fn canary(asking: &Asking<'_>) -> Response {
    let identity = asking.state.member(asking.number).identity();
    let text = format!(
        "search failed for {} {}, born {}, member {}, token {}",
        identity.first_name,
        identity.last_name,
        identity.birth_date,
        identity.member_id,
        asking.token
    );
    let issue = object! {
        severity: "error",
        code: "exception",
        details: object! { text: &text },
        diagnostics: &text,
    };
    let answer = object! { resourceType: "OperationOutcome", issue: array![issue] };
    outcome::body(StatusCode::BAD_REQUEST, FHIR_JSON, answer.to_string())
}

fn throttled() -> Response {
    outcome::gateway(StatusCode::TOO_MANY_REQUESTS, "Too Many Requests")
}

fn throttle_one_second() -> Response {
    with_header(throttled(), RETRY_AFTER, "1")
}

fn throttle_date() -> Response {
    // HTTP dates have whole seconds; two seconds ahead leave at least one.
    let moment = Utc::now() + Duration::seconds(2);
    with_header(throttled(), RETRY_AFTER, &moment.format("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// The answer of a payer that is still loading the member's data.
pub(in crate::sandbox) fn throttle_transient() -> Response {
    let text = "The first synchronization is still running";
    let response = outcome::outcome(StatusCode::TOO_MANY_REQUESTS, "transient", text);
    with_header(response, HeaderName::from_static("x-retry-after"), "1")
}

fn redirect(asking: &Asking<'_>) -> Response {
    let target = format!("{}/r4/ExplanationOfBenefit", asking.state.foreign_origin);
    with_header(StatusCode::FOUND.into_response(), LOCATION, &target)
}

fn with_header(mut response: Response, name: HeaderName, value: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
    response
}
