//! Finding a plan's OAuth endpoints from its FHIR base (SMART App Launch 2.0, section 2.1.5).
//!
//! Discovery is a convenience for setting up. 1upHealth answers it with 401, so configured endpoints come
//! first.

use serde_json::{Map, Value};
use url::Url;

use crate::{
    auth::{Issuer, server_words::presentable},
    http::{Get, HttpClient, HttpError, Origin, Verdict, classify, without_mark},
};

/// A plan's endpoints, configured or found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Where a member consents; `None` for a backend service.
    pub authorize_url: Option<Url>,
    /// Where codes and refresh tokens are exchanged.
    pub token_url: Url,
    /// Whether `token_url` comes from the plan's discovery document instead of the configuration.
    pub token_url_is_discovered: bool,
    /// The authorization server, if its name is known, or if it announces that its answers name it.
    pub issuer: Option<Issuer>,
}

/// Why the endpoints are not known.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DiscoveryError {
    /// The plan does not publish its endpoints.
    #[error(
        "{origin} does not publish its endpoints (status {status}); configure authorize_url and token_url"
    )]
    NotPublished {
        /// The plan's server.
        origin: String,
        /// The HTTP status.
        status: u16,
    },
    /// The plan's server is throttling or fails: the document may come later.
    #[error(
        "{origin} cannot say where its endpoints are at the moment (status {status}); if it never \
        does, configure authorize_url and token_url"
    )]
    Unavailable {
        /// The plan's server.
        origin: String,
        /// The HTTP status.
        status: u16,
    },
    /// The plan's answer cannot be used.
    #[error("{origin} publishes no usable {name}; configure authorize_url and token_url")]
    Unusable {
        /// The plan's server.
        origin: String,
        /// The missing or refused endpoint.
        name: &'static str,
    },
    /// The answer names another authorization server than the plan's (RFC 8414, section 3.3).
    #[error(
        "{origin} names {named} as the plan's issuer{}; if that is right, configure it as issuer",
        expected.as_ref().map(|expected| format!(", not {expected}")).unwrap_or_default()
    )]
    OtherIssuer {
        /// The plan's server.
        origin: String,
        /// The issuer that the answer names.
        named: String,
        /// The issuer that is configured.
        expected: Option<String>,
    },
    /// No answer came.
    #[error("cannot ask for the plan's endpoints; configure authorize_url and token_url")]
    Http(#[from] HttpError),
}

/// The address at which a plan publishes its endpoints by default.
pub fn discovery_url(fhir_url: &Url) -> Url {
    let mut url = fhir_url.clone();
    url.set_path(&format!("{}/.well-known/smart-configuration", url.path().trim_end_matches('/')));
    url.set_query(None);
    url
}

/// Asks the discovery document at `url` for the endpoints of the plan at `fhir_url`.
///
/// Endpoints without TLS are refused, except on this machine. If the document names an issuer, it must be the
/// configured `issuer`. If no issuer is configured, the named issuer must be at the origin of the FHIR base
/// or of the consent page.
///
/// `is_asked` says whether a member will be sent to the consent page; otherwise the document need not name
/// that page.
pub async fn discover(
    http: &HttpClient,
    url: &Url,
    fhir_url: &Url,
    issuer: Option<&str>,
    is_asked: bool,
) -> Result<Endpoints, DiscoveryError> {
    let get = Get::new(url, "application/json");
    let response = http.get(get).await?;
    let origin = Origin::of(url).map(|origin| origin.to_string()).unwrap_or_default();
    if !response.is_success() {
        let status = response.status;
        return Err(match classify(status) {
            Verdict::Retryable => DiscoveryError::Unavailable { origin, status },
            Verdict::Final => DiscoveryError::NotPublished { origin, status },
        });
    }
    let answer: Map<String, Value> =
        serde_json::from_slice(without_mark(&response.body)).unwrap_or_default();
    let endpoint = |name: &'static str| {
        answer
            .get(name)
            .and_then(Value::as_str)
            .and_then(|text| Url::parse(text).ok())
            .filter(|url| Origin::of(url).is_ok_and(|origin| origin.is_protected()))
            .ok_or(DiscoveryError::Unusable { origin: origin.clone(), name })
    };
    let authorize_url = match endpoint("authorization_endpoint") {
        Err(error) if is_asked => return Err(error),
        found => found.ok(),
    };
    let token_url = endpoint("token_endpoint")?;
    let named = answer.get("issuer").and_then(Value::as_str);
    if let Some(other) = named.filter(|named| match issuer {
        Some(issuer) => *named != issuer,
        None => !authorize_url.iter().chain([fhir_url]).any(|url| is_at(named, url)),
    }) {
        let (named, expected) = (presentable(other, &[]), issuer.map(str::to_owned));
        return Err(DiscoveryError::OtherIssuer { origin, named, expected });
    }
    let announcement = answer.get("authorization_response_iss_parameter_supported");
    let names_itself = announcement.and_then(Value::as_bool).unwrap_or_default();
    let name = named.or(issuer);
    // SMART asks for a name only of servers with OpenID; the announcement counts without one.
    let issuer = (name.is_some() || names_itself)
        .then(|| Issuer { name: name.map(str::to_owned), names_itself });
    Ok(Endpoints { authorize_url, token_url, token_url_is_discovered: true, issuer })
}

