//! Protects texts that a spreadsheet would compute or alter when it opens a file.
//!
//! Such a text gets an apostrophe in front, which marks it as text. A text that begins with an
//! apostrophe of its own gets one more, so that removing one apostrophe restores the text.

use std::borrow::Cow;

use chrono::NaiveDate;

/// Characters that begin a formula, including the wide forms of East Asian keyboards.
const BEGINNINGS: [char; 9] = ['=', '+', '-', '@', '＝', '＋', '－', '＠', '\''];
/// Characters besides digits in numbers, days and times: `1,300`, `12:30`, `1/2`, `(5)`, `1E+5`.
const AMONG_DIGITS: &[u8] = b" .,:;/+-%$()eE";
/// The number of digits that a spreadsheet keeps; it turns further digits into zeroes.
const DIGITS: usize = 15;

/// The text, with an apostrophe in front if a spreadsheet would alter it.
pub(super) fn shown_as_text(text: &str) -> Cow<'_, str> {
    let seen = text.trim_start_matches(is_invisible);
    let is_plain = is_number(text) || is_day(text);
    match seen.starts_with(BEGINNINGS) || (is_like_number(seen) && !is_plain) || has_month(text) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// Whether a character may hide the start of a formula.
fn is_invisible(c: char) -> bool {
    c.is_whitespace() || c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{feff}')
}

/// Whether a spreadsheet may read the text as a number, a day or a time. This holds even for codes such as
/// `250.00` or `2093-3`.
fn is_like_number(text: &str) -> bool {
    let is_of_numbers = |byte: u8| byte.is_ascii_digit() || AMONG_DIGITS.contains(&byte);
    text.starts_with(|c: char| c.is_ascii_digit() || ".($".contains(c))
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().all(is_of_numbers)
        && !text.ends_with(['e', 'E'])
}

/// Whether a spreadsheet shows the number unaltered.
///
/// Such a number has no leading zeroes, no trailing zeroes after the point, and not too many digits.
fn is_number(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "1"));
    let are_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    are_digits(whole)
        && are_digits(fraction)
        && (whole == "0" || !whole.starts_with('0'))
        && !fraction.ends_with('0')
        && text.len() <= DIGITS
}

/// Whether the text is a day (ISO 8601), possibly with a time; a spreadsheet reads it as that day.
fn is_day(text: &str) -> bool {
    let Some((day, time)) = text.split_at_checked("2024-03-01".len()) else { return false };
    NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok() && (time.is_empty() || time.starts_with(' '))
}

/// Whether the text has a month's English name and a number, which become a day: `SEPT2`, `5-Mar`.
fn has_month(text: &str) -> bool {
    const MONTHS: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let (letters, others): (String, String) =
        text.to_ascii_lowercase().chars().partition(char::is_ascii_alphabetic);
    let is_month = |name: &&str| letters == **name || letters == name[..3] || letters == "sept";
    MONTHS.iter().any(is_month)
        && others.contains(|c: char| c.is_ascii_digit())
        && others.chars().all(|c| c.is_ascii_digit() || " -/.,".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_and_identifiers_become_texts_and_the_rest_stays() {
        for altered in [
            "=HYPERLINK(\"http://x\")",
            "+1",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            " 250",
            "\u{feff}=1",
            "\0=1",
            "＝1+1",
            "'quoted",
            "00093310905",
            "12345678901234567890",
            "12E5",
            "1E+5",
            "250.00",
            "414.0",
            "007.5",
            ".5",
            "1/2",
            "1 1/2",
            "10-1",
            "2093-3",
            "2024-03",
            "2024-02-30",
            "3/1/2024",
            "1,300",
            "$12.5",
            "(123)",
            "50%",
            "12:30",
            "SEPT2",
            "5-Mar",
            "March 5, 2024",
        ] {
            assert_eq!(shown_as_text(altered), format!("'{altered}"));
        }
        for same in [
            "",
            "0",
            "99213",
            "123456789012345",
            "12.5",
            "0.75",
            "2024-03-01",
            "2024-03-01 08:30:00",
            "2024-03-01T08:30:00Z",
            "E11.9",
            "V58.61",
            "a=b",
            "1E",
            "G0438",
            "March",
            "B12-3",
            "e.e",
            "...",
            "Dr. May",
        ] {
            assert_eq!(shown_as_text(same), same);
        }
    }
}
