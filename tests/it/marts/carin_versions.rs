//! CARIN's guide for Blue Button calls the same thing differently in its versions: why a line was denied
//! or reduced, and whether a claim was paid in the network.

use crate::marts::{
    accumulators::{balance, money, used, word},
    mart_spellings::{ask, claim, imported},
};
use serde_json::{Value, json};

const CARC: &str = "https://x12.org/codes/claim-adjustment-reason-codes";
const GROUP: &str = "https://x12.org/codes/claim-adjustment-group-codes";
const OWN: &str = "https://plan.example/reasons";

/// An adjudication with the codings of its reason: system and code.
fn reason(category: &str, codings: &[(&str, &str)]) -> Value {
    let coding = |(system, code): &(&str, &str)| json!({"system": system, "code": code});
    json!({"category": {"coding": [{"code": category}]},
        "reason": {"coding": codings.iter().map(coding).collect::<Vec<_>>()}})
}

#[test]
fn a_denied_line_has_x12s_reason_under_the_names_of_every_version() {
    let bears = "https://bluebutton.cms.gov/fhir/CodeSystem/ANSI-GRP-CD";
    let given = [
        reason("adjustmentreason", &[(GROUP, "PR"), (bears, "PR"), (CARC, "B7")]),
        reason("rejectreason", &[(OWN, "own-1"), (CARC, "50")]),
        reason("denialreason", &[(OWN, "own-2"), (OWN, "own-3")]),
        reason("adjustmentreason", &[(GROUP, "CO")]),
    ];
    let line = |(at, adjudication): (usize, &Value)| json!({"sequence": at + 1, "adjudication": [adjudication]});
    let mut items: Vec<Value> = given.iter().enumerate().map(line).collect();
    // The words stand beside the payer's own code, and the group before the reason.
    let mut worded = reason("denialreason", &[(OWN, "D12"), (CARC, "50")]);
    worded["reason"]["coding"][0]["display"] = json!("Not medically necessary");
    let older = GROUP.replace("https:", "http:");
    let apart = [
        reason("adjustmentreason", &[(older.as_str(), "CO")]),
        reason("adjustmentreason", &[(CARC, "45")]),
    ];
    items.push(json!({"sequence": 5, "adjudication": [worded]}));
    items.push(json!({"sequence": 6, "adjudication": apart}));
    // A line that the payer added, such as one for a bundle.
    let added =
        json!({"itemSequence": [1], "adjudication": [reason("denialreason", &[(CARC, "97")])]});
    let denied = json!({"item": items, "addItem": [added], "adjudication": [&given[0]]});
    let home = imported(&[claim("e", denied)]);
    let lines = "SELECT denial_reason_code FROM claim_line ORDER BY line_key";
    assert_eq!(ask(&home, lines), ["B7", "50", "own-2", "", "50", "45", "97"]);
    assert_eq!(ask(&home, "SELECT denial_reason_code FROM explanation_of_benefit"), ["B7"]);
    let words = "SELECT denial_reason_display FROM explanation_of_benefit_item ORDER BY item_index";
    assert_eq!(ask(&home, words), ["", "", "", "", "Not medically necessary", ""]);
    // The third coding is in no other column.
    let listed = "SELECT x12_reason_code FROM explanation_of_benefit_item_adjudication
        ORDER BY item_index, adjudication_index";
    assert_eq!(ask(&home, listed), ["B7", "50", "", "", "50", "", "45"]);
}

#[test]
fn a_claim_out_of_the_network_is_told_as_such_in_every_version() {
    let status = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBPayerAdjudicationStatus";
    let out = json!({"coding": [{"system": status, "code": "outofnetwork"}]});
    // Of each claim the billing provider is in the network.
    let paid = |id: &str, deductible: f64| used(id, "2025-03-01", deductible, "innetwork", &[]);
    let mut lines = paid("lines", 70.0);
    lines["item"] = json!([{"sequence": 1, "adjudication": [{"category": out}]}]);
    let in_total = |mut claim: Value| {
        let total = json!({"category": out, "amount": money(0.0)});
        claim["total"].as_array_mut().unwrap().push(total);
        claim
    };
    let mut info = paid("info", 10.0);
    info["supportingInfo"] =
        json!([{"sequence": 1, "category": word("benefitpaymentstatus"), "code": out}]);
    let mut fill = in_total(paid("fill", 5.0));
    fill["type"]["coding"][0]["code"] = json!("pharmacy");
    fill["billablePeriod"] = json!({"start": "2024-03-01", "end": "2024-03-01"});
    let balances = [
        balance(["1", "individual", "in", "annual"], 1000.0, 100.0),
        balance(["1", "individual", "out", "annual"], 5000.0, 100.0),
    ];
    let home = imported(&[
        used("a", "2025-01-02", 100.0, "innetwork", &balances),
        lines,
        in_total(paid("total", 20.0)),
        info,
        fill,
    ]);
    let sums = "SELECT network, claim_count, used_cents, payer_used_cents FROM accumulator
        WHERE kind = 'deductible' AND plan_year_start_date = '2025-01-01' ORDER BY 1";
    assert_eq!(ask(&home, sums), ["in|1|10000|10000", "out|3|10000|10000"]);
    let flags = "SELECT substr(claim_id, 3), in_network_flag FROM tuva_medical_claim
        UNION ALL SELECT substr(claim_id, 3), in_network_flag FROM tuva_pharmacy_claim ORDER BY 1";
    assert_eq!(ask(&home, flags), ["a|1", "fill|0", "info|0", "lines|0", "total|0"]);
}
