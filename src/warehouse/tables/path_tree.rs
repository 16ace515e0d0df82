//! The paths of JSON leaves as a tree. Each path, such as `Claim.item.net.value`, has a number.
//!
//! In a list, the positions of the first items are told apart, since a column may read the first item and
//! leave out the second. The text of a path has no positions.
//!
//! A payer chooses the names in its JSON, and these names end up in a table and on a screen. So a name
//! that no FHIR element could have becomes `?`, depth and number of paths are bounded, and no value is
//! ever kept.

use crate::view::json::Node;
use std::collections::HashMap;

/// Where extensions of FHIR, US Core and CARIN are defined; all other extensions are foreign.
const HOME_EXTENSIONS: [&str; 2] = ["http://hl7.org/fhir/", "http://terminology.hl7.org/"];

/// Stands for a name that no FHIR element can have.
pub(super) const ANY: &str = "?";
/// The most letters in an element's name; FHIR's longest name has 42.
const NAME_LENGTH: usize = 64;
/// The most elements in one path; anything deeper counts for the last of them.
const DEPTH: u16 = 40;
/// The most paths of one tree.
///
/// A further path counts for the element above it, or for the first item of its list. FHIR's own paths
/// are some thousands per type, positions in lists included.
const PATHS: usize = 40_000;
/// How many positions after the first are told apart in a list.
///
/// The last of these stands for all that follow. Definitions name items up to the fourth (modifiers).
const LATER: usize = 4;

/// The number of a path in the tree.
pub(super) type PathId = usize;

/// Where a path is in relation to the paths whose leaves are altered.
#[derive(Clone, Copy, PartialEq)]
enum Mark {
    Elsewhere,
    OnTheWay,
    Here,
}

/// All paths seen, starting at one resource type.
#[derive(Debug)]
pub(super) struct PathTree {
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    name: String,
    parent: PathId,
    /// Whether this place is an item of the list `parent` other than the first.
    is_later: bool,
    /// The places of a list's items after the first; the root for an item that was not seen yet.
    later: [PathId; LATER],
    depth: u16,
    is_foreign: bool,
    below: HashMap<String, PathId>,
    /// The members below this place, if the place is a foreign extension or is inside one.
    below_foreign: HashMap<String, PathId>,
}

impl PathTree {
    /// The number of the root: the resource itself.
    pub(super) const ROOT: PathId = 0;

    pub(crate) fn new(resource_type: &str) -> PathTree {
        let mut tree = PathTree { places: Vec::new() };
        tree.enter(resource_type, PathTree::ROOT, 0, false);
        tree
    }

    /// The path as text.
    pub(crate) fn text(&self, path: PathId) -> String {
        let mut names = Vec::new();
        let mut at = path;
        while at != PathTree::ROOT {
            let place = &self.places[at];
            if !place.is_later {
                names.push(place.name.as_str());
            }
            at = place.parent;
        }
        names.push(&self.places[PathTree::ROOT].name);
        names.reverse();
        names.join(".")
    }

    /// Whether the path is in an extension that neither FHIR nor its US profiles define.
    pub(super) fn is_foreign(&self, path: PathId) -> bool {
        self.places[path].is_foreign
    }

