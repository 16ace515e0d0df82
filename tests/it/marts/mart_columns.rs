//! The columns of marts: each is described, and each code says of which system it is.

use crate::{
    commands::codes::{hcpcs, load, order},
    marts::mart_spellings::{ask, claim, imported},
    support::Home,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Columns of codes of one system, whatever mart they are in, and the list that `codes load` reads of it.
/// docs/codes.md has the joins.
const ONE_SYSTEM: [(&str, &str); 9] = [
    ("hcpcs_code", "HCPCS Level II"),
    ("hcpcs_modifier", "HCPCS Level II"),
    ("modifier_1_code", "HCPCS Level II"),
    ("modifier_2_code", "HCPCS Level II"),
    ("icd10_code", "ICD-10-CM or ICD-10-PCS"),
    ("ndc_code", "NDC"),
    ("ndc_sent_code", "NDC; ndc_code is the same without hyphens"),
    ("place_of_service_code", "place of service"),
    ("rxnorm_code", "RxNorm"),
];
/// Columns of codes that no list names, and why.
const NO_LIST: [(&str, &str); 13] = [
    ("admit_source_code", "NUBC: licensed"),
    ("admit_type_code", "NUBC: licensed"),
    ("bill_type_code", "NUBC: licensed"),
    ("cpt_code", "AMA: licensed"),
    ("decision_code", "X12: licensed; the column's description has the codes"),
    ("denial_reason_code", "X12: licensed; the sender's words are beside it"),
    ("discharge_disposition_code", "NUBC: licensed"),
    ("discharge_status_code", "NUBC: licensed"),
    ("frequency_code", "NUBC: licensed; the mart's description has the codes"),
    ("interpretation_code", "HL7: H, L and so on, which abnormal_by explains"),
    ("revenue_center_code", "NUBC: licensed"),
    ("revenue_code", "NUBC: licensed"),
    ("type_of_bill_code", "NUBC: licensed"),
];

/// Name and columns of each mart as `tables` tells them.
fn told(home: &Home) -> Vec<(String, Vec<String>)> {
    let all: Vec<Value> = serde_json::from_str(&home.run(&["tables", "--json"]).stdout).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.iter()
        .filter(|one| one["kind"] == "mart" || one["kind"] == "tuva")
        .map(|one| {
            let columns = one["columns"].as_array().unwrap().iter();
            (text(&one["table"]), columns.map(|column| text(&column["column"])).collect())
        })
        .collect()
}

fn actual(home: &Home, mart: &str) -> Vec<String> {
    home.rows(&format!("SELECT name FROM pragma_table_info('{mart}') ORDER BY cid")).concat()
}

#[test]
fn every_column_of_a_mart_is_described_in_its_order() {
    let home = imported(&[claim("e", json!({}))]);
    let told = told(&home);
    assert!(told.len() > 40, "{}", told.len());
    for (mart, columns) in told {
        assert_eq!(actual(&home, &mart), columns, "{mart}");
    }
}

#[test]
fn every_code_of_a_mart_has_its_system_beside_it_or_a_reason() {
    let home = imported(&[claim("e", json!({}))]);
    let mut used = BTreeSet::new();
    let mut beside = 0;
    for (mart, columns) in told(&home).iter().filter(|(mart, _)| !mart.starts_with("tuva_")) {
        for column in columns {
            let name = column.trim_end_matches(|c: char| c.is_ascii_digit() || c == '_');
            let stem = name.strip_suffix("code").or(name.strip_suffix("modifier"));
            let Some(stem) = stem.filter(|stem| !stem.ends_with("postal_")) else {
                continue;
            };
            let systems = match stem {
                "" => ["system".to_owned(), "code_system".to_owned()],
                stem => [format!("{stem}system"), format!("{stem}code_type")],
            };
            if systems.iter().any(|system| columns.contains(system)) {
                beside += 1;
                continue;
            }
            let known = |(of, _): &&(&str, &str)| *of == column || *of == name;
            let reason = ONE_SYSTEM.iter().chain(&NO_LIST).find(known);
            let (of, _) = reason.unwrap_or_else(|| panic!("{mart}.{column} has no system"));
            used.insert(*of);
        }
    }
    let unused = ONE_SYSTEM.iter().chain(&NO_LIST).filter(|(of, _)| !used.contains(of));
    assert_eq!(unused.collect::<Vec<_>>(), Vec::<&(&str, &str)>::new());
    assert!(beside >= 14, "{beside}");
}

#[test]
fn diagnoses_and_modifiers_of_marts_join_the_table_of_codes() {
    let cm = "http://hl7.org/fhir/sid/icd-10-cm";
    let level_ii = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets";
    let coded = |system: &str, code: &str| json!({"coding": [{"system": system, "code": code}]});
    let diagnosis = |code: &str, kind: &str| {
        json!({"sequence": 1, "diagnosisCodeableConcept": coded(cm, code),
               "type": [coded("http://terminology.hl7.org/CodeSystem/ex-diagnosistype", kind)]})
    };
    let line = json!([{"sequence": 1, "productOrService": coded(level_ii, "A1234"),
                       "modifier": [coded(level_ii, "A1"), coded(level_ii, "A2")]}]);
    let home = imported(&[
        claim("marked", json!({"diagnosis": [diagnosis("A000", "principal")], "item": line})),
        claim("first", json!({"diagnosis": [diagnosis("A000", "secondary")]})),
        claim(
            "pointing",
            json!({"diagnosis": [{"sequence": 1, "diagnosisReference": {"reference": "Condition/k"}}]}),
        ),
        claim(
            "asked",
            json!({"use": "preauthorization", "diagnosis": [diagnosis("A00.0", "principal")]}),
        ),
        claim(
            "pointing-asked",
            json!({"use": "preauthorization",
                   "diagnosis": [{"sequence": 1, "diagnosisReference": {"reference": "Condition/k"}}]}),
        ),
        json!({"resourceType": "Condition", "id": "k", "subject": {"reference": "Patient/p"},
               "code": coded(cm, "A000")}),
    ]);
    load(&home, "icd10cm-order-2026.txt", order(1, "A000", 1, "Cholera of one kind"));
    let modifiers =
        [hcpcs("A1234", 3, "A thing"), hcpcs("A1", 7, "One way"), hcpcs("A2", 7, "Other")];
    load(&home, "HCPC2026_JAN_ANWEB.txt", modifiers.concat());
    for (mart, column, system, rows) in [
        ("claim", "principal_diagnosis_code", "m.principal_diagnosis_system", 3),
        ("claim_current", "principal_diagnosis_code", "m.principal_diagnosis_system", 3),
        ("claim_line", "diagnosis_code", "m.diagnosis_system", 1),
        ("diagnosis", "code", "m.system", 6),
        ("prior_authorization", "diagnosis_code", "m.diagnosis_system", 2),
        ("claim_line", "modifier_1_code", &format!("'{level_ii}'"), 1),
        ("claim_line", "modifier_2_code", &format!("'{level_ii}'"), 1),
        ("procedure_occurrence", "modifier_1_code", &format!("'{level_ii}'"), 1),
        ("medical_claim", "hcpcs_modifier_1", &format!("'{level_ii}'"), 1),
        ("medical_claim", "hcpcs_code", &format!("'{level_ii}'"), 1),
    ] {
        let joined = ask(
            &home,
            &format!(
                "SELECT count(*) FROM {mart} AS m JOIN code AS c ON c.system = {system} AND c.code = m.{column}"
            ),
        );
        assert_eq!(joined, [rows.to_string()], "{mart}.{column}");
    }
}
