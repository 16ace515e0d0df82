//! Consent, rotation and revocation against the real oidc-provider.
//!
//! `PAYERSYNC_TEST_OIDC` is its base URL; CI starts it. It rotates refresh tokens at every use
//! and revokes the whole grant when a spent one comes back.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use payersync::auth::{
    AuthorizeRequest, ClientRegistration, ConnectionKey, ConsentState, GrantKind, Issuer,
    PatientFrom, Redirected, StoredGrant, TokenAuth, TokenError, Tokens, TypedUrl, Vault, exchange,
    refresh,
};
use payersync::http::{Bearer, HttpClient, HttpOptions};
use secrecy::ExposeSecret;
use tempfile::TempDir;
use url::Url;

use crate::plans::oidc_member;
use crate::support::{Recorder, server};

const START: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
/// Longer than an access token lives: each look at the clock finds it expired.
const STEP_SECONDS: i64 = 3600;

/// The provider's base URL, or nothing where there is none to test with.
fn provider() -> Option<Url> {
    server("PAYERSYNC_TEST_OIDC")
}

/// A connected member, with a recorder between us and the token endpoint.
struct Connected {
    registration: ClientRegistration,
    http: HttpClient,
    vault: Vault,
    tokens: Tokens,
    connection: ConnectionKey,
    redirected: Redirected,
    recorder: Recorder,
    _home: TempDir,
}

impl Connected {
    async fn new(provider: &Url) -> Self {
        let recorder = Recorder::start(provider.join("/token").unwrap()).await;
        let registration = registration(provider, recorder.url.clone());
        let http = HttpClient::new(HttpOptions::impatient()).unwrap();
        let request = AuthorizeRequest::new(&registration).unwrap();
        let landed = oidc_member::consent(&request.url, registration.redirect_url.url()).await;
        let code = request.expected.code_from(landed.as_str()).unwrap();
        let redirected = Redirected { code, verifier: request.verifier, nonce: request.nonce };
        let grant = exchange(&http, &registration, "ann", &redirected, START).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let vault = Vault::open(home.path(), None).unwrap();
        vault.put("c1", &grant).unwrap();
        let tokens = Tokens::new(http.clone(), vault.clone(), home.path());
        let connection =
            ConnectionKey { uid: "c1".into(), name: "ann".into(), least_generation: None };
        Self { registration, http, vault, tokens, connection, redirected, recorder, _home: home }
    }

    async fn bearer(&self, step: i64) -> Result<Bearer, TokenError> {
        let now = START + TimeDelta::seconds(step * STEP_SECONDS);
        self.tokens.bearer(&self.connection, &self.registration, now).await
    }

    fn stored(&self) -> StoredGrant {
        self.vault.get("c1").unwrap().unwrap()
    }
}

fn registration(provider: &Url, token_url: Url) -> ClientRegistration {
    ClientRegistration {
        plan: "oidc".into(),
        authorize_url: Some(provider.join("/auth").unwrap()),
        // RFC 9207: its answers say who gave them, as its metadata announces.
        issuer: Some(Issuer {
            name: Some(provider.as_str().trim_end_matches('/').to_owned()),
            names_itself: true,
        }),
        token_url,
        token_url_is_discovered: false,
        fhir_url: Url::parse("http://127.0.0.1:8080/r4").unwrap(),
        client_id: "sync-confidential".into(),
        client_secret: Some("s3cr3t-for-loopback-tests-only".into()),
        client_key: None,
        redirect_url: TypedUrl::parse("http://127.0.0.1:9999/callback").unwrap(),
        scope: Some("openid offline_access patient/*.read".into()),
        pkce: true,
        audience: None,
        send_redirect_uri: true,
        // OpenID Connect Core, section 11: offline_access is ignored without it.
        extra_authorize_params: vec![("prompt".into(), "consent".into())],
        token_auth: TokenAuth::Basic,
        grant: GrantKind::AuthorizationCode,
        fixed_token: None,
        requests: Default::default(),
        response_mode: None,
        token_requests: Default::default(),
        introspection_url: None,
        patient_from: Default::default(),
    }
}

