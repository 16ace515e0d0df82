//! One spelling for code systems and codes that senders write in many ways.
//!
//! A code system has a URL (FHIR R4, 4.3: External code systems), an OID (hl7.org/oid) and a name.
//! Senders also write the URL of a ValueSet instead, `https` for `http`, or a slash at the end.

use super::words;
use crate::warehouse::tables::code_systems;

/// The name of the vocabulary of a code system; `None` if the system is not known.
///
/// CARIN has one ValueSet of both CPT and HCPCS codes; there the form of the code tells which it is.
pub(super) fn vocabulary(system: &str, code: &str) -> Option<&'static str> {
    if let Some((_, name)) = USUAL.iter().find(|(usual, _)| *usual == system) {
        return Some(name);
    }
    let system = plain(system);
    if let Some((_, name)) = OIDS.iter().find(|(oid, _)| *oid == system) {
        return Some(name);
    }
    let last = system.rsplit('/').next().unwrap_or(&system);
    // The name, reduced to its letters and digits.
    let name: String = last.chars().filter(char::is_ascii_alphanumeric).collect();
    let found = match name.as_str() {
        "ndc" | "v3ndc" | "ucm142438htm" | "nationaldrugcodedirectory" => "NDC",
        _ if name.contains("fdandcorcompound") || name.contains("nationaldrugcode") => "NDC",
        "rxnorm" | "rxcui" | "rxnavnlmnihgov" => "RxNorm",
        "loinc" | "loincorg" => "LOINC",
        "amacptcmshcpcsprocedurecodes" => return procedure(code),
        "cpt" | "cpt4" | "amacpt" | "amacptcodes" | "cptcodes" => "CPT",
        "icd10" if system.ends_with("cms.gov/medicare/coding/icd10") => "ICD-10-PCS",
        _ if name.contains("icd10pcs") || name.starts_with("icd10procedure") => "ICD-10-PCS",
        "icd10" | "icd10us" | "browse10" => "ICD-10-CM",
        _ if name.contains("icd10cm") || name.starts_with("icd10diagnos") => "ICD-10-CM",
        // HL7's URLs for the volumes of diagnoses and procedures, earlier and present ones.
        _ if name == "icd9" || name.starts_with("icd9cm") || system.contains("/icd-9-cm/") => {
            "ICD-9-CM"
        }
        // The URL of an edition.
        _ if system.contains("snomed.info/sct/") => "SNOMED CT",
        "sct" | "snomed" | "snomedct" => "SNOMED CT",
        "medhcpcsgeninfo" => "HCPCS",
        // MS-DRG is written as Blue Button's variable, as URLs of HL7 and CMS, and as a name.
        "clmdrgcd" => "MS-DRG",
        // CMS-DRG, which MS-DRG replaced in 2007, is another system.
        _ if has_word(&system, "msdrg") || has_word(&system, "ms-drg") => "MS-DRG",
        _ if has_word(&system, "aprdrg") || has_word(&system, "apr-drg") => "APR-DRG",
        _ if system.contains("all_patient_refined_drg") => "APR-DRG",
        _ if system.contains("icd10pcs") || system.contains("icd-10-pcs") => "ICD-10-PCS",
        _ if system.contains("ama-assn.org/go/cpt") => "CPT",
        _ if system.contains("hcpcs") => "HCPCS",
        _ if system.contains("ada.org") || name.starts_with("cdt") => "CDT",
        _ => return None,
    };
    Some(found)
}

/// The most frequent spellings, which are found without copying the text.
const USUAL: [(&str, &str); 8] = [
    (code_systems::ICD_10_CM, "ICD-10-CM"),
    ("http://www.ama-assn.org/go/cpt", "CPT"),
    (code_systems::NDC, "NDC"),
    (code_systems::HCPCS, "HCPCS"),
    (code_systems::RXNORM, "RxNorm"),
    (code_systems::ICD_10_PCS, "ICD-10-PCS"),
    ("http://snomed.info/sct", "SNOMED CT"),
    ("http://loinc.org", "LOINC"),
];

