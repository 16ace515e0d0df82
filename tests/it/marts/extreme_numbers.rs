//! Numbers from outside their extremes in one claim: the marts are filled all the same, and the claims
//! beside it keep their amounts.

use crate::marts::mart_spellings::{add_texts, ask, claim, imported};
use serde_json::{Value, json};

/// Numbers that fit a double and not cents, or not the sum of two.
const EXTREMES: [&str; 12] = [
    "1e300",
    "-1e300",
    "1e19",
    "9223372036854775807",
    "-9223372036854775808",
    "92233720368547758.07",
    "9e16",
    "-9e16",
    "1e13",
    "9999999999999.99",
    "2147483648",
    "-0.0",
];

/// A claim whose every number is the placeholder.
fn nonsense(id: &str, kind: &str) -> Value {
    let coded = |code: &str, system: &str| json!({"coding": [{"system": system, "code": code}]});
    let adjudication = "http://terminology.hl7.org/CodeSystem/adjudication";
    let carin = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudication";
    let info = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBSupportingInfoType";
    let ndc = coded("0093-3109-05", "http://hl7.org/fhir/sid/ndc");
    let money = json!({"value": 0.5625, "currency": "USD"});
    let amounts: Vec<Value> = [
        ("submitted", adjudication),
        ("eligible", adjudication),
        ("deductible", adjudication),
        ("copay", adjudication),
        ("benefit", adjudication),
        ("coinsurance", carin),
        ("paidtoprovider", carin),
        ("paidbypatient", carin),
        ("priorpayerpaid", carin),
        ("memberliability", carin),
        ("noncovered", carin),
        ("discount", carin),
        ("drugcost", carin),
    ]
    .iter()
    .map(|(code, system)| json!({"category": coded(code, system), "amount": money}))
    .collect();
    let number = json!({"value": 0.5625});
    claim(
        id,
        json!({
            "type": coded(kind, "http://terminology.hl7.org/CodeSystem/claim-type"),
            "total": amounts,
            "payment": {"amount": money, "adjustment": money},
            "supportingInfo": [
                {"sequence": 1, "category": coded("dayssupply", info), "valueQuantity": number},
                {"sequence": 2, "category": coded("refillnum", info), "valueQuantity": number}],
            "item": [{"sequence": 0.5625, "productOrService": ndc, "quantity": number, "net": money,
                "unitPrice": money, "factor": 0.5625, "adjudication": amounts,
                "detail": [{"sequence": 0.5625, "productOrService": ndc, "quantity": number, "adjudication": amounts}]}],
            "addItem": [{"itemSequence": [0.5625], "productOrService": ndc, "quantity": number, "adjudication": amounts}],
            "benefitBalance": [{"category": coded("30", "x"), "financial": [{"type": coded("deductible", "x"),
                "allowedMoney": money, "usedMoney": money, "allowedUnsignedInt": 0.5625, "usedUnsignedInt": 0.5625}]}],
        }),
    )
}

#[test]
fn no_number_of_a_claim_keeps_the_marts_from_being_filled() {
    let sound = claim("sound", json!({"payment": {"amount": {"value": 80.1, "currency": "USD"}}}));
    let home = imported(&[sound]);
    for extreme in EXTREMES {
        let numbered = |id: &str, kind: &str| {
            let text = nonsense(id, kind).to_string().replace("0.5625", extreme);
            assert!(text.contains(extreme));
            text
        };
        // Two of each, for sums; an import puts each in the place of the one before.
        let all: Vec<String> =
            [("a", "professional"), ("b", "professional"), ("c", "pharmacy"), ("d", "pharmacy")]
                .map(|(id, kind)| numbered(id, kind))
                .into();
        add_texts(&home, "c", &all);
        home.succeed(&["verify"], extreme);
        let paid =
            "SELECT plan_paid_cents FROM claim_current WHERE explanation_of_benefit_id = 'sound'";
        assert_eq!(ask(&home, paid), ["8010"], "{extreme}");
        let sums = "SELECT (SELECT sum(plan_paid_cents) FROM claim_current), (SELECT sum(amount_cents) FROM payment_ledger),
                      (SELECT sum(plan_paid_cents) FROM spend_by_month)";
        let sums = home.rows(sums).remove(0);
        assert!(sums.iter().all(|sum| *sum == sums[0]), "{extreme}: {sums:?}");
    }
}
