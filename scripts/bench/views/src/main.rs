//! Parsing, our views, and octofhir-sof's on the same resources: one run, one core, one table.
//!
//! `cargo run --release --manifest-path scripts/bench/views/Cargo.toml -- DIR…`
//!
//! Every ExplanationOfBenefit in the JSON files below a directory, alone or in a Bundle, belongs
//! to that directory's set. Times are the best of several passes in microseconds per resource,
//! without white space in the JSON. `SHOW=1` lists the cells in which the two engines differ:
//! references that only one of them resolves, and decimals that octofhir-sof rounds. It prints
//! values, so give it test data only.

use std::future::Future;
use std::hint::black_box;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use payersync::view::{View, json};
use serde_json::Value as Json;

const DEFINITIONS: [&str; 4] = [
    include_str!("../eob.json"),
    include_str!("../eob_item.json"),
    include_str!("../eob_diagnosis.json"),
    include_str!("../eob_item_adjudication.json"),
];
const RESOURCES_PER_SET: usize = 300;
const PASSES: usize = 15;
const PASSES_OF_OCTOFHIR: usize = 3;

fn main() {
    let ours: Vec<View> =
        DEFINITIONS.iter().map(|text| View::from_json(text).expect("our views compile")).collect();
    let theirs: Vec<_> = DEFINITIONS
        .iter()
        .map(|text| {
            let json: Json = serde_json::from_str(text).expect("our views are JSON");
            let definition =
                octofhir_sof::ViewDefinition::from_json(&json).expect("valid for both");
            ready(octofhir_sof::CompiledView::compile(&definition)).expect("compiles in both")
        })
        .collect();
    println!(
        "| set | EOBs | bytes | rows | parse | serde_json | …_borrow | 4 views | (parse+views)/parse | octofhir 4 views | times | other cells |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    for directory in std::env::args().skip(1) {
        let mut resources = Vec::new();
        collect(Path::new(&directory), &mut resources);
        resources.truncate(RESOURCES_PER_SET);
        if resources.is_empty() {
            println!("| {directory} | 0 |");
            continue;
        }
        measure(&directory, &resources, &ours, &theirs);
    }
}

fn measure(name: &str, texts: &[String], ours: &[View], theirs: &[octofhir_sof::CompiledView]) {
    let limits = json::Limits::default();
    let count = texts.len() as f64;
    let bytes = texts.iter().map(String::len).sum::<usize>() as f64 / count;
    let parse = best(PASSES, texts.len(), || {
        for text in texts {
            black_box(json::parse(text.as_bytes(), limits).expect("valid"));
        }
    });
    let owned = best(PASSES, texts.len(), || {
        for text in texts {
            black_box(serde_json::from_str::<Json>(text).expect("valid"));
        }
    });
    let borrowed = best(PASSES, texts.len(), || {
        for text in texts {
            black_box(serde_json::from_str::<serde_json_borrow::Value<'_>>(text).expect("valid"));
        }
    });
    let mut rows = 0;
    let both = best(PASSES, texts.len(), || {
        rows = 0;
        for text in texts {
            let node = json::parse(text.as_bytes(), limits).expect("valid");
            for view in ours {
                rows += view
                    .run(&node, &mut |row| {
                        black_box(row);
                    })
                    .expect("fits");
            }
        }
    });
    let views = both - parse;
    let values: Vec<Json> =
        texts.iter().map(|text| serde_json::from_str(text).expect("valid")).collect();
    let octofhir = best(PASSES_OF_OCTOFHIR, texts.len(), || {
        for value in &values {
            for view in theirs {
                black_box(ready(view.execute_resource(value)).expect("fits"));
            }
        }
    });
    let label = name.trim_end_matches('/').rsplit('/').next().unwrap_or(name);
    println!(
        "| {label} | {count} | {bytes:.0} | {:.1} | {parse:.1} | {owned:.1} | {borrowed:.1} | {views:.1} | {:.2} | {octofhir:.0} | {:.0} | {} |",
        rows as f64 / count,
        both / parse,
        octofhir / views,
        differences(texts, &values, ours, theirs),
    );
}

/// Cells in which the two engines differ, numbers compared by value.
fn differences(
    texts: &[String],
    values: &[Json],
    ours: &[View],
    theirs: &[octofhir_sof::CompiledView],
) -> usize {
    let mut different = 0;
    let show = std::env::var_os("SHOW").is_some();
    for (text, value) in texts.iter().zip(values) {
        let node = json::parse(text.as_bytes(), json::Limits::default()).expect("valid");
        for (our, their) in ours.iter().zip(theirs) {
            let expected = ready(their.execute_resource(value)).expect("fits");
            let mut at = 0;
            our.run(&node, &mut |row| {
                for (column, (cell, other)) in row.iter().zip(&expected[at]).enumerate() {
                    let cell: Json = serde_json::from_str(&cell.to_json()).expect("JSON");
                    let same = match (cell.as_f64(), other.as_f64()) {
                        (Some(cell), Some(other)) => cell == other,
                        _ => cell == *other,
                    };
                    if !same && show {
                        eprintln!("{}.{}: {cell} {other}", our.name, our.columns[column].name);
                    }
                    different += usize::from(!same);
                }
                at += 1;
            })
            .expect("fits");
            different += expected.len() - at;
        }
    }
    different
}

/// Microseconds per item of the fastest pass.
fn best(passes: usize, items: usize, mut pass: impl FnMut()) -> f64 {
    let mut fastest = f64::MAX;
    for _ in 0..passes {
        let start = Instant::now();
        pass();
        fastest = fastest.min(start.elapsed().as_secs_f64());
    }
    fastest * 1e6 / items as f64
}

/// The evaluation is async in form only: it never waits.
fn ready<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}

fn collect(path: &Path, resources: &mut Vec<String>) {
    if path.is_dir() {
        let mut entries: Vec<_> = std::fs::read_dir(path)
            .expect("readable")
            .map(|entry| entry.expect("entry").path())
            .collect();
        entries.sort();
        entries.iter().for_each(|entry| collect(entry, resources));
    } else if path.extension().is_some_and(|extension| extension == "json") {
        let Ok(text) = std::fs::read_to_string(path) else { return };
        let Ok(json) = serde_json::from_str::<Json>(&text) else { return };
        let entries = json["entry"].as_array().cloned().unwrap_or_default();
        let all = entries.iter().map(|entry| &entry["resource"]).chain([&json]);
        resources.extend(
            all.filter(|resource| resource["resourceType"] == "ExplanationOfBenefit")
                .map(Json::to_string),
        );
    }
}
