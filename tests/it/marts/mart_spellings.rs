//! Codes, systems, units and texts that payers write in many ways, and the columns of marts that have
//! them in one. Only some payers put the coding that counts first.

use crate::{files::import::put, support::Home};
use serde_json::{Value, json};

const NDC: &str = "http://hl7.org/fhir/sid/ndc";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
const BOTH: &str = "http://hl7.org/fhir/us/carin-bb/ValueSet/AMACPTCMSHCPCSProcedureCodes";

/// A home that has imported a member and these resources of the member's.
pub(crate) fn imported(resources: &[Value]) -> Home {
    let home = Home::new();
    add(&home, "c", &[json!({"resourceType": "Patient", "id": "p"})]);
    add(&home, "c", resources);
    home
}

pub(crate) fn add(home: &Home, name: &str, resources: &[Value]) {
    add_texts(home, name, &resources.iter().map(Value::to_string).collect::<Vec<_>>());
}

/// The same for resources whose bytes count.
pub(crate) fn add_texts(home: &Home, name: &str, resources: &[String]) {
    let text: String = resources.iter().map(|resource| format!("{resource}\n")).collect();
    let file = put(home, "in/resources.ndjson", text);
    home.succeed(&["import", name, &file], "importing resources");
}

pub(crate) fn ask(home: &Home, sql: &str) -> Vec<String> {
    home.rows(sql).into_iter().map(|row| row.join("|")).collect()
}

/// Code and system as a CodeableConcept with one coding.
fn coded(code: &str, system: &str) -> Value {
    json!({"coding": [{"system": system, "code": code}]})
}

/// A claim with these members beside those that every claim has.
pub(crate) fn claim(id: &str, members: Value) -> Value {
    let mut claim = json!({
        "resourceType": "ExplanationOfBenefit", "id": id, "status": "active", "use": "claim",
        "type": coded("professional", "http://terminology.hl7.org/CodeSystem/claim-type"),
        "patient": {"reference": "Patient/p"}, "created": "2025-01-10",
        "identifier": [{"system": "https://plan.example/claim-number", "value": id}],
        "billablePeriod": {"start": "2025-01-02", "end": "2025-01-02"},
    });
    let Value::Object(members) = members else { panic!("the members of a claim are an object") };
    claim.as_object_mut().unwrap().extend(members);
    claim
}

fn lines(codes: &[(&str, &str)]) -> Value {
    let line = |(at, (code, system)): (usize, &(&str, &str))| json!({"sequence": at + 1, "productOrService": coded(code, system)});
    codes.iter().enumerate().map(line).collect()
}

#[test]
fn a_procedure_has_its_vocabulary_by_system_or_form() {
    let sent = [
        ("99213", BOTH, "99213||CPT"),
        ("J1885", BOTH, "|J1885|HCPCS"),
        ("0001F", BOTH, "0001F||CPT"),
        ("G0008", BOTH, "|G0008|HCPCS"),
        ("99213", "http://www.ama-assn.org/go/cpt/", "99213||CPT"),
        ("J1885", "https://www.cms.gov/Medicare/Coding/MedHCPCSGenInfo", "|J1885|HCPCS"),
        ("J1885", "http://terminology.hl7.org/CodeSystem/HCPCS/", "|J1885|HCPCS"),
        ("X", "https://plan.example/codes", "||"),
    ];
    let items: Vec<_> = sent.iter().map(|(code, system, _)| (*code, *system)).collect();
    let home = imported(&[claim("e", json!({"item": lines(&items)}))]);
    let expected: Vec<&str> = sent.iter().map(|(.., expected)| *expected).collect();
    let asked = "SELECT l.cpt_code, l.hcpcs_code, o.vocabulary FROM claim_line AS l
                 JOIN procedure_occurrence AS o ON o.position = l.line_key ORDER BY l.line_key";
    assert_eq!(ask(&home, asked), expected);
    let table =
        "SELECT cpt_code, hcpcs_code FROM explanation_of_benefit_item ORDER BY item_index LIMIT 4";
    assert_eq!(ask(&home, table), ["99213|", "|J1885", "0001F|", "|G0008"]);
}

