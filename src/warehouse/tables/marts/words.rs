//! One spelling for what payers write in many ways: dates, drug codes, days of supply.
//!
//! The statements of `config/marts` call these as SQL functions. Each takes a value as sent and returns
//! NULL if it does not understand the value.

use chrono::{Datelike, NaiveDate};

/// The day of a date, or of a date and time; for a year or a month, its first day.
pub(super) fn first_day(text: &str) -> Option<String> {
    day(text, |year, month| NaiveDate::from_ymd_opt(year, month.unwrap_or(1), 1))
}

/// The day of a date, or of a date and time; for a year or a month, its last day.
pub(super) fn last_day(text: &str) -> Option<String> {
    day(text, |year, month| {
        let next = match month.unwrap_or(12) {
            12 => NaiveDate::from_ymd_opt(year + 1, 1, 1),
            month => NaiveDate::from_ymd_opt(year, month + 1, 1),
        };
        next?.pred_opt()
    })
}

fn day(text: &str, rest: impl Fn(i32, Option<u32>) -> Option<NaiveDate>) -> Option<String> {
    let text = text.trim();
    let (date, time) = match text.split_once(['T', ' ']) {
        Some((_, time)) if !is_time(time) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    let digits = |part: &str, length: usize| {
        let is_number = part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse::<u32>().ok())?
    };
    let mut parts = date.split('-');
    let year = i32::try_from(digits(parts.next()?, 4)?).ok().filter(|year| *year > 0)?;
    let found = match (parts.next(), parts.next(), parts.next()) {
        (None, ..) if time.is_empty() => rest(year, None)?,
        (Some(month), None, _) if time.is_empty() => {
            let month = digits(month, 2)?;
            rest(year, Some(NaiveDate::from_ymd_opt(year, month, 1)?.month()))?
        }
        (Some(month), Some(day), None) => {
            NaiveDate::from_ymd_opt(year, digits(month, 2)?, digits(day, 2)?)?
        }
        _ => return None,
    };
    Some(found.to_string())
}

/// Whether a text is a time of day, with or without seconds and a zone (FHIR R4, dateTime).
fn is_time(text: &str) -> bool {
    let (time, zone) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let below = |part: &str, limit: u32| {
        let is_number = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number && part.parse::<u32>().is_ok_and(|number| number < limit)
    };
    let is_second = |part: &str| {
        let (whole, rest) = part.split_once('.').unwrap_or((part, "0"));
        // A leap second has the number 60.
        below(whole, 61) && !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit())
    };
    let is_clock = match time.split(':').collect::<Vec<_>>().as_slice() {
        [hour, minute] => below(hour, 24) && below(minute, 60),
        [hour, minute, second] => below(hour, 24) && below(minute, 60) && is_second(second),
        _ => false,
    };
    let is_zone = match zone.get(1..).and_then(|rest| rest.split_once(':')) {
        Some((hour, minute)) => {
            !zone.starts_with(['Z', 'z']) && below(hour, 15) && below(minute, 60)
        }
        None => matches!(zone, "" | "Z" | "z"),
    };
    is_clock && is_zone
}

/// A National Drug Code, normalised to eleven digits.
///
/// A sender may write `N4` or `NDC` in front (X12 loop 2410, RxNorm), a star instead of a zero (CMS,
/// HCPCS crosswalks), or a labeler of six digits beginning with a zero (RxNorm's other forms; VANDF has
/// twelve digits). Ten digits without hyphens do not show which part lacks its zero. The exception is a
/// leading zero, since labelers of five digits begin at 10000. Other codes of ten digits are not
/// understood.
pub(super) fn ndc(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_uppercase();
    let bare = ["N4", "NDC"].into_iter().find_map(|start| text.strip_prefix(start));
    let bare = bare.unwrap_or(&text).trim_start_matches([':', '#', '-', ' ']).replace('*', "0");
    let parts: Vec<&str> = bare.split(['-', ' ']).filter(|part| !part.is_empty()).collect();
    let is_digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.is_empty() || !parts.iter().all(is_digits) {
        return None;
    }
    match parts.as_slice() {
        [labeler, product, package] => {
            let labeler = if labeler.len() == 6 { labeler.strip_prefix('0')? } else { labeler };
            let fits = matches!(
                (labeler.len(), product.len(), package.len()),
                (4..=5, 4, 1..=2) | (5, 3, 2)
            );
            fits.then(|| format!("{labeler:0>5}{product:0>4}{package:0>2}"))
        }
        parts => {
            let digits = parts.concat();
            match digits.len() {
                11 => Some(digits),
                12 => digits.strip_prefix('0').map(str::to_owned),
                10 if digits.starts_with('0') => Some(format!("0{digits}")),
                _ => None,
            }
        }
    }
}