    /// Calls `leaf` for every leaf except those of the narrative, of `meta` and of `resourceType`.
    pub(crate) fn leaves<'n>(
        &mut self,
        resource: &'n Node<'_>,
        leaf: &mut dyn FnMut(PathId, &'n Node<'_>),
    ) {
        self.leaves_below(resource, PathTree::ROOT, leaf);
    }

    fn leaves_below<'n>(
        &mut self,
        node: &'n Node<'_>,
        at: PathId,
        leaf: &mut dyn FnMut(PathId, &'n Node<'_>),
    ) {
        match node {
            Node::Object(members) => {
                let is_foreign = self.places[at].is_foreign || self.is_foreign_here(at, node);
                for member in members {
                    if !is_left_out(at, &member.key) {
                        let below = self.child(at, &member.key, is_foreign);
                        self.leaves_below(&member.value, below, leaf);
                    }
                }
            }
            Node::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    let place = self.item(at, index);
                    self.leaves_below(item, place, leaf);
                }
            }
            Node::Null => {}
            Node::Bool(_) | Node::Number(_) | Node::String(_) => leaf(at, node),
        }
    }

    /// Changes every leaf of the given paths in a copy of the resource.
    pub(crate) fn alter(&mut self, copy: &mut Node<'_>, paths: &[PathId]) {
        let marks = self.marks(paths);
        self.at_marks(copy, None, PathTree::ROOT, &marks);
    }

    /// Undoes [`PathTree::alter`] with the same paths: the copy is again like the original.
    pub(crate) fn restore<'a>(
        &mut self,
        copy: &mut Node<'a>,
        original: &Node<'a>,
        paths: &[PathId],
    ) {
        let marks = self.marks(paths);
        self.at_marks(copy, Some(original), PathTree::ROOT, &marks);
    }

    fn marks(&self, paths: &[PathId]) -> Vec<Mark> {
        let mut marks = vec![Mark::Elsewhere; self.places.len()];
        for path in paths {
            let mut at = self.places[*path].parent;
            while marks[at] == Mark::Elsewhere {
                marks[at] = Mark::OnTheWay;
                at = self.places[at].parent;
            }
        }
        paths.iter().for_each(|path| marks[*path] = Mark::Here);
        marks
    }

    /// Gives the marked leaves of the copy the values of the original, or other ones without an original.
    fn at_marks<'a>(
        &mut self,
        copy: &mut Node<'a>,
        original: Option<&Node<'a>>,
        at: PathId,
        marks: &[Mark],
    ) {
        match copy {
            Node::Object(_) => {
                // A URL that was altered says nothing about the extension.
                let is_foreign = self.places[at].is_foreign
                    || self.is_foreign_here(at, original.unwrap_or(copy));
                let Node::Object(members) = copy else { return };
                for (index, member) in members.iter_mut().enumerate() {
                    if is_left_out(at, &member.key) {
                        continue;
                    }
                    let below = self.child(at, &member.key, is_foreign);
                    if marks[below] != Mark::Elsewhere {
                        let original = original.and_then(|node| member_at(node, index));
                        self.at_marks(&mut member.value, original, below, marks);
                    }
                }
            }
            Node::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    let place = self.item(at, index);
                    let original = original.and_then(|node| item_at(node, index));
                    self.at_marks(item, original, place, marks);
                }
            }
            _ if marks[at] != Mark::Here => {}
            leaf => match (original, leaf) {
                (Some(original), leaf) => *leaf = original.clone(),
                // The path's number is appended, so that two equal texts become different ones.
                (None, Node::String(text)) => text.to_mut().push_str(&format!("x{at}")),
                (None, Node::Bool(flag)) => *flag = !*flag,
                (None, Node::Number(text)) => *text = if *text == "7" { "8" } else { "7" },
                _ => {}
            },
        }
    }

    /// The path of an object's member.
    fn child(&mut self, at: PathId, name: &str, is_foreign: bool) -> PathId {
        let place = &self.places[at];
        let known = |name| {
            if is_foreign { place.below_foreign.get(name) } else { place.below.get(name) }
        };
        if let Some(known) = known(name) {
            return *known;
        }
        let name = if is_element_name(name) { name } else { ANY };
        if let Some(known) = known(name) {
            return *known;
        }
        let depth = place.depth + 1;
        if depth > DEPTH || self.places.len() >= PATHS {
            return at;
        }
        let path = self.enter(name, at, depth, is_foreign);
        let parent = &mut self.places[at];
        let below = if is_foreign { &mut parent.below_foreign } else { &mut parent.below };
        below.insert(name.to_owned(), path);
        path
    }

    /// The path of an item of a list; the first item has the path of the list.
    fn item(&mut self, list: PathId, index: usize) -> PathId {
        let Some(later) = index.checked_sub(1) else { return list };
        let (later, place) = (later.min(LATER - 1), &self.places[list]);
        match place.later[later] {
            PathTree::ROOT if self.places.len() >= PATHS => list,
            PathTree::ROOT => {
                let (name, depth, is_foreign) = (place.name.clone(), place.depth, place.is_foreign);
                let path = self.enter(&name, list, depth, is_foreign);
                self.places[path].is_later = true;
                self.places[list].later[later] = path;
                path
            }
            known => known,
        }
    }

    fn enter(&mut self, name: &str, parent: PathId, depth: u16, is_foreign: bool) -> PathId {
        self.places.push(Place {
            name: name.to_owned(),
            parent,
            is_later: false,
            later: [PathTree::ROOT; LATER],
            depth,
            is_foreign,
            below: HashMap::new(),
            below_foreign: HashMap::new(),
        });
        self.places.len() - 1
    }

    fn is_foreign_here(&self, at: PathId, node: &Node<'_>) -> bool {
        // Parts of a complex extension have short names instead of URLs.
        matches!(self.places[at].name.as_str(), "extension" | "modifierExtension")
            && node.get("url").and_then(Node::as_str).is_some_and(|url| {
                url.contains(':') && !HOME_EXTENSIONS.iter().any(|home| url.starts_with(home))
            })
    }
}

