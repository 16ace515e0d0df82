//! A payer whose every answer a test writes, for answers that the embedded payer would not give.

use super::Home;
use axum::{
    Router,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
};
use tokio::runtime::Runtime;

/// A search or a read that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) resource_type: String,
    /// The id of a read; `None` for a search.
    pub(crate) id: Option<String>,
    /// The parameters by name; if one comes twice, its last value.
    pub(crate) query: BTreeMap<String, String>,
    /// All parameters as they came.
    pub(crate) all: Vec<(String, String)>,
    /// The server's FHIR base, without a slash at the end.
    pub(crate) base: String,
}

impl Asked {
    fn new(
        resource_type: String,
        id: Option<String>,
        all: Vec<(String, String)>,
        base: String,
    ) -> Asked {
        Asked { resource_type, id, query: all.iter().cloned().collect(), all, base }
    }

    /// The number in a parameter; 0 if the parameter is missing.
    pub(crate) fn number(&self, parameter: &str) -> usize {
        self.query.get(parameter).map_or(0, |text| text.parse().unwrap())
    }
}

/// An answer: status and body; for a redirect, the URL in place of the body.
pub(crate) type Reply = (u16, String);

type Script = Box<dyn FnMut(&Asked) -> Reply + Send>;

/// A running payer.
pub(crate) struct Scripted {
    origin: String,
    script: Arc<Mutex<Script>>,
    log: Arc<Mutex<Vec<Asked>>>,
    clock: Arc<AtomicI64>,
    age: Arc<AtomicI64>,
    _runtime: Runtime,
}

#[derive(Clone)]
struct Shared {
    base: String,
    declared: String,
    script: Arc<Mutex<Script>>,
    log: Arc<Mutex<Vec<Asked>>>,
    clock: Arc<AtomicI64>,
    age: Arc<AtomicI64>,
}

impl Scripted {
    /// Starts a payer that declares these types and answers as the script says.
    pub(crate) fn start(
        types: &[&str],
        script: impl FnMut(&Asked) -> Reply + Send + 'static,
    ) -> Scripted {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let script: Arc<Mutex<Script>> = Arc::new(Mutex::new(Box::new(script)));
        let log = Arc::default();
        let clock = Arc::default();
        let age = Arc::default();
        let shared = Shared {
            base: format!("{origin}/r4"),
            declared: capability(types),
            script: Arc::clone(&script),
            log: Arc::clone(&log),
            clock: Arc::clone(&clock),
            age: Arc::clone(&age),
        };
        let router = Router::new()
            .route("/token", post(async || fhir((200, TOKEN.to_owned()))))
            .route("/r4/metadata", get(metadata))
            .route("/r4/{type}", get(search))
            .route("/r4/{type}/{id}", get(read))
            .route("/r4/{type}/{id}/$everything", get(everything))
            .with_state(shared);
        runtime.spawn(async move { axum::serve(listener, router).await });
        Scripted { origin, script, log, clock, age, _runtime: runtime }
    }

    /// From now on, answers as this script says.
    pub(crate) fn play(&self, script: impl FnMut(&Asked) -> Reply + Send + 'static) {
        *self.script.lock().unwrap() = Box::new(script);
    }

    /// From now on, the server's `Date` is wrong by so many seconds.
    pub(crate) fn set_clock(&self, seconds: i64) {
        self.clock.store(seconds, Ordering::Relaxed);
    }

    /// The seconds by which the server's `Date` is wrong; a script may set them for its answer.
    pub(crate) fn clock(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.clock)
    }

    /// The seconds for which a cache has kept an answer, 0 without a cache; a script may set them, too.
    pub(crate) fn age(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.age)
    }

    /// The searches and reads since the last call.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.log.lock().unwrap())
    }

    /// A home with a connection `c` to this payer that asks for these types.
    pub(crate) fn connected_home(&self, types: &[&str], more: &str) -> Home {
        let home = Home::new();
        let text = format!(
            "[warehouse]\ncount_unmapped_paths = false\n[http]\ninitial_delay_milliseconds = 1\n\
             max_delay_seconds = 1\nmax_attempts = 2\nread_timeout_seconds = 5\n{more}\n\
             [plans.p]\nfhir_url = \"{0}/r4\"\ntoken_url = \"{0}/token\"\nclient_id = \"x\"\n\
             client_secret_file = \"secret\"\ngrant = \"client_credentials\"\npage_size = 10\n\
             requests_per_second = 1000\ntypes = {types:?}\n",
            self.origin
        );
        std::fs::write(home.file("payersync.toml"), text).unwrap();
        home.write_private("secret", "a-secret-of-nothing");
        home.succeed(&["connect", "c", "--plan", "p"], "a new home");
        home
    }
}