/// The NPI, if the identifier is an NPI by its system or its type.
///
/// If another organization's system only ends in `npi`, or if it is one of Medicare's variables for an NPI,
/// the check digit must be right, too.
pub(super) fn npi(system: Option<&str>, kind: Option<&str>, value: Option<&str>) -> Option<String> {
    let value = value?.trim();
    let system = system.unwrap_or_default().trim().trim_end_matches('/').to_ascii_lowercase();
    let oid = system.trim_start_matches("urn:oid:");
    let of_system = system.ends_with("hl7.org/fhir/sid/us-npi") || oid == "2.16.840.1.113883.4.6";
    let of_kind = kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("npi"));
    let is_called_so = match system.rsplit_once("bluebutton.cms.gov/resources/variables/") {
        Some((_, variable)) => {
            matches!(variable, "npi" | "us-npi")
                || variable.ends_with("_npi")
                || variable.ends_with("_npi_num")
        }
        None => matches!(system.rsplit('/').next(), Some("npi" | "us-npi")),
    };
    let is_one = of_system || of_kind || is_called_so && npi_is_valid(value);
    is_one.then(|| value.to_owned())
}

/// Whether a text is a valid National Provider Identifier.
///
/// That is ten digits: the first is 1 or 2, and the last is the check digit (ISO/IEC 7812, over the
/// number with the prefix 80840).
pub fn npi_is_valid(text: &str) -> bool {
    let is_number = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit());
    // 24 is the sum of the digits of the prefix.
    is_number && text.starts_with(['1', '2']) && (luhn_sum(text.bytes()) + 24).is_multiple_of(10)
}

/// The Luhn sum: digits where the first and every second one after it count double, less 9 if above 9
/// (ISO/IEC 7812).
///
/// The result is meaningless for a text with anything but digits.
pub fn luhn_sum(digits: impl Iterator<Item = u8>) -> u32 {
    digits
        .enumerate()
        .map(|(at, byte)| match (at % 2, u32::from(byte.wrapping_sub(b'0'))) {
            (0, digit) if digit > 4 => digit * 2 - 9,
            (0, digit) => digit * 2,
            (_, digit) => digit,
        })
        .sum()
}

/// The longest supply of a drug, in days: a hundred years.
const LONGEST_SUPPLY: f64 = 36_525.0;

/// The number of days in a quantity of time, if it is no more than a hundred years.
///
/// A week has 7 days, a month 30, a year 365. A text may be a number with a unit after it, or a duration
/// such as P30D (ISO 8601).
pub(super) fn days(value: Option<f64>, unit: Option<&str>, text: Option<&str>) -> Option<f64> {
    let days = match value {
        Some(value) => days_of_unit(value, unit.unwrap_or_default()),
        None => {
            let text = text?.trim();
            match text.strip_prefix(['P', 'p']) {
                Some(duration) => days_of_duration(duration)?,
                None => {
                    let (number, unit) = number_before(text)?;
                    days_of_unit(number, unit)
                }
            }
        }
    };
    (0.0..=LONGEST_SUPPLY).contains(&days).then_some(days)
}

