//! Bills of one stay, fills without money and numbers of a family, through the binary: what stands.

use crate::{
    files::import::put,
    marts::mart_spellings::{ask, claim, imported},
    support::{Home, Served},
};
use serde_json::{Value, json};

const STANDS: &str =
    "SELECT explanation_of_benefit_id, plan_paid_cents FROM claim_current ORDER BY 1";
const MOVED: &str = "SELECT sum(amount_cents) FROM payment_ledger";

/// A hospital's bill of some days of January 2025; its type of bill ends in its frequency.
fn bill(id: &str, created: u8, frequency: char, days: [u8; 2], paid: f64, rest: Value) -> Value {
    let [first, last] = days.map(|day| format!("2025-01-{day:02}"));
    let mut bill = claim(
        id,
        json!({
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "institutional"}]},
            "created": format!("2025-02-{created:02}"),
            "billablePeriod": {"start": first, "end": last},
            "payment": {"amount": {"value": paid, "currency": "USD"}},
            "supportingInfo": [
                {"sequence": 1, "category": {"coding": [{"code": "typeofbill"}]},
                    "code": {"coding": [{"code": format!("11{frequency}")}]}},
                {"sequence": 2, "category": {"coding": [{"code": "admissionperiod"}]},
                    "timingPeriod": {"start": "2025-01-01"}},
            ],
        }),
    );
    let Value::Object(rest) = rest else { panic!("the rest of a bill is an object") };
    rest.into_iter().for_each(|(name, value)| bill[name] = value);
    bill
}

fn text(resources: &[Value]) -> String {
    resources.iter().map(|resource| format!("{resource}\n")).collect()
}

fn import_family(home: &Home, name: &str, resources: &[Value]) {
    let file = put(home, "in/family.ndjson", text(resources));
    home.succeed(&["import", name, &file, "--dependants"], "importing a family");
}

fn prior(id: &str) -> Value {
    json!({"related": [{"claim": {"reference": format!("ExplanationOfBenefit/{id}")},
        "relationship": {"coding": [{"code": "prior"}]}}]})
}

fn stands(home: &Home, expected: &[&str], moved: &str) {
    assert_eq!(ask(home, STANDS), expected);
    assert_eq!(ask(home, MOVED), [moved]);
    let ledger = "SELECT * FROM reconciliation WHERE problem = 'ledger and claim'";
    assert_eq!(ask(home, ledger), [""; 0]);
    home.succeed(&["verify"], "stays");
}

#[test]
fn cumulative_interim_bills_count_once_and_bills_of_other_days_add() {
    let home = imported(&[
        bill("a1", 1, '2', [1, 9], 1000.0, json!({})),
        bill("a2", 2, '3', [1, 19], 1900.0, prior("a1")),
        bill("a3", 3, '4', [1, 28], 2400.5, prior("a2")),
    ]);
    stands(&home, &["a3|240050"], "240050");
    let lineage = "SELECT explanation_of_benefit_id, replaced_by_id, relationship FROM claim_lineage ORDER BY 1, 2";
    let expected = ["a1|a2|replacement", "a1|a3|replacement", "a2|a3|replacement"];
    let found = ask(&home, lineage);
    assert!(found.iter().all(|pair| expected.contains(&pair.as_str())), "{found:?}");

    let home = imported(&[
        bill("b1", 1, '2', [1, 9], 1000.0, json!({})),
        bill("b2", 2, '3', [10, 19], 900.0, prior("b1")),
        bill("b3", 3, '4', [20, 28], 500.0, prior("b2")),
    ]);
    stands(&home, &["b1|100000", "b2|90000", "b3|50000"], "240000");
}

#[test]
fn a_shorter_replacement_of_a_cumulative_bill_stands_alone() {
    let of_mercy = |mut rest: Value| {
        rest["provider"] = json!({"display": "Mercy"});
        rest
    };
    for named in [prior("a1"), prior("a2"), json!({})] {
        let home = imported(&[
            bill("a1", 1, '2', [1, 9], 1000.0, of_mercy(json!({}))),
            bill("a2", 2, '3', [1, 19], 1900.0, of_mercy(prior("a1"))),
            bill("r", 3, '7', [1, 14], 1400.0, of_mercy(named)),
        ]);
        stands(&home, &["r|140000"], "140000");
    }
}

