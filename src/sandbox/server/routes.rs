//! The routes, and the log of requests.

use super::{
    binary,
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
    like::Base,
    members::{
        TypeEntry, entry,
        json::{array, object},
    },
    oauth::{authorize, token},
    pairs::Pairs,
    state::{Request, State},
};
use axum::Router;
use axum::extract::{ConnectInfo, Path, Request as HttpRequest, State as Shared};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{any, get, post};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// All routes of the payer.
pub(crate) fn router(state: Arc<State>) -> Router {
    let fhir = |base: &'static Base| {
        Router::new()
            .route(
                "/metadata",
                get(move |state: Shared<Arc<State>>| capability::metadata(state, base)),
            )
            .route("/$userinfo", get(userinfo))
            .route("/{type}/{id}/$everything", get(everything))
            .route("/{type}", get(search))
            .route("/{type}/{id}", get(read))
            .layer(from_fn_with_state((Arc::clone(&state), base), manners))
    };
    let paths = state.options.like.paths();
    let consent = get(authorize::show).post(authorize::verify);
    let mut router =
        Router::new().route(paths.authorize, consent.clone()).route(paths.token, any(token::token));
    if let Some((path, _)) = state.options.like.introspection() {
        router = router.route(path, post(token::introspect));
    }
    for base in paths.fhir {
        router = router.nest(base.path, fhir(base));
    }
    router = match paths.discovery {
        Some(path) => router.route(path, get(capability::discovery)),
        None => router.route("/r4/.well-known/smart-configuration", get(no_discovery)),
    };
    if let (None, [base]) = (state.options.like.preset(), paths.fhir) {
        router = router
            .route("/oauth2/authorize/demoplan", consent)
            .route("/oauth2/authorize/{plan}", any(authorize::no_plan))
            // One fault changes the case of the path; a real gateway may ignore the case, too.
            .nest("/R4", fhir(base))
            .nest("/fhir/r4", fhir(base));
    }
    router
        .fallback(nothing_here)
        .layer(from_fn_with_state(Arc::clone(&state), record))
        .with_state(state)
}

/// The foreign origin: it only counts requests, and answers as if nothing were wrong.
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
    // The script that an earlier request set for this connection ends with that request.
    wire.follow(Script::Send);
    let at = Instant::now();
    let (method, uri) = (request.method().to_string(), request.uri().clone());
    let had_bearer = bearer(request.headers()).is_some();
    let response = next.run(request).await;
    state.requests().push(Request {
        method,
        path: uri.path().to_string(),
        query: uri.query().unwrap_or_default().to_string(),
        had_bearer,
        status: response.status().as_u16(),
        at,
    });
    response
}

/// Refuses the discovery document, which needs a token (recorded); clients get the addresses elsewhere.
async fn no_discovery() -> Response {
    outcome::gateway(StatusCode::UNAUTHORIZED, "Unauthorized")
}

/// Applies a platform's rules for headers and FHIR bases.
///
/// It refuses requests that break them, and sets the headers of answers.
async fn manners(
    Shared((state, base)): Shared<(Arc<State>, &'static Base)>,
    request: HttpRequest,
    next: Next,
) -> Response {
    let like = state.options.like;
    let mut response = match unmannered(&state, base, &request) {
        Some(response) => response,
        None => next.run(request).await,
    };
    let headers = response.headers_mut();
    let is_fhir = headers.get(header::CONTENT_TYPE).is_some_and(|it| it == outcome::FHIR_JSON);
    if let Some(name) = like.media_type().filter(|_| is_fhir) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(name));
    }
    for (name, value) in like.rate_headers().into_iter().flatten().zip(["1000", "999", "60"]) {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// The answer to a request whose headers are refused, or whose type is at another base.
fn unmannered(state: &State, base: &Base, request: &HttpRequest) -> Option<Response> {
    let sent = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let like = state.options.like;
    if let Some(it) = like.header_refusal(sent(header::ACCEPT), sent(header::CONTENT_TYPE)) {
        return Some(it.response());
    }
    let name = request.uri().path().split('/').nth(1).unwrap_or_default();
    let is_elsewhere = entry(name).is_some() && !base.holds(name);
    is_elsewhere.then(|| unknown_type(state, name))
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
        // The gateway in front rejects a literal `|` (documented); clients must send %7C.
        return outcome::gateway(StatusCode::BAD_REQUEST, "Bad Request");
    }
    let (number, token) = match authorized(&state, &headers) {
        Ok(found) => found,
        Err(response) => return *response,
    };
    if !state.options.page_delay.is_zero() {
        tokio::time::sleep(state.options.page_delay).await;
    }
    if state.options.like.loads_first() && state.attempt(number, "loading") == 0 {
        return respond::throttle_transient();
    }
    let Some(entry) = served(&state, &name) else { return unknown_type(&state, &name) };
    let search = match Search::new(&state, number, entry, Pairs::parse(query)) {
        Ok(search) => search,
        Err(response) => return *response,
    };
    let page = respond::move_page(&state, &search, search.page(&state));
    let node = format!("node=n{number}");
    let is_stray = state.options.sticky && page.number > 1 && !has_cookie(&headers, &node);
    if is_stray {
        let text = "This server does not know the search";
        return outcome::outcome(StatusCode::GONE, "not-found", text);
    }
    let asking = Asking { state: &state, search: &search, page: &page, number, token: &token };
    if let Some(response) = respond::instead_of_page(&asking, &wire) {
        return response;
    }
    let mut bundle = Bundle::new(&state, &search, &page);
    respond::change_page(&asking, &mut bundle);
    let mut response = respond::write_page(&asking, &bundle, &wire);
    if let (true, Ok(cookie)) = (state.options.sticky, format!("{node}; Path=/; HttpOnly").parse())
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn has_cookie(headers: &HeaderMap, cookie: &str) -> bool {
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|it| it.to_str().ok());
    sent.flat_map(|text| text.split("; ")).any(|one| one == cookie)
}

