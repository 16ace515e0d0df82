//! Exchanges codes, refresh tokens and client credentials for tokens (RFC 6749, section 3.2).

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::time::sleep;

use super::{client_auth::ClientAuth, in_flight};
use crate::{
    auth::{ClientRegistration, GrantError, TokenResponse},
    http::{HttpClient, PostForm, silently},
};

/// The pause before a code is tried a second time.
const CODE_PAUSE: Duration = Duration::from_secs(1);

/// Exchanges an authorization code (RFC 6749, section 4.1.3).
///
/// A code works once, so the request is not repeated once the server may have seen it. The one
/// exception is a plain `invalid_grant`: at 1upHealth a code may take a second to register.
pub async fn exchange_code(
    http: &HttpClient,
    registration: &ClientRegistration,
    code: &SecretString,
    verifier: Option<&SecretString>,
) -> Result<TokenResponse, GrantError> {
    let mut fields = vec![("grant_type", "authorization_code"), ("code", code.expose_secret())];
    if registration.send_redirect_uri {
        fields.push(("redirect_uri", registration.redirect_url.as_typed()));
    }
    if let Some(verifier) = verifier {
        fields.push(("code_verifier", verifier.expose_secret()));
    }
    let secrets = [Some(code), verifier];
    let sent = Sent { fields: &fields, secrets: &secrets, retry: false };
    match request(http, registration, &sent).await {
        Err(GrantError::InvalidGrant { .. }) => {
            sleep(CODE_PAUSE).await;
            request(http, registration, &sent).await
        }
        outcome => outcome,
    }
}

/// Exchanges a refresh token (RFC 6749, section 6).
///
/// The request is repeated if no answer arrived, since there is no other token to send. `access` is the
/// previous token; it must not appear in the parts of the answer that are kept.
pub async fn refresh(
    http: &HttpClient,
    registration: &ClientRegistration,
    refresh: &SecretString,
    access: &SecretString,
) -> Result<TokenResponse, GrantError> {
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh.expose_secret())];
    let secrets = [Some(refresh), Some(access)];
    request(http, registration, &Sent { fields: &fields, secrets: &secrets, retry: true }).await
}

/// Asks for a token for the client itself (RFC 6749, section 4.4).
pub async fn client_credentials(
    http: &HttpClient,
    registration: &ClientRegistration,
) -> Result<TokenResponse, GrantError> {
    let mut fields = vec![("grant_type", "client_credentials")];
    if let Some(scope) = &registration.scope {
        fields.push(("scope", scope));
    }
    request(http, registration, &Sent { fields: &fields, secrets: &[], retry: true }).await
}

/// What is sent besides the client's credentials.
struct Sent<'a> {
    fields: &'a [(&'a str, &'a str)],
    /// The secrets that must not appear in the parts of the answer that are kept or shown.
    secrets: &'a [Option<&'a SecretString>],
    /// Whether to send the request again if no answer arrived.
    retry: bool,
}

