//! A reference leads to the resource of the type that it names, never to another one with the same id.

use crate::marts::mart_spellings::{ask, claim, imported};
use serde_json::{Value, json};

#[test]
fn a_provider_is_of_the_type_that_its_reference_names() {
    let npi = |value: &str| json!([{"system": "http://hl7.org/fhir/sid/us-npi", "value": value}]);
    let line = json!({"sequence": 1, "careTeamSequence": [1],
        "productOrService": {"coding": [{"system": "http://www.ama-assn.org/go/cpt", "code": "99213"}]}});
    let by = |id: &str, reference: &str| {
        let provider = json!({"reference": reference});
        claim(
            id,
            json!({"provider": provider, "item": [line], "careTeam": [{"sequence": 1, "provider": provider}]}),
        )
    };
    let mut organization =
        json!({"resourceType": "Organization", "id": "12", "name": "The Clinic"});
    organization["identifier"] = npi("1111111112");
    organization["identifier"].as_array_mut().unwrap().push(json!({"value": "12-3456789",
        "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "TAX"}]}}));
    let home = imported(&[
        organization,
        json!({"resourceType": "Practitioner", "id": "12", "identifier": npi("1222222228"),
            "name": [{"given": ["Vera"], "family": "Doe"}]}),
        json!({"resourceType": "PractitionerRole", "id": "12", "identifier": npi("1333333331"),
            "practitioner": {"display": "Rose Role"}}),
        by("clinic", "Organization/12"),
        by("place", "Location/12"),
        by("member", "Patient/12"),
        by("relative", "RelatedPerson/12/_history/1"),
        by("role", "PractitionerRole/12"),
        by("versioned", "Practitioner/12/_history/3"),
    ]);
    let asked = "SELECT c.explanation_of_benefit_id, c.provider_id, c.provider_name, c.provider_npi, l.provider_npi,
                   replace(m.billing_tin, '-', '')
                 FROM claim AS c JOIN claim_line AS l USING (connection_id, explanation_of_benefit_id)
                 JOIN medical_claim AS m USING (connection_id, explanation_of_benefit_id) ORDER BY 1";
    assert_eq!(
        ask(&home, asked),
        [
            "clinic|12|The Clinic|1111111112|1111111112|123456789",
            "member|||||",
            "place|||||",
            "relative|||||",
            "role|12|Rose Role|1333333331|1333333331|",
            "versioned|12|Vera Doe|1222222228|1222222228|",
        ]
    );
}

#[test]
fn a_related_claim_is_of_the_type_that_its_reference_names() {
    let explains = |id: &str, of: &str| claim(id, json!({"claim": {"reference": of}}));
    let after = |id: &str, of: &str| -> Value {
        let related =
            json!([{"relationship": {"coding": [{"code": "prior"}]}, "claim": {"reference": of}}]);
        claim(id, json!({"created": "2025-02-10", "related": related}))
    };
    let home = imported(&[
        explains("a1", "Claim/a9"),
        explains("a9", "Claim/a5"),
        after("a-claim", "Claim/a9"),
        explains("b1", "Claim/b9"),
        explains("b9", "Claim/b5"),
        after("b-explanation", "ExplanationOfBenefit/b9"),
        explains("c1", "Claim/c9"),
        after("c-explanation", "ExplanationOfBenefit/c9"),
        // Many payers call an ExplanationOfBenefit a Claim.
        claim("d9", json!({})),
        after("d-claim", "Claim/d9"),
        claim("e9", json!({})),
        after("e-patient", "Patient/e9"),
        after("e-response", "ClaimResponse/e9"),
    ]);
    let asked = "SELECT explanation_of_benefit_id, replaced_by_id FROM claim_lineage ORDER BY 1";
    assert_eq!(ask(&home, asked), ["a1|a-claim", "b9|b-explanation", "d9|d-claim"]);
}
