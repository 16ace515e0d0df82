//! Which diagnoses of a claim count, whatever they point to and however they are coded.

use crate::{
    marts::mart_spellings::{ask, claim, imported},
    support::Home,
};
use serde_json::{Value, json};

#[test]
fn the_principal_diagnosis_is_found_through_its_condition() {
    let home = Home::of_demo();
    // Two claims, of which one asks for authorization, whose diagnoses are references.
    home.warehouse()
        .execute_batch(
            "CREATE TEMP TABLE pointing AS
               SELECT connection_id, id FROM explanation_of_benefit e
               WHERE connection_id = 1 AND id = (SELECT min(f.id) FROM explanation_of_benefit f
                 JOIN explanation_of_benefit_diagnosis d
                   ON d.connection_id = f.connection_id AND d.explanation_of_benefit_id = f.id
                 WHERE f.connection_id = 1 AND f.\"use\" IS e.\"use\");
             UPDATE explanation_of_benefit SET principal_diagnosis_code = NULL
               WHERE (connection_id, id) IN (SELECT * FROM pointing);
             UPDATE explanation_of_benefit_diagnosis
               SET diagnosis_code = NULL, type_code = 'principal',
                   diagnosis_condition_id = (SELECT min(id) FROM condition WHERE connection_id = 1)
               WHERE (connection_id, explanation_of_benefit_id) IN (SELECT * FROM pointing);
             CREATE TABLE pointing_claim AS SELECT * FROM pointing;",
        )
        .unwrap();
    // Any rebuild makes the marts anew.
    home.succeed(&["rebuild", "coverage"], "making the marts anew");
    let code: String =
        home.value("SELECT code_code FROM condition WHERE connection_id = 1 ORDER BY id LIMIT 1");
    let of = |mart: &str, column: &str| {
        home.rows(&format!(
            "SELECT DISTINCT {column} FROM {mart}
             WHERE (connection_id, explanation_of_benefit_id) IN (SELECT * FROM pointing_claim)"
        ))
    };
    assert_eq!(of("claim", "principal_diagnosis_code"), [[code.clone()]]);
    assert_eq!(of("prior_authorization", "diagnosis_code"), [[code]]);
}

/// A diagnosis with these codings and types.
fn diagnosis(number: u8, codings: &[(&str, &str)], types: &[&str]) -> Value {
    let coding: Vec<Value> =
        codings.iter().map(|(system, code)| json!({"system": system, "code": code})).collect();
    let types: Vec<Value> = types.iter().map(|code| json!({"coding": [{"code": code}]})).collect();
    json!({"sequence": number, "diagnosisCodeableConcept": {"coding": coding}, "type": types})
}

const CM: &str = "http://hl7.org/fhir/sid/icd-10-cm";

#[test]
fn the_reason_for_an_admission_or_visit_is_no_diagnosis_that_was_paid_for() {
    let with =
        |id: &str, list: &[Value]| claim(id, json!({"diagnosis": list, "item": [{"sequence": 1}]}));
    let reasons = [
        diagnosis(1, &[(CM, "R07.9")], &["admitting"]),
        diagnosis(2, &[(CM, "R06.02")], &["patientreasonforvisit"]),
    ];
    let other = diagnosis(3, &[(CM, "I21.4")], &["other"]);
    // The type that counts may stand behind others, and a reason may be the diagnosis as well.
    let both = diagnosis(4, &[(CM, "I10")], &["clinical", "admitting", "principal"]);
    let home = imported(&[
        with("reasons", &reasons),
        with("some", &[&reasons[..], std::slice::from_ref(&other)].concat()),
        with("marked", &[&reasons[..], &[other, both]].concat()),
    ]);
    let asked = "SELECT c.explanation_of_benefit_id, c.principal_diagnosis_code, l.diagnosis_code,
            t.diagnosis_code_1, t.diagnosis_code_2, t.diagnosis_code_3
        FROM claim AS c JOIN claim_line AS l USING (connection_id, explanation_of_benefit_id)
        JOIN medical_claim AS t USING (connection_id, explanation_of_benefit_id) ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        ["marked|I10|I10|I10|I214|", "reasons|||||", "some|I21.4|I21.4|I214||"]
    );
    // They are in the mart of diagnoses, with their role.
    let roles = "SELECT role, count(*) FROM diagnosis WHERE role <> 'other' GROUP BY 1 ORDER BY 1";
    assert_eq!(ask(&home, roles), ["admitting|3", "clinical|1", "patientreasonforvisit|3"]);
}

