//! Plans whose resources a test writes itself: a FHIR server that serves the lines of NDJSON texts, a few
//! on each page, to any client.

use super::Home;
use axum::{
    Router,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::IntoResponse,
    routing::{get, post},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap},
    fmt::Write,
    sync::{Arc, Mutex},
};

/// The resources that each plan serves, by resource type.
type Plans = Arc<Mutex<BTreeMap<String, HashMap<String, Vec<String>>>>>;

#[derive(Clone)]
struct Shelves {
    plans: Plans,
    /// The number of resources on a page.
    page: usize,
}

/// A running server; it ends when this value is dropped.
pub(crate) struct Served {
    origin: String,
    plans: Plans,
    /// More lines of each plan's section in the configuration.
    more: &'static str,
    _runtime: tokio::runtime::Runtime,
}

impl Served {
    pub(crate) fn start() -> Served {
        Served::start_with(2, "")
    }

    /// Starts a server with this page size, and with more lines in the configuration of each plan.
    pub(crate) fn start_with(page_size: usize, more: &'static str) -> Served {
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
            .route("/{plan}/r4/{type}/{id}", get(read))
            .with_state(Shelves { plans: Arc::clone(&plans), page: page_size });
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Served { origin, plans, more, _runtime: runtime }
    }

    /// From now on, the plan serves exactly these resources.
    pub(crate) fn serve(&self, plan: &str, ndjson: &str) {
        let mut shelves: HashMap<String, Vec<String>> = HashMap::new();
        for line in ndjson.lines().filter(|line| !line.trim().is_empty()) {
            let resource: Value = serde_json::from_str(line).unwrap();
            let resource_type = resource["resourceType"].as_str().unwrap().to_owned();
            shelves.entry(resource_type).or_default().push(line.to_owned());
        }
        self.plans.lock().unwrap().insert(plan.to_owned(), shelves);
    }

    /// Writes the configuration of every plan that is served, and makes the connections (name, plan).
    pub(crate) fn connect(&self, home: &Home, connections: &[(&str, &str)]) {
        let mut text = "[http]\ninitial_delay_milliseconds = 1\n".to_owned();
        for plan in self.plans.lock().unwrap().keys() {
            write!(
                text,
                "[plans.{plan}]\nfhir_url = \"{origin}/{plan}/r4\"\ntoken_url = \"{origin}/token\"\n\
                 client_id = \"x\"\nclient_secret_file = \"secret\"\ngrant = \"client_credentials\"\n\
                 requests_per_second = 1000\n{more}",
                origin = self.origin,
                more = self.more
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
    State(Shelves { plans, page }): State<Shelves>,
    Path((plan, resource_type)): Path<(String, String)>,
    Query(asked): Query<HashMap<String, String>>,
) -> impl IntoResponse {
    let from: usize = asked.get("from").map_or(0, |from| from.parse().unwrap());
    let plans = plans.lock().unwrap();
    let resources = plans[&plan].get(&resource_type).map_or(&[][..], Vec::as_slice);
    let entries: Vec<String> = resources
        .iter()
        .skip(from)
        .take(page)
        .map(|line| format!("{{\"resource\":{line}}}"))
        .collect();
    let next = match from + page < resources.len() {
        true => {
            format!("{{\"relation\":\"next\",\"url\":\"{resource_type}?from={}\"}}", from + page)
        }
        false => String::new(),
    };
    let body = format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"link\":[{next}],\"entry\":[{}]}}",
        entries.join(",")
    );
    ([(header::CONTENT_TYPE, "application/fhir+json")], body)
}

/// A resource by its id; 404 if the plan does not serve it, or no longer does.
async fn read(
    State(Shelves { plans, .. }): State<Shelves>,
    Path((plan, resource_type, id)): Path<(String, String, String)>,
) -> impl IntoResponse {
    let plans = plans.lock().unwrap();
    let resources = plans[&plan].get(&resource_type).map_or(&[][..], Vec::as_slice);
    let has_id = |line: &&String| {
        let resource: Value = serde_json::from_str(line).unwrap();
        resource["id"] == id.as_str()
    };
    let found = resources.iter().find(has_id).ok_or(StatusCode::NOT_FOUND)?;
    Ok::<_, StatusCode>(([(header::CONTENT_TYPE, "application/fhir+json")], found.clone()))
}
