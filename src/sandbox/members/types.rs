//! The types that the payer serves, one line each.
//!
//! A line says how many resources there are, what ids they have and which function makes them; it holds no
//! data.

use super::ids::{slug, uuid};
use super::json::Json;
use super::member::{Member, location_id, organization_id, practitioner_id};
use super::{
    clinical_care as care, clinical_findings as findings, clinical_medication as medication,
    clinical_records as records, coverage, eob, medication_use, patient, payer_claim, plan_catalog,
    provider,
};

/// The owner of the resources of a type.
#[derive(Clone, Copy)]
pub(super) enum Scope {
    /// The member; the function returns how many resources the member has.
    Own(fn(&Member) -> u32),
    /// Everybody; the function returns the numbers of the resources that the member's data names,
    /// ascending.
    Shared(fn(&Member) -> Vec<u32>),
}

/// One type.
pub(in crate::sandbox) struct TypeEntry {
    /// The type's FHIR name.
    pub(in crate::sandbox) name: &'static str,
    /// Whether the type is clinical, so that a payer may leave it out.
    pub(in crate::sandbox) optional: bool,
    pub(super) profile: &'static str,
    pub(super) scope: Scope,
    pub(super) id: fn(&Member, u32) -> String,
    pub(super) body: fn(&Member, u32) -> Json,
}

/// A profile of CARIN's guide for Blue Button.
macro_rules! carin {
    ($name:literal) => {
        concat!("http://hl7.org/fhir/us/carin-bb/StructureDefinition/C4BB-", $name)
    };
}

/// A profile of US Core.
macro_rules! us_core {
    ($name:literal) => {
        concat!("http://hl7.org/fhir/us/core/StructureDefinition/us-core-", $name)
    };
}

/// A type that every payer serves.
macro_rules! payer {
    ($name:literal, $profile:expr, $scope:expr, $id:expr, $body:expr) => {
        TypeEntry {
            name: $name,
            optional: false,
            profile: $profile,
            scope: $scope,
            id: $id,
            body: $body,
        }
    };
}

/// A type that some payers serve.
macro_rules! clinical {
    ($name:literal, $profile:expr, $count:literal, $id:expr, $body:expr) => {
        TypeEntry {
            name: $name,
            optional: true,
            profile: $profile,
            scope: Scope::Own(|_| $count),
            id: $id,
            body: $body,
        }
    };
}

#[rustfmt::skip]
pub(super) static TYPES: [TypeEntry; 33] = [
    payer!("Patient", carin!("Patient"), Scope::Own(|_| 1), |member, _| member.patient_id(), patient::patient),
    payer!("Coverage", carin!("Coverage"), Scope::Own(coverage::count), coverage::id, coverage::coverage),
    payer!("ExplanationOfBenefit", "", Scope::Own(|member| member.claims), eob::id, eob::explanation_of_benefit),
    payer!("Organization", carin!("Organization"), Scope::Shared(Member::organizations), |_, number| organization_id(number), provider::organization),
    payer!("Practitioner", carin!("Practitioner"), Scope::Shared(Member::practitioners), |_, number| practitioner_id(number), provider::practitioner),
    payer!("Location", us_core!("location"), Scope::Shared(Member::locations), |_, number| location_id(number), provider::location),
    clinical!("RelatedPerson", carin!("RelatedPerson"), 1, uuid::<1>, patient::related_person),
    clinical!("PractitionerRole", us_core!("practitionerrole"), 4, uuid::<2>, provider::practitioner_role),
    clinical!("Encounter", us_core!("encounter"), 8, uuid::<3>, care::encounter),
    clinical!("Condition", us_core!("condition"), 10, slug::<'c'>, findings::condition),
    clinical!("Procedure", us_core!("procedure"), 5, uuid::<4>, care::procedure),
    clinical!("Observation", "", 27, slug::<'o'>, findings::observation),
    clinical!("DiagnosticReport", us_core!("diagnosticreport-lab"), 3, uuid::<5>, records::diagnostic_report),
    clinical!("DocumentReference", us_core!("documentreference"), 2, uuid::<6>, records::document_reference),
    clinical!("Immunization", us_core!("immunization"), 5, slug::<'i'>, findings::immunization),
    clinical!("AllergyIntolerance", us_core!("allergyintolerance"), 3, uuid::<7>, findings::allergy_intolerance),
    clinical!("Medication", us_core!("medication"), 3, slug::<'m'>, medication::medication),
    clinical!("MedicationRequest", us_core!("medicationrequest"), 6, uuid::<8>, medication::medication_request),
    clinical!("MedicationDispense", us_core!("medicationdispense"), 12, uuid::<9>, medication::medication_dispense),
    clinical!("CarePlan", us_core!("careplan"), 3, uuid::<10>, care::care_plan),
    clinical!("CareTeam", us_core!("careteam"), 1, uuid::<11>, care::care_team),
    clinical!("Goal", us_core!("goal"), 2, uuid::<12>, care::goal),
    clinical!("Device", us_core!("implantable-device"), 1, uuid::<13>, records::device),
    clinical!("ServiceRequest", us_core!("servicerequest"), 3, uuid::<14>, care::service_request),
    clinical!("Specimen", us_core!("specimen"), 2, uuid::<15>, records::specimen),
    clinical!("QuestionnaireResponse", us_core!("questionnaireresponse"), 3, uuid::<16>, records::questionnaire_response),
    clinical!("Provenance", us_core!("provenance"), 4, uuid::<17>, records::provenance),
    clinical!("Claim", "", 3, uuid::<18>, payer_claim::claim),
    clinical!("ClaimResponse", "", 3, uuid::<19>, payer_claim::claim_response),
    clinical!("MedicationStatement", "", 3, uuid::<20>, medication_use::medication_statement),
    clinical!("MedicationAdministration", "", 3, uuid::<21>, medication_use::medication_administration),
    clinical!("InsurancePlan", "", 2, uuid::<22>, plan_catalog::insurance_plan),
    clinical!("MedicationKnowledge", "", 2, uuid::<23>, plan_catalog::medication_knowledge),
];

/// The entry of the type with this name.
pub(in crate::sandbox) fn entry(name: &str) -> Option<&'static TypeEntry> {
    TYPES.iter().find(|entry| entry.name == name)
}

/// The names of all types, in the order of the table.
pub(in crate::sandbox) fn names() -> Vec<&'static str> {
    TYPES.iter().map(|entry| entry.name).collect()
}
