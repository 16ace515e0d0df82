//! What the published Tuva package asks of its input layer, asked through DuckDB of published claims.
//!
//! Facts of its tests (0.18.0, `models/input_layer`): keys, columns that must not be empty, accepted
//! values, forms of codes, one value per claim, the order and the range of dates. Written anew here, since
//! the package needs dbt, a network and gigabytes of terminology. Left out is what depends on the sender
//! alone: columns that Patient Access may lack (a payment date, an NPI), and lists that are licensed.

use crate::{
    marts::marts_together::printed,
    support::{Home, python_with_duckdb, real_claims},
};
use std::process::Command;

/// Days that can be.
const RANGE: &str = "BETWEEN DATE '1900-01-02' AND DATE '2050-01-02'";

/// Columns of medical_claim that have one value for all lines of a claim.
const OF_THE_CLAIM: [&str; 23] = [
    "claim_type",
    "person_id",
    "member_id",
    "payer",
    "plan",
    "claim_start_date",
    "claim_end_date",
    "admission_date",
    "discharge_date",
    "admit_source_code",
    "admit_type_code",
    "discharge_disposition_code",
    "bill_type_code",
    "drg_code_type",
    "drg_code",
    "billing_npi",
    "billing_tin",
    "facility_npi",
    "paid_date",
    "diagnosis_code_type",
    "diagnosis_code_1",
    "procedure_code_1",
    "data_source",
];

/// Forms of codes, as DuckDB's regular expressions.
const FORMS: [(&str, &str, &str); 24] = [
    ("medical_claim", "admit_source_code", "[0-9A-Z]"),
    ("medical_claim", "admit_type_code", "[0-9]"),
    ("medical_claim", "discharge_disposition_code", "[0-9]{2}"),
    ("medical_claim", "place_of_service_code", "[0-9]{2}"),
    ("medical_claim", "bill_type_code", "[0-9]{2}[0-9A-Za-z]"),
    ("medical_claim", "drg_code", "[0-9]{3}"),
    ("medical_claim", "revenue_center_code", "[0-9]{4}"),
    ("medical_claim", "hcpcs_code", ".{5}"),
    ("medical_claim", "hcpcs_modifier_1", ".{2}"),
    ("medical_claim", "hcpcs_modifier_2", ".{2}"),
    ("medical_claim", "rendering_npi", "[0-9]{10}"),
    ("medical_claim", "billing_npi", "[0-9]{10}"),
    ("medical_claim", "facility_npi", "[0-9]{10}"),
    ("medical_claim", "diagnosis_code_1", "[0-9A-Z]{3,7}"),
    ("medical_claim", "diagnosis_code_2", "[0-9A-Z]{3,7}"),
    ("medical_claim", "procedure_code_1", "[0-9A-Z]{7}"),
    ("medical_claim", "claim_type", "institutional|professional|dental|vision|undetermined"),
    ("medical_claim", "drg_code_type", "ms-drg|apr-drg"),
    ("pharmacy_claim", "ndc_code", "[0-9]{11}"),
    ("pharmacy_claim", "prescribing_provider_npi", "[0-9]{10}"),
    ("eligibility", "gender", "male|female|unknown"),
    ("eligibility", "payer_type", "commercial|medicare|medicaid|self-insured"),
    ("eligibility", "original_reason_entitlement_code", "[0-3]"),
    ("eligibility", "medicare_status_code", "00|10|11|20|21|31|40"),
];

