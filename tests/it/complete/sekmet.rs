//! A whole sync against a FHIR server that nobody here wrote, over data that nobody here made.
//!
//! `PAYERSYNC_TEST_SEKMET` is its address; CI starts it with `tests/servers/sekmet.yaml`. Its
//! tokens live two seconds at most, and since it counts from the whole second some end before the
//! answer's `expires_in` says so: the sync lives on several tokens and meets a 401 on its way.

use crate::complete::sekmet_data::{Changes, Key, Served, change, load, serve};
use crate::support::{Home, Recorder, server, shared};
use payersync::warehouse::embedded_marts;
use std::collections::{BTreeMap, HashSet};
use url::Url;

/// Resources of these are added, changed and deleted between two syncs.
const CHANGED_TYPES: [&str; 5] =
    ["Patient", "Coverage", "ExplanationOfBenefit", "Organization", "Observation"];
/// Small, so that there is much to page through.
const PAGE_SIZE: usize = 25;

fn configure(home: &Home, fhir_url: &Url, token_url: &Url) {
    let text = format!(
        "[plans.backend]\nfhir_url = \"{fhir_url}\"\ntoken_url = \"{token_url}\"\n\
         client_id = \"sync\"\nclient_secret_file = \"secret\"\ngrant = \"client_credentials\"\n\
         page_size = {PAGE_SIZE}\nrequests_per_second = 100\n"
    );
    std::fs::write(home.file("payersync.toml"), text).unwrap();
    home.write_private("secret", "loopback-secret");
}

/// The stored bytes of every live resource.
fn stored(home: &Home) -> BTreeMap<Key, String> {
    home.rows(
        "SELECT resource_type, resource_id, json FROM resource WHERE deleted_at IS NULL ORDER BY 1, 2",
    )
    .into_iter()
    .map(|row| {
        let [resource_type, id, json] = <[String; 3]>::try_from(row).unwrap();
        ((resource_type, id), json)
    })
    .collect()
}

