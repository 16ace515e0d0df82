//! Texts that a spreadsheet would compute or alter when it opens a file.
//!
//! Such a text gets an apostrophe before it, which says that it is a text. A text that begins with an
//! apostrophe of its own gets one more, so that whoever takes one away has the text as it was.

use std::borrow::Cow;

/// What begins a formula, in the wide forms of East Asian keyboards too, or hides the start of one.
const BEGINNINGS: [char; 12] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '\''];
/// A spreadsheet's numbers have so many digits; further ones become zeroes.
const DIGITS: usize = 15;

/// The text as a spreadsheet shows it unaltered.
pub(super) fn shown_as_text(text: &str) -> Cow<'_, str> {
    match text.starts_with(BEGINNINGS) || is_altered(text) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// Whether it looks like a number that would not come out as it is: an identifier with zeroes at its
/// start or with too many digits, or with an E among digits, which is read as a power of ten.
fn is_altered(text: &str) -> bool {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit() || b == b'e' || b == b'E') {
        return false;
    }
    match text.split(['e', 'E']).collect::<Vec<_>>()[..] {
        [digits] => digits.len() > DIGITS || (digits.len() > 1 && digits.starts_with('0')),
        [digits, power] => !digits.is_empty() && !power.is_empty(),
        _ => false,
    }
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
            "＝1+1",
            "'quoted",
            "00093310905",
            "12345678901234567890",
            "12E5",
        ] {
            assert_eq!(shown_as_text(altered), format!("'{altered}"));
        }
        for same in
            ["", "0", "99213", "123456789012345", "2024-03-01", "E11.9", "a=b", "1E", "10-1"]
        {
            assert_eq!(shown_as_text(same), same);
        }
    }
}
