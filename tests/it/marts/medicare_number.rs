//! Which of a member's Medicare numbers is theirs now.

use crate::marts::medicare_claims::row;
use serde_json::{Value, json};

const MBI: &str = "http://hl7.org/fhir/sid/us-mbi";
const CURRENCY: &str = "https://bluebutton.cms.gov/resources/codesystem/identifier-currency";

fn currency(code: &str) -> Value {
    json!([{"url": CURRENCY, "valueCoding": {"system": CURRENCY, "code": code}}])
}

fn number_of(identifiers: &[Value]) -> Value {
    let patient = json!({"resourceType": "Patient", "id": "p", "identifier": identifiers});
    row("patient", &patient)["medicare_number"].clone()
}

#[test]
fn a_medicare_number_of_the_past_is_not_the_members() {
    let typed = |value: &str, code: &str| {
        let coding = json!({"code": "MC", "extension": currency(code)});
        json!({"type": {"coding": [coding]}, "system": MBI, "value": value})
    };
    let plain = |value: &str, code: &str| json!({"extension": currency(code), "system": MBI, "value": value});
    assert_eq!(number_of(&[typed("OLD", "historic"), typed("NEW", "current")]), "NEW");
    assert_eq!(number_of(&[plain("OLD", "historic"), plain("NEW", "current")]), "NEW");
    assert_eq!(number_of(&[plain("OLD", "historic")]), Value::Null);
}

#[test]
fn a_medicare_number_is_known_by_its_type_or_its_system() {
    let other = json!({"system": "https://plan.example/member", "value": "M-1"});
    let by_type = json!({"type": {"coding": [{"code": "MC"}]}, "value": "T"});
    let by_system = json!({"system": MBI, "value": "S"});
    assert_eq!(number_of(&[other.clone(), by_type]), "T");
    assert_eq!(number_of(&[other, by_system]), "S");
}
