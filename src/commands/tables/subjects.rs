//! The subjects by which tables are grouped, in the order in which an analyst looks for them.

use super::described::{Described, Kind};

/// A subject: the marts that answer its questions, and the FHIR types whose tables belong to it.
pub(super) struct Subject {
    pub(super) title: &'static str,
    marts: &'static [&'static str],
    types: &'static [&'static str],
}

/// All subjects. The last one has the marts and tables that no other subject names, such as a user's own.
pub(super) const ALL: [Subject; 11] = [
    Subject { title: "Persons", marts: &["member"], types: &["Patient", "RelatedPerson"] },
    Subject {
        title: "Coverage",
        marts: &["enrollment", "coverage_span", "member_month", "accumulator"],
        types: &["Coverage", "InsurancePlan"],
    },
    Subject {
        title: "Claims",
        marts: &[
            "claim",
            "claim_current",
            "claim_line",
            "claim_lineage",
            "medical_claim",
            "pharmacy_claim",
            "payment_ledger",
            "prior_authorization",
            "reconciliation",
            "spend_by_month",
        ],
        types: &["ExplanationOfBenefit", "Claim", "ClaimResponse"],
    },
    Subject {
        title: "Medication",
        marts: &["medication_fill", "medication_gap", "medication_adherence"],
        types: &[
            "Medication",
            "MedicationKnowledge",
            "MedicationRequest",
            "MedicationDispense",
            "MedicationStatement",
            "MedicationAdministration",
        ],
    },
    Subject {
        title: "Clinical",
        marts: &["diagnosis", "procedure_occurrence"],
        types: &[
            "Encounter",
            "Condition",
            "Procedure",
            "Immunization",
            "AllergyIntolerance",
            "Device",
        ],
    },
    Subject {
        title: "Results",
        marts: &["lab_result"],
        types: &["Observation", "DiagnosticReport", "Specimen"],
    },
    Subject {
        title: "Care plans",
        marts: &[],
        types: &["CarePlan", "CareTeam", "Goal", "ServiceRequest"],
    },
    Subject {
        title: "Providers",
        marts: &["provider", "provider_npi"],
        types: &["Organization", "Practitioner", "PractitionerRole", "Location"],
    },
    Subject {
        title: "Documents",
        marts: &[],
        types: &["DocumentReference", "QuestionnaireResponse", "Provenance"],
    },
    Subject {
        title: "The data itself",
        marts: &["data_freshness", "data_quality", "changes", "contained_resource"],
        types: &[],
    },
    Subject { title: "Other", marts: &[], types: &[] },
];

impl Subject {
    /// Whether a mart, or a table of a type, belongs to the subject. Control tables and Tuva's views belong
    /// to none.
    pub(super) fn has(&self, one: &Described<'_>) -> bool {
        let named = |subject: &Subject| match (one.kind, one.resource) {
            (Kind::Mart, _) => subject.marts.contains(&one.name),
            (Kind::Type | Kind::Part, Some(resource)) => subject.types.contains(&resource),
            _ => false,
        };
        let is_last = self.marts.is_empty() && self.types.is_empty();
        let is_about_any = matches!(one.kind, Kind::Mart | Kind::Type | Kind::Part);
        named(self) || (is_last && is_about_any && !ALL.iter().any(named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{commands::tables::described, warehouse::Catalog};
    use std::collections::HashMap;

    #[test]
    fn whatever_payersync_brings_has_one_subject_and_the_last_one_is_for_others() {
        let catalog = Catalog::embedded();
        for one in described::all(&catalog, &HashMap::new()) {
            let found: Vec<&str> =
                ALL.iter().filter(|subject| subject.has(&one)).map(|it| it.title).collect();
            let wanted = usize::from(!matches!(one.kind, Kind::Control | Kind::Tuva));
            assert_eq!(found.len(), wanted, "{}: {found:?}", one.name);
            assert!(!found.contains(&"Other"), "{}", one.name);
        }
    }
}
