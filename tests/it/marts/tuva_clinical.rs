//! The clinical records of the Tuva input layer: which of them count, and what is known of each.

use crate::marts::mart_spellings::{ask, imported};
use serde_json::{Value, json};

/// A clinical record of the member with these members beside those that every record has.
fn record(kind: &str, id: &str, members: Value) -> Value {
    let mut record = json!({"resourceType": kind, "id": id, "subject": {"reference": "Patient/p"}});
    let Value::Object(members) = members else { panic!("the members of a record are an object") };
    record.as_object_mut().unwrap().extend(members);
    record
}

#[test]
fn what_was_refuted_or_never_took_place_is_left_out() {
    let status = |kind: &str, status: &str| record(kind, status, json!({"status": status}));
    let verified = |status: &str| {
        record(
            "Condition",
            status,
            json!({"verificationStatus": {"coding": [{"code": status}]}, "code": {"text": "Asthma"}}),
        )
    };
    let mut records: Vec<Value> =
        ["confirmed", "provisional", "refuted", "entered-in-error"].map(verified).into();
    let visits = ["planned", "arrived", "finished", "cancelled", "entered-in-error"];
    records.extend(visits.map(|word| status("Encounter", word)));
    let orders = ["active", "completed", "stopped", "draft", "cancelled", "entered-in-error"];
    records.extend(orders.map(|word| status("MedicationRequest", word)));
    let seen = ["preliminary", "final", "cancelled", "entered-in-error"];
    records.extend(seen.map(|word| status("Observation", word)));
    let done = ["preparation", "in-progress", "completed", "stopped", "not-done"];
    records.extend(done.map(|word| status("Procedure", word)));
    records.push(record(
        "MedicationRequest",
        "forbidden",
        json!({"status": "active", "doNotPerform": true}),
    ));
    let home = imported(&records);
    let of = |table: &str| {
        ask(&home, &format!("SELECT substr({table}_id, 3) FROM tuva_{table} ORDER BY 1"))
    };
    assert_eq!(of("condition"), ["confirmed", "provisional"]);
    assert_eq!(of("encounter"), ["arrived", "finished"]);
    assert_eq!(of("medication"), ["active", "completed", "stopped"]);
    assert_eq!(of("observation"), ["final", "preliminary"]);
    assert_eq!(of("procedure"), ["completed", "in-progress", "stopped"]);
    let diagnoses = "SELECT record_id FROM diagnosis ORDER BY 1";
    assert_eq!(ask(&home, diagnoses), ["confirmed", "provisional"]);
}

#[test]
fn a_prescription_has_the_codes_of_the_drug_that_it_names() {
    let (ndc, rxnorm) =
        ("http://hl7.org/fhir/sid/ndc", "http://www.nlm.nih.gov/research/umls/rxnorm");
    let drug = |id: &str, system: &str, code: &str| {
        json!({"resourceType": "Medication", "id": id,
            "code": {"coding": [{"system": system, "code": code, "display": id}]}})
    };
    let order = |id: &str, members: Value| record("MedicationRequest", id, members);
    let home = imported(&[
        drug("stored", ndc, "0093-3109-05"),
        order("a", json!({"medicationReference": {"reference": "Medication/stored"}})),
        order(
            "b",
            json!({"contained": [drug("other", rxnorm, "1"), drug("own", rxnorm, "314076")],
                "medicationReference": {"reference": "#own"}}),
        ),
        order(
            "c",
            json!({"medicationCodeableConcept": {"coding": [{"system": rxnorm, "code": "861007"}]}}),
        ),
        order(
            "d",
            json!({"medicationReference": {"reference": "Medication/lost", "display": "Lost"}}),
        ),
    ]);
    let asked = "SELECT substr(medication_id, 3), source_code_type, source_code, source_description, ndc_code, rxnorm_code
        FROM tuva_medication ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        [
            "a|ndc|0093-3109-05|stored|00093310905|",
            "b|rxnorm|314076|own||314076",
            "c|rxnorm|861007|||861007",
            "d|||Lost||",
        ]
    );
}

