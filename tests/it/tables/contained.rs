//! Resources inside others: a table per type, all alike, and one place to look.

use crate::support::{Home, Payer};
use payersync::{sandbox::Options, warehouse::Catalog};
use std::{collections::BTreeSet, fs, path::Path};

/// Every resource type and the table that has one row per resource.
fn main_tables() -> BTreeSet<(String, String)> {
    let catalog = Catalog::embedded();
    let is_main = |columns: &[payersync::view::Column]| {
        columns.iter().any(|column| column.is_resource_key && column.name == "id")
    };
    catalog
        .tables()
        .iter()
        .filter(|table| is_main(&table.view().columns))
        .map(|table| (table.resource().to_owned(), table.name().to_owned()))
        .collect()
}

#[test]
fn one_mart_has_those_of_every_type() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync"]).code, 0);
    let in_mart = home.rows("SELECT resource_type, count(*) FROM contained_resource GROUP BY 1");
    let tables = main_tables();
    assert!(tables.len() >= 33, "{}", tables.len());
    let in_tables: Vec<Vec<String>> = tables
        .into_iter()
        .map(|(resource_type, table)| {
            let count: i64 = home.value(&format!("SELECT count(*) FROM {table}_contained"));
            assert!(count > 0, "{table}");
            vec![resource_type, count.to_string()]
        })
        .collect();
    assert_eq!(in_mart, in_tables);
    // As docs/warehouse.md has it.
    let found = home.rows(
        "SELECT DISTINCT c.contained_type, c.name, c.npi IS NOT NULL FROM care_team_contained e
         JOIN contained_resource c
           ON c.connection_id = e.connection_id AND c.resource_type = 'CareTeam'
          AND c.resource_id = e.care_team_id AND c.reference = e.practitioner_reference",
    );
    assert_eq!(found, [["Practitioner", "Alex Quill", "1"]]);
}

/// The rows of `explanation_of_benefit_contained` for one claim.
fn contained_rows(home: &Home, claim: &str) -> Vec<serde_json::Value> {
    let input = home.file("claim.ndjson");
    fs::write(&input, claim.replace('\n', "")).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/views");
    let view = folder.join("explanation_of_benefit_contained.json");
    let outcome =
        home.run(&["views", "run", view.to_str().unwrap(), "--input", input.to_str().unwrap()]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_provider_that_is_sent_inside_its_claim_is_found_by_its_reference() {
    let home = Home::new();
    let claim = r##"{"resourceType":"ExplanationOfBenefit","id":"e","provider":{"reference":"#prov1"},
        "contained":[{"resourceType":"Practitioner","id":"prov1","name":[{"family":"Quill"}],
          "identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"1234567893"}]},
         {"resourceType":"Organization","id":"org1","name":"Clinic","type":[{"text":"Hospital"}]},
         {"resourceType":"Account","id":"a","subject":[{"reference":"Patient/1"}],"name":"Bills"}]}"##;
    let rows = contained_rows(&home, claim);
    let of = |row: usize, column: &str| rows[row][column].as_str().unwrap_or("-").to_owned();
    assert_eq!(
        ["contained_type", "contained_id", "family_name", "npi", "name"].map(|name| of(0, name)),
        ["Practitioner", "prov1", "Quill", "1234567893", "-"]
    );
    assert_eq!(
        ["contained_type", "name", "name_text", "type_text"].map(|name| of(1, name)),
        ["Organization", "Clinic", "-", "Hospital"]
    );
    assert_eq!(
        ["contained_type", "name", "subject_id"].map(|name| of(2, name)),
        ["Account", "Bills", "1"]
    );
}

#[test]
fn a_contained_role_with_several_codes_is_a_row_with_the_first() {
    let home = Home::new();
    let claim = r##"{"resourceType":"ExplanationOfBenefit","id":"e","provider":{"reference":"#role"},
        "contained":[{"resourceType":"PractitionerRole","id":"role","code":[
            {"coding":[{"code":"doctor"}],"text":"Physician"},
            {"coding":[{"code":"researcher"}],"text":"Researcher"}]},
         {"resourceType":"OrganizationAffiliation","id":"network","code":[
            {"text":"Provider"},{"text":"Member"}]},
         {"resourceType":"Medication","id":"drug","code":{"text":"Aspirin"}}]}"##;
    let rows = contained_rows(&home, claim);
    let found: Vec<_> = rows
        .iter()
        .map(|row| ["contained_id", "code_code", "code_text"].map(|name| row[name].as_str()))
        .collect();
    assert_eq!(
        found,
        [
            [Some("role"), Some("doctor"), Some("Physician")],
            [Some("network"), None, Some("Provider")],
            [Some("drug"), None, Some("Aspirin")],
        ]
    );
}
