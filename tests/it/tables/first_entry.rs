//! Columns that show one of several entries: all columns of a group show the same entry, and a position
//! is that of the entry in its own list.

use crate::{marts::medicare_claims::row, support::Home};
use serde_json::{Value, json};
use std::fs;

const PDEX: &str = "http://hl7.org/fhir/us/davinci-pdex/StructureDefinition";
const US_CORE: &str = "http://hl7.org/fhir/us/core/StructureDefinition/us-core";

/// The values of these columns in a row.
fn cells<const N: usize>(row: &Value, columns: [&str; N]) -> Value {
    columns.iter().map(|column| row[*column].clone()).collect()
}

/// All rows of a shipped view over one resource, with these columns.
fn rows<const N: usize>(view: &str, resource: &Value, columns: [&str; N]) -> Value {
    let home = Home::new();
    let input = home.file("input.ndjson");
    fs::write(&input, resource.to_string()).unwrap();
    let file = format!("{}/config/views/{view}.json", env!("CARGO_MANIFEST_DIR"));
    let outcome = home.run(&["views", "run", &file, "--input", input.to_str().unwrap()]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let lines = outcome.stdout.lines();
    lines.map(|line| cells(&serde_json::from_str(line).unwrap(), columns)).collect()
}

fn concept(code: &str) -> Value {
    json!({"coding": [{"code": code}]})
}

/// An adjudication with a review: its decision, and its number, reason and date where they are given.
fn reviewed(decision: &str, rest: Option<(&str, &str, &str)>) -> Value {
    let code = format!("{PDEX}/extension-reviewActionCode");
    let mut review = vec![json!({"url": code, "valueCodeableConcept": concept(decision)})];
    let mut extensions = Vec::new();
    if let Some((number, reason, when)) = rest {
        review.push(json!({"url": "number", "valueString": number}));
        review.push(json!({"url": "reasonCode", "valueCodeableConcept": concept(reason)}));
        let url = format!("{PDEX}/base-ext-when-adjudicated");
        extensions.push(json!({"url": url, "valueDateTime": when}));
    }
    let url = format!("{PDEX}/extension-reviewAction");
    extensions.push(json!({"url": url, "extension": review}));
    json!({"category": concept("submitted"), "extension": extensions})
}

#[test]
fn a_review_is_that_of_one_adjudication() {
    let columns = ["review_action_code", "review_number", "review_reason_code", "when_adjudicated"];
    let (pended, certified) =
        (reviewed("A4", None), reviewed("A1", Some(("AUTH-1", "0A", "2025-03-04"))));
    let plain = json!({"category": concept("benefit"), "amount": {"value": 1}});
    let of = |adjudication: &[&Value]| {
        let claim = json!({
            "resourceType": "ExplanationOfBenefit", "id": "e",
            "item": [{"sequence": 1, "adjudication": adjudication}],
        });
        cells(&row("explanation_of_benefit_item", &claim), columns)
    };
    assert_eq!(of(&[&plain, &pended, &certified]), json!(["A4", null, null, null]));
    assert_eq!(of(&[&plain, &certified, &pended]), json!(["A1", "AUTH-1", "0A", "2025-03-04"]));
    assert_eq!(of(&[&plain]), json!([null, null, null, null]));
}

#[test]
fn whether_a_patient_is_enrolled_is_said_of_the_right_tribe() {
    let tribe = |concept: Value, enrolled: Option<bool>| {
        let mut parts = vec![json!({"url": "tribalAffiliation", "valueCodeableConcept": concept})];
        parts.extend(enrolled.map(|it| json!({"url": "isEnrolled", "valueBoolean": it})));
        json!({"url": format!("{US_CORE}-tribal-affiliation"), "extension": parts})
    };
    let patient = json!({
        "resourceType": "Patient", "id": "p",
        "extension": [tribe(concept("170"), None), tribe(json!({"text": "Yurok"}), Some(true))],
    });
    let first = cells(&row("patient", &patient), ["tribal_affiliation_code", "tribal_enrolled"]);
    assert_eq!(first, json!(["170", null]));
    let columns = ["kind", "level", "code", "text", "enrolled"];
    assert_eq!(
        rows("patient_race_ethnicity", &patient, columns),
        json!([
            ["tribe", "tribalAffiliation", "170", null, null],
            ["tribe", "tribalAffiliation", null, "Yurok", true],
        ])
    );
}

#[test]
fn code_system_and_display_are_of_one_coding() {
    let race = |codings: [Value; 2]| {
        let part = |coding: Value| json!({"url": "ombCategory", "valueCoding": coding});
        json!({"url": format!("{US_CORE}-race"), "extension": codings.map(part)})
    };
    let without_code = || json!({"system": "urn:a", "display": "Not coded"});
    let with_code = || json!({"code": "2106-3"});
    let sex =
        |coding: Value| json!({"url": format!("{US_CORE}-individual-sex"), "valueCoding": coding});
    let patient = json!({
        "resourceType": "Patient", "id": "p",
        "extension": [race([without_code(), with_code()]), sex(with_code()), sex(without_code())],
    });
    let patient = row("patient", &patient);
    assert_eq!(cells(&patient, ["race_omb_code", "race_omb_display"]), json!([null, "Not coded"]));
    assert_eq!(
        cells(&patient, ["individual_sex_code", "individual_sex_system", "individual_sex_display"]),
        json!(["2106-3", null, null])
    );
    let adherence = |codings: [Value; 2], date: &str| {
        json!({"url": format!("{US_CORE}-medication-adherence"), "extension": [
            {"url": "medicationAdherence", "valueCodeableConcept": {"coding": codings}},
            {"url": "dateAsserted", "valueDateTime": date},
        ]})
    };
    let order = json!({
        "resourceType": "MedicationRequest", "id": "m",
        "extension": [adherence([with_code(), without_code()], "2024-01-02")],
    });
    assert_eq!(
        cells(
            &row("medication_request", &order),
            ["adherence_code", "adherence_system", "adherence_display", "adherence_date_asserted"]
        ),
        json!(["2106-3", null, null, "2024-01-02"])
    );
    let drug = |coding: Value| json!({"url": "http://hl7.org/fhir/sid/ndc", "valueCoding": coding});
    let claim = json!({
        "resourceType": "ExplanationOfBenefit", "id": "e",
        "item": [{"sequence": 1, "productOrService": {
            "coding": [{"code": "J0129"}], "extension": [drug(with_code()), drug(without_code())],
        }}],
    });
    assert_eq!(
        cells(
            &row("explanation_of_benefit_item", &claim),
            ["administered_ndc_code", "administered_ndc_display"]
        ),
        json!(["2106-3", null])
    );
}

#[test]
fn a_claim_has_the_coverage_that_is_focal_or_else_the_likeliest() {
    let insurance = |id: &str, focal: Option<bool>| {
        let mut insurance = json!({"coverage": {"reference": format!("Coverage/{id}")}});
        if let Some(focal) = focal {
            insurance["focal"] = json!(focal);
        }
        insurance
    };
    for (insurances, expected) in [
        (vec![("a", None), ("b", Some(true))], json!("b")),
        (vec![("a", Some(false)), ("b", Some(true)), ("c", Some(true))], json!("b")),
        (vec![("a", Some(false)), ("b", None), ("c", None)], json!("b")),
        (vec![("a", Some(false))], json!("a")),
        (vec![], json!(null)),
    ] {
        let insurances: Vec<Value> =
            insurances.into_iter().map(|(id, focal)| insurance(id, focal)).collect();
        for (view, resource_type) in
            [("explanation_of_benefit", "ExplanationOfBenefit"), ("submitted_claim", "Claim")]
        {
            let claim = json!({"resourceType": resource_type, "id": "e", "insurance": insurances});
            let found = row(view, &claim);
            assert_eq!(found["coverage_id"], expected, "{view}: {insurances:?}");
            let reference = expected.as_str().map(|id| format!("Coverage/{id}"));
            assert_eq!(found["coverage_reference"], json!(reference), "{view}: {insurances:?}");
        }
    }
}

#[test]
fn an_identifier_is_known_by_the_code_of_its_type() {
    let with_type = |code: &str| json!([{"type": concept(code), "value": "7"}]);
    for (view, resource_type, code, column) in [
        ("patient", "Patient", "pat", "patient_account_number"),
        ("patient", "Patient", "AN", "patient_account_number"),
        ("location", "Location", "NPI", "npi"),
        ("organization", "Organization", "npi", "npi"),
    ] {
        let identifier = with_type(code);
        let resource = json!({"resourceType": resource_type, "id": "x", "identifier": identifier});
        assert_eq!(row(view, &resource)[column], "7", "{view}.{column}: {code}");
        let inside = json!({"resourceType": "Patient", "id": "p", "contained": [resource]});
        if column == "npi" {
            assert_eq!(row("patient_contained", &inside)["npi"], "7", "{code}");
        }
    }
}

#[test]
fn a_position_is_that_of_the_entry_which_has_the_coding_or_reference() {
    let columns = ["element", "element_index", "code"];
    let roles = |codes: &[&str]| codes.iter().map(|code| concept(code)).collect::<Value>();
    for (view, resource_type, list, element) in [
        ("care_team_coding", "CareTeam", "participant", "role"),
        ("encounter_coding", "Encounter", "participant", "type"),
        ("provenance_coding", "Provenance", "agent", "role"),
    ] {
        let mut resource = json!({"resourceType": resource_type, "id": "x"});
        resource[list] =
            json!([{element: roles(&["a", "b"])}, {"other": 1}, {element: roles(&["c"])}]);
        let name = format!("{list}.{element}");
        let expected = json!([[name, 0, "a"], [name, 0, "b"], [name, 2, "c"]]);
        assert_eq!(rows(view, &resource, columns), expected, "{view}");
    }
    let columns = ["element", "element_index", "reference"];
    for (view, resource_type, list, element) in [
        ("care_plan_reference", "CarePlan", "activity", "outcomeReference"),
        ("diagnostic_report_reference", "DiagnosticReport", "media", "link"),
        ("procedure_reference", "Procedure", "focalDevice", "manipulated"),
        (
            "medication_knowledge_reference",
            "MedicationKnowledge",
            "relatedMedicationKnowledge",
            "reference",
        ),
    ] {
        let mut resource = json!({"resourceType": resource_type, "id": "x"});
        resource[list] = json!([{"other": 1}, {element: {"reference": "Device/1"}}]);
        let expected = json!([[format!("{list}.{element}"), 1, "Device/1"]]);
        assert_eq!(rows(view, &resource, columns), expected, "{view}");
    }
}
