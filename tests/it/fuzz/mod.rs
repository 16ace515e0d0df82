//! Every shipped view over damaged resources: rows or a typed error, in bounded space, and never a
//! word of the resource in an error.
//!
//! `PAYERSYNC_FUZZ_CASES` says how many; what fails is shrunk to few damages and can be repeated.

mod damage;

use crate::{
    support::{Ended, Home, Payer, Watched, shared},
    tables::coverage,
};
use damage::{CANARY, Damage, apply, damage, places};
use payersync::{
    sandbox::Options,
    view::{
        Value,
        json::{Limits, Node, parse},
    },
    warehouse::Catalog,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::{
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

/// Cases when nothing else is asked for.
const CASES: u32 = 600;

fn config() -> Config {
    let cases = std::env::var("PAYERSYNC_FUZZ_CASES").ok().and_then(|text| text.parse().ok());
    Config { cases: cases.unwrap_or(CASES), failure_persistence: None, ..Config::default() }
}

/// Resources of every type, as texts: the payer's own, and real ones where they are.
fn seeds() -> Vec<(String, String)> {
    let payer = Payer::start(Options::default());
    let mut seeds = Vec::new();
    for name in payer.types() {
        let mut texts = payer.resources(0, name);
        texts.sort_by_key(String::len);
        // The longest are those that have everything.
        seeds.extend(texts.into_iter().rev().take(3).map(|text| (name.to_owned(), text)));
    }
    if let Some(data) = shared("data") {
        let (mut seen, mut found) = (HashSet::new(), Vec::new());
        for folder in ["carin", "us-core", "bfd"] {
            coverage::resources(&data.join(folder), &mut seen, &mut found);
        }
        let mut of_type: BTreeMap<String, u32> = BTreeMap::new();
        for resource in found {
            let name = resource["resourceType"].as_str().unwrap().to_owned();
            let count = of_type.entry(name.clone()).or_default();
            *count += 1;
            if *count <= 5 {
                seeds.push((name, resource.to_string()));
            }
        }
    }
    assert!(seeds.len() > 60, "{}", seeds.len());
    seeds
}

/// What one resource gives in one view.
#[derive(Debug, PartialEq)]
struct Outcome {
    /// A hash of all rows, if there was no error.
    rows: Option<u64>,
    count: u64,
}

/// Runs every view of a type.
fn run(catalog: &Catalog, resource_type: &str, node: &Node<'_>) -> Vec<Outcome> {
    let run_one = |position: &usize| {
        let view = catalog.table(*position).view();
        let (mut hasher, mut count) = (DefaultHasher::new(), 0);
        let ran = view.run(node, &mut |row| {
            count += 1;
            assert_eq!(row.len(), view.columns.len());
            // An object in a cell says all that is in it, unknown elements too.
            row.iter().filter(|value| !matches!(value, Value::Json(_))).for_each(|value| {
                value.to_json().hash(&mut hasher);
            });
        });
        match ran {
            Ok(told) => {
                assert_eq!(told, count);
                Outcome { rows: Some(hasher.finish()), count }
            }
            Err(error) => {
                let told = format!("{error} {error:?}");
                assert!(!told.contains(CANARY), "an error repeats the resource");
                Outcome { rows: None, count }
            }
        }
    };
    catalog.of_type(resource_type).iter().map(run_one).collect()
}

#[test]
fn no_damage_makes_more_than_rows_or_an_error() {
    let catalog = Catalog::embedded();
    let seeds = seeds();
    let strategy = (0..seeds.len(), prop::collection::vec((any::<u32>(), damage()), 1..7));
    let ran = TestRunner::new(config()).run(&strategy, |(seed, damages)| {
        let (resource_type, text) = &seeds[seed];
        let mut node = parse(text.as_bytes(), Limits::default()).unwrap();
        for (place, damage) in &damages {
            if places(&node) < 50_000 {
                apply(&mut node, *place as usize, damage);
            }
        }
        let mut damaged = String::new();
        node.write_json(&mut damaged);
        let Ok(node) = parse(damaged.as_bytes(), Limits::default()) else {
            // Nested too deeply, which ingest quarantines.
            return Ok(());
        };
        for outcome in run(&catalog, resource_type, &node) {
            // No shipped view joins lists with one another, so rows are not more than elements.
            prop_assert!(outcome.count <= 2 * places(&node) as u64, "{outcome:?}");
        }
        Ok(())
    });
    ran.unwrap();
}

#[test]
fn what_no_view_knows_changes_no_row_and_neither_does_the_order_of_members() {
    let catalog = Catalog::embedded();
    let seeds = seeds();
    let harmless = prop_oneof![Just(Damage::Unknown), Just(Damage::Reversed), Just(Damage::Twice)];
    let strategy = (0..seeds.len(), prop::collection::vec((any::<u32>(), harmless), 1..12));
    let ran = TestRunner::new(config()).run(&strategy, |(seed, damages)| {
        let (resource_type, text) = &seeds[seed];
        let before = parse(text.as_bytes(), Limits::default()).unwrap();
        let mut node = before.clone();
        for (place, damage) in &damages {
            // In arrays these are changes of the data.
            damage::in_objects_only(&mut node, *place as usize, damage);
        }
        let (before, after) =
            (run(&catalog, resource_type, &before), run(&catalog, resource_type, &node));
        prop_assert_eq!(before, after);
        Ok(())
    });
    ran.unwrap();
}

/// The shipped definition of a table, by file.
fn shipped(table: &str) -> String {
    format!("{}/config/views/{table}.json", env!("CARGO_MANIFEST_DIR"))
}

/// What the real binary needs for the views over one line of JSON.
fn peak_mib(views: &[&str], line: &str) -> (u64, Ended) {
    let home = Home::new();
    let input = home.file("hostile.ndjson");
    std::fs::write(&input, line).unwrap();
    let files: Vec<String> = views.iter().map(|view| shipped(view)).collect();
    let mut arguments = vec!["views", "run"];
    arguments.extend(files.iter().map(String::as_str));
    arguments.extend(["--input", input.to_str().unwrap()]);
    let ended = Watched::start(&home, &arguments).end();
    assert!([0, 2].contains(&ended.code), "{}", ended.stderr);
    (ended.peak_kib >> 10, ended)
}

#[test]
fn a_long_text_a_million_elements_and_deep_nesting_take_bounded_memory() {
    let views = ["patient", "patient_name", "patient_address", "patient_contact"];
    let long = "x".repeat(10 << 20);
    let text = format!(
        r#"{{"resourceType":"Patient","id":"p","gender":"{long}","name":[{{"family":"{long}"}}]}}"#
    );
    let (peak, ended) = peak_mib(&views, &text);
    assert_eq!((ended.code, ended.stdout.lines().count()), (0, 2));
    assert!(peak < 200, "{peak} MiB for 20 MiB of text");
    let names = "{},".repeat(999);
    let id = format!(r#"{{"resourceType":"Patient","id":"{long}","name":[{names}{{}}]}}"#);
    let (peak, ended) = peak_mib(&views, &id);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("too much memory"), "{}", ended.stderr);
    assert!(peak < 900, "{peak} MiB where 10 GiB of rows were asked for");
    // A resource has at most a million JSON values; its members take a few of them.
    let aliases = r#""a","#.repeat(999_989);
    let many = format!(r#"{{"resourceType":"Organization","id":"o","alias":[{aliases}"a"]}}"#);
    let (peak, ended) = peak_mib(&["organization_alias"], &many);
    assert_eq!((ended.code, ended.stdout.lines().count()), (0, 999_990));
    assert!(peak < 500, "{peak} MiB for a million rows");
    let deep = format!("{}1{}", r#"[{"item":"#.repeat(60), "}]".repeat(60));
    let deep = format!(r#"{{"resourceType":"QuestionnaireResponse","id":"q","item":{deep}}}"#);
    let (peak, ended) =
        peak_mib(&["questionnaire_response", "questionnaire_response_answer"], &deep);
    assert!(peak < 100, "{peak} MiB, {}", ended.stderr);
}
