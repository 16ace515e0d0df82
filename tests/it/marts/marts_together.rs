//! Any mart with any mart, and every table, in the SQLite that is built in, in the system's, and in
//! DuckDB: the same numbers.

use crate::support::{Home, python_with_duckdb, rows};
use std::{
    io::Write,
    process::{Command, Stdio},
};

/// What two marts may be joined by, the closest first.
const KEYS: [&[&str]; 4] = [
    &["connection_id", "explanation_of_benefit_id"],
    &["connection_id", "patient_id"],
    &["connection_id", "coverage_id"],
    &["connection_id"],
];

fn columns(home: &Home, mart: &str) -> Vec<String> {
    home.rows(&format!("SELECT name FROM pragma_table_info('{mart}')")).concat()
}

/// One statement per ordered pair of marts, which gives both names and how many rows they have together.
fn pairs(home: &Home) -> Vec<String> {
    pairs_where(home, |_, _| true)
}

/// As [`pairs`], for the pairs that are wanted.
fn pairs_where(home: &Home, is_wanted: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let marts: Vec<(String, Vec<String>)> =
        home.mart_names().into_iter().map(|mart| (mart.clone(), columns(home, &mart))).collect();
    let mut statements = Vec::new();
    for (one, of_one) in &marts {
        for (other, of_other) in marts.iter().filter(|(other, _)| is_wanted(one, other)) {
            let has = |key: &&str| {
                of_one.iter().any(|name| name == key) && of_other.iter().any(|name| name == key)
            };
            let keys = KEYS.iter().find(|keys| keys.iter().all(has)).unwrap();
            let on: Vec<String> = keys.iter().map(|key| format!("a.{key} = b.{key}")).collect();
            statements.push(format!(
                "SELECT '{one}', '{other}', count(*) FROM {one} AS a JOIN {other} AS b ON {}",
                on.join(" AND ")
            ));
        }
    }
    statements
}

#[test]
fn every_amount_of_a_mart_has_its_cents_beside_it_or_shows_them() {
    let home = Home::of_demo();
    let mut seen = 0;
    for mart in home.mart_names() {
        let columns = columns(&home, &mart);
        for amount in columns.iter().filter(|name| name.ends_with("amount")) {
            seen += 1;
            let beside = [amount.replace("_amount", "_cents"), format!("{amount}_cents")];
            // Those of the Tuva input layer keep its columns; they are whole cents.
            if !columns.iter().any(|name| beside.contains(name)) {
                let parts = format!(
                    "SELECT count(*) FROM {mart} WHERE {amount} <> round({amount} * 100) / 100.0"
                );
                assert_eq!(home.value::<i64>(&parts), 0, "{mart}.{amount}");
                assert!(["medical_claim", "pharmacy_claim"].contains(&&*mart), "{mart}.{amount}");
            }
        }
    }
    assert!(seen > 60, "{seen}");
}

/// One statement per table and view, which gives its name, its rows, and its cells that hold a value.
fn reads(home: &Home) -> Vec<String> {
    let names = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name";
    home.rows(names)
        .concat()
        .into_iter()
        .map(|name| {
            let cells: Vec<String> = columns(home, &name)
                .into_iter()
                .map(|column| format!("count(\"{column}\")"))
                .collect();
            format!("SELECT '{name}', count(*), {} FROM \"{name}\"", cells.join(" + "))
        })
        .collect()
}

/// What an engine prints for statements, a line each, values separated by bars.
pub(crate) fn printed(mut engine: Command, statements: &[String]) -> Vec<String> {
    let mut child =
        engine.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let script: String = statements.iter().map(|sql| format!("{sql};\n")).collect();
    // A script longer than a pipe's buffer is written while the answers are read.
    let mut input = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(script.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn any_mart_answers_with_any_other_in_every_engine() {
    if cfg!(feature = "encryption") {
        // Nobody else opens the file then.
        return;
    }
    let home = Home::of_demo();
    // Which of two marts is named first makes no other rows.
    let statements = [reads(&home), pairs_where(&home, |one, other| one <= other)].concat();
    assert!(statements.len() > 500, "{}", statements.len());
    let warehouse = home.warehouse();
    let expected: Vec<String> =
        statements.iter().map(|sql| rows(&warehouse, sql).concat().join("|")).collect();
    let mut system = Command::new("sqlite3");
    system.args(["-bail", "-readonly"]).arg(home.file("warehouse.db"));
    assert_eq!(printed(system, &statements), expected);
    let Some(python) = python_with_duckdb() else { return };
    let mut duckdb = Command::new(python);
    duckdb
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/duckdb_attach.py"))
        .arg(home.file("warehouse.db"));
    assert_eq!(printed(duckdb, &statements), expected);
}

/// Joins that people write find their rows by an index, not by reading a mart again for each row of
/// another, and one claim is found by its key.
#[test]
fn joins_of_marts_read_no_mart_again_for_each_row() {
    let home = Home::of_demo();
    let warehouse = home.warehouse();
    let plan = |sql: &str| rows(&warehouse, &format!("EXPLAIN QUERY PLAN {sql}"));
    for sql in pairs(&home).iter().filter(|sql| sql.contains("a.explanation_of_benefit_id")) {
        let scans: Vec<_> = plan(sql)
            .into_iter()
            .filter(|step| step[3].starts_with("SCAN ") || step[3].contains("AUTOMATIC"))
            .collect();
        assert!(scans.len() <= 1, "{sql}: {scans:?}");
    }
    for mart in home.mart_names() {
        if !columns(&home, &mart).iter().any(|name| name == "explanation_of_benefit_id") {
            continue;
        }
        let sql = format!(
            "SELECT * FROM {mart} WHERE connection_id = 1 AND explanation_of_benefit_id = 'x'"
        );
        assert!(plan(&sql).iter().all(|step| step[3].starts_with("SEARCH ")), "{sql}");
    }
}
