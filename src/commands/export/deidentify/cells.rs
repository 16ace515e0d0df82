//! Checks and changes of single values, for the treatments that look at a cell's value.

use crate::warehouse::{AnswerCell, npi_is_valid};
use std::{collections::HashSet, sync::LazyLock};

/// Three-digit ZIP codes of areas with 20,000 people or fewer; an export replaces them by 000.
///
/// They are the areas of the censuses of 2000 and 2010, which include those of 2020. HHS, "Guidance Regarding
/// Methods for De-identification of Protected Health Information in Accordance with the HIPAA Privacy Rule"
/// (26 November 2012), on 45 CFR 164.514(b)(2)(i)(B), prints the list of 2000 and demands the current one.
const SMALL_AREAS: [&str; 23] = [
    "036", "059", "063", "102", "202", "203", "204", "205", "369", "556", "692", "753", "772",
    "790", "821", "823", "830", "831", "878", "879", "884", "890", "893",
];
/// The ranges of first three digits that belong to no place with people; an export replaces such digits by
/// 000, too.
///
/// The postal service has not assigned them, or uses them for an agency, a company or the military. No census
/// has people there, so whoever has such an address may be one of a few. A prefix in doubt is on the list.
const NO_PLACES: [(&str, &str); 62] = [
    ("000", "005"),
    ("055", "055"),
    ("090", "099"),
    ("192", "192"),
    ("213", "213"),
    ("269", "269"),
    ("332", "332"),
    ("340", "340"),
    ("343", "343"),
    ("345", "345"),
    ("348", "348"),
    ("353", "353"),
    ("375", "375"),
    ("399", "399"),
    ("419", "419"),
    ("428", "429"),
    ("459", "459"),
    ("509", "509"),
    ("517", "519"),
    ("529", "529"),
    ("533", "533"),
    ("536", "536"),
    ("552", "552"),
    ("555", "555"),
    ("568", "569"),
    ("578", "579"),
    ("589", "589"),
    ("621", "621"),
    ("632", "632"),
    ("642", "643"),
    ("649", "649"),
    ("659", "659"),
    ("663", "663"),
    ("682", "682"),
    ("694", "699"),
    ("702", "702"),
    ("709", "709"),
    ("715", "715"),
    ("732", "733"),
    ("742", "742"),
    ("771", "771"),
    ("817", "819"),
    ("839", "839"),
    ("842", "842"),
    ("848", "849"),
    ("854", "854"),
    ("858", "858"),
    ("861", "862"),
    ("866", "869"),
    ("872", "872"),
    ("876", "876"),
    ("885", "889"),
    ("892", "892"),
    ("896", "896"),
    ("899", "899"),
    ("901", "901"),
    ("909", "909"),
    ("929", "929"),
    ("938", "938"),
    ("942", "942"),
    ("962", "966"),
    ("987", "987"),
];
/// The countries and territories that have ZIP codes, as senders write them, in lower case.
const ZIP_COUNTRIES: [&str; 17] = [
    "us",
    "usa",
    "u.s.",
    "u.s.a.",
    "840",
    "united states",
    "united states of america",
    "pr",
    "pri",
    "vi",
    "vir",
    "gu",
    "gum",
    "as",
    "asm",
    "mp",
    "mnp",
];
/// UCUM units in common use, and the words that senders write for them, one a line.
const UNITS: &str = include_str!("units.txt");
/// The US postal service's codes of states and territories, and the ISO 3166 codes of countries, one a
/// line.
const REGIONS: &str = include_str!("regions.txt");

/// From this number on (seven digits), a number without a unit is probably an identifier, no measurement.
const LARGEST: f64 = 1_000_000.0;
/// The limit for a number with a unit, which may have two digits more.
const LARGEST_WITH_UNIT: f64 = 100_000_000.0;
/// The most digits before the decimal point of a measurement.
const LONGEST_WHOLE: usize = 8;
/// From this amount on (eight digits, in units of a currency), an amount is probably an account number.
const LARGEST_AMOUNT: f64 = 10_000_000.0;
/// From this number on, a position or a count may be a ZIP code.
const LARGEST_COUNT: f64 = 10_000.0;

/// The first three digits of a ZIP code, or 000 if they belong to a small area or to no place; `None` for any
/// other text.
pub(super) fn zip(text: &str) -> Option<&str> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (five, rest) = text.trim().split_at_checked(5)?;
    let is_zip = digits(five)
        && (rest.is_empty() || rest.strip_prefix('-').unwrap_or(rest).len() == 4)
        && digits(rest.strip_prefix('-').unwrap_or(rest));
    let area = five.get(..3).filter(|_| is_zip)?;
    let is_no_place = NO_PLACES.iter().any(|(first, last)| (*first..=*last).contains(&area));
    Some(if is_no_place || SMALL_AREAS.contains(&area) { "000" } else { area })
}

