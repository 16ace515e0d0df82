//! A proxy before a token endpoint that passes everything on and keeps requests and answers.

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    routing::post,
};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use url::Url;

/// A recorder of token requests. It must be started within a runtime, and ends with the runtime.
pub(crate) struct Recorder {
    pub(crate) url: Url,
    tape: Arc<Mutex<Vec<Exchange>>>,
    begun: Arc<AtomicUsize>,
}

/// One token request with its answer.
struct Exchange {
    form: Bytes,
    answer: Bytes,
}

#[derive(Clone)]
struct Passing {
    target: Url,
    tape: Arc<Mutex<Vec<Exchange>>>,
    begun: Arc<AtomicUsize>,
}

impl Recorder {
    pub(crate) async fn start(target: Url) -> Recorder {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/token", listener.local_addr().unwrap());
        let tape = Arc::new(Mutex::new(Vec::new()));
        let begun = Arc::default();
        let passing = Passing { target, tape: Arc::clone(&tape), begun: Arc::clone(&begun) };
        let router = Router::new().route("/token", post(pass_on)).with_state(passing);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Recorder { url: Url::parse(&url).unwrap(), tape, begun }
    }

    /// The number of token requests that have come in, answered or not.
    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    /// The refresh tokens sent, in order.
    pub(crate) fn refresh_tokens_sent(&self) -> Vec<String> {
        let tape = self.tape.lock().unwrap();
        let form = |exchange: &Exchange| {
            url::form_urlencoded::parse(&exchange.form)
                .find(|(name, _)| name == "refresh_token")
                .map(|(_, token)| token.into_owned())
        };
        tape.iter().filter_map(form).collect()
    }

    /// The access tokens received, in order.
    pub(crate) fn access_tokens_received(&self) -> Vec<String> {
        let tape = self.tape.lock().unwrap();
        let token = |exchange: &Exchange| {
            let answer: serde_json::Value = serde_json::from_slice(&exchange.answer).ok()?;
            answer["access_token"].as_str().map(str::to_owned)
        };
        tape.iter().filter_map(token).collect()
    }
}

/// Passes a request on and records the exchange, even if the client is killed meanwhile.
async fn pass_on(
    State(passing): State<Passing>,
    headers: HeaderMap,
    form: Bytes,
) -> (StatusCode, Bytes) {
    passing.begun.fetch_add(1, Ordering::SeqCst);
    tokio::spawn(exchange(passing, headers, form)).await.unwrap()
}

async fn exchange(passing: Passing, headers: HeaderMap, form: Bytes) -> (StatusCode, Bytes) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut request = client.post(passing.target).body(form.clone());
    for name in [header::CONTENT_TYPE, header::AUTHORIZATION] {
        if let Some(value) = headers.get(&name) {
            request = request.header(name, value);
        }
    }
    let response = request.send().await.unwrap();
    let (status, answer) = (response.status(), response.bytes().await.unwrap());
    passing.tape.lock().unwrap().push(Exchange { form, answer: answer.clone() });
    (status, answer)
}
