//! Tokens against a token endpoint that rotates, fails, and counts.

mod unsent;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::auth::*;
use crate::http::{Bearer, HttpClient, HttpOptions};
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::ExposeSecret;
use serde_json::json;
use tempfile::TempDir;
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

const START: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

struct Fixture {
    server: MockServer,
    home: TempDir,
    vault: Vault,
    tokens: Tokens,
    registration: ClientRegistration,
    connection: ConnectionKey,
}

fn at(seconds: i64) -> DateTime<Utc> {
    START + TimeDelta::seconds(seconds)
}

impl Fixture {
    /// A connection whose token lives a hundred seconds from `START`.
    async fn new() -> Self {
        let server = MockServer::start().await;
        let registration = ClientRegistration::at(&server.uri());
        let home = tempfile::tempdir().unwrap();
        let vault = Vault::open(home.path(), None).unwrap();
        let origin = registration.fhir_origin().unwrap();
        let grant = StoredGrant {
            plan: "acme".into(),
            name: "ann".into(),
            fhir_origin: origin.clone(),
            token_origin: origin,
            access: "access-0".into(),
            refresh: Some("refresh-0".into()),
            expires_at: Some(at(100)),
            refreshed_at: START,
            scope: Some("patient/*.read".into()),
            patient: None,
            consent_ends_at: None,
            consent: ConsentState::Granted,
            refresh_begun_at: None,
            generation: 0,
        };
        vault.put("c1", &grant).unwrap();
        let tokens = tokens(&vault, &home);
        let connection =
            ConnectionKey { uid: "c1".into(), name: "ann".into(), least_generation: None };
        Self { server, home, vault, tokens, registration, connection }
    }

    async fn answers(&self, response: ResponseTemplate) {
        self.server.reset().await;
        Mock::given(method("POST")).respond_with(response).mount(&self.server).await;
    }

    /// Issues access-1, refresh-1, access-2, … and refuses a spent refresh token.
    async fn rotates(&self) {
        self.server.reset().await;
        let issued = AtomicU32::new(0);
        let answer = move |request: &Request| {
            let form = String::from_utf8(request.body.clone()).unwrap();
            let number = issued.load(Ordering::SeqCst);
            if form.contains("refresh_token=") && !form.contains(&format!("=refresh-{number}&")) {
                return refusal("invalid_grant");
            }
            let number = issued.fetch_add(1, Ordering::SeqCst) + 1;
            ResponseTemplate::new(200).set_body_json(json!({
                "access_token": format!("access-{number}"), "token_type": "bearer",
                "refresh_token": format!("refresh-{number}"), "expires_in": 100,
            }))
        };
        Mock::given(method("POST")).respond_with(answer).mount(&self.server).await;
    }

    async fn bearer(&self, seconds: i64) -> Result<Bearer, TokenError> {
        self.tokens.bearer(&self.connection, &self.registration, at(seconds)).await
    }

    async fn after_401(&self, rejected: &Bearer) -> Result<Bearer, TokenError> {
        self.tokens.refresh_after_401(&self.connection, &self.registration, rejected, at(1)).await
    }

    fn stored(&self) -> StoredGrant {
        self.vault.get("c1").unwrap().unwrap()
    }

    async fn requests(&self) -> usize {
        self.server.received_requests().await.unwrap().len()
    }

    fn sql(&self, statement: &str) {
        crate::auth::vault::tests::raw(&self.home).execute_batch(statement).unwrap();
    }
}

fn tokens(vault: &Vault, home: &TempDir) -> Tokens {
    let options = HttpOptions { max_attempts: 2, ..HttpOptions::impatient() };
    Tokens::new(HttpClient::new(options).unwrap(), vault.clone(), home.path())
}

fn refusal(error: &str) -> ResponseTemplate {
    ResponseTemplate::new(400).set_body_json(json!({"error": error}))
}

fn carries(bearer: &Bearer, token: &str) -> bool {
    bearer.carries(&token.into())
}

#[tokio::test]
async fn a_good_token_needs_no_request() {
    let fixture = Fixture::new().await;
    let bearer = fixture.bearer(74).await.unwrap();
    assert!(carries(&bearer, "access-0"));
    assert_eq!(bearer.origin(), &fixture.registration.fhir_origin().unwrap());
    assert_eq!(fixture.requests().await, 0);
}

