//! The client against servers that misbehave in one particular way.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;
use wiremock::matchers::{body_string, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::*;
use crate::shard::Shard;

fn client() -> HttpClient {
    HttpClient::new(HttpOptions::impatient()).unwrap()
}

fn url(server: &MockServer, path: &str) -> Url {
    Url::parse(&format!("{}{path}", server.uri())).unwrap()
}

fn get(url: &Url) -> Get<'_> {
    Get::new(url, "application/fhir+json")
}

async fn requests_received(server: &MockServer) -> usize {
    server.received_requests().await.unwrap().len()
}

/// A server that answers each connection in turn with the given bytes, and hangs up.
fn verbatim(answers: Vec<Vec<u8>>) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = Url::parse(&format!("http://{}/r4/Patient", listener.local_addr().unwrap())).unwrap();
    std::thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(&answer).unwrap();
        }
    });
    url
}

fn whole() -> Vec<u8> {
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}".to_vec()
}

#[tokio::test]
async fn a_bearer_is_not_sent_to_another_origin() {
    let (mine, foreign) = (MockServer::start().await, MockServer::start().await);
    let bearer = Bearer::new("tok-secret".into(), mine.uri().parse().unwrap(), Default::default());
    let target = url(&foreign, "/r4/Patient");
    let error = client().get(Get { bearer: Some(&bearer), ..get(&target) }).await.unwrap_err();
    assert!(error.is_foreign_origin());
    assert_eq!(error.attempts(), 0);
    assert_eq!(requests_received(&foreign).await, 0);
    let shown = format!("{error} {error:?}");
    assert!(shown.contains(&mine.uri()) && !shown.contains("tok-secret"), "{shown}");
}

#[tokio::test]
async fn a_bearer_is_sent_to_its_own_origin() {
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Bearer tok"))
        .and(header("accept", "application/fhir+json"))
        .and(header("cache-control", "no-cache"))
        .respond_with(ResponseTemplate::new(200).set_body_string("{}"))
        .expect(1)
        .mount(&server)
        .await;
    let bearer = Bearer::new("tok".into(), server.uri().parse().unwrap(), Default::default());
    let target = url(&server, "/r4/Patient");
    let response = client().get(Get { bearer: Some(&bearer), ..get(&target) }).await.unwrap();
    assert_eq!((response.status, response.attempts, &response.body[..]), (200, 1, &b"{}"[..]));
}

#[tokio::test]
async fn without_tls_only_this_machine_is_asked() {
    for text in ["http://192.0.2.1/r4/Patient/77", "ftp://127.0.0.1/r4"] {
        let error = client().get(get(&Url::parse(text).unwrap())).await.unwrap_err();
        assert_eq!(error.kind(), &HttpErrorKind::Insecure);
        assert_eq!(error.attempts(), 0);
        assert!(!error.to_string().contains("77"), "{error}");
    }
}

#[tokio::test]
async fn a_permanent_500_comes_back_after_all_attempts() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(500).set_body_string("why"))
        .expect(6)
        .mount(&server)
        .await;
    let seen = Mutex::new(Vec::new());
    let note = |retry: &Retry| seen.lock().unwrap().push((retry.attempt, retry.reason.to_string()));
    let target = url(&server, "/r4/Patient");
    let response = client().get(Get { on_retry: &note, ..get(&target) }).await.unwrap();
    assert_eq!((response.status, response.attempts), (500, 6));
    assert_eq!(&response.body[..], b"why");
    let expected: Vec<_> = (1..6).map(|n| (n, "status 500, server error".to_owned())).collect();
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn final_statuses_are_asked_for_once() {
    for status in [200, 204, 304, 400, 401, 403, 404, 410, 422, 501] {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(ResponseTemplate::new(status))
            .expect(1)
            .mount(&server)
            .await;
        assert_eq!(client().get(get(&url(&server, "/"))).await.unwrap().status, status);
    }
}

async fn throttled_once(headers: &[(&str, &str)]) -> (Response, Vec<Duration>) {
    let server = MockServer::start().await;
    let mut first = ResponseTemplate::new(429);
    for (name, value) in headers {
        first = first.insert_header(*name, *value);
    }
    Mock::given(method("GET")).respond_with(first).up_to_n_times(1).mount(&server).await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(200)).mount(&server).await;
    let waits = Mutex::new(Vec::new());
    let note = |retry: &Retry| waits.lock().unwrap().push(retry.wait);
    let target = url(&server, "/r4/Coverage");
    let response = client().get(Get { on_retry: &note, ..get(&target) }).await.unwrap();
    (response, waits.into_inner().unwrap())
}

#[tokio::test]
async fn the_wait_a_server_asks_for_is_honoured_in_seconds_and_as_a_date() {
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    for wait in [
        vec![("retry-after", "1")],
        vec![("retry-after", "Sun, 06 Nov 1994 08:49:38 GMT"), date],
        vec![("x-retry-after", "1")],
        vec![("ratelimit-reset", "1")],
        vec![("ratelimit", "limit=10, remaining=0, reset=1")],
        vec![("x-ratelimit-reset", "1800000001"), ("date", "Fri, 15 Jan 2027 08:00:00 GMT")],
    ] {
        let (response, waits) = throttled_once(&wait).await;
        assert_eq!((response.status, response.attempts), (200, 2));
        assert_eq!(waits, [Duration::from_secs(1)], "{wait:?}");
    }
}

