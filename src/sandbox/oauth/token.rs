//! The token endpoint, which answers like the server library that 1upHealth appears to use.
//!
//! Documented: the form, credentials in the body, 7199 seconds. Inferred from 1upHealth's own samples (odd
//! lifetimes, key order, error bodies): the library, and with it the table of errors. Assumed: HTTP Basic,
//! PKCE, and that refresh tokens are issued and rotate.

use super::{
    client::{authenticate, basic_credentials},
    grants::{Issued, Refusal},
    refused::Refused,
};
use crate::sandbox::{
    faults::fault::Fault,
    members::{
        json::{Json, object},
        names,
    },
    pairs::Pairs,
    server::{
        line::{Script, Wire},
        outcome,
    },
    state::State,
};
use axum::body::Bytes;
use axum::extract::{ConnectInfo, State as Shared};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{SecondsFormat, Utc};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::{Duration, Instant};

const CODE_INVALID: Refused =
    Refused("invalid_grant", "Invalid grant: authorization code is invalid");
const REFRESH_INVALID: Refused =
    Refused("invalid_grant", "Invalid grant: refresh token is invalid");

pub(crate) async fn token(
    Shared(state): Shared<Arc<State>>,
    ConnectInfo(wire): ConnectInfo<Wire>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if state.has(Fault::TokenSlow) {
        tokio::time::sleep(Duration::from_secs(2)).await;
    }
    if state.has(Fault::TokenHtml) {
        return outcome::html(StatusCode::OK, "Sign in");
    }
    if state.has(Fault::Token503) && state.attempt(u32::MAX, "token") < 2 {
        let text = "Cannot read property 'code' of undefined";
        return no_store(error(StatusCode::SERVICE_UNAVAILABLE, &Refused("server_error", text)));
    }
    if state.has(Fault::TokenDown) {
        return outcome::html(StatusCode::SERVICE_UNAVAILABLE, "503 Service Unavailable");
    }
    let pairs = match state.options.like.json_redirect_field() {
        Some(field) => Pairs::from_json(&body).map(|pairs| pairs.renamed(field, "redirect_uri")),
        None => Some(Pairs::parse(&String::from_utf8_lossy(&body))),
    }
    .unwrap_or_default();
    let refreshing = pairs.get("grant_type") == Some("refresh_token");
    if refreshing && state.has(Fault::RefreshDenied) {
        return outcome::body(StatusCode::FORBIDDEN, "application/json", DENIED);
    }
    let answer = match grant(&state, &method, &headers, &pairs, Instant::now()) {
        Ok(issued) => success(&state, &issued, refreshing),
        Err(refused) => {
            let basic = refused.0 == "invalid_client" && basic_credentials(&headers).is_some();
            let status = if basic { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
            let mut response = error(status, &refused);
            if basic {
                let challenge = HeaderValue::from_static("Basic realm=\"Service\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
            }
            response
        }
    };
    let lost = refreshing && answer.status().is_success() && state.has(Fault::LostRefreshResponse);
    if lost && state.attempt(u32::MAX, "lost-refresh") == 0 {
        wire.follow(Script::Reset);
    }
    no_store(answer)
}

/// Answers what is known about a refresh token (RFC 7662, section 2.2).
pub(crate) async fn introspect(
    Shared(state): Shared<Arc<State>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let pairs = Pairs::parse(&String::from_utf8_lossy(&body));
    if let Err(refused) = authenticate(&state, &headers, &pairs) {
        return no_store(error(StatusCode::UNAUTHORIZED, &refused));
    }
    let days = state.options.like.introspection().map(|(_, days)| days);
    let token = pairs.get("token").unwrap_or_default();
    let is_active = state.grants().refresh_scope(token, Instant::now()).is_ok();
    let end = days.filter(|_| is_active).map(|days| Utc::now() + chrono::Duration::days(days));
    let answer = object! {
        active: is_active,
        exp: end.map(|end| Json::Number(end.timestamp().to_string())),
    };
    no_store(outcome::body(StatusCode::OK, "application/json", answer.to_string()))
}

/// A refusal in a platform's own form instead of OAuth's.
const DENIED: &str = r#"{"errorCode":"access_denied"}"#;

fn grant(
    state: &State,
    method: &Method,
    headers: &HeaderMap,
    pairs: &Pairs,
    now: Instant,
) -> Result<Issued, Refused> {
    if method != Method::POST {
        return Err(Refused("invalid_request", "Invalid request: method must be POST"));
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let (wanted, refusal) = match state.options.like.json_redirect_field() {
        Some(_) => ("application/json", "Invalid request: content must be application/json"),
        None => (
            "application/x-www-form-urlencoded",
            "Invalid request: content must be application/x-www-form-urlencoded",
        ),
    };
    if !content_type.is_some_and(|kind| kind.starts_with(wanted)) {
        return Err(Refused("invalid_request", refusal));
    }
    authenticate(state, headers, pairs)?;
    match pairs.get("grant_type") {
        None => Err(Refused("invalid_request", "Missing parameter: `grant_type`")),
        Some("authorization_code") => by_code(state, pairs, now),
        Some("refresh_token") => by_refresh_token(state, pairs, now),
        Some("client_credentials" | "password") => {
            Err(Refused("unauthorized_client", "Unauthorized client: `grant_type` is invalid"))
        }
        Some(_) => Err(Refused(
            "unsupported_grant_type",
            "Unsupported grant type: `grant_type` is invalid",
        )),
    }
}

fn by_code(state: &State, pairs: &Pairs, now: Instant) -> Result<Issued, Refused> {
    let code = pairs.get("code").ok_or(Refused("invalid_request", "Missing parameter: `code`"))?;
    let lifetimes = state.lifetimes();
    let mut grants = state.grants();
    let consent =
        grants.code(code, state.options.code_lifetime, now).map_err(|refusal| match refusal {
            Refusal::Invalid => CODE_INVALID,
            Refusal::Expired => {
                Refused("invalid_grant", "Invalid grant: authorization code has expired")
            }
        })?;
    let given = pairs.get("redirect_uri");
    let is_missing = given.is_none() && state.options.like.needs_redirect_uri();
    if is_missing || given.is_some_and(|uri| uri != consent.redirect_uri) {
        return Err(Refused("invalid_request", "Invalid request: `redirect_uri` is invalid"));
    }
    match (&consent.challenge, pairs.get("code_verifier")) {
        (None, _) => {}
        (Some(_), None) => {
            return Err(Refused("invalid_grant", "Missing parameter: `code_verifier`"));
        }
        (Some(challenge), Some(verifier)) => {
            if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != *challenge {
                return Err(Refused("invalid_grant", "Invalid grant: code verifier is invalid"));
            }
        }
    }
    grants.spend_code(code, lifetimes, now).ok_or(CODE_INVALID)
}

fn by_refresh_token(state: &State, pairs: &Pairs, now: Instant) -> Result<Issued, Refused> {
    let token = pairs
        .get("refresh_token")
        .ok_or(Refused("invalid_request", "Missing parameter: `refresh_token`"))?;
    let lifetimes = state.lifetimes();
    let mut grants = state.grants();
    if state.has(Fault::ReuseRevokesGrant) {
        grants.revoke_grant_of_spent(token);
    }
    let scope = grants.refresh_scope(token, now).map_err(|refusal| match refusal {
        Refusal::Invalid => REFRESH_INVALID,
        Refusal::Expired => Refused("invalid_grant", "Invalid grant: refresh token has expired"),
    })?;
    let granted: Vec<&str> = scope.split_ascii_whitespace().collect();
    let mut asked = pairs.get("scope").unwrap_or_default().split_ascii_whitespace();
    if !asked.all(|scope| granted.contains(&scope)) {
        return Err(Refused("invalid_scope", "Invalid scope: Requested scope is invalid"));
    }
    let issued = if state.has(Fault::KeepsRefreshToken) {
        grants.extend(token, lifetimes.access, now)
    } else {
        grants.rotate(token, lifetimes, now)
    };
    issued.ok_or(REFRESH_INVALID)
}

fn success(state: &State, issued: &Issued, refreshing: bool) -> Response {
    let seconds = state.lifetimes().access.as_secs();
    let like = state.options.like;
    let is_fractional = state.has(Fault::ExpiresInFloat) || like.has_fractional_lifetime();
    let expires_in: Json = if is_fractional {
        Json::Number(format!("{seconds}.523842"))
    } else if state.has(Fault::ExpiresInString) {
        Json::Text(seconds.to_string())
    } else {
        Json::Number(seconds.to_string())
    };
    let answer = object! {
        access_token: &issued.access_token,
        token_type: if refreshing && state.has(Fault::RefreshMac) { "mac" } else { "Bearer" },
        expires_in: expires_in,
        refresh_token: issued.refresh_token.clone(),
        scope: scope(state, issued, refreshing),
        patient: like.names_patient().then(|| state.member(issued.member).patient_id()),
        access_grant_expiration: like.consent_days().map(|days| {
            let end = Utc::now() + chrono::Duration::days(days);
            end.to_rfc3339_opts(SecondsFormat::Secs, true)
        }),
    };
    outcome::body(StatusCode::OK, "application/json; charset=utf-8", answer.to_string())
}

/// The scope, as the answer shows it.
fn scope(state: &State, issued: &Issued, refreshing: bool) -> String {
    const NARROW: [&str; 3] = ["Patient", "Coverage", "ExplanationOfBenefit"];
    let read = |name: &str| format!("patient/{name}.read");
    let joined = |separator| names().into_iter().map(read).collect::<Vec<_>>().join(separator);
    let is_narrow =
        state.has(Fault::NarrowScope) || refreshing && state.has(Fault::RefreshNarrowsScope);
    if is_narrow {
        NARROW.map(read).join(" ")
    } else if state.has(Fault::GranularScope) {
        let observations = "patient/Observation.rs?category=laboratory";
        joined(" ").replace("patient/Observation.read", observations)
    } else if state.has(Fault::ScopeCommas) {
        joined(",")
    } else if state.has(Fault::ScopeEscaped) {
        joined("%20")
    } else if state.has(Fault::ScopeMisspelt) {
        joined(" ").replace(".read", "s.read")
    } else {
        issued.scope.clone()
    }
}

fn error(status: StatusCode, refused: &Refused) -> Response {
    let description = Some(refused.1).filter(|text| !text.is_empty());
    let answer = object! { error: refused.0, error_description: description.map(str::to_string) };
    outcome::body(status, "application/json; charset=utf-8", answer.to_string())
}

fn no_store(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