#[test]
fn a_drug_has_its_codes_whatever_their_systems_are_called() {
    let spellings = [
        "https://hl7.org/fhir/sid/ndc",
        "http://hl7.org/fhir/sid/ndc/",
        "HTTP://HL7.ORG/fhir/sid/ndc",
        "http://hl7.org/fhir/ValueSet/ndc",
        "urn:oid:2.16.840.1.113883.6.69",
    ];
    let mut resources: Vec<Value> = spellings
        .iter()
        .enumerate()
        .map(|(at, system)| {
            let drug = json!({"coding": [{"system": "https://plan.example/gpi", "code": "99"},
                {"system": system, "code": "0093-3109-05"}, {"system": "RxNorm", "code": "197361"}]});
            claim(
                &format!("e{at}"),
                json!({"type": {"text": "Pharmacy"}, "item": [{"sequence": 1, "productOrService": drug}]}),
            )
        })
        .collect();
    let dispense = |id: &str, drug: Value| {
        let mut dispense = json!({"resourceType": "MedicationDispense", "id": id, "status": "completed",
            "subject": {"reference": "Patient/p"}, "whenHandedOver": "2025-01-01"});
        dispense.as_object_mut().unwrap().extend(drug.as_object().unwrap().clone());
        dispense
    };
    for (at, system) in [
        "http://www.nlm.nih.gov/research/umls/rxnorm/",
        "2.16.840.1.113883.6.88",
        "http://hl7.org/fhir/ValueSet/rxnorm",
        "RxNorm",
    ]
    .iter()
    .enumerate()
    {
        let drug = json!({"medicationCodeableConcept": {"coding": [
            {"system": NDC, "code": "00093310905"}, {"system": system, "code": "197361"}]}});
        resources.push(dispense(&format!("d{at}"), drug));
    }
    let contained = json!({"medicationReference": {"reference": "#m"}, "contained": [
        {"resourceType": "Medication", "id": "other", "code": coded("1", RXNORM)},
        {"resourceType": "Medication", "id": "m", "code": {"text": "Amlodipine", "coding": [
            {"system": NDC, "code": "0093-3109-05"}, {"system": RXNORM, "code": "197361"}]}}]});
    resources.push(dispense("contained", contained));
    let home = imported(&resources);
    let asked = "SELECT ndc_code, rxnorm_code, count(*) FROM medication_fill GROUP BY 1, 2";
    assert_eq!(ask(&home, asked), ["00093310905|197361|10"]);
    let asked = "SELECT drug_name FROM medication_fill WHERE source_id = 'contained'";
    assert_eq!(ask(&home, asked), ["Amlodipine"]);
}

#[test]
fn a_diagnosis_has_one_spelling_and_a_stay_its_group() {
    let cm = "http://hl7.org/fhir/sid/icd-10-cm";
    let diagnoses = json!([
        {"sequence": 1, "diagnosisCodeableConcept": coded("E119", cm), "type": [coded("principal", "x")],
         "packageCode": coded("470", "https://plan.example/drg")},
        {"sequence": 2, "diagnosisCodeableConcept": coded("e11.9", "http://hl7.org/fhir/sid/icd-10-cm/")},
        {"sequence": 3, "diagnosisCodeableConcept": coded("E11.9", "http://terminology.hl7.org/CodeSystem/icd10CM")},
    ]);
    let condition = json!({"resourceType": "Condition", "id": "k", "subject": {"reference": "Patient/p"},
        "code": coded("E119", "urn:oid:2.16.840.1.113883.6.90")});
    let home = imported(&[
        claim("e", json!({"diagnosis": diagnoses, "item": lines(&[("1", "x")])})),
        condition,
    ]);
    let asked = "SELECT code, icd10_code, count(*) FROM diagnosis GROUP BY 1, 2";
    assert_eq!(ask(&home, asked), ["E11.9|E11.9|4"]);
    let asked = "SELECT principal_diagnosis_code, drg_code FROM claim UNION ALL SELECT diagnosis_code, '' FROM claim_line";
    assert_eq!(ask(&home, asked), ["E11.9|470", "E11.9|"]);
}

#[test]
fn a_claim_has_its_kind_behind_a_payers_own_and_in_words() {
    let own = json!({"system": "https://plan.example/type", "code": "RX"});
    let with =
        |system: &str, code: &str| json!({"coding": [own, {"system": system, "code": code}]});
    let kinds = [
        with("http://hl7.org/fhir/ex-claimtype", "pharmacy"),
        with("https://terminology.hl7.org/CodeSystem/claim-type/", "Pharmacy"),
        json!({"text": " pharmacy"}),
        coded("Pharmacy", "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBClaimType"),
    ];
    let mut claims: Vec<Value> = (0..)
        .zip(kinds)
        .map(|(at, kind): (usize, Value)| claim(&at.to_string(), json!({"type": kind})))
        .collect();
    claims.push(claim("own", json!({"type": {"coding": [own]}})));
    let home = imported(&claims);
    let asked = "SELECT kind, count(*) FROM claim GROUP BY 1 ORDER BY 1";
    assert_eq!(ask(&home, asked), ["RX|1", "pharmacy|4"]);
}