#[test]
fn interim_bills_of_one_number_are_no_finding() {
    let found = |bills: [(char, [u8; 2]); 3]| {
        let number = json!({"identifier": [{"type": {"coding": [{"code": "uc"}]}, "system": "https://plan.example/n", "value": "n"}]});
        let bills: Vec<Value> = (1..)
            .zip(bills)
            .map(|(at, (frequency, days))| {
                bill(&format!("b{at}"), at, frequency, days, 100.0, number.clone())
            })
            .collect();
        let asked =
            "SELECT record_id, detail FROM data_quality WHERE rule = 'number repeats' ORDER BY 1";
        ask(&imported(&bills), asked)
    };
    let none = [""; 0];
    assert_eq!(found([('2', [1, 9]), ('3', [10, 19]), ('4', [20, 28])]), none);
    assert_eq!(found([('2', [1, 9]), ('3', [1, 19]), ('4', [1, 28])]), none, "cumulative");
    assert_eq!(found([('1', [1, 9]), ('5', [1, 9]), ('5', [2, 9])]), none, "late charges");
    let twice = ["b1|2 claims have the number n", "b3|2 claims have the number n"];
    assert_eq!(found([('1', [1, 9]), ('5', [1, 9]), ('7', [1, 9])]), twice);
}

#[test]
fn bills_without_link_are_of_one_stay_by_provider_type_and_admission() {
    let of = |name: &str| json!({"provider": {"display": name}});
    let home = imported(&[
        bill("a1", 1, '2', [1, 9], 1000.0, of("Mercy")),
        bill("a2", 2, '3', [1, 19], 1900.0, of("Mercy")),
        bill("z", 2, '3', [1, 19], 70.0, of("Elsewhere")),
    ]);
    stands(&home, &["a2|190000", "z|7000"], "197000");
}

#[test]
fn bills_whose_type_is_the_frequency_alone_are_of_one_stay_by_provider_and_admission() {
    let of = |name: &str, frequency: &str| {
        json!({"provider": {"display": name}, "supportingInfo": [
            {"sequence": 1, "category": {"coding": [{"code": "typeofbill"}]}, "code": {"coding": [
                {"system": "https://bluebutton.cms.gov/resources/variables/clm_freq_cd", "code": frequency}]}},
            {"sequence": 2, "category": {"coding": [{"code": "admissionperiod"}]},
                "timingPeriod": {"start": "2025-01-01"}},
        ]})
    };
    let home = imported(&[
        bill("a1", 1, '2', [1, 9], 1000.0, of("Mercy", "2")),
        bill("a2", 2, '3', [1, 19], 1900.0, of("Mercy", "3")),
        bill("z", 2, '3', [1, 19], 70.0, of("Elsewhere", "3")),
    ]);
    stands(&home, &["a2|190000", "z|7000"], "197000");
}

#[test]
fn each_frequency_of_the_code_list_has_its_effect() {
    // Frequency, and what stands of a bill of 100.00 and a later claim of 60.00 with the same number.
    let number = json!({"identifier": [{"type": {"coding": [{"code": "uc"}]}, "system": "https://plan.example/n", "value": "n"}]});
    for (frequency, expected) in [
        ('0', &["n2|6000"][..]),
        ('1', &["n2|6000"]),
        ('2', &["n2|6000"]),
        ('3', &["n1|10000", "n2|6000"]),
        ('4', &["n1|10000", "n2|6000"]),
        ('5', &["n1|10000", "n2|6000"]),
        ('6', &["n2|6000"]),
        ('7', &["n2|6000"]),
        ('8', &[]),
        ('9', &["n2|6000"]),
        ('A', &["n1|10000", "n2|6000"]),
        ('B', &["n1|10000", "n2|6000"]),
        ('C', &["n1|10000", "n2|6000"]),
        ('D', &["n1|10000"]),
        ('E', &["n1|10000", "n2|6000"]),
        ('F', &["n2|6000"]),
        ('G', &["n2|6000"]),
        ('H', &["n2|6000"]),
        ('I', &["n2|6000"]),
        ('J', &["n2|6000"]),
        ('K', &["n2|6000"]),
        ('M', &["n2|6000"]),
        ('O', &["n2|6000"]),
        ('P', &["n2|6000"]),
        ('Q', &["n2|6000"]),
    ] {
        let home = imported(&[
            bill("n1", 1, '1', [1, 9], 100.0, number.clone()),
            bill("n2", 2, frequency, [1, 9], 60.0, number.clone()),
        ]);
        assert_eq!(ask(&home, STANDS), expected, "{frequency}");
    }
    // Named by an adjustment that has no relationship, under a number of its own.
    let named = json!({"related": [{"claim": {"reference": "ExplanationOfBenefit/n1"}}]});
    for (frequency, expected) in [('Q', &["n2|6000"][..]), ('1', &["n1|10000", "n2|6000"])] {
        let home = imported(&[
            bill("n1", 1, '1', [1, 9], 100.0, json!({})),
            bill("n2", 2, frequency, [1, 9], 60.0, named.clone()),
        ]);
        assert_eq!(ask(&home, STANDS), expected, "{frequency}");
    }
}

