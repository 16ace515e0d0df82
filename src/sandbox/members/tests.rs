//! Tests that the synthetic members are the same for a seed, consistent, and as odd as real ones.

use super::*;
use chrono::DateTime;
use serde_json::Value;

fn population() -> Population {
    Population { seed: 1, claims_per_member: 40, unique_ids: false, rich: true }
}

fn shelf(member: u32, name: &str) -> Shelf {
    Shelf::new(population().member(member), entry(name).unwrap())
}

fn resources(member: u32, name: &str) -> Vec<Value> {
    let shelf = shelf(member, name);
    (0..shelf.len()).map(|index| serde_json::from_str(&shelf.text(index)).unwrap()).collect()
}

#[test]
fn every_type_is_non_empty_for_the_demo_member() {
    for name in names() {
        assert!(shelf(0, name).len() > 0, "{name} is empty");
    }
}

#[test]
fn every_resource_names_its_type_and_its_id() {
    for name in names() {
        let shelf = shelf(3, name);
        for (index, resource) in resources(3, name).iter().enumerate() {
            assert_eq!(resource["resourceType"], name);
            assert_eq!(resource["id"], shelf.id(index as u32));
        }
    }
}

#[test]
fn ids_ascend_so_that_they_can_be_the_paging_key() {
    for name in names() {
        for member in [0, 1, 99_999] {
            let shelf = shelf(member, name);
            for index in 1..shelf.len() {
                assert!(shelf.id(index - 1) < shelf.id(index), "{name} {index}");
            }
        }
    }
}

#[test]
fn an_id_is_found_again() {
    for name in names() {
        let shelf = shelf(0, name);
        for index in 0..shelf.len() {
            assert_eq!(shelf.find(&shelf.id(index)), Some(index));
        }
        assert_eq!(shelf.find("no such id"), None);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let other = Population { seed: 2, claims_per_member: 40, unique_ids: false, rich: true };
    let claims = entry("ExplanationOfBenefit").unwrap();
    let first = shelf(0, "ExplanationOfBenefit").text(12);
    assert_eq!(first, shelf(0, "ExplanationOfBenefit").text(12));
    assert_ne!(first, Shelf::new(other.member(0), claims).text(12));
}

#[test]
fn shared_resources_are_the_same_bytes_in_two_records() {
    let theirs: std::collections::HashMap<String, String> = (1..20)
        .flat_map(|member| {
            let shelf = shelf(member, "Organization");
            (0..shelf.len()).map(|i| (shelf.id(i), shelf.text(i))).collect::<Vec<_>>()
        })
        .collect();
    let mine = shelf(0, "Organization");
    let shared: Vec<u32> =
        (0..mine.len()).filter(|index| theirs.contains_key(&mine.id(*index))).collect();
    assert!(shared.len() >= 2);
    for index in shared {
        assert_eq!(theirs[&mine.id(index)], mine.text(index));
    }
}

#[test]
fn condition_ids_collide_between_members_with_other_content() {
    assert_eq!(shelf(0, "Condition").id(0), shelf(1, "Condition").id(0));
    assert_ne!(shelf(0, "Condition").text(0), shelf(1, "Condition").text(0));
}

/// Sums `amount` by category code, in cents.
fn by_category<'a>(
    entries: impl Iterator<Item = &'a Value>,
) -> std::collections::BTreeMap<String, i64> {
    let mut sums = std::collections::BTreeMap::new();
    for entry in entries.filter(|entry| !entry["amount"].is_null()) {
        let code = entry["category"]["coding"][0]["code"].as_str().unwrap().to_string();
        let cents = (entry["amount"]["value"].as_f64().unwrap() * 100.0).round() as i64;
        *sums.entry(code).or_insert(0) += cents;
    }
    sums
}

