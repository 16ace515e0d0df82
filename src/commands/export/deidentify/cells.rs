//! What becomes of a cell whose treatment looks at its value.

use super::telling::is_telling;
use std::{collections::HashSet, sync::LazyLock};

/// Three-digit ZIP codes of areas with 20,000 people or fewer by the census of 2000, which become 000.
///
/// HHS, "Guidance Regarding Methods for De-identification of Protected Health Information in Accordance
/// with the HIPAA Privacy Rule" (26 November 2012), on 45 CFR 164.514(b)(2)(i)(B).
const SMALL_AREAS: [&str; 17] = [
    "036", "059", "063", "102", "203", "556", "692", "790", "821", "823", "830", "831", "878",
    "879", "884", "890", "893",
];

/// The names of public code systems, one a line, without the `s` of `https` and without a `/` at the end.
const PUBLIC_SYSTEMS: &str = include_str!("systems.txt");
/// The names of code systems that are shown in their place where a mart has them in words.
const VOCABULARIES: [&str; 15] = [
    "apr-drg",
    "cdt",
    "cpt",
    "cvx",
    "hcpcs",
    "icd-10",
    "icd-10-cm",
    "icd-10-pcs",
    "icd-9-cm",
    "icd-9-pcs",
    "loinc",
    "ms-drg",
    "ndc",
    "rxnorm",
    "snomed-ct",
];

/// The most characters of a code.
const LONGEST_CODE: usize = 40;
/// A whole number from here on, nine digits, is more likely somebody's than a measurement.
const LARGEST: f64 = 100_000_000.0;
/// The most digits in front of the point of a measurement.
const LONGEST_WHOLE: usize = 8;

/// The first three digits of a ZIP code; `None` for what is not one.
pub(super) fn zip(text: &str) -> Option<&str> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (five, rest) = text.trim().split_at_checked(5)?;
    let is_zip = digits(five)
        && (rest.is_empty() || rest.strip_prefix('-').unwrap_or(rest).len() == 4)
        && digits(rest.strip_prefix('-').unwrap_or(rest));
    let area = five.get(..3).filter(|_| is_zip)?;
    Some(if SMALL_AREAS.contains(&area) { "000" } else { area })
}

/// Whether a text has the form of a code: one short word without an address, a date, or a telephone or
/// social security number in it.
pub(super) fn is_code(text: &str) -> bool {
    let is_mark = |c: char| "-._:/^+|#*<>=%{}[]()',&".contains(c);
    !text.is_empty()
        && text.len() <= LONGEST_CODE
        && text.chars().all(|c| c.is_ascii_alphanumeric() || is_mark(c))
        && !text.contains("://")
        && !is_telling(text)
}

/// Whether it is all digits, and so few that a code of RxNorm or of the NDC may be it.
pub(super) fn is_digits(text: &str) -> bool {
    (1..=11).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_digit())
        && !is_telling(text)
}

/// Whether it names, letter for letter, a code system that everybody uses; a sender's own may be about
/// its member.
pub(super) fn is_public_system(text: &str) -> bool {
    static KNOWN: LazyLock<HashSet<&'static str>> =
        LazyLock::new(|| PUBLIC_SYSTEMS.lines().chain(VOCABULARIES).collect());
    let name = text.strip_suffix('/').unwrap_or(text);
    match name.strip_prefix("https://") {
        Some(rest) => KNOWN.contains(format!("http://{rest}").as_str()),
        None => KNOWN.contains(name),
    }
}

/// Whether a number may be a measurement: nine digits and more in front of the point are a number of a
/// person, a record or an account.
pub(super) fn is_measurement(number: f64) -> bool {
    number.abs() < LARGEST
}

/// As [`is_measurement`], for a number as text: digits that are zeros count as well.
pub(super) fn has_digits_of_a_measurement(text: &str) -> bool {
    let whole = text.trim_start_matches(['-', '+']);
    whole.bytes().take_while(u8::is_ascii_digit).count() <= LONGEST_WHOLE
}

/// Whether it is a state or a country: two or three capital letters.
pub(super) fn is_region(text: &str) -> bool {
    (2..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

/// How many of a unit of time are 90 years; `None` for another unit.
pub(super) fn ninety_years(unit: &str) -> Option<f64> {
    match unit.trim().to_ascii_lowercase().trim_matches(['{', '}', '[', ']']) {
        "a" | "a_j" | "a_g" | "yr" | "yrs" | "y" | "year" | "years" | "year(s)" | "years old" => {
            Some(90.0)
        }
        "mo" | "mo_j" | "mo_g" | "mos" | "mth" | "month" | "months" | "month(s)" => Some(1080.0),
        "wk" | "week" | "weeks" | "week(s)" => Some(4680.0),
        "d" | "day" | "days" | "day(s)" => Some(32_850.0),
        _ => None,
    }
}

/// Codes of LOINC and of SNOMED CT for a person's age, in years where no unit is sent.
pub(super) fn is_code_of_an_age(text: &str) -> bool {
    matches!(
        text,
        "30525-0"
            | "29553-5"
            | "63900-5"
            | "35659-2"
            | "39016-1"
            | "46251-5"
            | "21611-9"
            | "21612-7"
            | "397669002"
            | "424144002"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zip_code_keeps_three_digits_unless_its_area_is_small() {
        for (text, short) in [
            ("02139", Some("021")),
            ("02139-4307", Some("021")),
            ("021394307", Some("021")),
            ("03601", Some("000")),
            ("89301", Some("000")),
            ("2139", None),
            ("02139-43", None),
            ("K1A 0B1", None),
            ("0213é", None),
            ("", None),
        ] {
            assert_eq!(zip(text), short, "{text}");
        }
    }

    #[test]
    fn only_what_has_the_form_of_its_kind_stays() {
        for code in ["E11.9", "99213", "mm[Hg]", "active", "1-2", "10*3/uL"] {
            assert!(is_code(code), "{code}");
        }
        for text in ["", "Jane Doe", "a@b.c", "http://x.y", "2024-05-01", "x2024-05-01T", "Zoë"] {
            assert!(!is_code(text), "{text}");
        }
        for system in [
            "http://hl7.org/fhir/sid/icd-10-cm",
            "https://loinc.org/",
            "http://snomed.info/sct",
            "urn:oid:2.16.840.1.113883.6.90",
            "icd-10-cm",
        ] {
            assert!(is_public_system(system), "{system}");
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
        ] {
            assert!(!is_public_system(system), "{system}");
        }
        assert!(is_digits("860975") && is_digits("00093019501"));
        assert!(!is_digits("") && !is_digits("Zyxdoe") && !is_digits("19500102"));
        assert!(is_region("MA") && is_region("USA") && !is_region("Boston") && !is_region("ma"));
    }

    #[test]
    fn a_number_of_nine_digits_is_no_measurement() {
        assert!(is_measurement(99_999_999.0) && is_measurement(-7.25));
        assert!(!is_measurement(617_555_010.0) && !is_measurement(-6_175_550_100.0));
        assert!(has_digits_of_a_measurement("-120.123456789") && has_digits_of_a_measurement("5"));
        assert!(!has_digits_of_a_measurement("000012345") && !is_code_of_an_age("8480-6"));
    }
}
