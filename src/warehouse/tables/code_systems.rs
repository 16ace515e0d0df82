//! The URIs of the code systems for which payersync reads lists of codes, as in
//! <https://terminology.hl7.org> and CARIN's guide for claims.

/// ICD-10-CM.
pub const ICD_10_CM: &str = "http://hl7.org/fhir/sid/icd-10-cm";
/// ICD-10-PCS.
pub const ICD_10_PCS: &str = "http://www.cms.gov/Medicare/Coding/ICD10";
/// HCPCS Level II.
pub const HCPCS: &str = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets";
/// National Drug Code.
pub const NDC: &str = "http://hl7.org/fhir/sid/ndc";
/// RxNorm.
pub const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";
