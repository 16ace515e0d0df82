//! A random server history against the warehouse: what it claims must be true, night after night.
//!
//! The server inserts, updates, deletes, back-dates and misbehaves at random. After each night:
//! a complete full walk equals the server's truth; a complete incremental one equals it for
//! everything that changed since; an incomplete one says so, and holds only what was once served.

mod server;

use payersync::{
    auth::{ClientRegistration, GrantKind, TokenAuth, Tokens, TypedUrl, Vault},
    clock::Clock,
    http::{HttpClient, HttpOptions},
    monitor::Silent,
    outcome::WalkState,
    sync::{Report, Stop, SyncContext, SyncOptions, Target, sync},
    warehouse::{Catalog, ConnectionRow, NewConsent, TypeStatus, Warehouse},
};
use server::{Dice, Server, TYPES};
use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

const NIGHTS: u32 = 14;
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const HOUR: Duration = Duration::from_secs(60 * 60);

struct House {
    context: SyncContext,
    target: Target,
    // Without it nobody could ever ask to stop, which `Stop` takes for an end.
    _handle: payersync::sync::StopHandle,
}

async fn house(home: &Path, server: &Server) -> House {
    let clock = {
        let model = Arc::clone(&server.model);
        Clock::from_fn(move || model.lock().unwrap().now)
    };
    let path = home.join("warehouse.db");
    let catalog = Catalog::embedded().unwrap();
    let warehouse = Warehouse::open(
        &payersync::warehouse::WarehouseFile::in_clear(&path),
        catalog,
        clock.clone(),
        &Silent,
    )
    .unwrap();
    let connection: ConnectionRow = warehouse
        .consent(NewConsent {
            uid: "model".into(),
            name: "model".into(),
            plan: "model".into(),
            member: None,
            scope: None,
            patient_id: None,
        })
        .await
        .unwrap();
    let http =
        HttpClient::new(HttpOptions { max_attempts: 3, ..HttpOptions::impatient() }).unwrap();
    let vault = Vault::open(home, None).unwrap();
    let url = |path: &str| format!("{}{path}", server.origin).parse().unwrap();
    let registration = ClientRegistration {
        plan: "model".into(),
        authorize_url: None,
        token_url: url("/token"),
        fhir_url: url("/r4"),
        client_id: "c".into(),
        client_secret: Some("s".into()),
        redirect_url: TypedUrl::parse(url("/callback").as_str()).unwrap(),
        scope: None,
        pkce: true,
        audience: None,
        send_redirect_uri: true,
        extra_authorize_params: vec![],
        token_auth: TokenAuth::Post,
        grant: GrantKind::ClientCredentials,
    };
    let (handle, stop) = Stop::new();
    House {
        context: SyncContext {
            warehouse: Arc::new(warehouse),
            tokens: Tokens::new(http.clone(), vault, home),
            http,
            monitor: Arc::new(Silent),
            clock,
            stop,
        },
        target: Target {
            connection,
            registration: Arc::new(registration),
            page_size: 5,
            concurrency: 4,
            types: TYPES.iter().map(|name| (*name).to_owned()).collect(),
            dependants: false,
            proxied_origins: Arc::new([]),
            bases: Arc::default(),
        },
        _handle: handle,
    }
}

impl House {
    async fn night(&self, full: bool) -> Report {
        let options = SyncOptions {
            count_unmapped_paths: false,
            command: "model".into(),
            full,
            types: vec![],
            full_walk_every: 5 * DAY,
            overlap: 2 * HOUR,
            backfill: None,
            keep_versions: None,
            max_requests: None,
            connections_in_parallel: 1,
            shrink_limit_percent: 100,
            strict_totals: false,
        };
        sync(&self.context, vec![self.target.clone()], &options).await.unwrap()
    }
}

