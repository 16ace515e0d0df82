//! Codes in the Tuva input layer: the word of their system, however a payer writes it, and the group of a
//! stay that is told in two systems.

use crate::marts::mart_spellings::{ask, claim, imported};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs};

fn coded(code: &str) -> Value {
    json!({"coding": [{"code": code}]})
}

/// A claim may give the group of one stay in two systems: as codings of one entry, or as two entries.
#[test]
fn of_two_groups_that_of_medicare_is_the_claims() {
    let kind = json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "institutional"}]});
    let ms = json!({"system": "http://terminology.hl7.org/CodeSystem/MSDRG", "code": "470", "display": "Medicare's"});
    let apr =
        json!({"system": "http://uri.hddaccess.com/cs/apr-drg", "code": "3024", "display": "3M's"});
    let own = json!({"system": "https://payer.example/drg", "code": "99"});
    let padded = json!({"system": "http://terminology.hl7.org/CodeSystem/MSDRG", "code": "0470"});
    let entry = |at: usize, codings: &[&Value]| json!({"sequence": at, "category": coded("DRG"), "code": {"coding": codings}});
    let told =
        |id: &str, entries: Value| claim(id, json!({"type": kind, "supportingInfo": entries}));
    let other = json!({"sequence": 1, "category": coded("typeofbill"), "code": coded("111")});
    let home = imported(&[
        told("a", json!([entry(1, &[&apr, &ms])])),
        told("b", json!([entry(1, &[&ms, &apr])])),
        told("c", json!([other, entry(2, &[&apr]), entry(3, &[&ms])])),
        told("d", json!([entry(1, &[&own, &apr, &ms])])),
        told("e", json!([entry(1, &[&own, &apr])])),
        told("f", json!([entry(1, &[&apr])])),
        told("h", json!([entry(1, &[&own])])),
        told("i", json!([entry(1, &[&padded])])),
        claim(
            "g",
            json!({"type": kind, "supportingInfo": [entry(1, &[&own])],
            "diagnosis": [{"sequence": 1, "packageCode": {"coding": [ms]}}]}),
        ),
    ]);
    let asked =
        "SELECT explanation_of_benefit_id, drg_code, drg_system, drg_display FROM claim ORDER BY 1";
    let ms = "470|http://terminology.hl7.org/CodeSystem/MSDRG|Medicare's";
    let apr = "3024|http://uri.hddaccess.com/cs/apr-drg|3M's";
    assert_eq!(
        ask(&home, asked),
        [
            format!("a|{ms}"),
            format!("b|{ms}"),
            format!("c|{ms}"),
            format!("d|{ms}"),
            format!("e|{apr}"),
            format!("f|{apr}"),
            format!("g|{ms}"),
            "h|99|https://payer.example/drg|".to_owned(),
            "i|0470|http://terminology.hl7.org/CodeSystem/MSDRG|".to_owned(),
        ]
    );
    let asked =
        "SELECT substr(claim_id, 3), drg_code_type, drg_code FROM tuva_medical_claim ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        [
            "a|ms-drg|470",
            "b|ms-drg|470",
            "c|ms-drg|470",
            "d|ms-drg|470",
            "e|apr-drg|302",
            "f|apr-drg|302",
            "g|ms-drg|470",
            "h||099",
            "i|ms-drg|470"
        ]
    );
}

