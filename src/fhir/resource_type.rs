//! The resource types that a Patient Access API may serve, with the reason beside each.

/// A resource type that a member sync asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResourceType {
    /// FHIR's name.
    pub name: &'static str,
    /// Whether every plan serves the type, so that a refusal is a failure, not a difference between plans.
    pub required: bool,
    /// Why the type is in the list.
    pub reason: &'static str,
}

const fn required(name: &'static str, reason: &'static str) -> ResourceType {
    ResourceType { name, required: true, reason }
}

const fn optional(name: &'static str, reason: &'static str) -> ResourceType {
    ResourceType { name, required: false, reason }
}

/// Every type, in the order in which types are asked for. The types that every plan serves come first.
///
/// Source: 1upHealth's minimum for every payer ("Info for third-party developers"), the USCDI
/// classes that CMS-9115-F names, and prior authorizations of CMS-0057-F.
pub const RESOURCE_TYPES: &[ResourceType] = &[
    required("Patient", "who the data is about"),
    required("Coverage", "enrolment"),
    required("ExplanationOfBenefit", "claims, remittances, prior authorizations"),
    required("Organization", "payers and providers that claims name"),
    required("Practitioner", "providers that claims name"),
    required("Location", "places of service that claims name"),
    optional("RelatedPerson", "subscribers and guardians"),
    optional("PractitionerRole", "provider directory rows that claims name"),
    optional("Encounter", "USCDI encounters"),
    optional("Condition", "USCDI problems"),
    optional("Procedure", "USCDI procedures"),
    optional("Observation", "USCDI laboratory, vital signs, smoking status"),
    optional("DiagnosticReport", "USCDI laboratory and notes"),
    optional("DocumentReference", "USCDI clinical notes"),
    optional("Immunization", "USCDI immunizations"),
    optional("AllergyIntolerance", "USCDI allergies"),
    optional("Medication", "what medication resources refer to"),
    optional("MedicationRequest", "USCDI medications"),
    optional("MedicationDispense", "fills"),
    optional("MedicationStatement", "reported medications"),
    optional("MedicationAdministration", "given medications"),
    optional("CarePlan", "USCDI plan of treatment"),
    optional("CareTeam", "USCDI care team"),
    optional("Goal", "USCDI goals"),
    optional("Device", "USCDI implantable devices"),
    optional("ServiceRequest", "orders"),
    optional("Specimen", "of laboratory results"),
    optional("QuestionnaireResponse", "assessments"),
    optional("Provenance", "USCDI provenance"),
    optional("Claim", "submitted claims, where a plan keeps them"),
    optional("ClaimResponse", "adjudications of submitted claims"),
    optional("InsurancePlan", "plan products, where they are part of the member's data"),
    optional("MedicationKnowledge", "formulary drugs, where they are part of the member's data"),
];

/// Types that belong to no member, which some plans serve by id but refuse to list.
///
/// The member's own resources refer to them, and so tell which ids are needed.
const READ_BY_REFERENCE: [&str; 5] =
    ["Organization", "Practitioner", "Location", "Medication", "PractitionerRole"];

/// Whether a type that a plan does not list is read by reference instead.
pub fn is_read_by_reference(name: &str) -> bool {
    READ_BY_REFERENCE.contains(&name)
}

/// Whether a resource of the type tells something of a member.
///
/// Types that describe plans, providers and drugs do not.
pub fn is_about_a_member(name: &str) -> bool {
    const NOBODYS: [&str; 5] = [
        "Endpoint",
        "HealthcareService",
        "InsurancePlan",
        "MedicationKnowledge",
        "OrganizationAffiliation",
    ];
    !is_read_by_reference(name) && !NOBODYS.contains(&name)
}

/// The search parameter of a type that takes the member's Patient id (FHIR R4, search parameters).
///
/// `None` for types that belong to no member, and for those that payersync does not know.
pub fn patient_parameter(name: &str) -> Option<&'static str> {
    match name {
        "Patient" => Some("_id"),
        _ if find(name).is_some() && is_about_a_member(name) => Some("patient"),
        _ => None,
    }
}

/// A further search parameter of a type that takes the member's Patient id, for plans that do not know the
/// usual one. Blue Button's Coverage is searched by `beneficiary` alone; FHIR R4 has both.
pub fn other_patient_parameter(name: &str) -> Option<&'static str> {
    (name == "Coverage").then_some("beneficiary")
}

/// The known type of this name.
pub fn find(name: &str) -> Option<&'static ResourceType> {
    RESOURCE_TYPES.iter().find(|resource_type| resource_type.name == name)
}
