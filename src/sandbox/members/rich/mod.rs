//! Rich resources: a few resources of each type with the elements that payers rarely send.
//!
//! Without them, most child tables would be empty in a demo. A rich resource keeps its elements and gains
//! all others that the standard allows. If an element can have several types, `Rich::turn` chooses one, so
//! that a few resources together show them all. A claim with an oddity of `quirks` is never rich.

mod claim;
mod claim_line;
mod claim_response;
mod clinical_care;
mod clinical_findings;
mod clinical_records;
mod contained;
mod elaborate;
mod element;
mod everywhere;
mod medication;
mod observation;
mod provider;
mod related_party;
mod turn;

use super::{json::Json, member::Member};
use turn::Rich;

/// Fills every element of the resource, if its number is one of the rich ones.
pub(super) fn apply(resource_type: &str, member: &Member, number: u32, resource: &mut Json) {
    let Some(rich) = Rich::new(resource_type, member, number) else { return };
    let rich = &rich;
    match resource_type {
        "ExplanationOfBenefit" => claim::explanation_of_benefit(rich, resource),
        "Claim" => claim::claim(rich, resource),
        "ClaimResponse" => claim_response::claim_response(rich, resource),
        "Coverage" => claim::coverage(rich, resource),
        "Patient" => related_party::patient(rich, resource),
        "RelatedPerson" => related_party::related_person(rich, resource),
        "Organization" => provider::organization(rich, resource),
        "Practitioner" => provider::practitioner(rich, resource),
        "PractitionerRole" => provider::practitioner_role(rich, resource),
        "Location" => provider::location(rich, resource),
        "Encounter" => clinical_care::encounter(rich, resource),
        "Procedure" => clinical_care::procedure(rich, resource),
        "CarePlan" => clinical_care::care_plan(rich, resource),
        "CareTeam" => clinical_care::care_team(rich, resource),
        "Goal" => clinical_care::goal(rich, resource),
        "ServiceRequest" => clinical_care::service_request(rich, resource),
        "Condition" => clinical_findings::condition(rich, resource),
        "AllergyIntolerance" => clinical_findings::allergy_intolerance(rich, resource),
        "Immunization" => clinical_findings::immunization(rich, resource),
        "Observation" => observation::observation(rich, resource),
        "Medication" => medication::medication(rich, resource),
        "MedicationRequest" => medication::medication_request(rich, resource),
        "MedicationDispense" => medication::medication_dispense(rich, resource),
        "MedicationStatement" => medication::medication_statement(rich, resource),
        "MedicationAdministration" => medication::medication_administration(rich, resource),
        "DiagnosticReport" => clinical_records::diagnostic_report(rich, resource),
        "DocumentReference" => clinical_records::document_reference(rich, resource),
        "Device" => clinical_records::device(rich, resource),
        "Specimen" => clinical_records::specimen(rich, resource),
        "QuestionnaireResponse" => clinical_records::questionnaire_response(rich, resource),
        "Provenance" => clinical_records::provenance(rich, resource),
        _ => {}
    }
    everywhere::apply(rich, resource_type, resource);
    elaborate::elaborate(resource);
}

#[cfg(test)]
mod tests {
    use super::turn::RICH_CLAIMS;
    use crate::sandbox::members::{Population, Shelf, entry, quirks::CLAIM_QUIRKS};

    #[test]
    fn no_claim_with_a_quirk_is_rich() {
        assert!(CLAIM_QUIRKS.iter().all(|(number, _)| !RICH_CLAIMS.contains(number)));
    }

    #[test]
    fn rich_resources_are_few() {
        let member =
            Population { seed: 1, claims_per_member: 40, unique_ids: false, rich: true }.member(0);
        for name in ["ExplanationOfBenefit", "Condition", "MedicationDispense", "Observation"] {
            let shelf = Shelf::new(member, entry(name).unwrap());
            let is_rich = |index: &u32| shelf.text(*index).contains("\"language\":\"en-US\",");
            assert!((0..shelf.len()).filter(is_rich).count() * 3 <= shelf.len() as usize, "{name}");
        }
    }

    #[test]
    fn an_element_of_several_types_stands_there_once() {
        let member =
            Population { seed: 1, claims_per_member: 40, unique_ids: false, rich: true }.member(0);
        for (name, elements) in [
            ("Condition", ["onset", "abatement"]),
            ("Observation", ["value", "effective"]),
            ("MedicationStatement", ["medication", "effective"]),
        ] {
            let shelf = Shelf::new(member, entry(name).unwrap());
            for index in 0..shelf.len() {
                let resource: serde_json::Value = serde_json::from_str(&shelf.text(index)).unwrap();
                for element in elements {
                    let is_it = |key: &&String| {
                        let rest = key.strip_prefix(element);
                        rest.is_some_and(|r| r.starts_with(|c: char| c.is_ascii_uppercase()))
                    };
                    let count = resource.as_object().unwrap().keys().filter(is_it).count();
                    assert!(count <= 1, "{name} {index} {element}");
                }
            }
        }
    }
}
