//! Who is one person: numbers in any spelling, under any of their types, and nobody who differs from
//! another one of the same person.

use crate::{
    files::import::put,
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
    let mut placeholder = typed.clone();
    placeholder["value"] = json!("UNKNOWN");
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
        (
            "dashes",
            patient(
                "c",
                mbi("http://terminology.hl7.org/NamingSystem/cmsMBI", "1s00-e00-aa00"),
                json!({}),
            ),
        ),
        ("ann", patient("d", typed.clone(), named("Ann"))),
        ("nameless", patient("e", typed.clone(), json!({}))),
        ("eva", patient("f", typed, named("Eva"))),
        // Before it had a system of its own, Medicare's number was sent under that of the older one.
        (
            "older",
            patient("g", mbi("http://hl7.org/fhir/sid/us-medicare", "1S00E00AA00"), json!({})),
        ),
        // A word in the place of a number is nobody's.
        ("first-unknown", patient("h", placeholder.clone(), json!({}))),
        ("second-unknown", patient("i", placeholder, json!({}))),
    ] {
        add(&home, name, &[patient]);
    }
    let asked = "SELECT c.name, m.member_id FROM member AS m JOIN connection AS c ON c.id = m.connection_id ORDER BY c.id";
    assert_eq!(
        ask(&home, asked),
        [
            "plain|c1",
            "slash|c1",
            "dashes|c1",
            "ann|c4",
            "nameless|c4",
            "eva|c6",
            "older|c1",
            "first-unknown|c8",
            "second-unknown|c9"
        ]
    );
}

#[test]
fn a_name_makes_no_other_person_by_its_spelling() {
    let same = |first: Value, second: Value| {
        let home = Home::new();
        let number = |kind: &str, value: &str| json!({"value": value, "system": "https://plan.example/member", "type": {"coding": [{"code": kind}]}});
        for (at, name) in [first, second].into_iter().enumerate() {
            let mut patient = json!({"resourceType": "Patient", "id": at.to_string(), "birthDate": "1980-02-03",
                "identifier": [number("MB", "F0001")]});
            let given = name.as_object().unwrap().clone();
            patient.as_object_mut().unwrap().extend(given);
            add(&home, &format!("c{at}"), &[patient]);
        }
        home.value::<i64>("SELECT count(DISTINCT member_id) FROM member") == 1
    };
    let given = |name: &str| json!({"name": [{"given": [name], "family": "Doe"}]});
    let text = |name: &str| json!({"name": [{"text": name}]});
    for (one, other) in [
        (given("José"), given("JOSE")),
        (given("Mary-Ann"), given("Mary Ann")),
        (given("D'Andre"), given("Dandre")),
        (given("Ann"), text("Dr. Ann Doe")),
        (given("Ann"), text("DOE, ANN M")),
        (given("Ann"), json!({"birthDate": "1980-02-03T00:00:00Z"})),
    ] {
        assert!(same(one.clone(), other.clone()), "{one} {other}");
    }
    // Twins, whose names some plans send as one text.
    for (one, other) in [
        (text("Ann Doe"), text("Eva Doe")),
        (text("Doe, Ann"), text("Doe, Eva")),
        (given("Ann"), text("Eva Doe")),
    ] {
        assert!(!same(one.clone(), other.clone()), "{one} {other}");
    }
}

#[test]
fn a_label_is_nobody_elses_id() {
    let home = Home::new();
    let file = put(&home, "in/ann.ndjson", r#"{"resourceType":"Patient","id":"a"}"#);
    home.succeed(&["import", "ann", &file, "--member", "c2"], "a member with a label");
    add(&home, "eva", &[json!({"resourceType": "Patient", "id": "e"})]);
    let asked = "SELECT connection_name, member_id FROM member ORDER BY 1";
    assert_eq!(ask(&home, asked), ["ann|c2", "eva|c2 e"]);
}
