//! The columns `…_amount` of the tables themselves: amounts of one category add up, and amounts that
//! Medicare's codes tell apart do not.

use crate::support::{Home, Served};
use serde_json::{Value, json};

const C4BB: &str = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBAdjudication";
const HL7: &str = "http://terminology.hl7.org/CodeSystem/adjudication";
const HUMANA: &str = "http://hl7.org/fhir/us/carin/CodeSystem/carin-bb-adjudicationcategory";
const MEDICARE: &str = "https://bluebutton.cms.gov/resources/codesystem/adjudication";
const BFD: &str = "https://bluebutton.cms.gov/fhir/CodeSystem/Adjudication";
const VARIABLES: &str = "https://bluebutton.cms.gov/resources/variables";

fn of(codings: &[(&str, &str)], value: Value) -> Value {
    let coding = |(system, code): &(&str, &str)| json!({"system": system, "code": code});
    let codings: Vec<Value> = codings.iter().map(coding).collect();
    json!({"category": {"coding": codings}, "amount": {"value": value, "currency": "USD"}})
}

fn twice(first: f64, second: f64) -> Value {
    let plain = |value: f64| of(&[(C4BB, "noncovered")], json!(value));
    json!([plain(first), of(&[(HL7, "submitted")], json!(500)), plain(second)])
}

fn claim(id: &str, more: &Value) -> String {
    let mut claim = json!({
        "resourceType": "ExplanationOfBenefit", "id": id, "status": "active", "use": "claim",
        "type": {"coding": [{"code": "professional"}]}, "patient": {"reference": "Patient/p"},
        "created": "2025-02-01", "outcome": "complete",
    });
    for (name, value) in more.as_object().unwrap() {
        claim[name] = value.clone();
    }
    claim.to_string()
}

/// A claim with one line of these adjudications.
fn line(id: &str, adjudication: &[Value]) -> String {
    claim(id, &json!({"item": [{"sequence": 1, "adjudication": adjudication}]}))
}

fn synced(resources: &[String]) -> (Served, Home) {
    let member = json!({"resourceType": "Patient", "id": "p"}).to_string();
    let (server, home) = (Served::start(), Home::new());
    server.serve("plan", &format!("{member}\n{}", resources.join("\n")));
    server.connect(&home, &[("plan", "plan")]);
    home.succeed(&["sync"], "syncing claims");
    (server, home)
}

/// Everything that can have amounts, at every depth.
fn everywhere() -> Value {
    let sub_detail = json!({"sequence": 1, "adjudication": twice(4.0, 0.25)});
    let detail = json!({"sequence": 1, "adjudication": twice(3.0, 0.5), "subDetail": [sub_detail]});
    let line = json!({
        "sequence": 1, "itemSequence": 1, "adjudication": twice(20.0, 15.25), "detail": [detail],
    });
    let mut added = line.clone();
    added["itemSequence"] = json!([1]);
    json!({
        "total": twice(7.1, 0.2), "adjudication": twice(9.0, 0.75), "item": [line], "addItem": [added],
    })
}

#[test]
fn amounts_of_one_category_add_up_in_every_table() {
    let response = claim("r", &everywhere()).replace("ExplanationOfBenefit", "ClaimResponse");
    let (_server, home) = synced(&[claim("e", &everywhere()), response]);
    let of =
        |table: &str, column: &str| home.rows(&format!("SELECT {column} FROM {table}")).concat();
    for (table, expected) in [
        ("explanation_of_benefit_item", "35.25"),
        ("explanation_of_benefit_item_detail", "3.5"),
        ("explanation_of_benefit_item_sub_detail", "4.25"),
        ("explanation_of_benefit_add_item", "35.25"),
        ("explanation_of_benefit_add_item_detail", "3.5"),
        ("explanation_of_benefit_add_item_sub_detail", "4.25"),
        ("claim_response_item", "35.25"),
        ("claim_response_add_item", "35.25"),
        ("claim_response_add_item_detail", "3.5"),
        ("claim_response_add_item_sub_detail", "4.25"),
    ] {
        assert_eq!(of(table, "noncovered_amount"), [expected], "{table}");
        assert_eq!(of(table, "submitted_amount"), ["500"], "{table}");
    }
    for table in ["explanation_of_benefit", "claim_response"] {
        assert_eq!(of(table, "total_noncovered_amount"), ["7.3"], "{table}");
    }
    assert_eq!(of("explanation_of_benefit", "noncovered_amount"), ["9.75"]);
    for part in ["detail", "sub_detail"] {
        let table = format!("claim_response_add_item_{part}_adjudication");
        assert_eq!(of(&table, "count(*)"), ["3"], "{table}");
    }
}