#[test]
fn an_amount_has_its_kind_in_any_coding() {
    let third = json!({"coding": [{"system": "https://x.example", "code": "A1"}, {"system": "https://y.example", "code": "B2"},
        {"system": "http://hl7.org/fhir/us/carin-bb/ValueSet/C4BBAdjudication", "code": "deductible"}]});
    let money = json!({"value": 5, "currency": "USD"});
    let home = imported(&[claim(
        "e",
        json!({"total": [{"category": third, "amount": money},
        {"category": coded("Submitted", "http://terminology.hl7.org/CodeSystem/adjudication"), "amount": money}]}),
    )]);
    assert_eq!(ask(&home, "SELECT deductible_cents, submitted_cents FROM claim"), ["500|500"]);
}

#[test]
fn icd_10_is_found_behind_a_payers_own_code_in_any_spelling() {
    let behind = |system: &str| json!({"coding": [{"system": "https://payer.example/dx", "code": "D1"}, {"system": system, "code": "e119"}]});
    let systems = [
        "ICD-10",
        "http://hl7.org/fhir/sid/icd-10-cm/",
        "http://hl7.org/fhir/us/carin-bb/ValueSet/ICD10DiagnosisCodes",
    ];
    let list: Vec<Value> =
        systems.iter().map(|system| json!({"diagnosisCodeableConcept": behind(system)})).collect();
    let condition = json!({"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/p"}, "code": behind("ICD10-CM")});
    let home = imported(&[claim("e", json!({"diagnosis": list})), condition]);
    let asked = "SELECT source, count(*) FROM diagnosis WHERE code = 'D1' AND icd10_code = 'E11.9' GROUP BY 1";
    assert_eq!(ask(&home, asked), ["claim|3", "condition|1"]);
}

#[test]
fn a_result_is_the_laboratorys_and_read_by_its_normal_range() {
    let result = |id: &str, members: Value| {
        let mut result = json!({"resourceType": "Observation", "id": id, "status": "final",
            "category": [coded("LAB", "http://terminology.hl7.org/CodeSystem/v2-0074")],
            "subject": {"reference": "Patient/p"}, "effectiveDateTime": "2025-01-01",
            "code": {"coding": [{"system": "https://lab.example", "code": "A1C"},
                {"system": "https://loinc.org/", "code": "4548-4"}]}});
        result.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        result
    };
    let range = |low: u8, high: u8| json!({"low": {"value": low}, "high": {"value": high}});
    let typed = |low: u8, high: u8, kind: &str| {
        let mut range = range(low, high);
        range["type"] = coded(kind, "http://terminology.hl7.org/CodeSystem/referencerange-meaning");
        range
    };
    let limit = |value: f64, comparator: &str| {
        json!({"referenceRange": [range(4, 6)],
        "valueQuantity": {"value": value, "comparator": comparator}})
    };
    let read = json!({"valueQuantity": {"value": 5}, "interpretation": [{"coding": [
        {"system": "https://lab.example", "code": "high"},
        {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "code": "H"}]}]});
    let value = json!({"value": 7.2});
    let home = imported(&[
        result(
            "critical",
            json!({"valueQuantity": value, "referenceRange": [typed(0, 20, "critical"), typed(4, 6, "normal")]}),
        ),
        result(
            "only-critical",
            json!({"valueQuantity": value, "referenceRange": [typed(0, 20, "critical")]}),
        ),
        result("over-5", limit(5.0, ">")),
        result("over-6", limit(6.0, ">")),
        result(
            "open",
            json!({"valueQuantity": {"value": 5, "comparator": ">"}, "referenceRange": [{"low": {"value": 4}}]}),
        ),
        result("read", read.clone()),
        result("under-4", limit(4.0, "<")),
        result("under-5", limit(5.0, "<")),
        result(
            "words",
            json!({"category": [{"text": "Laboratory"}], "valueQuantity": {"value": 1}}),
        ),
        result(
            "part",
            json!({"component": [{"code": coded("4548-4", "urn:oid:2.16.840.1.113883.6.1"), "valueQuantity": value,
            "referenceRange": [typed(0, 20, "critical"), range(4, 6)], "interpretation": read["interpretation"]}]}),
        ),
    ]);
    let asked = "SELECT observation_id, test_code, is_abnormal, interpretation_code FROM lab_result ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        [
            "critical|4548-4|1|",
            "only-critical|4548-4||",
            "open|4548-4|0|",
            "over-5|4548-4||",
            "over-6|4548-4|1|",
            "part|4548-4|1|H",
            "read|4548-4|1|H",
            "under-4|4548-4|1|",
            "under-5|4548-4||",
            "words|4548-4||",
        ]
    );
}