/// Every spelling of a code system that the tables know, and those that differ from it by little.
fn spellings() -> Vec<(String, &'static str)> {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/config/shapes/spellings.json");
    let known: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    let mut all: Vec<(String, &'static str)> = Vec::new();
    for (name, word) in [
        ("cpt", "hcpcs"),
        ("cvx", "cvx"),
        ("hcpcs", "hcpcs"),
        ("icd10cm", "icd-10-cm"),
        ("loinc", "loinc"),
        ("ndc", "ndc"),
        ("rxnorm", "rxnorm"),
        ("snomed", "snomed-ct"),
    ] {
        let list = known[name].as_array().unwrap();
        all.extend(list.iter().map(|url| (url.as_str().unwrap().to_owned(), word)));
    }
    all.extend(
        [
            ("http://hl7.org/fhir/sid/icd-10-pcs", "icd-10-pcs"),
            ("http://hl7.org/fhir/us/carin-bb/ValueSet/ICD10PCS", "icd-10-pcs"),
            ("http://terminology.hl7.org/CodeSystem/icd10PCS", "icd-10-pcs"),
            ("urn:oid:2.16.840.1.113883.6.4", "icd-10-pcs"),
            ("http://hl7.org/fhir/sid/icd-9-cm", "icd-9-cm"),
            ("http://hl7.org/fhir/sid/icd-9-cm/diagnosis", "icd-9-cm"),
            ("http://terminology.hl7.org/CodeSystem/ICD-9CM-diagnosiscodes", "icd-9-cm"),
            ("urn:oid:2.16.840.1.113883.6.103", "icd-9-cm"),
            ("http://terminology.hl7.org/CodeSystem/icd10CM", "icd-10-cm"),
            ("http://snomed.info/sct/731000124108", "snomed-ct"),
        ]
        .map(|(url, word)| (url.to_owned(), word)),
    );
    let near = all.iter().flat_map(|(url, word)| {
        let bare = url.strip_prefix("urn:oid:").unwrap_or(url);
        let other = match url.strip_prefix("http://") {
            Some(rest) => format!("https://{rest}"),
            None => url.clone(),
        };
        [format!("{url}/"), format!("{url}|2024"), url.to_uppercase(), bare.to_owned(), other]
            .map(|near| (near, *word))
    });
    let near: Vec<_> = near.collect();
    all.extend(near);
    all
}

#[test]
fn a_code_has_the_word_of_its_system_in_every_spelling() {
    let spellings = spellings();
    let of = |at: usize, name: &str, system: &str| {
        let id = at.to_string();
        let code = json!({"coding": [{"system": system, "code": "1"}]});
        let patient = json!({"reference": "Patient/p"});
        match name {
            "Immunization" => {
                json!({"resourceType": name, "id": id, "patient": patient, "vaccineCode": code,
                "status": "completed", "occurrenceDateTime": "2025-01-01"})
            }
            "MedicationRequest" => {
                json!({"resourceType": name, "id": id, "subject": patient, "status": "active",
                "intent": "order", "medicationCodeableConcept": code})
            }
            "Observation" => {
                json!({"resourceType": name, "id": id, "subject": patient, "status": "final", "code": code,
                "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/observation-category",
                    "code": if at.is_multiple_of(2) { "laboratory" } else { "vital-signs" }}]}],
                "effectiveDateTime": "2025-01-01", "valueString": "x"})
            }
            _ => {
                json!({"resourceType": name, "id": id, "subject": patient, "status": "completed", "code": code})
            }
        }
    };
    let all: Vec<Value> = ["Condition", "Immunization", "MedicationRequest", "Procedure"]
        .into_iter()
        .flat_map(|name| (0..).zip(&spellings).map(move |(at, (system, _))| (at, name, system)))
        .chain(
            (0..)
                .zip(spellings.iter().flat_map(|one| [one, one]))
                .map(|(at, (system, _))| (at, "Observation", system)),
        )
        .map(|(at, name, system)| of(at, name, system))
        .collect();
    let home = imported(&all);
    let word_of: BTreeMap<&str, &str> =
        spellings.iter().map(|(system, word)| (system.as_str(), *word)).collect();
    for (view, column, table, code_system, key) in [
        ("condition", "source_code_type", "condition", "code_system", "condition_id"),
        (
            "immunization",
            "source_code_type",
            "immunization",
            "vaccine_code_system",
            "immunization_id",
        ),
        (
            "medication",
            "source_code_type",
            "medication_request",
            "medication_system",
            "medication_id",
        ),
        ("procedure", "source_code_type", "procedure", "code_system", "procedure_id"),
        ("observation", "source_code_type", "observation", "code_system", "observation_id"),
        ("lab_result", "source_component_type", "observation", "code_system", "lab_result_id"),
    ] {
        let sql = format!(
            "SELECT t.{code_system}, v.{column} FROM tuva_{view} AS v JOIN {table} AS t
             ON v.{key} IN (t.connection_id || '.' || t.id, t.connection_id || '.' || t.id || '.0')"
        );
        let rows = home.rows(&sql);
        assert!(rows.len() >= spellings.len(), "{view}: {} of {}", rows.len(), spellings.len());
        for row in rows {
            // CMS's address of PCS is given to CM, too: what the record is tells which it is.
            let is_both = row[0].to_lowercase().contains("cms.gov/medicare/coding/icd10");
            let expected = match (is_both, view) {
                (true, "procedure") => "icd-10-pcs",
                (true, "condition") => "icd-10-cm",
                (true, _) => continue,
                _ => word_of[row[0].as_str()],
            };
            assert_eq!(row[1], expected, "{view}: {}", row[0]);
        }
    }
}

#[test]
fn a_line_that_the_payer_added_has_its_modifiers_too() {
    let line = |code: &str, modifiers: &[&str]| {
        let modifiers: Vec<Value> = modifiers.iter().map(|code| coded(code)).collect();
        json!({"sequence": 1, "productOrService": coded(code), "modifier": modifiers})
    };
    let mut added = line("99214", &["59", "LT", "RT", "GA"]);
    added["itemSequence"] = json!([1]);
    added.as_object_mut().unwrap().remove("sequence");
    let home =
        imported(&[claim("e", json!({"item": [line("99213", &["25"])], "addItem": [added]}))]);
    let asked = "SELECT claim_line_number, hcpcs_modifier_1, hcpcs_modifier_2, hcpcs_modifier_3, hcpcs_modifier_4
        FROM tuva_medical_claim ORDER BY 1";
    assert_eq!(ask(&home, asked), ["1|25|||", "2|59|LT|RT|GA"]);
}
