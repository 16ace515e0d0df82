//! The model's payer on a socket.

use super::{
    payer::{Listed, Payer, Search},
    world::TYPES,
};
use axum::{
    Router,
    extract::{Path, Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::runtime::Runtime;

pub(super) struct Server {
    payer: Arc<Mutex<Payer>>,
    _runtime: Runtime,
}

type Shared = State<Arc<Mutex<Payer>>>;

impl Server {
    pub(super) fn start(seed: u64) -> Server {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let payer = Arc::new(Mutex::new(Payer::new(seed, origin)));
        let router = Router::new()
            .route("/token", post(token))
            .route("/r4/metadata", get(metadata))
            .route("/r4/{type}", get(search))
            .route("/r4/{type}/{id}", get(read))
            .with_state(Arc::clone(&payer));
        runtime.spawn(async move { axum::serve(listener, router).await });
        Server { payer, _runtime: runtime }
    }

    pub(super) fn payer(&self) -> MutexGuard<'_, Payer> {
        self.payer.lock().unwrap()
    }
}

async fn token(State(payer): Shared) -> Response {
    let body = r#"{"access_token":"a-token-of-models","token_type":"bearer","expires_in":3600}"#;
    reply(&payer.lock().unwrap(), (200, body.into()))
}

async fn metadata(State(payer): Shared) -> Response {
    let resources: Vec<Value> = TYPES
        .iter()
        .map(|name| {
            json!({"type": name, "interaction": [{"code": "search-type"}, {"code": "read"}],
                "searchParam": [{"name": "_lastUpdated", "type": "date"}]})
        })
        .collect();
    let rest = json!([{"mode": "server", "resource": resources}]);
    let declared = json!({"resourceType": "CapabilityStatement", "rest": rest});
    reply(&payer.lock().unwrap(), (200, declared.to_string().into()))
}

async fn read(State(payer): Shared, Path((name, id)): Path<(String, String)>) -> Response {
    let mut payer = payer.lock().unwrap();
    payer.arrive(format!("{name}/{id}"), None);
    let answer = payer.read(&name, &id);
    reply(&payer, answer)
}

async fn search(
    State(payer): Shared,
    Path(name): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
) -> Response {
    let find = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, text)| text);
    const DATES: [&str; 2] = ["_lastUpdated", "recorded-date"];
    let is_date = |name: &str| DATES.contains(&name);
    let dates: Vec<&String> =
        query.iter().filter(|(name, _)| is_date(name)).map(|(_, text)| text).collect();
    let bound = |date: &str, prefix: &str| {
        let mut texts = query.iter().filter(|(name, _)| name == date).map(|(_, text)| text);
        texts.find_map(|text| text.strip_prefix(prefix)).map(instant)
    };
    let search = Search {
        since: bound(DATES[0], "ge"),
        before: bound(DATES[0], "lt"),
        recorded_since: bound(DATES[1], "ge"),
        recorded_before: bound(DATES[1], "lt"),
        count: find("_count").map_or(5, |count| count.parse().unwrap()),
        place: find("_place").cloned(),
        filter: query
            .iter()
            .filter(|(name, _)| is_date(name))
            .map(|(name, text)| format!("&{name}={text}"))
            .collect(),
    };
    let mut payer = payer.lock().unwrap();
    let asked = format!("{name} {dates:?} {:?}", search.place);
    payer.arrive(
        asked,
        Some(Listed {
            name: name.clone(),
            is_first: search.place.is_none(),
            is_filtered: !dates.is_empty(),
        }),
    );
    let answer = payer.search(&name, &search);
    reply(&payer, answer)
}

/// An instant, or the beginning of a day.
fn instant(text: &str) -> DateTime<Utc> {
    let text = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    DateTime::parse_from_rfc3339(&text).unwrap().to_utc()
}

/// An answer under the payer's own clock.
fn reply(payer: &Payer, (status, body): (u16, Vec<u8>)) -> Response {
    let date = payer.world.now.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let headers =
        [(header::CONTENT_TYPE, "application/fhir+json".to_owned()), (header::DATE, date)];
    (StatusCode::from_u16(status).unwrap(), headers, body).into_response()
}
