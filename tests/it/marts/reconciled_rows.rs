//! Each row of `reconciliation` over published claims, read again from the JSON alone: the two amounts
//! stand there, and no choice among the lines' amounts comes to the other side's.

use crate::support::Home;
use serde_json::Value;
use std::collections::BTreeSet;

/// Rows that this simple reader cannot explain, by claim and kind, with what he does not see.
const READ_BY_HAND: [(&str, &str, &str); 3] = [
    // One line of two states the amount, as that of an earlier payer.
    ("carin0", "OutpatientEOBExample1", "allowed"),
    // The total and the lines name Medicare's variables only; the line of revenue centre 0001 says 10,000 and
    // the ten others come to 9,370.
    ("bluebutton0", "inpatient-4436342082", "submitted"),
    // The line of revenue centre 0001 says 300 and the others come to 310.
    ("bluebutton0", "outpatient-4412920419", "submitted"),
];

/// The adjudication codes of a kind of amount: CARIN Blue Button and FHIR R4.
fn codes(kind: &str) -> &'static [&'static str] {
    match kind {
        "allowed" => &["eligible", "allowed"],
        "submitted" => &["submitted"],
        "deductible" => &["deductible"],
        "coinsurance" => &["coinsurance"],
        "noncovered" => &["noncovered"],
        "paid_by_patient" => &["paidbypatient"],
        "paid_to_patient" => &["paidtopatient"],
        "paid_to_provider" => &["paidtoprovider"],
        // Version 3 of Medicare's API names the primary payer's amounts without a category.
        "prior_payer_paid" => &[
            "priorpayerpaid",
            "CLM_LINE_OTHR_TP_PD_AMT",
            "CLM_LINE_PLRO_AMT",
            "CLM_MDCR_INSTNL_PRMRY_PYR_AMT",
            "CLM_MDCR_PRFNL_PRMRY_PYR_AMT",
        ],
        // What Medicare paid for a revenue center comes under the category of charges.
        "plan_paid" => &[
            "benefit",
            "paidtoprovider",
            "paidtopatient",
            "https://bluebutton.cms.gov/resources/variables/rev_cntr_pmt_amt_amt",
        ],
        kind => panic!("a kind of amount that is new here: {kind}"),
    }
}

fn cents(amount: &Value) -> i64 {
    (amount["value"].as_f64().unwrap_or_default() * 100.0).round() as i64
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Every sum of some of the amounts of a kind, nothing among them.
fn readings(stated: &[Value], kind: &str) -> BTreeSet<i64> {
    let is_of_kind = |stated: &&Value| {
        let codings = list(&stated["category"]["coding"]).iter();
        codings.filter_map(|coding| coding["code"].as_str()).any(|code| codes(kind).contains(&code))
    };
    let amounts = stated.iter().filter(is_of_kind).map(|stated| cents(&stated["amount"]));
    amounts.fold(BTreeSet::from([0]), |sums, amount| {
        sums.iter().flat_map(|sum| [*sum, sum + amount]).collect()
    })
}

/// Every sum that takes of each line some of its amounts.
fn of_lines(claim: &Value, kind: &str) -> BTreeSet<i64> {
    list(&claim["item"]).iter().fold(BTreeSet::from([0]), |sums, line| {
        let of_line = readings(list(&line["adjudication"]), kind);
        sums.iter().flat_map(|sum| of_line.iter().map(move |amount| sum + amount)).collect()
    })
}

fn of_header(claim: &Value, kind: &str) -> BTreeSet<i64> {
    readings(&[list(&claim["total"]), list(&claim["adjudication"])].concat(), kind)
}

/// Reads every row again.
#[track_caller]
pub(super) fn assert_each_is_the_senders(home: &Home) {
    let rows = home.rows(
        "SELECT c.name, r.explanation_of_benefit_id, problem, kind, one_cents, other_cents, s.json
         FROM reconciliation AS r JOIN connection AS c ON c.id = r.connection_id
         JOIN resource AS s ON s.connection_id = r.connection_id AND s.resource_type = 'ExplanationOfBenefit'
           AND s.resource_id = r.explanation_of_benefit_id",
    );
    assert_eq!(rows.len() as i64, home.value::<i64>("SELECT count(*) FROM reconciliation"));
    let mut by_hand = BTreeSet::new();
    for row in &rows {
        let [set, id, problem, kind, one, other, json] = row.as_slice() else { panic!("{row:?}") };
        if READ_BY_HAND.contains(&(set, id, kind)) {
            by_hand.insert((set, id));
            continue;
        }
        let claim: Value = serde_json::from_str(json).unwrap();
        let payment = BTreeSet::from([cents(&claim["payment"]["amount"])]);
        let (ones, others) = match problem.as_str() {
            "header and lines" => (of_header(&claim, kind), of_lines(&claim, kind)),
            "payment and header" => (payment, of_header(&claim, kind)),
            "payment and lines" => (payment, of_lines(&claim, kind)),
            problem => panic!("a problem that is new here: {problem}"),
        };
        let (one, other): (i64, i64) = (one.parse().unwrap(), other.parse().unwrap());
        let when = format!("{set} {id}, {problem}, {kind}: {one} and {other}");
        assert!(ones.contains(&one), "{when}: {ones:?}");
        assert!(others.contains(&other), "{when}: {others:?}");
        let agreed: Vec<_> = ones.intersection(&others).filter(|amount| **amount != 0).collect();
        assert!(agreed.is_empty(), "{when}: both could be read as {agreed:?}");
    }
    assert_eq!(by_hand.len(), READ_BY_HAND.len());
}
