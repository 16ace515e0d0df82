//! The routes, and the log of what was asked.

use super::{
    bundle::Bundle,
    capability,
    line::{Script, Wire},
    outcome,
    record::Record,
    search::{self, Search},
};
use crate::sandbox::{
    faults::{
        fault::Fault,
        respond::{self, Asking},
    },
    members::entry,
    oauth::{authorize, token},
    pairs::Pairs,
    state::{Request, State},
};
use axum::Router;
use axum::extract::{ConnectInfo, Path, Request as HttpRequest, State as Shared};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// All routes of the payer.
pub(crate) fn router(state: Arc<State>) -> Router {
    let fhir = Router::new()
        .route("/metadata", get(capability::metadata))
        .route("/.well-known/smart-configuration", get(discovery))
        .route("/{type}", get(search))
        .route("/{type}/{id}", get(read));
    Router::new()
        .route("/oauth2/authorize/{plan}", get(authorize::show).post(authorize::verify))
        .route("/oauth2/token", any(token::token))
        .nest("/r4", fhir.clone())
        // What one fault makes of the path; a real gateway may ignore case, too.
        .nest("/R4", fhir.clone())
        .nest("/fhir/r4", fhir)
        .fallback(nothing_here)
        .layer(from_fn_with_state(Arc::clone(&state), record))
        .with_state(state)
}

/// The other origin: it only counts, and answers as if nothing were wrong.
pub(crate) fn foreign_router(state: Arc<State>) -> Router {
    Router::new().fallback(count_foreign).with_state(state)
}

async fn count_foreign(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    state.foreign.requests.fetch_add(1, Ordering::Relaxed);
    if headers.contains_key(header::AUTHORIZATION) {
        state.foreign.with_authorization.fetch_add(1, Ordering::Relaxed);
    }
    let empty = r#"{"resourceType":"Bundle","type":"searchset","total":0}"#;
    outcome::body(StatusCode::OK, outcome::FHIR_JSON, empty)
}

async fn record(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    request: HttpRequest,
    next: Next,
) -> Response {
    // What an earlier request did to this connection ends with it.
    wire.follow(Script::Send);
    let (method, uri) = (request.method().to_string(), request.uri().clone());
    let had_bearer = bearer(request.headers()).is_some();
    let response = next.run(request).await;
    state.requests().push(Request {
        method,
        path: uri.path().to_string(),
        query: uri.query().unwrap_or_default().to_string(),
        had_bearer,
        status: response.status().as_u16(),
    });
    response
}

/// The platform's discovery document wants a token (recorded); clients are told the addresses.
async fn discovery() -> Response {
    outcome::gateway(StatusCode::UNAUTHORIZED, "Unauthorized")
}

async fn nothing_here() -> Response {
    outcome::gateway(StatusCode::FORBIDDEN, "Missing Authentication Token")
}

async fn search(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    Path(name): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let query = uri.query().unwrap_or_default();
    if query.contains('|') {
        // The gateway in front rejects it (documented); clients must send %7C.
        return outcome::gateway(StatusCode::BAD_REQUEST, "Bad Request");
    }
    let (number, token) = match authorized(&state, &headers) {
        Ok(found) => found,
        Err(response) => return *response,
    };
    if !state.options.page_delay.is_zero() {
        tokio::time::sleep(state.options.page_delay).await;
    }
    let Some(entry) = entry(&name) else { return unknown_type(&name) };
    let search = match Search::new(&state, number, entry, Pairs::parse(query)) {
        Ok(search) => search,
        Err(response) => return *response,
    };
    let page = respond::move_page(&state, &search, search.page(&state));
    let asking = Asking { state: &state, search: &search, page: &page, number, token: &token };
    if let Some(response) = respond::instead_of_page(&asking, &wire) {
        return response;
    }
    let mut bundle = Bundle::new(&state, &search, &page);
    respond::change_page(&asking, &mut bundle);
    respond::write_page(&asking, &bundle, &wire)
}

async fn read(
    Shared(state): Shared<Arc<State>>,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let (number, _) = match authorized(&state, &headers) {
        Ok(found) => found,
        Err(response) => return *response,
    };
    let Some(entry) = entry(&name) else { return unknown_type(&name) };
    if let Some(response) = respond::refused_type(&state, entry) {
        return response;
    }
    let record = Record::new(&state, number, entry);
    let shrunk = state.has(Fault::Shrink);
    let merged = state.has(Fault::MergedRecord);
    let is_there =
        |index: &u32| !(shrunk && !search::is_left(*index) || merged && name == "Patient");
    match record.find(&id).filter(is_there) {
        Some(index) if record.is_withdrawn(index) => {
            outcome::outcome(StatusCode::GONE, "deleted", "Resource was deleted")
        }
        Some(index) => respond::unreadable(&state, entry, index).unwrap_or_else(|| {
            let mut text = record.text(index);
            if merged {
                respond::speak_of_another_patient(&state, number, &mut text);
            }
            outcome::body(StatusCode::OK, outcome::FHIR_JSON, text)
        }),
        None => outcome::outcome(StatusCode::NOT_FOUND, "not-found", "Resource not found"),
    }
}

/// The member the request's token stands for, and the token.
fn authorized(state: &State, headers: &HeaderMap) -> Result<(u32, String), Box<Response>> {
    let unauthorized = || Box::new(outcome::gateway(StatusCode::UNAUTHORIZED, "Unauthorized"));
    let token = bearer(headers).ok_or_else(unauthorized)?;
    if state.has(Fault::AlwaysUnauthorized) {
        return Err(unauthorized());
    }
    let member = state.grants().member(token, Instant::now()).ok_or_else(unauthorized)?;
    if state.has(Fault::RevokedGrant) {
        let text = "Data Access Grant was Not Found";
        return Err(Box::new(outcome::outcome(StatusCode::NOT_FOUND, "not-found", text)));
    }
    // Assumed: how a scope without data is refused.
    if !state.grants().grants_data(token) {
        return Err(Box::new(outcome::gateway(StatusCode::FORBIDDEN, "Forbidden")));
    }
    Ok((member, token.to_string()))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "))?;
    value.get(7..)
}

fn unknown_type(name: &str) -> Response {
    let shown: String = name.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    let text = format!("Resource type {shown} is not supported");
    outcome::outcome(StatusCode::NOT_FOUND, "not-supported", &text)
}