/// Whether a country has ZIP codes; the postal codes of other countries may be short, too.
pub(super) fn has_zip_codes(country: &str) -> bool {
    ZIP_COUNTRIES.contains(&country.trim().to_ascii_lowercase().as_str())
}

/// Whether a text is a known unit, in upper or lower case.
pub(super) fn is_unit(text: &str) -> bool {
    static KNOWN: LazyLock<HashSet<String>> =
        LazyLock::new(|| UNITS.lines().map(str::to_ascii_lowercase).collect());
    KNOWN.contains(&text.to_ascii_lowercase())
}

/// Whether a text is the code of a state or a country.
pub(super) fn is_region(text: &str) -> bool {
    static KNOWN: LazyLock<HashSet<&'static str>> = LazyLock::new(|| REGIONS.lines().collect());
    KNOWN.contains(text)
}

/// Whether a text is a National Provider Identifier. All issued ones begin with 1; no telephone number does.
pub(super) fn is_npi(text: &str) -> bool {
    text.starts_with('1') && npi_is_valid(text)
}

/// The most characters of a number as text; a longer number is not a measurement.
const LONGEST_NUMBER: usize = 12;

/// The number in a cell, even if the mart holds it as text.
pub(super) fn number(cell: AnswerCell<'_>) -> Option<f64> {
    let number = match cell {
        AnswerCell::Integer(number) => number as f64,
        AnswerCell::Real(number) => number,
        AnswerCell::Text(text) => {
            // A result beyond what a test can measure has a comparator in front (<20.0).
            let text = text.strip_prefix(['<', '>']).unwrap_or(text);
            let text = text.strip_prefix('=').unwrap_or(text);
            let is_number = text.len() <= LONGEST_NUMBER && has_digits_of_a_measurement(text);
            is_number.then(|| text.parse().ok())??
        }
        _ => return None,
    };
    number.is_finite().then_some(number)
}

/// Whether a number is small enough to be a measurement.
///
/// A number with more digits may be that of a person, a record or an account.
pub(super) fn is_measurement(number: f64, has_unit: bool) -> bool {
    number.abs() < if has_unit { LARGEST_WITH_UNIT } else { LARGEST }
}

/// Whether a number is small enough to be a position or a count.
pub(super) fn is_count(number: f64) -> bool {
    number.abs() < LARGEST_COUNT
}

/// Whether a number is small enough to be an amount; `is_cents` says that it is in hundredths.
pub(super) fn is_amount(number: f64, is_cents: bool) -> bool {
    number.abs() < if is_cents { LARGEST_AMOUNT * 100.0 } else { LARGEST_AMOUNT }
}

/// Whether a number as text is short enough to be a measurement; leading zeros count as digits.
pub(super) fn has_digits_of_a_measurement(text: &str) -> bool {
    let whole = text.trim_start_matches(['-', '+']);
    whole.bytes().take_while(u8::is_ascii_digit).count() <= LONGEST_WHOLE
}

/// 90 years, expressed in this unit of time; `None` for another unit.
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

/// Whether a text is a code of LOINC or SNOMED CT for a person's age, which is in years without a unit.
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
            ("75301", Some("000")),
            ("09012", Some("000")),
            ("34002", Some("000")),
            ("96378", Some("000")),
            ("00499", Some("000")),
            ("96799", Some("967")),
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
    fn postal_codes_of_other_countries_are_no_zip_codes() {
        assert!(["US", "usa", " United States ", "PR"].into_iter().all(has_zip_codes));
        assert!(!["DE", "Germany", "MX", ""].into_iter().any(has_zip_codes));
    }

    #[test]
    fn only_regions_units_and_providers_numbers_are_such() {
        assert!(is_region("MA") && is_region("USA") && is_region("DE"));
        assert!(!["Boston", "ma", "LEE", "ANN", "ON", "AE", ""].into_iter().any(is_region));
        for unit in ["mg", "mL", "ML", "Tablet", "a", "years", "10*3/uL", "mm[Hg]", "%", "{score}"]
        {
            assert!(is_unit(unit), "{unit}");
        }
        for text in ["", "Zyxdoe", "Zyxdoe-555-12-3456", "617-555-0100"] {
            assert!(!is_unit(text), "{text}");
        }
        assert!(is_npi("1234567893") && !is_npi("1234567890") && !is_npi("2015550127"));
    }

    #[test]
    fn the_number_of_a_person_or_an_account_is_no_measurement() {
        assert!(is_measurement(99_999_999.0, true) && is_measurement(-7.25, false));
        assert!(!is_measurement(617_555_010.0, true) && !is_measurement(5_550_100.0, false));
        assert!(is_count(9_999.0) && !is_count(10_001.0));
        assert!(is_amount(-1_345_678.5, false) && !is_amount(6_175_550_100.0, false));
        assert!(has_digits_of_a_measurement("-120.123456789") && has_digits_of_a_measurement("5"));
        assert!(!has_digits_of_a_measurement("000012345") && !is_code_of_an_age("8480-6"));
    }
}