#[tokio::test]
async fn rotated_tokens_are_stored_before_they_are_used() {
    let fixture = Fixture::new().await;
    fixture.rotates().await;
    for round in 1..=5 {
        let bearer = fixture.bearer(100 * round).await.unwrap();
        assert!(carries(&bearer, &format!("access-{round}")));
        let stored = fixture.stored();
        assert!(bearer.carries(&stored.access));
        assert_eq!(stored.refresh.unwrap().expose_secret(), format!("refresh-{round}"));
        assert_eq!(stored.expires_at, Some(at(100 * round + 100)));
        assert_eq!(stored.scope.as_deref(), Some("patient/*.read"));
    }
    assert_eq!(fixture.requests().await, 5);
}

#[tokio::test]
async fn a_token_that_cannot_be_stored_is_not_given_out_and_not_lost() {
    let fixture = Fixture::new().await;
    fixture.rotates().await;
    fixture.sql(
        "CREATE TRIGGER full BEFORE UPDATE OF access ON stored_grant
         BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    );
    for _ in 0..2 {
        let error = fixture.bearer(100).await.unwrap_err();
        assert!(matches!(error, TokenError::Vault(_)), "{error}");
    }
    assert_eq!(fixture.stored().access.expose_secret(), "access-0");
    fixture.sql("DROP TRIGGER full");
    assert!(carries(&fixture.bearer(100).await.unwrap(), "access-1"));
    assert_eq!(fixture.requests().await, 1);
}