#[tokio::test]
async fn the_patient_is_a_claim_of_the_id_token_that_answers_the_request() {
    let Some(provider) = provider() else { return };
    for is_ours in [true, false] {
        let registration = ClientRegistration {
            patient_from: PatientFrom::IdToken { claim: Some("sub".into()) },
            ..registration(&provider, provider.join("/token").unwrap())
        };
        let http = HttpClient::new(HttpOptions::impatient()).unwrap();
        let request = AuthorizeRequest::new(&registration).unwrap();
        let landed = oidc_member::consent(&request.url, registration.redirect_url.url()).await;
        let code = request.expected.code_from(landed.as_str()).unwrap();
        let nonce = request.nonce.filter(|_| is_ours).or(Some("another".into()));
        let redirected = Redirected { code, verifier: request.verifier, nonce };
        let grant = exchange(&http, &registration, "ann", &redirected, Utc::now()).await;
        match grant {
            Ok(grant) => assert_eq!(grant.patient.unwrap().expose_secret(), "member-1"),
            Err(error) => {
                assert!(!is_ours && error.to_string().contains("another request"), "{error}");
                continue;
            }
        }
        assert!(is_ours, "its nonce is of another request");
    }
}

#[tokio::test]
async fn ten_refreshes_send_no_refresh_token_twice() {
    let Some(provider) = provider() else { return };
    let connected = Connected::new(&provider).await;
    let mut seen = HashSet::from([connected.stored().access.expose_secret().to_owned()]);
    for step in 1..=10 {
        let before = connected.stored();
        let bearer = connected.bearer(step).await.unwrap();
        let stored = connected.stored();
        assert!(bearer.carries(&stored.access));
        assert!(
            seen.insert(stored.access.expose_secret().to_owned()),
            "an access token came twice"
        );
        assert_eq!(
            connected.recorder.refresh_tokens_sent().last().unwrap(),
            before.refresh.unwrap().expose_secret()
        );
        assert!(stored.scope.unwrap().contains("patient/*.read"));
    }
    let sent = connected.recorder.refresh_tokens_sent();
    let distinct: HashSet<&String> = sent.iter().collect();
    assert_eq!((sent.len(), distinct.len()), (10, 10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn thirty_askers_spend_one_refresh_token() {
    let Some(provider) = provider() else { return };
    let connected = Arc::new(Connected::new(&provider).await);
    let asking: Vec<_> = (0..30)
        .map(|_| {
            let connected = Arc::clone(&connected);
            tokio::spawn(async move { connected.bearer(1).await.unwrap() })
        })
        .collect();
    let access = {
        let mut bearers = Vec::new();
        for asked in asking {
            bearers.push(asked.await.unwrap());
        }
        let access = connected.stored().access;
        assert!(bearers.iter().all(|bearer| bearer.carries(&access)));
        access
    };
    assert_eq!(connected.recorder.refresh_tokens_sent().len(), 1);
    assert!(connected.bearer(2).await.is_ok_and(|next| !next.carries(&access)));
}

#[tokio::test]
async fn a_replayed_refresh_token_ends_the_grant_and_consent_is_needed() {
    let Some(provider) = provider() else { return };
    let connected = Connected::new(&provider).await;
    let spent = connected.stored().refresh.unwrap();
    connected.bearer(1).await.unwrap();
    let replayed =
        refresh(&connected.http, &connected.registration, &spent, &spent).await.unwrap_err();
    assert!(replayed.is_invalid_grant());

    let error = connected.bearer(2).await.unwrap_err();
    assert!(error.is_consent_needed(), "{error}");
    assert_eq!(error.hint().as_deref(), Some("`payersync connect ann --plan oidc`"));
    assert!(matches!(connected.stored().consent, ConsentState::Needed { .. }));
    // The plan has said no; it is not asked a second time.
    let requests = connected.recorder.refresh_tokens_sent().len();
    assert!(connected.bearer(3).await.unwrap_err().is_consent_needed());
    assert_eq!(connected.recorder.refresh_tokens_sent().len(), requests);
}

#[tokio::test]
async fn a_spent_code_is_refused() {
    let Some(provider) = provider() else { return };
    let connected = Connected::new(&provider).await;
    let again =
        exchange(&connected.http, &connected.registration, "ann", &connected.redirected, START);
    assert!(again.await.unwrap_err().is_invalid_grant());
}

#[tokio::test]
async fn a_client_gets_tokens_for_itself() {
    let Some(provider) = provider() else { return };
    let mut connected = Connected::new(&provider).await;
    connected.connection.uid = "backend".into();
    connected.registration = ClientRegistration {
        client_id: "sync-backend".into(),
        client_secret: Some("another-loopback-secret".into()),
        scope: Some("system/*.read".into()),
        token_auth: TokenAuth::Post,
        grant: GrantKind::ClientCredentials,
        ..connected.registration
    };
    let first = connected.bearer(0).await.unwrap();
    let stored = connected.vault.get("backend").unwrap().unwrap();
    assert!(first.carries(&stored.access) && stored.refresh.is_none());
    assert!(!connected.bearer(1).await.unwrap().carries(&stored.access));
}
