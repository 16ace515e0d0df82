//! What becomes of a cell whose treatment looks at its value.

/// Three-digit ZIP codes of areas with 20,000 people or fewer by the census of 2000, which become 000.
///
/// HHS, "Guidance Regarding Methods for De-identification of Protected Health Information in Accordance
/// with the HIPAA Privacy Rule" (26 November 2012), on 45 CFR 164.514(b)(2)(i)(B).
const SMALL_AREAS: [&str; 17] = [
    "036", "059", "063", "102", "203", "556", "692", "790", "821", "823", "830", "831", "878",
    "879", "884", "890", "893",
];

/// What the names of public code systems begin with.
const PUBLIC_SYSTEMS: [&str; 27] = [
    "http://hl7.org/",
    "https://hl7.org/",
    "http://terminology.hl7.org/",
    "https://terminology.hl7.org/",
    "http://loinc.org",
    "http://snomed.info/",
    "http://unitsofmeasure.org",
    "http://www.nlm.nih.gov/research/umls/",
    "http://ncimeta.nci.nih.gov",
    "http://fdasis.nlm.nih.gov",
    "http://www.ama-assn.org/",
    "http://www.ada.org/",
    "http://ada.org/",
    "http://www.cms.gov/",
    "https://www.cms.gov/",
    "https://bluebutton.cms.gov/resources/",
    "http://www.nubc.org/",
    "https://www.nubc.org/",
    "http://nucc.org/",
    "https://nucc.org/",
    "http://ncpdp.org",
    "http://terminology.ncpdp.org",
    "https://x12.org/",
    "https://codesystem.x12.org/",
    "https://www.usps.com/",
    "urn:iso:std:iso:",
    "urn:oid:2.16.840.1.113883.",
];

/// The most characters of a code and of a system's name.
const LONGEST_CODE: usize = 40;
const LONGEST_SYSTEM: usize = 160;

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

/// Whether a text has the form of a code: one short word without an address or a date in it.
pub(super) fn is_code(text: &str) -> bool {
    let is_mark = |c: char| "-._:/^+|#*<>=%{}[]()',&".contains(c);
    !text.is_empty()
        && text.len() <= LONGEST_CODE
        && text.chars().all(|c| c.is_ascii_alphanumeric() || is_mark(c))
        && !text.contains("://")
        && !has_day(text)
}

/// Whether a day (`YYYY-MM-DD`) is anywhere in it.
fn has_day(text: &str) -> bool {
    text.as_bytes().windows(10).any(|window| {
        window.iter().enumerate().all(|(position, byte)| match position {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
    })
}

/// Whether it names a code system that everybody uses; a sender's own may be about its member.
pub(super) fn is_public_system(text: &str) -> bool {
    text.len() <= LONGEST_SYSTEM
        && PUBLIC_SYSTEMS.iter().any(|start| text.starts_with(start))
        && !text.contains(['?', '#', '@', ' '])
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

/// Codes of LOINC for a person's age, in years where no unit is sent.
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
        assert!(is_public_system("http://hl7.org/fhir/sid/icd-10-cm"));
        assert!(!is_public_system("https://plan.example/members/M123/codes"));
        assert!(is_region("MA") && is_region("USA") && !is_region("Boston") && !is_region("ma"));
    }
}
