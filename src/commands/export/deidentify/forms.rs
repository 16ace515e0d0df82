//! The forms of codes: which public code systems there are, and what their codes look like.
//!
//! A code stays if it is listed, if its check digit is valid, or if its form is unmistakable. Everything
//! else in a column of codes is dropped.

use super::{
    cells::{is_region, is_unit},
    codes::{
        is_cpt, is_hcpcs, is_icd10cm, is_icd10pcs, is_like, is_loinc, is_reason, is_rxnorm,
        is_short, is_snomed, is_variable,
    },
};
use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

/// Public code systems, one a line, each with the name of its form.
///
/// They are written with `http`, without a slash at the end. The codes of a system without a form are words
/// of [`WORDS`].
const SYSTEMS: &str = include_str!("systems.txt");
/// Words that are codes, one a line.
///
/// They are those of FHIR R4's required bindings, of HL7's terminology and of CARIN (codes alone, published
/// by HL7 under CC0 1.0), and the words that marts contain.
const WORDS: &str = include_str!("words.txt");

/// The form of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands::export) enum Form {
    Atc,
    /// CDC's codes of race, ethnicity and kinds of places.
    Cdc,
    /// CPT alone.
    Cpt,
    /// CPT, HCPCS, CDT, HIPPS, and the modifiers of the first two.
    Hcpcs,
    /// ICD-10-CM or ICD-9-CM.
    Icd,
    Icd9,
    /// ICD-10-CM or ICD-10-PCS.
    Icd10,
    Icd10Cm,
    Icd10Pcs,
    Language,
    /// Matches one of these patterns, as [`is_like`] reads them: for elements with few possible codes.
    Like(&'static [&'static str]),
    Loinc,
    /// A modifier of CPT or HCPCS.
    Modifier,
    Ndc,
    /// A single character, as for "present on admission". All other forms allow a single character, too.
    One,
    /// CMS's places of service: two digits.
    Place,
    /// X12's reasons of an adjustment (CARC) and the remarks on them (RARC).
    Reason,
    Region,
    /// NUBC's revenue codes: four digits; a leading zero may be missing.
    Revenue,
    RxNorm,
    /// A few characters: the codes of X12, NUBC, NCPDP and CVX, of groups of diagnoses, and of CMS.
    Short,
    Snomed,
    Taxonomy,
    Unit,
    /// Names of CMS's variables.
    Variable,
    Word,
}

