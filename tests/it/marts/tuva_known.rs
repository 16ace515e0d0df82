//! What the Tuva input layer knows although no claim's line says it: tax numbers, supply of claims without
//! lines, Medicare's statuses; and what it leaves NULL since nobody knows it.

use crate::{
    files::import::put,
    marts::mart_spellings::{ask, claim, imported},
    support::Home,
};
use serde_json::{Value, json};

const NPI: &str = "http://hl7.org/fhir/sid/us-npi";
const EIN: &str = "urn:oid:2.16.840.1.113883.4.4";

fn coded(code: &str) -> Value {
    json!({"coding": [{"code": code}]})
}

fn money(value: f64) -> Value {
    json!({"value": value, "currency": "USD"})
}

#[test]
fn whoever_is_paid_and_whoever_performs_has_a_tax_number_from_any_record() {
    let organization = |id: &str, npi: &str, tax: Value| {
        json!({"resourceType": "Organization", "id": id, "name": id,
            "identifier": [{"system": NPI, "value": npi}, tax]})
    };
    let led = |id: &str, provider: Value| claim(id, json!({"provider": provider}));
    let named = |tax: &str| json!([{"type": {"coding": [{"code": "TAX"}]}, "value": tax}, {"system": NPI, "value": "1999999992"}]);
    let mut performed = led("performed", json!({"reference": "Organization/o"}));
    performed["careTeam"] = json!([{"sequence": 1, "provider": {"reference": "Practitioner/d"}, "role": coded("performing")}]);
    performed["item"] = json!([{"sequence": 1, "careTeamSequence": [1]}, {"sequence": 2}]);
    let mut contained = led("contained", json!({"reference": "#c"}));
    contained["contained"] = json!([{"resourceType": "Organization", "id": "c", "identifier": [{"system": EIN, "value": "55-5555555"}]}]);
    let home = imported(&[
        organization("o", "1000000004", json!({"system": EIN, "value": "11-1111111"})),
        json!({"resourceType": "Practitioner", "id": "d", "identifier": named("222222222"), "name": [{"family": "D"}]}),
        json!({"resourceType": "PractitionerRole", "id": "r", "practitioner": {"reference": "Practitioner/d"},
            "organization": {"reference": "Organization/o"}}),
        led("organization", json!({"reference": "Organization/o"})),
        led("practitioner", json!({"reference": "Practitioner/d"})),
        led("role", json!({"reference": "PractitionerRole/r"})),
        led("by-number", json!({"identifier": {"system": NPI, "value": "1000000004"}})),
        led("stated", json!({"identifier": {"system": EIN, "value": "33-3333333"}})),
        led("nobody", json!({"display": "Somebody"})),
        contained,
        performed,
    ]);
    let asked = "SELECT substr(claim_id, 3), claim_line_number, billing_tin, rendering_tin FROM tuva_medical_claim ORDER BY 1, 2";
    assert_eq!(
        ask(&home, asked),
        [
            "by-number|1|111111111|111111111",
            "contained|1|555555555|555555555",
            "nobody|1||",
            "organization|1|111111111|111111111",
            "performed|1|111111111|222222222",
            "performed|2|111111111|111111111",
            "practitioner|1|222222222|222222222",
            "role|1|111111111|111111111",
            "stated|1|333333333|333333333",
        ]
    );
}

#[test]
fn the_total_cost_is_unknown_where_neither_allowed_nor_paid_is() {
    let amount = |kind: &str, value: f64| {
        json!({"category": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/adjudication", "code": kind}]},
            "amount": money(value)})
    };
    let lines = json!([{"sequence": 1}, {"sequence": 2}]);
    let with = |id: &str, totals: Value| claim(id, json!({"item": lines, "total": totals}));
    let home = imported(&[
        with(
            "allowed",
            json!([amount("eligible", 90.0), amount("benefit", 60.0), amount("copay", 20.0)]),
        ),
        with("paid", json!([amount("benefit", 60.0), amount("copay", 20.0)])),
        with("share", json!([amount("copay", 20.0)])),
        with("nothing", json!([])),
    ]);
    let asked = "SELECT substr(claim_id, 3), claim_line_number, total_cost_amount FROM tuva_medical_claim ORDER BY 1, 2";
    assert_eq!(
        ask(&home, asked),
        [
            "allowed|1|90",
            "allowed|2|0",
            "nothing|1|",
            "nothing|2|",
            "paid|1|80",
            "paid|2|0",
            "share|1|",
            "share|2|",
        ]
    );
}