fn member_at<'n, 'a>(node: &'n Node<'a>, index: usize) -> Option<&'n Node<'a>> {
    let Node::Object(members) = node else { return None };
    members.get(index).map(|member| &member.value)
}

fn item_at<'n, 'a>(node: &'n Node<'a>, index: usize) -> Option<&'n Node<'a>> {
    let Node::Array(items) = node else { return None };
    items.get(index)
}

fn is_left_out(at: PathId, name: &str) -> bool {
    name == "resourceType" || at == PathTree::ROOT && matches!(name, "meta" | "text")
}

/// Whether a FHIR element could have this name: letters and digits, the first letter small.
///
/// A `_` may be in front, as for the extensions of a primitive.
pub(super) fn is_element_name(name: &str) -> bool {
    let plain = name.strip_prefix('_').unwrap_or(name);
    plain.starts_with(|c: char| c.is_ascii_lowercase())
        && plain.len() <= NAME_LENGTH
        && plain.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::json;

    fn paths(tree: &mut PathTree, text: &str) -> Vec<String> {
        let node = json::parse(text.as_bytes(), json::Limits::default()).unwrap();
        let mut found = Vec::new();
        tree.leaves(&node, &mut |path, _| found.push(path));
        found.into_iter().map(|path| tree.text(path)).collect()
    }

    #[test]
    fn what_no_element_is_called_never_shows() {
        let mut tree = PathTree::new("Patient");
        let text = r#"{"Mary Allen":1,"mary@example.com":1,"1960-04-01":{"ok":1},"_birthDate":
            {"extension":[{"url":"u"}]},"a\u0000b":1,"":1,"resourceType":"Patient"}"#;
        let long = format!(r#"{{"{}":1}}"#, "a".repeat(65));
        assert_eq!(
            paths(&mut tree, text),
            [
                "Patient.?",
                "Patient.?",
                "Patient.?.ok",
                "Patient._birthDate.extension.url",
                "Patient.?",
                "Patient.?"
            ]
        );
        assert_eq!(paths(&mut tree, &long), ["Patient.?"]);
    }

    #[test]
    fn depth_and_number_of_paths_are_bounded() {
        let mut tree = PathTree::new("Patient");
        let deep = format!("{}1{}", r#"{"a":"#.repeat(100), "}".repeat(100));
        let found = paths(&mut tree, &deep);
        assert_eq!(found[0].matches(".a").count(), usize::from(DEPTH));
        let many: Vec<String> = (0..PATHS * 2).map(|at| format!(r#""a{at}":1"#)).collect();
        assert_eq!(paths(&mut tree, &format!("{{{}}}", many.join(","))).len(), PATHS * 2);
        assert!(tree.places.len() <= PATHS, "{}", tree.places.len());
    }

    #[test]
    fn only_the_leaves_of_the_path_are_altered() {
        let mut tree = PathTree::new("Patient");
        let text = r#"{"a":[{"b":"v","c":1},{"b":7,"c":true}],"extension":[
            {"url":"http://hl7.org/fhir/u","value":"w"},{"url":"https://acme.test","value":"w"}]}"#;
        let node = json::parse(text.as_bytes(), json::Limits::default()).unwrap();
        let mut found = Vec::new();
        tree.leaves(&node, &mut |path, _| found.push(path));
        let mut altered = |path: PathId| {
            let [mut out, mut restored, mut as_it_was] = [const { String::new() }; 3];
            let mut copy = node.clone();
            tree.alter(&mut copy, &[path]);
            copy.write_json(&mut out);
            tree.restore(&mut copy, &node, &[path]);
            copy.write_json(&mut restored);
            node.write_json(&mut as_it_was);
            assert_eq!(restored, as_it_was);
            out
        };
        let other = r#"{"url":"https://acme.test","value":"w"}]}"#;
        assert!(altered(found[0]).starts_with(r#"{"a":[{"b":"vx2","c":1},{"b":7,"c":true}]"#));
        assert!(altered(found[1]).starts_with(r#"{"a":[{"b":"v","c":7},{"b":7,"c":true}]"#));
        assert!(altered(found[2]).starts_with(r#"{"a":[{"b":"v","c":1},{"b":8,"c":true}]"#));
        assert!(altered(found[3]).starts_with(r#"{"a":[{"b":"v","c":1},{"b":7,"c":false}]"#));
        let (home, foreign) = (found[5], found[7]);
        assert!(altered(home).ends_with(&format!(r#""value":"wx{home}"}},{other}"#)));
        assert!(altered(foreign).ends_with(&format!(r#""value":"wx{foreign}"}}]}}"#)));
        assert!(tree.is_foreign(foreign) && !tree.is_foreign(home));
    }
}