/// The Patient of a token's consent, if the platform has this operation.
async fn userinfo(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    match authorized(&state, &headers) {
        Err(response) => *response,
        Ok(_) if !state.options.like.has_userinfo() => unknown_type(&state, "userinfo"),
        Ok((number, _)) => {
            let named = object! { name: "patient", valueString: state.member(number).patient_id() };
            let answer = object! { resourceType: "Parameters", parameter: array![named] };
            outcome::body(StatusCode::OK, outcome::FHIR_JSON, answer.to_string())
        }
    }
}

/// All resources of a member, if the platform has this operation.
async fn everything(
    Shared(state): Shared<Arc<State>>,
    Path((name, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let (number, _) = match authorized(&state, &headers) {
        Ok(found) => found,
        Err(response) => return *response,
    };
    let like = state.options.like;
    if name != "Patient" || !like.has_everything() {
        return unknown_type(&state, &name);
    }
    if id != state.member(number).patient_id() {
        return like.somebody_else().response();
    }
    let bundle = Bundle::of_everything(&state, number).to_string();
    outcome::body(StatusCode::OK, outcome::FHIR_JSON, bundle)
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
    let has_files = ["DocumentReference", "DiagnosticReport"]
        .iter()
        .any(|name| state.options.like.serves(name));
    if name == "Binary" && has_files {
        return binary::answer(&id, &headers);
    }
    let Some(entry) = served(&state, &name) else { return unknown_type(&state, &name) };
    if let Some(response) = respond::refused_type(&state, entry) {
        return response;
    }
    let like = state.options.like;
    let record = match like.is_of_everybody() {
        true => Record::of_everybody(&state, entry),
        false => Record::new(&state, number, entry),
    };
    if name == "Patient" && like.minds_patients() && record.find(&id).is_none() {
        return like.somebody_else().response();
    }
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

/// The member that the request's token stands for, and the token.
fn authorized(state: &State, headers: &HeaderMap) -> Result<(u32, String), Box<Response>> {
    let unauthorized = || Box::new(outcome::gateway(StatusCode::UNAUTHORIZED, "Unauthorized"));
    let like = state.options.like;
    if like.is_open() {
        return Ok((0, String::new()));
    }
    let token = bearer(headers).ok_or_else(unauthorized)?;
    if state.has(Fault::AlwaysUnauthorized) {
        return Err(unauthorized());
    }
    let member = state.grants().member(token, Instant::now()).ok_or_else(unauthorized)?;
    if state.has(Fault::RevokedGrant) {
        let text = "Data Access Grant was Not Found";
        return Err(Box::new(outcome::outcome(StatusCode::NOT_FOUND, "not-found", text)));
    }
    // Assumed: how a token whose scope covers no data is refused.
    if !like.grants_all() && !state.grants().grants_data(token) {
        return Err(Box::new(outcome::gateway(StatusCode::FORBIDDEN, "Forbidden")));
    }
    Ok((member, token.to_string()))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("bearer "))?;
    value.get(7..)
}

/// The entry of the type, if this server serves it.
fn served(state: &State, name: &str) -> Option<&'static TypeEntry> {
    entry(name).filter(|entry| state.options.like.serves(entry.name))
}

fn unknown_type(state: &State, name: &str) -> Response {
    if let Some(refusal) = state.options.like.unknown_type() {
        return refusal.response();
    }
    let shown: String = name.chars().filter(char::is_ascii_alphanumeric).take(64).collect();
    let text = format!("Resource type {shown} is not supported");
    outcome::outcome(StatusCode::NOT_FOUND, "not-supported", &text)
}
