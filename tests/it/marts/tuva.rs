//! The views of the Tuva input layer: names, order and types, and what a claims analyst would check
//! before trusting them, over published claims and claims of our own.

use crate::{
    marts::marts_together::printed,
    marts::more_marts,
    support::{Home, python_with_duckdb, real_claims, shared},
};
use serde_json::Value;
use std::{collections::BTreeMap, fs, process::Command};

/// Columns of each table, name and type, in order: Tuva 0.18.0, in the types of DuckDB.
fn wanted() -> BTreeMap<String, Vec<(String, String)>> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tuva_columns.txt");
    let mut tables: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for line in fs::read_to_string(file).unwrap().lines() {
        let [table, name, kind] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        tables.entry(table.to_owned()).or_default().push((name.to_owned(), kind.to_owned()));
    }
    tables
}

/// What a view's comment says of its columns: name and type, in order.
fn documented(table: &str) -> Vec<(String, String)> {
    let file = format!("{}/config/tuva/{table}.sql", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(file).unwrap();
    let columns = text.lines().filter_map(|line| {
        let (name, what) = line.strip_prefix("-- ")?.split_once("  ")?;
        let (kind, what) = what.trim().split_once(": ")?;
        assert!(!what.is_empty(), "{table}.{name}");
        Some((name.to_owned(), kind.to_owned()))
    });
    columns.collect()
}

#[test]
fn the_list_of_columns_is_that_of_the_published_input_layer() {
    let Some(file) = shared("tuva/input_layer.json") else { return };
    let published: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut found: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (table, described) in published["tables"].as_object().unwrap() {
        for column in described["columns"].as_array().unwrap() {
            // No type is stated where Tuva takes any: text.
            let kind = match column["type"].as_str().unwrap_or("varchar") {
                "number" | "float" => "DOUBLE".to_owned(),
                kind => kind.to_uppercase(),
            };
            let name = column["name"].as_str().unwrap().to_owned();
            found.entry(table.clone()).or_default().push((name, kind));
        }
    }
    assert_eq!(found, wanted());
}

#[test]
fn views_have_the_names_the_order_and_the_types() {
    let (_server, home) = more_marts::synced();
    for (table, columns) in wanted() {
        assert_eq!(documented(&table), columns, "{table}");
        let names: Vec<&String> = columns.iter().map(|(name, _)| name).collect();
        let sql = format!("SELECT name FROM pragma_table_info('tuva_{table}')");
        assert_eq!(home.rows(&sql).concat().iter().collect::<Vec<_>>(), names, "{table}");
    }
    let views: i64 =
        home.value("SELECT count(*) FROM mart_table WHERE name LIKE 'tuva~_%' ESCAPE '~'");
    assert_eq!(views, wanted().len() as i64);
    if cfg!(feature = "encryption") {
        // Nobody else opens the file then.
        return;
    }
    let Some(python) = python_with_duckdb() else { return };
    for (table, columns) in wanted() {
        let mut duckdb = Command::new(&python);
        duckdb
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/duckdb_attach.py"))
            .arg(home.file("warehouse.db"));
        let told: Vec<(String, String)> = printed(duckdb, &[format!("DESCRIBE tuva_{table}")])
            .iter()
            .map(|line| line.split('|').take(2).map(str::to_owned).collect::<Vec<_>>())
            .map(|cells| (cells[0].clone(), cells[1].clone()))
            .collect();
        assert_eq!(told, columns, "{table}");
    }
}

/// What finds nothing where the views are right.
fn faults() -> Vec<String> {
    let mut faults = Vec::new();
    for (view, kind) in [("medical_claim", "<> 'pharmacy'"), ("pharmacy_claim", "= 'pharmacy'")] {
        // Each claim that stands is there once, and no other.
        faults.push(format!(
            "SELECT c.connection_id || '.' || c.explanation_of_benefit_id AS id FROM claim_current AS c
             WHERE coalesce(c.kind, '') {kind} EXCEPT SELECT claim_id FROM tuva_{view}"
        ));
        faults.push(format!(
            "SELECT claim_id FROM tuva_{view} EXCEPT SELECT c.connection_id || '.' || c.explanation_of_benefit_id
             FROM claim_current AS c WHERE coalesce(c.kind, '') {kind} AND NOT is_void"
        ));
        faults.push(format!(
            "SELECT claim_id FROM tuva_{view} GROUP BY claim_id HAVING min(claim_line_number) <> 1
               OR max(claim_line_number) <> count(*) OR count(DISTINCT claim_line_number) <> count(*)"
        ));
        faults.push(format!(
            "SELECT t.claim_id FROM (SELECT claim_id, count(*) AS lines FROM tuva_{view} GROUP BY 1) AS t
             JOIN (SELECT connection_id || '.' || explanation_of_benefit_id AS id, count(*) AS lines FROM claim_line GROUP BY 1) AS l
               ON l.id = t.claim_id WHERE l.lines <> t.lines"
        ));
        for (amount, cents) in [
            ("paid", "plan_paid"),
            ("allowed", "allowed"),
            ("charge", "submitted"),
            ("coinsurance", "coinsurance"),
            ("copayment", "copay"),
            ("deductible", "deductible"),
        ] {
            faults.push(format!(
                "SELECT t.claim_id, t.cents, c.{cents}_cents
                 FROM (SELECT claim_id, CAST(round(sum({amount}_amount) * 100) AS INTEGER) AS cents FROM tuva_{view} GROUP BY 1) AS t
                 JOIN claim_current AS c ON c.connection_id || '.' || c.explanation_of_benefit_id = t.claim_id
                 WHERE t.cents IS NOT CASE WHEN coalesce(c.currency, 'USD') = 'USD' THEN c.{cents}_cents END"
            ));
        }
        for column in ["claim_id", "claim_line_number", "payer", "\"plan\"", "data_source"] {
            faults.push(format!("SELECT {column} FROM tuva_{view} WHERE {column} IS NULL"));
        }
        // Some published claims name their patient in a way that leads nowhere.
        for column in ["person_id", "member_id"] {
            faults.push(format!(
                "SELECT t.claim_id FROM tuva_{view} AS t
                 JOIN claim_current AS c ON c.connection_id || '.' || c.explanation_of_benefit_id = t.claim_id
                 WHERE t.{column} IS NULL AND c.patient_id IS NOT NULL"
            ));
        }
    }
    let keys = [
        ("medical_claim", "claim_id, claim_line_number"),
        ("pharmacy_claim", "claim_id, claim_line_number"),
        (
            "eligibility",
            "person_id, member_id, enrollment_start_date, enrollment_end_date, payer, \"plan\", data_source",
        ),
        ("patient", "person_id, patient_id, data_source"),
        ("condition", "condition_id"),
        ("encounter", "encounter_id"),
        ("immunization", "immunization_id"),
        ("lab_result", "lab_result_id"),
        ("location", "location_id"),
        ("medication", "medication_id"),
        ("observation", "observation_id"),
        ("practitioner", "practitioner_id"),
        ("procedure", "procedure_id"),
    ];
    for (view, key) in keys {
        faults.push(format!("SELECT {key} FROM tuva_{view} GROUP BY {key} HAVING count(*) > 1"));
    }
    let words = [
        ("eligibility", "gender", "'male', 'female', 'unknown'"),
        ("patient", "sex", "'male', 'female', 'unknown'"),
        ("medical_claim", "claim_type", "'institutional', 'professional', 'dental', 'vision', 'undetermined'"),
        ("medical_claim", "diagnosis_code_type", "'icd-10-cm', 'icd-9-cm'"),
        ("medical_claim", "drg_code_type", "'ms-drg', 'apr-drg'"),
        ("eligibility", "payer_type", "'medicare', 'medicaid', 'commercial'"),
        ("eligibility", "ethnicity", "'hispanic or latino', 'not hispanic or latino', 'asked but unknown', 'unknown'"),
        (
            "eligibility",
            "race",
            "'american indian or alaska native', 'asian', 'black or african american', 'white', 'other race',
             'native hawaiian or other pacific islander', 'asked but unknown', 'unknown'",
        ),
    ];
    for (view, column, accepted) in words {
        faults.push(format!("SELECT {column} FROM tuva_{view} WHERE {column} NOT IN ({accepted})"));
    }
    faults.push("SELECT ndc_code FROM tuva_pharmacy_claim WHERE length(ndc_code) <> 11 OR ndc_code GLOB '*[^0-9]*'".to_owned());
    faults.push(
        "SELECT diagnosis_code_1 FROM tuva_medical_claim WHERE diagnosis_code_1 LIKE '%.%'"
            .to_owned(),
    );
    for (table, columns) in wanted() {
        for (name, _) in columns.iter().filter(|(_, kind)| kind == "DATE") {
            faults.push(format!(
                "SELECT {name} FROM tuva_{table} WHERE {name} NOT GLOB '[12][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]'"
            ));
        }
    }
    faults
}

fn assert_sound(home: &Home) {
    let found: Vec<_> = faults()
        .into_iter()
        .map(|sql| (home.rows(&format!("{sql} LIMIT 3")), sql))
        .filter(|(rows, _)| !rows.is_empty())
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn claims_of_our_own_are_right() {
    let (_server, home) = more_marts::synced();
    assert_sound(&home);
    let lines = home.rows(
        "SELECT claim_id, claim_line_number, hcpcs_code, place_of_service_code, paid_amount, deductible_amount, claim_start_date
         FROM tuva_medical_claim WHERE claim_id IN ('1.c2b', '1.c6', '1.c5', '1.c10') ORDER BY 1, 2",
    );
    assert_eq!(
        lines.iter().map(|row| row.join("|")).collect::<Vec<_>>(),
        [
            // Euro are no dollars.
            "1.c10|1|99213|11|||2024-03-10",
            "1.c2b|1|99214|11|60.05||2024-03-20",
            "1.c5|1|||7||",
            // The claim's own amounts stand on its first line.
            "1.c6|1|99213|23|80|250|2025-02-10",
            "1.c6|2|99214|11|0|0|2025-02-10",
        ]
    );
    let fills =
        "SELECT claim_id || ' ' || coalesce(ndc_code, '-') || ' ' || coalesce(days_supply, '-')
                 FROM tuva_pharmacy_claim ORDER BY 1";
    assert_eq!(
        home.rows(fills).concat(),
        [
            "1.f1 00093310905 30",
            "1.f2 00093310905 30",
            "1.f3 00093310905 30",
            "1.f4 00093310905 30",
            "1.f5 00093310905 -",
            "1.f7 - 10",
        ]
    );
    assert_eq!(home.rows("SELECT patient_id FROM tuva_patient").concat(), ["1.p", "3.p"]);
}

#[test]
fn published_claims_are_right() {
    let Some((_server, home)) = real_claims() else { return };
    assert!(home.value::<i64>("SELECT count(*) FROM tuva_medical_claim") > 1_000);
    assert!(home.value::<i64>("SELECT count(*) FROM tuva_pharmacy_claim") > 20);
    assert_sound(&home);
}

#[test]
fn the_demo_is_right_and_fills_every_table_but_two() {
    let home = Home::of_demo();
    assert_sound(&home);
    for table in wanted().into_keys() {
        let rows: i64 = home.value(&format!("SELECT count(*) FROM tuva_{table}"));
        let is_empty = ["appointment", "provider_attribution"].contains(&table.as_str());
        assert_eq!(rows == 0, is_empty, "{table} has {rows} rows");
    }
}
