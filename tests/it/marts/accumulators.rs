//! Deductibles and out-of-pocket maximums: the figures of family and individual, in and out of the
//! network, of a year and a lifetime, and of two plan years stand apart.

use crate::marts::mart_spellings::{ask, claim, imported};
use serde_json::{Value, json};

const ACCUMULATORS: &str =
    "SELECT substr(plan_year_start_date, 1, 4), unit, network, term, benefit_category, claim_count, used_cents, payer_used_cents,
            difference_cents, limit_cents, remaining_cents, payer_claim_id
     FROM accumulator WHERE kind = 'deductible' ORDER BY 1, 2 DESC, 3, 4, 5";

pub(super) fn word(code: &str) -> Value {
    json!({"coding": [{"code": code}]})
}

pub(super) fn money(value: f64) -> Value {
    json!({"value": value, "currency": "USD"})
}

/// A balance of a deductible: category, unit, network and term (each may be empty), limit and used.
pub(super) fn balance([category, unit, network, term]: [&str; 4], limit: f64, used: f64) -> Value {
    let financial = json!([{"type": word("deductible"), "allowedMoney": money(limit), "usedMoney": money(used)}]);
    let mut balance = json!({"category": word(category), "financial": financial});
    for (name, code) in [("unit", unit), ("network", network), ("term", term)] {
        if !code.is_empty() {
            balance[name] = word(code);
        }
    }
    balance
}

/// A claim of a day with its deductible, the network it says it is in, and the payer's balances.
pub(super) fn used(
    id: &str,
    day: &str,
    deductible: f64,
    network: &str,
    balances: &[Value],
) -> Value {
    let kind = json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/adjudication", "code": "deductible"}]});
    claim(
        id,
        json!({
            "billablePeriod": {"start": day, "end": day},
            "created": "2025-06-01",
            "total": [{"category": kind, "amount": money(deductible)}],
            "adjudication": [{"category": word("billingnetworkstatus"), "reason": word(network)}],
            "benefitBalance": balances,
        }),
    )
}

#[test]
fn figures_of_other_units_networks_terms_and_years_stand_apart() {
    let home = imported(&[
        used(
            "a",
            "2025-01-02",
            100.0,
            "innetwork",
            &[
                balance(["1", "family", "in", "annual"], 3000.0, 450.0),
                balance(["1", "individual", "in", "lifetime"], 9000.0, 900.0),
                balance(["1", "individual", "out", "annual"], 5000.0, 70.0),
                balance(["1", "individual", "in", "annual"], 1000.0, 100.0),
                balance(["35", "individual", "", "annual"], 50.0, 20.0),
            ],
        ),
        used("b", "2025-03-01", 70.0, "outofnetwork", &[]),
        used(
            "c",
            "2024-12-30",
            40.0,
            "innetwork",
            &[balance(["1", "individual", "in", "annual"], 900.0, 890.0)],
        ),
    ]);
    assert_eq!(
        ask(&home, ACCUMULATORS),
        [
            "2024|individual|in|annual|1|1|4000|89000|-85000|90000|1000|c",
            "2025|individual||annual|35|0||2000||5000|3000|a",
            "2025|individual|in|annual|1|1|10000|10000|0|100000|90000|a",
            "2025|individual|in|lifetime|1|0||90000||900000|810000|a",
            "2025|individual|out|annual|1|1|7000|7000|0|500000|493000|a",
            "2025|family|in|annual|1|0||45000||300000|255000|a",
        ]
    );
    // The payer tells no networks apart out of pocket: one sum of all claims.
    let pocket = "SELECT substr(plan_year_start_date, 1, 4), unit, network, claim_count, used_cents FROM accumulator
                  WHERE kind = 'out of pocket' ORDER BY 1";
    assert_eq!(ask(&home, pocket), ["2024|individual||1|4000", "2025|individual||2|17000"]);
    let sum = "SELECT sum(used_cents) = (SELECT sum(deductible_cents) FROM claim_current) FROM accumulator WHERE kind = 'deductible'";
    assert_eq!(ask(&home, sum), ["1"]);
    home.succeed(&["verify"], "accumulators");
}

#[test]
fn a_family_alone_is_not_compared_and_words_tell_what_codes_do_not() {
    let mut spelled = balance(["30", "", "", ""], 1500.0, 300.0);
    spelled["financial"][0]["type"] =
        json!({"coding": [{"code": "D01"}], "text": "Family deductible, out-of-network"});
    let balances = [balance(["30", "FAM", "", ""], 2000.0, 250.0), spelled];
    let home = imported(&[used("a", "2025-01-02", 100.0, "innetwork", &balances)]);
    assert_eq!(
        ask(&home, ACCUMULATORS),
        [
            "2025|individual||||1|10000|||||",
            "2025|family|||30|0||25000||200000|175000|a",
            "2025|family|out||30|0||30000||150000|120000|a",
        ]
    );
}

