//! The date parameters by which each type can be searched, with the reason for each. Source: FHIR R4, search
//! parameters of each resource; CARIN for Blue Button, `service-date`.

/// The date parameters of the types that have one, best first.
const DATE_PARAMETERS: &[(&str, &[&str], &str)] = &[
    ("ExplanationOfBenefit", &["service-date"], "CARIN requires every payer to serve it"),
    ("Encounter", &["date"], "when it took place"),
    (
        "Condition",
        &["recorded-date", "onset-date"],
        "an onset is often unknown; the date of the \
        record is known",
    ),
    ("Procedure", &["date"], "when it was performed"),
    ("Observation", &["date"], "when it was observed"),
    ("DiagnosticReport", &["date"], "the time that the report is about"),
    ("DocumentReference", &["date"], "when it was made; `period` is seldom filled"),
    ("Immunization", &["date"], "when it was given"),
    ("AllergyIntolerance", &["date"], "when it was recorded"),
    ("MedicationRequest", &["authoredon"], "when it was prescribed"),
    ("MedicationDispense", &["whenhandedover"], "when it was filled"),
    ("MedicationStatement", &["effective"], "when it was taken"),
    ("MedicationAdministration", &["effective-time"], "when it was given"),
    ("CarePlan", &["date"], "the period that it covers"),
    ("CareTeam", &["date"], "the period that it covers"),
    ("Goal", &["start-date"], "when its pursuit began"),
    ("ServiceRequest", &["authored"], "when it was ordered"),
    ("Specimen", &["collected"], "when it was taken"),
    ("QuestionnaireResponse", &["authored"], "when it was answered"),
    ("Provenance", &["recorded"], "when it was recorded"),
    ("Claim", &["created"], "its only date parameter"),
    ("ClaimResponse", &["created"], "its only date parameter"),
];

/// The parameters by which a type can be searched by date, best first; empty if it has none.
pub fn date_parameters(resource_type: &str) -> &'static [&'static str] {
    DATE_PARAMETERS
        .iter()
        .find(|(name, ..)| *name == resource_type)
        .map_or(&[], |(_, parameters, _)| parameters)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::resource_type;

    #[test]
    fn every_line_is_of_a_known_type_and_has_a_reason() {
        for (name, parameters, reason) in DATE_PARAMETERS {
            assert!(resource_type(name).is_some() && !parameters.is_empty(), "{name}");
            assert!(!reason.is_empty(), "{name}");
        }
        assert_eq!(date_parameters("Coverage"), <[&str; 0]>::default());
    }
}
