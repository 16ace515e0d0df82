//! The few real codes that the synthetic members use.
//!
//! CPT and CDT codes have no descriptions here, because those are licensed.

use super::element::{CPT, Code, ICD10, LOINC, NDC, RXNORM, SNOMED, code};

pub(super) const REVENUE: &str = "https://www.nubc.org/CodeSystem/RevenueCodes";
pub(super) const TYPE_OF_BILL: &str = "https://www.nubc.org/CodeSystem/TypeOfBill";
pub(super) const POINT_OF_ORIGIN: &str = "https://www.nubc.org/CodeSystem/PointOfOrigin";
pub(super) const DISCHARGE_STATUS: &str = "https://www.nubc.org/CodeSystem/PatDischargeStatus";
pub(super) const ADMISSION_TYPE: &str =
    "https://www.nubc.org/CodeSystem/PriorityTypeOfAdmitOrVisit";
pub(super) const PRESENT_ON_ADMISSION: &str = "https://www.nubc.org/CodeSystem/PresentOnAdmission";
pub(super) const MS_DRG: &str = "https://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/MS-DRG-Classifications-and-Software";
pub(super) const PLACE_OF_SERVICE: &str =
    "https://www.cms.gov/Medicare/Coding/place-of-service-codes/Place_of_Service_Code_Set";
pub(super) const ICD10_PROCEDURE: &str = "http://www.cms.gov/Medicare/Coding/ICD10";
pub(super) const MODIFIER: &str = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets";
pub(super) const DENIAL: &str = "https://x12.org/codes/claim-adjustment-reason-codes";
pub(super) const TAXONOMY: &str = "http://nucc.org/provider-taxonomy";
const HCPCS: &str = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets";
const CDT: &str = "http://www.ada.org/cdt";
const CVX: &str = "http://hl7.org/fhir/sid/cvx";

pub(super) const DIAGNOSES: [Code; 14] = [
    code(ICD10, "E11.9", "Type 2 diabetes mellitus without complications"),
    code(ICD10, "I10", "Essential (primary) hypertension"),
    code(ICD10, "J06.9", "Acute upper respiratory infection, unspecified"),
    code(ICD10, "M54.50", "Low back pain, unspecified"),
    code(ICD10, "E78.5", "Hyperlipidemia, unspecified"),
    code(ICD10, "K21.9", "Gastro-esophageal reflux disease without esophagitis"),
    code(ICD10, "J45.909", "Unspecified asthma, uncomplicated"),
    code(ICD10, "N39.0", "Urinary tract infection, site not specified"),
    code(ICD10, "F41.1", "Generalized anxiety disorder"),
    code(ICD10, "I25.10", "Atherosclerotic heart disease of native coronary artery"),
    code(ICD10, "R07.9", "Chest pain, unspecified"),
    code(ICD10, "S93.401A", "Sprain of unspecified ligament of right ankle, initial"),
    code(ICD10, "Z00.00", "General adult medical examination"),
    code(ICD10, "Z23", "Encounter for immunization"),
];

pub(super) const SERVICES: [Code; 12] = [
    code(CPT, "99213", ""),
    code(CPT, "99214", ""),
    code(CPT, "99396", ""),
    code(CPT, "80053", ""),
    code(CPT, "85025", ""),
    code(CPT, "83036", ""),
    code(CPT, "71046", ""),
    code(CPT, "93000", ""),
    code(CPT, "97110", ""),
    code(CPT, "36415", ""),
    code(HCPCS, "G0439", "Annual wellness visit, subsequent"),
    code(HCPCS, "J1885", "Injection, ketorolac tromethamine, per 15 mg"),
];

pub(super) const DENTAL: [Code; 4] = [
    code(CDT, "D0120", ""),
    code(CDT, "D1110", ""),
    code(CDT, "D2391", ""),
    code(CDT, "D2740", ""),
];

pub(super) const INPATIENT_PROCEDURES: [Code; 3] = [
    code(ICD10_PROCEDURE, "0SRC0J9", ""),
    code(ICD10_PROCEDURE, "B2111ZZ", ""),
    code(ICD10_PROCEDURE, "02703DZ", ""),
];

pub(super) const REVENUE_CODES: [&str; 7] =
    ["0120", "0250", "0300", "0320", "0360", "0450", "0636"];
pub(super) const DRGS: [&str; 5] = ["470", "871", "291", "392", "194"];
pub(super) const MODIFIERS: [&str; 4] = ["25", "59", "RT", "LT"];

