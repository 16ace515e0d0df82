//! A FHIR server with a life of its own: it changes, back-dates, forgets and misbehaves at random.

use axum::{
    Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

pub(super) const TYPES: [&str; 4] = ["Patient", "Coverage", "Condition", "Organization"];

/// Chance, the same for the same seed (SplitMix64).
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5555)
    }

    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

#[derive(Clone)]
struct Held {
    json: String,
    updated: String,
    /// When it really changed, whatever date it carries.
    touched: String,
    live: bool,
}

pub(super) struct Model {
    pub(super) now: DateTime<Utc>,
    held: BTreeMap<(String, String), Held>,
    served: BTreeSet<(String, String, String)>,
    next_id: u64,
    /// One request in so many goes wrong; 0: none.
    trouble: u64,
    honours_last_updated: bool,
    dice: Dice,
}

fn text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Millis, true)
}

impl Model {
    fn put(&mut self, name: &str, id: &str, updated: DateTime<Utc>) {
        let number = self.dice.roll(1_000_000);
        let updated = text(updated);
        let json = format!(
            "{{\"resourceType\":\"{name}\",\"id\":\"{id}\",\"meta\":{{\"lastUpdated\":\"{updated}\"}},\"language\":\"x{number}\"}}"
        );
        self.held.insert(
            (name.into(), id.into()),
            Held { json, updated, touched: text(self.now), live: true },
        );
    }

    /// A day passes: rows come, change, go; the server's mood changes.
    pub(super) fn live_a_day(&mut self, dice: &mut Dice) {
        self.now += Duration::hours(24);
        self.trouble = [0, 0, 12, 5, 2][dice.roll(5) as usize];
        if dice.one_in(9) {
            self.honours_last_updated = !self.honours_last_updated;
        }
        for name in TYPES {
            if name == "Patient" {
                if self.truth(name).is_empty() {
                    self.put(name, "p", self.now - Duration::hours(5));
                }
                continue;
            }
            for _ in 0..dice.roll(8) {
                self.next_id += 1 + dice.roll(50);
                let id = format!("{:08}", self.next_id.wrapping_mul(2_654_435_761) % 99_999_999);
                // Some rows appear long after the date that they carry.
                let late = if dice.one_in(6) { dice.roll(72) as i64 } else { 0 };
                self.put(name, &id, self.now - Duration::minutes(5 + 60 * late));
            }
            let ids: Vec<String> = self.truth(name).into_keys().collect();
            for id in ids {
                if dice.one_in(7) {
                    self.put(name, &id, self.now - Duration::minutes(3));
                } else if dice.one_in(15)
                    && let Some(held) = self.held.get_mut(&(name.to_owned(), id))
                {
                    held.live = false;
                }
            }
        }
    }

    pub(super) fn behave(&mut self) {
        self.trouble = 0;
    }

    pub(super) fn truth(&self, name: &str) -> BTreeMap<String, String> {
        self.held
            .iter()
            .filter(|((held_type, _), held)| held_type == name && held.live)
            .map(|((_, id), held)| (id.clone(), held.json.clone()))
            .collect()
    }

    pub(super) fn changed_at(&self, name: &str, id: &str) -> String {
        self.held[&(name.to_owned(), id.to_owned())].updated.clone()
    }

    pub(super) fn touched_at(&self, name: &str, id: &str) -> String {
        self.held[&(name.to_owned(), id.to_owned())].touched.clone()
    }

    pub(super) fn was_served(&self, name: &str, id: &str, json: &str) -> bool {
        self.served.contains(&(name.into(), id.into(), json.into()))
    }
}

pub(super) struct Server {
    pub(super) origin: String,
    pub(super) model: Arc<Mutex<Model>>,
}

type Shared = State<(String, Arc<Mutex<Model>>)>;

impl Server {
    pub(super) async fn start(seed: u64) -> Server {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let model = Arc::new(Mutex::new(Model {
            now: DateTime::from_timestamp(1_770_000_000, 0).unwrap(),
            held: BTreeMap::new(),
            served: BTreeSet::new(),
            next_id: 0,
            trouble: 0,
            honours_last_updated: true,
            dice: Dice::new(seed ^ 0xabcd),
        }));
        let router = Router::new()
            .route("/token", post(async || TOKEN))
            .route("/r4/metadata", get(metadata))
            .route("/r4/{type}", get(search))
            .route("/r4/{type}/{id}", get(read))
            .with_state((origin.clone(), Arc::clone(&model)));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Server { origin, model }
    }
}

const TOKEN: &str = r#"{"access_token":"t","token_type":"bearer","expires_in":999999999}"#;

async fn metadata() -> String {
    let resources: Vec<Value> = TYPES
        .iter()
        .map(
            |name| json!({"type": name, "searchParam": [{"name": "_lastUpdated", "type": "date"}]}),
        )
        .collect();

    json!({"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": resources}]}).to_string()
}

async fn read(State((_, model)): Shared, Path((name, id)): Path<(String, String)>) -> Response {
    let mut model = model.lock().unwrap();
    let held = model.held.get(&(name.clone(), id.clone())).filter(|held| held.live).cloned();
    let Some(held) = held else { return StatusCode::NOT_FOUND.into_response() };
    model.served.insert((name, id, held.json.clone()));
    held.json.into_response()
}

async fn search(
    State((origin, model)): Shared,
    Path(name): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let mut model = model.lock().unwrap();
    let trouble = model.trouble;
    let goes_wrong = trouble > 0 && model.dice.one_in(trouble);
    let kind = model.dice.roll(5);
    let since = query
        .get("_lastUpdated")
        .filter(|_| model.honours_last_updated)
        .map(|text| text.trim_start_matches("ge").to_owned());
    let count: usize = query["_count"].parse().unwrap();
    let after = query.get("_after").cloned().unwrap_or_default();
    let page: Vec<(String, Held)> = model
        .held
        .iter()
        .filter(|((held_type, id), held)| {
            *held_type == name
                && held.live
                && *id > after
                && since.as_ref().is_none_or(|since| held.updated >= *since)
        })
        .map(|((_, id), held)| (id.clone(), held.clone()))
        .collect();
    let more = page.len() > count;
    let page = &page[..page.len().min(count)];
    let entries: Vec<String> =
        page.iter().map(|(_, held)| format!("{{\"resource\":{}}}", held.json)).collect();
    let link = match page.last() {
        Some((last, _)) if more => {
            let filter = query.get("_lastUpdated").map(|text| format!("&_lastUpdated={text}"));
            format!(
                ",\"link\":[{{\"relation\":\"next\",\"url\":\"{origin}/r4/{name}?_count={count}&_after={last}{}\"}}]",
                filter.unwrap_or_default()
            )
        }
        _ => String::new(),
    };
    let body = format!(
        "{{\"resourceType\":\"Bundle\",\"type\":\"searchset\",\"entry\":[{}]{link}}}",
        entries.join(",")
    );
    for (id, held) in page {
        model.served.insert((name.clone(), id.clone(), held.json.clone()));
    }
    if !goes_wrong {
        return body.into_response();
    }
    match kind {
        0 => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        1 => body[..body.len() / 2].to_owned().into_response(),
        2 => json!({"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}).to_string().into_response(),
        3 => (StatusCode::BAD_REQUEST, "no").into_response(),
        _ => "<html>please log in</html>".to_owned().into_response(),
    }
}
