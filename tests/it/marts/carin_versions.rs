//! CARIN's guide for Blue Button calls the same thing differently in its versions: why a line was denied
//! or reduced, and whether a claim was paid in the network.

use crate::marts::mart_spellings::{ask, claim, imported};
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
    let line = |(at, adjudication): (usize, &Value)| {
        json!({"sequence": at + 1, "adjudication": [adjudication]})
    };
    let items: Vec<Value> = given.iter().enumerate().map(line).collect();
    let home = imported(&[claim("e", json!({"item": items, "adjudication": [&given[0]]}))]);
    let lines = "SELECT denial_reason_code FROM claim_line ORDER BY line_key";
    assert_eq!(ask(&home, lines), ["B7", "50", "own-2", ""]);
    assert_eq!(ask(&home, "SELECT denial_reason_code FROM explanation_of_benefit"), ["B7"]);
    // The third coding is in no other column.
    let listed =
        "SELECT x12_reason_code FROM explanation_of_benefit_item_adjudication ORDER BY item_index";
    assert_eq!(ask(&home, listed), ["B7", "50", "", ""]);
}