const OIDS: [(&str, &str); 12] = [
    ("2.16.840.1.113883.6.69", "NDC"),
    ("2.16.840.1.113883.6.88", "RxNorm"),
    ("2.16.840.1.113883.6.1", "LOINC"),
    ("2.16.840.1.113883.6.12", "CPT"),
    ("2.16.840.1.113883.6.285", "HCPCS"),
    ("2.16.840.1.113883.6.13", "CDT"),
    ("2.16.840.1.113883.6.96", "SNOMED CT"),
    ("2.16.840.1.113883.6.90", "ICD-10-CM"),
    ("2.16.840.1.113883.6.3", "ICD-10-CM"),
    ("2.16.840.1.113883.6.4", "ICD-10-PCS"),
    ("2.16.840.1.113883.6.103", "ICD-9-CM"),
    ("2.16.840.1.113883.6.104", "ICD-9-CM"),
];

/// A URL, OID or name in lower case, without prefixes and trailing characters.
fn plain(system: &str) -> String {
    let lower = system.trim().to_ascii_lowercase();
    let lower = lower.split('|').next().unwrap_or_default();
    let bare = ["http://", "https://", "urn:oid:", "oid:"]
        .iter()
        .find_map(|start| lower.strip_prefix(start))
        .unwrap_or(lower);
    bare.trim_end_matches(['/', '#']).to_owned()
}

/// Whether a text contains a word with no letter or digit right before it.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(char::is_alphanumeric))
}

/// The vocabulary of a procedure code, by its form.
///
/// A letter and four digits are HCPCS (level II). Five digits are CPT, and so are four digits with the
/// letter of a category: F, T, U, M or A.
fn procedure(code: &str) -> Option<&'static str> {
    let code = code.trim().to_ascii_uppercase();
    let [first, middle @ .., last] = code.as_bytes() else { return None };
    if middle.len() != 3 || !middle.iter().all(u8::is_ascii_digit) {
        return None;
    }
    match (first.is_ascii_digit(), last) {
        (true, b'0'..=b'9' | b'F' | b'T' | b'U' | b'M' | b'A') => Some("CPT"),
        (false, b'0'..=b'9') if first.is_ascii_uppercase() => Some("HCPCS"),
        _ => None,
    }
}

/// The URI of a sender's code system in the table `code`.
///
/// `None` if payersync reads no list of that system.
pub(super) fn listed_system(system: &str, code: &str) -> Option<&'static str> {
    match vocabulary(system, code)? {
        "HCPCS" => Some(code_systems::HCPCS),
        "ICD-10-CM" => Some(code_systems::ICD_10_CM),
        "ICD-10-PCS" => Some(code_systems::ICD_10_PCS),
        "NDC" => Some(code_systems::NDC),
        "RxNorm" => Some(code_systems::RXNORM),
        _ => None,
    }
}

/// A code as in the table `code`; for a drug, the code of the product, since only products have names.
pub(super) fn listed_code(system: &str, code: &str) -> Option<String> {
    match vocabulary(system, code)? {
        "ICD-10-CM" => Some(diagnosis(Some(system), code)),
        "NDC" => words::ndc(code)?.get(..9).map(str::to_owned),
        _ => Some(code.trim().to_ascii_uppercase()),
    }
}

/// A diagnosis code: an ICD code with its dot and in capitals, any other code as sent.
pub(super) fn diagnosis(system: Option<&str>, code: &str) -> String {
    let dot_at = |plain: &str| match system.and_then(|system| vocabulary(system, plain)) {
        Some("ICD-10-CM" | "ICD-10-PCS") => {
            let is_one = plain.as_bytes().first().is_some_and(u8::is_ascii_uppercase)
                && plain.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
            (is_one && (4..=7).contains(&plain.len())).then_some(3)
        }
        Some("ICD-9-CM") => match plain.as_bytes() {
            [b'E', rest @ ..] => (rest.len() == 4).then_some(4),
            [b'V' | b'0'..=b'9', ..] => (4..=5).contains(&plain.len()).then_some(3),
            _ => None,
        },
        _ => None,
    };
    let plain = code.trim().to_ascii_uppercase();
    let is_plain = plain.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match dot_at(&plain).filter(|_| is_plain) {
        Some(at) => format!("{}.{}", &plain[..at], &plain[at..]),
        None if system.is_some_and(|it| is_icd(it, &plain)) => plain,
        None => code.to_owned(),
    }
}

fn is_icd(system: &str, code: &str) -> bool {
    vocabulary(system, code).is_some_and(|name| name.starts_with("ICD-"))
}