#[tokio::test]
async fn a_vault_that_cannot_be_written_is_noticed_before_the_token_is_spent() {
    let fixture = Fixture::new().await;
    fixture.rotates().await;
    fixture.sql(
        "CREATE TRIGGER full BEFORE UPDATE ON stored_grant
         BEGIN SELECT RAISE(ABORT, 'disk full'); END",
    );
    assert!(fixture.bearer(100).await.is_err());
    assert_eq!(fixture.requests().await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_at_once_make_one_refresh() {
    let fixture = Fixture::new().await;
    fixture.rotates().await;
    let fixture = Arc::new(fixture);
    // Five sets of locks stand for five processes.
    let processes: Vec<Tokens> = (0..5)
        .map(|_| tokens(&Vault::open(fixture.home.path(), None).unwrap(), &fixture.home))
        .collect();
    let asking = (0..50).map(|index| {
        let (fixture, tokens) = (Arc::clone(&fixture), processes[index % 5].clone());
        tokio::spawn(async move {
            tokens.bearer(&fixture.connection, &fixture.registration, at(100)).await.unwrap()
        })
    });
    for asked in asking.collect::<Vec<_>>() {
        assert!(carries(&asked.await.unwrap(), "access-1"));
    }
    assert_eq!(fixture.requests().await, 1);
}

#[tokio::test]
async fn a_rejected_token_is_refreshed_once_for_all_who_saw_it_rejected() {
    let fixture = Fixture::new().await;
    fixture.rotates().await;
    let rejected = fixture.bearer(1).await.unwrap();
    let (one, two) = tokio::join!(fixture.after_401(&rejected), fixture.after_401(&rejected));
    assert!(carries(&one.unwrap(), "access-1") && carries(&two.unwrap(), "access-1"));
    assert_eq!(fixture.requests().await, 1);
}

#[tokio::test]
async fn an_answer_without_a_refresh_token_keeps_the_old_one() {
    let fixture = Fixture::new().await;
    let alone = json!({"access_token": "access-1", "expires_in": "100"});
    fixture.answers(ResponseTemplate::new(200).set_body_json(alone)).await;
    fixture.bearer(100).await.unwrap();
    assert_eq!(fixture.stored().refresh.unwrap().expose_secret(), "refresh-0");
}

#[tokio::test]
async fn a_refused_refresh_token_needs_consent_and_is_not_sent_again() {
    let fixture = Fixture::new().await;
    fixture.answers(refusal("invalid_grant")).await;
    for _ in 0..3 {
        let error = fixture.bearer(100).await.unwrap_err();
        assert!(error.is_consent_needed());
        assert_eq!(error.hint().as_deref(), Some("`payersync connect ann --plan acme`"));
    }
    assert_eq!(fixture.requests().await, 1);
    assert!(matches!(fixture.stored().consent, ConsentState::Needed { reason, .. }
        if reason == "invalid_grant"));
}

#[tokio::test]
async fn a_lost_answer_is_named_when_the_grant_dies_of_it() {
    let fixture = Fixture::new().await;
    fixture.answers(ResponseTemplate::new(502)).await;
    assert!(fixture.bearer(100).await.unwrap_err().is_unavailable());
    fixture.answers(refusal("invalid_grant")).await;
    let error = fixture.bearer(100).await.unwrap_err();
    assert!(error.to_string().contains("refresh_answer_lost"), "{error}");
}

#[tokio::test]
async fn an_answer_lost_between_two_attempts_is_named_too() {
    let fixture = Fixture::new().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(504))
        .up_to_n_times(1)
        .mount(&fixture.server)
        .await;
    Mock::given(method("POST")).respond_with(refusal("invalid_grant")).mount(&fixture.server).await;
    let error = fixture.bearer(100).await.unwrap_err();
    assert!(error.to_string().contains("refresh_answer_lost"), "{error}");
}

#[tokio::test]
async fn without_a_refresh_token_consent_is_needed_when_the_access_token_ends() {
    let fixture = Fixture::new().await;
    let grant = StoredGrant { refresh: None, ..fixture.stored() };
    fixture.vault.put("c1", &grant).unwrap();
    assert!(carries(&fixture.bearer(99).await.unwrap(), "access-0"));
    assert!(fixture.bearer(100).await.unwrap_err().is_consent_needed());
    assert_ne!(fixture.stored().consent, ConsentState::Granted);
    assert_eq!(fixture.requests().await, 0);
}

#[tokio::test]
async fn an_unavailable_token_endpoint_costs_no_consent() {
    let fixture = Fixture::new().await;
    for response in [
        ResponseTemplate::new(503).set_body_json(json!({"error": "server_error"})),
        ResponseTemplate::new(429),
        ResponseTemplate::new(500).set_body_json(json!({"error": "invalid_grant"})),
    ] {
        fixture.answers(response).await;
        assert!(fixture.bearer(100).await.unwrap_err().is_unavailable());
        assert_eq!(fixture.stored().consent, ConsentState::Granted);
    }
    fixture.answers(refusal("invalid_client")).await;
    let error = fixture.bearer(100).await.unwrap_err();
    assert!(matches!(error, TokenError::Refused { .. }));
    assert_eq!(fixture.stored().consent, ConsentState::Granted);
    fixture.rotates().await;
    assert!(carries(&fixture.bearer(100).await.unwrap(), "access-1"));
}

#[tokio::test]
async fn tokens_do_not_follow_a_plan_that_moved() {
    let fixture = Fixture::new().await;
    let elsewhere = MockServer::start().await;
    for moved in [
        ClientRegistration {
            fhir_url: elsewhere.uri().parse().unwrap(),
            ..fixture.registration.clone()
        },
        ClientRegistration {
            token_url: elsewhere.uri().parse().unwrap(),
            ..fixture.registration.clone()
        },
    ] {
        for seconds in [1, 100] {
            let refused = fixture.tokens.bearer(&fixture.connection, &moved, at(seconds)).await;
            assert!(matches!(refused, Err(TokenError::OriginChanged { .. })));
        }
    }
    assert_eq!(elsewhere.received_requests().await.unwrap().len(), 0);
    assert_eq!(fixture.requests().await, 0);
}

#[tokio::test]
async fn a_client_that_asks_for_itself_gets_a_first_and_a_next_token() {
    let mut fixture = Fixture::new().await;
    fixture.registration.grant = GrantKind::ClientCredentials;
    fixture.connection.uid = "c2".into();
    fixture.rotates().await;
    assert!(carries(&fixture.bearer(0).await.unwrap(), "access-1"));
    assert!(carries(&fixture.bearer(10).await.unwrap(), "access-1"));
    assert!(carries(&fixture.bearer(100).await.unwrap(), "access-2"));
    let forms: HashSet<String> = fixture
        .server
        .received_requests()
        .await
        .unwrap()
        .into_iter()
        .map(|request| String::from_utf8(request.body).unwrap())
        .collect();
    assert!(
        forms.iter().all(|form| form.starts_with("grant_type=client_credentials&")),
        "{forms:?}"
    );
}

#[tokio::test]
async fn a_connection_without_a_grant_needs_consent() {
    let mut fixture = Fixture::new().await;
    fixture.connection.uid = "c9".into();
    assert!(fixture.bearer(0).await.unwrap_err().is_consent_needed());
}

#[tokio::test]
async fn a_connection_purged_during_its_refresh_stays_purged() {
    let fixture = Fixture::new().await;
    let vault = fixture.vault.clone();
    let purge_then_answer = move |_: &Request| {
        vault.remove("c1").unwrap();
        ResponseTemplate::new(200).set_body_json(json!({"access_token": "access-1"}))
    };
    Mock::given(method("POST")).respond_with(purge_then_answer).mount(&fixture.server).await;
    let error = fixture.bearer(100).await.unwrap_err();
    assert!(matches!(error, TokenError::Superseded { .. }));
    assert!(fixture.vault.get("c1").unwrap().is_none());
}

#[tokio::test]
async fn a_refresh_survives_the_walk_that_asked_for_it() {
    let fixture = Fixture::new().await;
    let arrived = Arc::new(tokio::sync::Notify::new());
    let arrival = Arc::clone(&arrived);
    let answer = move |_: &Request| {
        arrival.notify_one();
        let tokens = json!({"access_token": "access-1", "expires_in": 100});
        ResponseTemplate::new(200).set_body_json(tokens).set_delay(Duration::from_millis(20))
    };
    Mock::given(method("POST")).respond_with(answer).mount(&fixture.server).await;
    tokio::select! {
        () = arrived.notified() => {}
        _ = fixture.bearer(100) => panic!("answered before it was asked"),
    }
    // The second call gets its turn after the first refresh, and then finds a fresh token.
    assert!(carries(&fixture.bearer(100).await.unwrap(), "access-1"));
    assert_eq!(fixture.stored().access.expose_secret(), "access-1");
    assert_eq!(fixture.requests().await, 1);
}

#[tokio::test]
async fn keeping_alive_refreshes_a_token_that_is_still_good() {
    let fixture = Fixture::new().await;
    fixture.rotates().await;
    fixture.tokens.keep_alive(&fixture.connection, &fixture.registration, at(1)).await.unwrap();
    assert_eq!(fixture.stored().refresh.unwrap().expose_secret(), "refresh-1");
    assert!(carries(&fixture.bearer(2).await.unwrap(), "access-1"));
    let newer = ConnectionKey { least_generation: Some(i64::MAX), ..fixture.connection.clone() };
    let kept = fixture.tokens.keep_alive(&newer, &fixture.registration, at(3)).await;
    assert!(matches!(kept, Err(TokenError::OlderVault { .. })));
    assert_eq!(fixture.requests().await, 1);
}

#[tokio::test]
async fn a_code_becomes_a_grant_that_can_be_stored() {
    let fixture = Fixture::new().await;
    let answer = json!({"access_token": "a", "expires_in": 7199.5, "scope": "s", "patient": 77});
    fixture.answers(ResponseTemplate::new(200).set_body_json(answer)).await;
    let http = HttpClient::new(HttpOptions::impatient()).unwrap();
    let redirected = Redirected { code: "c0de".into(), verifier: None, nonce: None };
    let grant = exchange(&http, &fixture.registration, "bob", &redirected, START).await.unwrap();
    fixture.vault.put("c2", &grant).unwrap();
    let stored = fixture.vault.get("c2").unwrap().unwrap();
    assert_eq!(stored.expires_at, Some(START + TimeDelta::milliseconds(7_199_500)));
    assert_eq!((stored.name.as_str(), stored.scope.as_deref()), ("bob", Some("s")));
    assert_eq!(stored.patient.unwrap().expose_secret(), "77");
}