/// Statements that find nothing where the input layer is as the package wants it.
fn asked() -> Vec<String> {
    let mut asked = Vec::new();
    let keys = [
        ("medical_claim", "claim_id, claim_line_number, data_source"),
        ("pharmacy_claim", "claim_id, claim_line_number, data_source"),
        (
            "eligibility",
            "person_id, member_id, enrollment_start_date, enrollment_end_date, plan, payer, data_source",
        ),
        ("patient", "person_id, patient_id, data_source"),
    ];
    for (table, key) in keys {
        asked.push(format!("SELECT {key} FROM tuva_{table} GROUP BY ALL HAVING count(*) > 1"));
    }
    let needed = [
        ("medical_claim", "claim_id claim_line_number claim_type member_id payer plan data_source"),
        ("pharmacy_claim", "claim_id claim_line_number payer plan data_source"),
        (
            "eligibility",
            "person_id member_id gender enrollment_start_date enrollment_end_date payer plan data_source death_flag",
        ),
        ("patient", "person_id patient_id data_source"),
    ];
    for (table, columns) in needed {
        for column in columns.split(' ').filter(|column| *column != "member_id") {
            asked.push(format!("SELECT '{column}' FROM tuva_{table} WHERE {column} IS NULL"));
        }
    }
    for column in OF_THE_CLAIM {
        asked.push(format!(
            "SELECT claim_id, '{column}' FROM tuva_medical_claim GROUP BY claim_id
             HAVING count(DISTINCT {column}) > 1 OR (count({column}) > 0 AND count({column}) < count(*))"
        ));
    }
    for (table, column, form) in FORMS {
        asked.push(format!(
            "SELECT DISTINCT '{column}', {column} FROM tuva_{table} WHERE NOT regexp_full_match({column}, '{form}')"
        ));
    }
    for (table, start, end) in [
        ("medical_claim", "claim_start_date", "claim_end_date"),
        ("medical_claim", "claim_line_start_date", "claim_line_end_date"),
        ("medical_claim", "admission_date", "discharge_date"),
        ("eligibility", "enrollment_start_date", "enrollment_end_date"),
    ] {
        asked.push(format!("SELECT {start}, {end} FROM tuva_{table} WHERE {start} > {end}"));
    }
    for (table, day) in [
        ("medical_claim", "claim_start_date"),
        ("medical_claim", "claim_end_date"),
        ("medical_claim", "claim_line_start_date"),
        ("medical_claim", "admission_date"),
        ("medical_claim", "discharge_date"),
        ("pharmacy_claim", "dispensing_date"),
        ("eligibility", "birth_date"),
        ("eligibility", "enrollment_start_date"),
    ] {
        asked.push(format!("SELECT {day} FROM tuva_{table} WHERE {day} NOT {RANGE}"));
    }
    asked.extend(
        [
            // Lines are numbered 1 to n.
            "SELECT claim_id FROM tuva_medical_claim GROUP BY 1
             HAVING min(claim_line_number) <> 1 OR max(claim_line_number) <> count(*)",
            "SELECT claim_id FROM tuva_pharmacy_claim GROUP BY 1
             HAVING min(claim_line_number) <> 1 OR max(claim_line_number) <> count(*)",
            // What only institutions bill makes a claim one of theirs.
            "SELECT claim_id, claim_type FROM tuva_medical_claim
             WHERE claim_type IN ('professional', 'undetermined')
               AND (bill_type_code IS NOT NULL OR revenue_center_code IS NOT NULL)",
            // A person has one birthday and one gender.
            "SELECT person_id FROM tuva_eligibility GROUP BY 1
             HAVING count(DISTINCT birth_date) > 1 OR count(DISTINCT gender) > 1",
            // A claim of a coverage is paid by the payer of that coverage: Tuva joins by all of these. Published
            // members died long before their claims, so that no month of their coverage is left.
            "SELECT DISTINCT t.claim_id, t.payer, t.plan, e.payer, e.plan
             FROM tuva_medical_claim AS t
             JOIN claim_current AS c ON c.connection_id || '.' || c.explanation_of_benefit_id = t.claim_id
             JOIN coverage_span AS s ON s.connection_id = c.connection_id AND s.coverage_id = c.coverage_id
               AND s.patient_id = c.patient_id
               AND s.is_backward = 0 AND s.coverage_start_date IS NOT NULL
               AND coalesce(s.death_date, '9999') >= '2016-01-01'
               AND (s.coverage_end_date IS NOT NULL OR (s.coverage_end IS NULL AND coalesce(s.status, 'active') = 'active'))
             LEFT JOIN tuva_eligibility AS e ON e.person_id = t.person_id AND e.member_id = t.member_id
               AND e.payer = t.payer AND e.plan = t.plan AND e.data_source = t.data_source
             WHERE t.person_id IS NOT NULL AND e.person_id IS NULL",
            // Codes stand without a gap.
            "SELECT claim_id FROM tuva_medical_claim
             WHERE (diagnosis_code_1 IS NULL AND diagnosis_code_2 IS NOT NULL)
                OR (diagnosis_code_2 IS NULL AND diagnosis_code_3 IS NOT NULL)
                OR (diagnosis_code_type IS NOT NULL AND diagnosis_code_1 IS NULL)
                OR (procedure_code_1 IS NULL) <> (procedure_code_type IS NULL)",
            "SELECT drg_code FROM tuva_medical_claim WHERE drg_code_type IS NOT NULL AND drg_code IS NULL",
        ]
        .map(str::to_owned),
    );
    asked
}

fn assert_as_wanted(home: &Home) {
    let Some(python) = python_with_duckdb() else { return };
    // The helper takes a statement a line.
    let asked: Vec<String> =
        asked().iter().map(|sql| sql.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    // Each answer ends with a line of its own, so that nothing is taken for an answer to another.
    let told = asked.iter().enumerate().flat_map(|(number, sql)| {
        [format!("SELECT {number}, * FROM ({sql}) LIMIT 3"), format!("SELECT 'end of {number}'")]
    });
    let mut duckdb = Command::new(&python);
    duckdb
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/duckdb_attach.py"))
        .arg(home.file("warehouse.db"));
    let lines = printed(duckdb, &told.collect::<Vec<_>>());
    let (ends, found): (Vec<_>, Vec<_>) =
        lines.iter().partition(|line| line.starts_with("end of "));
    assert_eq!(ends.len(), asked.len(), "every question was asked");
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
#[cfg_attr(feature = "encryption", ignore = "nobody else opens the file")]
fn published_claims_pass_what_tuva_asks() {
    let Some((_server, home)) = real_claims() else { return };
    assert!(home.value::<i64>("SELECT count(*) FROM tuva_eligibility") > 20);
    assert_as_wanted(&home);
}

#[test]
#[cfg_attr(feature = "encryption", ignore = "nobody else opens the file")]
fn the_demo_passes_what_tuva_asks() {
    let home = Home::of_demo();
    assert_as_wanted(&home);
    // A member who is covered today is covered up to the end of this month.
    let open: i64 = home.value(
        "SELECT count(*) FROM tuva_eligibility AS e JOIN coverage_span AS s ON s.member_number = e.member_id
         WHERE s.coverage_end IS NULL AND e.enrollment_end_date = date('now', 'start of month', '+1 month', '-1 day')",
    );
    assert!(open > 0);
}
