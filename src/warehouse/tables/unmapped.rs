//! Finds leaves of the stored resources that no table depends on: paths and counts, never a value.
//!
//! A leaf counts as carried if a change to it changes the rows. A cell that borrows a leaf's text shows that
//! the leaf is carried. Any other leaf is altered, every view of the type runs again, and the rows are
//! compared. No knowledge of what a view reads is needed, so the result holds for a user's definitions as
//! for ours. A path is tried in a few resources, until one of them shows that it is carried. Each position in
//! a list is tried separately, so a second coding, which a column with `first()` leaves out, is counted.

use super::{
    path_tree::{PathId, PathTree},
    table::Catalog,
};
use crate::{
    reference::ServerBases,
    view::{
        Value,
        json::{self, Node},
    },
    warehouse::error::{Doing, WarehouseError},
};
use rusqlite::Connection;
use serde::Serialize;
use std::{
    borrow::Cow,
    collections::BTreeMap,
    hash::{DefaultHasher, Hash, Hasher},
    sync::LazyLock,
};

/// How many resources a path is tried in before it counts as carried by no table.
const TRIES: u8 = 3;

/// A path of leaves, such as `Claim.item.net.value`, and how often it occurs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeafPath {
    /// The type of the resources that have the path.
    pub resource_type: String,
    /// The path, beginning with the resource type, without positions in arrays. If some positions are
    /// carried and others are not, the path is listed twice.
    pub path: String,
    /// The number of resources with this path; for several positions, the largest number of any of them.
    pub resources: u64,
    /// The number of leaves with this path.
    pub leaves: u64,
    /// When the first resource with the path was received (RFC 3339).
    pub first_seen: String,
    /// Whether the path is in an extension that neither FHIR nor its US profiles define.
    pub foreign: bool,
    /// Whether a table depends on the path.
    pub carried: bool,
}

/// Goes through resources and finds out which paths are carried.
#[derive(Debug)]
pub struct LeafSurvey<'a> {
    catalog: &'a Catalog,
    types: BTreeMap<String, TypeSurvey>,
}

#[derive(Debug)]
struct TypeSurvey {
    tree: PathTree,
    known: Vec<Known>,
    resources: u64,
}

/// What is known of a path; [`LeafSurvey::take`] sets the counts back to zero.
#[derive(Debug, Clone, Default)]
struct Known {
    carried: bool,
    tries: u8,
    leaves: u64,
    resources: u64,
    /// The number of the latest resource with this path, so that each resource counts once.
    latest: u64,
    first_seen: String,
}

impl<'a> LeafSurvey<'a> {
    /// A survey of what these tables carry.
    pub fn new(catalog: &'a Catalog) -> LeafSurvey<'a> {
        LeafSurvey { catalog, types: BTreeMap::new() }
    }

    /// Adds one resource; a text that is not JSON is ignored.
    pub fn add(&mut self, resource_type: &str, text: &str, received_at: &str) {
        let Ok(resource) = json::parse(text.as_bytes(), json::Limits::default()) else { return };
        let survey = self.types.entry(resource_type.to_owned()).or_insert_with(|| TypeSurvey {
            tree: PathTree::new(resource_type),
            known: Vec::new(),
            resources: 0,
        });
        let open = survey.count(&resource, received_at);
        if !open.is_empty() {
            survey.try_paths(open, &resource, &Rows { catalog: self.catalog, resource_type });
        }
    }

    /// Returns every path since the last call, in order. Counting then starts anew, but what is known to
    /// be carried is kept.
    pub fn take(&mut self) -> Vec<LeafPath> {
        let mut paths: BTreeMap<(String, bool, bool), LeafPath> = BTreeMap::new();
        for (resource_type, survey) in &mut self.types {
            let tree = &survey.tree;
            for (path, known) in survey.known.iter_mut().enumerate() {
                let counted = std::mem::take(&mut known.leaves);
                if counted == 0 {
                    continue;
                }
                let resources = std::mem::take(&mut known.resources);
                let first_seen = std::mem::take(&mut known.first_seen);
                let key = (tree.text(path), tree.is_foreign(path), known.carried);
                let leaf =
                    paths.entry(key).or_insert_with_key(|(path, foreign, carried)| LeafPath {
                        resource_type: resource_type.clone(),
                        path: path.clone(),
                        resources,
                        leaves: 0,
                        first_seen: first_seen.clone(),
                        foreign: *foreign,
                        carried: *carried,
                    });
                leaf.leaves += counted;
                leaf.resources = leaf.resources.max(resources);
                if leaf.first_seen > first_seen {
                    leaf.first_seen = first_seen;
                }
            }
        }
        paths.into_values().collect()
    }
}

impl TypeSurvey {
    /// Counts a resource's leaves; returns the paths that must still be tried.
    fn count(&mut self, resource: &Node<'_>, received_at: &str) -> Vec<PathId> {
        let TypeSurvey { tree, known, resources } = self;
        *resources += 1;
        let mut open = Vec::new();
        tree.leaves(resource, &mut |path, _| {
            if path >= known.len() {
                known.resize_with(path + 1, Known::default);
            }
            let known = &mut known[path];
            known.leaves += 1;
            if known.latest == *resources {
                return;
            }
            known.latest = *resources;
            known.resources += 1;
            if known.first_seen.is_empty() || *known.first_seen > *received_at {
                received_at.clone_into(&mut known.first_seen);
            }
            if !known.carried && known.tries < TRIES {
                open.push(path);
            }
        });
        open
    }