/// A drug with both of its codes: the package (NDC) and the clinical drug (RxNorm).
pub(super) struct Drug {
    pub(super) package: Code,
    pub(super) clinical: Code,
}

const fn drug(ndc: &'static str, rxnorm: &'static str, display: &'static str) -> Drug {
    Drug { package: code(NDC, ndc, display), clinical: code(RXNORM, rxnorm, display) }
}

pub(super) const DRUGS: [Drug; 6] = [
    drug("68180098001", "314076", "lisinopril 10 MG Oral Tablet"),
    drug("65862000801", "861007", "metformin hydrochloride 500 MG Oral Tablet"),
    drug("60505257908", "617310", "atorvastatin 20 MG Oral Tablet"),
    drug("00093310905", "308191", "amoxicillin 500 MG Oral Capsule"),
    drug("59310057922", "745679", "albuterol 0.09 MG/ACTUAT Metered Dose Inhaler"),
    drug("62175011832", "198051", "omeprazole 20 MG Delayed Release Oral Capsule"),
];

pub(super) const VACCINES: [Code; 5] = [
    code(CVX, "140", "Influenza, seasonal, injectable, preservative free"),
    code(CVX, "115", "Tdap"),
    code(CVX, "33", "pneumococcal polysaccharide PPV23"),
    code(CVX, "207", "COVID-19, mRNA, LNP-S, PF, 100 mcg or 50 mcg dose"),
    code(CVX, "121", "zoster live"),
];

/// Each measurement with its unit, and its lowest and highest value in tenths of the unit.
pub(super) const MEASUREMENTS: [(Code, &str, u32, u32); 8] = [
    (code(LOINC, "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood"), "%", 48, 92),
    (code(LOINC, "2339-0", "Glucose [Mass/volume] in Blood"), "mg/dL", 700, 1800),
    (code(LOINC, "2093-3", "Cholesterol [Mass/volume] in Serum or Plasma"), "mg/dL", 1400, 2600),
    (code(LOINC, "718-7", "Hemoglobin [Mass/volume] in Blood"), "g/dL", 110, 170),
    (code(LOINC, "8302-2", "Body height"), "cm", 1500, 1950),
    (code(LOINC, "29463-7", "Body weight"), "kg", 500, 1200),
    (code(LOINC, "8867-4", "Heart rate"), "/min", 550, 1000),
    (code(LOINC, "39156-5", "Body mass index (BMI) [Ratio]"), "kg/m2", 190, 360),
];

pub(super) const ALLERGENS: [Code; 3] = [
    code(RXNORM, "7980", "penicillin G"),
    code(SNOMED, "91935009", "Allergy to peanuts"),
    code(SNOMED, "111088007", "Allergy to latex"),
];

pub(super) const PROCEDURES: [Code; 4] = [
    code(SNOMED, "73761001", "Colonoscopy"),
    code(SNOMED, "268400002", "12 lead electrocardiogram"),
    code(SNOMED, "76601001", "Intramuscular injection"),
    code(CPT, "20610", ""),
];

pub(super) const SPECIALTIES: [Code; 4] = [
    code(TAXONOMY, "207Q00000X", "Family Medicine Physician"),
    code(TAXONOMY, "207R00000X", "Internal Medicine Physician"),
    code(TAXONOMY, "208600000X", "Surgery Physician"),
    code(TAXONOMY, "122300000X", "Dentist"),
];

pub(super) const RACES: [Code; 4] = [
    code("urn:oid:2.16.840.1.113883.6.238", "2106-3", "White"),
    code("urn:oid:2.16.840.1.113883.6.238", "2054-5", "Black or African American"),
    code("urn:oid:2.16.840.1.113883.6.238", "2028-9", "Asian"),
    code("urn:oid:2.16.840.1.113883.6.238", "1002-5", "American Indian or Alaska Native"),
];

pub(super) const FINAL_DENIAL: Code = code(DENIAL, "96", "Non-covered charge(s)");
pub(super) const ACTIVE_CONDITION: &str = "condition-clinical";
pub(super) const OBSERVATION_CATEGORY: &str = "observation-category";
pub(super) const PROVENANCE_AUTHOR: Code =
    code("http://terminology.hl7.org/CodeSystem/provenance-participant-type", "transmitter", "");
pub(super) const RESTRICTED: [Code; 3] = [
    code("http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "R", "restricted"),
    code("http://terminology.hl7.org/CodeSystem/v3-ActCode", "ETH", "substance abuse"),
    code("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST", "test health data"),
];
