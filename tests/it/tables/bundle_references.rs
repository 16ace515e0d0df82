//! A reference that only a Bundle resolves: within the Bundle it leads to the resource whose `fullUrl`
//! it is, also after a rebuild, and in any other Bundle to nothing.

use crate::support::{Asked, Home, Reply, Scripted};
use serde_json::{Value, json};

const TYPES: [&str; 2] = ["Patient", "ExplanationOfBenefit"];
const CLINIC: &str = "urn:uuid:0A1b2c3d-0000-4000-8000-000000000012";
const OTHER: &str = "https://other.example/fhir/Organization/12";
const TWICE: &str = "urn:uuid:0a1b2c3d-0000-4000-8000-000000000013";

fn searchset(entries: &[Value], next: Option<&str>) -> Reply {
    let link: Vec<Value> = next.iter().map(|url| json!({"relation": "next", "url": url})).collect();
    let bundle =
        json!({"resourceType": "Bundle", "type": "searchset", "link": link, "entry": entries});
    (200, bundle.to_string())
}

fn claim(id: &str, provider: &str) -> Value {
    json!({
        "resource": {
            "resourceType": "ExplanationOfBenefit", "id": id, "status": "active", "use": "claim",
            "type": {"coding": [{"code": "professional"}]}, "patient": {"reference": "Patient/p"},
            "created": "2025-02-01", "outcome": "complete", "provider": {"reference": provider},
            "payment": {"amount": {"value": 10}},
        },
        "search": {"mode": "match"},
    })
}

fn included(full_url: &str, id: &str) -> Value {
    json!({
        "fullUrl": full_url, "search": {"mode": "include"},
        "resource": {"resourceType": "Organization", "id": id, "name": format!("Clinic {id}")},
    })
}

/// The first page brings the providers of its claims along, the second names them without.
fn payer(asked: &Asked) -> Reply {
    if asked.resource_type == "Patient" {
        return searchset(&[json!({"resource": {"resourceType": "Patient", "id": "p"}})], None);
    }
    match asked.number("page") {
        0 => searchset(
            &[
                claim("a-urn", &CLINIC.to_lowercase()),
                claim("b-url", OTHER),
                claim("c-twice", TWICE),
                claim("d-here", "Organization/here"),
                claim("e-unknown", "urn:uuid:0a1b2c3d-0000-4000-8000-000000000099"),
                included(CLINIC, "clinic"),
                included(OTHER, "theirs"),
                included(TWICE, "one"),
                included(TWICE, "two"),
            ],
            Some(&format!("{}/ExplanationOfBenefit?page=1", asked.base)),
        ),
        _ => searchset(&[claim("f-later", CLINIC), claim("g-later", OTHER)], None),
    }
}

fn providers(home: &Home) -> Vec<String> {
    let sql = "SELECT id || ' ' || coalesce(provider_organization_id, '-')
         FROM explanation_of_benefit ORDER BY id";
    home.rows(sql).concat()
}

#[test]
fn a_urn_leads_to_an_entry_of_its_bundle_and_nowhere_else() {
    let payer = Scripted::start(&TYPES, payer);
    let home = payer.connected_home(&TYPES, "");
    home.succeed(&["sync"], "a Bundle with its providers");
    let expected = [
        "a-urn clinic",
        "b-url theirs",
        "c-twice -",
        "d-here here",
        "e-unknown -",
        "f-later -",
        "g-later -",
    ];
    assert_eq!(providers(&home), expected);
    // As it was sent, it stays.
    let sent = "SELECT provider_reference FROM explanation_of_benefit ORDER BY id LIMIT 2";
    assert_eq!(home.rows(sent).concat(), [CLINIC.to_lowercase(), OTHER.to_owned()]);
    let named = "SELECT explanation_of_benefit_id || ' ' || coalesce(provider_name, '-') FROM claim ORDER BY 1 LIMIT 3";
    assert_eq!(
        home.rows(named).concat(),
        ["a-urn Clinic clinic", "b-url Clinic theirs", "c-twice -"]
    );
    home.succeed(&["rebuild", "explanation_of_benefit"], "without the Bundle");
    assert_eq!(providers(&home), expected);
    home.succeed(&["verify"], "of references that a Bundle resolved");
}
