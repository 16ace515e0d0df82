//! docs/logs.md and docs/log.schema.json say what the lines of the log are; the lines agree.

use crate::{
    support::{Home, Payer, SHORT_SYNC, bash, scripts},
    tidy_source::sources,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../../../docs/logs.md");
const SCHEMA: &str = include_str!("../../../docs/log.schema.json");
const ALWAYS: [&str; 5] = ["timestamp", "level", "target", "event", "message"];
/// On every line that is written while a connection is synced.
const IDS: [&str; 2] = ["run_id", "connection_id"];

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

/// The names between backticks.
fn names(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Each event of the page with its levels and fields.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        (cells[1].trim_matches('`').to_owned(), (cells[2].to_owned(), names(cells[4])))
    })
    .collect()
}

#[test]
fn page_schema_and_source_have_the_same_events_and_fields() {
    let schema = schema();
    let documented = documented();
    let events: BTreeSet<&str> = schema["properties"]["event"]["enum"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert_eq!(documented.keys().map(String::as_str).collect::<BTreeSet<_>>(), events);
    let mut fields: BTreeSet<&str> =
        documented.values().flat_map(|(_, fields)| fields).map(String::as_str).collect();
    fields.extend(ALWAYS);
    fields.extend(IDS);
    let known = schema["properties"].as_object().unwrap().keys().map(String::as_str);
    assert_eq!(fields, known.collect());
    let mut named = BTreeSet::from(["log".to_owned()]);
    for source in sources() {
        let product = source.product.replace("tracing::Level", "");
        for level in ["error", "warn", "info", "debug", "trace"] {
            for event in product.split(&format!("tracing::{level}!(")).skip(1) {
                let name =
                    event.trim_start().strip_prefix("name: \"").and_then(|it| it.split('"').next());
                let name =
                    name.unwrap_or_else(|| panic!("{}: an event without a name", source.path));
                let (levels, _) = &documented[name];
                assert!(
                    levels.contains(&level.to_uppercase()),
                    "{name} is {level}, and not {levels}"
                );
                named.insert(name.to_owned());
            }
        }
    }
    assert_eq!(named, documented.keys().cloned().collect());
}

/// Checks the lines; returns their events.
#[track_caller]
fn checked(stderr: &str) -> BTreeSet<String> {
    let (schema, documented) = (schema(), documented());
    let check = |line: &str| {
        let object: Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let object = object.as_object().unwrap().clone();
        let event = object["event"].as_str().unwrap().to_owned();
        let (levels, fields) = documented.get(&event).unwrap_or_else(|| panic!("{line}"));
        assert!(levels == "any" || levels.contains(object["level"].as_str().unwrap()), "{line}");
        assert!(ALWAYS.iter().all(|name| object.contains_key(*name)), "{line}");
        for (name, value) in object {
            let is_everywhere = ALWAYS.iter().chain(&IDS).any(|it| *it == name);
            assert!(is_everywhere || fields.contains(&name), "{name}: {line}");
            let is_right = match schema["properties"][&name]["type"].as_str() {
                Some("string") => value.is_string(),
                Some("integer") => value.is_u64(),
                Some("boolean") => value.is_boolean(),
                Some("object") => value.is_object(),
                _ => schema["properties"][&name]["enum"].as_array().unwrap().contains(&value),
            };
            assert!(is_right, "{name}: {line}");
        }
        event
    };
    stderr.lines().map(check).collect()
}

#[test]
fn every_line_is_as_the_schema_has_it() {
    let payer = Payer::small();
    let home = payer.connected_home();
    let logged = |arguments: &[&str]| {
        let outcome = home.run(&[&["--log-format", "json", "--log", "trace"], arguments].concat());
        checked(&outcome.stderr)
    };
    let mut seen = logged(&SHORT_SYNC);
    seen.extend(logged(&["rebuild"]));
    seen.extend(logged(&["sync", "nobody"]));
    drop(payer);
    seen.extend(logged(&[&SHORT_SYNC[..], &["--full"]].concat()));
    for event in [
        "walk_started",
        "page_stored",
        "walk_finished",
        "request_repeated",
        "run_finished",
        "failure",
        "told",
        "log",
    ] {
        assert!(seen.contains(event), "{event}: {seen:?}");
    }
}

#[test]
fn the_example_of_the_page_runs() {
    let payer = Payer::small();
    let home: Home = payer.connected_home();
    let work = tempfile::tempdir().unwrap();
    let outcome = bash(&scripts(PAGE)[0], work.path(), home.path(), &[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stdout.contains(" run_finished 0 "), "{}", outcome.stdout);
}