#[test]
fn a_drug_has_one_code_beside_the_one_sent_and_a_claim_without_lines_its_supply() {
    let ndc = "http://hl7.org/fhir/sid/ndc";
    let kind = json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "pharmacy"}]});
    let supply = json!([
        {"sequence": 1, "category": coded("dayssupply"), "valueQuantity": {"value": 30}},
        {"sequence": 2, "category": coded("refillnum"), "valueQuantity": {"value": 2}}]);
    let fill = |id: &str, codes: &[&str]| {
        let items: Vec<Value> = (1..)
            .zip(codes)
            .map(|(at, code): (u8, _)| {
                json!({"sequence": at, "productOrService": {"coding": [{"system": ndc, "code": code}]}})
            })
            .collect();
        claim(id, json!({"type": kind, "supportingInfo": supply, "item": items}))
    };
    let home = imported(&[
        fill("a", &["0093-3109-05", "N400093310905", "00093310905", "0093-3109"]),
        fill("b", &[]),
        json!({"resourceType": "MedicationDispense", "id": "d", "status": "completed",
            "subject": {"reference": "Patient/p"}, "whenHandedOver": "2025-01-01",
            "medicationCodeableConcept": {"coding": [{"system": ndc, "code": "0093-3109-05"}]}}),
    ]);
    let codes = |table: &str| {
        ask(
            &home,
            &format!(
                "SELECT ndc_code, ndc_sent_code FROM {table} ORDER BY ndc_sent_code IS NULL, ndc_sent_code"
            ),
        )
    };
    let lines = [
        "00093310905|00093310905",
        "|0093-3109",
        "00093310905|0093-3109-05",
        "00093310905|N400093310905",
    ];
    assert_eq!(codes("claim_line"), lines);
    assert_eq!(codes("pharmacy_claim"), [&lines[..], &["|"]].concat());
    let fills = [&lines[..3], &lines[2..], &["|"]].concat();
    assert_eq!(codes("medication_fill"), fills);
    let asked = "SELECT claim_id, days_supply, refills, dispensing_date FROM tuva_pharmacy_claim WHERE claim_id = '1.b'";
    assert_eq!(ask(&home, asked), ["1.b|30|2|2025-01-02"]);
    let found = "SELECT record_id, detail FROM data_quality WHERE rule = 'invalid NDC'";
    assert_eq!(ask(&home, found), ["a|0093-3109"]);
}

#[test]
fn medicares_statuses_are_those_of_its_extensions() {
    let says = |variable: &str, code: &str| {
        let url = format!("https://bluebutton.cms.gov/resources/variables/{variable}");
        json!({"url": url, "valueCoding": {"system": url, "code": code}})
    };
    let home = Home::new();
    let coverage = json!({"resourceType": "Coverage", "id": "part-a-1", "status": "active",
        "beneficiary": {"reference": "Patient/p"}, "payor": [{"display": "Medicare"}], "period": {"start": "2020-01-01"},
        "extension": [says("orec", "1"), says("ms_cd", "20"), says("dual_01", "02"), says("dual_11", "08"), says("dual_12", "**")]});
    let other = json!({"resourceType": "Coverage", "id": "k", "status": "active", "period": {"start": "2021-01-01"},
        "beneficiary": {"reference": "Patient/p"}, "payor": [{"display": "Plan"}]});
    let text = format!("{}\n{coverage}\n{other}\n", json!({"resourceType": "Patient", "id": "p"}));
    let file = put(&home, "in/coverage.ndjson", text);
    home.succeed(&["import", "c", &file], "importing coverages");
    let asked = "SELECT payer, original_reason_entitlement_code, dual_status_code, medicare_status_code FROM tuva_eligibility ORDER BY 1";
    assert_eq!(ask(&home, asked), ["Medicare|1|08|20", "Plan|||"]);
}

#[test]
fn a_group_is_ms_drg_only_where_its_system_is_called_so() {
    let kind = json!({"coding": [{"system": "http://terminology.hl7.org/CodeSystem/claim-type", "code": "institutional"}]});
    let cms = "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/MS-DRG-Classifications-and-Software";
    let group = |code: &str, system: Option<&str>| {
        let mut coding = json!({"code": code});
        if let Some(system) = system {
            coding["system"] = json!(system);
        }
        json!({"coding": [coding]})
    };
    let told = |id: &str, system: Option<&str>| {
        claim(
            id,
            json!({"type": kind,
            "supportingInfo": [{"sequence": 1, "category": coded("drg"), "code": group("470", system)}]}),
        )
    };
    let packaged =
        |id: &str, entries: Value| claim(id, json!({"type": kind, "diagnosis": entries}));
    let entry = |at: u8, code: &str, system: &str| json!({"sequence": at, "packageCode": group(code, Some(system))});
    let home = imported(&[
        told("apr", Some("http://uri.hddaccess.com/cs/apr-drg")),
        told("cms", Some(cms)),
        told("cms-slash", Some(&format!("{cms}/"))),
        told("medicare", Some("https://bluebutton.cms.gov/resources/variables/clm_drg_cd")),
        told("name", Some("MS-DRG")),
        told("older", Some("https://payer.example/CMS-DRG")),
        told("own", Some("https://payer.example/drg")),
        told("silent", None),
        // The code and its system are of one entry, whichever system is the greatest text.
        packaged("two", json!([entry(2, "1", "zzz apr-drg"), entry(1, "470", "ms-drg")])),
    ]);
    let asked =
        "SELECT substr(claim_id, 3), drg_code_type, drg_code FROM tuva_medical_claim ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        [
            "apr|apr-drg|470",
            "cms|ms-drg|470",
            "cms-slash|ms-drg|470",
            "medicare|ms-drg|470",
            "name|ms-drg|470",
            "older||470",
            "own||470",
            "silent||470",
            "two|ms-drg|470",
        ]
    );
    let systems = "SELECT drg_system FROM claim_current WHERE explanation_of_benefit_id IN ('own', 'silent', 'two') ORDER BY explanation_of_benefit_id";
    assert_eq!(ask(&home, systems), ["https://payer.example/drg", "", "ms-drg"]);
}