#[test]
fn totals_are_the_sums_of_their_items() {
    let mut compared = 0;
    for member in [0, 1, 2] {
        for claim in resources(member, "ExplanationOfBenefit") {
            let Some(items) = claim["item"].as_array() else { continue };
            let mut sums =
                by_category(items.iter().flat_map(|i| i["adjudication"].as_array().unwrap()));
            sums.remove("allowed");
            assert_eq!(sums, by_category(claim["total"].as_array().unwrap().iter()));
            compared += 1;
        }
    }
    assert_eq!(compared, 3 * 38);
}

#[test]
fn a_line_costs_its_unit_price_times_its_quantity() {
    let cents = |money: &Value| (money["value"].as_f64().unwrap() * 100.0).round() as i64;
    for claim in resources(1, "ExplanationOfBenefit").iter().filter(|c| !c["item"].is_null()) {
        // One claim has a quantity with many decimals.
        let items = claim["item"].as_array().unwrap();
        for item in items.iter().filter(|item| item["quantity"]["value"].is_u64()) {
            let quantity = item["quantity"]["value"].as_i64().unwrap();
            assert_eq!(cents(&item["unitPrice"]) * quantity, cents(&item["net"]));
        }
    }
}

#[test]
fn versions_of_a_claim_find_each_other() {
    let claims = resources(0, "ExplanationOfBenefit");
    let by_reference = claims[2]["related"][0]["reference"]["value"].as_str().unwrap();
    assert_eq!(by_reference, format!("ExplanationOfBenefit/{}", claims[1]["id"].as_str().unwrap()));
    assert_eq!(
        claims[15]["related"][0]["reference"]["value"],
        claims[14]["identifier"][0]["value"]
    );
    assert_eq!(
        claims[15]["related"][1]["reference"]["value"],
        claims[16]["identifier"][0]["value"]
    );
    let statuses: Vec<_> = (14..17).map(|index| claims[index]["status"].as_str()).collect();
    assert_eq!(statuses, [Some("cancelled"), Some("cancelled"), Some("active")]);
}

#[test]
fn all_five_kinds_of_claims_occur() {
    let kinds: std::collections::BTreeSet<String> = resources(0, "ExplanationOfBenefit")
        .iter()
        .map(|c| format!("{}{}", c["type"]["coding"][0]["code"], c["subType"]["coding"][0]["code"]))
        .collect();
    assert_eq!(kinds.len(), 5);
}

#[test]
fn the_quirks_of_real_payers_are_there() {
    let claims = resources(0, "ExplanationOfBenefit");
    let texts: Vec<String> = claims.iter().map(Value::to_string).collect();
    assert_eq!(claims[3]["billablePeriod"]["end"], "2021-02-30");
    assert!(claims[9]["item"].is_null());
    assert_eq!(claims[17]["item"].as_array().unwrap().len(), 69);
    assert!(claims[19]["status"].is_null() && !claims[19]["_status"].is_null());
    assert!(claims[8]["id"].as_str().unwrap().len() > 64);
    assert!(claims.iter().any(|claim| claim["meta"]["lastUpdated"].is_null()));
    assert!(claims.iter().any(|claim| claim["use"] == "preauthorization"));
    assert!(claims.iter().any(|claim| claim["status"] == "cancelled"));
    assert!(texts.iter().any(|text| text.contains("_history/2")));
    assert!(shelf(0, "ExplanationOfBenefit").text(24).contains("1E-22"));
}

#[test]
fn every_member_has_its_own_patient() {
    assert_ne!(shelf(0, "Patient").id(0), shelf(1, "Patient").id(0));
    assert_eq!(resources(0, "Patient")[0]["birthDate"], "1950-10-19");
}

#[test]
fn updates_are_never_in_the_future() {
    let limit = DateTime::parse_from_rfc3339("2026-01-01T00:00:00Z").unwrap();
    for name in names() {
        let shelf = shelf(0, name);
        for index in 0..shelf.len() {
            assert!(shelf.last_updated(index) < limit, "{name} {index}");
        }
    }
}
