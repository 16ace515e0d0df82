//! Which leaves of the stored resources no table depends on: paths and counts, never a value.
//!
//! A leaf is carried when the rows change with it: it is altered, every view of the type runs again,
//! and the rows are compared. That needs no knowledge of what a view reads, so it is as true for a
//! user's definitions as for ours. A path is tried in a few resources until one shows it carried.

use super::{
    error::{Doing, WarehouseError},
    table::Catalog,
};
use crate::view::json;
use rusqlite::Connection;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
};

/// Resources in which a path is tried before it counts as carried by no table.
const TRIES: u32 = 3;

/// Where profiles of the standard, of US Core and of CARIN live; other extensions are foreign.
const HOME_EXTENSIONS: [&str; 2] = ["http://hl7.org/fhir/", "http://terminology.hl7.org/"];

/// A path of leaves, such as `Claim.item.net.value`, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeafPath {
    /// From the resource type on; positions in arrays are left out.
    pub path: String,
    /// Leaves seen there.
    pub leaves: u64,
    /// When the first resource with it was received (RFC 3339).
    pub first_seen: String,
    /// Whether it lies in an extension that neither FHIR nor its US profiles define.
    pub foreign: bool,
    /// Whether a table depends on it.
    pub carried: bool,
}

/// Goes through resources and finds out which paths are carried.
#[derive(Debug)]
pub struct LeafSurvey<'a> {
    catalog: &'a Catalog,
    paths: BTreeMap<String, Known>,
}

#[derive(Debug)]
struct Known {
    leaves: u64,
    first_seen: String,
    foreign: bool,
    carried: bool,
    tries: u32,
}

impl<'a> LeafSurvey<'a> {
    /// A survey of what these tables carry.
    pub fn new(catalog: &'a Catalog) -> LeafSurvey<'a> {
        LeafSurvey { catalog, paths: BTreeMap::new() }
    }

    /// Takes one resource; what is no JSON object of a known type tells nothing.
    pub fn add(&mut self, resource_type: &str, text: &str, received_at: &str) {
        let Ok(resource) = serde_json::from_str::<Value>(text) else { return };
        let mut counts = BTreeMap::new();
        count(&resource, resource_type, false, &mut counts);
        let mut baseline = None;
        for (path, (leaves, foreign)) in counts {
            let known = self.paths.entry(path.clone()).or_insert_with(|| Known {
                leaves: 0,
                first_seen: received_at.to_owned(),
                foreign,
                carried: false,
                tries: 0,
            });
            known.leaves += leaves;
            if known.carried || known.tries >= TRIES {
                continue;
            }
            known.tries += 1;
            let before =
                *baseline.get_or_insert_with(|| rows(self.catalog, resource_type, &resource));
            let mut altered = resource.clone();
            alter(&mut altered, resource_type, &path);
            known.carried = rows(self.catalog, resource_type, &altered) != before;
        }
    }

    /// Every path, in order.
    pub fn finish(self) -> Vec<LeafPath> {
        self.paths
            .into_iter()
            .map(|(path, known)| LeafPath {
                path,
                leaves: known.leaves,
                first_seen: known.first_seen,
                foreign: known.foreign,
                carried: known.carried,
            })
            .collect()
    }
}

/// Surveys every live resource.
pub(super) fn survey(
    connection: &Connection,
    catalog: &Catalog,
) -> Result<Vec<LeafPath>, WarehouseError> {
    let doing = "cannot read the stored resources";
    let mut survey = LeafSurvey::new(catalog);
    let mut statement = connection
        .prepare(
            "SELECT resource_type, json, received_at FROM resource
             WHERE deleted_at IS NULL ORDER BY received_at, id",
        )
        .doing(doing)?;
    let mut found = statement.query([]).doing(doing)?;
    while let Some(row) = found.next().doing(doing)? {
        let text = |column| row.get_ref(column).and_then(|value| Ok(value.as_str()?)).doing(doing);
        survey.add(text(0)?, text(1)?, text(2)?);
    }
    Ok(survey.finish())
}

/// Counts the leaves of each path, but for the narrative, `meta` and what names the type.
fn count(value: &Value, path: &str, foreign: bool, counts: &mut BTreeMap<String, (u64, bool)>) {
    match value {
        Value::Object(members) => {
            let foreign = foreign || is_foreign(path, members.get("url"));
            for (name, member) in members {
                if !is_left_out(path, name) {
                    count(member, &format!("{path}.{name}"), foreign, counts);
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| count(item, path, foreign, counts)),
        Value::Null => {}
        _ => counts.entry(path.to_owned()).or_insert((0, foreign)).0 += 1,
    }
}

fn is_foreign(path: &str, url: Option<&Value>) -> bool {
    let is_extension = path.ends_with("xtension");
    // The parts of a complex extension have short names in place of URLs.
    let url = url.and_then(Value::as_str).filter(|url| url.contains(':'));
    is_extension && url.is_some_and(|url| !HOME_EXTENSIONS.iter().any(|home| url.starts_with(home)))
}

fn is_left_out(path: &str, name: &str) -> bool {
    let is_root = !path.contains('.');
    name == "resourceType" || is_root && matches!(name, "meta" | "text")
}

/// Alters every leaf of a path.
fn alter(value: &mut Value, path: &str, target: &str) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let below = format!("{path}.{name}");
                let leads_there = target == below
                    || target.strip_prefix(&below).is_some_and(|rest| rest.starts_with('.'));
                if leads_there && !is_left_out(path, name) {
                    alter(member, &below, target);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| alter(item, path, target)),
        Value::String(text) if path == target => text.push('x'),
        Value::Bool(flag) if path == target => *flag = !*flag,
        Value::Number(number) if path == target => {
            *value = Value::from(number.as_f64().unwrap_or_default() + 1.0);
        }
        _ => {}
    }
}

/// A hash of all rows that a resource gives; of the error, where one view cannot take it.
fn rows(catalog: &Catalog, resource_type: &str, resource: &Value) -> u64 {
    let text = resource.to_string();
    let mut hasher = DefaultHasher::new();
    let Ok(node) = json::parse(text.as_bytes(), json::Limits::default()) else { return 0 };
    for position in catalog.of_type(resource_type) {
        let ran = catalog.table(*position).view.run(&node, &mut |row| {
            position.hash(&mut hasher);
            row.iter().for_each(|value| value.to_json().hash(&mut hasher));
        });
        ran.is_ok().hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_no_column_reads_is_found_and_one_that_is_read_is_not() {
        let catalog = Catalog::embedded().unwrap();
        let mut survey = LeafSurvey::new(&catalog);
        let patient = r#"{"resourceType":"Patient","id":"p","gender":"female","active":true,
            "odd":{"inner":[1,2]},"text":{"div":"x"},"meta":{"versionId":"1"},
            "extension":[{"url":"https://acme.test/x","valueString":"y"}]}"#;
        survey.add("Patient", patient, "2026-01-01T00:00:00.000Z");
        let paths = survey.finish();
        let carried = |path: &str| paths.iter().find(|leaf| leaf.path == path).unwrap().carried;
        assert!(carried("Patient.gender") && carried("Patient.active") && carried("Patient.id"));
        assert!(!carried("Patient.odd.inner"));
        let odd = paths.iter().find(|leaf| leaf.path == "Patient.odd.inner").unwrap();
        assert_eq!((odd.leaves, odd.foreign), (2, false));
        assert!(
            paths.iter().any(|leaf| leaf.path == "Patient.extension.valueString" && leaf.foreign)
        );
        assert!(!paths.iter().any(|leaf| leaf.path.contains("text") || leaf.path.contains("meta")));
    }
}