#[test]
fn the_limit_of_a_coverage_is_no_familys_and_no_guess() {
    let coverage = |id: &str, amounts: &[(&str, f64)]| {
        let costs: Vec<Value> = amounts
            .iter()
            .map(|(text, amount)| {
                let mut kind = word("deductible");
                kind["text"] = json!(text);
                json!({"type": kind, "valueMoney": money(*amount)})
            })
            .collect();
        json!({"resourceType": "Coverage", "id": id, "status": "active", "beneficiary": {"reference": "Patient/p"},
            "payor": [{"display": "Plan"}], "costToBeneficiary": costs})
    };
    let by = |id: &str, coverage: &str| {
        let mut claim = used(id, "2025-01-02", 100.0, "innetwork", &[]);
        claim["insurance"] =
            json!([{"focal": true, "coverage": {"reference": format!("Coverage/{coverage}")}}]);
        claim
    };
    let home = imported(&[
        coverage("told", &[("Individual", 1000.0), ("Family", 3000.0)]),
        coverage("vague", &[("", 1000.0), ("", 3000.0)]),
        by("a", "told"),
        by("b", "vague"),
    ]);
    let asked = "SELECT coverage_id, limit_cents, remaining_cents FROM accumulator WHERE kind = 'deductible' ORDER BY 1";
    assert_eq!(ask(&home, asked), ["told|100000|90000", "vague||"]);
}

#[test]
fn the_latest_figure_is_that_of_the_latest_instant() {
    let at = |id: &str, created: &str, updated: &str, used_so_far: f64| {
        let balances = [balance(["30", "individual", "in", "annual"], 1000.0, used_so_far)];
        let mut claim = used(id, "2025-01-02", 10.0, "innetwork", &balances);
        claim["created"] = json!(created);
        claim["meta"] = json!({"lastUpdated": updated});
        claim
    };
    let latest = |claims: &[Value]| {
        ask(
            &imported(claims),
            "SELECT payer_claim_id, payer_used_cents FROM accumulator WHERE kind = 'deductible'",
        )
    };
    let update = "2025-04-01T00:00:00Z";
    // The first of March in Hawaii is later than the second in Tokyo.
    let hawaii = at("h", "2025-03-01T23:00:00-10:00", update, 90.0);
    let tokyo = at("t", "2025-03-02T01:00:00+09:00", update, 80.0);
    assert_eq!(latest(&[hawaii, tokyo]), ["h|9000"]);
    // Of one day the last update tells.
    let (first, then) = ("2025-03-02T08:00:00Z", "2025-03-02T20:00:00Z");
    let day = [at("z", "2025-03-02", first, 70.0), at("a", "2025-03-02", then, 80.0)];
    assert_eq!(latest(&day), ["a|8000"]);
}

#[test]
fn how_a_claim_was_paid_counts_before_the_network_of_its_provider() {
    let status =
        |kind: &str, network: &str| json!({"category": word(kind), "reason": word(network)});
    let paid = |id: &str, deductible: f64, provider: &str, payment: &[&str], lines: &[&str]| {
        let mut claim = used(id, "2025-03-01", deductible, provider, &[]);
        let adjudication = claim["adjudication"].as_array_mut().unwrap();
        adjudication.extend(payment.iter().map(|network| status("benefitpaymentstatus", network)));
        let line = |(at, network): (usize, &&str)| json!({"sequence": at + 1, "adjudication": [status("benefitpaymentstatus", network)]});
        claim["item"] = lines.iter().enumerate().map(line).collect();
        claim
    };
    let mut fill = paid("fill", 0.0, "outofnetwork", &[], &["innetwork"]);
    fill["type"]["coding"][0]["code"] = json!("pharmacy");
    fill["billablePeriod"] = json!({"start": "2024-03-01", "end": "2024-03-01"});
    let balances = [
        balance(["1", "individual", "in", "annual"], 1000.0, 170.0),
        balance(["1", "individual", "out", "annual"], 5000.0, 30.0),
    ];
    let home = imported(&[
        used("a", "2025-01-02", 100.0, "innetwork", &balances),
        paid("header", 70.0, "outofnetwork", &["innetwork"], &[]),
        paid("lines", 30.0, "innetwork", &[], &["outofnetwork", "outofnetwork"]),
        paid("other", 5.0, "innetwork", &["other"], &[]),
        fill,
    ]);
    let sums = "SELECT network, claim_count, used_cents, payer_used_cents FROM accumulator
        WHERE kind = 'deductible' AND plan_year_start_date = '2025-01-01' ORDER BY 1";
    assert_eq!(ask(&home, sums), ["in|3|17500|17000", "out|1|3000|3000"]);
    let flags = "SELECT substr(claim_id, 3), claim_line_number, in_network_flag FROM tuva_medical_claim
        UNION ALL SELECT substr(claim_id, 3), claim_line_number, in_network_flag FROM tuva_pharmacy_claim ORDER BY 1, 2";
    assert_eq!(
        ask(&home, flags),
        ["a|1|1", "fill|1|1", "header|1|1", "lines|1|0", "lines|2|0", "other|1|1"]
    );
}
