//! Lines and lists whose numbers begin at 0, have gaps, come twice or are missing: what a line points at
//! is found all the same.

use crate::marts::mart_spellings::{ask, claim, imported};
use serde_json::{Value, json};

fn coded(code: &str) -> Value {
    json!({"coding": [{"code": code}]})
}

/// A member of the care team, its number left out where there is none.
fn carer(number: Option<i64>, name: &str, role: &str) -> Value {
    numbered(number, json!({"provider": {"display": name}, "role": coded(role)}))
}

fn diagnosis(number: Option<i64>, code: &str) -> Value {
    let system = "http://hl7.org/fhir/sid/icd-10-cm";
    let code = json!({"coding": [{"system": system, "code": code}]});
    numbered(number, json!({"diagnosisCodeableConcept": code}))
}

fn supply(number: Option<i64>, days: u8) -> Value {
    let value = json!({"value": days, "unit": "days"});
    numbered(number, json!({"category": coded("dayssupply"), "valueQuantity": value}))
}

fn numbered(number: Option<i64>, mut entry: Value) -> Value {
    if let Some(number) = number {
        entry["sequence"] = json!(number);
    }
    entry
}

/// A pharmacy's claim with two lines that point at these numbers of each list.
fn pointing(id: &str, lists: [Option<i64>; 2], lines: [i64; 2]) -> Value {
    let [a, b] = lists;
    let line = |number: Option<i64>, at: i64| {
        let line = json!({"careTeamSequence": [at], "diagnosisSequence": [at], "informationSequence": [at],
            "productOrService": coded("x")});
        numbered(number, line)
    };
    let [first, second] = lines;
    let members = json!({
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "pharmacy"}]},
        "provider": {"display": "Paid"},
        "careTeam": [carer(a, "Ann", "performing"), carer(b, "Bob", "performing")],
        "diagnosis": [diagnosis(a, "A01.0"), diagnosis(b, "B02.9")],
        "supportingInfo": [supply(a, 30), supply(b, 90)],
        "item": [line(a, first), line(b, second)],
    });
    claim(id, members)
}

const LINES: &str = "SELECT l.line_key, l.line_number, l.provider_name, l.diagnosis_code, f.days_supply
    FROM claim_line AS l JOIN medication_fill AS f ON f.source_id = l.explanation_of_benefit_id AND f.item_index = l.item_index
    WHERE l.explanation_of_benefit_id = ";

#[test]
fn a_line_finds_what_it_points_at_however_payers_count() {
    let home = imported(&[
        pointing("from-zero", [Some(0), Some(1)], [0, 1]),
        pointing("gap", [Some(3), Some(7)], [7, 3]),
        pointing("without", [None, None], [1, 2]),
        pointing("negative", [Some(-1), Some(2)], [1, 2]),
        pointing("nowhere", [Some(1), Some(2)], [5, 2]),
        pointing("twice", [Some(1), Some(1)], [1, 1]),
    ]);
    for (id, expected) in [
        ("from-zero", ["0|0|Ann|A01.0|30", "1|1|Bob|B02.9|90"]),
        ("gap", ["0|3|Bob|B02.9|90", "1|7|Ann|A01.0|30"]),
        ("without", ["0||Ann|A01.0|30", "1||Bob|B02.9|90"]),
        // What is no number of a list is NULL and counted, and its place stands for it.
        ("negative", ["0||Ann|A01.0|30", "1|2|Bob|B02.9|90"]),
        // A supply that no line points at is said of every line without one of its own.
        ("nowhere", ["0|1|Paid||30", "1|2|Bob|B02.9|90"]),
        ("twice", ["0|1|Ann|A01.0|90", "1|1|Ann|A01.0|90"]),
    ] {
        assert_eq!(ask(&home, &format!("{LINES}'{id}' ORDER BY 1")), expected, "{id}");
    }
    let links =
        "SELECT target_sequence FROM explanation_of_benefit_item_link AS k JOIN explanation_of_benefit AS e
         ON e.id = k.explanation_of_benefit_id WHERE e.id = 'from-zero' AND target = 'careTeam' ORDER BY item_index";
    assert_eq!(ask(&home, links), ["0", "1"]);
    let counted = "SELECT count(*) FROM mistyped_path WHERE path = 'ExplanationOfBenefit.item.sequence'
                   AND column_name = 'sequence' AND table_name = 'explanation_of_benefit_item' AND cell_count = 1";
    assert_eq!(ask(&home, counted), ["1"]);
}

#[test]
fn a_line_has_the_first_diagnosis_of_those_it_points_at_that_is_there() {
    let line =
        |at: &[u8]| json!({"sequence": 1, "diagnosisSequence": at, "productOrService": coded("x")});
    let lines = json!([line(&[9, 2]), line(&[2, 1]), line(&[9, 8]), line(&[])]);
    let list = json!([diagnosis(Some(1), "A01.0"), diagnosis(Some(2), "B02.9")]);
    let home = imported(&[claim("e", json!({"diagnosis": list, "item": lines}))]);
    let asked = "SELECT line_key, diagnosis_code FROM claim_line ORDER BY 1";
    assert_eq!(ask(&home, asked), ["0|B02.9", "1|B02.9", "2|", "3|A01.0"]);
    home.succeed(&["verify"], "verifying the marts");
}

#[test]
fn a_line_is_of_who_performed_it_and_not_of_who_referred_it() {
    let team = json!([
        carer(Some(1), "Referrer", "referring"),
        carer(Some(2), "Helper", "supervising"),
        carer(Some(3), "Doer", "performing"),
    ]);
    let led = |id: &str, team: &Value, lines: Value| {
        claim(id, json!({"provider": {"display": "Paid"}, "careTeam": team, "item": lines}))
    };
    let line = |at: &[u8]| json!({"sequence": 1, "careTeamSequence": at});
    let silent = json!([{"sequence": 1}]);
    let mut two = team.as_array().unwrap().clone();
    two.push(carer(Some(4), "Other", "rendering"));
    let home = imported(&[
        led("all", &team, json!([line(&[1, 2, 3]), line(&[1, 2]), line(&[1]), line(&[])])),
        led("silent", &team, silent.clone()),
        led("two", &Value::from(two), silent),
    ]);
    let asked =
        "SELECT explanation_of_benefit_id, line_key, provider_name FROM claim_line ORDER BY 1, 2";
    assert_eq!(
        ask(&home, asked),
        ["all|0|Doer", "all|1|Helper", "all|2|Paid", "all|3|Paid", "silent|0|Doer", "two|0|Paid"]
    );
    home.succeed(&["verify"], "verifying the marts");
}
