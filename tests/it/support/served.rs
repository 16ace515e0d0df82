//! Plans whose members a test writes itself: a FHIR server that serves the lines of NDJSON, two to a
//! page, to whoever asks with a client's token.

use super::Home;
use axum::{
    Router,
    extract::{Path, Query, State},
    http::header,
    response::IntoResponse,
    routing::{get, post},
};
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    sync::{Arc, Mutex},
};

const PAGE: usize = 2;

type Plans = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

/// Such a server, for as long as it lives.
pub(crate) struct Served {
    origin: String,
    plans: Plans,
    _runtime: tokio::runtime::Runtime,
}

impl Served {
    pub(crate) fn start() -> Served {
        let plans = Plans::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let token = || async {
            (
                [(header::CONTENT_TYPE, "application/json")],
                r#"{"access_token":"a-token-for-cases","token_type":"bearer","expires_in":3600}"#,
            )
        };
        let router = Router::new()
            .route("/token", post(token))
            .route("/{plan}/r4/{type}", get(page))
            .with_state(Arc::clone(&plans));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Served { origin, plans, _runtime: runtime }
    }

    /// From now on, a plan serves these resources.
    pub(crate) fn serve(&self, plan: &str, ndjson: &str) {
        let lines = ndjson.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned);
        self.plans.lock().unwrap().insert(plan.to_owned(), lines.collect());
    }

    /// Writes the configuration of every plan that is served, and connects each as `names` say.
    pub(crate) fn connect(&self, home: &Home, connections: &[(&str, &str)]) {
        let mut text = "[http]\ninitial_delay_milliseconds = 1\n".to_owned();
        for plan in self.plans.lock().unwrap().keys() {
            write!(
                text,
                "[plans.{plan}]\nfhir_url = \"{origin}/{plan}/r4\"\ntoken_url = \"{origin}/token\"\n\
                 client_id = \"x\"\nclient_secret_file = \"secret\"\ngrant = \"client_credentials\"\n\
                 requests_per_second = 1000\n",
                origin = self.origin
            )
            .unwrap();
        }
        std::fs::write(home.file("payersync.toml"), text).unwrap();
        if !home.file("secret").exists() {
            home.write_private("secret", "a-secret-of-nothing");
        }
        for (name, plan) in connections {
            home.succeed(&["connect", name, "--plan", plan], "connecting");
        }
    }
}

async fn page(
    State(plans): State<Plans>,
    Path((plan, resource_type)): Path<(String, String)>,
    Query(asked): Query<HashMap<String, String>>,
) -> impl IntoResponse {
    let of_type = format!("\"resourceType\":\"{resource_type}\"");
    let from: usize = asked.get("from").map_or(0, |from| from.parse().unwrap());
    let plans = plans.lock().unwrap();
    let resources: Vec<&String> = plans[&plan]
        .iter()
        // Before anything that it contains.
        .filter(|line| {
            line.replace(": ", ":").find("\"resourceType\":")
                == line.replace(": ", ":").find(&of_type)
        })
        .collect();
    let entries: Vec<String> = resources
        .iter()
        .skip(from)
        .take(PAGE)
        .map(|line| format!("{{\"resource\":{line}}}"))
        .collect();
    let next = match from + PAGE < resources.len() {
        true => {
            format!("{{\"relation\":\"next\",\"url\":\"{resource_type}?from={}\"}}", from + PAGE)
        }
        false => String::new(),
    };
    let body = format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"link\":[{next}],\"entry\":[{}]}}",
        entries.join(",")
    );
    ([(header::CONTENT_TYPE, "application/fhir+json")], body)
}
