//! The same records through two consents, or through a file beside a consent: every claim counts once,
//! and what is said of it names the connection that it came through.

use crate::{files::import::put, marts::mart_spellings::ask, support::Home};
use serde_json::{Value, json};
use std::fs;

/// A home with a plan that is never asked, and consents of these patients at it.
pub(super) fn consents(connections: &[(&str, &str)]) -> Home {
    let home = Home::new();
    let plan = "[plans.north]\nfhir_url = \"http://127.0.0.1:9/fhir\"\ngrant = \"none\"\ndependants = true\n";
    fs::write(home.file("payersync.toml"), plan).unwrap();
    for (name, patient) in connections {
        home.succeed(&["connect", name, "--plan", "north", "--patient", patient], "a plan");
    }
    home
}

pub(super) fn add(home: &Home, arguments: &[&str], resources: &[Value]) {
    let text: String = resources.iter().map(|resource| format!("{resource}\n")).collect();
    let file = put(home, "in/records.ndjson", text);
    let [name, options @ ..] = arguments else { panic!("a name comes first") };
    home.succeed(&[&["import", name, file.as_str()], options].concat(), "importing records");
}

pub(super) fn patient(id: &str, given: &str) -> Value {
    json!({"resourceType": "Patient", "id": id, "name": [{"given": [given], "family": "Doe"}],
        "birthDate": "1980-02-03", "identifier": [{"system": "https://payer.example/member", "value": format!("M-{id}"),
            "type": {"coding": [{"code": "um"}]}}]})
}

/// A claim of a patient, with what was paid in dollars and the claim that it follows.
pub(super) fn claim(id: &str, patient: &str, paid: i64, prior: Option<&str>) -> Value {
    let day = if prior.is_some() { "2025-02-01" } else { "2025-01-10" };
    let related = prior.map(|prior| {
        json!({"claim": {"reference": format!("ExplanationOfBenefit/{prior}")},
            "relationship": {"coding": [{"code": "prior"}]}})
    });
    json!({"resourceType": "ExplanationOfBenefit", "id": id, "status": "active", "use": "claim",
        "meta": {"lastUpdated": format!("{day}T00:00:00Z")}, "created": day,
        "identifier": [{"system": "https://payer.example/claim", "value": id, "type": {"coding": [{"code": "uc"}]}}],
        "type": {"coding": [{"code": "professional"}]}, "patient": {"reference": format!("Patient/{patient}")},
        "billablePeriod": {"start": "2025-01-02"}, "provider": {"reference": "Organization/clinic"},
        "insurance": [{"focal": true, "coverage": {"reference": "Coverage/c"}}],
        "related": related.into_iter().collect::<Vec<_>>(),
        "payment": {"amount": {"value": paid, "currency": "USD"}}})
}

pub(super) const MONEY: &str = "SELECT coalesce(sum(plan_paid_cents), 0), (SELECT coalesce(sum(amount_cents), 0) FROM payment_ledger),
    (SELECT count(*) FROM reconciliation) FROM claim_current";

#[test]
fn versions_that_came_through_two_consents_agree_and_name_each_other() {
    for (paid, standing, after) in [
        (-100, "0|0|0", "void"),
        (-20, "8000|8000|0", "difference"),
        (80, "8000|8000|0", "replacement"),
    ] {
        let home = consents(&[("a", "p"), ("b", "p")]);
        add(&home, &["a"], &[patient("p", "Jan"), claim("o", "p", 100, None)]);
        add(&home, &["b"], &[claim("n", "p", paid, Some("o"))]);
        assert_eq!(ask(&home, MONEY), [standing], "{after}");
        let lineage = "SELECT l.relationship, n.explanation_of_benefit_id, n.connection_id FROM claim_lineage AS l
            JOIN claim AS n ON n.connection_id = l.replaced_by_connection_id
             AND n.explanation_of_benefit_id = l.replaced_by_id";
        assert_eq!(ask(&home, lineage), [format!("{after}|n|2")]);
        let named =
            "SELECT replaced_by_id, replaced_by_connection_id, reversed_by_connection_id FROM claim
            WHERE connection_id = 1";
        let reversed = if after == "void" { "2" } else { "" };
        assert_eq!(ask(&home, named), [format!("n|2|{reversed}")]);
        if after == "replacement" {
            let entry = "SELECT entry_date, amount_cents, replaced_by_id, replaced_by_connection_id FROM payment_ledger
                WHERE kind = 'implied reversal'";
            assert_eq!(ask(&home, entry), ["2025-02-01|-10000|n|2"]);
        }
        home.succeed(&["verify"], "two consents");
    }
}