#[test]
fn amounts_that_a_second_coding_tells_apart_do_not_add_up() {
    let medicare = |category: &str, variable: &str, value: f64| {
        of(&[(C4BB, category), (MEDICARE, &format!("{VARIABLES}/{variable}"))], json!(value))
    };
    let bfd =
        |variable: &str, value: f64| of(&[(C4BB, "priorpayerpaid"), (BFD, variable)], json!(value));
    let alone = |variable: &str, value: f64| of(&[(BFD, variable)], json!(value));
    let older = |code: &str, value: f64| of(&[(HUMANA, code)], json!(value));
    let local = |reason: &str, value: f64| {
        of(&[(C4BB, "noncovered"), ("https://plan.example/reason", reason)], json!(value))
    };
    let mut canadian = of(&[(C4BB, "noncovered")], json!(5));
    canadian["amount"]["currency"] = json!("CAD");
    let plain = |value: Value| of(&[(C4BB, "noncovered")], value);
    let mut without_value = plain(json!(0));
    without_value["amount"] = json!({"currency": "USD"});
    let (_server, home) = synced(&[
        line(
            "apart",
            &[
                medicare("noncovered", "rev_cntr_ncvrd_chrg_amt", 20.0),
                medicare("noncovered", "other_amt", 15.0),
            ],
        ),
        line(
            "same",
            &[
                medicare("noncovered", "rev_cntr_ncvrd_chrg_amt", 20.0),
                medicare("noncovered", "rev_cntr_ncvrd_chrg_amt", 15.0),
            ],
        ),
        line(
            "payers",
            &[
                medicare("priorpayerpaid", "rev_cntr_1st_msp_pd_amt", 100.0),
                medicare("priorpayerpaid", "rev_cntr_2nd_msp_pd_amt", 40.0),
            ],
        ),
        line(
            "bfd-payers",
            &[bfd("CLM_LINE_INSTNL_MSP1_PD_AMT", 100.0), bfd("CLM_LINE_INSTNL_MSP2_PD_AMT", 41.0)],
        ),
        line(
            "part-d",
            &[
                medicare("priorpayerpaid", "othr_troop_amt", 0.0),
                medicare("priorpayerpaid", "plro_amt", 25.0),
            ],
        ),
        line(
            "part-d-bfd",
            &[alone("CLM_LINE_OTHR_TP_PD_AMT", 10.05), alone("CLM_LINE_PLRO_AMT", 1.0)],
        ),
        claim(
            "part-d-total",
            &json!({"total": [bfd("CLM_OTHR_TP_PD_AMT", 5.5)],
                "item": [{"sequence": 1, "adjudication": [alone("CLM_LINE_PLRO_AMT", 1.0)]}]}),
        ),
        claim("stay", &json!({"adjudication": [alone("CLM_MDCR_INSTNL_PRMRY_PYR_AMT", 50.5)]})),
        line(
            "older",
            &[
                older("noncoveredamount", 1.0),
                older("noncoveredamount", 2.0),
                older("cobamount", 7.0),
                older("cobamount", 1.5),
            ],
        ),
        line("reasons", &[local("45", 20.0), local("96", 15.0)]),
        line("currencies", &[plain(json!(10)), canadian, plain(json!(2))]),
        line("text", &[plain(json!(5)), plain(json!("1,300.00"))]),
        line("no-value", &[without_value, plain(json!(3)), plain(json!(4))]),
    ]);
    let found = home.rows(
        "SELECT explanation_of_benefit_id, coalesce(noncovered_amount, '-'), coalesce(prior_payer_paid_amount, '-')
         FROM explanation_of_benefit_item ORDER BY 1",
    );
    assert_eq!(
        found,
        [
            ["apart", "20", "-"],
            ["bfd-payers", "-", "141"],
            ["currencies", "12", "-"],
            ["no-value", "7", "-"],
            ["older", "3", "8.5"],
            ["part-d", "-", "25"],
            ["part-d-bfd", "-", "11.05"],
            ["part-d-total", "-", "1"],
            ["payers", "-", "140"],
            ["reasons", "35", "-"],
            ["same", "35", "-"],
            ["text", "-", "-"],
        ]
    );
    let paid = "SELECT explanation_of_benefit_id, prior_payer_paid_cents FROM claim
        WHERE explanation_of_benefit_id LIKE 'part-d%' OR explanation_of_benefit_id = 'stay' ORDER BY 1";
    assert_eq!(
        home.rows(paid),
        [["part-d", "2500"], ["part-d-bfd", "1105"], ["part-d-total", "650"], ["stay", "5050"]]
    );
    let apart = "SELECT problem FROM reconciliation WHERE kind = 'prior_payer_paid'";
    assert_eq!(home.rows(apart), Vec::<Vec<String>>::new());
    let header = "SELECT prior_payer_paid_amount FROM explanation_of_benefit WHERE id = 'stay'";
    assert_eq!(home.rows(header), [["50.5"]]);
    let mistyped = "SELECT DISTINCT path FROM mistyped_path ORDER BY 1";
    assert!(home.rows(mistyped).concat().iter().any(|path| path.ends_with("amount.value")));
}

