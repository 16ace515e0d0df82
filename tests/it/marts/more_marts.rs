//! Marts over claims, coverage, drugs and results of our own, with answers worked out by hand: one
//! member who consented twice at one plan, another person at another plan.

use crate::support::{Home, Served};

/// A question and its answer: rows in order, values separated by bars, NULL empty.
type Answer = (&'static str, &'static [&'static str]);

/// Spend, by its sums. The voided, the replaced and the mixed claim pay nothing.
const SPEND: &[Answer] = &[
    (
        "SELECT plan, member_id, month_date, kind, category, claim_count, line_count, plan_paid_cents, currency
         FROM spend_by_month WHERE connection_id <> 3 ORDER BY month_date, kind, category, currency",
        &[
            // No day of service: c5 and one fill.
            "north|c1||pharmacy|pharmacy|1|1|150|USD",
            "north|c1||professional|other|1|0|700|USD",
            "north|c1|2024-03-01|professional|office|1|1|1100|EUR",
            "north|c1|2024-03-01|professional|office|2|2|36015|USD",
            "north|c1|2024-04-01|professional|other|1|0||",
            "north|c1|2025-01-01|pharmacy|pharmacy|2|2|300|USD",
            "north|c1|2025-01-01|professional|other|1|0|0|USD",
            "north|c1|2025-02-01|pharmacy|pharmacy|1|1|150|USD",
            // Two lines, the first in an emergency room.
            "north|c1|2025-02-01|professional|emergency|1|2|8000|USD",
            // An emergency room's line, but the member stayed.
            "north|c1|2025-03-01|institutional|inpatient|1|1|100000|USD",
            "north|c1|2025-04-01|pharmacy|pharmacy|1|1|150|USD",
            "north|c1|2025-05-01|pharmacy|pharmacy|1|1|150|USD",
        ],
    ),
    ("SELECT DISTINCT category FROM spend_by_month WHERE connection_id = 3", &["telehealth"]),
    // Sums are those of the claims that stand, and a prior authorization is in neither.
    (
        "SELECT sum(claim_count), sum(line_count), sum(plan_paid_cents), sum(deductible_cents), sum(copay_cents),
                round(sum(plan_paid_amount), 2), (SELECT count(*) FROM prior_authorization) FROM spend_by_month",
        &["15|13|147949|36000|3550|1479.49|1"],
    ),
    (
        "SELECT count(*), sum(line_count), sum(plan_paid_cents), sum(deductible_cents), sum(copay_cents) FROM claim_current",
        &["15|13|147949|36000|3550"],
    ),
    (
        "SELECT (SELECT count(*) FROM claim WHERE explanation_of_benefit_id = 'pa') ||
                (SELECT count(*) FROM claim_line WHERE explanation_of_benefit_id = 'pa') ||
                (SELECT count(*) FROM procedure_occurrence WHERE record_id = 'pa') ||
                (SELECT count(*) FROM payment_ledger WHERE explanation_of_benefit_id = 'pa') ||
                (SELECT count(*) FROM accumulator WHERE used_cents >= 999900)",
        &["00000"],
    ),
];

const ACCUMULATORS: &[Answer] = &[(
    "SELECT coalesce(coverage_id, '-'), coalesce(plan_year_start_date, '-'), plan_year_end_date, kind, claim_count, used_cents,
            payer_used_cents, difference_cents, limit_cents, remaining_cents, payer_claim_id, currency
     FROM accumulator WHERE connection_id <> 3 AND used_cents IS NOT NULL ORDER BY 1, 2, kind DESC, currency",
    &[
        // A coverage that is not here: the calendar year. It states what the member paid, and no part of it.
        "lost|2025-01-01|2025-12-31|out of pocket|1|3000||||||USD",
        // The coverage's own span: 100.00 of c1; and 100.00 + 20.00 of c1, 10.01 of c2b.
        "med|2024-01-01|2024-12-31|out of pocket|2|13001||||||USD",
        "med|2024-01-01|2024-12-31|deductible|2|10000||||||USD",
        // 250.00 and 10.00; and 15.50 more. The payer's: the later claim's, individual, in the network.
        "med25|2025-01-01|2025-12-31|out of pocket|7|27550|27550|0|300000|272450|c6|USD",
        "med25|2025-01-01|2025-12-31|deductible|7|26000|26000|0|100000|74000|c6|USD",
    ],
)];

const DRUGS: &[Answer] = &[
    (
        "SELECT drug, fill_count, unplaced_fill_count, first_fill_date, last_fill_date, covered_until_date, supplied_days,
                period_days, gap_days, gap_count, longest_gap_days, proportion_of_days_covered
         FROM medication_adherence ORDER BY drug",
        &[
            // January 1 to 30; the early fill from January 31 to March 1; April 1 to 30. One fill has
            // no day, one no days of supply, and a cancelled one does not count.
            "000933109|3|2|2025-01-01|2025-04-01|2025-04-30|90|120|30|1|30|0.75",
            "12345|1|0|2025-02-01|2025-02-01|2025-02-10|10|10|0|0|0|1",
        ],
    ),
    (
        "SELECT drug, gap_start_date, gap_end_date, gap_days FROM medication_gap",
        &["000933109|2025-03-02|2025-03-31|30"],
    ),
];

const RECORDS: &[Answer] = &[
    (
        "SELECT source, record_id, position, code, vocabulary, procedure_date, procedure_end_date, is_current
         FROM procedure_occurrence WHERE connection_id <> 3 AND source <> 'claim line' ORDER BY 2",
        &[
            "claim|c7|0|0SRC0J9|ICD-10-PCS|2025-03-02|2025-03-02|1",
            "procedure|pr1||609588000|SNOMED CT|2025-03-02|2025-03-03|1",
            "procedure|pr2||1|SNOMED CT|||0",
        ],
    ),
    (
        "SELECT group_concat(record_id || ' ' || is_current, ', ') FROM (SELECT * FROM procedure_occurrence
         WHERE source = 'claim line' AND code IN ('99214', '99215') AND connection_id <> 3 ORDER BY record_id)",
        &["c2a 0, c2b 1, c3 0, c3v 0, c6 1"],
    ),
    (
        "SELECT observation_id, component_index, result_date, value, value_text, unit, is_abnormal, previous_value, previous_date,
                change_value, trend FROM lab_result ORDER BY observation_id, component_index",
        &[
            "o1||2024-01-10|5||%|0||||",
            "o2||2024-07-10|7.1||%|1|5|2024-01-10|2.1|up",
            "o4||2024-09-10|54||mmol/mol|||||",
            "o5|||7||%|1||||",
            "o6||2025-01-10|7.1||%|1|7.1|2024-07-10|0|same",
            "o7||2025-01-10|6.4||%|1|7.1|2025-01-10|-0.7|down",
            "o8||2024-02-01||positive||1||||",
            "panel|0|2024-03-01|11||g/dL|1||||",
        ],
    ),
];

const MEMBERS: &[Answer] = &[
    (
        "SELECT count(*), sum(is_first), sum(is_whole_month), sum(coverage_count) FROM member_month
         WHERE connection_id <> 3 AND month_date < '2025-01-01'",
        // Twelve months of the first coverage; three have the second one, too.
        &["12|12|12|15"],
    ),
    (
        "SELECT coverage_id, first_covered_date, last_covered_date, is_whole_month, payer_name FROM member_month
         WHERE connection_id = 1 AND month_date IN ('2024-02-01', '2025-05-01')",
        &["med|2024-02-01|2024-02-29|1|North Health", "med25|2025-05-01|2025-05-31|1|North Health"],
    ),
    ("SELECT count(*) FROM member_month WHERE connection_id = 3", &["2"]),
    (
        "SELECT connection_id, npi, is_valid, name, provider_count, claim_count, connection_count, plan_count FROM provider_npi
         WHERE connection_id <> 2 ORDER BY 1, 2",
        &[
            "1|1234567890|0|North Hospital|1|1|2|1",
            // Paid for c1 and c2b; the first of two names.
            "1|1234567893|1|D. Able|1|2|3|2",
            "3|1234567893|1|D. Able|1|1|3|2",
        ],
    ),
    // Each provider once, though two of the connections are of one plan.
    (
        "SELECT npi, count(*), sum(is_first), min(CASE is_first WHEN 1 THEN connection_id END) FROM provider_npi GROUP BY npi ORDER BY 1",
        &["1234567890|2|1|1", "1234567893|3|1|1"],
    ),
];

const QUALITY: &[Answer] = &[
    (
        "SELECT rule, severity, record_id, detail FROM data_quality
         WHERE connection_id = 1 AND rule NOT IN ('claim without lines', 'coverage not here') ORDER BY 1, 3",
        &[
            "end before start|error|backward|coverage from 2025-05-01 to 2025-04-01",
            "end before start|error|c7|service from 2025-03-04 to 2025-03-01",
            "fill without days of supply|warning|f5|claim of 00093310905",
            "invalid NDC|warning|f7|12345",
            "invalid NPI|warning|c7|1234567890",
            "invalid NPI|warning|h1|1234567890",
            "mixed currencies|error|c4|mixed currencies",
            "undated claim|warning|c5|no day of service",
            "undated claim|warning|f4|no day of service",
            "undated fill|warning|f4|claim of 00093310905",
        ],
    ),
    (
        "SELECT rule, record_id, detail FROM data_quality WHERE connection_id = 1 AND rule = 'coverage not here' ORDER BY 2",
        &["coverage not here|c5|no coverage", "coverage not here|c7|coverage lost"],
    ),
    (
        "SELECT rule, detail FROM data_quality WHERE connection_id = 3 ORDER BY 1",
        &[
            "service before birth|service on 2024-03-05, born on 2024-06-01",
            "service outside coverage|service on 2024-03-05, coverage from 2024-01-01 to 2024-02-29",
        ],
    ),
];

fn told(home: &Home, question: &str) -> Vec<String> {
    home.rows(question).iter().map(|row| row.join("|")).collect()
}

/// A home that has synced both plans: the first member twice, then the other.
pub(crate) fn synced() -> (Served, Home) {
    let (server, home) = (Served::start(), Home::new());
    for plan in ["north", "south"] {
        let file = format!("{}/tests/fixtures/marts/{plan}.ndjson", env!("CARGO_MANIFEST_DIR"));
        server.serve(plan, &std::fs::read_to_string(file).unwrap());
    }
    server.connect(&home, &[("first", "north"), ("second", "north"), ("other", "south")]);
    home.succeed(&["sync"], "connecting three times");
    (server, home)
}

#[test]
fn marts_answer_what_was_worked_out_by_hand() {
    let (_server, home) = synced();
    let all = [SPEND, ACCUMULATORS, DRUGS, RECORDS, MEMBERS, QUALITY].concat();
    for (question, answer) in all {
        assert_eq!(told(&home, question), answer, "{question}");
    }
}

#[test]
fn changes_between_runs_are_told_in_words() {
    let (server, home) = synced();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/marts/north.ndjson");
    let before = std::fs::read_to_string(file).unwrap();
    let after: String = before
        .lines()
        .filter(|line| !line.contains(r#""id":"c5""#))
        .map(|line| line.replace("300.1,", "310.25,") + "\n")
        .collect();
    let first: i64 = home.value("SELECT max(id) FROM sync_run");
    let events = |condition: &str| {
        told(
            &home,
            &format!(
                "SELECT change, resource_id, what, before_words, after_words FROM changes
                 WHERE connection_id = 1 AND {condition} ORDER BY changed_at, resource_id"
            ),
        )
    };
    let came: i64 = home.value("SELECT count(*) FROM resource WHERE connection_id = 1");
    assert_eq!(events(&format!("run_id = {first} AND change = 'came'")).len() as i64, came);
    server.serve("north", &after);
    home.succeed(&["sync", "--full"], "a change");
    home.succeed(&["sync", "--full"], "a look to make sure");
    assert_eq!(
        events(&format!("run_id > {first} AND change = 'changed'")),
        [
            "changed|c1|professional claim of 2024-03-05 by Dora Able, plan paid 310.25|active, paid 300.1|active, paid 310.25"
        ]
    );
    assert_eq!(events("change = 'went'"), ["went|c5|ExplanationOfBenefit|active, paid 7.0|"]);
    let last: i64 = home.value("SELECT max(id) FROM sync_run");
    server.serve("north", &before);
    home.succeed(&["sync", "--full"], "a return");
    assert_eq!(
        events(&format!("run_id > {last} AND change = 'came back'")),
        ["came back|c5|professional claim of an unknown day, plan paid 7.00||"]
    );
    assert_eq!(events("change = 'went'").len(), 1);
    assert_eq!(events("change = 'changed'").len(), 2);
}

#[test]
fn a_version_nested_too_deep_for_sqlite_has_its_change_all_the_same() {
    let (server, home) = synced();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/marts/north.ndjson");
    let before = std::fs::read_to_string(file).unwrap();
    server.serve("north", &before.replace("300.1,", "310.25,"));
    home.succeed(&["sync", "--full"], "a change");
    let words = || {
        let asked = "SELECT before_words, after_words FROM changes WHERE connection_id = 1 AND change = 'changed'";
        told(&home, asked)
    };
    assert_eq!(words(), ["active, paid 300.1|active, paid 310.25"]);
    let deep = "[".repeat(2_100) + &"]".repeat(2_100);
    for (table, expected) in [
        ("resource_version", "nested too deep to read|active, paid 310.25"),
        ("resource", "nested too deep to read|nested too deep to read"),
    ] {
        home.warehouse().execute(&format!("UPDATE {table} SET json = ?1"), [&deep]).unwrap();
        assert_eq!(words(), [expected]);
    }
}

#[test]
fn freshness_counts_days_through_leap_years() {
    let (_server, home) = synced();
    let newest = "SELECT newest_service_date FROM data_freshness
                  WHERE connection_id = 1 AND resource_type = 'ExplanationOfBenefit'";
    assert_eq!(told(&home, newest), ["2025-05-01"]);
    home.warehouse()
        .execute(
            "UPDATE sync_walk SET walk_started_at = date('2000-02-27', '+' || (id * 37) || ' days') || 'T08:00:00.000Z'",
            [],
        )
        .unwrap();
    let days: i64 = home.value("SELECT count(DISTINCT days_since_complete) FROM data_freshness");
    assert!(days > 60, "{days}");
    let wrong = "SELECT complete_as_of_date, days_since_complete FROM data_freshness
                 WHERE days_since_complete <> julianday(CURRENT_DATE) - julianday(complete_as_of_date)";
    assert_eq!(told(&home, wrong), Vec::<String>::new());
}
