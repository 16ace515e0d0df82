//! From nothing to tables, through the real protocol and the real binary.

use crate::support::{Home, Payer};
use payersync::sandbox::Options;

#[test]
fn every_resource_arrives_byte_for_byte_and_a_second_run_writes_nothing() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home();
    let first = home.run(&["sync"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let mut total = 0;
    for resource_type in payer.types() {
        let mut expected = payer.resources(0, resource_type);
        let mut stored: Vec<String> = home
            .rows(&format!("SELECT json FROM resource WHERE resource_type = '{resource_type}'"))
            .concat();
        expected.sort();
        stored.sort();
        assert!(!expected.is_empty(), "{resource_type}");
        assert_eq!(stored, expected, "{resource_type}");
        total += expected.len();
    }
    let rows_written = |run: i64| {
        home.value::<i64>(&format!("SELECT sum(rows_written) FROM sync_walk WHERE run_id = {run}"))
    };
    assert!(rows_written(1) > total as i64);

    let before = digest(&home);
    let second = home.run(&["sync"]);
    assert_eq!(second.code, 0, "{}", second.stderr);
    assert_eq!(rows_written(2), 0);
    assert!(second.stderr.contains("0 rows written"), "{}", second.stderr);
    assert_eq!(digest(&home), before);
}

#[test]
fn sums_of_item_amounts_are_what_the_json_says() {
    let payer = Payer::start(Options { members: 2, ..Options::plain() });
    let home = payer.connected_home();
    payer.connect(&home, "second", 1);
    assert_eq!(home.run(&["sync"]).code, 0);
    let mut cents = 0i64;
    for text in (0..2).flat_map(|member| payer.resources(member, "ExplanationOfBenefit")) {
        let claim: serde_json::Value = serde_json::from_str(&text).unwrap();
        for item in claim["item"].as_array().into_iter().flatten() {
            let amount = item["net"]["value"].as_f64().unwrap_or_default();
            cents += (amount * 100.0).round() as i64;
        }
    }
    let stored: i64 = home.value(
        "SELECT CAST(round(sum(net_amount) * 100) AS INTEGER) FROM explanation_of_benefit_item",
    );
    assert!(cents > 0);
    assert_eq!(stored, cents);
}

/// Every row of every data table, whatever its order.
fn digest(home: &Home) -> Vec<(String, i64, String)> {
    let tables = home.rows("SELECT name FROM view_table ORDER BY name").concat();
    tables
        .into_iter()
        .chain(["resource".to_owned(), "rejected_resource".to_owned()])
        .map(|table| {
            let rows = home.rows(&format!("SELECT * FROM \"{table}\" ORDER BY 1, 2, 3"));
            (table, rows.len() as i64, format!("{rows:?}"))
        })
        .collect()
}