/// A search that names a patient brings what the bare walk brought of that patient, byte for byte.
fn assert_searched_by_patient(everybody: &Home, fhir_url: &Url, token_url: &Url) {
    let types = ["Condition", "Coverage", "Encounter", "ExplanationOfBenefit", "Observation"];
    let subject = "coalesce(json ->> '$.subject.reference', json ->> '$.patient.reference',
                            json ->> '$.beneficiary.reference')";
    let names = types.map(|name| format!("'{name}'")).join(", ");
    let live = format!("FROM resource WHERE deleted_at IS NULL AND resource_type IN ({names})");
    let patient: String = everybody.value(&format!(
        "SELECT replace({subject}, 'Patient/', '') {live} AND {subject} LIKE 'Patient/%'
         GROUP BY 1 ORDER BY count(DISTINCT resource_type) DESC, count(*) DESC LIMIT 1"
    ));
    let resources = "SELECT resource_type, resource_id, json";
    let expected = everybody
        .rows(&format!("{resources} {live} AND {subject} = 'Patient/{patient}' ORDER BY 1, 2"));
    assert!(expected.len() > 10, "{} resources of one patient", expected.len());
    let home = Home::new();
    configure(&home, fhir_url, token_url);
    let file = home.file("payersync.toml");
    let more =
        format!("types = {types:?}\n[plans.backend.search]\ndefault = \"patient={{patient}}\"\n");
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + &more).unwrap();
    let run = |arguments: &[&str]| tokio::task::block_in_place(|| home.run(arguments));
    let connect = ["connect", "one", "--plan", "backend", "--patient", &patient];
    for arguments in [&connect[..], &["sync"]] {
        let outcome = run(arguments);
        assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    }
    assert!(home.rows(&format!("{resources} {live} ORDER BY 1, 2")) == expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_a_real_server_holds_arrives_as_it_serves_it() {
    let Some(root) = server("PAYERSYNC_TEST_SEKMET") else { return };
    let Some(data) = shared("data") else { return };
    let fhir_url = root.join("/fhir").unwrap();
    let loaded = load(&fhir_url, &data).await;
    let served = serve(&fhir_url, PAGE_SIZE).await;
    assert!(loaded.len() > 1500, "only {} resources were there to load", loaded.len());
    let is_served = |key: &&Key| !served.undeclared.contains(&key.0);
    assert!(loaded.iter().filter(is_served).all(|key| served.resources.contains_key(key)));

    let recorder = Recorder::start(root.join("/auth/token").unwrap()).await;
    let home = Home::new();
    configure(&home, &fhir_url, &recorder.url);
    let run = |arguments: &[&str]| tokio::task::block_in_place(|| home.run(arguments));
    let connected = run(&["connect", "everybody", "--plan", "backend"]);
    assert_eq!(connected.code, 0, "{}", connected.stderr);
    let first = run(&["sync"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert_eq!(
        home.rows("SELECT resource_type, reason, detail FROM rejected_resource"),
        [[""; 0]; 0]
    );
    assert_same(&stored(&home), &served.resources);
    assert_pages(&home, &served);
    assert_tables(&home, &served);
    assert_tokens(&recorder);

    let second = run(&["sync"]);
    assert_eq!(second.code, 0, "{}", second.stderr);
    let written: i64 = home.value(
        "SELECT sum(rows_written) FROM sync_walk WHERE run_id = (SELECT max(id) FROM sync_run)",
    );
    assert_eq!(written, 0, "{}", second.stderr);
    assert_same(&stored(&home), &served.resources);

    assert_searched_by_patient(&home, &fhir_url, &recorder.url);

    let changes = change(&fhir_url, &served, &CHANGED_TYPES).await;
    let now_served = serve(&fhir_url, PAGE_SIZE).await;
    let third = run(&["sync"]);
    assert_eq!(third.code, 0, "{}", third.stderr);
    assert_changes(&home, &changes, &now_served);
    let fourth = run(&["sync", "--full"]);
    assert_eq!(fourth.code, 0, "{}", fourth.stderr);
    assert_same(&stored(&home), &now_served.resources);
    assert_history(&home, &changes, &served);
    let verified = run(&["verify"]);
    assert_eq!(verified.code, 0, "{}", verified.stderr);
}

/// What the server has had added and changed is there, however a walk asked for it; what it has
/// deleted may still be: only a walk over everything can know.
fn assert_changes(home: &Home, changes: &Changes, served: &Served) {
    let stored = stored(home);
    for key in changes.added.iter().chain(&changes.changed) {
        assert_eq!(stored[key], served.resources[key], "{key:?}");
    }
    let deleted: HashSet<_> = changes.deleted.iter().collect();
    let live: BTreeMap<_, _> =
        stored.into_iter().filter(|(key, _)| !deleted.contains(key)).collect();
    assert_same(&live, &served.resources);
    let modes = home.rows(
        "SELECT mode, count(*), sum(resources_new), sum(resources_changed), sum(resources_deleted)
         FROM sync_walk WHERE run_id = 3 GROUP BY mode",
    );
    eprintln!("after the changes: {modes:?}");
    let incremental = "SELECT count(*) FROM sync_walk WHERE run_id = 3 AND mode = 'incremental'";
    assert!(home.value::<i64>(incremental) > 0, "{modes:?}");
}

/// What was changed or deleted is there as it was; what was deleted is marked, and in no table.
fn assert_history(home: &Home, changes: &Changes, before: &Served) {
    let versions: BTreeMap<Key, String> = home
        .rows("SELECT resource_type, resource_id, json FROM resource_version")
        .into_iter()
        .map(|row| <[String; 3]>::try_from(row).unwrap())
        .map(|[resource_type, id, json]| ((resource_type, id), json))
        .collect();
    assert_eq!(versions.len(), changes.changed.len() + changes.deleted.len());
    for key in changes.changed.iter().chain(&changes.deleted) {
        assert_eq!(versions[key], before.resources[key], "{key:?}");
    }
    let buried = home.rows(
        "SELECT resource_type, resource_id FROM resource WHERE deleted_at IS NOT NULL
         ORDER BY 1, 2",
    );
    let mut deleted: Vec<_> = changes.deleted.iter().map(|(a, b)| [a.clone(), b.clone()]).collect();
    deleted.sort();
    assert_eq!(buried, deleted);
    for (resource_type, id) in &changes.deleted {
        let table = match resource_type.as_str() {
            "ExplanationOfBenefit" => "explanation_of_benefit".to_owned(),
            name => name.to_lowercase(),
        };
        let rows: i64 = home.value(&format!("SELECT count(*) FROM {table} WHERE id = '{id}'"));
        assert_eq!(rows, 0, "{table} {id}");
    }
}

/// Every resource, and not one more, byte for byte.
fn assert_same(stored: &BTreeMap<Key, String>, served: &BTreeMap<Key, String>) {
    let missing: Vec<_> = served.keys().filter(|key| !stored.contains_key(*key)).collect();
    let invented: Vec<_> = stored.keys().filter(|key| !served.contains_key(*key)).collect();
    assert!(
        missing.is_empty() && invented.is_empty(),
        "missing {missing:?}, invented {invented:?}"
    );
    let changed: Vec<_> =
        served.iter().filter(|(key, json)| stored[*key] != **json).map(|(key, _)| key).collect();
    assert!(changed.is_empty(), "other bytes than served: {changed:?}");
}

/// Paging went to the end: as many pages as the server has, and what it declares as a total.
fn assert_pages(home: &Home, served: &Served) {
    for (resource_type, pages) in &served.pages {
        let walk = home.rows(&format!(
            "SELECT state, pages, resources_seen, declared_total FROM sync_walk
             WHERE resource_type = '{resource_type}'"
        ));
        let count = served.count(resource_type).to_string();
        let expected = ["complete".to_owned(), pages.to_string(), count.clone(), count.clone()];
        assert_eq!(walk, [expected], "{resource_type}");
        eprintln!("{resource_type}: {count} resources in {pages} pages");
    }
    let mut left = home
        .rows("SELECT resource_type FROM sync_walk WHERE state = 'not_served' AND reason = 'not_declared'")
        .concat();
    let mut undeclared = served.undeclared.clone();
    left.sort();
    undeclared.sort();
    assert_eq!(left, undeclared);
}

/// Every resource has its row in its type's own table, and every mart can be asked.
fn assert_tables(home: &Home, served: &Served) {
    for (table, resource_type) in [
        ("patient", "Patient"),
        ("coverage", "Coverage"),
        ("explanation_of_benefit", "ExplanationOfBenefit"),
        ("organization", "Organization"),
        ("practitioner", "Practitioner"),
        ("observation", "Observation"),
    ] {
        let rows: i64 = home.value(&format!("SELECT count(*) FROM {table}"));
        assert_eq!(rows as usize, served.count(resource_type), "{table}");
    }
    for mart in embedded_marts() {
        let rows: i64 = home.value(&format!("SELECT count(*) FROM (SELECT * FROM {})", mart.name));
        eprintln!("mart {}: {rows} rows", mart.name);
    }
}

/// More than one token was needed, and none was asked for twice.
fn assert_tokens(recorder: &Recorder) {
    let tokens = recorder.access_tokens_received();
    let distinct: HashSet<&String> = tokens.iter().collect();
    assert_eq!(distinct.len(), tokens.len());
    assert!(tokens.len() > 2, "{} tokens", tokens.len());
    eprintln!("{} tokens", tokens.len());
}