#[test]
fn an_observation_is_a_result_of_the_laboratory_or_another_and_keeps_its_comparator() {
    let seen = |id: &str, category: Value, comparator: &str| {
        let mut quantity = json!({"value": 20});
        if !comparator.is_empty() {
            quantity["comparator"] = json!(comparator);
        }
        let code = json!({"coding": [{"system": "http://loinc.org", "code": "20447-9"}]});
        record(
            "Observation",
            id,
            json!({"status": "final", "category": category, "code": code, "valueQuantity": quantity}),
        )
    };
    let coded = |code: &str| json!({"coding": [{"code": code}]});
    let home = imported(&[
        seen("a", json!([coded("laboratory")]), "<"),
        seen("b", json!([coded("LAB")]), ""),
        seen("c", json!([{"text": "Laboratory "}]), ""),
        seen("d", json!([coded("procedure"), coded("Laboratory")]), ""),
        seen("e", json!([coded("vital-signs")]), ">="),
        seen("f", json!([]), ""),
    ]);
    let results = "SELECT v.observation_id, t.result FROM tuva_lab_result AS t
        JOIN lab_result AS v ON '1.' || v.observation_id = substr(t.lab_result_id, 1, 3) ORDER BY 1";
    assert_eq!(ask(&home, results), ["a|<20.0", "b|20.0", "c|20.0", "d|20.0"]);
    let others = "SELECT observation_id, result FROM tuva_observation ORDER BY 1";
    assert_eq!(ask(&home, others), ["1.e|>=20.0", "1.f|20.0"]);
}

#[test]
fn a_blood_pressure_has_a_row_for_itself_and_for_each_coded_component() {
    let loinc = |code: &str| json!({"system": "http://loinc.org", "code": code});
    let part = |codings: Value, value: f64| {
        json!({"code": {"coding": codings},
            "valueQuantity": {"value": value, "unit": "mmHg", "code": "mm[Hg]"}})
    };
    let own = json!({"system": "https://plan.example/vitals", "code": "DIA"});
    let pressure = json!({
        "status": "final", "category": [{"coding": [{"code": "vital-signs"}]}],
        "code": {"coding": [loinc("85354-9")]}, "effectiveDateTime": "2025-01-05",
        "component": [
            part(json!([loinc("8480-6")]), 120.0),
            part(json!([own, loinc("8462-4")]), 80.5),
            {"valueString": "no code"},
        ],
    });
    // The first day of a month counts, as in lab_result, and not the day of issue.
    let mut of_a_month = pressure.clone();
    of_a_month["effectiveDateTime"] = json!("2024-03");
    of_a_month["issued"] = json!("2024-04-02T10:00:00Z");
    of_a_month["component"] = json!([]);
    let mut of_a_laboratory = pressure.clone();
    of_a_laboratory["category"] = json!([{"coding": [{"code": "laboratory"}]}]);
    let home = imported(&[
        record("Observation", "bp", pressure),
        record("Observation", "lab", of_a_laboratory),
        // The ids of FHIR may hold points: this one is not a component's.
        record("Observation", "bp.1", of_a_month),
    ]);
    let asked = "SELECT observation_id, panel_id, observation_date, source_code, normalized_code, result, source_units
        FROM tuva_observation ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        [
            "1.bp||2025-01-05|85354-9|85354-9||",
            "1.bp#0|1.bp|2025-01-05|8480-6|8480-6|120.0|mm[Hg]",
            "1.bp#1|1.bp|2025-01-05|DIA|8462-4|80.5|mm[Hg]",
            "1.bp.1||2024-03-01|85354-9|85354-9||",
        ]
    );
}