/// The type of a claim (HL7 claim-type) that a code or a text means, in any case of letters.
pub(super) fn claim_kind(text: &str) -> Option<&'static str> {
    const KINDS: [&str; 5] = ["institutional", "oral", "pharmacy", "professional", "vision"];
    let text = text.trim();
    KINDS.into_iter().find(|kind| kind.eq_ignore_ascii_case(text))
}

/// How a laboratory rates a result (HL7 v3 ObservationInterpretation), if the code is known.
pub(super) fn interpretation(code: &str) -> Option<&'static str> {
    const KNOWN: [&str; 27] = [
        "N", "NEG", "ND", "A", "AA", "H", "HH", "HU", "L", "LL", "LU", "<", ">", "POS", "DET", "B",
        "D", "U", "W", "I", "R", "S", "MS", "VS", "IE", "IND", "E",
    ];
    let code = code.trim();
    KNOWN.into_iter().find(|known| known.eq_ignore_ascii_case(code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_system_is_known_in_every_spelling() {
        for (name, spellings) in [
            (
                "NDC",
                &[
                    "http://hl7.org/fhir/sid/ndc",
                    "HTTP://HL7.ORG/fhir/sid/ndc",
                    "https://hl7.org/fhir/sid/ndc/",
                    "http://hl7.org/fhir/ValueSet/ndc",
                    "http://terminology.hl7.org/CodeSystem/NDC",
                    "urn:oid:2.16.840.1.113883.6.69",
                    "http://www.fda.gov/drugs/informationondrugs/ucm142438.htm",
                    "https://www.fda.gov/drugs/drug-approvals-and-databases/national-drug-code-directory",
                    "http://hl7.org/fhir/sid/ndc#",
                    "http://terminology.hl7.org/CodeSystem/v3-ndc",
                    "National Drug Code (NDC)",
                    "https://terminology.hl7.org/NamingSystem-FDANationalDrugCode",
                    "http://hl7.org/fhir/us/carin-bb/ValueSet/FDANationalDrugCodesOrCompound",
                ][..],
            ),
            (
                "RxNorm",
                &[
                    "http://www.nlm.nih.gov/research/umls/rxnorm/",
                    "2.16.840.1.113883.6.88",
                    "http://hl7.org/fhir/ValueSet/rxnorm",
                    "RxNorm",
                    "http://www.nlm.nih.gov/research/umls/rxnorm|04032024",
                    "https://rxnav.nlm.nih.gov/REST/rxcui",
                ],
            ),
            ("LOINC", &["http://loinc.org", "https://loinc.org/", "urn:oid:2.16.840.1.113883.6.1"]),
            (
                "CPT",
                &["http://www.ama-assn.org/go/cpt/", "urn:oid:2.16.840.1.113883.6.12", "CPT-4"],
            ),
            (
                "HCPCS",
                &[
                    "https://www.cms.gov/Medicare/Coding/MedHCPCSGenInfo",
                    "http://terminology.hl7.org/CodeSystem/HCPCS",
                    "https://bluebutton.cms.gov/resources/codesystem/hcpcs",
                    "urn:oid:2.16.840.1.113883.6.285",
                ],
            ),
            (
                "ICD-10-CM",
                &[
                    "http://hl7.org/fhir/sid/icd-10-cm/",
                    "http://hl7.org/fhir/sid/icd-10",
                    "http://hl7.org/fhir/sid/icd-10-us",
                    "ICD10-CM",
                    "http://terminology.hl7.org/CodeSystem/ICD-10-CM-diagnosiscodes",
                    "http://hl7.org/fhir/us/carin-bb/ValueSet/ICD10DiagnosisCodes",
                    "https://payer.example/ValueSet/us-core-icd-10-cm",
                ],
            ),
            (
                "ICD-9-CM",
                &[
                    "http://hl7.org/fhir/sid/icd-9-cm/diagnosis",
                    "http://terminology.hl7.org/CodeSystem/ICD-9CM-procedurecodes",
                    "urn:oid:2.16.840.1.113883.6.104",
                ],
            ),
            ("SNOMED CT", &["http://snomed.info/sct/731000124108", "SNOMED-CT"]),
            (
                "ICD-10-PCS",
                &["http://www.cms.gov/Medicare/Coding/ICD10", "http://hl7.org/fhir/sid/icd-10-pcs"],
            ),
            (
                "MS-DRG",
                &[
                    "http://www.cms.gov/Medicare/Medicare-Fee-for-Service-Payment/AcuteInpatientPPS/MS-DRG-Classifications-and-Software",
                    "http://terminology.hl7.org/CodeSystem/MSDRG",
                    "http://bluebutton.cms.gov/resources/variables/clm_drg_cd",
                    "ms-drg",
                    "https://payer.example/CodeSystem/MS-DRG-v41",
                ],
            ),
            (
                "APR-DRG",
                &[
                    "apr-drg",
                    "http://uri.hddaccess.com/cs/apr-drg",
                    "https://apps.3mhis.com/docs/Groupers/All_Patient_Refined_DRG/apr41.pdf",
                ],
            ),
        ] {
            for system in spellings {
                assert_eq!(vocabulary(system, "1"), Some(name), "{system}");
            }
        }
        for system in [
            "",
            "https://payer.example/codes",
            "http://x.example/ndc-like",
            // Editions of other countries have other codes.
            "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
            "http://x.example/rxnorm-like",
            "6.69",
            "http://uri.hddaccess.com/cs/apdrg",
            "https://payer.example/CMS-DRG",
        ] {
            assert_eq!(vocabulary(system, "1"), None, "{system}");
        }
    }

    #[test]
    fn the_form_of_a_code_tells_cpt_from_hcpcs() {
        let both = "http://hl7.org/fhir/us/carin-bb/ValueSet/AMACPTCMSHCPCSProcedureCodes";
        for (code, name) in [
            ("99213", Some("CPT")),
            ("0001F", Some("CPT")),
            ("0362T", Some("CPT")),
            ("0001U", Some("CPT")),
            ("J1885", Some("HCPCS")),
            ("G0008", Some("HCPCS")),
            ("0450", None),
            ("992134", None),
            ("9921X", None),
            ("é213", None),
            ("", None),
        ] {
            assert_eq!(vocabulary(both, code), name, "{code}");
        }
    }

    #[test]
    fn a_code_is_looked_up_as_its_list_has_it() {
        let hcpcs = "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets";
        for (system, code, list, listed) in [
            ("urn:oid:2.16.840.1.113883.6.90", "e119", code_systems::ICD_10_CM, "E11.9"),
            ("http://hl7.org/fhir/sid/icd-10-pcs", " 0016070", code_systems::ICD_10_PCS, "0016070"),
            (hcpcs, "j1885", code_systems::HCPCS, "J1885"),
            ("http://hl7.org/fhir/sid/ndc", "0002-1433-80", code_systems::NDC, "000021433"),
            ("RxNorm", "860975", code_systems::RXNORM, "860975"),
        ] {
            assert_eq!(listed_system(system, code), Some(list), "{code}");
            assert_eq!(listed_code(system, code).as_deref(), Some(listed), "{code}");
        }
        // payersync reads no list of these systems.
        for system in ["http://snomed.info/sct", "http://www.ama-assn.org/go/cpt", "payer.example"]
        {
            assert_eq!(listed_system(system, "99213"), None, "{system}");
        }
        assert_eq!(listed_code("http://hl7.org/fhir/sid/ndc", "not a drug"), None);
    }

    #[test]
    fn an_icd_code_has_its_dot() {
        let cm = Some("http://hl7.org/fhir/sid/icd-10-cm");
        for (system, sent, expected) in [
            (cm, "E119", "E11.9"),
            (cm, "E11.9", "E11.9"),
            (cm, " s72001a ", "S72.001A"),
            (cm, "I10", "I10"),
            (cm, "unknown", "UNKNOWN"),
            (Some("http://hl7.org/fhir/sid/icd-9-cm"), "25000", "250.00"),
            (Some("http://hl7.org/fhir/sid/icd-9-cm"), "E8889", "E888.9"),
            (Some("http://hl7.org/fhir/sid/icd-9-cm"), "V103", "V10.3"),
            (Some("http://snomed.info/sct"), "44054006", "44054006"),
            (None, "e119", "e119"),
        ] {
            assert_eq!(diagnosis(system, sent), expected, "{sent}");
        }
    }
}
