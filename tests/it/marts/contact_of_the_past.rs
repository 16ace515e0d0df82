//! A name, a number or an address that is marked as old, or has ended, is not how somebody is reached.

use crate::{
    marts::{
        mart_spellings::{add, ask},
        medicare_claims::row,
    },
    support::Home,
};
use serde_json::{Value, json};

#[test]
fn an_old_phone_number_or_address_is_no_columns_first_choice() {
    let phone = |value: &str, of: &str| json!({"system": "phone", "use": of, "value": value});
    let address = |city: &str, of: &str| json!({"use": of, "city": city});
    for (view, resource_type) in [
        ("patient", "Patient"),
        ("practitioner", "Practitioner"),
        ("organization", "Organization"),
        ("related_person", "RelatedPerson"),
    ] {
        let resource = json!({
            "resourceType": resource_type, "id": "x",
            "telecom": [phone("1", "old"), phone("2", "work")],
            "address": [address("Lowell", "old"), address("Boston", "work")],
        });
        let row = row(view, &resource);
        assert_eq!(
            (&row["phone"], &row["address_city"]),
            (&json!("2"), &json!("Boston")),
            "{view}"
        );
    }
}

#[test]
fn what_does_not_say_its_use_is_taken() {
    let resource = json!({
        "resourceType": "Practitioner", "id": "x",
        "telecom": [{"system": "email", "value": "a@b.example"}], "address": [{"city": "Lowell"}],
    });
    let row = row("practitioner", &resource);
    assert_eq!((&row["email"], &row["address_city"]), (&json!("a@b.example"), &json!("Lowell")));
}

/// Two of everything: the first has ended, and so may the second.
fn of_two(resource_type: &str, second: Value) -> Value {
    let ended = json!({"end": "2020-07-22"});
    let mut resource = json!({"resourceType": resource_type, "id": "x"});
    for (element, entries) in [
        (
            "telecom",
            [json!({"system": "phone", "value": "1"}), json!({"system": "phone", "value": "2"})],
        ),
        ("address", [json!({"city": "Lowell"}), json!({"city": "Boston"})]),
        (
            "name",
            [
                json!({"family": "Shaw", "given": ["Amy"], "suffix": ["Sr."]}),
                json!({"family": "Baxter", "given": ["Amy"], "suffix": ["PharmD"]}),
            ],
        ),
    ] {
        if (resource_type, element) != ("Organization", "name") {
            resource[element] = json!(entries);
            resource[element][0]["period"] = ended.clone();
            resource[element][1]["period"] = second.clone();
        }
    }
    resource
}

#[test]
fn what_has_ended_is_a_columns_choice_only_if_nothing_else_is_there() {
    let (present, past) = (json!({"start": "2020-07-22"}), json!({"end": "2021-01-01"}));
    for (view, resource_type) in [
        ("patient", "Patient"),
        ("practitioner", "Practitioner"),
        ("organization", "Organization"),
        ("related_person", "RelatedPerson"),
    ] {
        let now = row(view, &of_two(resource_type, present.clone()));
        let before = row(view, &of_two(resource_type, past.clone()));
        let reached = |row: &Value| json!([row["phone"], row["address_city"]]);
        assert_eq!(reached(&now), json!(["2", "Boston"]), "{view}");
        assert_eq!(reached(&before), json!(["1", "Lowell"]), "{view}");
        if ["patient", "practitioner"].contains(&view) {
            assert_eq!(
                (&now["family_name"], &before["family_name"]),
                (&json!("Baxter"), &json!("Shaw"))
            );
        }
    }
    let home = Home::new();
    let coverage = json!({"resourceType": "Coverage", "id": "k", "status": "active",
        "period": {"start": "2021-01-01"}, "beneficiary": {"reference": "Patient/x"},
        "payor": [{"display": "Plan"}]});
    add(&home, "amy", &[of_two("Patient", present), coverage]);
    for table in ["tuva_patient", "tuva_eligibility"] {
        let named = format!("SELECT last_name, name_suffix, city FROM {table}");
        assert_eq!(ask(&home, &named), ["Baxter|PharmD|Boston"], "{table}");
    }
}
