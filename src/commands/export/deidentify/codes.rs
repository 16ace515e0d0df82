//! The forms of the codes of single code systems, with check digits and ranges.
//!
//! `forms.rs` says which code system has which form.

use crate::warehouse::luhn_sum;

/// The highest number that counts as an RxNorm concept.
const MOST_OF_RXNORM: u64 = 2_999_999;

/// Whether a text matches one of the patterns.
///
/// In a pattern, `9` is a digit, `A` a capital letter, `*` either of them, and any other character itself.
pub(super) fn is_like(text: &str, patterns: &[&str]) -> bool {
    let fits = |pattern: u8, byte: u8| match pattern {
        b'9' => byte.is_ascii_digit(),
        b'A' => byte.is_ascii_uppercase(),
        b'*' => byte.is_ascii_digit() || byte.is_ascii_uppercase(),
        _ => byte == pattern,
    };
    patterns.iter().any(|pattern| {
        pattern.len() == text.len() && pattern.bytes().zip(text.bytes()).all(|(a, b)| fits(a, b))
    })
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn number(digits: &str) -> u64 {
    digits.parse().unwrap_or(u64::MAX)
}

/// Whether a text is a number of an RxNorm concept.
pub(super) fn is_rxnorm(text: &str) -> bool {
    is_digits(text) && !text.starts_with('0') && number(text) <= MOST_OF_RXNORM
}

/// Whether a text is a short code of four characters at most.
///
/// A code without a digit has two characters at most. X12's reasons with a group (`CO197`) and remarks
/// (`MA130`) count, too.
pub(super) fn is_short(text: &str) -> bool {
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    is_like(text, &["**", "***", "****", "AA999"]) && (has_digit || text.len() <= 2)
}

/// Whether a text is a CPT code: five digits within the assigned ranges, or four digits and a letter.
///
/// The gaps between the ranges keep out many ZIP codes. The letter tells the kind of CPT code.
pub(super) fn is_cpt(text: &str) -> bool {
    let known =
        [100..=1_999, 10_004..=69_990, 70_010..=79_999, 80_047..=89_398, 90_281..=99_607_u64];
    let is_number = text.len() == 5 && is_digits(text);
    (is_number && known.iter().any(|range| range.contains(&number(text))))
        || (is_like(text, &["9999A"]) && text.ends_with(['A', 'F', 'M', 'T', 'U']))
}

/// Whether a text is a code of CPT, HCPCS Level II, CDT (a letter and four digits) or HIPPS, or a modifier.
pub(super) fn is_hcpcs(text: &str) -> bool {
    is_cpt(text) || is_like(text, &["**", "A9999"]) || (text.len() == 5 && is_hipps(text))
}

/// Whether a text is the reason of an adjustment, or a remark.
///
/// A reason (CARC: a number up to 310, A0, B23, P32) may have its group in front. Examples of remarks
/// (RARC) are M1, MA130 and N822.
pub(super) fn is_reason(text: &str) -> bool {
    let is_up_to = |digits: &str, most: u64| is_digits(digits) && number(digits) <= most;
    let groups = ["CO", "CR", "OA", "PI", "PR"];
    let reason = groups.iter().find_map(|group| text.strip_prefix(group)).unwrap_or(text);
    let reason = reason.strip_prefix('-').unwrap_or(reason);
    let lettered = reason.strip_prefix(['A', 'B', 'D', 'P', 'W', 'Y']);
    let is_lettered = lettered.is_some_and(|it| it.len() <= 2 && is_digits(it));
    let remark = text.strip_prefix("MA").or(text.strip_prefix(['M', 'N']));
    let is_short = text.len() <= 5;
    (is_short || reason != text)
        && (is_up_to(reason, 310) || is_lettered || remark.is_some_and(|it| is_up_to(it, 999)))
}

/// Whether a text is a HIPPS code, which CMS uses to classify stays and care.
///
/// The three forms are: nursing homes by PDPM, nursing homes by the earlier RUG, home health by PDGM.
fn is_hipps(text: &str) -> bool {
    let fits = |classes: [&str; 5]| classes.iter().zip(text.chars()).all(|(of, c)| of.contains(c));
    let digits = "0123456789";
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let third = "ABCDEFGHIJKLMNOPQRSTUVWXYZ123";
    fits(["ABCDEFGHIJKLMNOP", "ABCDEFGHIJKL", "ABCDEFGHIJKLMNOPQRSTUVWXY", "ABCDEF", "01"])
        || fits(["REHLCBP", letters, third, digits, digits])
        || fits(["1234", "ABCDEFGHIJKL", "ABC", "123", "1"])
}

/// Whether a text is an ICD-10-CM code: a letter, a digit, a third character, then up to four more.
///
/// The point before the last four may be missing. The last of seven characters is a letter, except for
/// glaucoma, pregnancies and comas.
pub(super) fn is_icd10cm(text: &str) -> bool {
    let (start, rest) = match text.split_at_checked(3) {
        Some((start, rest)) => (start, rest.strip_prefix('.').unwrap_or(rest)),
        None => return false,
    };
    let is_seventh = |byte: u8| byte.is_ascii_uppercase() || start.starts_with(['H', 'O', 'R']);
    is_like(start, &["A9*"])
        && is_like(rest, &["", "*", "**", "***", "****"])
        && rest.as_bytes().get(3).copied().is_none_or(is_seventh)
        && !(text.ends_with('.'))
}

/// Whether a text is an ICD-10-PCS code: seven characters without I and O, the first a section.
///
/// A code of digits alone must begin with section 0.
pub(super) fn is_icd10pcs(text: &str) -> bool {
    is_like(text, &["*******"])
        && !text.contains(['I', 'O'])
        && text.starts_with(|c: char| "0123456789BCDFGHX".contains(c))
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && (text.starts_with('0') || !is_digits(text))
}

/// Whether a text is a LOINC code: up to five digits, a hyphen, and a valid check digit.
///
/// Source: LOINC Users' Guide, "Check digit".
pub(super) fn is_loinc(text: &str) -> bool {
    let Some((digits, check)) = text.split_once('-') else { return false };
    let sum = luhn_sum(digits.bytes().rev());
    (1..=5).contains(&digits.len())
        && is_digits(digits)
        && check.len() == 1
        && is_digits(check)
        && number(check) == u64::from((10 - sum % 10) % 10)
}

/// Whether a text is an identifier of SNOMED CT: its partition and its check digit are valid.
///
/// Source: Release File Specifications, "SCTID Representation", "Verhoeff's Dihedral Group D5 Check". A
/// short identifier of ten digits must not begin like a telephone number of North America. A long
/// identifier must belong to one of SNOMED's own namespaces.
pub(super) fn is_snomed(text: &str) -> bool {
    if !is_digits(text) || !(6..=18).contains(&text.len()) || text.starts_with('0') {
        return false;
    }
    let (rest, partition) = text.split_at(text.len() - 3);
    let is_possible = match &partition[..2] {
        "00" | "01" | "02" => text.len() < 10 || (text.len() == 10 && text.starts_with('1')),
        "10" | "11" | "12" => {
            rest.len().checked_sub(7).is_some_and(|at| at > 0 && rest[at..].starts_with("1000"))
        }
        _ => false,
    };
    is_possible && verhoeff(text) == 0
}

/// Verhoeff's checksum of the digits: 0 if the check digit is valid.
fn verhoeff(digits: &str) -> u8 {
    /// The product of two elements of the group of order ten: 0 to 4 are rotations, 5 to 9 reflections.
    fn product(a: u8, b: u8) -> u8 {
        match (a < 5, b < 5) {
            (true, true) => (a + b) % 5,
            (true, false) => 5 + (a + b - 5) % 5,
            (false, true) => 5 + (a - 5 + 5 - b) % 5,
            (false, false) => (a + 5 - b) % 5,
        }
    }
    const PERMUTED: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];
    digits.bytes().rev().enumerate().fold(0, |sum, (at, byte)| {
        let digit = (0..at % 8).fold(byte - b'0', |digit, _| PERMUTED[usize::from(digit)]);
        product(sum, digit)
    })
}

/// Whether a text is the name of a CMS variable, or the URL of its page at Blue Button.
///
/// Neither may have three digits in a row.
pub(super) fn is_variable(text: &str) -> bool {
    const PAGE: &str = "https://bluebutton.cms.gov/resources/variables/";
    let is_name = |name: &str, is_letter: fn(&u8) -> bool| {
        name.len() <= 40
            && name.bytes().all(|byte| is_letter(&byte) || byte.is_ascii_digit() || byte == b'_')
            && !name.as_bytes().windows(3).any(|three| three.iter().all(u8::is_ascii_digit))
    };
    match text.strip_prefix(PAGE) {
        Some(name) => is_name(name, u8::is_ascii_lowercase),
        None => text.starts_with("CLM_") && is_name(text, u8::is_ascii_uppercase),
    }
}