/// The live resources of a type, as stored.
fn stored(home: &Path, resource_type: &str) -> BTreeMap<String, String> {
    let connection = rusqlite::Connection::open(home.join("warehouse.db")).unwrap();
    let mut statement = connection
        .prepare("SELECT resource_id, json FROM resource WHERE resource_type = ?1 AND deleted_at IS NULL")
        .unwrap();
    statement
        .query_map([resource_type], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

fn check(home: &Path, server: &Server, status: &TypeStatus, night: &str) {
    let model = server.model.lock().unwrap();
    let held = stored(home, &status.resource_type);
    let truth = model.truth(&status.resource_type);
    let what = format!("{night}: {} {} {:?}", status.resource_type, status.mode, status.reason);
    for (id, json) in &held {
        assert!(model.was_served(&status.resource_type, id, json), "{what}: invented {id}");
    }
    if status.state != WalkState::Complete {
        assert_eq!(status.state, WalkState::Incomplete, "{what}");
        return;
    }
    let connection = rusqlite::Connection::open(home.join("warehouse.db")).unwrap();
    let (since, resumed, as_of): (Option<String>, bool, String) = connection
        .query_row(
            "SELECT since, pages_before > 0, walk_started_at FROM sync_walk
             WHERE resource_type = ?1 ORDER BY id DESC LIMIT 1",
            [&status.resource_type],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .unwrap();
    assert_eq!(status.complete_as_of.as_ref(), Some(&as_of), "{what}");
    let name = &status.resource_type;
    for (id, json) in &truth {
        let must_be_known = match (&since, resumed) {
            // From start to end in one night: everything.
            (None, false) => true,
            // Begun on an earlier night: complete as of then, and says so.
            (None, true) => model.touched_at(name, id) <= as_of,
            // What changed since, by the date that it carries.
            (Some(since), false) => model.changed_at(name, id) >= *since,
            (Some(since), true) => {
                model.changed_at(name, id) >= *since && model.touched_at(name, id) <= as_of
            }
        };
        if must_be_known {
            assert_eq!(held.get(id), Some(json), "{what}: {id}, since {since:?}");
        }
    }
    if since.is_none() && !resumed {
        let gone = held.keys().filter(|id| !truth.contains_key(*id)).count();
        assert_eq!(gone, 0, "{what}: deleted and still there");
    }
}

fn live_rows(home: &Path, table: &str) -> usize {
    let connection = rusqlite::Connection::open(home.join("warehouse.db")).unwrap();
    connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

async fn history(seed: u64) {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(seed).await;
    let house = house(home.path(), &server).await;
    let mut dice = Dice::new(seed);
    for night in 0..NIGHTS {
        let name = format!("seed {seed}, night {night}");
        server.model.lock().unwrap().live_a_day(&mut dice);
        let report = house.night(false).await;
        let statuses = house.context.warehouse.status().unwrap();
        assert_eq!(statuses.len(), TYPES.len(), "{name}");
        let all_complete = statuses.iter().all(|status| status.state == WalkState::Complete);
        let clean = report.exit_code() as u8 == 0;
        assert_eq!(clean, all_complete, "{name}: {}", report.summary());
        for status in &statuses {
            check(home.path(), &server, status, &name);
            let table = status.resource_type.to_lowercase();
            let held = stored(home.path(), &status.resource_type).len();
            assert_eq!(live_rows(home.path(), &table), held, "{name}: rows of {table}");
        }
    }
    server.model.lock().unwrap().behave();
    let report = house.night(true).await;
    assert_eq!(report.exit_code() as u8, 0, "seed {seed}: {}", report.summary());
    for name in TYPES {
        let truth = server.model.lock().unwrap().truth(name);
        assert!(stored(home.path(), name) == truth, "seed {seed}: {name} at last");
    }
    let quiet = house.night(true).await;
    assert_eq!(quiet.totals().rows_written, 0, "seed {seed}: a quiet night writes nothing");
}

#[test]
fn what_the_warehouse_claims_is_true_night_after_night() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let failures: Mutex<Vec<u64>> = Mutex::default();
    let seeds: u64 = std::env::var("PAYERSYNC_TEST_SEEDS").map_or(8, |text| text.parse().unwrap());
    for seed in 0..seeds {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            runtime.block_on(history(seed));
        }));
        if result.is_err() {
            failures.lock().unwrap().push(seed);
        }
    }
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "seeds {failures:?}");
}
