//! Families of claims that share numbers, days, amounts and links as chance wills: what stands is what
//! moved, and the order in which files arrive decides nothing.

use crate::{complete::model::dice::Dice, support::Home};
use chrono::{Days, NaiveDate};
use serde_json::{Value, json};
use std::fs;

const FAMILIES: usize = 250;
const NUMBERS: &str = "https://plan.example/claim-number";

/// Up to six claims of one day of service.
pub(crate) fn family(dice: &mut Dice, at: usize) -> Vec<String> {
    let served = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap() + Days::new(at as u64);
    let count = 2 + dice.roll(5);
    (0..count).map(|place| claim(dice, at, place, count, served)).collect()
}

fn claim(dice: &mut Dice, at: usize, place: usize, count: usize, served: NaiveDate) -> String {
    let paid: Option<i64> = dice.pick(&[
        Some(100),
        Some(100),
        Some(80),
        Some(60),
        Some(-100),
        Some(-80),
        Some(-20),
        Some(0),
        None,
    ]);
    let currency = if dice.one_in(12) { "CAD" } else { "USD" };
    let charged = if paid.is_some_and(|paid| paid < 0) { -200 } else { 200 };
    let money = |value: i64| json!({"value": value, "currency": currency});
    let status = match dice.roll(12) {
        0 | 1 => "cancelled",
        2 => "draft",
        _ => "active",
    };
    let related: Vec<Value> = (0..dice.roll(3)).map(|_| relation(dice, at, count)).collect();
    let mut claim = json!({
        "resourceType": "ExplanationOfBenefit", "id": format!("f{at}-{place}"),
        "meta": {"lastUpdated": format!("2025-04-{:02}T00:00:00Z", 1 + dice.roll(28))},
        "status": status, "use": "claim", "outcome": "complete",
        "type": {"coding": [{
            "system": "http://terminology.hl7.org/CodeSystem/claim-type",
            "code": dice.pick(&["institutional", "institutional", "professional"]),
        }]},
        "patient": {"reference": "Patient/p"},
        "created": format!("2025-0{}-0{}", 1 + dice.roll(3), 1 + dice.roll(3)),
        "billablePeriod": {"start": served.to_string()},
        "identifier": [{
            "type": {"coding": [{"code": "uc"}]}, "system": NUMBERS,
            "value": format!("n{at}-{}", dice.roll(3)),
        }],
        "total": [{
            "category": {"coding": [{
                "system": "http://terminology.hl7.org/CodeSystem/adjudication", "code": "submitted",
            }]},
            "amount": money(charged),
        }],
        "related": related,
    });
    if let Some(paid) = paid {
        claim["payment"] = json!({"amount": money(paid)});
    }
    if dice.one_in(7) {
        let bill = format!("13{}", dice.pick(&["1", "7", "8", "8"]));
        claim["supportingInfo"] = json!([{
            "sequence": 1, "category": {"coding": [{"code": "typeofbill"}]},
            "code": {"coding": [{"code": bill}]},
        }]);
    }
    claim.to_string()
}

fn relation(dice: &mut Dice, at: usize, count: usize) -> Value {
    let word =
        dice.pick(&["prior", "prior", "replaces", "replacedby", "replaced", "associated", ""]);
    let other = match dice.one_in(3) {
        true => {
            json!({"identifier": {"system": NUMBERS, "value": format!("n{at}-{}", dice.roll(3))}})
        }
        false => json!({"reference": format!("ExplanationOfBenefit/f{at}-{}", dice.roll(count))}),
    };
    match word {
        "" => json!({"claim": other}),
        word => json!({"claim": other, "relationship": {"coding": [{"code": word}]}}),
    }
}

fn imported(files: &[&[String]]) -> Home {
    let home = Home::new();
    for (at, lines) in files.iter().enumerate() {
        let file = home.file(&format!("claims-{at}.ndjson"));
        fs::write(&file, lines.join("\n")).unwrap();
        home.succeed(&["import", "member", file.to_str().unwrap()], "importing claims");
    }
    home
}

#[test]
fn what_stands_is_what_moved_in_any_claims_and_any_order() {
    let mut dice = Dice::new(20_261_127);
    let member = json!({"resourceType": "Patient", "id": "p"}).to_string();
    let mut claims: Vec<String> = (0..FAMILIES).flat_map(|at| family(&mut dice, at)).collect();
    let whole: Vec<String> = [member.clone()].into_iter().chain(claims.iter().cloned()).collect();
    let home = imported(&[&whole]);
    let of = |id: &str| format!("substr({id}, 1, instr({id}, '-') - 1)");
    let sums = format!(
        "SELECT family, currency, sum(stands), sum(moved) FROM (
           SELECT {0} AS family, currency, plan_paid_cents AS stands, 0 AS moved FROM claim_current
           UNION ALL SELECT {0}, currency, 0, amount_cents FROM payment_ledger)
         WHERE currency IS NOT NULL GROUP BY 1, 2 HAVING sum(stands) <> sum(moved)",
        of("explanation_of_benefit_id")
    );
    assert_eq!(home.rows(&sums), Vec::<Vec<String>>::new());
    let over = "SELECT explanation_of_benefit_id FROM claim
                WHERE is_current AND (is_void OR reversed_by_id IS NOT NULL OR replaced_by_id IS NOT NULL)";
    assert_eq!(home.rows(over), Vec::<Vec<String>>::new());
    let ledger = "SELECT * FROM reconciliation WHERE problem = 'ledger and claim'";
    assert_eq!(home.rows(ledger), Vec::<Vec<String>>::new());

    dice.shuffle(&mut claims);
    let (first, rest) = claims.split_at(claims.len() / 3);
    let first: Vec<String> = first.iter().cloned().chain([member]).collect();
    let again = imported(&[&first, rest]);
    let all = "SELECT explanation_of_benefit_id, claim_key, is_current, is_void, is_difference,
                 replaced_by_id, reverses_id, reversed_by_id FROM claim ORDER BY 1";
    assert_eq!(again.rows(all), home.rows(all));
}
