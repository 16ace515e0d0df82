//! docs/tables.md and docs/tables/: each table on one page, and diagrams of what is there.

use super::root;
use crate::support::{Home, VIEWS_DIR, definition};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Path, below the folder, and text of each page.
fn pages(folder: &Path) -> BTreeMap<String, String> {
    let mut pages = BTreeMap::new();
    let text = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    pages.insert("tables.md".to_owned(), text(&folder.join("tables.md")));
    for entry in fs::read_dir(folder.join("tables")).into_iter().flatten() {
        let path = entry.unwrap().path();
        let name = format!("tables/{}", path.file_name().unwrap().display());
        pages.insert(name, text(&path));
    }
    pages
}

fn made(home: &Home) -> BTreeMap<String, String> {
    let folder = home.file("pages");
    home.succeed(&["tables", "--pages", &folder.display().to_string()], "the pages");
    pages(&folder)
}

/// Name, kind and columns of each mart and table.
fn told(home: &Home) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let outcome = home.run(&["tables", "--json"]);
    let all: Vec<Value> = serde_json::from_str(&outcome.stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.iter()
        .map(|one| {
            let columns = one["columns"].as_array().unwrap().iter();
            let columns = columns.map(|column| text(&column["column"])).collect();
            (text(&one["table"]), (text(&one["kind"]), columns))
        })
        .collect()
}

/// `PAYERSYNC_BLESS=1 cargo test` writes them anew.
#[test]
fn the_data_dictionary_is_what_the_definitions_say() {
    let made = made(&Home::new());
    if std::env::var("PAYERSYNC_BLESS").is_ok_and(|value| value == "1") {
        let _ = fs::remove_dir_all(root("docs/tables"));
        fs::create_dir_all(root("docs/tables")).unwrap();
        made.iter().for_each(|(name, text)| fs::write(root("docs").join(name), text).unwrap());
    }
    let written = pages(&root("docs"));
    let other = |name: &&String| written.get(*name) != made.get(*name);
    let names: BTreeSet<&String> = written.keys().chain(made.keys()).collect();
    let old: Vec<_> = names.into_iter().filter(other).collect();
    assert!(old.is_empty(), "not current, PAYERSYNC_BLESS=1 writes them: {old:?}");
}

#[test]
fn every_table_is_on_one_page_with_all_its_columns() {
    let home = Home::new();
    let pages = made(&home);
    let tables = told(&home);
    let mut places: BTreeMap<&str, Vec<(&str, BTreeSet<&str>)>> = BTreeMap::new();
    for (page, text) in &pages {
        for section in text.split("\n## ").skip(1) {
            let (name, section) = section.split_once('\n').unwrap();
            let cells =
                section.lines().filter_map(|line| line.strip_prefix("| ")?.split(' ').next());
            places.entry(name).or_default().push((page, cells.collect()));
        }
    }
    for (name, (kind, columns)) in &tables {
        let [(page, told)] = places[name.as_str()].as_slice() else {
            panic!("{name} is on {:?}", places[name.as_str()]);
        };
        assert_eq!(*page == "tables.md", kind == "mart", "{name} is on {page}");
        let missing: Vec<_> = columns.iter().filter(|it| !told.contains(it.as_str())).collect();
        assert!(missing.is_empty(), "{name}: {missing:?}");
    }
    assert!(pages.len() > 30 && tables.len() > 300, "{} pages", pages.len());
}

#[test]
fn diagrams_show_every_mart_and_type_and_only_what_is_there() {
    let home = Home::new();
    let tables = told(&home);
    let has = |table: &str, column: &str| {
        tables.get(table).is_some_and(|(_, columns)| columns.contains(column))
    };
    let mut drawn = BTreeMap::new();
    let mut lines = 0;
    let text = &made(&home)["tables.md"];
    for diagram in text.split("```mermaid\nerDiagram\n").skip(1) {
        let (diagram, _) = diagram.split_once("```").unwrap();
        let mut inside = "";
        for line in diagram.lines() {
            match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                [name, "{"] => {
                    inside = name;
                    *drawn.entry(*name).or_insert(0) += 1;
                }
                ["}"] => inside = "",
                ["direction", "LR"] => {}
                [_, column, "PK" | "FK"] => assert!(has(inside, column), "{inside}.{column}"),
                [to, "|o--o{", from, ":", columns @ ..] => {
                    assert!(tables.contains_key(*to), "{to}");
                    let columns = columns.join(" ");
                    for column in columns.trim_matches('"').split(", ") {
                        assert!(has(from, column), "{from}.{column}");
                    }
                    lines += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    }
    for (name, (kind, _)) in &tables {
        let times = usize::from(kind == "mart" || kind == "type");
        assert_eq!(drawn.get(name.as_str()).copied().unwrap_or_default(), times, "{name}");
    }
    assert!(lines > 50, "{lines}");
    assert!(text.contains("patient |o--o{ coverage : \"policy_holder_patient_id, "), "{text}");
}

/// A definition of an analyst's own, of a type that payersync has no table of, has a page, too.
#[test]
fn definitions_of_your_own_are_on_a_page() {
    let home = Home::new();
    home.own_view("appointment.json", &definition("appointment", "Appointment", "status"));
    home.write_private("payersync.toml", VIEWS_DIR);
    let pages = made(&home);
    assert!(pages["tables/appointment.md"].contains("\n## appointment\n"));
    let (_, other) = pages["tables.md"].split_once("\n## Other\n").unwrap();
    assert!(other.contains("[appointment](tables/appointment.md)"), "{other}");
}