#[tokio::test]
async fn a_wait_beyond_the_limit_ends_the_request_as_throttled() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(429).insert_header("retry-after", "3600"))
        .expect(1)
        .mount(&server)
        .await;
    let error = client().get(get(&url(&server, "/r4/Patient"))).await.unwrap_err();
    assert_eq!(error.is_throttled(), Some(Duration::from_secs(3600)));
    assert!(error.to_string().contains("the server asks to wait 3600s after 1 attempt"), "{error}");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_once() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_body_string("x".repeat(1001)))
        .expect(1)
        .mount(&server)
        .await;
    let options = HttpOptions { max_body_bytes: 1000, ..HttpOptions::impatient() };
    let error = HttpClient::new(options).unwrap().get(get(&url(&server, "/"))).await.unwrap_err();
    assert_eq!(error.kind(), &HttpErrorKind::TooLarge { limit_bytes: 1000 });
}

#[tokio::test]
async fn the_limit_holds_after_decompression() {
    // 65,536 zeros in 84 bytes of gzip.
    let packed = STANDARD.decode(ZEROS_GZ).unwrap();
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(
            ResponseTemplate::new(200)
                .insert_header("content-encoding", "gzip")
                .set_body_bytes(packed),
        )
        .mount(&server)
        .await;
    let with_limit = |max_body_bytes| {
        HttpClient::new(HttpOptions { max_body_bytes, ..HttpOptions::impatient() }).unwrap()
    };
    let target = url(&server, "/");
    let error = with_limit(65_535).get(get(&target)).await.unwrap_err();
    assert_eq!(error.kind(), &HttpErrorKind::TooLarge { limit_bytes: 65_535 });
    assert_eq!(with_limit(65_536).get(get(&target)).await.unwrap().body.len(), 65_536);
}

#[tokio::test]
async fn a_gzip_file_is_kept_as_it_is_and_gzip_of_the_way_is_decoded() {
    let packed = STANDARD.decode(ZEROS_GZ).unwrap();
    for (content_type, encoding, is_file, length) in [
        ("application/gzip", "identity", true, packed.len()),
        ("application/octet-stream", "identity", true, packed.len()),
        ("application/octet-stream", "x-gzip", true, 65_536),
        ("application/fhir+json", "identity", true, 65_536),
        ("application/octet-stream", "identity", false, 65_536),
    ] {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200)
            .insert_header("content-encoding", encoding)
            .set_body_raw(packed.clone(), content_type);
        Mock::given(method("GET")).respond_with(answer).mount(&server).await;
        let target = url(&server, "/");
        let response = client().get(Get { is_file, ..get(&target) }).await.unwrap();
        assert_eq!(response.body.len(), length, "{content_type} {encoding} {is_file}");
    }
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_asked_for_again() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"resourceType\"".to_vec();
    let cut_chunk =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"res\r\n40\r\nour".to_vec();
    let response = client().get(get(&verbatim(vec![cut, cut_chunk, whole()]))).await.unwrap();
    assert_eq!((&response.body[..], response.attempts), (&b"{}"[..], 3));
}

#[tokio::test]
async fn damaged_compression_is_asked_for_again() {
    let mut damaged =
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n".to_vec();
    damaged.extend_from_slice(&STANDARD.decode(ZEROS_GZ).unwrap()[..40]);
    let response = client().get(get(&verbatim(vec![damaged, whole()]))).await.unwrap();
    assert_eq!((&response.body[..], response.attempts), (&b"{}"[..], 2));
}

#[tokio::test]
async fn a_lost_connection_is_tried_again_and_named_in_the_end() {
    let response = client().get(get(&verbatim(vec![Vec::new(), whole()]))).await.unwrap();
    assert_eq!(response.attempts, 2);

    let mut target = verbatim(vec![Vec::new(); 6]);
    target.set_path("/r4/Patient/member-id");
    target.set_query(Some("name=Allen"));
    let error = client().get(get(&target)).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (&HttpErrorKind::ConnectionLost, 6));
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("/r4/Patient/…?name=…: connection lost after 6 attempts in"), "{shown}");
    assert!(!shown.contains("member-id") && !shown.contains("Allen"), "{shown}");
}

#[tokio::test]
async fn silence_is_a_timeout() {
    let server = MockServer::start().await;
    Mock::given(method("GET"))
        .respond_with(ResponseTemplate::new(200).set_delay(Duration::from_secs(60)))
        .mount(&server)
        .await;
    let options = HttpOptions {
        read_timeout: Duration::from_millis(20),
        max_attempts: 2,
        ..HttpOptions::impatient()
    };
    let error = HttpClient::new(options).unwrap().get(get(&url(&server, "/"))).await.unwrap_err();
    assert!(error.is_timeout() && error.is_transient());
    assert_eq!(error.attempts(), 2);
}