impl Form {
    /// The form of a code system's codes; `None` if the list of public systems does not have this URI.
    pub(super) fn of_system(system: &str) -> Option<Form> {
        static KNOWN: LazyLock<HashMap<&'static str, Form>> = LazyLock::new(|| {
            let parts = SYSTEMS.lines().map(|line| line.split_once(' ').unwrap_or((line, "word")));
            parts.map(|(system, name)| (system, named(name))).collect()
        });
        let name = system.strip_suffix('/').unwrap_or(system);
        match name.strip_prefix("https://") {
            Some(rest) => KNOWN.get(format!("http://{rest}").as_str()).copied(),
            None => KNOWN.get(name).copied(),
        }
    }

    /// The form of the codes in a column, by its name; for tables without a column for the code system.
    pub(super) fn of_column(name: &str) -> Form {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
        if stem.contains("modifier") {
            return Form::Modifier;
        }
        let form = BY_NAME.iter().find(|(ends, _)| ends.iter().any(|end| stem.ends_with(end)));
        form.map_or(Form::Word, |(_, form)| *form)
    }

    /// Whether a text has this form.
    pub(super) fn has(self, text: &str) -> bool {
        // A single character identifies nobody.
        if text.len() == 1 {
            return text.is_ascii();
        }
        match self {
            Form::Atc => is_like(text, &["A99", "A99A", "A99AA", "A99AA99"]),
            Form::Cdc => is_like(text, &["9999-9"]) || is_word(text),
            Form::Cpt => is_cpt(text),
            Form::Hcpcs => is_hcpcs(text),
            Form::Icd => Form::Icd10Cm.has(text) || Form::Icd9.has(text),
            Form::Icd9 => {
                is_like(text, &["999", "999.9", "999.99", "99.9", "99.99", "E999", "E999.9"])
                    || is_like(text, &["V99", "V99.9", "V99.99"])
            }
            Form::Icd10 => Form::Icd10Cm.has(text) || Form::Icd10Pcs.has(text),
            Form::Icd10Cm => is_icd10cm(text),
            Form::Icd10Pcs => is_icd10pcs(text),
            Form::Language => {
                let (language, region) = text.split_once('-').unwrap_or((text, "US"));
                language.len() == 2
                    && language.bytes().all(|byte| byte.is_ascii_lowercase())
                    && is_region(region)
            }
            Form::Like(patterns) => is_like(text, patterns),
            Form::Loinc => is_loinc(text),
            Form::Ndc => is_like(
                text,
                &["99999999999", "9999-9999-99", "99999-999-99", "99999-9999-9", "99999-9999-99"],
            ),
            Form::Modifier => is_like(text, &["**"]),
            Form::One => false,
            Form::Place => is_like(text, &["99"]),
            Form::Reason => is_reason(text),
            Form::Region => is_region(text),
            Form::Revenue => is_like(text, &["999", "0999", "1009", "2109", "3109"]),
            Form::RxNorm => is_rxnorm(text),
            Form::Short => is_short(text),
            Form::Snomed => is_snomed(text),
            Form::Taxonomy => is_like(text, &["999******X"]),
            Form::Unit => is_unit(text),
            Form::Variable => is_variable(text),
            Form::Word => is_word(text),
        }
    }
}

/// The form with this name in systems.txt.
fn named(name: &str) -> Form {
    match name {
        "atc" => Form::Atc,
        "cdc" => Form::Cdc,
        "hcpcs" => Form::Hcpcs,
        "icd-9" => Form::Icd9,
        "icd-10" => Form::Icd10,
        "icd-10-cm" => Form::Icd10Cm,
        "icd-10-pcs" => Form::Icd10Pcs,
        "language" => Form::Language,
        "loinc" => Form::Loinc,
        "ndc" => Form::Ndc,
        "region" => Form::Region,
        "rxnorm" => Form::RxNorm,
        "short" => Form::Short,
        "snomed" => Form::Snomed,
        "taxonomy" => Form::Taxonomy,
        "unit" => Form::Unit,
        "variable" => Form::Variable,
        _ => Form::Word,
    }
}

/// Endings of the names of columns that always hold codes of one system, whatever table they are in.
const BY_NAME: [(&[&str], Form); 23] = [
    (&["atc_code"], Form::Atc),
    (&["race_omb_code", "race_detailed_code"], Form::Cdc),
    (&["ethnicity_omb_code", "ethnicity_detailed_code"], Form::Cdc),
    (&["cpt_code"], Form::Cpt),
    (&["hcpcs_code"], Form::Hcpcs),
    (&["icd10_code"], Form::Icd10),
    (&["diagnosis_code"], Form::Icd),
    (&["language", "language_code"], Form::Language),
    (&["loinc_code"], Form::Loinc),
    (&["ndc_code"], Form::Ndc),
    (&["place_of_service_code"], Form::Place),
    (&["revenue_center_code", "revenue_code"], Form::Revenue),
    (&["rxnorm_code"], Form::RxNorm),
    (&["snomed_code"], Form::Snomed),
    // NUBC: how a stay began, and how it is billed.
    (&["admit_source_code", "admit_type_code", "frequency_code"], Form::One),
    (&["poa", "present_on_admit_code", "original_reason_entitlement_code"], Form::One),
    (&["bill_type_code", "type_of_bill_code"], Form::Like(&["99*", "099*"])),
    (&["discharge_disposition_code", "discharge_status_code"], Form::Like(&["99"])),
    (&["cvx_code"], Form::Like(&["99", "999"])),
    // CMS: entitlement to Medicare and to Medicaid.
    (&["dual_status_code", "medicare_status_code"], Form::Like(&["99"])),
    // X12: element 306 for a decision, element 886 for its reason.
    (&["decision_code"], Form::Like(&["A9", "CT"])),
    (&["review_reason_code"], Form::Like(&["99", "9A", "A9"])),
    (&["denial_reason_code", "x12_reason_code"], Form::Reason),
];
/// Service types of X12 (30, MH), which a mart holds without their code system.
pub(super) const SERVICE_TYPE: Form = Form::Like(&["**"]);

