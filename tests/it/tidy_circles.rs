//! No file of a room needs itself by way of others.

use crate::tidy_source::{Source, sources};
use std::collections::{BTreeMap, BTreeSet};

/// What has circles, by the beginning of its files' paths: the view language is recursive by its nature.
const MAY_HAVE_CIRCLES: [&str; 1] = ["view/"];

/// The segments of a path from the crate's root.
type Path = Vec<String>;

/// The files by the path of their module, and what each name that one of them imports stands for.
struct House<'a> {
    files: BTreeMap<Path, &'a Source>,
    imported: BTreeMap<Path, Path>,
}

impl<'a> House<'a> {
    fn of(sources: &'a [Source]) -> House<'a> {
        let files = sources.iter().map(|source| (module_path(&source.path), source)).collect();
        let mut house = House { files, imported: BTreeMap::new() };
        let mut imported = BTreeMap::new();
        for (module, source) in &house.files {
            for import in imports(&source.product).0 {
                if let Some(path) = house.absolute(module, &import.path) {
                    imported.insert([module.clone(), vec![import.name]].concat(), path);
                }
            }
        }
        house.imported = imported;
        house
    }

    /// The files that a file needs: where what it names is defined, however it was handed on. What a
    /// file hands on itself it does not need.
    fn needs(&self, module: &Path, source: &Source) -> BTreeSet<&Path> {
        let (imports, rest) = imports(&source.product);
        // Only tests import everything of a file, their own.
        let is_need = |import: &Import| !import.is_public && import.name != "*";
        let named = imports.into_iter().filter(is_need).map(|it| it.path);
        let named = named.chain(paths(&rest)).filter_map(|path| {
            let path = self.absolute(module, &path)?;
            let file = self.file(&path, 0)?;
            // The name of a folder above, without anything in it, is only the way there.
            (file != module && !(module.starts_with(file) && path == *file)).then_some(file)
        });
        named.collect()
    }

    /// A path as it stands in a module, from the root; `None` if it leads out of the crate.
    fn absolute(&self, module: &Path, path: &[String]) -> Option<Path> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => Some(rest.to_vec()),
            "self" => Some([module, rest].concat()),
            "super" => {
                let ups = path.iter().take_while(|segment| *segment == "super").count();
                let above = &module[..module.len().checked_sub(ups)?];
                Some([above, &path[ups..]].concat())
            }
            _ => {
                let child = [&module[..], &path[..1]].concat();
                self.files.contains_key(&child).then(|| [module, path].concat())
            }
        }
    }

    /// The file that defines what a path names.
    fn file(&self, path: &[String], depth: usize) -> Option<&Path> {
        (1..=path.len()).rev().find_map(|length| {
            let (head, rest) = path.split_at(length);
            if let Some((file, _)) = self.files.get_key_value(head) {
                return Some(file);
            }
            let handed_on = self.imported.get(head).filter(|to| to[..] != *head && depth < 8)?;
            self.file(&[handed_on, rest].concat(), depth + 1)
        })
    }
}

/// `sync/walk/mod.rs` is `sync::walk`.
fn module_path(file: &str) -> Path {
    let path = file.trim_end_matches(".rs");
    let is_module = |segment: &&str| !matches!(*segment, "mod" | "lib" | "main");
    path.split('/').filter(is_module).map(str::to_owned).collect()
}

struct Import {
    path: Path,
    /// What it is called here.
    name: String,
    is_public: bool,
}

/// The imports of a file, and the rest of its text.
fn imports(text: &str) -> (Vec<Import>, String) {
    let (mut imports, mut rest) = (Vec::new(), String::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let plain = line.trim_start();
        let is_public = plain.starts_with("pub");
        let tree = match (is_public, plain.split_once("use ")) {
            (false, Some(("", tree))) => tree,
            (true, Some((before, tree))) if !before.contains(['{', '=', ';']) => tree,
            _ => {
                rest += line;
                rest += "\n";
                continue;
            }
        };
        let mut tree = tree.to_owned();
        while !tree.ends_with(';') {
            tree += lines.next().unwrap_or(";").trim();
        }
        flatten(&[], tree.trim_end_matches(';'), is_public, &mut imports);
    }
    (imports, rest)
}

