//! Every normalised table of a warehouse, cell by cell, against what octofhir-sof makes of the same
//! ViewDefinition and the same stored resources.
//!
//! `cargo run --release --manifest-path scripts/bench/tables/Cargo.toml -- WAREHOUSE…`
//!
//! Also compared: the number of a resource's rows, their order and `row_no`, the columns of the table, and that no row
//! is of a resource that is not there. A difference must have a reason that the program has checked: a change of the
//! resource after which octofhir-sof gives our value (`change.rs`), or what the two values show (`reason.rs`). It fails
//! on a difference without one. It prints values of cells, so give it test data only.
//!
//! `scripts/bench/tables/warehouse` makes a warehouse of a folder of FHIR JSON.

mod change;
mod compare;
mod engine;
mod reason;
mod spelling;
mod totals;
mod warehouse;

use std::collections::HashSet;
use std::path::Path;
use std::process::ExitCode;

use compare::compare;
use serde_json::Value as Json;
use spelling::Steps;
use totals::Totals;

fn main() -> ExitCode {
    let views = views();
    let choices: HashSet<String> = views.iter().flat_map(spelling::choices).collect();
    let mut all = Totals::default();
    println!(
        "| warehouse | views with rows | resources | rows | cells | values | other rows | other cells | uncompared | unexplained |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for file in std::env::args().skip(1) {
        let connection = warehouse::open(Path::new(&file));
        let resources = warehouse::resources(&connection);
        let mut totals = Totals::default();
        totals.resources = resources.values().map(Vec::len).sum();
        for view in &views {
            let mine = resources.get(view["resource"].as_str().expect("a type"));
            let mine = mine.map(Vec::as_slice).unwrap_or_default();
            compare(&connection, view, Steps::new(view, &choices), mine, &mut totals);
        }
        totals.print(&file);
        all.add(totals);
    }
    all.print("all");
    all.print_reasons();
    if all.rows == 0 {
        eprintln!("no rows to compare: name warehouses that have some");
    }
    ExitCode::from(u8::from(all.unexplained > 0 || all.rows == 0))
}

/// The definitions that payersync ships.
fn views() -> Vec<Json> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../config/views");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the views")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let read = |file| std::fs::read_to_string(file).expect("readable");
    files.iter().map(|file| serde_json::from_str(&read(file)).expect("JSON")).collect()
}