#[test]
fn the_input_layer_has_the_icd_code_wherever_it_stands_and_the_principal_procedure_first() {
    let (own, sct) = ("https://payer.example/dx", "http://snomed.info/sct");
    let condition = json!({"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": sct, "code": "13645005"}, {"system": CM, "code": "J44.9"}]}});
    let list = [
        diagnosis(1, &[(own, "D1"), (CM, "E11.9")], &[]),
        diagnosis(2, &[(sct, "38341003"), (CM, "I10")], &[]),
        diagnosis(3, &[(sct, "44054006")], &[]),
        diagnosis(4, &[(own, "D2")], &[]),
        json!({"sequence": 5, "diagnosisReference": {"reference": "Condition/c"}}),
    ];
    let (cpt, pcs) = ("http://www.ama-assn.org/go/cpt", "http://www.cms.gov/Medicare/Coding/ICD10");
    let done = |number: u8, codings: Value, types: &[&str]| {
        let types: Vec<Value> =
            types.iter().map(|code| json!({"coding": [{"code": code}]})).collect();
        json!({"sequence": number, "type": types, "procedureCodeableConcept": {"coding": codings}})
    };
    let procedures = [
        done(
            1,
            json!([{"system": cpt, "code": "27447"}, {"system": pcs, "code": "0SRC0J9"}]),
            &["other"],
        ),
        done(2, json!([{"system": pcs, "code": "0DTJ4ZZ"}]), &["other", "principal"]),
    ];
    let home =
        imported(&[condition, claim("e", json!({"diagnosis": list, "procedure": procedures}))]);
    let asked = "SELECT diagnosis_code_type, diagnosis_code_1, diagnosis_code_2, diagnosis_code_3, diagnosis_code_4,
            diagnosis_code_5, procedure_code_1, procedure_code_2, procedure_code_3 FROM tuva_medical_claim";
    assert_eq!(ask(&home, asked), ["icd-10-cm|E119|I10|D2|J449||0DTJ4ZZ|0SRC0J9|"]);
    let occurrences = "SELECT code, vocabulary FROM procedure_occurrence ORDER BY position";
    assert_eq!(ask(&home, occurrences), ["0SRC0J9|ICD-10-PCS", "0DTJ4ZZ|ICD-10-PCS"]);
}

#[test]
fn a_diagnosis_is_of_the_day_of_service_wherever_the_payer_states_it() {
    let with = |id: &str, start: Option<&str>, days: &[&str]| {
        let line = |(at, day): (usize, &&str)| json!({"sequence": at + 1, "servicedDate": day});
        let lines: Vec<Value> = days.iter().enumerate().map(line).collect();
        let list = [diagnosis(1, &[(CM, "E11.9")], &["principal"])];
        let mut claim =
            claim(id, json!({"created": "2025-02-03", "item": lines, "diagnosis": list}));
        match start {
            Some(start) => claim["billablePeriod"] = json!({"start": start}),
            None => drop(claim.as_object_mut().unwrap().remove("billablePeriod")),
        }
        claim
    };
    let home = imported(&[
        with("claim", Some("2024-12-18"), &["2024-12-19"]),
        with("lines", None, &["2024-12-21", "2024-12-20"]),
        with("neither", None, &[]),
    ]);
    let days = "SELECT d.record_id, diagnosis_date, c.service_start_date FROM diagnosis AS d
        JOIN claim AS c ON c.explanation_of_benefit_id = d.record_id ORDER BY 1";
    assert_eq!(
        ask(&home, days),
        ["claim|2024-12-18|2024-12-18", "lines|2024-12-20|2024-12-20", "neither|2025-02-03|"]
    );
}
