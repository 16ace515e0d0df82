//! Copies of records that two consents fetched from one plan, beside files: which of them counts.

use crate::{
    marts::{
        mart_consents::{CLINICAL, MONEY, add, claim, clinical, consents, patient, record},
        mart_spellings::ask,
    },
    support::{Asked, Home, Reply, Scripted, bundle},
};
use serde_json::{Value, json};

/// A plan that has these records, and nothing else.
fn holding(records: &[Value]) -> impl Fn(&Asked) -> Reply + Send + use<> {
    let all = records.to_vec();
    move |asked| {
        let of_type =
            || all.iter().filter(|record| record["resourceType"] == asked.resource_type.as_str());
        let Some(id) = &asked.id else {
            let listed: Vec<String> = of_type().map(Value::to_string).collect();
            return bundle(&listed, Some(listed.len()), None);
        };
        let found = of_type().find(|record| record["id"] == id.as_str());
        found.map_or((404, String::new()), |record| (200, record.to_string()))
    }
}

/// Lets a consent fetch what the plan has now.
fn fetch(payer: &Scripted, home: &Home, name: &str, records: &[Value]) {
    payer.play(holding(records));
    home.succeed(&["sync", name, "--full"], "a consent");
}

/// A home with the consents `c` and `d` of one patient at a plan with nothing yet.
fn two_consents(types: &[&str]) -> (Scripted, Home) {
    let payer = Scripted::start(types, holding(&[]));
    let home = payer.connected_home(types, "");
    for name in ["c", "d"] {
        home.succeed(&["connect", name, "--plan", "p", "--patient", "p"], "a consent");
    }
    (payer, home)
}

#[test]
fn of_copies_that_differ_the_newer_one_counts_also_if_none_is_dated() {
    let dated = |paid: i64, updated: Value| {
        let mut claim = claim("o", "p", paid, None);
        claim["meta"] = json!({"lastUpdated": updated});
        claim
    };
    let undated = |id: &str, paid: i64| {
        let mut claim = claim(id, "p", paid, None);
        for member in ["meta", "provider", "insurance"] {
            claim.as_object_mut().unwrap().remove(member);
        }
        claim
    };
    let (payer, home) = two_consents(&["Patient", "ExplanationOfBenefit"]);
    let jan = || patient("p", "Jan");
    fetch(&payer, &home, "c", &[jan(), undated("o", 100)]);
    fetch(&payer, &home, "d", &[jan(), undated("o", 80)]);
    assert_eq!(ask(&home, MONEY), ["8000|8000|0"]);
    // The age of a file is not known, also if it is read into a plan's connection.
    add(&home, &["file"], &[jan(), undated("o", 100)]);
    assert_eq!(ask(&home, MONEY), ["8000|8000|0"]);
    fetch(&payer, &home, "d", &[jan(), undated("o", 80), undated("h", 50)]);
    add(&home, &["c"], &[undated("h", 60)]);
    assert_eq!(ask(&home, MONEY), ["13000|13000|0"]);
    // Of equal copies, that of the first connection counts. What the plan sends, too, is the plan's.
    fetch(&payer, &home, "c", &[jan(), undated("o", 80), undated("h", 60)]);
    let counted =
        "SELECT explanation_of_benefit_id, connection_id, plan_paid_cents FROM claim ORDER BY 1";
    assert_eq!(ask(&home, counted), ["h|1|6000", "o|1|8000"]);
    home.succeed(&["verify"], "copies without a date");

    // Instants are compared, whatever their time zones.
    let home = consents(&[("a", "p"), ("b", "p")]);
    let late = dated(80, json!("2025-02-01T23:30:00-05:00"));
    add(&home, &["a"], &[patient("p", "Jan"), late]);
    add(&home, &["b"], &[dated(100, json!("2025-02-02T01:00:00Z"))]);
    assert_eq!(ask(&home, MONEY), ["8000|8000|0"]);
}

/// A condition of the patient.
fn condition(id: usize) -> Value {
    json!({"resourceType": "Condition", "id": format!("c{id}"), "subject": {"reference": "Patient/p"},
        "code": {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9"}]}})
}

#[test]
fn what_a_plan_has_proved_to_be_deleted_is_in_no_copy_until_another_consent_is_walked_again() {
    let (payer, home) = two_consents(&["Condition"]);
    let all = [0, 1, 2, 3, 4].map(condition);
    payer.play(holding(&all));
    home.succeed(&["sync", "--full"], "two consents");
    let held = "SELECT connection_id, count(*) FROM diagnosis GROUP BY connection_id";
    assert_eq!(ask(&home, held), ["1|5"]);
    // The first consent is not walked any more, so its copy stays.
    fetch(&payer, &home, "d", &[0, 1, 3, 4].map(condition));
    assert_eq!(ask(&home, "SELECT connection_id FROM condition WHERE id = 'c2' ORDER BY 1"), ["1"]);
    assert_eq!(ask(&home, held), ["1|4"]);
    assert_eq!(clinical(&home, "condition"), ["1.c0", "1.c1", "1.c3", "1.c4"]);
    home.succeed(&["verify"], "a deletion that one connection proved");
    // Nothing of the first connection changes, but its plan lists the resource after its deletion.
    fetch(&payer, &home, "c", &all);
    assert_eq!(ask(&home, held), ["1|5"]);
    assert_eq!(clinical(&home, "condition").len(), 5);
    home.succeed(&["verify"], "a resource that is there again");
}

#[test]
fn of_undated_clinical_records_the_newer_copy_of_a_plan_counts() {
    let types: Vec<&str> = CLINICAL.iter().map(|(_, kind)| *kind).chain(["Patient"]).collect();
    let (payer, home) = two_consents(&types);
    let with = |word: &str| {
        let mut jan = patient("p", "Jan");
        jan["name"][0]["family"] = json!(word);
        let mut records = vec![jan];
        for (_, kind) in CLINICAL {
            let mut record = record(kind, "1", "p", "2025-01-01");
            record.as_object_mut().unwrap().remove("meta");
            let (member, value) = match kind {
                "Encounter" => ("class", json!({"code": word})),
                "Immunization" => ("vaccineCode", json!({"text": word})),
                "MedicationRequest" => ("medicationCodeableConcept", json!({"text": word})),
                _ => ("code", json!({"text": word})),
            };
            record[member] = value;
            records.push(record);
        }
        records
    };
    fetch(&payer, &home, "c", &with("old"));
    fetch(&payer, &home, "d", &with("new"));
    add(&home, &["file"], &with("old"));
    for (table, _) in CLINICAL {
        let word = if table == "encounter" { "encounter_type" } else { "source_description" };
        assert_eq!(ask(&home, &format!("SELECT {word} FROM tuva_{table}")), ["new"], "{table}");
    }
    assert_eq!(ask(&home, "SELECT last_name FROM tuva_patient"), ["new"]);
}
