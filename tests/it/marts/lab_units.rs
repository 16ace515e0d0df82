//! Laboratory results: in which unit, against which reference range, and who says that they are abnormal.

use crate::marts::mart_spellings::{ask, imported};
use serde_json::{Value, json};

const UCUM: &str = "http://unitsofmeasure.org";

/// A glucose result of a day of January 2025.
fn glucose(id: &str, day: u8, members: Value) -> Value {
    let mut result = json!({
        "resourceType": "Observation", "id": id, "status": "final", "subject": {"reference": "Patient/p"},
        "category": [{"coding": [{"code": "laboratory"}]}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7"}]},
        "effectiveDateTime": format!("2025-01-{day:02}"),
    });
    let Value::Object(members) = members else { panic!("the members of a result are an object") };
    result.as_object_mut().unwrap().extend(members);
    result
}

fn ucum(value: f64, code: &str) -> Value {
    json!({"value": value, "unit": code, "code": code, "system": UCUM})
}

fn range(low: Option<f64>, high: Option<f64>, unit: &str) -> Value {
    let end = |value: f64| match unit {
        "" => json!({"value": value}),
        unit => json!({"value": value, "unit": unit}),
    };
    let mut range = json!({});
    low.into_iter().for_each(|low| range["low"] = end(low));
    high.into_iter().for_each(|high| range["high"] = end(high));
    range
}

fn read_as(code: &str) -> Value {
    json!([{"coding": [{"code": code}]}])
}

#[test]
fn a_range_counts_only_in_the_unit_of_the_value() {
    let (usual, other) =
        (range(Some(70.0), Some(99.0), "MG/DL"), range(Some(3.9), Some(5.5), "mmol/L"));
    let local = json!({"value": 99.5, "unit": "mg/dL", "code": "17", "system": "https://lab.example/units"});
    let home = imported(&[
        glucose("a", 1, json!({"valueQuantity": ucum(95.0, "mg/dL"), "referenceRange": [usual]})),
        // 5.2 is far below 70, and normal.
        glucose(
            "b",
            2,
            json!({"valueQuantity": ucum(5.2, "mmol/L"), "referenceRange": [usual], "interpretation": read_as("N")}),
        ),
        glucose("c", 3, json!({"valueQuantity": ucum(5.2, "mmol/L"), "referenceRange": [usual]})),
        glucose(
            "d",
            4,
            json!({"valueQuantity": {"value": 250, "unit": "mg / dl"}, "referenceRange": [other, usual]}),
        ),
        glucose(
            "e",
            5,
            json!({"valueQuantity": local, "referenceRange": [range(None, Some(99.0), "")]}),
        ),
        glucose(
            "f",
            6,
            json!({"component": [{"code": {"text": "part"}, "valueQuantity": ucum(1.0, "g/L"),
                "referenceRange": [range(Some(70.0), None, "mg/dL")], "interpretation": read_as("L")}]}),
        ),
    ]);
    let asked = "SELECT observation_id, value, unit, range_low, range_high, range_unit, is_abnormal, abnormal_by, previous_value
                 FROM lab_result ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        [
            "a|95|mg/dL|70|99|MG/DL|0|range|",
            "b|5.2|mmol/L|70|99|MG/DL|0|laboratory|",
            "c|5.2|mmol/L|70|99|MG/DL|||5.2",
            "d|250|mg / dl|70|99|MG/DL|1|range|95",
            "e|99.5|mg/dL||99||1|range|250",
            "f|1|g/L|70||mg/dL|1|laboratory|",
        ]
    );
    home.succeed(&["verify"], "laboratory results");
}

#[test]
fn a_range_with_one_end_a_limit_and_a_range_for_some_decide_as_far_as_they_tell() {
    let limit = |value: f64, comparator: &str| json!({"valueQuantity": {"value": value, "comparator": comparator}});
    let with = |mut result: Value, ranges: Value, code: &str| {
        result["referenceRange"] = ranges;
        if !code.is_empty() {
            result["interpretation"] = read_as(code);
        }
        result
    };
    let number = |value: f64| json!({"valueQuantity": {"value": value}});
    let (both, low, high) =
        (range(Some(4.0), Some(6.0), ""), range(Some(4.0), None, ""), range(None, Some(6.0), ""));
    let of = |mut range: Value, whom: &str| {
        range["appliesTo"] = json!([{"text": whom}]);
        range
    };
    let sexes = json!([
        of(range(Some(13.5), Some(17.5), ""), "male"),
        of(range(Some(12.0), Some(15.5), ""), "female")
    ]);
    let cases = [
        (with(number(3.0), json!([low]), ""), "1|range"),
        (with(number(7.0), json!([low]), "N"), "0|range"),
        (with(number(7.0), json!([high]), ""), "1|range"),
        (with(limit(6.0, ">"), json!([both]), ""), "1|range"),
        (with(limit(6.0, ">="), json!([both]), "H"), "1|laboratory"),
        (with(limit(4.0, "<"), json!([both]), ""), "1|range"),
        (with(limit(5.0, "<"), json!([both]), ""), "|"),
        (with(limit(6.0, "<="), json!([high]), ""), "0|range"),
        (with(limit(4.0, ">="), json!([low]), ""), "0|range"),
        (with(number(13.0), sexes.clone(), ""), "|"),
        (with(number(13.0), sexes, "L"), "1|laboratory"),
        (with(number(13.0), json!([of(range(Some(12.0), None, ""), "female")]), ""), "0|range"),
    ];
    let results: Vec<Value> = (0..)
        .zip(&cases)
        .map(|(at, (members, _)): (u8, _)| glucose(&format!("{at:02}"), at + 1, members.clone()))
        .collect();
    let expected: Vec<&str> = cases.iter().map(|(_, expected)| *expected).collect();
    let asked = "SELECT is_abnormal, abnormal_by FROM lab_result ORDER BY observation_id";
    assert_eq!(ask(&imported(&results), asked), expected);
}