#[test]
fn what_only_one_consent_brought_is_known_to_the_claims_of_the_other() {
    let home = consents(&[("a", "p"), ("b", "p")]);
    let clinic = json!({"resourceType": "Organization", "id": "clinic", "name": "Clinic",
        "identifier": [{"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}]});
    let coverage = json!({"resourceType": "Coverage", "id": "c", "status": "active", "subscriberId": "S-1",
        "beneficiary": {"reference": "Patient/p"}, "payor": [{"display": "Payer North"}],
        "period": {"start": "2024-01-01", "end": "2024-12-31"}});
    let mut newer = claim("o", "p", 100, None);
    newer["meta"]["lastUpdated"] = json!("2025-03-01T00:00:00Z");
    add(&home, &["a"], &[patient("p", "Jan"), clinic, coverage, claim("o", "p", 90, None)]);
    add(&home, &["b"], &[newer]);
    let named = "SELECT connection_id, provider_name, provider_npi, plan_paid_cents FROM claim";
    assert_eq!(ask(&home, named), ["2|Clinic|1234567893|10000"]);
    assert_eq!(
        ask(&home, "SELECT payer, paid_amount FROM tuva_medical_claim"),
        ["Payer North|100"]
    );
    let wrong = "SELECT connection_id, rule FROM data_quality ORDER BY 2";
    assert_eq!(ask(&home, wrong), ["2|claim without lines", "2|service outside coverage"]);
}

#[test]
fn a_plan_year_is_one_account_whichever_consent_brought_its_claims() {
    let home = consents(&[("a", "p"), ("b", "p")]);
    let word = |code: &str| json!({"coding": [{"code": code}]});
    // The copy that counts is that of the first consent. No amount but the claims' has a currency in capitals.
    let coverage = json!({"resourceType": "Coverage", "id": "c", "status": "active",
        "period": {"start": "2024-07-01", "end": "2025-06-30"}, "beneficiary": {"reference": "Patient/p"},
        "payor": [{"display": "Payer North"}],
        "costToBeneficiary": [{"type": word("deductible"), "valueMoney": {"value": 1500}}]});
    let used = |id: &str, deductible: i64| {
        let mut used = claim(id, "p", 10, None);
        used["total"] = json!([{"category": word("deductible"),
            "amount": {"value": deductible, "currency": "USD"}}]);
        used
    };
    let mut newer = used("n", 500);
    let financial =
        json!({"type": word("deductible"), "usedMoney": {"value": 1250, "currency": "usd"}});
    newer["benefitBalance"] = json!([{"category": word("30"), "unit": word("individual"),
        "term": word("annual"), "financial": [financial]}]);
    add(&home, &["a"], &[patient("p", "Jan"), coverage.clone(), used("o", 800)]);
    add(&home, &["b"], &[coverage, newer]);
    let account =
        "SELECT connection_id, kind, plan_year_start_date, claim_count, used_cents, payer_used_cents,
            limit_cents, remaining_cents, payer_claim_id, currency FROM accumulator ORDER BY kind";
    assert_eq!(
        ask(&home, account),
        [
            "2|deductible|2024-07-01|2|130000|125000|150000|25000|n|USD",
            "1|out of pocket|2024-07-01|2|130000|||||USD"
        ]
    );
    home.succeed(&["verify"], "one account of two consents");

    // The plan has merged the Patient of the old consent into another one.
    let home = consents(&[("a", "p"), ("b", "q")]);
    let mut merged = patient("q", "Jan");
    merged["link"] = json!([{"other": {"reference": "Patient/p"}, "type": "replaces"}]);
    let mut newer = used("n", 500);
    newer["patient"]["reference"] = json!("Patient/q");
    add(&home, &["a"], &[patient("p", "Jan"), used("o", 800)]);
    add(&home, &["b"], &[merged, newer]);
    let account = "SELECT connection_id, member_id, patient_id, kind, claim_count, used_cents
        FROM accumulator ORDER BY kind";
    assert_eq!(
        ask(&home, account),
        ["1|c1|p|deductible|2|130000", "1|c1|p|out of pocket|2|130000"]
    );
    home.succeed(&["verify"], "one account of two Patients");
}

#[test]
fn a_dependant_whom_only_claims_name_is_a_person_and_counts_once() {
    let home = consents(&[("a", "p"), ("kid", "k")]);
    add(
        &home,
        &["a"],
        &[patient("p", "Jan"), claim("o", "p", 100, None), claim("n", "k", 30, None)],
    );
    let members = "SELECT explanation_of_benefit_id, member_id FROM claim ORDER BY 1";
    assert_eq!(ask(&home, members), ["n|c1 k", "o|c1 p"]);
    add(&home, &["kid"], &[patient("k", "Kim"), claim("n", "k", 30, None)]);
    assert_eq!(ask(&home, MONEY), ["13000|13000|0"]);
    assert_eq!(ask(&home, members), ["n|c1 k", "o|c1 p"]);
    add(&home, &["kid"], &[claim("r", "k", -30, Some("n"))]);
    assert_eq!(ask(&home, MONEY), ["10000|10000|0"]);
    // An observation names a dependant as well, and the connection's own label stays the member's.
    let seen = json!({"resourceType": "Observation", "id": "v", "status": "final", "code": {"text": "weight"},
        "subject": {"reference": "Patient/baby"}});
    add(&home, &["a"], &[seen]);
    let people = "SELECT count(DISTINCT member_id) FROM member";
    assert_eq!(ask(&home, people), ["3"]);
    home.succeed(&["verify"], "dependants");
}

#[test]
fn a_file_beside_a_consent_brings_no_claim_a_second_time() {
    let base = ["--base", "http://127.0.0.1:9/fhir"];
    let mut nameless = patient("p", "Jan");
    nameless["identifier"] = json!([]);
    for (member, options) in [(patient("p", "Jan"), &[][..]), (nameless, &base)] {
        let home = consents(&[("a", "p")]);
        let records = [member.clone(), claim("o", "p", 100, None)];
        add(&home, &["a"], &records);
        add(&home, &[&["file"], options].concat(), &records);
        add(&home, &[&["again"], options].concat(), &records);
        assert_eq!(ask(&home, MONEY), ["10000|10000|0"], "{options:?}");
        // A replacement that only a file has takes the place of the plan's claim.
        add(&home, &[&["file"], options].concat(), &[claim("n", "p", 80, Some("o"))]);
        assert_eq!(ask(&home, MONEY), ["8000|8000|0"], "{options:?}");
        home.succeed(&["verify"], "files beside a consent");
    }
}

#[test]
fn a_file_of_another_payer_keeps_its_claims_whatever_its_ids() {
    let home = consents(&[("a", "p")]);
    add(&home, &["a"], &[patient("p", "Jan"), claim("o", "p", 100, None)]);
    let mut elsewhere = patient("p", "Jan");
    elsewhere["identifier"][0]["system"] = json!("https://other.example/member");
    let records = [elsewhere, claim("o", "p", 50, None)];
    add(&home, &["other", "--base", "https://other.example/fhir", "--member", "jan"], &records);
    assert_eq!(ask(&home, MONEY), ["15000|15000|0"]);
}

#[test]
fn of_files_with_two_plans_each_claim_is_its_own_patients() {
    let home = Home::new();
    let plan = |name: &str| {
        format!("[plans.{name}]\nfhir_url = \"http://127.0.0.1:9/{name}\"\ngrant = \"none\"\n")
    };
    fs::write(home.file("payersync.toml"), plan("north") + &plan("south")).unwrap();
    home.succeed(&["connect", "a", "--plan", "north", "--patient", "p"], "a plan");
    home.succeed(&["connect", "b", "--plan", "south", "--patient", "q"], "another plan");
    let coverage = |patient: &str, payer: &str| {
        json!({"resourceType": "Coverage", "id": "c", "status": "active",
            "beneficiary": {"reference": format!("Patient/{patient}")}, "payor": [{"display": payer}]})
    };
    let (jan, kim) = (patient("p", "Jan"), patient("q", "Kim"));
    // Both plans have a claim 1 and a coverage c, which are two claims and two coverages.
    add(&home, &["a"], &[jan.clone(), coverage("p", "North"), claim("1", "p", 100, None)]);
    add(&home, &["b"], &[kim.clone(), coverage("q", "South"), claim("1", "q", 70, None)]);
    let mut newer = claim("1", "q", 70, None);
    newer["meta"]["lastUpdated"] = json!("2025-03-01T00:00:00Z");
    let mut fill = claim("3", "q", 7, None);
    fill["type"]["coding"][0]["code"] = json!("pharmacy");
    add(&home, &["both", "--dependants"], &[jan, kim, newer, claim("2", "p", 30, None), fill]);
    assert_eq!(ask(&home, MONEY), ["20700|20700|0"]);
    let lines = "SELECT claim_id, payer FROM tuva_medical_claim
        UNION ALL SELECT claim_id, payer FROM tuva_pharmacy_claim ORDER BY 1";
    assert_eq!(ask(&home, lines), ["1.1|North", "3.1|South", "3.2|North", "3.3|South"]);
    home.succeed(&["verify"], "files of two plans");
}

/// A clinical record of a patient, as it was on a day.
pub(super) fn record(kind: &str, id: &str, patient: &str, day: &str) -> Value {
    let whose = if kind == "Immunization" { "patient" } else { "subject" };
    json!({"resourceType": kind, "id": id, "meta": {"lastUpdated": format!("{day}T00:00:00Z")},
        whose: {"reference": format!("Patient/{patient}")}})
}

/// The tables of the Tuva input layer with clinical records, and the types that they come from.
pub(super) const CLINICAL: [(&str, &str); 5] = [
    ("condition", "Condition"),
    ("encounter", "Encounter"),
    ("immunization", "Immunization"),
    ("medication", "MedicationRequest"),
    ("observation", "Observation"),
];

pub(super) fn clinical(home: &Home, table: &str) -> Vec<String> {
    ask(home, &format!("SELECT {table}_id FROM tuva_{table} ORDER BY 1"))
}

#[test]
fn the_input_layer_has_each_clinical_record_once_whoever_brought_it() {
    let home = consents(&[("old", "p"), ("new", "p")]);
    let all = |id: &str, day: &str| CLINICAL.map(|(_, kind)| record(kind, id, "p", day));
    // The old consent brings no Patient, and the new one what the old one had no scope for.
    add(&home, &["old"], &[all("r1", "2025-01-01"), all("r2", "2025-01-03")].concat());
    add(&home, &["new"], &[all("r1", "2025-01-02"), all("r3", "2025-01-02")].concat());
    add(&home, &["new"], &[patient("p", "Jan")]);
    let mut copies = vec![patient("p", "Jan")];
    copies.extend([all("r3", "2025-01-01"), all("r4", "2025-01-01")].concat());
    add(&home, &["file"], &copies);
    for (table, _) in CLINICAL {
        assert_eq!(clinical(&home, table), ["1.r1", "1.r2", "1.r3", "1.r4"], "{table}");
    }
    let persons = "SELECT person_id, patient_id FROM tuva_patient";
    assert_eq!(ask(&home, persons), ["c1|1.p"]);
    home.succeed(&["verify"], "clinical records");
}

#[test]
fn records_of_two_payers_files_are_not_copies_whatever_their_ids_and_label() {
    let home = consents(&[]);
    for payer in ["one", "two"] {
        let mut jan = patient("1", "Jan");
        jan["identifier"][0]["system"] = json!(format!("https://{payer}.example/member"));
        let mut records = vec![jan];
        records.extend(CLINICAL.map(|(_, kind)| record(kind, "1", "1", "2025-01-01")));
        let base = format!("https://{payer}.example/fhir");
        add(&home, &[payer, "--base", &base, "--member", "jan"], &records);
    }
    for (table, _) in CLINICAL {
        assert_eq!(clinical(&home, table), ["1.1", "2.1"], "{table}");
    }
}

#[test]
fn fills_and_results_of_two_consents_are_one_line_and_strangers_are_in_none() {
    let home = consents(&[("old", "p"), ("new", "p")]);
    let with = |mut record: Value, day: &str, number: u8| {
        let members = match record["resourceType"].as_str() {
            Some("MedicationDispense") => json!({"status": "completed", "whenHandedOver": day,
                "daysSupply": {"value": 30}, "medicationCodeableConcept": {"coding": [{
                    "system": "http://hl7.org/fhir/sid/ndc", "code": "00093310905"}]}}),
            _ => {
                json!({"status": "final", "effectiveDateTime": day, "valueQuantity": {"value": number},
                "category": [{"coding": [{"code": "laboratory"}]}],
                "code": {"coding": [{"system": "http://loinc.org", "code": "2345-7"}]}})
            }
        };
        record.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        record
    };
    let both = |id: &str, sent: &str, day: &str, number: u8| {
        ["MedicationDispense", "Observation"]
            .map(|kind| with(record(kind, id, "p", sent), day, number))
    };
    // The plan corrected the second records after the old consent had ended.
    let stored = [
        both("1", "2025-01-01", "2025-01-01", 90),
        both("2", "2025-01-31", "2025-01-31", 95),
        both("3", "2025-03-02", "2025-03-02", 80),
    ];
    add(&home, &["old"], &[vec![patient("p", "Jan")], stored.concat()].concat());
    add(&home, &["new"], &both("2", "2025-04-01", "2025-01-31", 100));
    let adherence =
        "SELECT connection_id, patient_id, fill_count, unplaced_fill_count, gap_count, proportion_of_days_covered
         FROM medication_adherence ORDER BY member_id IS NULL";
    assert_eq!(ask(&home, adherence), ["1|p|3|0|0|1"]);
    assert_eq!(ask(&home, "SELECT count(*) FROM medication_gap"), ["0"]);
    let results = "SELECT connection_id, observation_id, value, previous_value FROM lab_result
        ORDER BY result_date, observation_id";
    assert_eq!(ask(&home, results), ["1|1|90|", "2|2|100|90", "1|3|80|100"]);
    // Of a dependant whom nothing but a name tells, nobody knows whose line the records belong to.
    let stranger = |id: &str, day: &str, number: u8| {
        both(id, day, day, number).map(|mut record| {
            record["subject"] = json!({"display": "somebody"});
            record
        })
    };
    let strangers = [stranger("8", "2025-05-01", 1), stranger("9", "2025-08-01", 2)].concat();
    add(&home, &["new"], &strangers);
    assert_eq!(ask(&home, adherence), ["1|p|3|0|0|1", "2||0|2||"]);
    assert_eq!(ask(&home, "SELECT count(*) FROM medication_gap"), ["0"]);
    assert_eq!(ask(&home, results)[3..], ["2|8|1|", "2|9|2|"]);
    home.succeed(&["verify"], "lines over two consents");
}
