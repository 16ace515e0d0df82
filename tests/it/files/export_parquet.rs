//! `export --format parquet`: typed columns that hold what the tables hold, and what they cannot hold
//! is told.
#![cfg(feature = "parquet")]

use crate::{
    files::export::{assert_row_for_row, export, manifest, read_by},
    files::import::put,
    support::{Home, real_claims, tools},
};
use serde_json::{Value, json};
use std::path::Path;

/// Cells that are not in the files as they are, of all files.
fn losses(manifest: &Value) -> Vec<String> {
    let files = manifest["files"].as_array().unwrap();
    let of =
        |file: &Value, what: &str| file.get(what).map(|told| format!("{}: {told}", file["name"]));
    files
        .iter()
        .flat_map(|file| [of(file, "rounded_cells"), of(file, "left_out_cells")])
        .flatten()
        .collect()
}

/// DuckDB, pyarrow and polars find the warehouse's rows in the files, and the types of the manifest.
fn every_tool_reads_the_same(home: &Home, folder: &Path) {
    let by_duckdb = assert_row_for_row(home, folder);
    let Some(tools) = tools().filter(|_| by_duckdb.is_some()) else { return };
    for tool in ["pyarrow", "polars"] {
        assert_eq!(read_by(tool, &tools.join("python3"), home, folder), by_duckdb, "{tool}");
    }
}

/// Types of the columns of a table's file.
fn kinds(manifest: &Value, table: &str) -> Vec<String> {
    let files = manifest["files"].as_array().unwrap();
    let file = files.iter().find(|file| file["table"] == table).unwrap();
    let columns = file["columns"].as_array().unwrap().iter();
    columns
        .map(|column| format!("{} {}", column["name"], column["type"]).replace('"', ""))
        .collect()
}

#[test]
fn every_row_is_in_its_typed_file() {
    let home = Home::of_demo();
    let folder = export(&home, &["--set", "all", "--format", "parquet"]);
    let told = manifest(&folder);
    assert_eq!(losses(&told), Vec::<String>::new());
    for (table, column) in [
        ("claim", "service_start_date DATE"),
        ("claim", "plan_paid_amount DECIMAL(18,2)"),
        ("claim", "plan_paid_cents INTEGER"),
        ("claim", "is_current BOOLEAN"),
        ("claim", "claim_number TEXT"),
        ("member_month", "month_date DATE"),
        ("tuva_medical_claim", "paid_amount DOUBLE"),
        ("tuva_medical_claim", "claim_start_date DATE"),
        ("explanation_of_benefit_item", "net_amount DECIMAL(18,2)"),
        ("patient", "birth_date TEXT"),
    ] {
        assert!(kinds(&told, table).contains(&column.to_owned()), "{table}: {column}");
    }
    every_tool_reads_the_same(&home, &folder);
}

#[test]
fn published_claims_fit_their_types() {
    let Some((_server, home)) = real_claims() else { return };
    let folder = export(&home, &["--set", "all", "--format", "parquet"]);
    let told = manifest(&folder);
    let files = told["files"].as_array().unwrap();
    let rows = |table: &str| {
        let file = files.iter().find(|file| file["table"] == table).unwrap();
        file["rows"].as_u64().unwrap()
    };
    assert!(rows("claim") > 100 && rows("explanation_of_benefit_item") > 100, "{files:?}");
    // Some of them have fractions of a cent; no cell is of another type than its column.
    let is_rounded = |file: &Value| file.get("rounded_cells").is_some();
    assert!(files.iter().any(is_rounded), "{files:?}");
    let misfits: Vec<&Value> =
        files.iter().filter(|file| file.get("left_out_cells").is_some()).collect();
    assert!(misfits.is_empty(), "{misfits:?}");
    every_tool_reads_the_same(&home, &folder);
}

#[test]
fn what_a_type_cannot_hold_is_told() {
    let home = Home::new();
    let claim = json!({
        "resourceType": "ExplanationOfBenefit", "id": "e", "status": "active", "use": "claim",
        "outcome": "complete", "patient": {"reference": "Patient/p"}, "insurer": {"display": "Acme"},
        "item": [{
            "sequence": 1, "productOrService": {"text": "x"}, "quantity": {"value": 3},
            "unitPrice": {"value": 0.0325, "currency": "USD"}, "net": {"value": 0.0975, "currency": "USD"},
        }],
    });
    let patient = json!({"resourceType": "Patient", "id": "p"});
    let file = put(&home, "in.ndjson", format!("{patient}\n{claim}\n"));
    home.succeed(&["import", "john", &file], "a file");
    let folder = home.file("export");
    let arguments =
        ["export", folder.to_str().unwrap(), "explanation_of_benefit_item", "--format", "parquet"];
    let outcome = home.run(&arguments);
    // An amount agrees to the cent; the price of a unit keeps its fraction.
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("net_amount is rounded in 1 row"), "{}", outcome.stderr);
    let losses_told = losses(&manifest(&folder));
    assert_eq!(losses_told, ["\"explanation_of_benefit_item.parquet\": {\"net_amount\":1}"]);
    every_tool_reads_the_same(&home, &folder);
    // Somebody's own hand in the warehouse.
    let sql = "UPDATE explanation_of_benefit_item SET sequence = 'first'";
    home.warehouse().execute_batch(sql).unwrap();
    let outcome = home.run(&arguments);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    let said = "sequence is NULL in 1 row, whose value is not of the column's type";
    assert!(outcome.stderr.contains(said), "{}", outcome.stderr);
}
