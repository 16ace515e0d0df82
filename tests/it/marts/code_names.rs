//! Marts show what codes are called: as sent until a list is loaded, and by the list from then on.

use crate::{
    commands::codes::{hcpcs, load, order},
    marts::mart_spellings::{add, ask, claim, imported},
    support::Home,
};
use serde_json::{Value, json};
use std::fs;

const HCPCS: &str = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets";
const NDC: &str = "http://hl7.org/fhir/sid/ndc";
const MS_DRG: &str = "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/MS-DRG-Classifications-and-Software";
/// Every name that a list may give, in one table.
const NAMES: &str = "
    SELECT 'diagnosis', code, display FROM diagnosis
    UNION ALL SELECT 'line', code, code_display FROM claim_line
    UNION ALL SELECT 'line of', diagnosis_code, diagnosis_display FROM claim_line WHERE diagnosis_code IS NOT NULL
    UNION ALL SELECT 'place', place_of_service_code, place_of_service_display FROM claim_line WHERE place_of_service_code IS NOT NULL
    UNION ALL SELECT 'DRG', drg_code, drg_display FROM claim_current WHERE drg_code IS NOT NULL
    UNION ALL SELECT 'procedure', code, display FROM procedure_occurrence WHERE source = 'claim'
    UNION ALL SELECT 'drug', ndc_code, drug_name FROM medication_fill
    UNION ALL SELECT 'authorized', code, code_display FROM prior_authorization
    UNION ALL SELECT 'specialty', provider_id, specialty FROM provider
    ORDER BY 1, 2, 3";

fn concept(system: &str, code: &str, display: Option<&str>) -> Value {
    match display {
        Some(display) => {
            json!({"coding": [{"system": system, "code": code, "display": display}]})
        }
        None => json!({"coding": [{"system": system, "code": code}]}),
    }
}

fn resources() -> Vec<Value> {
    let icd10 = "urn:oid:2.16.840.1.113883.6.90";
    let stay = json!({
        "diagnosis": [
            {"sequence": 1, "diagnosisCodeableConcept": concept(icd10, "e119", None)},
            {"sequence": 2, "diagnosisCodeableConcept": concept(icd10, "Z99.9", Some("As the plan says"))},
        ],
        "procedure": [{"sequence": 1,
            "procedureCodeableConcept": concept("http://www.cms.gov/Medicare/Coding/ICD10", "0016070", None)}],
        "supportingInfo": [{"sequence": 1, "category": concept("http://hl7.org/fhir/us/carin-bb/CodeSystem/C4BBSupportingInfoType", "drg", None),
            "code": concept(MS_DRG, "7", Some("DRG as sent"))}],
        "item": [
            {"sequence": 1, "diagnosisSequence": [1], "productOrService": concept(HCPCS, "j1885", Some("DRUG J")),
             "locationCodeableConcept": concept("https://www.cms.gov/pos", "1", None)},
            {"sequence": 2, "diagnosisSequence": [2], "productOrService": concept("https://plan.example/own", "X", Some("Own code"))},
        ],
    });
    let fill = json!({
        "type": concept("http://terminology.hl7.org/CodeSystem/claim-type", "pharmacy", None),
        "item": [{"sequence": 1, "productOrService": concept(NDC, "00002-1433-80", Some("DRG TAB"))}],
    });
    let asked = json!({"use": "preauthorization",
        "item": [{"sequence": 1, "productOrService": concept(HCPCS, "A1234", None)}]});
    let taxonomy = "http://nucc.org/provider-taxonomy";
    let role = |id: &str, doctor: &str, specialty: Value| {
        json!({"resourceType": "PractitionerRole", "id": id, "specialty": [specialty],
            "practitioner": {"reference": format!("Practitioner/{doctor}")}})
    };
    let grouped = |system: &str, code: &str| {
        json!({"diagnosis": [{"sequence": 1, "diagnosisCodeableConcept": concept(icd10, "Z99.9", Some("As the plan says")),
            "packageCode": concept(system, code, Some("Group as sent"))}]})
    };
    vec![
        claim("apr", grouped("https://www.3m.com/apr-drg", "007")),
        claim("ap", grouped("http://uri.hddaccess.com/cs/apdrg", "007")),
        claim("own", grouped("https://plan.example/own", "007")),
        claim("long", grouped(MS_DRG, "1007")),
        claim("packed", grouped("http://terminology.hl7.org/CodeSystem/MSDRG", "007")),
        claim(
            "unsaid",
            json!({"diagnosis": [{"sequence": 1,
            "diagnosisCodeableConcept": concept(icd10, "Z99.9", Some("As the plan says")),
            "packageCode": {"coding": [{"code": "007", "display": "Group as sent"}]}}]}),
        ),
        claim("stay", stay),
        claim("fill", fill),
        claim("asked", asked),
        json!({"resourceType": "Practitioner", "id": "d1", "name": [{"family": "One"}]}),
        json!({"resourceType": "Practitioner", "id": "d2", "name": [{"family": "Two"}]}),
        role("r1", "d1", concept(taxonomy, "1AAAA0000X", Some("allergy"))),
        role("r2", "d2", concept("https://plan.example/own", "1AAAA0000X", Some("Own specialty"))),
    ]
}

