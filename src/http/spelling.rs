//! Other ways to write a character: JSON's escapes and percent-encoding.

/// The bytes that begin an escape; a text without them is written plainly.
pub(super) const ESCAPES: [u8; 2] = [b'\\', b'%'];
/// The length in bytes of the longest spelling of an `A`: `\u0025\u0034\u0031`.
pub(super) const LONGEST_UNIT: usize = 18;

/// A way to escape characters.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// `\u0041` and `\/` within JSON.
    Json,
    /// `%41`, itself written plainly or with JSON's escapes.
    Percent,
}

/// Decodes the first byte, and says how many bytes it is written in; `None` at the end.
///
/// A byte that no secret can contain, such as a line break, is given as a zero.
pub(super) fn unit(text: &[u8], spelling: Spelling) -> Option<(u8, usize)> {
    let (byte, length) = json_unit(text)?;
    if spelling == Spelling::Percent
        && byte == b'%'
        && let Some((high, high_length)) = json_unit(&text[length..])
        && let Some((low, low_length)) = json_unit(&text[length + high_length..])
        && let Some(byte) = hex(&[high, low])
    {
        return Some((u8::try_from(byte).unwrap_or(0), length + high_length + low_length));
    }
    Some((byte, length))
}

fn json_unit(text: &[u8]) -> Option<(u8, usize)> {
    Some(match text {
        [] => return None,
        [b'\\', b'u', digits @ ..] if digits.len() >= 4 => match hex(&digits[..4]) {
            Some(code) => (u8::try_from(code).ok().filter(u8::is_ascii).unwrap_or(0), 6),
            None => (b'\\', 1),
        },
        [b'\\', byte @ (b'"' | b'\\' | b'/'), ..] => (*byte, 2),
        [b'\\', b'n' | b'r' | b't' | b'b' | b'f', ..] => (0, 2),
        [byte, ..] => (*byte, 1),
    })
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |number, digit| Some(number * 16 + char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, spelling: Spelling) -> String {
        let (mut plain, mut at) = (Vec::new(), 0);
        while let Some((byte, length)) = unit(&text.as_bytes()[at..], spelling) {
            plain.push(byte);
            at += length;
        }
        assert_eq!(at, text.len());
        String::from_utf8(plain).unwrap()
    }

    #[test]
    fn escapes_are_read_and_what_is_none_stays() {
        for (text, json, percent) in [
            (r"\u0041B", "AB", "AB"),
            (r"a\/b", "a/b", "a/b"),
            ("%41%4a%4J", "%41%4a%4J", "AJ%4J"),
            (r"\u0025\u0034\u0031", "%41", "A"),
            (r"\u00", r"\u00", r"\u00"),
            (r"\uZZZZ", r"\uZZZZ", r"\uZZZZ"),
            ("%", "%", "%"),
            ("é", "é", "é"),
            (r"\n\u00e9", "\0\0", "\0\0"),
        ] {
            assert_eq!(read(text, Spelling::Json), json, "{text}");
            assert_eq!(read(text, Spelling::Percent), percent, "{text}");
        }
    }
}