#[test]
fn a_result_of_a_year_has_its_place_among_those_of_days() {
    let of = |id: &str, sent: &str, value: f64| {
        glucose(id, 1, json!({"effectiveDateTime": sent, "valueQuantity": ucum(value, "mg/dL")}))
    };
    let home = imported(&[
        of("a", "2025-01-05T08:00:00Z", 98.0),
        of("b", "2024", 96.0),
        of("c", "2023-06-01", 95.0),
    ]);
    let asked =
        "SELECT observation_id, previous_value, previous_date, trend FROM lab_result ORDER BY 1";
    assert_eq!(ask(&home, asked), ["a|96|2024-01-01|up", "b|95|2023-06-01|up", "c|||"]);
}

#[test]
fn a_titer_and_a_range_are_written_as_a_laboratory_writes_them() {
    let number = |value: f64| json!({"value": value});
    let limit = |comparator: &str| json!({"value": 10, "comparator": comparator});
    let ratio = |upper: Value, lower: Value| json!({"valueRatio": {"numerator": upper, "denominator": lower}});
    let span = |low: Option<f64>, high: Option<f64>, unit: &str| json!({"valueRange": range(low, high, unit)});
    let of_unit = |value: f64, unit: &str| json!({"value": value, "unit": unit});
    let sent = [
        (ratio(number(1.0), number(128.0)), "1:128|"),
        // Negative and positive at the first and at the last step of a titer.
        (ratio(json!({"value": 1, "comparator": "<"}), number(10.0)), "<1:10|"),
        (ratio(number(1.0), limit(">")), "1:>10|"),
        (ratio(of_unit(30.0, "mg"), of_unit(1.0, "g")), "30:1|mg/g"),
        (ratio(number(5.0), of_unit(1.0, "mL")), "5:1|/mL"),
        (span(Some(5.0), Some(10.25), "/HPF"), "5-10.25|/HPF"),
        (span(None, Some(5.0), "/HPF"), "<=5|/HPF"),
        (span(Some(100.0), None, ""), ">=100|"),
    ];
    // Beside a component, and as one.
    let all: Vec<Value> = (0..)
        .zip(&sent)
        .map(|(at, (value, _)): (u8, _)| {
            let mut part = value.clone();
            part["code"] = json!({"text": "part"});
            let mut own = value.clone();
            own["component"] = json!([part]);
            glucose(&at.to_string(), 1, own)
        })
        .collect();
    let asked = "SELECT value_text, unit FROM lab_result ORDER BY observation_id, component_index";
    let expected: Vec<&str> = sent.iter().flat_map(|(_, result)| [*result, *result]).collect();
    assert_eq!(ask(&imported(&all), asked), expected);
}

#[test]
fn a_limit_is_compared_only_as_far_as_it_tells() {
    let cases = [
        ("80", "80", "0|same"),
        (">60", "75", "|"),
        (">60", ">60", "|"),
        (">60", "60", "|down"),
        (">=60", "60", "|"),
        (">60", "<50", "|down"),
        ("<5", "5", "|up"),
        ("<5", "4", "|"),
        ("<=5", "6.5", "|up"),
        ("70", ">=60", "|"),
        ("60", ">60", "|up"),
        ("60", ">=60", "|"),
        ("60", "<60", "|down"),
    ];
    let result = |id: String, day: u8, test: usize, text: &str| {
        let number = text.trim_start_matches(['<', '>', '=']);
        let mut quantity = json!({"value": number.parse::<f64>().unwrap()});
        if number != text {
            quantity["comparator"] = json!(text.strip_suffix(number).unwrap());
        }
        let code = json!({"coding": [{"code": format!("test{test}")}]});
        glucose(&id, day, json!({"code": code, "valueQuantity": quantity}))
    };
    let results: Vec<Value> = cases
        .iter()
        .enumerate()
        .flat_map(|(at, (before, now, _))| {
            [result(format!("{at:02}-a"), 1, at, before), result(format!("{at:02}-b"), 2, at, now)]
        })
        .collect();
    let asked = "SELECT coalesce(previous_comparator, '') || CAST(previous_value AS INTEGER), change_value, trend
        FROM lab_result WHERE previous_value IS NOT NULL ORDER BY observation_id";
    let expected: Vec<String> =
        cases.iter().map(|(before, _, told)| format!("{before}|{told}")).collect();
    assert_eq!(ask(&imported(&results), asked), expected);
}