    fn try_paths(&mut self, mut open: Vec<PathId>, resource: &Node<'_>, rows: &Rows<'_>) {
        let mut texts = Texts::default();
        self.tree.leaves(resource, &mut |path, leaf| texts.add(path, leaf));
        texts.0.sort_unstable();
        let mut shown = Vec::new();
        let mut before = Vec::new();
        for table in rows.catalog.of_type(rows.resource_type) {
            let hash = rows.hash(*table, resource, &mut |text| shown.extend(texts.find(text)));
            // A resource that a view rejects is in no table, which says nothing about its paths.
            let Some(hash) = hash else { return };
            before.push((*table, hash));
        }
        shown.into_iter().for_each(|path| self.known[path].carried = true);
        open.retain(|path| !self.known[*path].carried);
        open.iter().for_each(|path| self.known[*path].tries += 1);
        self.try_together(&open, resource, &mut resource.clone(), rows, &before);
    }

    /// Alters many paths at once, since most of them are carried by no table and one run of the views
    /// then tells for all. If a table changes, each half is tried again, with the changed tables only.
    ///
    /// The copy is like the resource before and after.
    fn try_together<'a>(
        &mut self,
        open: &[PathId],
        resource: &Node<'a>,
        copy: &mut Node<'a>,
        rows: &Rows<'_>,
        before: &[(usize, u64)],
    ) {
        if open.is_empty() {
            return;
        }
        self.tree.alter(copy, open);
        let is_other =
            |(table, hash): &(usize, u64)| rows.hash(*table, copy, &mut |_| {}) != Some(*hash);
        if let [path] = open {
            self.known[*path].carried = before.iter().any(is_other);
            self.tree.restore(copy, resource, open);
            return;
        }
        let changed: Vec<_> = before.iter().copied().filter(is_other).collect();
        self.tree.restore(copy, resource, open);
        if !changed.is_empty() {
            let (one, other) = open.split_at(open.len() / 2);
            self.try_together(one, resource, copy, rows, &changed);
            self.try_together(other, resource, copy, rows, &changed);
        }
    }
}

/// Where the text of each leaf is in memory: start, end, path. Sorted by start.
#[derive(Default)]
struct Texts(Vec<(usize, usize, PathId)>);

impl Texts {
    fn add(&mut self, path: PathId, leaf: &Node<'_>) {
        let text = match leaf {
            Node::String(text) => text,
            Node::Number(text) => *text,
            _ => return,
        };
        let start = text.as_ptr() as usize;
        self.0.push((start, start + text.len(), path));
    }

    /// The leaf that contains a text.
    fn find(&self, text: &str) -> Option<PathId> {
        let start = text.as_ptr() as usize;
        let after = self.0.partition_point(|leaf| leaf.0 <= start);
        let (_, end, path) = self.0[..after].last()?;
        (!text.is_empty() && start + text.len() <= *end).then_some(*path)
    }
}

/// A server whose base is not known; its relative references get a key.
static NOWHERE: LazyLock<ServerBases> = LazyLock::new(ServerBases::default);

/// Computes the rows of one type.
struct Rows<'a> {
    catalog: &'a Catalog,
    resource_type: &'a str,
}

impl Rows<'_> {
    /// A hash of a table's rows of a resource, or `None` if the view rejects it.
    ///
    /// Calls `borrowed` with each text that a cell borrows from the resource.
    fn hash(
        &self,
        table: usize,
        resource: &Node<'_>,
        borrowed: &mut dyn FnMut(&str),
    ) -> Option<u64> {
        let mut hasher = DefaultHasher::new();
        let view = self.catalog.table(table).view();
        let ran = view.fill_at(&NOWHERE, resource, &mut |row| {
            for value in row {
                std::mem::discriminant(value).hash(&mut hasher);
                match value {
                    Value::Null | Value::Mistyped(_) => {}
                    Value::Boolean(value) => value.hash(&mut hasher),
                    Value::Integer(value) => value.hash(&mut hasher),
                    Value::Decimal(text) | Value::Text(text) => {
                        text.hash(&mut hasher);
                        if let Cow::Borrowed(text) = text {
                            borrowed(text);
                        }
                    }
                    Value::Json(text) | Value::Partial(text, _) => text.hash(&mut hasher),
                }
            }
        });
        ran.ok().map(|_| hasher.finish())
    }
}

