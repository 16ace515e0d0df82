//! Cents, dates and names in marts, where the first that comes to hand is not the right one.

use crate::{
    mart_spellings::{ask, claim, imported},
    support::Home,
};
use serde_json::{Value, json};

const NPI: &str = "http://hl7.org/fhir/sid/us-npi";

/// An amount of a kind; the value is the JSON number as it is written.
fn amount(kind: &str, value: &str) -> Value {
    let value: Value = serde_json::from_str(value).unwrap();
    json!({"category": {"coding": [{"system": "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudication", "code": kind}]},
        "amount": {"value": value, "currency": "USD"}})
}

#[test]
fn half_a_cent_goes_away_from_zero_as_it_was_sent() {
    let sent = [
        ("1.005", 101),
        ("2.675", 268),
        ("0.285", 29),
        ("35.855", 3586),
        ("-1.005", -101),
        ("1234567.125", 123_456_713),
        ("1.1e-2", 1),
    ];
    let mut claims: Vec<Value> = (0..)
        .zip(sent)
        .map(|(at, (value, _)): (usize, _)| {
            claim(&at.to_string(), json!({"total": [amount("submitted", value)]}))
        })
        .collect();
    let line = |sequence: u8| json!({"sequence": sequence, "adjudication": [amount("deductible", "0.335")]});
    claims.push(claim("lines", json!({"item": [line(1), line(2), line(3)]})));
    let home = imported(&claims);
    let expected: Vec<String> = sent.iter().map(|(_, cents)| cents.to_string()).collect();
    let asked = "SELECT submitted_cents FROM claim WHERE explanation_of_benefit_id <> 'lines' ORDER BY 1 + explanation_of_benefit_id";
    assert_eq!(ask(&home, asked), expected);
    let asked = "SELECT deductible_cents FROM claim WHERE explanation_of_benefit_id = 'lines'
                 UNION ALL SELECT sum(deductible_cents) FROM claim_line";
    assert_eq!(ask(&home, asked), ["101", "102"]);
    home.succeed(&["verify"], "verifying the marts");
}

#[test]
fn the_header_of_a_claim_must_agree_with_itself() {
    let header = |total: &str, stated: &str| {
        json!({"total": [amount("deductible", total)],
            "adjudication": [amount("deductible", stated)]})
    };
    let home = imported(&[
        claim("same-total", header("10", "10.00")),
        claim("other-total", header("10", "9")),
    ]);
    let asked =
        "SELECT explanation_of_benefit_id, problem, kind, difference_cents FROM reconciliation";
    assert_eq!(ask(&home, asked), ["other-total|total and adjudication|deductible|100"]);
}

#[test]
fn a_date_that_is_none_hides_no_other() {
    let line = |sequence: u8, day: &str| json!({"sequence": sequence, "servicedDate": day});
    let home = imported(&[
        claim(
            "period",
            json!({"billablePeriod": {"start": "2020-13-01", "end": "x"}, "item": [line(1, "2025-03-01")]}),
        ),
        claim(
            "line",
            json!({"billablePeriod": {}, "item": [line(1, "01/05/2025"), line(2, "2025-03-01")]}),
        ),
        claim("junk", json!({"billablePeriod": {"start": "soon"}, "item": [line(1, "later")]})),
        claim("created", json!({"created": "2025-01-31T24:00:00Z"})),
        claim("words", json!({"created": "2025-01-31Tgarbage"})),
    ]);
    let asked = "SELECT explanation_of_benefit_id, service_start, service_start_date, service_end_date, created_date
                 FROM claim ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        [
            "created|2025-01-02|2025-01-02|2025-01-02|",
            "junk|soon|||2025-01-10",
            "line|2025-03-01|2025-03-01|2025-03-01|2025-01-10",
            "period|2025-03-01|2025-03-01|2025-03-01|2025-01-10",
            "words|2025-01-02|2025-01-02|2025-01-02|",
        ]
    );
}

#[test]
fn a_provider_has_name_and_number_however_the_role_tells_them() {
    let numbered = |number: &str| json!([{"system": NPI, "value": number}]);
    let by = |id: &str, role: Value| {
        let mut role = role;
        (role["resourceType"], role["id"]) = (json!("PractitionerRole"), json!("r"));
        claim(id, json!({"provider": {"reference": "#r"}, "contained": [role]}))
    };
    let led = |id: &str, reference: &str| claim(id, json!({"provider": {"reference": reference}}));
    let home = Home::new();
    let file = crate::import::put(&home, "in/all.ndjson", {
        let resources = [
            json!({"resourceType": "Patient", "id": "p"}),
            json!({"resourceType": "Organization", "id": "o", "name": "By number",
                "identifier": [{"system": "urn:oid:2.16.840.1.113883.4.6", "value": "1000000004"}]}),
            json!({"resourceType": "Practitioner", "id": "d", "name": [{"family": "Local", "given": ["Ann"]}],
                "identifier": numbered("1888888888")}),
            json!({"resourceType": "PractitionerRole", "id": "own", "identifier": numbered("1666666666"),
                "practitioner": {"display": "Dr Own"}, "organization": {"reference": "Organization/o"}}),
            led("organization", "Organization/o"),
            led("role", "PractitionerRole/own"),
            by(
                "number",
                json!({"practitioner": {"display": "Dr Number", "identifier": {"system": NPI, "value": "1777777777"}}}),
            ),
            by(
                "versioned",
                json!({"practitioner": {"reference": "https://plan.example/fhir/Practitioner/d/_history/2"}}),
            ),
            by(
                "elsewhere",
                json!({"practitioner": {"reference": "https://other.example/fhir/Practitioner/d", "display": "Out Side"}}),
            ),
            by("for-organization", json!({"organization": {"reference": "Organization/o"}})),
        ];
        resources.iter().map(|resource| format!("{resource}\n")).collect::<String>()
    });
    home.succeed(
        &["import", "c", &file, "--base", "https://plan.example/fhir"],
        "importing providers",
    );
    let asked =
        "SELECT explanation_of_benefit_id, provider_name, provider_npi FROM claim ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        [
            "elsewhere|Out Side|",
            "for-organization|By number|1000000004",
            "number|Dr Number|1777777777",
            "organization|By number|1000000004",
            "role|Dr Own|1666666666",
            "versioned|Ann Local|1888888888",
        ]
    );
}