#[test]
fn an_observation_has_its_result_in_whatever_type_it_was_sent() {
    let ratio = |upper: f64, lower: f64| json!({"valueRatio": {"numerator": {"value": upper}, "denominator": {"value": lower}}});
    let mut negative = ratio(1.0, 10.0);
    negative["valueRatio"]["numerator"]["comparator"] = json!("<");
    let sent = [
        (json!({"valueBoolean": false}), "false"),
        (json!({"valueCodeableConcept": {"coding": [{"code": "449868002"}]}}), "449868002"),
        (json!({"valueDateTime": "2025-03-01"}), "2025-03-01"),
        (json!({"valueInteger": 7}), "7"),
        (json!({"valueRange": {"low": {"value": 5}, "high": {"value": 10.25}}}), "5-10.25"),
        (json!({"valueRange": {"high": {"value": 5, "unit": "/HPF"}}}), "<=5 /HPF"),
        (json!({"valueRange": {"low": {"value": 5, "unit": "/HPF"}}}), ">=5 /HPF"),
        (ratio(1.0, 128.0), "1:128"),
        (ratio(0.5, 10.0), "0.5:10"),
        (negative, "<1:10"),
        (json!({"valueTime": "08:30:00"}), "08:30:00"),
    ];
    let all: Vec<Value> = (0..)
        .zip(&sent)
        .flat_map(|(at, (value, _)): (u8, _)| {
            let mut part = value.clone();
            part["code"] = json!({"text": "part"});
            let parts = json!({"component": [part]});
            [(format!("{at:02}-a"), value.clone()), (format!("{at:02}-b"), parts)]
        })
        .map(|(id, members)| record("Observation", &id, members))
        .collect();
    let asked = "SELECT result || coalesce(' ' || source_units, '') FROM tuva_observation
        WHERE observation_id LIKE '%-a' OR panel_id IS NOT NULL ORDER BY observation_id";
    let expected: Vec<&str> = sent.iter().flat_map(|(_, result)| [*result, *result]).collect();
    assert_eq!(ask(&imported(&all), asked), expected);
}

#[test]
fn whoever_attends_is_neither_the_first_participant_nor_a_relative() {
    let part = |role: &str, reference: &str| {
        let individual = json!({"reference": reference, "display": format!("Name of {reference}")});
        match role {
            "" => json!({"individual": individual}),
            role => json!({"type": [{"coding": [{"code": role}]}], "individual": individual}),
        }
    };
    let visit = |id: &str, participants: Value| {
        record("Encounter", id, json!({"status": "finished", "participant": participants}))
    };
    let (mother, referrer) = (part("ESC", "RelatedPerson/7"), part("REF", "Practitioner/r"));
    let main = part("PPRF", "Practitioner/m");
    let attender = part("ATND", "Practitioner/a");
    let home = imported(&[
        visit("a", json!([mother, referrer, main, attender])),
        visit("b", json!([mother, referrer, main])),
        visit("c", json!([mother, part("", "RelatedPerson/7"), referrer])),
        visit("d", json!([part("", "Practitioner/a"), part("ATND", "PractitionerRole/x")])),
        visit("e", json!([part("ATND", "RelatedPerson/7")])),
        visit("f", json!([referrer, part("SPRF", "Practitioner/s")])),
        visit("g", json!([mother, part("", "Practitioner/a")])),
        visit("h", json!([part("", "Practitioner/a"), referrer])),
    ]);
    let asked = "SELECT encounter_id, attending_provider_id, attending_provider_name FROM tuva_encounter ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        [
            "1.a|1.a|Name of Practitioner/a",
            "1.b|1.m|Name of Practitioner/m",
            "1.c||",
            "1.d||Name of PractitionerRole/x",
            "1.e||",
            "1.f|1.s|Name of Practitioner/s",
            "1.g|1.a|Name of Practitioner/a",
            "1.h||",
        ]
    );
}

#[test]
fn a_code_that_is_not_of_ucum_is_no_unit() {
    let measured = |id: &str, system: &str| {
        let value = json!({"value": 120, "unit": "mmHg", "code": "17", "system": system});
        record("Observation", id, json!({"valueQuantity": value}))
    };
    let home = imported(&[
        measured("a", "https://plan.example/units"),
        measured("b", "http://unitsofmeasure.org"),
        record("Observation", "c", json!({"valueQuantity": {"value": 1, "code": "kg"}})),
    ]);
    let asked = "SELECT source_units FROM tuva_observation ORDER BY observation_id";
    assert_eq!(ask(&home, asked), ["mmHg", "17", "kg"]);
}