#[test]
fn a_column_of_a_vocabulary_knows_its_system_as_it_is_written() {
    let spelled = |url: &str, others: &[&str]| -> Vec<String> {
        let forms = ["http", "https"]
            .iter()
            .flat_map(|scheme| [format!("{scheme}://{url}"), format!("{scheme}://{url}/")]);
        forms.chain(others.iter().map(|other| (*other).to_owned())).collect()
    };
    let ndc = spelled(
        "hl7.org/fhir/sid/ndc",
        &[
            "urn:oid:2.16.840.1.113883.6.69",
            "http://hl7.org/fhir/ValueSet/ndc",
            "http://terminology.hl7.org/CodeSystem/NDC",
            "http://hl7.org/fhir/us/carin-bb/ValueSet/FDANDCOrCompound",
        ],
    );
    let rxnorm =
        spelled("www.nlm.nih.gov/research/umls/rxnorm", &["urn:oid:2.16.840.1.113883.6.88"]);
    let loinc = spelled("loinc.org", &["urn:oid:2.16.840.1.113883.6.1"]);
    let snomed = spelled("snomed.info/sct", &["urn:oid:2.16.840.1.113883.6.96"]);
    let cvx = spelled("hl7.org/fhir/sid/cvx", &["urn:oid:2.16.840.1.113883.12.292"]);
    let columns = [
        ("Medication", "code", "medication", "ndc_code", ndc),
        ("Medication", "code", "medication", "rxnorm_code", rxnorm),
        ("Observation", "code", "observation", "loinc_code", loinc),
        ("Condition", "code", "condition", "snomed_code", snomed),
        ("Immunization", "vaccineCode", "immunization", "cvx_code", cvx),
    ];
    let mut resources = Vec::new();
    for (kind, element, _, column, systems) in &columns {
        for (at, system) in systems.iter().enumerate() {
            let patient = json!({"reference": "Patient/p"});
            let mut resource = json!({
                "resourceType": kind, "id": format!("{column}-{at}").replace('_', "-"), "status": "final",
            });
            resource[*element] = json!({"coding": [{"system": "https://plan.example/own", "code": "own"}, {"system": system, "code": "the code"}]});
            match *kind {
                "Immunization" => resource["patient"] = patient,
                "Medication" => {}
                _ => resource["subject"] = patient,
            }
            resources.push(resource);
        }
    }
    let home = imported(&resources);
    for (_, _, table, column, systems) in &columns {
        let found = format!("SELECT count(*) FROM {table} WHERE {column} = 'the code'");
        assert_eq!(home.value::<i64>(&found), systems.len() as i64, "{column}");
    }
}

/// A compound of several drugs is a fill, and none of its drugs.
#[test]
fn a_compound_has_the_code_of_its_drug_only_where_it_is_one() {
    let part = |at: usize, code: &str| {
        json!({"sequence": at, "productOrService": coded(code, NDC), "adjudication": [
            {"category": coded("submitted", "http://terminology.hl7.org/CodeSystem/adjudication"),
             "amount": {"value": 10, "currency": "USD"}}]})
    };
    let compound = |id: &str, day: &str, parts: Value| {
        let literal = "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBCompoundLiteral";
        claim(
            id,
            json!({"type": coded("pharmacy", "http://terminology.hl7.org/CodeSystem/claim-type"),
            "billablePeriod": {"start": day, "end": day},
            "supportingInfo": [{"sequence": 1, "category": coded("dayssupply",
                "http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBSupportingInfoType"), "valueQuantity": {"value": 30}}],
            "item": [{"sequence": 1, "productOrService": coded("compound", literal), "detail": parts}]}),
        )
    };
    let two = json!([part(1, "0093-3109-05"), part(2, "0093-3110-05")]);
    let home = imported(&[
        compound("a", "2025-01-02", two.clone()),
        compound("b", "2025-06-02", two),
        compound("one", "2025-01-02", json!([part(1, "0093-3109-05"), part(2, "00093310905")])),
    ]);
    let asked =
        "SELECT source_id, ndc_code, days_supply, submitted_cents FROM medication_fill ORDER BY 1";
    assert_eq!(ask(&home, asked), ["a||30|2000", "b||30|2000", "one|00093310905|30|2000"]);
    let asked = "SELECT ndc_code, charge_amount FROM tuva_pharmacy_claim ORDER BY claim_id";
    assert_eq!(ask(&home, asked), ["|20", "|20", "00093310905|20"]);
    assert_eq!(ask(&home, "SELECT drug FROM medication_adherence"), ["000933109"]);
    assert!(ask(&home, "SELECT * FROM medication_gap").is_empty());
}
