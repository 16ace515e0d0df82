//! `tables`: from nothing known to a query that answers, with what the demo brings.

use crate::support::{Home, at_terminal};
use serde_json::Value;

fn stdout(home: &Home, arguments: &[&str]) -> String {
    let outcome = home.run(arguments);
    assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
    outcome.stdout
}

#[test]
fn the_way_leads_from_the_marts_to_queries_that_answer() {
    let home = Home::new();
    home.succeed(&["demo"], "the demo");
    let overview = stdout(&home, &["tables"]);
    let line = |name: &str| {
        let found = overview.lines().find(|line| line.split_whitespace().next() == Some(name));
        found.unwrap_or_else(|| panic!("{name} is not told: {overview}"))
    };
    let claims: i64 = home.value("SELECT count(*) FROM claim_current");
    assert!(line("claim_current").contains(&format!(" {claims} ")), "{overview}");
    assert!(line("claim_current").contains("Which claims stand today?"), "{overview}");
    let patients: i64 = home.value("SELECT count(*) FROM patient");
    assert!(line("patient").contains(&format!(" {patients} ")), "{overview}");
    assert!(overview.find("claim_current") < overview.find("explanation_of_benefit "));
    assert!(!overview.contains("patient_name"), "parts are told by --all");
    assert!(stdout(&home, &["tables", "--all"]).contains("patient_name"));

    let all: Value = serde_json::from_str(&stdout(&home, &["tables", "--json"])).unwrap();
    let (mut queries, mut joins) = (0, 0);
    for table in all.as_array().unwrap().iter().filter(|table| table["kind"] != "part") {
        let name = table["table"].as_str().unwrap();
        let text = stdout(&home, &["tables", name]);
        let (_, examples) = text.split_once("To begin with:\n").unwrap();
        joins += text.matches("\n  JOIN ").count();
        for sql in examples.lines().filter(|line| line.starts_with("  SELECT ")) {
            // Each is run as it stands there.
            home.rows(sql.trim().trim_end_matches(';'));
            queries += 1;
        }
        assert!(!table["columns"].as_array().unwrap().is_empty(), "{name}");
        if table["kind"] == "mart" {
            assert!(table["grain"].as_str().unwrap().starts_with("one row per "), "{name}");
            assert!(table["rows"].is_u64(), "{name}");
        }
    }
    assert!(queries > 100 && joins > 100, "{queries} queries, {joins} joins");
    let bound: i64 = home.value(
        "SELECT count(*) FROM coverage JOIN patient ON patient.connection_id = coverage.connection_id
           AND patient.id = coverage.beneficiary_id",
    );
    let told = stdout(&home, &["tables", "coverage"]);
    assert!(bound > 0 && told.contains("patient.id = coverage.beneficiary_id"), "{told}");
}

#[test]
fn the_way_fits_a_screen_of_eighty_columns() {
    let home = Home::new();
    for arguments in
        [&["tables"][..], &["tables", "--all"], &["tables", "claim"], &["tables", "coverage"]]
    {
        let screen = at_terminal(home.command(arguments), 80, 24);
        assert_eq!(screen.code, 0, "{}", screen.text());
        let is_typed = |line: &&str| line.contains("JOIN ") || line.starts_with("  SELECT ");
        let text = screen.text();
        let long: Vec<&str> =
            text.lines().filter(|line| line.chars().count() > 80 && !is_typed(line)).collect();
        // The words of a mart's definition are lines of a hundred columns.
        let told = long.iter().filter(|line| line.starts_with(['│', ' ', '┌'])).count();
        assert_eq!(told, 0, "{arguments:?}: {long:?}");
    }
}