const TOKEN: &str =
    r#"{"access_token":"a-token-of-scripts","token_type":"bearer","expires_in":86400}"#;

fn capability(types: &[&str]) -> String {
    let resources: Vec<_> = types
        .iter()
        .map(|name| {
            serde_json::json!({"type": name, "interaction": [{"code": "search-type"}, {"code": "read"}],
                "searchParam": [{"name": "_lastUpdated", "type": "date"}]})
        })
        .collect();
    let rest = serde_json::json!([{"mode": "server", "resource": resources}]);
    serde_json::json!({"resourceType": "CapabilityStatement", "rest": rest}).to_string()
}

/// A searchset Bundle of these resources, with the total and the next link if given.
pub(crate) fn bundle(resources: &[String], total: Option<usize>, next: Option<String>) -> Reply {
    let entries: Vec<String> =
        resources.iter().map(|json| format!("{{\"resource\":{json}}}")).collect();
    let total = total.map(|total| format!(",\"total\":{total}")).unwrap_or_default();
    let link = next
        .map(|url| format!(",\"link\":[{{\"relation\":\"next\",\"url\":\"{url}\"}}]"))
        .unwrap_or_default();
    let entries = entries.join(",");
    let head = "\"resourceType\":\"Bundle\",\"type\":\"searchset\"";
    (200, format!("{{{head}{total}{link},\"entry\":[{entries}]}}"))
}

fn fhir((status, body): Reply) -> Response {
    let status = StatusCode::from_u16(status).unwrap();
    if status.is_redirection() {
        return (status, [(header::LOCATION, body)]).into_response();
    }
    // Flexpa's answer while a member's data is still being loaded.
    if status == StatusCode::TOO_MANY_REQUESTS && body.contains("transient") {
        return (status, [("x-retry-after", "900")], body).into_response();
    }
    (status, [(header::CONTENT_TYPE, "application/fhir+json")], body).into_response()
}

async fn metadata(State(shared): State<Shared>) -> Response {
    fhir((200, shared.declared))
}

fn answer(shared: &Shared, asked: Asked) -> Response {
    shared.log.lock().unwrap().push(asked.clone());
    let mut response = fhir((shared.script.lock().unwrap())(&asked));
    let seconds = shared.clock.load(Ordering::Relaxed);
    if seconds != 0 {
        let now = chrono::Utc::now() + chrono::Duration::seconds(seconds);
        let date = now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        response.headers_mut().insert(header::DATE, date.parse().unwrap());
    }
    let age = shared.age.load(Ordering::Relaxed);
    if age != 0 {
        response.headers_mut().insert(header::AGE, age.into());
    }
    response
}

async fn search(
    State(shared): State<Shared>,
    Path(resource_type): Path<String>,
    Query(all): Query<Vec<(String, String)>>,
) -> Response {
    let base = shared.base.clone();
    answer(&shared, Asked::new(resource_type, None, all, base))
}

async fn read(
    State(shared): State<Shared>,
    Path((resource_type, id)): Path<(String, String)>,
    Query(all): Query<Vec<(String, String)>>,
) -> Response {
    let base = shared.base.clone();
    answer(&shared, Asked::new(resource_type, Some(id), all, base))
}

/// Answers `$everything` of a Patient as a search.
async fn everything(
    State(shared): State<Shared>,
    Path((resource_type, _)): Path<(String, String)>,
    Query(all): Query<Vec<(String, String)>>,
) -> Response {
    let base = shared.base.clone();
    answer(&shared, Asked::new(resource_type, None, all, base))
}
