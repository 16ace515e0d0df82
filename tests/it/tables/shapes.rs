//! `config/views/` is what `config/tables/` and `config/shapes/` expand to.

mod expander;
mod scope;

use expander::Expander;
use std::{collections::BTreeMap, fs, path::Path};

fn config() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config"))
}

/// `PAYERSYNC_BLESS=1 cargo test --test it shapes` writes the views; the next build embeds them.
#[test]
fn every_view_is_what_its_table_and_shapes_expand_to() {
    let views = Expander::read(config()).and_then(|expander| expander.views()).unwrap();
    assert!(views.len() >= 346, "only {} views", views.len());
    let folder = config().join("views");
    let bless = std::env::var("PAYERSYNC_BLESS").is_ok_and(|value| value == "1");
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if views.contains_key(name) {
            continue;
        }
        if bless {
            fs::remove_file(&path).unwrap();
        } else {
            wrong.push(format!("{name}: no file in config/tables makes it"));
        }
    }
    for (name, expected) in &views {
        let path = folder.join(format!("{name}.json"));
        let written = fs::read_to_string(&path).unwrap_or_default();
        if written == *expected {
            continue;
        }
        if bless {
            fs::write(&path, expected).unwrap();
        } else {
            let mut lines = written.lines().zip(expected.lines());
            let first = lines.find(|(written, expected)| written != expected);
            wrong.push(format!("{name}: (written, expanded) {first:?}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "edit config/tables or config/shapes, then PAYERSYNC_BLESS=1 writes config/views:\n{}",
        wrong.join("\n")
    );
}

#[test]
fn every_shape_and_spelling_is_used_and_says_what_it_is() {
    let read = |folder: &str| {
        let files = fs::read_dir(config().join(folder)).unwrap();
        files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect::<String>()
    };
    let text = read("tables") + &read("shapes");
    let spellings = fs::read_to_string(config().join("shapes/spellings.json")).unwrap();
    let spellings: BTreeMap<String, Vec<String>> = serde_json::from_str(&spellings).unwrap();
    let shapes = Expander::read(config()).unwrap().shapes;
    let mut poor: Vec<_> = spellings
        .keys()
        .filter(|name| {
            ![format!(" in {name}}}"), format!("\"of\": \"{name}\"")]
                .iter()
                .any(|used| text.contains(used))
        })
        .collect();
    poor.extend(shapes.iter().filter_map(|(name, shape)| {
        let listed = text.lines().any(|line| {
            line.starts_with("  \"tables\": ") && line.contains(&format!("\"{name}\""))
        });
        let used = listed || text.contains(&format!("\"use\": \"{name}\""));
        (!used || !shape.about.ends_with('.')).then_some(name)
    }));
    assert!(poor.is_empty(), "{poor:?}");
}

/// The views of one table `allergy` and the table `allergy_note`, made with these shapes.
fn expanded(table: &str, shapes: &[(&str, &str)]) -> Result<BTreeMap<String, String>, String> {
    let owned = |(name, text): &(&str, &str)| (name.to_string(), text.to_string());
    let shapes = shapes.iter().map(owned).collect();
    let tables = [owned(&("allergy", table))].into();
    Expander::new(r#"{"npi": ["a", "b"]}"#, &shapes, &tables)?.views()
}

const NOTE: (&str, &str) = (
    "note",
    r#"{
    "about": "Notes.",
    "table": {
        "description": "One row per note on {a noun}.",
        "select": [{"forEach": "note", "column": [{"use": "code", "at": "value.ofType(Period)"}]}]
    }
}"#,
);

const CODE: (&str, &str) = (
    "code",
    r#"{
    "about": "A code.",
    "defaults": {"label": "Code {or}", "or": "none", "to": []},
    "column": [
        {"name": "{as}_code", "path": "{at}.code", "type": "code", "description": "{label}."},
        {"each": "to", "name": "{table of to}_id", "path": "getReferenceKey({to})", "type": "id",
         "description": "{id of to}"}
    ]
}"#,
);

#[test]
fn a_shape_is_filled_with_the_words_of_the_table_and_of_its_use() {
    let table = r#"{
        "resource": "AllergyIntolerance", "noun": "allergy", "tables": ["note"],
        "description": "Allergies.",
        "select": [{"column": [
            {"use": "code", "at": "code.first().coding", "label": "What",
             "to": ["AllergyIntolerance", "PlanDefinition"]},
            {"use": "code", "at": "identifier.where({system in npi})", "as": "npi"}
        ]}]
    }"#;
    let views = expanded(table, &[NOTE, CODE]).unwrap();
    let view = |name: &str| serde_json::from_str::<serde_json::Value>(&views[name]).unwrap();
    let (main, note) = (view("allergy"), view("allergy_note"));
    assert_eq!(note["title"], "AllergyIntolerance note");
    assert_eq!(note["description"], "One row per note on an allergy.");
    assert_eq!(note["select"][0]["column"][0]["name"], "value_period_code");
    assert_eq!(main["title"], "Allergy");
    let columns: Vec<_> = main["select"][0]["column"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| ["name", "path", "description"].map(|key| column[key].as_str().unwrap()))
        .collect();
    assert_eq!(
        columns,
        [
            ["code_coding_code", "code.first().coding.code", "What."],
            ["allergy_id", "getReferenceKey(AllergyIntolerance)", "id in table allergy"],
            [
                "plan_definition_id",
                "getReferenceKey(PlanDefinition)",
                "id of the PlanDefinition resource"
            ],
            ["npi_code", "identifier.where(system = 'a' or system = 'b').code", "Code none."],
        ]
    );
    for (noun, text) in [("organization", "an organization"), ("unit", "a unit")] {
        let table = table.replace("\"noun\": \"allergy\"", &format!("\"noun\": \"{noun}\""));
        assert!(expanded(&table, &[NOTE, CODE]).unwrap()["allergy_note"].contains(text), "{noun}");
    }
}

#[test]
fn what_is_mistyped_in_a_table_or_shape_is_told_with_its_file() {
    let table = |column: &str| {
        format!(
            r#"{{"resource": "AllergyIntolerance", "noun": "allergy", "description": "A.",
            "select": [{{"column": [{column}]}}]}}"#
        )
    };
    for (column, told) in [
        (r#"{"use": "cod", "at": "code"}"#, "there is no shape cod"),
        (r#"{"use": "code", "at": "code", "lable": "What"}"#, "shape code does not ask for lable"),
        (r#"{"use": "code"}"#, "shape code: {as} is not given"),
        (r#"{"use": "note"}"#, "shape note: it has no column"),
        (r#"{"use": "code", "at": "{system in dea}"}"#, "{dea} is not given"),
        (r#"{"name": "a", "path": "{id to npi}", "type": "id"}"#, "{id to npi} is not understood"),
        (r#"{"name": "a", "path": "a", "typ": "id"}"#, "unknown field `typ`"),
    ] {
        let error = expanded(&table(column), &[NOTE, CODE]).unwrap_err();
        assert!(error.starts_with("config/tables/allergy.json: "), "{error}");
        assert!(error.contains(told), "{error}");
    }
    let error =
        expanded(&table("").replace("\"noun\"", "\"tables\": [\"code\"], \"noun\""), &[CODE]);
    assert!(error.unwrap_err().contains("shape code: it is not for whole tables"));
    let error = expanded(&table("").replace("description", "decription"), &[]).unwrap_err();
    assert!(
        error.contains("decription is neither an element of a view nor an argument"),
        "{error}"
    );
}
