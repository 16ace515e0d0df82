//! Who is one person: numbers in any spelling, under any of their types, and nobody who differs from
//! another one of the same person.

use crate::{
    marts::mart_spellings::{add, ask},
    support::Home,
};
use serde_json::{Value, json};

#[test]
fn a_person_is_known_by_numbers_in_any_spelling_and_by_the_whole_group() {
    let home = Home::new();
    let patient = |id: &str, identifier: Value, more: Value| {
        let mut patient = json!({"resourceType": "Patient", "id": id, "identifier": [identifier]});
        patient.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        patient
    };
    let mbi = |system: &str, value: &str| json!({"system": system, "value": value});
    let typed = json!({"system": "https://plan.example/member", "value": "F0001", "type": {"coding": [
        {"system": "https://plan.example", "code": "memberid"},
        {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB"}]}});
    let named = |name: &str| json!({"name": [{"given": [name]}], "birthDate": "1980-02-03"});
    for (name, patient) in [
        (
            "plain",
            patient(
                "a",
                mbi("http://hl7.org/fhir/sid/us-mbi", "1S00E00AA00"),
                json!({"birthDate": "1950-01-02"}),
            ),
        ),
        (
            "slash",
            patient(
                "b",
                mbi("http://hl7.org/fhir/sid/us-mbi/", "1S00E00AA00"),
                json!({"birthDate": "1950-01"}),
            ),
        ),
        ("dashes", patient("c", mbi("http://hl7.org/fhir/sid/us-mbi", "1s00-e00-aa00"), json!({}))),
        ("ann", patient("d", typed.clone(), named("Ann"))),
        ("nameless", patient("e", typed.clone(), json!({}))),
        ("eva", patient("f", typed, named("Eva"))),
    ] {
        add(&home, name, &[patient]);
    }
    let asked = "SELECT c.name, m.member_id FROM member AS m JOIN connection AS c ON c.id = m.connection_id ORDER BY c.id";
    assert_eq!(
        ask(&home, asked),
        ["plain|c1", "slash|c1", "dashes|c1", "ann|c4", "nameless|c4", "eva|c6"]
    );
}