/// The number at the beginning of a text, and the rest of the text.
fn number_before(text: &str) -> Option<(f64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    Some((text[..end].parse().ok()?, &text[end..]))
}

/// Adds up the parts of a duration after its `P`: after a `T`, an `M` means minutes, otherwise months.
fn days_of_duration(text: &str) -> Option<f64> {
    let upper = text.to_ascii_uppercase();
    let (mut rest, mut is_time, mut days, mut is_any) = (upper.as_str(), false, 0.0, false);
    while !rest.is_empty() {
        if let Some(time) = rest.strip_prefix('T').filter(|_| !is_time) {
            (rest, is_time) = (time, true);
            continue;
        }
        let (number, behind) = number_before(rest)?;
        let unit = behind.chars().next()?;
        let unit_word = match (unit, is_time) {
            ('Y', false) => "a",
            ('M', false) => "mo",
            ('W', false) => "wk",
            ('D', false) => "d",
            ('H', true) => "h",
            ('M', true) => "min",
            ('S', true) => "s",
            _ => return None,
        };
        days += days_of_unit(number, unit_word);
        (rest, is_any) = (&behind[unit.len_utf8()..], true);
    }
    is_any.then_some(days)
}

/// The days in a quantity of a unit. An unknown unit counts as days, in which supplies are usually told.
fn days_of_unit(value: f64, unit: &str) -> f64 {
    let unit = unit.to_ascii_lowercase().replace("(s)", "");
    let (times, by) = match unit.trim_matches(|c: char| !c.is_ascii_alphanumeric()) {
        "s" | "sec" | "second" | "seconds" => (1.0, 86_400.0),
        "min" | "mins" | "minute" | "minutes" => (1.0, 1440.0),
        "h" | "hr" | "hrs" | "hour" | "hours" => (1.0, 24.0),
        "wk" | "wks" | "w" | "week" | "weeks" => (7.0, 1.0),
        // UCUM has months and years of several calendars.
        "mo" | "mo_g" | "mo_j" | "mo_s" | "month" | "months" | "mon" | "mos" | "mth" | "mths" => {
            (30.0, 1.0)
        }
        "a" | "a_g" | "a_j" | "a_t" | "y" | "yr" | "yrs" | "year" | "years" => (365.0, 1.0),
        _ => (1.0, 1.0),
    };
    value * times / by
}

/// The whole number at the beginning of a text.
pub(super) fn whole_number(text: &str) -> Option<i64> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().ok()
}

