//! Claims with known answers: a plan serves one invented member, and the marts are asked what stands,
//! what was paid and what moved.

use crate::support::{Home, Served, shared};
use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

/// A home that has synced each case as a plan and a connection of its name.
fn synced(cases: &BTreeMap<String, String>) -> (Served, Home) {
    let (server, home) = (Served::start(), Home::new());
    cases.iter().for_each(|(name, ndjson)| server.serve(name, ndjson));
    let connections: Vec<(&str, &str)> =
        cases.keys().map(|name| (name.as_str(), name.as_str())).collect();
    server.connect(&home, &connections);
    home.succeed(&["sync"], "syncing the cases");
    (server, home)
}

fn read(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> BTreeMap<String, String> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "ndjson"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), path))
        .filter(|(name, _)| is_wanted(name))
        .map(|(name, path)| (name, fs::read_to_string(path).unwrap()))
        .collect()
}

/// Ids, or other texts, of one connection's rows.
fn of(home: &Home, name: &str, column: &str, rest: &str) -> Vec<String> {
    home.rows(&format!(
        "SELECT {column} FROM {rest} AND connection_id = (SELECT id FROM connection WHERE name = '{name}')
         ORDER BY 1"
    ))
    .concat()
}

fn cents(value: &Value) -> Option<i64> {
    value.as_f64().map(|amount| (amount * 100.0).round() as i64)
}

#[test]
fn every_shared_case_has_its_answer() {
    let Some(folder) = shared("cases/claims") else { return };
    let text = fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let (_server, home) = synced(&read(&folder, |name| !name.starts_with("x_")));
    for (name, answer) in &expected {
        let sum = |of: &str, table: &str| -> Option<i64> {
            home.value(&format!(
                "SELECT sum({of}) FROM {table} WHERE connection_id =
                   (SELECT id FROM connection WHERE name = '{name}')"
            ))
        };
        if let Some(current) = answer.get("current").and_then(Value::as_array) {
            let current: Vec<&str> = current.iter().filter_map(Value::as_str).collect();
            let found = of(&home, name, "explanation_of_benefit_id", "claim_current WHERE true");
            assert_eq!(found, current, "{name}: {}", answer["why"]);
        }
        for (key, column, table) in [
            ("plan_paid", "plan_paid_cents", "claim_current"),
            ("ledger", "amount_cents", "payment_ledger"),
        ] {
            if let Some(wanted) = answer.get(key).and_then(cents) {
                assert_eq!(
                    sum(column, table).unwrap_or(0),
                    wanted,
                    "{name}: {key}: {}",
                    answer["why"]
                );
            }
        }
        assert_eq!(
            sum("plan_paid_cents", "claim_current").unwrap_or(0),
            sum("amount_cents", "payment_ledger").unwrap_or(0),
            "{name}: the ledger is not what stands"
        );
    }
    let days = of(&home, "p01_days_supply_forms", "days_supply", "medication_fill WHERE true");
    assert_eq!(days, ["30"; 4]);
    let fills = of(&home, "p02_fill_reversal_negative", "source_id", "medication_fill WHERE true");
    assert!(fills.is_empty(), "{fills:?}");
    for table in ["medication_fill", "claim_line"] {
        let codes = of(&home, "p04_ndc_formats", "ndc_code", &format!("{table} WHERE true"));
        assert_eq!(codes, ["00093310905"; 5], "{table}");
    }
    let line = "noncovered_cents || ' ' || copay_cents";
    assert_eq!(
        of(&home, "m02_item_category_repeats", line, "claim_line WHERE true"),
        ["4250 1500"]
    );
    let claim = "deductible_cents || ' ' || coinsurance_cents || ' ' || copay_cents || ' ' ||
                 noncovered_cents || ' ' || prior_payer_paid_cents || ' ' || allowed_cents";
    assert_eq!(
        of(&home, "m07_humana_names", claim, "claim WHERE true"),
        ["80243 1100 500 103630 700 81843"]
    );
    let mixed = "explanation_of_benefit_id || ' ' || is_mixed_currency || ' ' || coalesce(plan_paid_cents, '-')";
    assert_eq!(
        of(&home, "m06_two_currencies", mixed, "claim WHERE true"),
        ["E1 0 10000", "E2 0 10000", "E3 1 -"]
    );
    let provider = "provider_name || ' ' || provider_npi";
    assert_eq!(
        of(&home, "k02_practitionerrole_provider", provider, "claim WHERE true"),
        ["Meredith Gray 1888888888"]
    );
    assert_eq!(
        of(&home, "k01_contained", provider, "claim WHERE true"),
        ["Contained Clinic 1992999999"]
    );
    let open = of(&home, "e01_spans", "coverage_id", "enrollment WHERE is_open = 1");
    assert_eq!(open, ["c1", "s3", "s4", "s7"]);
    assert_eq!(of(&home, "e01_spans", "coverage_id", "enrollment WHERE is_backward = 1"), ["s5"]);
    let part = "coverage_id || ' ' || medicare_part";
    assert_eq!(
        of(&home, "e02_medicare_parts", part, "enrollment WHERE medicare_part IS NOT NULL"),
        ["part-a-1 A", "part-d-1 D"]
    );
}