/// What the columns say is what the marts say, which work it out from the rows by themselves.
#[test]
fn the_columns_of_a_line_agree_with_the_marts() {
    let home = Home::of_demo();
    for (column, mart) in [
        ("noncovered_amount", "noncovered_cents"),
        ("deductible_amount", "deductible_cents"),
        ("copay_amount", "copay_cents"),
        ("coinsurance_amount", "coinsurance_cents"),
        ("prior_payer_paid_amount", "prior_payer_paid_cents"),
    ] {
        let compared = format!(
            "FROM explanation_of_benefit_item AS i JOIN claim_line AS l
               ON l.connection_id = i.connection_id AND l.explanation_of_benefit_id = i.explanation_of_benefit_id
                 AND l.item_index = i.item_index
             WHERE i.{column} IS NOT NULL"
        );
        assert!(home.value::<i64>(&format!("SELECT count(*) {compared}")) > 0, "{column}");
        let apart = format!(
            "SELECT i.{column}, l.{mart} {compared} AND round(i.{column} * 100) <> l.{mart}"
        );
        assert_eq!(home.rows(&apart), Vec::<Vec<String>>::new(), "{column}");
    }
}

#[test]
fn the_names_of_carin_0_1_0_fill_the_columns_and_the_marts() {
    let names = [
        ("submittedamount", "submitted"),
        ("allowedamount", "allowed"),
        ("deductibleamount", "deductible"),
        ("coinsuranceamount", "coinsurance"),
        ("copaymentamount", "copay"),
        ("noncoveredamount", "noncovered"),
        ("cobamount", "prior_payer_paid"),
        ("discountamount", "discount"),
        ("patientpayamount", "paid_by_patient"),
        ("memberliabilityamount", "member_liability"),
        ("memberreimbursement", "paid_to_patient"),
        ("paidtoprovideramount", "paid_to_provider"),
        ("paymentamount", "benefit"),
        ("drugcostamount", "drug_cost"),
    ];
    let amounts: Vec<Value> =
        (1..).zip(&names).map(|(value, (code, _))| of(&[(HUMANA, code)], json!(value))).collect();
    let (_server, home) = synced(&[line("e", &amounts)]);
    let columns: Vec<String> =
        names.iter().map(|(_, column)| format!("CAST({column}_amount AS INTEGER)")).collect();
    let expected: Vec<String> = (1..=names.len()).map(|value| value.to_string()).collect();
    for table in ["explanation_of_benefit_item", "claim_line", "claim"] {
        let asked = format!("SELECT {} FROM {table}", columns.join(", "));
        assert_eq!(home.rows(&asked).concat(), expected, "{table}");
    }
}

#[test]
fn what_the_member_paid_in_parts_adds_up_and_every_spelling_of_the_marts_counts() {
    let carin = |code: &str, value: f64| of(&[(C4BB, code)], json!(value));
    let (_server, home) = synced(&[
        line(
            "names",
            &[
                carin("coinsamount", 5.0),
                carin("memberreimbursementamount", 6.0),
                carin("taxamount", 1.0),
            ],
        ),
        line(
            "parts",
            &[
                carin("paidbypatientcash", 2.0),
                carin("paidbypatientother", 3.0),
                carin("paidbypatienthealthaccount", 4.5),
            ],
        ),
        line("whole", &[carin("paidbypatient", 9.0), carin("paidbypatientcash", 9.0)]),
    ]);
    for table in ["explanation_of_benefit_item", "claim_line"] {
        let asked = format!(
            "SELECT explanation_of_benefit_id, coalesce(coinsurance_amount, '-'),
               coalesce(paid_to_patient_amount, '-'), coalesce(paid_by_patient_amount, '-')
             FROM {table} ORDER BY 1"
        );
        let expected =
            [["names", "5", "6", "-"], ["parts", "-", "-", "9.5"], ["whole", "-", "-", "9"]];
        assert_eq!(home.rows(&asked), expected, "{table}");
    }
    // No mart of lines has a column for tax.
    let tax = "SELECT tax_amount FROM explanation_of_benefit_item WHERE tax_amount IS NOT NULL";
    assert_eq!(home.rows(tax), [["1"]]);
}
