//! Days of supply and refill numbers, in whatever form and under whatever name payers send them.

use crate::marts::mart_spellings::{ask, claim, imported};
use serde_json::{Value, json};

const NDC: &str = "http://hl7.org/fhir/sid/ndc";

fn coded(code: &str, system: &str) -> Value {
    json!({"coding": [{"system": system, "code": code}]})
}

#[test]
fn supply_is_in_days_and_each_line_has_its_own() {
    let supply = |sequence: u8, value: Value| {
        let mut supply = json!({"sequence": sequence, "category": coded("dayssupply", "x")});
        supply.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        supply
    };
    let hours = json!({"valueQuantity": {"value": 720, "code": "h", "system": "http://unitsofmeasure.org"}});
    let months = json!({"valueQuantity": {"value": 3, "code": "mo_g"}});
    let refill = |sequence: u8, number: u8| {
        json!({"sequence": sequence, "category": coded("refillnum", "x"),
        "valueQuantity": {"value": number}})
    };
    let line = |sequence: u8, of: &[u8]| {
        json!({"sequence": sequence, "informationSequence": of,
        "productOrService": coded("00093310905", NDC)})
    };
    let kind = coded("pharmacy", "http://terminology.hl7.org/CodeSystem/claim-type");
    let two = json!({"type": kind, "item": [line(1, &[1, 3]), line(2, &[4, 2]), line(3, &[])],
        "supportingInfo": [supply(1, hours), supply(2, months), refill(3, 0), refill(4, 2),
            supply(5, json!({"valueString": "P7D"}))]});
    let home = imported(&[claim("e", two)]);
    let asked = "SELECT CAST(days_supply AS INTEGER), refill_number FROM medication_fill ORDER BY item_index";
    assert_eq!(ask(&home, asked), ["30|0", "90|2", "7|"]);
}

#[test]
fn supply_is_found_whatever_names_it_and_in_any_form() {
    let kind = coded("pharmacy", "http://terminology.hl7.org/CodeSystem/claim-type");
    let supply = |id: &str, category: Value, value: Value| {
        let mut entry = json!({"sequence": 1, "category": category});
        entry.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        claim(id, json!({"type": kind, "supportingInfo": [entry]}))
    };
    let days = json!({"valueQuantity": {"value": 30}});
    let quantity = |value: u8, unit: &str| json!({"valueQuantity": {"value": value, "unit": unit}});
    let text = |text: &str| json!({"valueString": text});
    let usual = || coded("dayssupply", "x");
    let all = [
        supply("words", json!({"text": "Days Supply"}), days.clone()),
        supply(
            "display",
            json!({"coding": [{"code": "77", "display": "Days of supply"}]}),
            days.clone(),
        ),
        supply("dashes", coded("Days-Supply", "x"), days),
        supply("months", usual(), quantity(1, "month(s)")),
        supply("short", usual(), quantity(1, "mths")),
        supply("hours", usual(), text("PT720H")),
        supply("parts", usual(), text("P4W2D")),
        supply("shown", usual(), json!({"code": {"coding": [{"display": "30 days"}]}})),
    ];
    let home = imported(&all);
    let asked = "SELECT count(*), sum(days_supply = 30) FROM medication_fill";
    assert_eq!(ask(&home, asked), [format!("{0}|{0}", all.len())]);
}

#[test]
fn a_prescription_has_eleven_digits_and_days_in_the_input_layer_too() {
    let request = |id: &str, ndc: &str, value: u8, unit: &str| {
        let lasts = json!({"value": value, "code": unit, "system": "http://unitsofmeasure.org"});
        json!({"resourceType": "MedicationRequest", "id": id, "status": "active", "intent": "order",
            "subject": {"reference": "Patient/p"}, "medicationCodeableConcept": coded(ndc, NDC),
            "dispenseRequest": {"expectedSupplyDuration": lasts}})
    };
    let home = imported(&[
        request("a", "0093-3109-05", 30, "d"),
        request("b", "00093-109-05", 1, "mo"),
        request("c", "00093-3109-5", 2, "wk"),
        request("d", "00093310905", 48, "h"),
        request("e", "unknown", 9, "{tbl}"),
        request("f", "unspecified", 1, "d"),
        request("g", "0093310905", 1, "d"),
        request("h", "9331090500", 1, "d"),
    ]);
    let asked = "SELECT substr(medication_id, 3), ndc_code, CAST(days_supply AS INTEGER) FROM tuva_medication ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        [
            "a|00093310905|30",
            "b|00093010905|30",
            "c|00093310905|14",
            "d|00093310905|2",
            "e||",
            "f||1",
            // The leading zero shows that the labeler lacks one; without it nobody knows.
            "g|00093310905|1",
            "h||1",
        ]
    );
}

