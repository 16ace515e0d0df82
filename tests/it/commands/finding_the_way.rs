//! `tables`: from nothing known to a query that answers, with what the demo brings.

use crate::{
    files::import::put,
    support::{Home, Payer, at_terminal},
};
use payersync::sandbox::Options;
use serde_json::Value;

fn stdout(home: &Home, arguments: &[&str]) -> String {
    let outcome = home.run(arguments);
    assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
    outcome.stdout
}

#[test]
fn the_way_leads_from_the_marts_to_queries_that_answer() {
    let home = Home::of_demo();
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
fn the_first_query_answers_the_tables_own_question() {
    let home = Home::new();
    for (table, query) in [
        ("medication_gap", "  SELECT drug, drug_name, gap_start_date, gap_end_date, gap_days, "),
        ("spend_by_month", "  SELECT member_id, month_date, kind, category, sum(claim_count)"),
        ("completeness", "  SELECT connection, resource_type, state, reason, hint, "),
    ] {
        let text = stdout(&home, &["tables", table]);
        let (_, examples) = text.split_once("To begin with:\n").unwrap();
        let first = examples.lines().find(|line| line.starts_with("  SELECT ")).unwrap();
        assert!(first.starts_with(query), "{table}: {first}");
    }
    let spend = stdout(&home, &["tables", "spend_by_month"]);
    assert!(spend.contains("substr(month_date, 1, 7) AS month, count(*), sum(plan_paid_amount)"));
}

/// What a command shows on a screen of 80 columns and no pager.
fn shown(home: &Home, arguments: &[&str]) -> String {
    let mut command = home.command(arguments);
    command.env("PAGER", "cat");
    let screen = at_terminal(command, 80, 24);
    assert_eq!(screen.code, 0, "{}", screen.text());
    screen.text()
}

#[test]
fn the_way_fits_a_screen_of_eighty_columns_and_nothing_is_cut() {
    let home = Home::new();
    for arguments in [
        &["tables"][..],
        &["tables", "--all"],
        &["tables", "claim"],
        &["tables", "claim_current"],
        &["tables", "member_month"],
        &["tables", "coverage"],
        &["tables", "completeness"],
    ] {
        let text = shown(&home, arguments);
        let long: Vec<&str> = text.lines().filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{arguments:?}: {long:#?}");
        let cut: Vec<&str> = text.lines().filter(|line| line.contains('…')).collect();
        assert!(cut.is_empty(), "{arguments:?}: {cut:#?}");
    }
    // Every word of every column's meaning is there.
    let words = |text: &str| {
        let letters = text.chars().map(|c| if "│╪═┌└╞".contains(c) { ' ' } else { c });
        letters.collect::<String>().split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let told = words(&shown(&home, &["tables", "claim_current"])).join(" ");
    let all: Value =
        serde_json::from_str(&stdout(&home, &["tables", "claim_current", "--json"])).unwrap();
    for column in all[0]["columns"].as_array().unwrap() {
        let what = words(column["description"].as_str().unwrap());
        assert!(what.iter().all(|word| told.contains(word.as_str())), "{column}");
    }
}

#[test]
fn whatever_else_a_person_reads_fits_eighty_columns_too() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync"]).code, 0);
    // A view of its own writer, which verify has a note about.
    let names = "answers_as_if_it_were_ours, and_another_one_with_a_long_name".split(", ");
    for name in names {
        home.warehouse().execute_batch(&format!("CREATE VIEW {name} AS SELECT 1 AS one")).unwrap();
    }
    for (arguments, code) in [
        (&["tables", "--unmapped"][..], 0),
        (&["demo", "--list-faults"], 0),
        (&["sandbox", "--list-likes"], 0),
        (&["demo", "--fault", "a-fault-that-is-not-known"], 1),
        (&["verify"], 0),
    ] {
        let screen = at_terminal(home.command(arguments), 80, 24);
        let text = screen.text();
        assert_eq!(screen.code, code, "{arguments:?}: {text}");
        let lines = text.split(['\n', '\r']);
        let long: Vec<&str> = lines.filter(|line| line.chars().count() > 80).collect();
        assert!(long.is_empty(), "{arguments:?}: {long:#?}");
        // A fault's own words have a path with an ellipsis in it.
        assert!(!text.replace("/R4/…", "").contains('…'), "{arguments:?}: {text}");
    }
    drop(payer);
    let text = at_terminal(home.command(&["sync"]), 80, 24).text();
    // The bars stand between; a line of the failure that goes on is indented.
    let (_, told) = text.split_once('✗').unwrap();
    let (told, _) = told.split_once("attempts").unwrap();
    assert!(told.contains("could not") && told.contains("    "), "{told}");
}

#[test]
fn a_mart_with_the_columns_of_another_has_them_in_markdown() {
    let home = Home::new();
    let claim = stdout(&home, &["tables", "claim", "--markdown"]);
    let current = stdout(&home, &["tables", "claim_current", "--markdown"]);
    let columns = |text: &str| text.lines().filter(|line| line.starts_with("| ")).count();
    assert!(columns(&claim) > 50, "{claim}");
    assert_eq!(columns(&current), columns(&claim), "{current}");
}

/// Tables and views that are asked by payersync alone.
const INTERNAL: [&str; 20] = [
    "access_log_chain",
    "mart_due",
    "mart_due_type",
    "mart_table",
    "metrics_file",
    "purge_unfinished",
    "rebuild_reject",
    "rebuild_request",
    "reference_queue",
    "reference_type",
    "refinery_schema_history",
    "resource_outdated",
    "resource_unlisted",
    "table_rebuild",
    "type_state",
    "unmapped_path_due",
    "version_horizon",
    "view_table",
    "walk_cursor",
    "walk_page",
];

#[test]
fn every_table_that_is_kept_for_readers_is_described_as_it_is() {
    let home = Home::new();
    let file = put(&home, "in.ndjson", "{\"resourceType\": \"Patient\", \"id\": \"p\"}\n");
    home.succeed(&["import", "john", &file], "a file");
    let all: Value = serde_json::from_str(&stdout(&home, &["tables", "--json"])).unwrap();
    let all = all.as_array().unwrap();
    let names = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')
                 AND name NOT LIKE 'sqlite_%' ORDER BY name";
    for name in home.rows(names).into_iter().flatten() {
        let described = all.iter().find(|table| table["table"] == *name);
        let is_internal = INTERNAL.contains(&name.as_str());
        assert!(
            described.is_some() != is_internal,
            "{name}: describe it in config/control_tables.json"
        );
        let Some(table) = described.filter(|table| table["kind"] == "control") else { continue };
        let columns = home.rows(&format!("SELECT name, type FROM pragma_table_info('{name}')"));
        let told = table["columns"].as_array().unwrap();
        assert_eq!(told.len(), columns.len(), "{name}");
        for (told, column) in told.iter().zip(&columns) {
            assert_eq!(told["column"], column[0], "{name}");
            // What a view computes has no declared type.
            assert!(column[1].is_empty() || told["type"] == column[1], "{name}: {told}");
            assert!(!told["description"].as_str().unwrap().is_empty(), "{name}: {told}");
        }
    }
}