fn home() -> Home {
    imported(&resources())
}

#[test]
fn a_name_is_the_lists_where_one_is_loaded_else_as_sent() {
    let home = home();
    let sent = [
        "DRG|007|Group as sent",
        "DRG|007|Group as sent",
        "DRG|007|Group as sent",
        "DRG|007|Group as sent",
        "DRG|007|Group as sent",
        "DRG|1007|Group as sent",
        "DRG|7|DRG as sent",
        "authorized|A1234|",
        "diagnosis|E11.9|",
        "diagnosis|Z99.9|As the plan says",
        "diagnosis|Z99.9|As the plan says",
        "diagnosis|Z99.9|As the plan says",
        "diagnosis|Z99.9|As the plan says",
        "diagnosis|Z99.9|As the plan says",
        "diagnosis|Z99.9|As the plan says",
        "diagnosis|Z99.9|As the plan says",
        "drug|00002143380|DRG TAB",
        "line|00002-1433-80|DRG TAB",
        "line|X|Own code",
        "line|j1885|DRUG J",
        "line of|E11.9|",
        "line of|Z99.9|As the plan says",
        "place|01|",
        "procedure|0016070|",
        "specialty|d1|allergy",
        "specialty|d2|Own specialty",
    ];
    let names = || {
        let mut found = ask(&home, NAMES);
        found.sort();
        found
    };
    let sorted = |names: &[&str]| {
        let mut names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(names(), sorted(&sent));

    load(&home, "order.txt", order(1, "E119", 1, "Diabetes without complications"));
    load(&home, "pcs.txt", order(1, "0016070", 1, "Bypass of one part"));
    load(
        &home,
        "hcpcs.txt",
        [hcpcs("A1234", 3, "A thing"), hcpcs("J1885", 3, "A drug by needle")].concat(),
    );
    load(
        &home,
        "drg.txt",
        "TABLE 5\t\t\t\nMS-DRG\tFY\tMDC\tTYPE\tMS-DRG Title\tWeights\n7\tNo\tPRE\tSURG\tLUNG\t9.0\n",
    );
    load(
        &home,
        "places.csv",
        "Place of Service Code(s),Place of Service Name,Place of Service Description\n1,Pharmacy,x\n",
    );
    load(
        &home,
        "taxonomy.csv",
        "Code,Grouping,Classification,Specialization,Definition,Notes,Display Name,Section\n\
         1AAAA0000X,G,Allergy,,a,,Allergist,Individual\n",
    );
    let products = "PRODUCTID\tPRODUCTNDC\tPRODUCTTYPENAME\tPROPRIETARYNAME\tNONPROPRIETARYNAME\tDOSAGEFORMNAME\tACTIVE_NUMERATOR_STRENGTH\tACTIVE_INGRED_UNIT\n\
        a\t0002-1433\tHUMAN\tMadeup\tmadeupine\tTABLET\t5\tmg/1\n";
    load(&home, "product.txt", products);
    let by_lists = [
        // Of APR-DRG, AP-DRG, the plan's own groups and those without a system no list is read.
        "DRG|007|Group as sent",
        "DRG|007|Group as sent",
        "DRG|007|Group as sent",
        "DRG|007|Group as sent",
        "DRG|007|LUNG",
        "DRG|1007|Group as sent",
        "DRG|7|LUNG",
        "authorized|A1234|A thing",
        "diagnosis|E11.9|Diabetes without complications",
        "diagnosis|Z99.9|As the plan says",
        "diagnosis|Z99.9|As the plan says",
        "diagnosis|Z99.9|As the plan says",
        "diagnosis|Z99.9|As the plan says",
        "diagnosis|Z99.9|As the plan says",
        "diagnosis|Z99.9|As the plan says",
        "diagnosis|Z99.9|As the plan says",
        "drug|00002143380|Madeup (madeupine) tablet 5 mg/1",
        "line|00002-1433-80|Madeup (madeupine) tablet 5 mg/1",
        "line|X|Own code",
        "line|j1885|A drug by needle",
        "line of|E11.9|Diabetes without complications",
        "line of|Z99.9|As the plan says",
        "place|01|Pharmacy",
        "procedure|0016070|Bypass of one part",
        "specialty|d1|Allergist",
        "specialty|d2|Own specialty",
    ];
    assert_eq!(names(), sorted(&by_lists));
    home.succeed(&["verify"], "codes loaded");

    // The same list again changes nothing, a renamed code its rows.
    let before = home.digest();
    load(&home, "order.txt", order(1, "E119", 1, "Diabetes without complications"));
    assert_eq!(home.digest(), before);
    load(&home, "order.txt", order(1, "E119", 1, "Diabetes, renamed"));
    assert!(names().contains(&"diagnosis|E11.9|Diabetes, renamed".to_owned()));
    // What comes later has its names at once.
    add(
        &home,
        "c",
        &[claim(
            "later",
            json!({"item": [
        {"sequence": 1, "productOrService": concept(HCPCS, "A1234", None)}]}),
        )],
    );
    assert!(names().contains(&"line|A1234|A thing".to_owned()));
    home.succeed(&["verify"], "a later claim");
}

#[test]
fn a_name_is_found_by_the_key_of_the_table() {
    // With a scan for every row, a loaded directory of drugs would take hours.
    let mut look_ups = 0;
    for file in fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/config/marts")).unwrap() {
        let sql = fs::read_to_string(file.unwrap().path()).unwrap();
        for look_up in sql.split("code AS n ").skip(1) {
            let end = look_up.find("n.display").unwrap_or(look_up.len());
            let key = ["n.system = ", "n.code = "].map(|part| look_up[..end].contains(part));
            assert_eq!(key, [true, true], "{look_up}");
            look_ups += 1;
        }
    }
    assert!(look_ups >= 12, "{look_ups}");
    let home = home();
    for sql in [
        "SELECT specialty FROM provider",
        "SELECT (SELECT n.display FROM code AS n WHERE n.system = upper(l.code_system) AND n.code = upper(l.code))
         FROM claim_line AS l",
    ] {
        let plan = home.rows(&format!("EXPLAIN QUERY PLAN {sql}"));
        let plan: Vec<String> = plan.into_iter().map(|row| row.join(" ")).collect();
        let is_searched = |step: &String| step.contains("SEARCH n USING INDEX") && step.contains("(system=? AND code=?)");
        assert!(plan.iter().any(is_searched), "{plan:?}");
    }
}