#[test]
fn a_fill_that_was_changed_by_a_difference_costs_what_the_claim_does() {
    let kind = coded("pharmacy", "http://terminology.hl7.org/CodeSystem/claim-type");
    let amount = |code: &str, value: f64| json!({"category": {"coding": [{"code": code}]}, "amount": {"value": value, "currency": "USD"}});
    let line = |sequence: u8, paid: f64, by_patient: f64| {
        json!({"sequence": sequence, "productOrService": coded("00093310905", NDC),
        "adjudication": [amount("benefit", paid), amount("paidbypatient", by_patient)]})
    };
    let first = json!({"type": kind, "item": [line(1, 100.0, 10.0)]});
    let change = json!({"type": kind, "created": "2025-02-01", "item": [line(1, -20.0, 4.0)],
        "related": [{"claim": {"reference": "ExplanationOfBenefit/o"}, "relationship": {"coding": [{"code": "prior"}]}}]});
    let alone = json!({"type": kind, "created": "2025-02-02", "billablePeriod": {"start": "2025-01-20"},
        "item": [line(1, 7.0, 1.0), line(2, 8.0, 2.0)]});
    let home = imported(&[claim("o", first), claim("d", change), claim("e", alone)]);
    let fills =
        "SELECT source_id, plan_paid_cents, member_paid_cents FROM medication_fill ORDER BY 1, 2";
    assert_eq!(ask(&home, fills), ["d|8000|1400", "e|700|100", "e|800|200"]);
    let both = "SELECT sum(plan_paid_cents), sum(paid_by_patient_cents) FROM claim_current
        UNION ALL SELECT sum(plan_paid_cents), sum(member_paid_cents) FROM medication_fill";
    assert_eq!(ask(&home, both), ["9500|1700", "9500|1700"]);
    home.succeed(&["verify"], "a difference of a fill");
}

#[test]
fn a_difference_that_only_the_header_states_is_added_to_the_first_line_of_its_fill() {
    let kind = coded("pharmacy", "http://terminology.hl7.org/CodeSystem/claim-type");
    let amount = |code: &str, value: f64| json!({"category": {"coding": [{"code": code}]}, "amount": {"value": value, "currency": "USD"}});
    let line = |sequence: u8, adjudication: Value| json!({"sequence": sequence, "productOrService": coded("00093310905", NDC), "adjudication": adjudication});
    let first = json!({"type": kind, "item": [line(1, json!([amount("benefit", 100.0), amount("paidbypatient", 10.0)]))]});
    for (lines, expected) in [
        (json!([line(1, json!([])), line(2, json!([]))]), &["d|8000|1000", "d||"][..]),
        (json!([line(1, json!([amount("benefit", -15.0)]))]), &["d|8000|1000"]),
    ] {
        let change = json!({"type": kind, "created": "2025-02-01", "item": lines,
            "payment": {"amount": {"value": -20.0, "currency": "USD"}},
            "related": [{"claim": {"reference": "ExplanationOfBenefit/o"}, "relationship": {"coding": [{"code": "prior"}]}}]});
        let home = imported(&[claim("o", first.clone()), claim("d", change)]);
        let fills = "SELECT source_id, plan_paid_cents, member_paid_cents FROM medication_fill ORDER BY item_index";
        assert_eq!(ask(&home, fills), expected);
        let stands = "SELECT plan_paid_cents, paid_by_patient_cents FROM claim_current";
        assert_eq!(ask(&home, stands), ["8000|1000"]);
    }
}

#[test]
fn a_supply_in_a_payers_own_unit_is_read_by_the_units_word() {
    let own =
        json!({"value": 30, "unit": "days", "code": "A", "system": "https://payer.example/units"});
    let kind = coded("pharmacy", "http://terminology.hl7.org/CodeSystem/claim-type");
    let supply = json!({"sequence": 1, "category": coded("dayssupply", "x"), "valueQuantity": own});
    let drug = coded("00093310905", NDC);
    let patient = json!({"reference": "Patient/p"});
    let home = imported(&[
        claim("e", json!({"type": kind, "supportingInfo": [supply]})),
        json!({"resourceType": "MedicationDispense", "id": "d", "status": "completed", "subject": patient,
            "medicationCodeableConcept": drug, "whenHandedOver": "2025-01-02", "daysSupply": own}),
        json!({"resourceType": "MedicationRequest", "id": "r", "status": "active", "intent": "order", "subject": patient,
            "medicationCodeableConcept": drug, "dispenseRequest": {"expectedSupplyDuration": own}}),
    ]);
    let asked = "SELECT source, CAST(days_supply AS INTEGER) FROM medication_fill
        UNION ALL SELECT 'tuva', CAST(days_supply AS INTEGER) FROM tuva_medication ORDER BY 1";
    assert_eq!(ask(&home, asked), ["claim|30", "dispense|30", "tuva|30"]);
}
