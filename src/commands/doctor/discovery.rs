//! Compares a plan's configuration with what the plan publishes about its OAuth server.

use super::finding::Finding;
use crate::{
    auth::{GrantKind, TokenAuth},
    config::PlanSettings,
    http::{Get, HttpClient, Origin, without_mark},
};
use serde_json::{Map, Value};
use url::Url;

/// Compares a plan with its discovery document, if it publishes one.
pub(crate) async fn look(
    what: &str,
    plan: &PlanSettings,
    http: &HttpClient,
    findings: &mut Vec<Finding>,
) {
    if !plan.grant().has_endpoint() {
        return;
    }
    let get = Get::new(&plan.discovery_url, "application/json");
    // Many plans publish no document. Another check reports whether the server answers at all.
    let Ok(response) = http.get(get).await else { return };
    let document = serde_json::from_slice(without_mark(&response.body)).ok();
    let document = document.filter(|_| response.is_success());
    let Some(document) = document else { return };
    let what = format!("{what} discovery");
    let differences = differences(plan, &document);
    if differences.is_empty() {
        findings.push(Finding::fine(what, "agrees with the configuration"));
        return;
    }
    for (said, hint) in differences {
        findings.push(Finding::warning(what.clone(), said, hint));
    }
}

/// The differences, each with what to do about it.
fn differences(plan: &PlanSettings, document: &Map<String, Value>) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let consents = plan.grant() == GrantKind::AuthorizationCode;
    let authorize_url = plan.authorize_url.as_ref().filter(|_| consents);
    for (key, member, configured) in [
        ("authorize_url", "authorization_endpoint", authorize_url),
        ("token_url", "token_endpoint", plan.token_url.as_ref()),
        ("revocation_url", "revocation_endpoint", plan.revocation_url.as_ref()),
        ("introspection_url", "introspection_endpoint", plan.introspection_url.as_ref()),
    ] {
        let (Some(configured), Some(named)) = (configured, url(document, member)) else { continue };
        if !is_same(configured, &named) {
            found.push((
                format!("{key} differs from the plan's {member}, which is {named}"),
                format!("ask the plan which one is right, and correct {key}"),
            ));
        }
    }
    let token_url = plan.token_url.clone().or_else(|| url(document, "token_endpoint"));
    let revocation = url(document, "revocation_endpoint").filter(|_| plan.revocation_url.is_none());
    if let (Some(revocation), Some(token_url)) = (revocation, token_url)
        && Origin::are_same(&revocation, &token_url)
    {
        found.push((
            format!("the plan revokes tokens at {revocation}, and revocation_url is not set"),
            "set it: a purge then revokes the member's tokens, too".to_owned(),
        ));
    }
    let method = plan.token_auth().map(|auth| match auth {
        TokenAuth::Post => ("client_secret_post", "post"),
        TokenAuth::Basic => ("client_secret_basic", "basic"),
        TokenAuth::PrivateKeyJwt => ("private_key_jwt", "private_key_jwt"),
    });
    if let (Some((method, key)), Some(methods)) =
        (method, texts(document, "token_endpoint_auth_methods_supported"))
        && !methods.contains(&method)
    {
        let known: Vec<&str> =
            METHODS.into_iter().filter(|known| methods.contains(known)).collect();
        found.push((
            format!(
                "token_auth is \"{key}\", and the plan's token endpoint takes {}",
                known.join(", ")
            ),
            "set token_auth to one that the plan takes".to_owned(),
        ));
    }
    if let Some(methods) = texts(document, "code_challenge_methods_supported")
        && consents
        && plan.uses_pkce()
        && !methods.contains(&"S256")
    {
        found.push((
            "pkce is on, and the plan does not say that it takes S256".to_owned(),
            "if `payersync connect` fails because of it, set pkce = false".to_owned(),
        ));
    }
    found
}

/// The authentication methods that may be shown; other texts from a server are not repeated.
const METHODS: [&str; 5] =
    ["client_secret_post", "client_secret_basic", "client_secret_jwt", "private_key_jwt", "none"];

fn url(document: &Map<String, Value>, member: &str) -> Option<Url> {
    let mut url = Url::parse(document.get(member)?.as_str()?).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// Whether two URLs are the same endpoint; a trailing slash makes no difference.
fn is_same(configured: &Url, named: &Url) -> bool {
    let mut configured = configured.clone();
    configured.set_query(None);
    configured.as_str().trim_end_matches('/') == named.as_str().trim_end_matches('/')
}

/// The texts in an array member; `None` if the member is missing or empty.
fn texts<'a>(document: &'a Map<String, Value>, member: &str) -> Option<Vec<&'a str>> {
    let texts: Vec<&str> =
        document.get(member)?.as_array()?.iter().filter_map(Value::as_str).collect();
    (!texts.is_empty()).then_some(texts)
}
