//! A column holds an id where a reference leads to the plan's own server, and what was sent elsewhere.

use crate::support::{Home, Payer};
use payersync::sandbox::Options;
use serde_json::{Value, json};

/// Stores the member's only claim with these members instead, as if it had been sent so.
fn store(home: &Home, members: &[(&str, Value)]) {
    let sql = "SELECT json FROM resource WHERE resource_type = 'ExplanationOfBenefit'";
    let mut claim: Value = serde_json::from_str(&home.value::<String>(sql)).unwrap();
    for (name, value) in members {
        claim[*name] = value.clone();
    }
    let sql = "UPDATE resource SET json = ?1 WHERE resource_type = 'ExplanationOfBenefit'";
    home.warehouse().execute(sql, [claim.to_string()]).unwrap();
}

fn rebuild(home: &Home) {
    let tables = ["explanation_of_benefit", "explanation_of_benefit_related"];
    home.succeed(&["rebuild", tables[0], tables[1]], "of the claims");
}

fn provider(home: &Home) -> Vec<String> {
    let sql = "SELECT coalesce(provider_organization_id, 'NULL'), provider_reference
         FROM explanation_of_benefit";
    home.rows(sql).concat()
}

fn one_claim() -> (Payer, Home) {
    let payer = Payer::start(Options { claims_per_member: 1, ..Options::default() });
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync"]).code, 0);
    (payer, home)
}

#[test]
fn an_id_is_one_of_this_server_and_the_reference_stays_as_sent() {
    let (payer, home) = one_claim();
    let base = payer.fhir_url();
    for (reference, id) in [
        ("Organization/12".to_owned(), "12"),
        (format!("{base}/Organization/12"), "12"),
        (format!("{base}/Organization/12/_history/3"), "12"),
        ("https://other.example/fhir/Organization/12".to_owned(), "NULL"),
        (format!("{base}x/Organization/12"), "NULL"),
        ("urn:uuid:12".to_owned(), "NULL"),
        ("urn:uuid:0a1b2c3d-0000-4000-8000-000000000012".to_owned(), "NULL"),
        ("#12".to_owned(), "NULL"),
    ] {
        store(&home, &[("provider", json!({"reference": reference}))]);
        rebuild(&home);
        assert_eq!(provider(&home), [id, &reference], "{reference}");
    }
    let verified = home.run(&["verify"]).stdout;
    let of_rows = verified.lines().find(|line| line.ends_with("live resources against their rows"));
    assert!(of_rows.is_some_and(|line| line.starts_with("ok")), "{verified}");
}

#[test]
fn a_related_claim_of_another_server_removes_none_here() {
    let (_payer, home) = one_claim();
    let related = |reference: &str| json!([{"claim": {"reference": reference}, "relationship": {"coding": [{"code": "prior"}]}}]);
    let found = "SELECT coalesce(related_claim_id, 'NULL'), related_claim_reference
         FROM explanation_of_benefit_related";
    for (reference, id) in [("Claim/9", "9"), ("https://other.example/r4/Claim/9", "NULL")] {
        store(&home, &[("related", related(reference))]);
        rebuild(&home);
        assert_eq!(home.rows(found).concat(), [id, reference]);
    }
}

#[test]
fn the_bases_are_kept_and_another_base_gives_other_rows() {
    let (payer, home) = one_claim();
    let stored: String = home.value("SELECT fhir_bases FROM connection");
    assert!(payer.fhir_url().ends_with(&stored), "{stored}");
    let elsewhere = "https://other.example/fhir/Organization/12";
    store(&home, &[("provider", json!({"reference": elsewhere}))]);
    rebuild(&home);
    assert_eq!(provider(&home), ["NULL", elsewhere]);
    // The plan's server calls itself by another name from now on.
    let path = home.file("payersync.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let known = "[plans.demo]\nproxied_origins = [\"https://other.example/fhir\"]\n";
    std::fs::write(&path, text.replacen("[plans.demo]\n", known, 1)).unwrap();
    home.succeed(&["rebuild", "patient"], "with another base");
    assert_eq!(provider(&home), ["12", elsewhere]);
    // Without the configuration, rows stay as they are.
    std::fs::write(&path, "").unwrap();
    rebuild(&home);
    assert_eq!(provider(&home), ["12", elsewhere]);
}
