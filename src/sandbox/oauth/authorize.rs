//! The consent page: shows which application asks, checks the member's identity, and redirects back.
//!
//! Documented: `client_id` and `redirect_uri` suffice. A button "Click here to confirm identity" leads to a
//! form with first name, last name, date of birth, member id and ZIP, and the button "Verify identity". The
//! answer is a redirect with `code` (and `state`). Assumed: every error text, PKCE, and that the form is
//! shown again after a wrong identity. An address that was not checked is never redirected to.

use super::{grants::Consent, page};
use crate::sandbox::{
    pairs::Pairs,
    registered::{CLIENT_ID, REGISTERED_REDIRECT_URI},
    state::State,
};
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;
use std::time::Instant;
use url::{Host, Url};

/// The scope that is granted if the request names none.
const DEFAULT_SCOPE: &str = "patient/*.read";

/// A valid authorization request, which may be shown to the member.
struct Asked {
    redirect_uri: Url,
    state: Option<String>,
    scope: String,
    challenge: Option<String>,
}

/// An authorization request that is refused.
enum Refused {
    /// Refused on a page, since the address to redirect to is not trusted.
    Page(&'static str),
    /// Refused by a redirect to the application, with an OAuth error code.
    Redirect(Box<Url>, &'static str),
}

pub(crate) async fn no_plan() -> Response {
    page::error(StatusCode::NOT_FOUND, "There is no such health plan.")
}

pub(crate) async fn show(Shared(state): Shared<Arc<State>>, uri: Uri) -> Response {
    let pairs = Pairs::parse(uri.query().unwrap_or_default());
    match check(&state, &pairs) {
        Err(refused) => refusal(refused),
        Ok(_) if pairs.get("step") == Some("identity") => {
            page::identity(StatusCode::OK, &pairs, None)
        }
        Ok(_) => page::welcome(&pairs),
    }
}

pub(crate) async fn verify(Shared(state): Shared<Arc<State>>, uri: Uri, form: Bytes) -> Response {
    // The request comes back as hidden fields of the form; a script may leave it in the query instead.
    let form = String::from_utf8_lossy(&form).into_owned();
    let pairs = Pairs::parse(&format!("{form}&{}", uri.query().unwrap_or_default()));
    let asked = match check(&state, &pairs) {
        Ok(asked) => asked,
        Err(refused) => return refusal(refused),
    };
    let Some(member) = recognise(&state, &pairs) else {
        let message = "We could not find a member with these details.";
        return page::identity(StatusCode::FORBIDDEN, &pairs, Some(message));
    };
    let consent = Consent {
        member,
        redirect_uri: asked.redirect_uri.to_string(),
        scope: asked.scope,
        challenge: asked.challenge,
    };
    let code = state.grants().issue_code(consent, Instant::now());
    let mut target = asked.redirect_uri;
    target.query_pairs_mut().append_pair("code", &code);
    if let Some(value) = &asked.state {
        target.query_pairs_mut().append_pair("state", value);
    }
    found(&target)
}

fn check(state: &State, pairs: &Pairs) -> Result<Asked, Refused> {
    let client = pairs.get("client_id").ok_or(Refused::Page("client_id is missing."))?;
    let redirect = pairs.get("redirect_uri").ok_or(Refused::Page("redirect_uri is missing."))?;
    if client != CLIENT_ID {
        // By the documentation, a new client works only after it has been synced to the demo plan.
        return Err(Refused::Page("This client is unknown here; it may not be synced yet."));
    }
    let redirect_uri = Url::parse(redirect)
        .ok()
        .filter(|url| is_loopback(url) || redirect == REGISTERED_REDIRECT_URI)
        .ok_or(Refused::Page("redirect_uri is not registered for this client."))?;
    let refuse = |error| Err(Refused::Redirect(Box::new(redirect_uri.clone()), error));
    if pairs.get("response_type").is_some_and(|kind| kind != "code") {
        return refuse("unsupported_response_type");
    }
    let challenge = pairs.get("code_challenge");
    if challenge.is_some() && pairs.get("code_challenge_method") != Some("S256") {
        return refuse("invalid_request");
    }
    let scope = pairs.get("scope").unwrap_or(DEFAULT_SCOPE);
    if !scope.split_ascii_whitespace().all(is_scope) {
        return refuse("invalid_scope");
    }
    let like = state.options.like;
    if let Some(error) = like.authorize_error(pairs, scope, &state.origin) {
        return refuse(error);
    }
    Ok(Asked {
        state: pairs.get("state").map(str::to_string),
        scope: like.granted_scope(scope),
        challenge: challenge.map(str::to_string),
        redirect_uri,
    })
}

/// Whether a scope is known: the published scopes, those per type, and `offline_access`, sent by some
/// clients.
fn is_scope(scope: &str) -> bool {
    matches!(scope, "launch/patient" | "openid" | "offline_access" | "fhirUser" | "profile")
        || (scope.starts_with("patient/") || scope.starts_with("user/"))
            && (scope.ends_with(".read") || scope.ends_with(".rs"))
}

fn is_loopback(url: &Url) -> bool {
    let local = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "http" && local && url.fragment().is_none()
}

/// The member with these details. The member id determines the one candidate.
fn recognise(state: &State, pairs: &Pairs) -> Option<u32> {
    let field = |name| pairs.get(name).unwrap_or_default().trim().to_lowercase();
    let number = crate::sandbox::members::number_of_member_id(&field("member_id"))?;
    let identity = (number < state.options.members).then(|| state.member(number).identity())?;
    let matches = identity.first_name.to_lowercase() == field("first_name")
        && identity.last_name.to_lowercase() == field("last_name")
        && identity.birth_date == field("birth_date")
        && identity.zip == field("zip");
    matches.then_some(number)
}

fn refusal(refused: Refused) -> Response {
    match refused {
        Refused::Page(message) => page::error(StatusCode::BAD_REQUEST, message),
        Refused::Redirect(mut target, error) => {
            target.query_pairs_mut().append_pair("error", error);
            found(&target)
        }
    }
}

fn found(target: &Url) -> Response {
    let mut response = StatusCode::FOUND.into_response();
    if let Ok(location) = HeaderValue::from_str(target.as_str()) {
        response.headers_mut().insert(header::LOCATION, location);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