/// The same member at one plan twice, and at another plan, with the person's marts.
#[test]
fn a_member_who_is_connected_twice_is_counted_once() {
    let Some(folder) = shared("cases/claims") else { return };
    let cases = read(&folder, |name| name.starts_with("x_"));
    let (server, home) = (Served::start(), Home::new());
    server.serve("a", &cases["x_planA"]);
    server.serve("b", &cases["x_planB"]);
    server.connect(&home, &[("first", "a"), ("again", "a"), ("other", "b")]);
    home.succeed(&["sync"], "syncing the cases");
    let sums = "SELECT count(*), sum(plan_paid_cents) FROM claim_current";
    assert_eq!(home.rows(sums), [["2", "10000"]]);
    assert_eq!(home.value::<i64>("SELECT sum(amount_cents) FROM payment_ledger"), 10_000);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM enrollment"), 2);
    let members =
        "SELECT connection_name, member_id, coalesce(evidence, '-'), is_repeated FROM member
                   ORDER BY connection_id";
    assert_eq!(
        home.rows(members),
        [
            ["first", "c1", "-", "1"],
            ["again", "c1", "same patient", "1"],
            ["other", "c3", "-", "0"]
        ]
    );
    // A purge of the first leaves the other's rows, now as the only ones.
    home.succeed(&["purge", "first", "--yes"], "purging");
    assert_eq!(home.rows(sums), [["2", "10000"]]);
    assert_eq!(home.rows(members), [["again", "c2", "-", "0"], ["other", "c3", "-", "0"]]);
}

/// The label says that two plans' members are one person: each plan's share is there.
#[test]
fn a_label_makes_one_person_of_two_plans() {
    let Some(folder) = shared("cases/claims") else { return };
    let cases = read(&folder, |name| name.starts_with("x_"));
    let (server, home) = (Served::start(), Home::new());
    server.serve("a", &cases["x_planA"]);
    server.serve("b", &cases["x_planB"]);
    server.connect(&home, &[]);
    for (name, plan) in [("first", "a"), ("other", "b")] {
        home.succeed(&["connect", name, "--plan", plan, "--member", "jan"], "connecting");
    }
    home.succeed(&["sync"], "syncing the cases");
    let shares = "SELECT m.member_id, m.plan, sum(c.plan_paid_cents)
                  FROM claim_current c JOIN member m USING (connection_id, patient_id)
                  GROUP BY m.member_id, m.plan ORDER BY m.plan";
    assert_eq!(home.rows(shares), [["jan", "a", "8000"], ["jan", "b", "2000"]]);
    assert_eq!(home.value::<i64>("SELECT count(DISTINCT member_id) FROM member"), 1);
}