/// Whether the list of words has exactly this text.
pub(super) fn is_word(text: &str) -> bool {
    static KNOWN: LazyLock<HashSet<&'static str>> = LazyLock::new(|| WORDS.lines().collect());
    KNOWN.contains(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::Catalog;

    #[test]
    fn the_name_of_every_table_and_mart_is_a_word() {
        let catalog = Catalog::embedded();
        let tables = catalog.tables().iter().map(|table| table.name());
        for name in tables.chain(catalog.marts().iter().map(|mart| mart.name.as_str())) {
            assert!(name.starts_with("tuva_") || Form::Word.has(name), "{name}");
        }
    }

    #[test]
    fn codes_of_each_system_have_its_form_and_identifiers_have_none() {
        for (form, codes) in [
            (Form::Atc, &["A10BA02", "C09"][..]),
            (Form::Cdc, &["2106-3", "1120-5", "UNK"]),
            (
                Form::Hcpcs,
                &[
                    "99213", "J2270", "0001U", "4086F", "LT", "25", "NHNC1", "RVB10", "2CB21",
                    "D1110",
                ],
            ),
            (Form::Icd, &["E11.9", "E119", "250.00"]),
            (Form::Icd9, &["V70.0", "99.04", "E849.0"]),
            (Form::Icd10, &["S72.001A", "S72001A", "O30.0010", "H40.1111", "0SG30AJ", "Z00"]),
            (Form::Icd10Pcs, &["0210093", "B211YZZ", "HZ30ZZZ"]),
            (Form::Language, &["en", "en-US"]),
            (Form::Loinc, &["2345-7", "8480-6", "30525-0", "718-7", "85354-9"]),
            (Form::Modifier, &["LT", "25", "A1"]),
            (Form::One, &["Y"]),
            (Form::Place, &["11", "02"]),
            (Form::Revenue, &["0450", "450", "1001", "2103", "3104"]),
            (Form::Ndc, &["00093721410", "0093-0195-01", "00093-0195-01"]),
            (Form::RxNorm, &["860975", "6809"]),
            (Form::Short, &["01", "0450", "32X", "MA130", "N130", "CO45", "PR", "Y", "D1F"]),
            (
                Form::Snomed,
                &[
                    "44054006",
                    "397669002",
                    "424144002",
                    "731000124108",
                    "1119302008",
                    "428041000124106",
                ],
            ),
            (Form::Taxonomy, &["207Q00000X", "207QA0505X"]),
            (Form::Unit, &["mg", "mm[Hg]"]),
            (
                Form::Variable,
                &[
                    "CLM_LINE_INSTNL_MSP1_PD_AMT",
                    "https://bluebutton.cms.gov/resources/variables/line_nch_pmt_amt",
                ],
            ),
            (
                Form::Word,
                &["active", "principal", "female", "problem-list-item", "ExplanationOfBenefit"],
            ),
        ] {
            for code in codes {
                assert!(form.has(code), "{form:?} {code}");
            }
            for no in [
                "",
                "Zyxdoe",
                "SMITH",
                "JOHNSON",
                "Jane Doe",
                "802-555-0188",
                "8025550188",
                "18025550188x",
                "555-12-3456",
                "555123456",
                "1EG4TE5MK73",
                "W009988",
                "W0099887",
                "MRN-004512",
                "03601",
                "03601-1234",
                "1950-01-02",
                "19500102",
                "a@b.example",
                "https://x.example/M1",
                "10.1.2.3",
                "5550188",
                "555-0188",
                "400012345678",
                "MRN12",
                "JOHN1",
                "1HGCM82633A004352",
                "é",
            ] {
                assert!(!form.has(no), "{form:?} {no}");
            }
        }
    }

    #[test]
    fn a_column_without_a_system_keeps_the_codes_of_its_element_alone() {
        for (column, codes) in [
            ("admit_source_code", &["1", "D"][..]),
            ("admit_type_code", &["3"]),
            ("benefit_present_on_admit_code", &["Y"]),
            ("bill_type_code", &["111", "32X", "0131"]),
            ("cvx_code", &["08", "140"]),
            ("decision_code", &["A1", "A6", "CT", "C"]),
            (
                "denial_reason_code",
                &["4", "96", "197", "B7", "N130", "MA130", "M15", "CO45", "PR1"],
            ),
            ("diagnosis_poa_12", &["N"]),
            ("discharge_status_code", &["01", "30"]),
            ("dual_status_code", &["02"]),
            ("frequency_code", &["7"]),
            ("hcpcs_modifier_3", &["LT", "25"]),
            ("medicare_status_code", &["10"]),
            ("place_of_service_code", &["11"]),
            ("revenue_center_code", &["0450"]),
            ("review_reason_code", &["0V", "41"]),
            ("status", &["active"]),
            ("x12_reason_code", &["96", "B7", "N130"]),
        ] {
            let form = Form::of_column(column);
            for code in codes {
                assert!(form.has(code), "{column} {code}");
            }
            for no in [
                "7391", "4711", "W012", "W0123", "K441", "K4412", "AB12", "X123", "MR4", "MR12",
                "MRN1", "MRN12", "12345", "55512", "123456", "ANN", "LEE", "JOHN", "SMITH",
                "JOHN1", "ACME", "4TE5", "1EG4", "8025", "80255", "55-12", "A1B2", "Müller",
            ] {
                assert!(!form.has(no), "{column} {no}");
            }
        }
        assert!(SERVICE_TYPE.has("30") && SERVICE_TYPE.has("MH") && !SERVICE_TYPE.has("LEE"));
    }

    #[test]
    fn a_system_is_known_letter_for_letter() {
        for (system, form) in [
            ("http://hl7.org/fhir/sid/icd-10-cm", Form::Icd10Cm),
            ("https://loinc.org/", Form::Loinc),
            ("http://snomed.info/sct", Form::Snomed),
            ("urn:oid:2.16.840.1.113883.6.90", Form::Icd10Cm),
            ("urn:oid:2.16.840.1.113883.6.88", Form::RxNorm),
            ("icd-10-cm", Form::Icd10Cm),
            ("http://terminology.hl7.org/CodeSystem/claim-type", Form::Word),
        ] {
            assert_eq!(Form::of_system(system), Some(form), "{system}");
        }
        for system in [
            "",
            "/",
            "https://plan.example/members/M123/codes",
            "http://www.cms.gov/members/M123456",
            "urn:oid:2.16.840.1.113883.",
            "urn:oid:2.16.840.1.113883.3.123456.99",
            "http://hl7.org/fhir/sid/us-ssn",
            "http://loinc.org/M1",
            "http://loinc.org loinc",
        ] {
            assert_eq!(Form::of_system(system), None, "{system}");
        }
    }

    #[test]
    fn every_line_of_the_lists_is_read() {
        for line in SYSTEMS.lines() {
            let (system, name) = line.split_once(' ').unwrap_or((line, "word"));
            assert_eq!(Form::of_system(system), Some(named(name)), "{line}");
            assert!(name == "word" || named(name) != Form::Word, "{line}");
        }
        assert!(WORDS.lines().all(|word| !word.is_empty() && is_word(word)));
    }
}
