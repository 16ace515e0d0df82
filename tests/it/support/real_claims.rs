//! Claims that payers and their test systems published, with the resources that they refer to, as plans
//! of [`super::Served`].

use super::{Home, Served, shared};
use crate::tables::coverage;
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs,
    path::Path,
    process::Command,
};

/// The types that the marts are made of.
const TYPES: [&str; 9] = [
    "ExplanationOfBenefit",
    "Patient",
    "Coverage",
    "Organization",
    "Practitioner",
    "PractitionerRole",
    "Condition",
    "Medication",
    "MedicationDispense",
];

/// A home that has synced every set of published claims; `None`, with a message, if they are missing.
///
/// A connection is named after its set, with a number. Releases of one set have different content under
/// the same ids, so a plan of its own serves each version.
pub(crate) fn real_claims() -> Option<(Served, Home)> {
    let data = shared("data")?;
    let server = Served::start_with(200, "dependants = true\n");
    let mut connections = Vec::new();
    let mut serve = |set: &str, resources: Vec<Value>| {
        for (number, ndjson) in versions(resources).into_iter().enumerate() {
            let name = format!("{set}{number}");
            server.serve(&name, &ndjson);
            connections.push(name);
        }
    };
    for set in ["carin", "bfd", "bluebutton"] {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        coverage::resources(&data.join(set), &mut seen, &mut found);
        snapshots(&data.join(set), &mut seen, &mut found);
        serve(set, found);
    }
    let unpacked = tempfile::tempdir().unwrap();
    let mut tar = Command::new("tar");
    tar.arg("xzf").arg(data.join("synthea.tar.gz")).arg("-C").arg(unpacked.path());
    assert!(tar.status().unwrap().success());
    let mut found = Vec::new();
    coverage::resources(unpacked.path(), &mut HashSet::new(), &mut found);
    serve("synthea", found);
    let home = Home::new();
    let named: Vec<(&str, &str)> =
        connections.iter().map(|name| (name.as_str(), name.as_str())).collect();
    server.connect(&home, &named);
    home.run(&["sync"]);
    Some((server, home))
}

/// Adds the resources in a folder's snapshots of answers. A snapshot has a name, `=` and a JSON list.
fn snapshots(folder: &Path, seen: &mut HashSet<String>, found: &mut Vec<Value>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            snapshots(&path, seen, found);
        } else if path.extension().is_some_and(|ending| ending == "snap") {
            let text = fs::read_to_string(&path).unwrap();
            for (at, _) in text.match_indices("=[\n{") {
                let list = serde_json::Deserializer::from_str(&text[at + 1..]).into_iter().next();
                let list: Value = list.unwrap().unwrap();
                for answer in list.as_array().unwrap() {
                    coverage::open(answer.clone(), seen, found);
                }
            }
        }
    }
}

/// Resources as NDJSON, in as many parts as the id with the most versions has; no part has an id twice.
fn versions(resources: Vec<Value>) -> Vec<String> {
    let mut parts: BTreeMap<usize, String> = BTreeMap::new();
    let mut seen: HashMap<(String, String), usize> = HashMap::new();
    for resource in resources {
        let text = |key: &str| resource[key].as_str().unwrap_or_default().to_owned();
        let key = (text("resourceType"), text("id"));
        if !TYPES.contains(&key.0.as_str()) || key.1.is_empty() {
            continue;
        }
        let version = seen.entry(key).or_default();
        let part = parts.entry(*version).or_default();
        part.push_str(&resource.to_string());
        part.push('\n');
        *version += 1;
    }
    parts.into_values().collect()
}
