//! The resource types of FHIR R4 (4.0.1). Source: FHIR R4, resource index.

/// Every type, in alphabetical order.
const TYPES: &str = "Account ActivityDefinition AdverseEvent AllergyIntolerance Appointment \
    AppointmentResponse AuditEvent Basic Binary BiologicallyDerivedProduct BodyStructure Bundle \
    CapabilityStatement CarePlan CareTeam CatalogEntry ChargeItem ChargeItemDefinition Claim \
    ClaimResponse ClinicalImpression CodeSystem Communication CommunicationRequest \
    CompartmentDefinition Composition ConceptMap Condition Consent Contract Coverage \
    CoverageEligibilityRequest CoverageEligibilityResponse DetectedIssue Device DeviceDefinition \
    DeviceMetric DeviceRequest DeviceUseStatement DiagnosticReport DocumentManifest \
    DocumentReference EffectEvidenceSynthesis Encounter Endpoint EnrollmentRequest \
    EnrollmentResponse EpisodeOfCare EventDefinition Evidence EvidenceVariable ExampleScenario \
    ExplanationOfBenefit FamilyMemberHistory Flag Goal GraphDefinition Group GuidanceResponse \
    HealthcareService ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation \
    ImplementationGuide InsurancePlan Invoice Library Linkage List Location Measure MeasureReport \
    Media Medication MedicationAdministration MedicationDispense MedicationKnowledge \
    MedicationRequest MedicationStatement MedicinalProduct MedicinalProductAuthorization \
    MedicinalProductContraindication MedicinalProductIndication MedicinalProductIngredient \
    MedicinalProductInteraction MedicinalProductManufactured MedicinalProductPackaged \
    MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition \
    MessageHeader MolecularSequence NamingSystem NutritionOrder Observation ObservationDefinition \
    OperationDefinition OperationOutcome Organization OrganizationAffiliation Parameters Patient \
    PaymentNotice PaymentReconciliation Person PlanDefinition Practitioner PractitionerRole \
    Procedure Provenance Questionnaire QuestionnaireResponse RelatedPerson RequestGroup \
    ResearchDefinition ResearchElementDefinition ResearchStudy ResearchSubject RiskAssessment \
    RiskEvidenceSynthesis Schedule SearchParameter ServiceRequest Slot Specimen \
    SpecimenDefinition StructureDefinition StructureMap Subscription Substance \
    SubstanceNucleicAcid SubstancePolymer SubstanceProtein SubstanceReferenceInformation \
    SubstanceSourceMaterial SubstanceSpecification SupplyDelivery SupplyRequest Task \
    TerminologyCapabilities TestReport TestScript ValueSet VerificationResult VisionPrescription";

/// Whether FHIR R4 knows a type of this name.
pub fn is_r4_type(name: &str) -> bool {
    TYPES.split_ascii_whitespace().any(|known| known == name)
}

/// The type whose name is nearest to a misspelt one, if one is near.
pub fn similar_r4_type(name: &str) -> Option<&'static str> {
    let wanted = name.to_ascii_lowercase();
    let distance = |known: &&str| edits(&wanted, &known.to_ascii_lowercase());
    let nearest = TYPES.split_ascii_whitespace().min_by_key(distance)?;
    (distance(&nearest) <= 1 + wanted.len() / 6).then_some(nearest)
}

/// The number of letters to insert, delete or replace (Levenshtein).
pub(crate) fn edits(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (at, letter) in from.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, other) in to.bytes().enumerate() {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fhir::RESOURCE_TYPES;

    #[test]
    fn there_are_146_types_in_order_and_those_asked_for_are_among_them() {
        let types: Vec<&str> = TYPES.split_ascii_whitespace().collect();
        assert_eq!(types.len(), 146);
        assert!(types.is_sorted());
        assert!(RESOURCE_TYPES.iter().all(|known| is_r4_type(known.name)));
        assert!(!is_r4_type("ExplanationOfBenefits") && !is_r4_type("patient"));
    }

    #[test]
    fn a_misspelt_type_finds_the_one_that_was_meant() {
        for (name, meant) in [
            ("ExplanationOfBenefits", Some("ExplanationOfBenefit")),
            ("explanationofbenefit", Some("ExplanationOfBenefit")),
            ("Practicioner", Some("Practitioner")),
            ("Gaol", None),
            ("Goals", Some("Goal")),
            ("EOB", None),
            ("", None),
        ] {
            assert_eq!(similar_r4_type(name), meant, "{name}");
        }
    }
}
