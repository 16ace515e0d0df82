//! How much of real data the tables carry: of all leaves outside narrative, `meta` and foreign
//! extensions, at least 97 % for the types that every payer serves, at least 85 % for the rest.

use crate::support::shared;
use payersync::{
    fhir::resource_type,
    warehouse::{Catalog, LeafPath, LeafSurvey},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, HashSet},
    fs,
    path::Path,
    process::Command,
};

/// Types with fewer leaves than this in the shared data tell nothing.
const ENOUGH: u64 = 50;

/// R4 resources of the files below a folder: Bundles opened, each text once.
pub(crate) fn resources(folder: &Path, seen: &mut HashSet<String>, found: &mut Vec<Value>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            resources(&path, seen, found);
        } else if path.extension().is_some_and(|ending| ending == "json")
            && let Ok(text) = fs::read_to_string(&path)
            && let Ok(value) = serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}'))
        {
            open(value, seen, found);
        }
    }
}

/// Takes a resource, or those of a Bundle, that are R4 and new.
pub(crate) fn open(value: Value, seen: &mut HashSet<String>, found: &mut Vec<Value>) {
    if let Some(entries) = value["entry"].as_array() {
        for entry in entries {
            open(entry["resource"].clone(), seen, found);
        }
        return;
    }
    let known = value["resourceType"].as_str().is_some_and(|name| resource_type(name).is_some());
    // STU3 has these where R4 has others; its claims are another resource under the same name.
    let is_stu3 = ["information", "totalCost", "hospitalization", "benefit"]
        .iter()
        .any(|name| value["resourceType"] == "ExplanationOfBenefit" && value.get(*name).is_some())
        || value.pointer("/item/0/service").is_some()
        || value.pointer("/item/0/careTeamLinkId").is_some();
    if known && !is_stu3 && seen.insert(value.to_string()) {
        found.push(value);
    }
}

/// Every path of the real data of payers and systems of care; `None` where there is none.
pub(crate) fn paths_of_real_data() -> Option<Vec<LeafPath>> {
    let data = shared("data")?;
    let (mut seen, mut found) = (HashSet::new(), Vec::new());
    for folder in ["carin", "bfd", "bluebutton", "us-core"] {
        resources(&data.join(folder), &mut seen, &mut found);
    }
    for archive in ["synthea.tar.gz", "r4-official.tar.gz"] {
        let unpacked = tempfile::tempdir().unwrap();
        let mut tar = Command::new("tar");
        tar.arg("xzf").arg(data.join(archive)).arg("-C").arg(unpacked.path());
        assert!(tar.status().unwrap().success());
        resources(unpacked.path(), &mut seen, &mut found);
    }
    let catalog = Catalog::embedded();
    let mut survey = LeafSurvey::new(&catalog);
    for resource in &found {
        survey.add(resource["resourceType"].as_str().unwrap(), &resource.to_string(), "");
    }
    Some(survey.take())
}

#[test]
fn the_tables_carry_nearly_all_of_real_data() {
    let Some(paths) = paths_of_real_data() else { return };
    let mut shares: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for leaf in paths.iter().filter(|leaf| !leaf.foreign) {
        let share = shares.entry(&leaf.resource_type).or_default();
        share.0 += leaf.leaves;
        share.1 += if leaf.carried { leaf.leaves } else { 0 };
    }
    let mut short = Vec::new();
    for (name, (all, carried)) in shares {
        let percent = carried as f64 * 100.0 / all as f64;
        eprintln!("{name:<24} {carried:>8} of {all:>8} leaves, {percent:.2} %");
        let required = resource_type(name).is_some_and(|known| known.required);
        let least = if required { 97.0 } else { 85.0 };
        if all >= ENOUGH && percent < least {
            let mut left: Vec<_> = paths
                .iter()
                .filter(|leaf| !leaf.carried && !leaf.foreign && leaf.resource_type == name)
                .map(|leaf| (leaf.leaves, leaf.path.as_str()))
                .collect();
            left.sort_unstable_by(|one, other| other.cmp(one));
            left.truncate(12);
            short.push(format!("{name}: {percent:.2} %: {left:?}"));
        }
    }
    assert!(short.is_empty(), "{short:#?}");
}