/// Surveys every live resource.
pub(crate) fn survey(
    connection: &Connection,
    catalog: &Catalog,
) -> Result<Vec<LeafPath>, WarehouseError> {
    let doing = "cannot read the stored resources";
    let mut survey = LeafSurvey::new(catalog);
    let mut statement = connection
        // Resources come in the order of the file, which is fastest, since every JSON is read.
        .prepare(
            "SELECT resource_type, json, received_at FROM resource NOT INDEXED
             WHERE deleted_at IS NULL",
        )
        .doing(doing)?;
    let mut found = statement.query([]).doing(doing)?;
    while let Some(row) = found.next().doing(doing)? {
        let text = |column| row.get_ref(column).doing(doing);
        // A JSON text that is not UTF-8 is stored as a blob, and is in no table.
        let [resource_type, json, received_at] = [text(0)?, text(1)?, text(2)?];
        if let (Ok(resource_type), Ok(json), Ok(received_at)) =
            (resource_type.as_str(), json.as_str(), received_at.as_str())
        {
            survey.add(resource_type, json, received_at);
        }
    }
    Ok(survey.take())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_no_column_reads_is_found_and_one_that_is_read_is_not() {
        let catalog = Catalog::embedded();
        let mut survey = LeafSurvey::new(&catalog);
        let patient = r#"{"resourceType":"Patient","id":"p","gender":"female","active":true,
            "odd":{"inner":[1,2]},"text":{"div":"x"},"meta":{"versionId":"1"},
            "extension":[{"url":"https://acme.test/x","valueString":"y"}]}"#;
        survey.add("Patient", patient, "2026-01-01T00:00:00.000Z");
        let paths = survey.take();
        let carried = |path: &str| paths.iter().find(|leaf| leaf.path == path).unwrap().carried;
        assert!(carried("Patient.gender") && carried("Patient.active") && carried("Patient.id"));
        assert!(!carried("Patient.odd.inner"));
        let odd = paths.iter().find(|leaf| leaf.path == "Patient.odd.inner").unwrap();
        assert_eq!((odd.resources, odd.leaves, odd.foreign), (1, 2, false));
        assert!(
            paths.iter().any(|leaf| leaf.path == "Patient.extension.valueString" && leaf.foreign)
        );
        assert!(!paths.iter().any(|leaf| leaf.path.contains("text") || leaf.path.contains("meta")));
    }

    #[test]
    fn what_a_column_leaves_behind_by_its_place_is_found() {
        let view = r#"{"resource":"Claim","name":"own","select":[{"column":[
            {"name":"id","path":"getResourceKey()"},
            {"name":"first","path":"type.coding.first().code"},
            {"name":"third","path":"item.first().modifier[2].coding.first().code"},
            {"name":"words","path":"item.first().note.join(' ')"}]}]}"#;
        let catalog = Catalog::new([view], []).unwrap();
        let mut survey = LeafSurvey::new(&catalog);
        let claim = r#"{"resourceType":"Claim","id":"c",
            "type":{"coding":[{"code":"a"},{"code":"b"},{"code":"c"}]},
            "item":[{"note":["x","y"],"modifier":[{"coding":[{"code":"1"}]},{"coding":[{"code":"2"}]},
              {"coding":[{"code":"3"},{"code":"3a"}]},{"coding":[{"code":"4"}]},{"coding":[{"code":"5"}]},
              {"coding":[{"code":"6"}]}]},{"note":["z"]}]}"#;
        survey.add("Claim", claim, "");
        let leaves = |paths: &[LeafPath], path: &str, carried: bool| -> u64 {
            let of = paths.iter().filter(|leaf| leaf.path == path && leaf.carried == carried);
            of.map(|leaf| leaf.leaves).sum()
        };
        let paths = survey.take();
        for (path, carried, left) in [
            ("Claim.type.coding.code", 1, 2),
            ("Claim.item.modifier.coding.code", 1, 6),
            ("Claim.item.note", 2, 1),
        ] {
            assert_eq!(leaves(&paths, path, true), carried, "{path}");
            assert_eq!(leaves(&paths, path, false), left, "{path}");
        }
    }
}
