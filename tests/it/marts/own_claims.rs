//! Claims of our own with known answers: each file below `tests/fixtures/claims` is what one plan
//! serves for one member. The published cases, where they are, ask for more (`claims_cases.rs`).

use crate::support::{Home, Served};
use std::fs;

/// A file, the claims that stand, and the cents that the plan paid for them.
const STANDING: &[(&str, &[&str], i64)] = &[
    ("amounts_as_text", &["big", "e"], 1_600),
    ("bill_frequency_8", &[], 0),
    ("chain", &["a2"], 3_000),
    ("claim_of_another_server", &["a", "o"], 3_000),
    ("correction_of_a_reversal", &["a"], 3_300),
    ("difference", &["d"], 8_000),
    ("difference_of_its_number", &["d"], 7_475),
    ("drafts", &["o"], 1_000),
    ("interim_bills", &["i1", "i2", "i3", "j1", "j2"], 2_900),
    ("late_charges", &["late", "late2", "o", "q"], 3_150),
    (
        "named_in_other_ways",
        &["contained_claim", "frequency_6", "frequency_i", "second_number"],
        26_000,
    ),
    ("number_of_another_system", &["a", "o"], 3_000),
    ("numbers_as_written", &["a1", "a2", "a4"], 6_600),
    ("one_reversal_for_one_payment", &["again"], 5_000),
    ("replaced_forward", &["a"], 2_200),
    ("replaced_on_one_day", &["other"], 550),
    ("replaced_under_its_number", &["a"], 7_550),
    ("reversal", &["a"], 8_025),
    ("reversals_told_otherwise", &[], 0),
    ("reversal_in_another_currency", &[], 0),
    ("reversal_of_cancelled", &["other"], 1_250),
    ("revised_without_a_word", &["n", "q"], 2_500),
    ("same_day_correction", &["a"], 6_150),
    ("same_day_fill", &["h"], 1_240),
    ("second_codings", &["a", "b"], 4_100),
    ("versions_by_instant", &["day", "junk", "west"], 9_800),
    ("void_then_correction", &["a"], 4_400),
];

/// A file, what is asked of its rows, and the answer.
const ANSWERS: &[(&str, &str, &[&str])] = &[
    (
        "provider_of_another_server",
        "explanation_of_benefit_id || ' ' || coalesce(provider_id, '-') || ' ' || coalesce(provider_npi, '-') FROM claim",
        &["here 12 1111111112", "there - -", "urn - -"],
    ),
    (
        "provider_by_role",
        "explanation_of_benefit_id || ' ' || provider_name || ' ' || provider_npi FROM claim",
        &["contained The Contained One 1333333331", "role Vera Role 1222222228"],
    ),
    (
        "category_repeats",
        "noncovered_cents || ' ' || prior_payer_paid_cents || ' ' || copay_cents FROM claim_line",
        &["3525 1475 500"],
    ),
    ("category_repeats", "deductible_cents FROM claim", &["750"]),
    (
        "details_and_added_lines",
        "explanation_of_benefit_id || ' ' || submitted_cents || ' ' || benefit_cents FROM claim",
        &["added 1225 725", "added-details 600 175", "details 1500 900", "sub-details 600 300"],
    ),
    (
        "older_names",
        "submitted_cents || ' ' || allowed_cents || ' ' || deductible_cents || ' ' || coinsurance_cents || ' ' ||
           copay_cents || ' ' || noncovered_cents || ' ' || prior_payer_paid_cents FROM claim",
        &["20000 15000 6000 1100 500 5000 700"],
    ),
    (
        "mixed_currencies",
        "explanation_of_benefit_id || ' ' || is_mixed_currency || ' ' || coalesce(plan_paid_cents, '-') FROM claim",
        &["one 0 1000", "two 1 -"],
    ),
    ("mixed_currencies", "problem FROM reconciliation", &["mixed currencies"]),
    ("same_day_fill", "count(*) FROM medication_fill", &["1"]),
    ("reversal_in_another_currency", "explanation_of_benefit_id || ' ' || problem FROM reconciliation", &["r reversal in another currency"]),
    ("reversal_in_another_currency", "coalesce(reverses_id, '-') FROM claim", &["-", "-"]),
    // What is no number is NULL, counted, and no part of a sum.
    ("amounts_as_text", "coalesce(submitted_cents, '-') FROM claim", &["-", "-"]),
    ("amounts_as_text", "DISTINCT path FROM mistyped_path", &["ExplanationOfBenefit.total.amount.value"]),
    ("fills", "ndc_code || ' ' || CAST(days_supply AS INTEGER) FROM medication_fill", &["00093310905 30"; 4]),
    ("spans", "coverage_id FROM enrollment WHERE is_open", &["far", "open"]),
    ("spans", "coverage_id FROM enrollment WHERE is_backward", &["backward"]),
    (
        "spans",
        "coverage_id || ' ' || coalesce(coverage_start_date, '-') || ' ' || coalesce(coverage_end_date, '-') FROM enrollment",
        &[
            "backward 2025-05-01 2025-04-01",
            "cancelled 2024-01-01 -",
            "far 2024-01-01 2099-12-31",
            "no-date - -",
            "open 2024-01-01 -",
            "past 2023-01-01 2023-12-31",
        ],
    ),
    (
        "dates",
        "explanation_of_benefit_id || ' ' || coalesce(service_start_date, '-') || ' ' || coalesce(service_end_date, '-') || ' ' ||
           coalesce(created_date, '-') FROM claim",
        &["full 2025-01-02 2025-01-02 2025-02-03", "month 2025-01-01 2025-01-31 2025-02-01", "never - - -"],
    ),
    (
        "costs",
        "explanation_of_benefit_id || ' ' || member_cost_share_cents FROM claim",
        &["liability 3350", "paid 900", "parts 1275"],
    ),
];

/// A home that has synced every file as a plan and a connection of its name.
pub(crate) fn synced() -> (Served, Home) {
    let (server, home) = (Served::start(), Home::new());
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/claims");
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        server.serve(&name, &fs::read_to_string(path).unwrap());
        names.push(name);
    }
    names.sort();
    let connections: Vec<_> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    server.connect(&home, &connections);
    home.succeed(&["sync"], "syncing the claims");
    (server, home)
}

/// Values of the rows of one connection, in order.
fn ask(home: &Home, file: &str, asked: &str) -> Vec<String> {
    let word = if asked.contains(" WHERE ") { "AND" } else { "WHERE" };
    home.rows(&format!(
        "SELECT {asked} {word} connection_id = (SELECT id FROM connection WHERE name = '{file}') ORDER BY 1"
    ))
    .concat()
}

#[test]
fn claims_stand_as_their_payers_meant() {
    let (_server, home) = synced();
    for (file, standing, cents) in STANDING {
        assert_eq!(
            ask(&home, file, "explanation_of_benefit_id FROM claim_current"),
            *standing,
            "{file}"
        );
        let paid = "coalesce(sum(plan_paid_cents), 0) FROM claim_current";
        assert_eq!(ask(&home, file, paid), [cents.to_string()], "{file}: what stands");
        let moved = "coalesce(sum(amount_cents), 0) FROM payment_ledger";
        assert_eq!(ask(&home, file, moved), [cents.to_string()], "{file}: what moved");
    }
    let wrong: Vec<_> = ANSWERS
        .iter()
        .map(|(file, asked, answer)| (file, asked, answer, ask(&home, file, asked)))
        .filter(|(_, _, answer, found)| found != *answer)
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}
