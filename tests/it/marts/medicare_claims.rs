//! Blue Button has its own way with CARIN's categories: several amounts of Medicare in one of them,
//! and what a prescription says under CMS's names. A column takes what its name says.

use crate::{
    marts::mart_spellings::{ask, claim as claim_with, imported},
    support::Home,
};
use serde_json::{Value, json};
use std::fs;

const VARIABLES: &str = "https://bluebutton.cms.gov/resources/variables";

/// An amount under CARIN's category and CMS's own name for it.
fn amount(category: &str, variable: &str, value: f64) -> Value {
    let c4bb = "http://terminology.hl7.org/CodeSystem/adjudication";
    json!({
        "category": {"coding": [
            {"system": c4bb, "code": category},
            {"system": "https://bluebutton.cms.gov/resources/codesystem/adjudication",
             "code": format!("{VARIABLES}/{variable}")},
        ]},
        "amount": {"value": value, "currency": "USD"},
    })
}

/// The first row of a shipped view over one resource.
pub(crate) fn row(view: &str, resource: &Value) -> Value {
    let home = Home::new();
    let input = home.file("input.ndjson");
    fs::write(&input, resource.to_string()).unwrap();
    let file = format!("{}/config/views/{view}.json", env!("CARGO_MANIFEST_DIR"));
    let outcome = home.run(&["views", "run", &file, "--input", input.to_str().unwrap()]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    serde_json::from_str(outcome.stdout.lines().next().unwrap()).unwrap()
}

fn claim(total: &[Value], of_the_line: &[Value]) -> Value {
    json!({
        "resourceType": "ExplanationOfBenefit", "id": "e", "total": total,
        "item": [{"sequence": 1, "adjudication": of_the_line}],
    })
}

fn amounts<const N: usize>(row: &Value, columns: [&str; N]) -> [Option<f64>; N] {
    columns.map(|column| row[column].as_f64())
}

#[test]
fn what_was_charged_is_neither_the_rate_nor_the_payment() {
    let claim = claim(
        &[],
        &[
            amount("submitted", "rev_cntr_rate_amt", 5.0),
            amount("submitted", "rev_cntr_tot_chrg_amt", 95.0),
            amount("submitted", "rev_cntr_pmt_amt_amt", 26.0),
        ],
    );
    let row = row("explanation_of_benefit_item", &claim);
    assert_eq!(amounts(&row, ["submitted_amount", "benefit_amount"]), [Some(95.0), Some(26.0)]);
}

#[test]
fn the_deductible_is_in_cash_and_coinsurance_is_no_cost_of_a_drug() {
    let hospital = claim(
        &[],
        &[
            amount("deductible", "rev_cntr_blood_ddctbl_amt", 10.45),
            amount("deductible", "rev_cntr_cash_ddctbl_amt", 12.89),
            amount("coinsurance", "rev_cntr_rdcd_coinsrnc_amt", 11.0),
            amount("coinsurance", "rev_cntr_coinsrnc_wge_adjstd_c", 15.23),
        ],
    );
    let row_of_hospital = row("explanation_of_benefit_item", &hospital);
    assert_eq!(
        amounts(&row_of_hospital, ["deductible_amount", "coinsurance_amount"]),
        [Some(12.89), Some(15.23)]
    );
    let drug = claim(
        &[],
        &[
            amount("coinsurance", "gdc_blw_oopt_amt", 995.34),
            amount("coinsurance", "gdc_abv_oopt_amt", 15.25),
            amount("discount", "lics_amt", 122.23),
            amount("discount", "rptd_gap_dscnt_num", 317.22),
        ],
    );
    let row_of_drug = row("explanation_of_benefit_item", &drug);
    assert_eq!(
        amounts(&row_of_drug, ["coinsurance_amount", "discount_amount"]),
        [None, Some(317.22)]
    );
}

#[test]
fn what_the_payer_allows_is_not_what_the_one_before_it_allowed() {
    let line = [
        amount("eligible", "line_prmry_alowd_chrg_amt", 20.29),
        amount("eligible", "line_alowd_chrg_amt", 129.45),
    ];
    let row = row("explanation_of_benefit_item", &claim(&[], &line));
    assert_eq!(amounts(&row, ["eligible_amount", "allowed_amount"]), [Some(129.45), Some(129.45)]);
}

#[test]
fn what_an_earlier_payer_paid_is_not_what_was_charged() {
    let total = [amount("priorpayerpaid", "clm_tot_chrg_amt", 0.0)];
    let row = row("explanation_of_benefit", &claim(&total, &[]));
    assert_eq!(
        amounts(&row, ["total_submitted_amount", "total_prior_payer_paid_amount"]),
        [None, Some(0.0)]
    );
}

/// A supporting information whose category has CMS's own name for it behind a general one.
fn info(variable: &str, code: &str) -> Value {
    json!({
        "category": {"coding": [{"code": "info"}, {"code": format!("{VARIABLES}/{variable}")}]},
        "code": {"coding": [{"system": format!("{VARIABLES}/{variable}"), "code": code}]},
    })
}

#[test]
fn what_a_prescription_says_is_found_under_the_names_of_cms() {
    let claim = json!({
        "resourceType": "ExplanationOfBenefit", "id": "e",
        "supportingInfo": [
            info("daw_prod_slctn_cd", "3"), info("rx_orgn_cd", "1"), info("brnd_gnrc_cd", "G"),
        ],
    });
    let row = row("explanation_of_benefit", &claim);
    assert_eq!((&row["daw_code"], &row["rx_origin_code"]), (&json!("3"), &json!("1")));
    assert_eq!(row["brand_generic_code"], "G");
}

#[test]
fn what_a_stay_says_is_found_under_the_names_of_cms() {
    let mut claim = json!({
        "resourceType": "ExplanationOfBenefit", "id": "e", "status": "active", "use": "claim",
        "type": {"coding": [{"code": "institutional"}]}, "patient": {"reference": "Patient/p"},
        "created": "2025-02-01", "outcome": "complete",
        "supportingInfo": [
            info("clm_drg_cd", "694"), info("clm_src_ip_admsn_cd", "4"),
            info("clm_ip_admsn_type_cd", "1"), info("ptnt_dschrg_stus_cd", "51"),
        ],
    });
    let row = row("explanation_of_benefit", &claim);
    assert_eq!(
        ["drg_code", "point_of_origin_code", "admission_type_code", "discharge_status_code"]
            .map(|column| row[column].as_str()),
        [Some("694"), Some("4"), Some("1"), Some("51")]
    );
    // Behind a group of 3M, that of Medicare is found in the mart, too.
    let of_3m = json!({"category": {"coding": [{"code": "drg"}]},
        "code": {"coding": [{"system": "apr-drg", "code": "1401"}]}});
    claim["supportingInfo"].as_array_mut().unwrap().insert(0, of_3m);
    for (index, entry) in claim["supportingInfo"].as_array_mut().unwrap().iter_mut().enumerate() {
        entry["sequence"] = json!(index + 1);
    }
    let home = Home::new();
    let input = home.file("stay.ndjson");
    let patient = json!({"resourceType": "Patient", "id": "p"});
    fs::write(&input, format!("{patient}\n{claim}\n")).unwrap();
    home.succeed(&["import", "c", input.to_str().unwrap()], "importing a stay");
    assert_eq!(home.rows("SELECT drg_code FROM claim"), [["694"]]);
}

#[test]
fn the_drug_that_was_given_under_a_procedure_code_is_in_the_mart_of_lines() {
    let home = Home::of_demo();
    let found = home.rows(
        "SELECT count(*) > 0, count(l.ndc_code) = count(*)
         FROM explanation_of_benefit_item i
         JOIN claim_line l USING (connection_id, explanation_of_benefit_id, item_index)
         WHERE i.ndc_code IS NULL AND i.administered_ndc_code IS NOT NULL",
    );
    assert_eq!(found, [["1", "1"]]);
}

/// Amounts of a claim as Blue Button sends them: as balances of a benefit.
fn balances(amounts: &[(&str, f64)]) -> Value {
    let financial: Vec<Value> = amounts
        .iter()
        .map(|(variable, value)| {
            json!({
                "type": {"coding": [{
                    "system": "https://bluebutton.cms.gov/resources/codesystem/benefit-balance",
                    "code": format!("{VARIABLES}/{variable}"), "display": "Deductible Amount",
                }]},
                "usedMoney": {"value": value, "currency": "USD"},
            })
        })
        .collect();
    json!([{"category": {"coding": [{"code": "1"}]}, "financial": financial}])
}

#[test]
fn balances_of_medicare_are_amounts_of_their_claim_and_no_running_account() {
    let stay = json!({
        "type": {"coding": [{"code": "institutional"}]},
        "total": [amount("submitted", "clm_tot_chrg_amt", 900.0)],
        "item": [{"sequence": 1, "adjudication": [amount("submitted", "rev_cntr_tot_chrg_amt", 900.0)]}],
        "benefitBalance": balances(&[
            ("nch_bene_ip_ddctbl_amt", 112.0),
            ("nch_bene_pta_coinsrnc_lblty_amt", 5.0),
            ("nch_bene_blood_ddctbl_lblty_am", 6.0),
            ("nch_ip_tot_ddctn_amt", 14.0),
            ("prpayamt", 11.0),
        ]),
    });
    // What lines state counts, and is not added to their sum.
    let visit = json!({
        "created": "2025-02-10",
        "item": [
            {"sequence": 1, "adjudication": [amount("deductible", "line_bene_ptb_ddctbl_amt", 140.0)]},
            {"sequence": 2, "adjudication": [amount("deductible", "line_bene_ptb_ddctbl_amt", 100.0)]},
        ],
        "benefitBalance": balances(&[("carr_clm_cash_ddctbl_apld_amt", 240.0)]),
    });
    let last = json!({
        "created": "2025-03-10",
        "item": [{"sequence": 1, "adjudication": [amount("deductible", "line_bene_ptb_ddctbl_amt", 0.0)]}],
        "benefitBalance": balances(&[("carr_clm_cash_ddctbl_apld_amt", 0.0)]),
    });
    let claims = [claim_with("stay", stay), claim_with("visit", visit), claim_with("last", last)];
    let home = imported(&claims);
    let owed = "SELECT explanation_of_benefit_id, deductible_cents, coinsurance_cents, member_cost_share_cents,
        prior_payer_paid_cents FROM claim ORDER BY 1";
    assert_eq!(
        ask(&home, owed),
        ["last|0||0|", "stay|11200|500|11700|1100", "visit|24000||24000|"]
    );
    let accounts =
        "SELECT kind, claim_count, used_cents, payer_used_cents, difference_cents, payer_claim_id
        FROM accumulator ORDER BY 1";
    assert_eq!(ask(&home, accounts), ["deductible|3|35200|||", "out of pocket|3|35700|||"]);
    let spent = "SELECT sum(deductible_cents) FROM spend_by_month
        UNION ALL SELECT CAST(round(sum(deductible_amount) * 100) AS INTEGER) FROM tuva_medical_claim";
    assert_eq!(ask(&home, spent), ["35200", "35200"]);
    assert!(ask(&home, "SELECT problem, kind FROM reconciliation").is_empty());
}

#[test]
fn what_medicare_paid_for_a_line_is_the_same_in_the_table_and_in_the_marts() {
    let visits = json!({
        "payment": {"amount": {"value": 188.0, "currency": "USD"}},
        "total": [amount("submitted", "clm_tot_chrg_amt", 199.0)],
        "item": [{"sequence": 1, "adjudication": [
            amount("submitted", "rev_cntr_rate_amt", 0.0),
            amount("submitted", "rev_cntr_tot_chrg_amt", 199.0),
            amount("submitted", "rev_cntr_pmt_amt_amt", 26.0),
        ]}],
    });
    let home = imported(&[claim_with("visits", visits)]);
    let paid = "SELECT i.submitted_amount, l.submitted_amount, i.benefit_amount, l.benefit_amount, l.plan_paid_cents
        FROM claim_line AS l JOIN explanation_of_benefit_item AS i USING (connection_id, explanation_of_benefit_id, item_index)";
    assert_eq!(ask(&home, paid), ["199|199|26|26|2600"]);
    let apart = "SELECT problem, one_cents, other_cents FROM reconciliation";
    assert_eq!(ask(&home, apart), ["payment and lines|18800|2600"]);
}

/// A claim of an institution whose type of bill is in three parts.
fn billed(id: &str, sub_kind: &str, [facility, care, frequency]: [&str; 3]) -> Value {
    let part = |variable: &str, code: &str| {
        let url = format!("{VARIABLES}/{variable}");
        json!({"url": url, "valueCoding": {"system": url, "code": code}})
    };
    let mut claim = json!({
        "type": {"coding": [{"code": "institutional"}]},
        "subType": {"coding": [{"code": sub_kind}]},
        "supportingInfo": [{
            "sequence": 1, "category": {"coding": [{"code": "typeofbill"}]},
            "code": {"coding": [{"system": format!("{VARIABLES}/clm_freq_cd"), "code": frequency}]},
        }],
        "item": [{"sequence": 1, "revenue": {"coding": [{"code": "0450"}]}}],
    });
    if !facility.is_empty() {
        claim["facility"] = json!({"extension": [part("clm_fac_type_cd", facility)]});
        claim["extension"] = json!([part("clm_srvc_clsfctn_type_cd", care)]);
    }
    claim_with(id, claim)
}

#[test]
fn a_type_of_bill_in_parts_is_put_together_and_its_frequency_alone_is_none() {
    let mut home_health = billed("visits", "inpatient", ["3", "2", "1"]);
    home_health["type"] = json!({"coding": [{"code": "professional"}]});
    let claims = [
        billed("emergency", "outpatient", ["1", "3", "1"]),
        billed("hospice", "inpatient", ["8", "1", "2"]),
        billed("nursing", "inpatient", ["2", "1", "0"]),
        billed("stay", "inpatient", ["1", "1", "1"]),
        billed("stay-bare", "inpatient", ["", "", "1"]),
        home_health,
    ];
    let bills =
        "SELECT explanation_of_benefit_id, type_of_bill_code, frequency_code FROM claim ORDER BY 1";
    let home = imported(&claims);
    assert_eq!(
        ask(&home, bills),
        [
            "emergency|131|1",
            "hospice|812|2",
            "nursing|210|0",
            "stay|111|1",
            "stay-bare||1",
            "visits|321|1"
        ]
    );
    let categories = "SELECT category, claim_count FROM spend_by_month ORDER BY 1";
    assert_eq!(
        ask(&home, categories),
        ["emergency|1", "home|1", "hospice|1", "inpatient|2", "skilled nursing|1"]
    );
    let tuva = "SELECT substr(claim_id, 3), bill_type_code FROM tuva_medical_claim ORDER BY 1";
    assert_eq!(
        ask(&home, tuva),
        ["emergency|131", "hospice|812", "nursing|210", "stay|111", "stay-bare|", "visits|321"]
    );
}

#[test]
fn a_place_of_service_says_more_than_a_professional_claims_type_of_bill() {
    let visit = |id: &str, place: &str, bill: &str| {
        claim_with(
            id,
            json!({
                "supportingInfo": [{
                    "sequence": 1, "category": {"coding": [{"code": "typeofbill"}]},
                    "code": {"coding": [{"code": bill}]},
                }],
                "item": [{"sequence": 1, "locationCodeableConcept": {"coding": [{"code": place}]}}],
            }),
        )
    };
    let home = imported(&[visit("doctor", "11", "111"), visit("far", "07", "0123")]);
    let categories = "SELECT category, claim_count FROM spend_by_month ORDER BY 1";
    assert_eq!(ask(&home, categories), ["office|1", "other|1"]);
    let tuva = "SELECT substr(claim_id, 3), claim_type, bill_type_code, place_of_service_code
        FROM tuva_medical_claim ORDER BY 1";
    assert_eq!(ask(&home, tuva), ["doctor|professional||11", "far|professional||07"]);
}

#[test]
fn a_decision_of_medicare_is_that_of_its_line() {
    let says = |name: &str, value: Value| {
        let mut extension = value;
        extension["url"] =
            json!(format!("https://bluebutton.cms.gov/fhir/StructureDefinition/{name}"));
        extension
    };
    let decided = [
        says("PA-DECISION", json!({"valueCoding": {"code": "A", "display": "Affirmed"}})),
        says("PA-DT-ADDED", json!({"valueDate": "2018-07-26"})),
        says("PA-DECISION-DT", json!({"valueDate": "2018-07-28"})),
        says("PA-DECISION-EXP-DT", json!({"valueDate": "2019-07-28"})),
        says("SERVICE-CNTS", json!({"valueUnsignedInt": 6})),
    ];
    let request = json!({
        "use": "preauthorization", "created": "2018-07-27",
        "preAuthRefPeriod": [{"start": "2018-08-06", "end": "2019-08-06"}],
        "item": [{"sequence": 1, "extension": decided}, {"sequence": 2}],
    });
    let home = imported(&[claim_with("request", request)]);
    let decisions = "SELECT item_index, decision_code, decision_display, decision_date, valid_from_date, valid_until_date, quantity
        FROM prior_authorization ORDER BY 1";
    assert_eq!(
        ask(&home, decisions),
        [
            "0|A|Affirmed|2018-07-28|2018-08-06|2019-07-28|6",
            "1|||2018-07-27|2018-08-06|2019-08-06|"
        ]
    );
}

#[test]
fn a_reduction_for_an_assistant_is_no_denial() {
    let reason = |variable: &str, code: &str| {
        json!({"category": {"coding": [{"code": "denialreason"}]},
            "reason": {"coding": [{"system": format!("{VARIABLES}/{variable}"), "code": code}]}})
    };
    let paid = reason("carr_line_rdcd_pmt_phys_astn_c", "0");
    let denied = reason("rev_cntr_1st_ansi_cd", "CO120");
    let code = |of_the_line: &[Value]| {
        row("explanation_of_benefit_item", &claim(&[], of_the_line))["denial_reason_code"].clone()
    };
    assert_eq!(code(std::slice::from_ref(&paid)), Value::Null);
    assert_eq!(code(&[paid, denied]), "CO120");
}