#[tokio::test]
async fn redirects_are_followed_within_the_origin_only() {
    let (mine, foreign) = (MockServer::start().await, MockServer::start().await);
    let redirect = |to: &str| ResponseTemplate::new(302).insert_header("location", to);
    Mock::given(path("/a")).respond_with(redirect("/b?x=1")).mount(&mine).await;
    Mock::given(path("/b")).respond_with(ResponseTemplate::new(200)).mount(&mine).await;
    let elsewhere = format!("{}/steal", foreign.uri());
    Mock::given(path("/out")).respond_with(redirect(&elsewhere)).mount(&mine).await;
    Mock::given(path("/loop")).respond_with(redirect("/loop")).expect(6).mount(&mine).await;

    let followed = client().get(get(&url(&mine, "/a"))).await.unwrap();
    assert_eq!((followed.status, followed.url), (200, url(&mine, "/b?x=1")));
    let refused = client().get(get(&url(&mine, "/out"))).await.unwrap();
    assert_eq!((refused.status, refused.location), (302, Some(elsewhere)));
    assert_eq!(requests_received(&foreign).await, 0);
    assert_eq!(client().get(get(&url(&mine, "/loop"))).await.unwrap().status, 302);
}

fn post<'a>(url: &'a Url, retry: bool) -> PostForm<'a> {
    let fields = &[("grant_type", "x"), ("code", "a b&c")];
    PostForm {
        url,
        fields,
        format: BodyFormat::Form,
        fresh: &nothing_fresh,
        basic: None,
        retry,
        give_up: None,
        on_retry: &silently,
    }
}

#[tokio::test]
async fn a_form_is_encoded_and_basic_authentication_sent() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(header("authorization", "Basic aWQ6cHc="))
        .and(header("content-type", "application/x-www-form-urlencoded"))
        .and(body_string("grant_type=x&code=a+b%26c"))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    let target = url(&server, "/token");
    let request = PostForm { basic: Some(("id", &"pw".into())), ..post(&target, true) };
    assert_eq!(client().post_form(request).await.unwrap().status, 200);
}

#[tokio::test]
async fn a_post_is_repeated_only_where_the_caller_allows_it() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(503)).mount(&server).await;
    let target = url(&server, "/token");
    assert_eq!(client().post_form(post(&target, false)).await.unwrap().attempts, 1);
    assert_eq!(client().post_form(post(&target, true)).await.unwrap().attempts, 6);

    let lost = client().post_form(post(&verbatim(vec![Vec::new(), whole()]), false)).await;
    assert_eq!(lost.unwrap_err().attempts(), 1);
    // Nobody listens, so no request was received, and trying again is safe.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = Url::parse(&format!("http://{closed}/token")).unwrap();
    let error = client().post_form(post(&nobody, false)).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (&HttpErrorKind::Connect, 6));
}

#[tokio::test]
async fn a_post_is_not_redirected() {
    let server = MockServer::start().await;
    let redirect = ResponseTemplate::new(307).insert_header("location", "/other");
    Mock::given(method("POST")).respond_with(redirect).expect(1).mount(&server).await;
    assert_eq!(client().post_form(post(&url(&server, "/token"), true)).await.unwrap().status, 307);
}

#[tokio::test]
async fn every_attempt_counts_against_the_budget_of_its_origin() {
    let server = MockServer::start().await;
    Mock::given(method("GET")).respond_with(ResponseTemplate::new(503)).mount(&server).await;
    let options = HttpOptions { max_attempts: 2, ..HttpOptions::impatient() };
    let client = HttpClient::new(options).unwrap();
    // A tenth of the hour's budget may be used at once: for both attempts, and then none for minutes.
    let limits = RateLimits {
        per_second: NonZeroU32::MAX,
        per_hour: Some(NonZeroU32::new(20).unwrap()),
        shard: Shard::WHOLE,
    };
    client.limit_origin(&server.uri().parse().unwrap(), limits);
    let target = url(&server, "/");
    client.get(get(&target)).await.unwrap();
    let clone = client.clone();
    let held = tokio::time::timeout(Duration::from_millis(50), clone.get(get(&target))).await;
    assert!(held.is_err());
    assert_eq!(requests_received(&server).await, 2);
}

#[test]
fn a_request_in_flight_can_move_between_threads() {
    fn is_send(_: &impl Send) {}
    let (client, target) = (client(), Url::parse("https://h/").unwrap());
    is_send(&client.get(get(&target)));
}

#[test]
fn debug_of_a_response_shows_no_body() {
    let response = Response {
        status: 200,
        url: Url::parse("https://h/r4/Patient/77").unwrap(),
        content_type: None,
        retry_after: None,
        date: None,
        age: None,
        location: Some("/r4/Patient/77".into()),
        link: None,
        body: "Allen".into(),
        attempts: 1,
    };
    let shown = format!("{response:?}");
    assert!(!shown.contains("Allen") && !shown.contains("77"), "{shown}");
}

const ZEROS_GZ: &str = "H4sIAAAAAAACA+3BgQAAAACAIKX96RapCgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAGoLUUloAAABAA==";
