//! Asking a member for consent: the URL to open.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::SecretString;
use sha2::{Digest, Sha256};
use url::Url;

use crate::{
    auth::{AuthorizeError, ClientRegistration, ExpectedAnswer, PatientFrom, random},
    http::Origin,
};

/// An authorize request that waits for its answer (RFC 6749, section 4.1.1).
#[derive(Clone, Debug)]
pub struct AuthorizeRequest {
    /// The URL that the member's browser opens.
    pub url: Url,
    /// What the answer must say.
    pub expected: ExpectedAnswer,
    /// The PKCE verifier, which proves at the token endpoint that the request was ours; `None` without PKCE.
    pub verifier: Option<SecretString>,
    /// The nonce that the id_token must repeat; `None` if no id_token is read.
    pub nonce: Option<String>,
}

impl AuthorizeRequest {
    /// A request with a fresh state and verifier.
    pub fn new(registration: &ClientRegistration) -> Result<Self, AuthorizeError> {
        let plan = || registration.plan.clone();
        let base = registration
            .authorize_url
            .as_ref()
            .ok_or_else(|| AuthorizeError::NoAuthorizeUrl { plan: plan() })?;
        if !Origin::of(base).is_ok_and(|origin| origin.is_protected()) {
            return Err(AuthorizeError::Insecure { plan: plan() });
        }
        let state = random::text()?;
        let verifier = registration.pkce.then(random::text).transpose()?;
        let reads_id_token = matches!(registration.patient_from, PatientFrom::IdToken { .. });
        // Some plans send an id_token beside the code (OpenID Connect Core 1.0, section 3.3), which wants a
        // nonce. The code alone is used.
        let extra = &registration.extra_authorize_params;
        let has = |name: &str| extra.iter().any(|(own, _)| own == name);
        let is_hybrid = has("response_type");
        let nonce =
            (reads_id_token || is_hybrid && !has("nonce")).then(random::text).transpose()?;
        let mut url = base.clone();
        {
            let mut query = url.query_pairs_mut();
            if !is_hybrid {
                query.append_pair("response_type", "code");
            }
            query
                .append_pair("client_id", &registration.client_id)
                .append_pair("redirect_uri", registration.redirect_url.as_typed())
                .append_pair("state", &state);
            if let Some(scope) = &registration.scope {
                query.append_pair("scope", scope);
            }
            if let Some(verifier) = &verifier {
                query
                    .append_pair("code_challenge", &challenge(verifier))
                    .append_pair("code_challenge_method", "S256");
            }
            if let Some(mode) = registration.response_mode {
                query.append_pair("response_mode", mode.as_str());
            }
            if let Some(audience) = &registration.audience {
                query.append_pair("aud", audience);
            }
            if let Some(nonce) = &nonce {
                query.append_pair("nonce", nonce);
            }
            query.extend_pairs(extra);
        }
        let expected = ExpectedAnswer::new(state, registration.issuer.as_ref(), base);
        Ok(Self { url, expected, verifier: verifier.map(SecretString::from), nonce })
    }
}

/// The S256 challenge of a verifier (RFC 7636, section 4.2).
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use secrecy::ExposeSecret;

    use super::*;
    use crate::auth::TypedUrl;

    /// Whether the verifier of `prover` made the challenge of `request`.
    fn proves(prover: &AuthorizeRequest, request: &AuthorizeRequest) -> bool {
        let verifier = prover.verifier.as_ref().unwrap().expose_secret();
        parameters(request)["code_challenge"] == challenge(verifier)
    }

    fn parameters(request: &AuthorizeRequest) -> HashMap<String, String> {
        request.url.query_pairs().into_owned().collect()
    }

    #[test]
    fn the_challenge_is_the_one_of_rfc_7636_appendix_b() {
        let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    }

    #[test]
    fn a_request_says_all_it_must_and_keeps_the_path() {
        let request = AuthorizeRequest::new(&ClientRegistration::at("https://h")).unwrap();
        let sent = parameters(&request);
        assert!(request.url.as_str().starts_with("https://h/authorize/test?"));
        assert_eq!(sent["response_type"], "code");
        assert_eq!(sent["client_id"], "client-1");
        assert_eq!(sent["redirect_uri"], "http://127.0.0.1:9999/callback");
        assert_eq!(sent["scope"], "patient/*.read");
        assert_eq!(sent["state"], request.expected.state);
        assert_eq!(sent["code_challenge_method"], "S256");
        assert!(proves(&request, &request));
        assert!(!sent.contains_key("aud") && !request.url.as_str().contains("client-secret-1"));
    }

    #[test]
    fn pkce_audience_scope_and_further_parameters_can_be_switched() {
        let registration = ClientRegistration {
            pkce: false,
            audience: Some("https://H:443/r4".into()),
            redirect_url: TypedUrl::parse("http://LocalHost:8971").unwrap(),
            scope: None,
            extra_authorize_params: vec![("prompt".into(), "consent".into())],
            ..ClientRegistration::at("https://h")
        };
        let request = AuthorizeRequest::new(&registration).unwrap();
        let sent = parameters(&request);
        assert!(request.verifier.is_none() && !sent.contains_key("code_challenge"));
        // The redirect_uri is sent byte for byte as it was typed and registered.
        assert_eq!(sent["redirect_uri"], "http://LocalHost:8971");
        assert_eq!(
            (sent["aud"].as_str(), sent["prompt"].as_str()),
            ("https://H:443/r4", "consent")
        );
        assert!(!sent.contains_key("scope"));
    }

    #[test]
    fn an_id_token_beside_the_code_gets_a_nonce_unless_one_is_configured() {
        for nonce in [None, Some("n-1")] {
            let mut extra = vec![("response_type".to_owned(), "code id_token".to_owned())];
            extra.extend(nonce.map(|nonce| ("nonce".to_owned(), nonce.to_owned())));
            let registration = ClientRegistration {
                extra_authorize_params: extra,
                ..ClientRegistration::at("https://h")
            };
            let request = AuthorizeRequest::new(&registration).unwrap();
            let named = |wanted: &str| {
                let pairs = request.url.query_pairs();
                pairs
                    .filter(|(name, _)| name == wanted)
                    .map(|(_, value)| value.into_owned())
                    .collect()
            };
            let (types, nonces): (Vec<String>, Vec<String>) =
                (named("response_type"), named("nonce"));
            assert_eq!(types, ["code id_token"]);
            assert_eq!(nonces.len(), 1);
            assert_eq!(nonces[0] == "n-1", nonce.is_some());
        }
    }

    #[test]
    fn states_and_verifiers_are_fresh_and_long() {
        let registration = ClientRegistration::at("https://h");
        let one = AuthorizeRequest::new(&registration).unwrap();
        let two = AuthorizeRequest::new(&registration).unwrap();
        assert_ne!(one.expected.state, two.expected.state);
        assert_eq!(one.expected.state.len(), 43);
        assert!(!proves(&one, &two));
    }

    #[test]
    fn consent_is_not_asked_for_without_tls() {
        let registration = ClientRegistration::at("http://plan.example");
        assert!(matches!(
            AuthorizeRequest::new(&registration),
            Err(AuthorizeError::Insecure { .. })
        ));
    }

    #[test]
    fn debug_shows_no_verifier() {
        let request = AuthorizeRequest::new(&ClientRegistration::at("https://h")).unwrap();
        let verifier = request.verifier.as_ref().unwrap().expose_secret().to_owned();
        assert!(!format!("{request:?}").contains(&verifier));
    }
}