/// The leaves of `a::{b, c::{self, d as e}}`.
fn flatten(before: &[String], tree: &str, is_public: bool, imports: &mut Vec<Import>) {
    let (path, list) = match tree.split_once('{') {
        Some((path, list)) => (path, list.strip_suffix('}')),
        None => (tree, None),
    };
    let (path, renamed) = match path.split_once(" as ") {
        Some((path, name)) => (path, Some(name.trim().to_owned())),
        None => (path, None),
    };
    let segments = path.split("::").map(str::trim).filter(|it| !it.is_empty()).map(str::to_owned);
    let mut path: Path = before.iter().cloned().chain(segments).collect();
    match list {
        None => {
            path.pop_if(|last| last == "self" && !before.is_empty());
            let name = renamed.or_else(|| path.last().cloned()).unwrap_or_default();
            imports.push(Import { path, name, is_public });
        }
        Some(list) => {
            let mut depth = 0;
            let items = list.split(|letter| {
                depth += i32::from(letter == '{') - i32::from(letter == '}');
                letter == ',' && depth == 0
            });
            for item in items.map(str::trim).filter(|item| !item.is_empty()) {
                flatten(&path, item, is_public, imports);
            }
        }
    }
}

/// The paths of several segments in a text.
fn paths(text: &str) -> Vec<Path> {
    let is_path = |letter: char| letter.is_alphanumeric() || letter == '_' || letter == ':';
    text.split(|letter| !is_path(letter))
        .filter(|word| word.contains("::") && !word.starts_with(':'))
        .map(|word| word.split("::").filter(|it| !it.is_empty()).map(str::to_owned).collect())
        .collect()
}

/// Each circle once: files that need each other.
fn circles(sources: &[Source]) -> Vec<BTreeSet<String>> {
    let house = House::of(sources);
    let needs: BTreeMap<&Path, BTreeSet<&Path>> =
        house.files.iter().map(|(module, source)| (module, house.needs(module, source))).collect();
    let reached = |from: &Path| {
        let mut seen = BTreeSet::new();
        let mut open: Vec<&Path> = needs[from].iter().copied().collect();
        while let Some(module) = open.pop() {
            if seen.insert(module) {
                open.extend(&needs[module]);
            }
        }
        seen
    };
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        needs.keys().map(|module| (*module, reached(module))).collect();
    let circles: BTreeSet<BTreeSet<String>> = reached
        .iter()
        .filter(|(module, seen)| seen.contains(**module))
        .map(|(module, seen)| {
            let mutual = seen.iter().filter(|other| reached[**other].contains(module));
            mutual.map(|other| house.files[*other].path.clone()).collect()
        })
        .collect();
    circles.into_iter().collect()
}

#[test]
fn files_of_a_room_do_not_go_in_circles() {
    let circles = circles(&sources());
    let is_in = |file: &String| MAY_HAVE_CIRCLES.iter().any(|it| file.starts_with(it));
    let wrong: Vec<_> =
        circles.iter().filter(|circle| circle.iter().any(|file| !is_in(file))).collect();
    assert!(wrong.is_empty(), "move what both need to a file of its own: {wrong:#?}");
    let rid: Vec<_> = MAY_HAVE_CIRCLES
        .iter()
        .filter(|folder| !circles.iter().flatten().any(|file| file.starts_with(**folder)))
        .collect();
    assert!(rid.is_empty(), "strike from MAY_HAVE_CIRCLES what has none any more: {rid:?}");
}

#[test]
fn a_circle_is_found_through_names_that_are_handed_on() {
    let source = |path: &str, text: &str| Source {
        path: path.to_owned(),
        text: text.to_owned(),
        product: text.to_owned(),
    };
    let mut room = vec![
        source("lib.rs", "mod room;\nmod leaf;\npub use room::A;\n"),
        source("leaf.rs", "pub struct Leaf;\n"),
        source("room/mod.rs", "mod a;\nmod b;\npub(crate) use {a::A, b::B as Bee};\n"),
        source(
            "room/a.rs",
            "use super::{\n    Bee,\n    super::leaf::Leaf,\n};\npub struct A(Bee);\n",
        ),
        source("room/b.rs", "pub struct B(crate::leaf::Leaf);\n"),
    ];
    assert_eq!(circles(&room), Vec::<BTreeSet<String>>::new());
    for (text, files) in [
        ("use crate::A;\npub struct B(A);\n", &["room/a.rs", "room/b.rs"][..]),
        ("pub struct B(super::a::A);\n", &["room/a.rs", "room/b.rs"]),
        ("fn b() { super::c() }\n", &[]),
    ] {
        room[4] = source("room/b.rs", text);
        let found = circles(&room);
        assert_eq!(found.iter().flatten().collect::<Vec<_>>(), files, "{text}");
    }
    room[2] = source("room/mod.rs", "mod a;\nmod b;\nuse b::B;\nfn c() {}\n");
    assert_eq!(circles(&room).len(), 1, "the folder needs b, and b what the folder defines");
}
