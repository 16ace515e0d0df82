//! The marts agree with each other and with themselves, to the cent; where they do not, it is the
//! sender whose amounts differ, and why is said here.

use crate::marts::{
    mart_spellings::{ask, claim as claim_with, imported},
    reconciled_rows,
};
use crate::support::{Home, Served, real_claims};
use serde_json::{Value, json};

/// A set, a problem, a kind of amount, how many claims, and the sum of the differences in cents.
type Disagreement = (&'static str, &'static str, &'static str, u32, i64);

/// Header, lines and payment of these were invented or copied apart from each other. Each row is
/// read again from the JSON in `reconciled_rows`.
const OF_THE_SENDERS: &[Disagreement] = &[
    // Beneficiary FHIR Data server: each element of its test claims has an amount of its own.
    ("bfd", "header and lines", "allowed", 5, 16_500_760),
    ("bfd", "header and lines", "coinsurance", 1, 1_672),
    ("bfd", "header and lines", "deductible", 9, 568_618),
    ("bfd", "header and lines", "noncovered", 7, 137_501_008),
    ("bfd", "header and lines", "paid_by_patient", 3, 90_104_851),
    ("bfd", "header and lines", "paid_to_patient", 7, 329_889),
    ("bfd", "header and lines", "paid_to_provider", 9, -2_038_641),
    // Two are named prior payer by the category and total charge by the coding of Medicare's behind it. In
    // the snapshots of version 3 the primary payer's amount and those of the lines are random.
    ("bfd", "header and lines", "prior_payer_paid", 9, 1_519_392),
    ("bfd", "header and lines", "submitted", 14, 404_743_266),
    ("bfd", "payment and header", "plan_paid", 9, 336_197_824),
    ("bfd", "payment and lines", "plan_paid", 9, 214_689),
    // The lines of two test claims come to 310 and 9,370, their total lines say 300 and 10,000; one
    // has a payment of 20 and lines that were paid nothing.
    ("bluebutton", "header and lines", "submitted", 2, 62_000),
    ("bluebutton", "payment and lines", "plan_paid", 1, 2_000),
    // An example whose line names its only allowed amount as the one of an earlier payer.
    ("carin", "header and lines", "allowed", 1, 5_652),
    // Examples with the totals of a longer claim, 2,650 and 620, over one line of 1,000 and 20.
    ("carin", "header and lines", "paid_to_provider", 4, 240_000),
    ("carin", "header and lines", "submitted", 8, 1_320_000),
];

/// In each connection, what stands is what moved.
fn assert_ledger_is_what_stands(home: &Home) {
    let apart = home.rows(
        "SELECT c.name,
           (SELECT coalesce(sum(plan_paid_cents), 0) FROM claim_current AS s WHERE s.connection_id = c.id) AS stands,
           (SELECT coalesce(sum(amount_cents), 0) FROM payment_ledger AS l WHERE l.connection_id = c.id) AS moved
         FROM connection AS c WHERE stands <> moved",
    );
    assert!(apart.is_empty(), "{apart:?}");
}

#[test]
fn what_does_not_agree_in_published_claims_is_the_senders() {
    let Some((_server, home)) = real_claims() else { return };
    let claims: i64 = home.value("SELECT count(*) FROM claim");
    assert!(claims > 800, "only {claims} claims");
    assert_ledger_is_what_stands(&home);
    let found = home.rows(
        "SELECT rtrim(c.name, '0123456789'), problem, kind, count(*), sum(difference_cents)
         FROM reconciliation AS r JOIN connection AS c ON c.id = r.connection_id
         GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
    );
    let known: Vec<Vec<String>> = OF_THE_SENDERS
        .iter()
        .map(|(set, problem, kind, claims, cents)| {
            vec![
                (*set).to_owned(),
                (*problem).to_owned(),
                (*kind).to_owned(),
                claims.to_string(),
                cents.to_string(),
            ]
        })
        .collect();
    assert_eq!(found, known);
    reconciled_rows::assert_each_is_the_senders(&home);
}

#[test]
fn everything_agrees_in_the_demo() {
    let home = Home::of_demo();
    assert!(home.value::<i64>("SELECT count(*) FROM claim") > 0);
    assert_ledger_is_what_stands(&home);
    assert_eq!(home.rows("SELECT * FROM reconciliation"), Vec::<Vec<String>>::new());
}

const MEDICARE: &str = "https://bluebutton.cms.gov/resources/codesystem/adjudication";
const VARIABLES: &str = "https://bluebutton.cms.gov/resources/variables";

fn amount(category: &str, variable: &str, value: f64) -> Value {
    json!({
        "category": {"coding": [
            {"system": "http://terminology.hl7.org/CodeSystem/adjudication", "code": category},
            {"system": MEDICARE, "code": format!("{VARIABLES}/{variable}")},
        ]},
        "amount": {"value": value, "currency": "USD"},
    })
}

fn line(sequence: u32, revenue: &str, adjudication: &[Value]) -> Value {
    json!({
        "sequence": sequence, "adjudication": adjudication,
        "revenue": {"coding": [{"system": "https://www.nubc.org/CodeSystem/RevenueCodes", "code": revenue}]},
    })
}

/// A hospital's claim with these lines and totals.
fn claim(id: &str, total: &[Value], lines: &[Value]) -> String {
    json!({
        "resourceType": "ExplanationOfBenefit", "id": id, "status": "active", "use": "claim",
        "type": {"coding": [{"code": "institutional"}]}, "patient": {"reference": "Patient/p"},
        "created": "2025-02-01", "outcome": "complete", "total": total, "item": lines,
    })
    .to_string()
}

#[test]
fn the_total_line_of_a_bill_is_no_line_to_add_to_the_others() {
    let charge = |value| amount("submitted", "rev_cntr_tot_chrg_amt", value);
    let refused = |value| amount("noncovered", "rev_cntr_ncvrd_chrg_amt", value);
    let paid = |value| amount("paidtoprovider", "rev_cntr_prvdr_pmt_amt", value);
    let lines = [
        line(1, "0301", &[charge(60.0), refused(0.0), paid(45.0)]),
        line(2, "0450", &[charge(240.25), refused(40.0), paid(150.5)]),
        line(3, "0001", &[charge(300.25), refused(40.0), paid(0.0)]),
    ];
    let wrong_total = [line(1, "0301", &[charge(60.0)]), line(2, "0001", &[charge(70.0)])];
    let member = json!({"resourceType": "Patient", "id": "p"}).to_string();
    let claims = [
        member,
        claim("headed", &[charge(300.25)], &lines),
        claim("lines-only", &[], &lines),
        claim("one-line", &[], &[line(1, "0001", &[charge(80.0), paid(20.0)])]),
        claim("wrong-total", &[], &wrong_total),
    ];
    let (server, home) = (Served::start(), Home::new());
    server.serve("hospital", &claims.join("\n"));
    server.connect(&home, &[("hospital", "hospital")]);
    home.succeed(&["sync"], "syncing bills");
    assert_eq!(
        home.rows("SELECT explanation_of_benefit_id, submitted_cents, noncovered_cents, plan_paid_cents FROM claim"),
        [
            ["headed", "30025", "4000", "19550"],
            ["lines-only", "30025", "4000", "19550"],
            ["one-line", "8000", "", "2000"],
            ["wrong-total", "7000", "", ""],
        ]
    );
    assert_eq!(
        home.rows(
            "SELECT explanation_of_benefit_id, count(*), sum(is_total), sum(submitted_cents), sum(plan_paid_cents)
             FROM claim_line GROUP BY 1"
        ),
        [
            ["headed", "3", "1", "30025", "19550"],
            ["lines-only", "3", "1", "30025", "19550"],
            ["one-line", "1", "0", "8000", "2000"],
            ["wrong-total", "2", "1", "6000", ""],
        ]
    );
    assert_eq!(
        home.rows(
            "SELECT explanation_of_benefit_id, problem, kind, difference_cents FROM reconciliation"
        ),
        [["wrong-total", "header and lines", "submitted", "1000"]]
    );
}

#[test]
fn lines_are_a_part_of_the_claim_where_some_state_no_amount() {
    let charge = |value| amount("submitted", "rev_cntr_tot_chrg_amt", value);
    let silent = line(1, "0510", &[]);
    let member = json!({"resourceType": "Patient", "id": "p"}).to_string();
    let claims = [
        member,
        claim("less", &[charge(100.0)], &[silent.clone(), line(2, "0301", &[charge(60.0)])]),
        claim("more", &[charge(50.0)], &[silent, line(2, "0301", &[charge(60.0)])]),
        claim("said", &[charge(100.0)], &[line(1, "0301", &[charge(60.0)])]),
    ];
    let (server, home) = (Served::start(), Home::new());
    server.serve("hospital", &claims.join("\n"));
    server.connect(&home, &[("hospital", "hospital")]);
    home.succeed(&["sync"], "syncing bills");
    assert_eq!(
        home.rows("SELECT explanation_of_benefit_id, difference_cents FROM reconciliation"),
        [["more", "-1000"], ["said", "4000"]]
    );
}

#[test]
fn what_several_earlier_payers_paid_adds_up() {
    let member = json!({"resourceType": "Patient", "id": "p"}).to_string();
    let line = line(
        1,
        "0301",
        &[
            amount("submitted", "rev_cntr_tot_chrg_amt", 100.0),
            amount("priorpayerpaid", "rev_cntr_1st_msp_pd_amt", 30.5),
            amount("priorpayerpaid", "rev_cntr_2nd_msp_pd_amt", 12.25),
        ],
    );
    let (server, home) = (Served::start(), Home::new());
    server.serve("hospital", &[member, claim("two", &[], &[line])].join("\n"));
    server.connect(&home, &[("hospital", "hospital")]);
    home.succeed(&["sync"], "syncing a bill");
    for mart in ["claim", "claim_line"] {
        let cents = format!("SELECT prior_payer_paid_cents FROM {mart}");
        assert_eq!(home.value::<i64>(&cents), 4_275, "{mart}");
    }
}

#[test]
fn lines_that_name_what_was_paid_by_different_kinds_add_up() {
    let of = |category: &str, value: f64| json!({"category": {"coding": [{"code": category}]}, "amount": {"value": value, "currency": "USD"}});
    let lines = json!([
        {"sequence": 1, "adjudication": [of("paidtoprovider", 5.0), of("benefit", 6.0), of("memberliability", 2.0)]},
        {"sequence": 2, "adjudication": [of("benefit", 3.0), of("copay", 1.0), of("deductible", 4.0)]},
        {"sequence": 3, "adjudication": [of("paidbypatient", 0.5)]},
    ]);
    let header = |codes: &[(&str, f64)]| -> Value {
        let totals: Vec<_> = codes.iter().map(|(code, value)| of(code, *value)).collect();
        json!({"item": lines, "total": totals})
    };
    let paid = json!({"item": lines, "payment": {"amount": {"value": 8.0, "currency": "USD"}}});
    let home = imported(&[
        claim_with("lines", header(&[])),
        claim_with("paid", paid),
        // A payment to somebody says more than a benefit, whoever states it.
        claim_with("benefit", header(&[("benefit", 9.0), ("copay", 7.0)])),
        claim_with("header", header(&[("paidtopatient", 1.0), ("memberliability", 7.0)])),
    ]);
    assert_eq!(
        ask(
            &home,
            "SELECT c.explanation_of_benefit_id, c.plan_paid_cents, sum(l.plan_paid_cents), c.member_cost_share_cents
             FROM claim AS c JOIN claim_line AS l USING (connection_id, explanation_of_benefit_id) GROUP BY 1 ORDER BY 1"
        ),
        ["benefit|800|800|750", "header|600|800|700", "lines|800|800|750", "paid|800|800|750"]
    );
    assert_eq!(
        ask(
            &home,
            "SELECT * FROM reconciliation WHERE explanation_of_benefit_id IN ('lines', 'paid')"
        )
        .len(),
        0
    );
}

/// A line, a detail or a sub-detail with what it states of itself and the parts below it.
fn part(stated: Value, below: &str, parts: &[Value]) -> Value {
    let mut part = json!({"sequence": 1});
    let members = part.as_object_mut().unwrap();
    members.extend(stated.as_object().unwrap().clone());
    if !parts.is_empty() {
        members.insert(below.to_owned(), parts.into());
    }
    part
}

fn charged(value: f64) -> Value {
    json!({"adjudication": [amount("submitted", "rev_cntr_tot_chrg_amt", value)]})
}

fn net(value: f64) -> Value {
    json!({"net": {"value": value, "currency": "USD"}})
}

#[test]
fn a_line_is_held_against_its_details_and_these_against_theirs() {
    let of_line =
        |stated: Value, details: &[Value]| json!({"item": [part(stated, "detail", details)]});
    let leaf = |stated: Value| part(stated, "", &[]);
    let detail = |stated: Value, below: &[Value]| part(stated, "subDetail", below);
    let second =
        json!({"item": [leaf(charged(5.0)), part(charged(10.0), "detail", &[leaf(charged(9.0))])]});
    let added = json!({"addItem": [part(charged(8.0), "detail", &[leaf(charged(3.5)), leaf(charged(3.5))])]});
    let home = imported(&[
        claim_with("right", of_line(charged(0.3), &[leaf(charged(0.1)), leaf(charged(0.2))])),
        claim_with("cent", of_line(charged(0.3), &[leaf(charged(0.1)), leaf(charged(0.19))])),
        claim_with("second-line", second),
        claim_with("added", added),
        // A part that is silent, of another kind, or a net beside a charge: nothing to hold it against.
        claim_with("silent", of_line(charged(9.0), &[leaf(charged(1.0)), leaf(json!({}))])),
        claim_with("no-line", of_line(json!({}), &[leaf(charged(1.0))])),
        claim_with("net-of-charge", of_line(charged(9.0), &[leaf(net(7.0))])),
        claim_with("nets", of_line(net(9.0), &[leaf(net(7.0))])),
        // What a detail does not say itself, all of its sub-details may.
        claim_with(
            "through",
            of_line(charged(9.0), &[detail(json!({}), &[leaf(charged(4.0)), leaf(charged(4.0))])]),
        ),
        claim_with(
            "through-some",
            of_line(charged(9.0), &[detail(json!({}), &[leaf(charged(4.0)), leaf(json!({}))])]),
        ),
        claim_with(
            "below",
            of_line(
                charged(9.0),
                &[
                    detail(charged(4.0), &[leaf(charged(3.0))]),
                    detail(charged(5.0), &[leaf(charged(2.0)), leaf(charged(0.5))]),
                ],
            ),
        ),
    ]);
    assert_eq!(
        ask(
            &home,
            "SELECT explanation_of_benefit_id, problem, kind, line_key, difference_cents FROM reconciliation ORDER BY 1"
        ),
        [
            "added|line and details|submitted|0|100",
            "below|detail and sub-details|submitted|0|250",
            "cent|line and details|submitted|0|1",
            "nets|line and details|submitted|0|200",
            "second-line|line and details|submitted|1|100",
            "through|line and details|submitted|0|100",
        ]
    );
    home.succeed(&["verify"], "verifying the marts");
}

#[test]
fn a_void_that_takes_back_nothing_is_told_whatever_its_amounts() {
    let charged = json!([amount("submitted", "clm_tot_chrg_amt", 200.0)]);
    let paid = |day: &str| {
        json!({"type": {"coding": [{"code": "institutional"}]}, "total": charged, "billablePeriod": {"start": day},
            "payment": {"amount": {"value": 100.0, "currency": "USD"}}})
    };
    let void = |day: &str, named: &[&str]| {
        let related = |id: &&str| {
            json!({"claim": {"reference": format!("ExplanationOfBenefit/{id}")},
            "relationship": {"coding": [{"code": "prior"}]}})
        };
        let mut void = json!({"type": {"coding": [{"code": "institutional"}]}, "total": charged, "created": "2025-02-01",
            "billablePeriod": {"start": day}, "supportingInfo": [{"sequence": 1,
                "category": {"coding": [{"code": "typeofbill"}]}, "code": {"coding": [{"code": "0118"}]}}]});
        if !named.is_empty() {
            void["related"] = named.iter().map(related).collect();
        }
        void
    };
    let (mut cancelled, mut later) = (paid("2025-01-15"), paid("2025-01-11"));
    cancelled["status"] = json!("cancelled");
    later["created"] = json!("2025-02-09");
    let home = imported(&[
        claim_with("paid", paid("2025-01-02")),
        claim_with("void", void("2025-01-02", &[])),
        claim_with("paid-and-named", paid("2025-01-20")),
        claim_with("void-of-named", void("2025-01-20", &["paid-and-named"])),
        // No amount is wrong: the voided claim is cancelled already, or is not here.
        claim_with("paid-and-cancelled", cancelled),
        claim_with("void-of-cancelled", void("2025-01-15", &[])),
        claim_with("void-of-nothing", void("2025-01-11", &[])),
        claim_with("later", later),
    ]);
    let stands = "SELECT explanation_of_benefit_id FROM claim_current ORDER BY 1";
    assert_eq!(ask(&home, stands), ["later", "paid"]);
    let told = "SELECT explanation_of_benefit_id, problem FROM reconciliation
        UNION ALL SELECT record_id, severity FROM data_quality WHERE rule = 'reversal without payment'";
    assert_eq!(ask(&home, told), ["void|reversal without payment", "void|error"]);
}
