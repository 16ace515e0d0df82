//! The demo shows every table and every column with something in it.
//!
//! A table that stays empty here is one that nobody has ever seen filled: its ViewDefinition may
//! name an element that FHIR does not have.

use crate::support::Home;
use std::collections::BTreeSet;

#[test]
fn a_second_demo_in_the_same_folder_finds_nothing_new() {
    let home = Home::of_demo();
    let before = home.digest();
    let again = home.run(&["demo"]);
    assert_eq!(again.code, 0, "{}{}", again.stdout, again.stderr);
    let written: i64 = home.value(
        "SELECT sum(rows_written + resources_new + resources_changed + resources_deleted)
         FROM sync_walk WHERE run_id = (SELECT max(id) FROM sync_run)",
    );
    assert_eq!(written, 0, "{}", again.stderr);
    assert_eq!(home.digest(), before);
}

/// Columns that are null in every row, each with its reason.
const NULL_EVERYWHERE: [(&str, &str, &str); 21] = [
    ("changes", "after_words", "the demo's payer changes nothing"),
    ("changes", "before_words", "the demo's payer changes nothing"),
    ("claim", "adjustment_type", "Medicare's"),
    ("claim_current", "adjustment_type", "Medicare's"),
    ("claim_current", "replaced_by_id", "what stands was not replaced"),
    ("claim_current", "replaced_by_connection_id", "what stands was not replaced"),
    ("claim_current", "reverses_id", "what stands is no reversal"),
    ("claim_current", "reverses_connection_id", "what stands is no reversal"),
    ("claim_current", "reversed_by_id", "what stands was not reversed"),
    ("claim_current", "reversed_by_connection_id", "what stands was not reversed"),
    ("coverage_span", "medicare_part", "Medicare's"),
    ("data_freshness", "hint", "nothing is incomplete"),
    ("data_freshness", "reason", "nothing is incomplete"),
    ("data_quality", "line_key", "no line of the demo looks wrong"),
    ("enrollment", "medicare_part", "Medicare's"),
    ("explanation_of_benefit", "benefit_payment_status_info_code", "CARIN 1.2's"),
    ("explanation_of_benefit", "facility_type_code", "Medicare's"),
    ("explanation_of_benefit", "payer_network_status_code", "CARIN 1.0's and 1.1's"),
    ("explanation_of_benefit_item", "service_count", "Medicare's"),
    ("member", "evidence", "every member of the demo is connected once"),
    ("member", "same_as_connection_id", "every member of the demo is connected once"),
];

/// Numbered columns of `medical_claim`: the demo's claims have fewer codes than Tuva has columns.
const NUMBERED: [&str; 4] =
    ["diagnosis_code_", "diagnosis_poa_", "procedure_code_", "procedure_date_"];

fn is_numbered(table: &str, column: &str) -> bool {
    let number = NUMBERED.iter().find_map(|prefix| column.strip_prefix(prefix));
    table == "medical_claim"
        && number.is_some_and(|number| number.parse::<u8>().is_ok_and(|it| it > 1))
}

/// The marts that are empty where nothing is wrong.
const EMPTY: [&str; 1] = ["reconciliation"];

/// The normalised tables, then the marts.
fn tables(demo: &Home) -> Vec<String> {
    let mut names = demo.rows("SELECT name FROM view_table ORDER BY name").concat();
    assert!(names.len() > 300, "{} tables", names.len());
    let marts = marts();
    assert!(!marts.is_empty());
    names.extend(marts.into_iter().filter(|mart| !EMPTY.contains(&mart.as_str())));
    names
}

/// The tables and views of the database that `config/marts` defines.
fn marts() -> Vec<String> {
    let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/config/marts")).unwrap();
    let name =
        |file: std::fs::DirEntry| file.path().file_stem().unwrap().to_str().unwrap().to_owned();
    let mut names: Vec<String> = files.map(|file| name(file.unwrap())).collect();
    names.sort();
    names
}

/// The tables that have no row which fits the condition.
fn without_row(demo: &Home, condition: &str) -> Vec<String> {
    let is_empty = |table: &String| {
        let one = format!("SELECT 1 FROM \"{table}\" WHERE {condition} LIMIT 1");
        demo.value::<i64>(&format!("SELECT count(*) FROM ({one})")) == 0
    };
    tables(demo).into_iter().filter(is_empty).collect()
}

#[test]
fn every_table_and_every_mart_has_a_row_of_the_first_member() {
    let demo = Home::of_demo();
    let empty = without_row(&demo, "true");
    assert!(empty.is_empty(), "tables without a row: {empty:#?}");
    let first: i64 = demo.value("SELECT min(id) FROM connection");
    let empty = without_row(&demo, &format!("connection_id = {first}"));
    assert!(empty.is_empty(), "tables without a row of the first member: {empty:#?}");
}

#[test]
fn every_column_has_a_value_somewhere_but_for_those_with_a_reason() {
    let demo = Home::of_demo();
    let mut found = BTreeSet::new();
    for table in tables(&demo) {
        let info = format!("SELECT name FROM pragma_table_info('{table}')");
        let columns = demo.rows(&info).concat();
        let counts: Vec<String> =
            columns.iter().map(|column| format!("count(\"{column}\")")).collect();
        let row = demo.rows(&format!("SELECT {} FROM \"{table}\"", counts.join(", "))).concat();
        let null = columns.into_iter().zip(row).filter(|(_, count)| count == "0");
        let null = null.filter(|(column, _)| !is_numbered(&table, column));
        found.extend(null.map(|(column, _)| (table.clone(), column)));
    }
    let expected: BTreeSet<(String, String)> = NULL_EVERYWHERE
        .iter()
        .map(|(table, column, _)| ((*table).to_owned(), (*column).to_owned()))
        .collect();
    let unexplained: Vec<_> = found.difference(&expected).collect();
    assert!(unexplained.is_empty(), "columns that are null in every row: {unexplained:#?}");
    let outdated: Vec<_> = expected.difference(&found).collect();
    assert!(outdated.is_empty(), "these have values now, so need no reason: {outdated:#?}");
}
