//! The standard's conformance cases, read from the shared data folder if it exists.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use crate::view::json::{Limits, parse};
use crate::view::{View, ViewError};

/// The number of cases known when this was written; a newer copy may have more.
const KNOWN_CASES: usize = 148;

fn shared_cases() -> Option<PathBuf> {
    let shared = std::env::var("PAYERSYNC_SHARED").unwrap_or_else(|_| "../shared".to_owned());
    let folder = Path::new(&shared).join("sql-on-fhir");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "the conformance cases are required under CI=true"
    );
    eprintln!("SKIPPED: no conformance cases in {}", folder.display());
    None
}

/// The rows of a view over resources, as JSON objects.
pub(super) fn rows(view: &View, resources: &[Json]) -> Result<Vec<Json>, ViewError> {
    let mut rows = Vec::new();
    for resource in resources {
        let text = resource.to_string();
        let node = parse(text.as_bytes(), Limits::default()).unwrap();
        let count = view.run(&node, &mut |row| {
            let cells = view.columns.iter().zip(row).map(|(column, value)| {
                (column.name.clone(), serde_json::from_str(&value.to_json()).unwrap())
            });
            rows.push(Json::Object(cells.collect()));
        })?;
        assert!(usize::try_from(count).unwrap() <= rows.len());
    }
    Ok(rows)
}

/// Numbers are compared by value, so that `5` and `5.0` make the same row.
fn canonical(json: &Json) -> String {
    match json {
        Json::Number(number) => format!("{}", number.as_f64().unwrap()),
        Json::Array(items) => {
            format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(","))
        }
        Json::Object(members) => {
            let sorted: BTreeMap<_, _> =
                members.iter().map(|(key, value)| (key, canonical(value))).collect();
            format!("{sorted:?}")
        }
        other => other.to_string(),
    }
}

fn sorted(rows: &[Json]) -> Vec<String> {
    let mut rows: Vec<_> = rows.iter().map(canonical).collect();
    rows.sort();
    rows
}

/// Checks a case; the error says why it fails.
pub(super) fn check(case: &Json, resources: &[Json]) -> Result<(), String> {
    let expects_error = case.get("expectError") == Some(&Json::Bool(true));
    let view = match View::from_json(&case["view"].to_string()) {
        Ok(view) => view,
        Err(_) if expects_error => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    let rows = match rows(&view, resources) {
        Ok(_) if expects_error => return Err("an error was expected".to_owned()),
        Ok(rows) => rows,
        Err(_) if expects_error => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    if let Some(expected) = case.get("expect") {
        let (expected, actual) = (sorted(expected.as_array().unwrap()), sorted(&rows));
        if expected != actual {
            return Err(format!("expected {expected:#?}\n  but got {actual:#?}"));
        }
    }
    if let Some(expected) = case.get("expectCount").and_then(Json::as_u64)
        && expected != rows.len() as u64
    {
        return Err(format!("expected {expected} rows but got {}", rows.len()));
    }
    if let Some(expected) = case.get("expectColumns") {
        let names: Vec<_> = view.columns.iter().map(|column| column.name.clone()).collect();
        if *expected != Json::from(names.clone()) {
            return Err(format!("expected columns {expected} but got {names:?}"));
        }
    }
    Ok(())
}

#[test]
fn every_case_of_the_standard_passes() {
    let Some(folder) = shared_cases() else { return };
    let mut files: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let (mut passed, mut total) = (0, 0);
    let mut failures = String::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let suite: Json = serde_json::from_str(&text).unwrap();
        let Some(cases) = suite.get("tests").and_then(Json::as_array) else { continue };
        let resources = suite["resources"].as_array().unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let mut passed_here = 0;
        for case in cases {
            match check(case, resources) {
                Ok(()) => passed_here += 1,
                Err(problem) => {
                    failures.push_str(&format!("{name}: {}: {problem}\n", case["title"]));
                }
            }
        }
        println!("{name:<26} {passed_here:>3}/{}", cases.len());
        passed += passed_here;
        total += cases.len();
    }
    println!("{:<26} {passed:>3}/{total}", "all");
    assert!(failures.is_empty(), "\n{failures}");
    assert_eq!(passed, total);
    assert!(total >= KNOWN_CASES, "only {total} of {KNOWN_CASES} cases found");
}