#[test]
fn a_fill_without_money_is_reversed_by_its_own_drug_and_quantity() {
    let fill = |id: &str, ndc: &str, quantity: i64| {
        claim(
            id,
            json!({
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "pharmacy"}]},
                "item": [{"sequence": 1, "quantity": {"value": quantity},
                    "productOrService": {"coding": [{"system": "http://hl7.org/fhir/sid/ndc", "code": ndc}]}}],
                "payment": {"amount": {"value": 0, "currency": "USD"}},
            }),
        )
    };
    let home = imported(&[
        fill("a", "00093-3109-05", 30),
        fill("b", "00078010105", 30),
        fill("r", "00078-0101-05", -30),
        fill("s", "00002751001", -10),
    ]);
    let asked =
        "SELECT explanation_of_benefit_id, is_current, is_void, reverses_id FROM claim ORDER BY 1";
    assert_eq!(ask(&home, asked), ["a|1|0|", "b|0|0|", "r|0|1|b", "s|0|1|"]);
}

#[test]
fn a_second_number_of_another_patient_joins_nothing() {
    let home = Home::new();
    let of = |id: &str, patient: &str, paid: f64, second: &str, related: Value| {
        claim(
            id,
            json!({
                "patient": {"reference": format!("Patient/{patient}")},
                "identifier": [
                    {"type": {"coding": [{"code": "uc"}]}, "system": "https://plan.example/shown", "value": id},
                    {"system": "https://plan.example/second", "value": second}],
                "payment": {"amount": {"value": paid, "currency": "USD"}},
                "related": related,
            }),
        )
    };
    let named = json!([{"claim": {"identifier": {"value": "1"}}, "relationship": {"coding": [{"code": "prior"}]}}]);
    let patient = |id: &str| json!({"resourceType": "Patient", "id": id});
    import_family(
        &home,
        "c",
        &[
            patient("p"),
            patient("q"),
            of("a", "p", 100.0, "1", json!([])),
            of("b", "q", 70.0, "2", named.clone()),
            of("c", "p", 80.0, "3", named),
        ],
    );
    stands(&home, &["b|7000", "c|8000"], "15000");
}

#[test]
fn files_of_two_plans_count_each_plans_claims_once() {
    let (server, home) = (Served::start(), Home::new());
    let patient = |id: &str, number: &str| {
        json!({"resourceType": "Patient", "id": id,
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "system": "https://payer.example/member", "value": number}]})
    };
    let of = |id: &str, patient: &str, paid: f64| {
        claim(
            id,
            json!({"patient": {"reference": format!("Patient/{patient}")},
            "payment": {"amount": {"value": paid, "currency": "USD"}}}),
        )
    };
    // Both plans have a claim 1, and they are two claims.
    let one = [patient("p", "M-1001"), of("1", "p", 100.0), of("2", "p", 10.0)];
    let two = [patient("q", "M-1002"), of("1", "q", 70.0), of("3", "q", 7.0)];
    server.serve("one", &text(&one));
    server.serve("two", &text(&two));
    server.connect(&home, &[("one", "one"), ("two", "two")]);
    home.succeed(&["sync"], "serving two plans");
    let sum = "SELECT sum(plan_paid_cents) FROM claim_current";
    assert_eq!(ask(&home, sum), ["18700"]);
    import_family(
        &home,
        "both",
        &[patient("p", "M-1001"), patient("q", "M-1002"), of("2", "p", 10.0), of("3", "q", 7.0)],
    );
    assert_eq!(ask(&home, sum), ["18700"]);
    let persons = "SELECT count(DISTINCT member_id) FROM member";
    assert_eq!(ask(&home, persons), ["2"]);
    home.succeed(&["verify"], "files of two plans");
}

#[test]
fn an_x_in_place_of_the_frequency_voids_nothing() {
    let home = imported(&[
        bill("open", 1, 'X', [1, 3], 100.0, json!({})),
        bill("odd", 1, '*', [11, 13], 30.0, json!({})),
        bill("void", 1, '8', [21, 23], 50.0, json!({})),
    ]);
    assert_eq!(ask(&home, STANDS), ["odd|3000", "open|10000"]);
    let frequencies =
        "SELECT explanation_of_benefit_id, frequency_code, is_void FROM claim ORDER BY 1";
    assert_eq!(ask(&home, frequencies), ["odd||0", "open||0", "void|8|1"]);
}

#[test]
fn a_type_of_bill_counts_as_a_code_as_a_text_and_as_a_string() {
    let told = |id: &str, created: u8, info: Value| {
        let mut info = info;
        info["category"] = json!({"coding": [{"code": "typeofbill"}]});
        bill(id, created, '1', [1, 3], 100.0, json!({"supportingInfo": [info]}))
    };
    let home = imported(&[
        told("s", 1, json!({"valueString": "0118"})),
        told("t", 1, json!({"code": {"text": "118"}})),
        told("u", 1, json!({"code": {"coding": [{"code": "0111"}], "text": "118"}})),
    ]);
    assert_eq!(ask(&home, STANDS), ["u|10000"]);
    let bills =
        "SELECT type_of_bill_code, frequency_code FROM claim ORDER BY explanation_of_benefit_id";
    assert_eq!(ask(&home, bills), ["0118|8", "118|8", "0111|1"]);
}
