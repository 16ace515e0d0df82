//! Pages that real payers and their test servers sent, replayed byte for byte: whatever is odd in
//! them, every resource is stored with its bytes or in quarantine with them, and the ledger says
//! complete only where no `next` was left.

use crate::support::{Home, shared};
use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    http::header,
    response::IntoResponse,
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{collections::BTreeSet, fs, path::PathBuf, sync::Arc};

const EMPTY: &str = r#"{"resourceType":"Bundle","type":"searchset","total":0}"#;

#[derive(Deserialize)]
struct Bundle<'a> {
    #[serde(rename = "resourceType")]
    resource_type: String,
    #[serde(default)]
    r#type: String,
    #[serde(default)]
    link: Vec<Link>,
    #[serde(borrow, default)]
    entry: Vec<Entry<'a>>,
}

#[derive(Deserialize)]
struct Link {
    relation: String,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    resource: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Named {
    #[serde(rename = "resourceType")]
    resource_type: String,
}

/// One page as it was sent.
struct Recording {
    file: PathBuf,
    /// Of its first resource: what was searched for.
    resource_type: String,
    bytes: Bytes,
    resources: Vec<String>,
    leads_on: bool,
}

fn recording(file: PathBuf) -> Option<Recording> {
    let bytes = fs::read(&file).unwrap();
    let text = String::from_utf8(bytes.clone()).ok()?;
    let bundle: Bundle<'_> = serde_json::from_str(text.trim_start_matches('\u{feff}')).ok()?;
    if bundle.resource_type != "Bundle" || bundle.r#type != "searchset" {
        return None;
    }
    let resources: Vec<String> = bundle
        .entry
        .iter()
        .filter_map(|entry| entry.resource)
        .map(|resource| resource.get().to_owned())
        .collect();
    let first: Named = serde_json::from_str(resources.first()?).ok()?;
    payersync::fhir::resource_type(&first.resource_type)?;
    let leads_on = bundle.link.iter().any(|link| link.relation == "next");
    let resource_type = first.resource_type;
    Some(Recording { file, resource_type, bytes: bytes.into(), resources, leads_on })
}

fn recordings(folder: PathBuf, found: &mut Vec<Recording>) {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            recordings(path, found);
        } else if path.extension().is_some_and(|ending| ending == "json") {
            found.extend(recording(path).filter(|new| {
                // The same page in two releases of a guide is the same page.
                found.iter().all(|known| known.bytes != new.bytes)
            }));
        }
    }
}

/// A payer per recording, each below a path of its own; other types are empty.
async fn replay(
    State(recordings): State<Arc<Vec<Recording>>>,
    Path((number, resource_type)): Path<(usize, String)>,
) -> impl IntoResponse {
    let recording = &recordings[number];
    let body = match recording.resource_type == resource_type {
        true => recording.bytes.clone(),
        false => Bytes::from_static(EMPTY.as_bytes()),
    };
    ([(header::CONTENT_TYPE, "application/fhir+json")], body)
}

async fn start(recordings: Arc<Vec<Recording>>) -> String {
    let token = || async {
        (
            [(header::CONTENT_TYPE, "application/json")],
            r#"{"access_token":"a-token-for-replays","token_type":"bearer","expires_in":3600}"#,
        )
    };
    let router = Router::new()
        .route("/token", post(token))
        .route("/{number}/r4/{type}", get(replay))
        .with_state(recordings);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    origin
}

/// What a home holds of a connection, stored or in quarantine.
fn held(home: &Home, connection: &str) -> BTreeSet<String> {
    let rows = home.rows(&format!(
        "SELECT r.json FROM resource r JOIN connection c ON c.id = r.connection_id
         WHERE c.name = '{connection}'
         UNION ALL
         SELECT q.body FROM rejected_resource q JOIN connection c ON c.id = q.connection_id
         WHERE c.name = '{connection}'"
    ));
    rows.concat().into_iter().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_real_payers_lose_nothing_whatever_is_odd_in_them() {
    let Some(data) = shared("data") else { return };
    let mut found = Vec::new();
    for folder in ["bfd", "bluebutton", "carin", "us-core"] {
        recordings(data.join(folder), &mut found);
    }
    assert!(found.len() > 30, "only {} pages", found.len());
    let found = Arc::new(found);
    let origin = start(Arc::clone(&found)).await;
    let home = Home::new();
    let mut text = "[http]\ninitial_delay_milliseconds = 1\n".to_owned();
    for number in 0..found.len() {
        text.push_str(&format!(
            "[plans.p{number}]\nfhir_url = \"{origin}/{number}/r4\"\ntoken_url = \"{origin}/token\"\n\
             client_id = \"x\"\nclient_secret_file = \"secret\"\ngrant = \"client_credentials\"\n\
             requests_per_second = 1000\n"
        ));
    }
    fs::write(home.file("payersync.toml"), text).unwrap();
    home.write_private("secret", "a-secret-of-nothing");
    let run = |arguments: &[&str]| tokio::task::block_in_place(|| home.run(arguments));
    for number in 0..found.len() {
        let name = format!("c{number}");
        let connected = run(&["connect", &name, "--plan", &format!("p{number}")]);
        assert_eq!(connected.code, 0, "{}", connected.stderr);
    }
    let synced = run(&["sync"]);
    assert!([0, 2].contains(&synced.code), "{}: {}", synced.code, synced.stderr);
    let (mut resources, mut rejects) = (0, 0);
    for (number, recording) in found.iter().enumerate() {
        let file = recording.file.display();
        let held = held(&home, &format!("c{number}"));
        for resource in &recording.resources {
            assert!(held.contains(resource), "{file}: lost\n{resource:.300}");
        }
        resources += recording.resources.len();
        let state = home.rows(&format!(
            "SELECT state, coalesce(reason, '') FROM completeness
             WHERE connection = 'c{number}' AND resource_type = '{}'",
            recording.resource_type
        ));
        let expected = if recording.leads_on { "incomplete" } else { "complete" };
        assert_eq!(state[0][0], expected, "{file}: {state:?}");
        rejects += home.value::<i64>(&format!(
            "SELECT count(*) FROM rejected_resource q JOIN connection c ON c.id = q.connection_id
             WHERE c.name = 'c{number}'"
        ));
    }
    // Quarantine is no way out for what a payer sends in earnest: a page that answers with a type
    // that was not asked for is all there is.
    assert_eq!(home.rows("SELECT DISTINCT reason FROM rejected_resource"), [["wrong_type"]]);
    assert!(rejects * 20 < resources as i64, "{rejects} of {resources} in quarantine");
    eprintln!("{} pages, {resources} resources, {rejects} of them in quarantine", found.len());
    let verified = run(&["verify"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
}
