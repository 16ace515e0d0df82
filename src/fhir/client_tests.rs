//! Tests of requests that are refused or not answered, against a plan that answers as each test says.

use super::{
    capability::fhir_version, client::FhirClient, error::FetchError, reference::Referenced,
};
use crate::{
    auth::{
        ClientRegistration, ConnectionKey, ConsentState, FixedToken, StoredGrant, Tokens, Vault,
    },
    clock::Clock,
    http::{HttpClient, HttpOptions, silently},
    outcome::Reason,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tempfile::TempDir;
use url::Url;
use wiremock::{
    Mock, MockServer, ResponseTemplate,
    matchers::{header_exists, method, path},
};

const START: DateTime<Utc> = DateTime::from_timestamp(1_800_000_000, 0).unwrap();

struct Fixture {
    server: MockServer,
    vault: Vault,
    client: FhirClient,
    _home: TempDir,
}

impl Fixture {
    /// A connection with a token that is good for an hour, and with this refresh token.
    async fn new(refresh: Option<&str>) -> Fixture {
        let server = MockServer::start().await;
        let registration = ClientRegistration::at(&server.uri());
        Fixture::with(server, registration, refresh, HttpOptions::impatient())
    }

    fn with(
        server: MockServer,
        registration: ClientRegistration,
        refresh: Option<&str>,
        options: HttpOptions,
    ) -> Fixture {
        let home = tempfile::tempdir().unwrap();
        let vault = Vault::open(home.path(), None).unwrap();
        let origin = registration.fhir_origin().unwrap();
        let grant = StoredGrant {
            plan: "acme".into(),
            name: "ann".into(),
            fhir_origin: origin.clone(),
            token_origin: origin,
            access: "access-0".into(),
            refresh: refresh.map(Into::into),
            expires_at: Some(START + TimeDelta::hours(1)),
            refreshed_at: START,
            scope: None,
            patient: None,
            consent_ends_at: None,
            consent: ConsentState::Granted,
            refresh_begun_at: None,
            generation: 0,
        };
        vault.put("c1", &grant).unwrap();
        let http = HttpClient::new(options).unwrap();
        let tokens = Tokens::new(http.clone(), vault.clone(), home.path());
        let key = ConnectionKey { uid: "c1".into(), name: "ann".into(), least_generation: None };
        let clock = Clock::from_fn(|| START);
        let client = FhirClient::new(http, tokens, key, Arc::new(registration), clock);
        Fixture { server, vault, client, _home: home }
    }

    fn url(&self, path: &str) -> Url {
        format!("{}/r4/{path}", self.server.uri()).parse().unwrap()
    }

    async fn answers(&self, at: &str, status: u16) {
        let answer = ResponseTemplate::new(status);
        Mock::given(method("GET")).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    async fn page(&self, path: &str) -> FetchError {
        let url = self.url(path);
        self.client.page(&url, &silently).await.unwrap_err()
    }

    async fn asked(&self, way: &str) -> usize {
        let requests = self.server.received_requests().await.unwrap();
        requests.iter().filter(|request| request.method.as_str() == way).count()
    }

    fn consent(&self) -> ConsentState {
        self.vault.get("c1").unwrap().unwrap().consent
    }
}

#[tokio::test]
async fn one_refused_url_ends_no_grant_that_cannot_be_renewed_and_a_refused_patient_does() {
    let fixture = Fixture::new(None).await;
    for at in ["/r4/Condition", "/r4/Binary/1", "/r4/metadata", "/r4/Patient"] {
        fixture.answers(at, 401).await;
    }
    assert_eq!(fixture.page("Condition").await.reason(), Reason::Unauthorized);
    let binary = fixture.url("Binary/1");
    let file = fixture.client.file(&binary, None, 99, &silently).await.unwrap_err();
    assert_eq!(file.reason(), Reason::Unauthorized);
    assert!(fixture.client.capability(&silently).await.unwrap().is_none());
    // The request of a person who looks proves nothing either.
    assert_eq!(fixture.client.raw(&fixture.url("Patient")).await.unwrap().status, 401);
    assert_eq!(fixture.consent(), ConsentState::Granted);

    let error = fixture.page("Patient?_count=10").await;
    assert_eq!(error.reason(), Reason::ConsentNeeded);
    assert!(error.to_string().contains("access_rejected"), "{error}");
    assert_ne!(fixture.consent(), ConsentState::Granted);
}

#[tokio::test]
async fn one_refused_url_says_nothing_of_a_token_of_the_configuration() {
    let server = MockServer::start().await;
    let fixed = FixedToken { token: "given-out".into(), place: "the environment".to_owned() };
    let registration =
        ClientRegistration { fixed_token: Some(fixed), ..ClientRegistration::at(&server.uri()) };
    let fixture = Fixture::with(server, registration, None, HttpOptions::impatient());
    fixture.answers("/r4/Condition", 401).await;
    fixture.answers("/r4/Patient", 401).await;
    assert_eq!(fixture.page("Condition").await.reason(), Reason::Unauthorized);
    assert_eq!(fixture.page("Patient").await.reason(), Reason::ConsentNeeded);
}

#[tokio::test]
async fn refused_files_cost_one_refresh_together() {
    let fixture = Fixture::new(Some("refresh-0")).await;
    let tokens = json!({"access_token": "access-1", "refresh_token": "refresh-1"});
    let issued = ResponseTemplate::new(200).set_body_json(tokens);
    Mock::given(method("POST")).respond_with(issued).mount(&fixture.server).await;
    for number in 0..3 {
        fixture.answers(&format!("/r4/Binary/{number}"), 401).await;
        let url = fixture.url(&format!("Binary/{number}"));
        let file = fixture.client.file(&url, None, 99, &silently).await;
        assert_eq!(file.unwrap_err().reason(), Reason::Unauthorized);
    }
    assert_eq!(fixture.asked("POST").await, 1);
    assert_eq!(fixture.asked("GET").await, 2 + 1 + 1);
}

#[tokio::test]
async fn a_403_renews_a_token_of_unknown_life_once_it_is_old() {
    for (lives, age, at, renewals) in [
        (None, TimeDelta::hours(2), "Patient", 1),
        (None, TimeDelta::minutes(59), "Patient", 0),
        (Some(TimeDelta::hours(9)), TimeDelta::hours(2), "Patient", 0),
        // Many plans refuse a type that they do not serve.
        (None, TimeDelta::hours(2), "Condition", 0),
    ] {
        let fixture = Fixture::new(Some("refresh-0")).await;
        let grant = fixture.vault.get("c1").unwrap().unwrap();
        let (expires_at, refreshed_at) = (lives.map(|lives| START + lives), START - age);
        fixture.vault.put("c1", &StoredGrant { expires_at, refreshed_at, ..grant }).unwrap();
        let tokens = json!({"access_token": "access-1", "refresh_token": "refresh-1"});
        let issued = ResponseTemplate::new(200).set_body_json(tokens);
        Mock::given(method("POST")).respond_with(issued).mount(&fixture.server).await;
        fixture.answers(&format!("/r4/{at}"), 403).await;
        for _ in 0..2 {
            assert_eq!(fixture.page(at).await.reason(), Reason::Forbidden);
        }
        // A token that is new is not renewed again, and the grant stays.
        assert_eq!(fixture.asked("POST").await, renewals, "{lives:?} {age} {at}");
        assert_eq!(fixture.consent(), ConsentState::Granted);
    }
}

/// The access token may work for every other type, so the 403 alone is the answer.
#[tokio::test]
async fn a_403_ends_no_grant_though_the_token_cannot_be_renewed() {
    for (refusal, code, page, refreshes) in [
        ("", 400, r#"{"error":"invalid_grant"}"#, 2),
        ("", 401, r#"{"error":"invalid_client"}"#, 2),
        ("<html><title>403 Forbidden</title></html>", 400, r#"{"error":"invalid_grant"}"#, 0),
    ] {
        let fixture = Fixture::new(Some("refresh-0")).await;
        let grant = fixture.vault.get("c1").unwrap().unwrap();
        let refreshed_at = START - TimeDelta::hours(2);
        let old = StoredGrant { expires_at: None, refreshed_at, ..grant };
        fixture.vault.put("c1", &old).unwrap();
        let refused = ResponseTemplate::new(code).set_body_string(page);
        Mock::given(method("POST")).respond_with(refused).mount(&fixture.server).await;
        let patient = ResponseTemplate::new(403).set_body_string(refusal);
        let asks = Mock::given(method("GET")).and(path("/r4/Patient")).respond_with(patient);
        asks.mount(&fixture.server).await;
        fixture.answers("/r4/Condition", 403).await;
        let reason = if refusal.is_empty() { Reason::Forbidden } else { Reason::Blocked };
        for _ in 0..2 {
            assert_eq!(fixture.page("Patient").await.reason(), reason, "{page}");
        }
        assert_eq!(fixture.page("Condition").await.reason(), Reason::Forbidden, "{page}");
        assert_eq!(fixture.asked("POST").await, refreshes, "{page}");
        let kept = fixture.vault.get("c1").unwrap().unwrap();
        assert_eq!(
            (kept.consent, kept.refresh_begun_at.is_some()),
            (ConsentState::Granted, code == 401)
        );
    }
}

#[tokio::test]
async fn a_request_dropped_while_the_token_is_renewed_is_counted_by_its_own_handle() {
    let fixture = Fixture::new(Some("refresh-0")).await;
    fixture.answers("/r4/Condition", 401).await;
    let hanging = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    Mock::given(method("POST")).respond_with(hanging).mount(&fixture.server).await;
    let (client, url) = (fixture.client.with_own_count(), fixture.url("Condition"));
    let renewal = async {
        while fixture.asked("POST").await == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        page = client.page(&url, &silently) => panic!("it was not dropped: {page:?}"),
        () = renewal => {}
    }
    let effort = |client: &FhirClient| (client.effort().requests, client.effort().retries);
    assert_eq!((effort(&client), effort(&fixture.client)), ((1, 0), (0, 0)));
}

#[tokio::test]
async fn metadata_that_hangs_without_a_token_is_asked_for_with_one() {
    let server = MockServer::start().await;
    let registration = ClientRegistration::at(&server.uri());
    let read_timeout = Duration::from_millis(500);
    let options = HttpOptions { max_attempts: 2, read_timeout, ..HttpOptions::impatient() };
    let fixture = Fixture::with(server, registration, None, options);
    let statement = json!({"resourceType": "CapabilityStatement", "rest": [{"mode": "server",
        "resource": [{"type": "Patient", "interaction": [{"code": "search-type"}]}]}]});
    let metadata = || Mock::given(method("GET")).and(path("/r4/metadata"));
    metadata()
        .and(header_exists("authorization"))
        .respond_with(ResponseTemplate::new(200).set_body_json(statement))
        .with_priority(1)
        .mount(&fixture.server)
        .await;
    let hanging = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    metadata().respond_with(hanging).with_priority(2).mount(&fixture.server).await;
    assert!(fixture.client.capability(&silently).await.unwrap().is_some());

    fixture.server.reset().await;
    let hanging = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    metadata().respond_with(hanging).mount(&fixture.server).await;
    let error = fixture.client.capability(&silently).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
}

#[tokio::test]
async fn a_byte_order_mark_hides_no_answer() {
    let fixture = Fixture::new(None).await;
    let patient = r#"{"resourceType":"Patient","id":"1"}"#;
    let gone = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"error",
        "code":"deleted","diagnostics":"it is gone"}]}"#;
    let declared = r#"{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1",
        "rest":[{"resource":[{"type":"Patient"}]}]}"#;
    let marked = |text: &str| format!("\u{feff}{text}");
    for (at, status, text) in [
        ("/r4/Patient/1", 200, patient),
        ("/r4/Patient/2", 410, gone),
        ("/r4/Patient/3", 404, patient),
        ("/r4/metadata", 200, declared),
    ] {
        let answer = ResponseTemplate::new(status).set_body_string(marked(text));
        let answers = Mock::given(method("GET")).and(path(at)).respond_with(answer);
        answers.mount(&fixture.server).await;
    }
    let read = async |id: &str| {
        let patient = Referenced { resource_type: "Patient".to_owned(), id: id.to_owned() };
        fixture.client.read(&patient, &silently).await
    };
    // The bytes that are stored begin behind the mark.
    assert_eq!(read("1").await.unwrap().body, patient);
    let gone = read("2").await.unwrap_err();
    assert_eq!(
        (gone.says_gone(), gone.server_message().as_deref()),
        (Some(410), Some("it is gone"))
    );
    // A 404 that brings a resource proves nothing.
    assert_eq!(read("3").await.unwrap_err().says_gone(), None);
    assert!(fixture.client.capability(&silently).await.unwrap().is_some());
    assert_eq!(fhir_version(marked(declared).as_bytes()).as_deref(), Some("4.0.1"));
}

#[tokio::test]
async fn each_base_of_a_plan_tells_what_it_serves() {
    let server = MockServer::start().await;
    let mut registration = ClientRegistration::at(&server.uri());
    for (resource_type, base) in [("Condition", "pdex"), ("Goal", "pdex"), ("Media", "none")] {
        let base = format!("{}/{base}", server.uri()).parse().unwrap();
        registration.requests.bases.insert(resource_type.to_owned(), base);
    }
    let declares = |types: &[&str]| {
        let types: Vec<_> = types.iter().map(|name| json!({ "type": name })).collect();
        let statement =
            json!({"resourceType": "CapabilityStatement", "rest": [{ "resource": types }]});
        ResponseTemplate::new(200).set_body_json(statement)
    };
    for (at, answer) in [
        ("/r4/metadata", declares(&["Patient", "Coverage"])),
        ("/pdex/metadata", declares(&["Patient", "Condition", "Device"])),
        ("/none/metadata", ResponseTemplate::new(404)),
    ] {
        let once = Mock::given(method("GET")).and(path(at)).respond_with(answer).expect(1);
        once.mount(&server).await;
    }
    let fixture = Fixture::with(server, registration, None, HttpOptions::impatient());
    let declared = fixture.client.capability(&silently).await;
    let declared = declared.unwrap().unwrap();
    let asked = ["Patient", "Coverage", "Condition"];
    assert!(asked.iter().all(|name| declared.searches(name)));
    assert!(declared.is_elsewhere("Device") && declared.is_declared_twice("Patient"));
}
