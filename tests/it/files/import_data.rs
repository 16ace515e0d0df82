//! Every file of the shared data, imported: each resource is in the tables or in quarantine with its
//! reason, its bytes as in the file. What the files hold is told by another reader, serde_json.

use crate::support::{Home, shared};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

#[derive(Deserialize)]
struct Resource<'a> {
    #[serde(rename = "resourceType")]
    resource_type: Option<String>,
    #[serde(borrow, default)]
    entry: Option<Vec<Entry<'a>>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow, default)]
    resource: Option<&'a RawValue>,
    #[serde(default)]
    search: Option<Search>,
}

#[derive(Deserialize)]
struct Search {
    mode: Option<String>,
}

impl Entry<'_> {
    /// Whether it is the server's word about the search, and no resource of anybody's.
    fn is_outcome(&self) -> bool {
        let search = self.search.as_ref();
        search.and_then(|search| search.mode.as_deref()) == Some("outcome")
    }
}

/// The resources of a text: itself, its elements, or what its Bundle holds.
fn resources(text: &str, found: &mut Vec<String>) {
    if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(text) {
        return list.iter().for_each(|one| resources(one.get(), found));
    }
    match serde_json::from_str::<Resource<'_>>(text) {
        Ok(Resource { resource_type: Some(name), entry }) if name == "Bundle" => {
            for entry in entry.unwrap_or_default().into_iter().filter(|one| !one.is_outcome()) {
                if let Some(resource) = entry.resource {
                    resources(resource.get(), found);
                }
            }
        }
        _ => found.push(text.to_owned()),
    }
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = entry.path();
        // A folder's hidden files are not its contents: package managers keep their own lists there.
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            found.extend(json_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "json") {
            found.push(path);
        }
    }
    found
}

/// What a resource says, but for which version it is and since when.
fn content(json: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(json).ok()?;
    if let Some(meta) = value.get_mut("meta").and_then(Value::as_object_mut) {
        meta.remove("versionId");
        meta.remove("lastUpdated");
    }
    Some(value.to_string())
}

/// Imports a folder; returns how many resources are stored, superseded and rejected.
fn taken_in(name: &str, folder: &Path) -> [i64; 3] {
    let home = Home::new();
    let outcome = home.run(&["import", name, folder.to_str().unwrap(), "--dependants"]);
    assert!(matches!(outcome.code, 0 | 2), "{name}: {}", outcome.stderr);
    let texts = |sql: &str| home.rows(sql).concat().into_iter().collect::<HashSet<String>>();
    let held = texts("SELECT json FROM resource UNION SELECT json FROM resource_version");
    let rejected = texts("SELECT body FROM rejected_resource WHERE resolved_at IS NULL");
    let contents: HashSet<String> = held.iter().filter_map(|json| content(json)).collect();
    let (mut missing, mut files, mut unread) = (BTreeMap::new(), 0, Vec::new());
    for path in json_files(folder) {
        files += 1;
        let bytes = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_start_matches('\u{feff}').trim();
        if serde_json::from_str::<&RawValue>(text).is_err() {
            unread.push(path.display().to_string());
            continue;
        }
        let mut found = Vec::new();
        resources(text, &mut found);
        for resource in found {
            // The same content, spaced otherwise or under another date, is stored once.
            let is_held = held.contains(&resource)
                || content(&resource).is_some_and(|content| contents.contains(&content));
            if !is_held && !rejected.contains(&resource) {
                missing.entry(path.clone()).or_insert(resource);
            }
        }
    }
    assert!(missing.is_empty(), "{name}: {missing:#?}");
    for path in &unread {
        let is_told = outcome.stderr.contains(path.as_str()) || {
            let text = fs::read_to_string(path).unwrap();
            rejected.contains(text.trim())
        };
        assert!(is_told, "{name}: {path} is neither told nor rejected: {}", outcome.stderr);
    }
    let reasons = home.rows(
        "SELECT reason, resource_type, count(*) FROM rejected_resource
         WHERE resolved_at IS NULL GROUP BY 1, 2 ORDER BY 1, 2",
    );
    eprintln!("{name}: {files} files, unread {unread:?}, rejected {reasons:?}");
    let again = home.run(&["import", name, folder.to_str().unwrap(), "--dependants"]);
    assert!(again.stderr.contains(" 0 rows written"), "{name}: {}", again.stderr);
    home.succeed(&["verify"], name);
    let count = |table: &str| home.value::<i64>(&format!("SELECT count(*) FROM {table}"));
    [count("resource"), count("resource_version"), count("rejected_resource")]
}

#[test]
fn every_resource_of_the_shared_data_is_in_the_tables_or_in_quarantine_with_its_bytes() {
    let Some(data) = shared("data") else { return };
    for (name, least) in [("carin", 90), ("bfd", 20), ("bluebutton", 1), ("us-core", 50)] {
        let counts = taken_in(name, &data.join(name));
        eprintln!("{name}: stored, superseded, rejected: {counts:?}");
        assert!(counts[0] >= least, "{name}: {counts:?}");
    }
    for (name, least) in [("synthea", 50), ("r4-official", 300)] {
        let unpacked = tempfile::tempdir().unwrap();
        let mut tar = Command::new("tar");
        tar.arg("xzf").arg(data.join(format!("{name}.tar.gz"))).arg("-C").arg(unpacked.path());
        assert!(tar.status().unwrap().success());
        let counts = taken_in(name, unpacked.path());
        eprintln!("{name}: stored, superseded, rejected: {counts:?}");
        assert!(counts[0] >= least, "{name}: {counts:?}");
    }
}