async fn request(
    http: &HttpClient,
    registration: &ClientRegistration,
    sent: &Sent<'_>,
) -> Result<TokenResponse, GrantError> {
    let client = ClientAuth::of(registration);
    client.check().map_err(GrantError::Key)?;
    let requests = &registration.token_requests;
    let fields = sent.fields.iter().chain(&client.fields);
    let fields: Vec<(&str, &str)> =
        fields.map(|(name, value)| (requests.name(name), *value)).collect();
    let form = PostForm {
        url: &registration.token_url,
        fields: &fields,
        format: requests.format,
        fresh: &|| client.fresh(),
        basic: client.basic(),
        retry: sent.retry,
        give_up: Some(in_flight::ending()),
        on_retry: &silently,
    };
    let response = http.post_form(form).await.map_err(GrantError::Unreachable)?;
    let of_client = registration.secrets();
    let secrets = sent.secrets.iter().copied().flatten().chain(&of_client);
    let secrets: Vec<&str> = secrets.map(|secret| secret.expose_secret()).collect();
    TokenResponse::read(&response, &secrets)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wiremock::matchers::{body_string, header, method};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::auth::TokenAuth;
    use crate::http::HttpOptions;

    fn http() -> HttpClient {
        HttpClient::new(HttpOptions::impatient()).unwrap()
    }

    async fn answering(responses: &[(u16, serde_json::Value)]) -> MockServer {
        let server = MockServer::start().await;
        for (status, body) in responses {
            Mock::given(method("POST"))
                .respond_with(ResponseTemplate::new(*status).set_body_json(body))
                .up_to_n_times(1)
                .mount(&server)
                .await;
        }
        server
    }

    async fn forms(server: &MockServer) -> Vec<String> {
        let requests = server.received_requests().await.unwrap();
        requests.into_iter().map(|request| String::from_utf8(request.body).unwrap()).collect()
    }

    #[tokio::test]
    async fn a_code_is_sent_with_everything_it_needs() {
        let server = answering(&[(200, json!({"access_token": "a"}))]).await;
        let registration = ClientRegistration::at(&server.uri());
        let verifier = SecretString::from("ver");
        exchange_code(&http(), &registration, &"c0de".into(), Some(&verifier)).await.unwrap();
        assert_eq!(
            forms(&server).await,
            ["grant_type=authorization_code&code=c0de\
              &redirect_uri=http%3A%2F%2F127.0.0.1%3A9999%2Fcallback&code_verifier=ver\
              &client_id=client-1&client_secret=client-secret-1"]
        );
    }

    #[tokio::test]
    async fn the_redirect_url_can_be_left_out() {
        let server = answering(&[(200, json!({"access_token": "a"}))]).await;
        let registration = ClientRegistration {
            send_redirect_uri: false,
            client_secret: None,
            ..ClientRegistration::at(&server.uri())
        };
        exchange_code(&http(), &registration, &"c".into(), None).await.unwrap();
        let expected = "grant_type=authorization_code&code=c&client_id=client-1";
        assert_eq!(forms(&server).await, [expected]);
    }

    #[tokio::test]
    async fn basic_authentication_escapes_id_and_secret() {
        let server = MockServer::start().await;
        // "client-1:a%3Ab" in base64.
        Mock::given(header("authorization", "Basic Y2xpZW50LTE6YSUzQWI="))
            .and(body_string("grant_type=refresh_token&refresh_token=r"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"access_token": "a"})))
            .expect(1)
            .mount(&server)
            .await;
        let registration = ClientRegistration {
            token_auth: TokenAuth::Basic,
            client_secret: Some("a:b".into()),
            ..ClientRegistration::at(&server.uri())
        };
        refresh(&http(), &registration, &"r".into(), &"a".into()).await.unwrap();
    }

    #[tokio::test]
    async fn a_code_that_has_not_registered_yet_is_tried_once_more() {
        let late = (400, json!({"error": "invalid_grant"}));
        let server = answering(&[late.clone(), (200, json!({"access_token": "a"}))]).await;
        let registration = ClientRegistration::at(&server.uri());
        exchange_code(&http(), &registration, &"c".into(), None).await.unwrap();

        let server = answering(&[late.clone(), late.clone(), late]).await;
        let registration = ClientRegistration::at(&server.uri());
        let error = exchange_code(&http(), &registration, &"c".into(), None).await.unwrap_err();
        assert!(error.is_invalid_grant());
        assert_eq!(forms(&server).await.len(), 2);
    }

    #[tokio::test]
    async fn a_code_is_not_sent_again_after_a_failure_of_the_server() {
        let server = answering(&[(503, json!({"message": "c is broken"}))]).await;
        let registration = ClientRegistration::at(&server.uri());
        let error = exchange_code(&http(), &registration, &"c".into(), None).await.unwrap_err();
        assert!(error.is_unavailable());
        assert_eq!(forms(&server).await.len(), 1);
    }

    #[tokio::test]
    async fn a_refresh_outlasts_a_short_failure_and_a_spent_token_is_sent_once() {
        let server = answering(&[
            (503, json!({"error": "server_error"})),
            (400, json!({"error": "invalid_grant", "error_description": "r-1 is spent"})),
        ])
        .await;
        let registration = ClientRegistration::at(&server.uri());
        let error = refresh(&http(), &registration, &"r-1".into(), &"a".into()).await.unwrap_err();
        assert!(error.is_invalid_grant());
        assert!(!format!("{error} {error:?}").contains("r-1"), "{error:?}");
        assert_eq!(forms(&server).await.len(), 2);
    }

    #[tokio::test]
    async fn client_credentials_ask_for_the_scope() {
        let server = answering(&[(200, json!({"access_token": "a"}))]).await;
        client_credentials(&http(), &ClientRegistration::at(&server.uri())).await.unwrap();
        let expected = "grant_type=client_credentials&scope=patient%2F*.read\
                        &client_id=client-1&client_secret=client-secret-1";
        assert_eq!(forms(&server).await, [expected]);
    }

    #[tokio::test]
    async fn a_secret_is_not_sent_without_tls() {
        let registration = ClientRegistration::at("http://192.0.2.1");
        let error = refresh(&http(), &registration, &"r".into(), &"a".into()).await.unwrap_err();
        assert!(matches!(error, GrantError::Unreachable(_)) && !error.is_unavailable());
    }
}
