//! A number or an address that is marked as old is not where somebody is reached.

use crate::marts::medicare_claims::row;
use serde_json::json;

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
