//! The forms of single code systems, with their check digits and ranges. `forms.rs` says which is whose.

use crate::warehouse::luhn_sum;

/// The concepts of RxNorm have lower numbers.
const MOST_OF_RXNORM: u64 = 2_999_999;

/// Whether a text is like one of these: `9` is a digit, `A` a capital letter, `*` either, and every other
/// character itself.
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

/// A number of RxNorm.
pub(super) fn is_rxnorm(text: &str) -> bool {
    is_digits(text) && !text.starts_with('0') && number(text) <= MOST_OF_RXNORM
}

/// At most four characters, letters alone at most two; or a group and a reason of X12, such as `MA130`.
pub(super) fn is_short(text: &str) -> bool {
    let has_digit = text.bytes().any(|byte| byte.is_ascii_digit());
    is_like(text, &["**", "***", "****", "AA999"]) && (has_digit || text.len() <= 2)
}

/// CPT: within these numbers, whose gaps keep apart many ZIP codes, or four digits and the letter of a
/// category.
pub(super) fn is_cpt(text: &str) -> bool {
    let known =
        [100..=1_999, 10_004..=69_990, 70_010..=79_999, 80_047..=89_398, 90_281..=99_607_u64];
    let is_number = text.len() == 5 && is_digits(text);
    (is_number && known.iter().any(|range| range.contains(&number(text))))
        || (is_like(text, &["9999A"]) && text.ends_with(['A', 'F', 'M', 'T', 'U']))
}

/// CPT, HCPCS Level II and CDT (a letter and four digits), HIPPS, and modifiers.
pub(super) fn is_hcpcs(text: &str) -> bool {
    is_cpt(text) || is_like(text, &["**", "A9999"]) || (text.len() == 5 && is_hipps(text))
}

/// A reason of an adjustment, perhaps behind its group (CARC: 1 to 305, A0, B23, P32), or a remark (RARC:
/// M1, MA130, N822).
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

/// CMS's groups of stays: of nursing homes by PDPM and, before, by RUG; of care at home by PDGM.
fn is_hipps(text: &str) -> bool {
    let fits = |classes: [&str; 5]| classes.iter().zip(text.chars()).all(|(of, c)| of.contains(c));
    let digits = "0123456789";
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let third = "ABCDEFGHIJKLMNOPQRSTUVWXYZ123";
    fits(["ABCDEFGHIJKLMNOP", "ABCDEFGHIJKL", "ABCDEFGHIJKLMNOPQRSTUVWXY", "ABCDEF", "01"])
        || fits(["REHLCBP", letters, third, digits, digits])
        || fits(["1234", "ABCDEFGHIJKL", "ABC", "123", "1"])
}

/// A letter, a digit, a third character, and up to four behind a point that may be left out; the last of
/// seven is a letter, but for glaucoma, pregnancies and comas.
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

/// Seven characters without I and O, the first a section; digits alone begin with the section 0.
pub(super) fn is_icd10pcs(text: &str) -> bool {
    is_like(text, &["*******"])
        && !text.contains(['I', 'O'])
        && text.starts_with(|c: char| "0123456789BCDFGHX".contains(c))
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && (text.starts_with('0') || !is_digits(text))
}

/// Up to five digits, a hyphen, and their check digit (LOINC Users' Guide, "Check digit").
pub(super) fn is_loinc(text: &str) -> bool {
    let Some((digits, check)) = text.split_once('-') else { return false };
    let sum = luhn_sum(digits.bytes().rev());
    (1..=5).contains(&digits.len())
        && is_digits(digits)
        && check.len() == 1
        && is_digits(check)
        && number(check) == u64::from((10 - sum % 10) % 10)
}

/// An identifier of SNOMED CT: its partition and its check digit are right (Release File Specifications,
/// "SCTID Representation", "Verhoeff's Dihedral Group D5 Check"). No short identifier of ten digits begins
/// like a telephone number of North America, and a long one is of SNOMED's own namespaces.
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

/// The remainder of the digits in the dihedral group of order ten, 0 where the check digit is right.
fn verhoeff(digits: &str) -> u8 {
    /// The product of two elements: rotations up to 4, reflections from 5 on.
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

/// The name of a variable of CMS, or its page at Blue Button; neither has a number of three digits in it.
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