/// Whether a name is a URL at the origin of `url`.
fn is_at(name: &str, url: &Url) -> bool {
    Url::parse(name).is_ok_and(|named| Origin::are_same(&named, url))
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wiremock::matchers::path;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::http::HttpOptions;

    async fn discovered(answer: ResponseTemplate) -> Result<Endpoints, DiscoveryError> {
        discovered_at(answer, None).await
    }

    async fn discovered_at(
        answer: ResponseTemplate,
        issuer: Option<&str>,
    ) -> Result<Endpoints, DiscoveryError> {
        let server = MockServer::start().await;
        Mock::given(path("/r4/.well-known/smart-configuration"))
            .respond_with(answer)
            .mount(&server)
            .await;
        let http = HttpClient::new(HttpOptions::impatient()).unwrap();
        let base = Url::parse(&format!("{}/r4/", server.uri())).unwrap();
        discover(&http, &discovery_url(&base), &base, issuer, true).await
    }

    #[tokio::test]
    async fn a_plan_without_consents_needs_no_consent_page() {
        let server = MockServer::start().await;
        let answer = json!({
            "token_endpoint": "https://b.example/token",
            "authorization_endpoint": "http://b.example/authorize",
            "issuer": server.uri(),
        });
        Mock::given(path("/it"))
            .respond_with(ResponseTemplate::new(200).set_body_json(answer))
            .mount(&server)
            .await;
        let http = HttpClient::new(HttpOptions::impatient()).unwrap();
        let base = Url::parse(&format!("{}/r4", server.uri())).unwrap();
        let at = base.join("/it").unwrap();
        let endpoints = discover(&http, &at, &base, None, false).await.unwrap();
        assert_eq!(endpoints.authorize_url, None);
        assert!(discover(&http, &at, &base, None, true).await.is_err());
    }

    fn saying(authorize: &str, token: &str) -> ResponseTemplate {
        ResponseTemplate::new(200)
            .set_body_json(json!({"authorization_endpoint": authorize, "token_endpoint": token}))
    }

    #[tokio::test]
    async fn published_endpoints_are_found() {
        let endpoints = discovered(saying("https://a/authorize", "https://b/token")).await.unwrap();
        assert_eq!(endpoints.authorize_url.unwrap().as_str(), "https://a/authorize");
        assert_eq!(endpoints.token_url.as_str(), "https://b/token");
        // Some gateways put a byte order mark before every answer.
        let text = "\u{feff}{\"authorization_endpoint\":\"https://a/authorize\",\
                    \"token_endpoint\":\"https://b/token\"}";
        let marked = ResponseTemplate::new(200).set_body_string(text);
        assert_eq!(discovered(marked).await.unwrap().token_url.as_str(), "https://b/token");
    }

    fn naming(issuer: &str) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(json!({
            "authorization_endpoint": "https://a.example/authorize",
            "token_endpoint": "https://b.example/token",
            "issuer": issuer,
            "authorization_response_iss_parameter_supported": true,
        }))
    }

    #[tokio::test]
    async fn the_issuer_is_the_one_configured_or_of_the_plan() {
        let ours = "https://a.example/tenant";
        for configured in [None, Some(ours)] {
            let issuer = discovered_at(naming(ours), configured).await.unwrap().issuer.unwrap();
            assert_eq!((issuer.name.as_deref(), issuer.names_itself), (Some(ours), true));
        }
        for (named, configured) in [
            ("https://evil.example/tenant", None),
            ("http://a.example/tenant", None),
            ("", None),
            ("https://evil.example/tenant", Some(ours)),
            ("https://a.example/tenant/", Some(ours)),
        ] {
            match discovered_at(naming(named), configured).await {
                Err(DiscoveryError::OtherIssuer { named: told, .. }) => assert_eq!(told, named),
                other => panic!("{named}: {other:?}"),
            }
        }
        // A document that names no issuer contradicts nothing, and the configured name stays.
        let silent = saying("https://a/authorize", "https://b/token");
        let issuer = discovered_at(silent, Some(ours)).await.unwrap().issuer.unwrap();
        assert_eq!((issuer.name.as_deref(), issuer.names_itself), (Some(ours), false));
        // A server may announce that its answers name it, without its name.
        let nameless = ResponseTemplate::new(200).set_body_json(json!({
            "authorization_endpoint": "https://a/authorize",
            "token_endpoint": "https://b/token",
            "authorization_response_iss_parameter_supported": true,
        }));
        let issuer = discovered(nameless).await.unwrap().issuer.unwrap();
        assert_eq!((issuer.name, issuer.names_itself), (None, true));
    }

    #[tokio::test]
    async fn a_plan_that_does_not_say_must_be_configured() {
        for (status, is_for_now) in [(401, false), (404, false), (500, true), (503, true)] {
            let error = discovered(ResponseTemplate::new(status)).await.unwrap_err();
            let is_unavailable = matches!(error, DiscoveryError::Unavailable { .. });
            assert_eq!(is_unavailable, is_for_now, "{error}");
            assert!(error.to_string().contains("configure authorize_url and token_url"), "{error}");
        }
        let error = discovered(ResponseTemplate::new(200).set_body_string("<html>")).await;
        assert!(matches!(
            error,
            Err(DiscoveryError::Unusable { name: "authorization_endpoint", .. })
        ));
    }

    #[tokio::test]
    async fn endpoints_without_tls_are_refused() {
        for (authorize, token, refused) in [
            ("http://a/authorize", "https://b/token", "authorization_endpoint"),
            ("https://a/authorize", "http://b/token", "token_endpoint"),
            ("https://a/authorize", "javascript:alert(1)", "token_endpoint"),
        ] {
            match discovered(saying(authorize, token)).await {
                Err(DiscoveryError::Unusable { name, .. }) => assert_eq!(name, refused),
                other => panic!("{other:?}"),
            }
        }
    }
}