/// A, B, C or D, if a text names that part of Medicare.
pub(super) fn medicare_part(text: &str) -> Option<String> {
    let text = text.to_ascii_uppercase();
    let is_part = |part: &&str| ["A", "B", "C", "D"].contains(part);
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let together = words.iter().find_map(|word| word.strip_prefix("PART").filter(is_part));
    let apart =
        || words.windows(2).find_map(|two| (two[0] == "PART").then_some(two[1]).filter(is_part));
    together.or_else(apart).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_has_ten_characters_or_is_none() {
        for (sent, first, last) in [
            ("2024-02-03", "2024-02-03", "2024-02-03"),
            ("2024-12-31T23:59:59-05:00", "2024-12-31", "2024-12-31"),
            ("2024-12-31T23:59:60.25Z", "2024-12-31", "2024-12-31"),
            ("2024-12-31 08:30", "2024-12-31", "2024-12-31"),
            ("2024-02", "2024-02-01", "2024-02-29"),
            ("2020", "2020-01-01", "2020-12-31"),
            ("2020-12", "2020-12-01", "2020-12-31"),
        ] {
            assert_eq!(first_day(sent).as_deref(), Some(first), "{sent}");
            assert_eq!(last_day(sent).as_deref(), Some(last), "{sent}");
        }
        for sent in [
            "",
            "2021-02-30",
            "20210203",
            "2021-2-3",
            "soon",
            "2021-13",
            "0000",
            "2021-01-01-01",
            "2025-01-31Tgarbage",
            "2025-01-31T25:61:00Z",
            "2025-01-31T24:00:00Z",
            "2025-01-31T",
            "2025-01-31T10:00:00+15:00",
            "2025-01-31T10:00:00Zulu",
            "2025-01-31T10:00:00.Z",
        ] {
            assert_eq!((first_day(sent), last_day(sent)), (None, None), "{sent}");
        }
    }

    #[test]
    fn a_drug_has_one_code_however_it_is_written() {
        for sent in [
            "0093-3109-05",
            "00093310905",
            "00093-3109-05",
            "0093310905",
            "N400093310905",
            " 00093 3109 05",
            "000093-3109-05",
            "000093310905",
            "00093-3109-*5",
            "*0093-3109-05",
            "NDC 0093-3109-05",
            "ndc:00093310905",
        ] {
            assert_eq!(ndc(sent).as_deref(), Some("00093310905"), "{sent}");
        }
        for (sent, code) in [("12345-678-90", "12345067890"), ("12345-6789-1", "12345678901")] {
            assert_eq!(ndc(sent).as_deref(), Some(code), "{sent}");
        }
        for sent in [
            "",
            "compound",
            "123",
            "1234567890",
            "123456789012",
            "123456-7890-12",
            "1-2",
            "5-3-2",
            "00093310905x",
        ] {
            assert_eq!(ndc(sent), None, "{sent}");
        }
    }

    #[test]
    fn an_npi_has_a_check_digit() {
        for valid in ["1234567893", "1111111112", "2222222228"] {
            assert!(npi_is_valid(valid), "{valid}");
        }
        let long = "9".repeat(10_000);
        for invalid in
            ["1234567890", "3333333334", "123456789", "12345678934", "123456789x", "", &long]
        {
            assert!(!npi_is_valid(invalid), "{invalid}");
        }
    }

    #[test]
    fn supply_is_in_days() {
        for (value, unit, text, expected) in [
            (Some(30.0), None, None, Some(30.0)),
            (Some(30.0), Some("days"), None, Some(30.0)),
            (Some(1.0), Some("mo"), None, Some(30.0)),
            (Some(2.0), Some("wk"), None, Some(14.0)),
            (Some(720.0), Some("h"), None, Some(30.0)),
            (Some(1.0), Some("mo_g"), None, Some(30.0)),
            (Some(1.0), Some("mo_j"), None, Some(30.0)),
            (None, None, Some("P30D"), Some(30.0)),
            (None, None, Some("P3M"), Some(90.0)),
            (None, None, Some("P"), None),
            (None, None, Some("P4W2D"), Some(30.0)),
            (None, None, Some("P1M2"), None),
            (None, None, Some("PT720H"), Some(30.0)),
            (None, None, Some("P1DT2M"), Some(1.0 + 2.0 / 1440.0)),
            (Some(1.0), Some("Month(s)"), None, Some(30.0)),
            (Some(1.0), Some("mths."), None, Some(30.0)),
            (Some(30.0), Some("day(s)"), None, Some(30.0)),
            (Some(30.0), Some("EA"), None, Some(30.0)),
            (None, None, Some("30"), Some(30.0)),
            (None, None, Some(" 1 month"), Some(30.0)),
            (None, None, Some("030"), Some(30.0)),
            (None, None, Some("thirty"), None),
            (None, None, None, None),
        ] {
            assert_eq!(days(value, unit, text), expected, "{value:?} {unit:?} {text:?}");
        }
    }

    #[test]
    fn parts_of_medicare_are_told_apart() {
        assert_eq!(medicare_part("Part A").as_deref(), Some("A"));
        assert_eq!(medicare_part("Medicare Part D (PDP)").as_deref(), Some("D"));
        assert_eq!(medicare_part("PARTC").as_deref(), Some("C"));
        assert_eq!(medicare_part("Partner plan"), None);
        assert_eq!(medicare_part("Part time"), None);
    }
}