#[test]
fn every_record_says_when_its_content_came() {
    let (_server, home) = crate::marts::more_marts::synced();
    let claims = "SELECT count(*) FROM (SELECT claim_id, ingest_datetime FROM tuva_medical_claim
          UNION ALL SELECT claim_id, ingest_datetime FROM tuva_pharmacy_claim) AS t
        JOIN resource AS r ON r.connection_id || '.' || r.resource_id = t.claim_id
         AND r.resource_type = 'ExplanationOfBenefit'
        WHERE t.ingest_datetime IS NOT date(r.received_at)";
    assert_eq!(home.value::<i64>(claims), 0);
    assert!(home.value::<i64>("SELECT count(ingest_datetime) FROM tuva_medical_claim") > 0);
    let day: String = home.value("SELECT date(max(received_at)) FROM resource");
    for view in [
        "condition",
        "eligibility",
        "encounter",
        "immunization",
        "lab_result",
        "medication",
        "observation",
        "patient",
        "procedure",
    ] {
        let other = format!(
            "SELECT count(*) FROM tuva_{view} WHERE ingest_datetime IS NULL OR ingest_datetime > '{day}'"
        );
        assert_eq!(home.value::<i64>(&other), 0, "{view}");
    }
}

#[test]
fn a_payer_that_its_coverage_contains_has_its_name() {
    let covered = |id: &str, payer: Value, contained: Value| {
        json!({"resourceType": "Coverage", "id": id, "status": "active", "contained": contained,
            "beneficiary": {"reference": "Patient/p"}, "payor": [payer], "period": {"start": "2025-01-01"}})
    };
    let organizations = json!([{"resourceType": "Organization", "id": "other", "name": "Another"},
        {"resourceType": "Organization", "id": "org", "name": "Payer North"}]);
    let home = imported(&[
        covered("contained", json!({"reference": "#org"}), organizations),
        covered("named", json!({"display": "Payer South"}), json!([])),
    ]);
    let asked = "SELECT coverage_id, payer_name FROM coverage_span ORDER BY 1";
    assert_eq!(ask(&home, asked), ["contained|Payer North", "named|Payer South"]);
    let payers = "SELECT payer FROM tuva_eligibility ORDER BY 1";
    assert_eq!(ask(&home, payers), ["Payer North", "Payer South"]);
}

#[test]
fn the_kind_of_payer_is_that_of_the_coverages_code() {
    let covered = |id: &str, codings: Value| {
        json!({"resourceType": "Coverage", "id": id, "status": "active", "subscriberId": id,
            "beneficiary": {"reference": "Patient/p"}, "payor": [{"display": id}],
            "period": {"start": "2024-01-01", "end": "2024-12-31"}, "type": {"coding": codings}})
    };
    let sopt = |code: &str| json!({"system": "https://nahdo.org/sopt", "code": code});
    let hl7 = |code: &str| json!({"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": code});
    let own = json!({"system": "https://payer.example/kinds", "code": "2"});
    let home = imported(&[
        covered("a-dual", json!([sopt("14")])),
        covered("b-medicaid", json!([sopt("2")])),
        covered("c-private", json!([hl7("PPO"), sopt("512")])),
        covered("d-blue", json!([sopt("61")])),
        covered("e-local", json!([sopt("3712")])),
        covered("f-own", json!([own])),
        covered("g-word", json!([hl7("MCPOL")])),
    ]);
    assert_eq!(
        ask(&home, "SELECT payer, payer_type FROM tuva_eligibility ORDER BY 1"),
        [
            "a-dual|medicare",
            "b-medicaid|medicaid",
            "c-private|commercial",
            "d-blue|commercial",
            "e-local|",
            "f-own|",
            "g-word|commercial",
        ]
    );
}

#[test]
fn a_claim_without_its_coverage_has_the_member_number_that_eligibility_has() {
    let patient = json!({"resourceType": "Patient", "id": "p", "identifier": [
        {"system": "https://plan.example/member", "value": "M123", "type": coded("MB")}]});
    let covered = json!({"resourceType": "Coverage", "id": "k", "status": "active",
        "beneficiary": {"reference": "Patient/p"}, "payor": [{"display": "Plan"}], "period": {"start": "2025-01-01"}});
    let home = imported(&[
        patient,
        covered,
        claim("a", json!({})),
        claim("b", json!({"type": coded("pharmacy")})),
    ]);
    let numbers = "SELECT claim_id, member_id FROM tuva_medical_claim
        UNION ALL SELECT claim_id, member_id FROM tuva_pharmacy_claim
        UNION ALL SELECT 'eligibility', member_id FROM tuva_eligibility ORDER BY 1";
    assert_eq!(ask(&home, numbers), ["1.a|M123", "1.b|M123", "eligibility|M123"]);
}
