//! Escapes text from outside: every character that would steer a terminal becomes visible.
//!
//! The escapes are those of JSON (`\u001b`), so that JSON stays valid.

use std::{
    borrow::Cow,
    fmt::Write as _,
    io::{self, Write},
};

/// Whether a terminal would obey the character, or show the text around it in another order.
///
/// These are controls (C0, DEL, C1), line and paragraph separators, the controls of bidirectional text and
/// of annotations, and invisible tags. Tabs and line feeds are not included: they only move on.
fn steers(c: char) -> bool {
    match c {
        '\t' | '\n' => false,
        '\u{61c}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2066}'..='\u{206f}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        c => c.is_control(),
    }
}

fn push_escape(text: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // Writing to a String cannot fail.
        let _ = write!(text, "\\u{unit:04x}");
    }
}

fn escaped(text: &str, line_feed: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' => shown.push_str(line_feed),
            c if steers(c) => push_escape(&mut shown, c),
            c => shown.push(c),
        }
    }
    shown
}

/// The text on one line: line feeds are escaped, too.
pub(in crate::commands) fn on_one_line(text: &str) -> Cow<'_, str> {
    match text.chars().any(|c| c == '\n' || steers(c)) {
        true => Cow::Owned(escaped(text, "\\u000a")),
        false => Cow::Borrowed(text),
    }
}

/// The text with its further lines indented, so that none of them looks like a message of payersync's.
pub(super) fn indented(text: &str) -> String {
    escaped(text, "\n    ")
}

/// A writer that escapes what would steer a terminal; bytes that are not UTF-8 are shown as escapes.
///
/// A carriage return before a line feed is kept: many servers end their lines that way.
pub(super) struct Escaping<W> {
    inner: W,
    /// Bytes that cannot be judged yet: the beginning of a character, or a carriage return.
    held: Vec<u8>,
}

impl<W: Write> Escaping<W> {
    pub(super) fn new(inner: W) -> Escaping<W> {
        Escaping { inner, held: Vec::new() }
    }

    /// The escaped text of the held bytes that can be judged; at the end, of all held bytes.
    fn shown(&mut self, is_end: bool) -> String {
        let taken = std::mem::take(&mut self.held);
        let mut bytes = taken.as_slice();
        if !is_end && bytes.ends_with(b"\r") {
            bytes = &bytes[..bytes.len() - 1];
            self.held.push(b'\r');
        }
        let mut shown = String::with_capacity(bytes.len() + 16);
        while !bytes.is_empty() {
            let (valid, invalid) = match std::str::from_utf8(bytes) {
                Ok(text) => (text, 0),
                Err(error) => {
                    let valid = &bytes[..error.valid_up_to()];
                    let rest = bytes.len() - valid.len();
                    let invalid = match error.error_len() {
                        Some(length) => length,
                        None if is_end || !self.held.is_empty() => rest,
                        None => {
                            self.held.extend_from_slice(&bytes[valid.len()..]);
                            bytes = valid;
                            0
                        }
                    };
                    (std::str::from_utf8(valid).unwrap_or_default(), invalid)
                }
            };
            push_lines(&mut shown, valid);
            for byte in &bytes[valid.len()..valid.len() + invalid] {
                let _ = write!(shown, "\\x{byte:02x}");
            }
            bytes = &bytes[valid.len() + invalid..];
        }
        shown
    }
}

fn push_lines(shown: &mut String, text: &str) {
    let mut rest = text;
    while let Some((line, after)) = rest.split_once("\r\n") {
        shown.push_str(&escaped(line, "\n"));
        shown.push_str("\r\n");
        rest = after;
    }
    shown.push_str(&escaped(rest, "\n"));
}

impl<W: Write> Write for Escaping<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        let shown = self.shown(false);
        self.inner.write_all(shown.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let shown = self.shown(true);
        self.inner.write_all(shown.as_bytes())?;
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn through(pieces: &[&[u8]]) -> String {
        let mut shown = Vec::new();
        let mut writer = Escaping::new(&mut shown);
        pieces.iter().for_each(|piece| writer.write_all(piece).unwrap());
        writer.flush().unwrap();
        String::from_utf8(shown).unwrap()
    }

    #[test]
    fn what_steers_a_terminal_is_shown_and_the_rest_stays_as_it_is() {
        for (text, shown) in [
            ("\u{1b}]0;title\u{7}", "\\u001b]0;title\\u0007"),
            ("\u{9b}31m red", "\\u009b31m red"),
            ("Ann\u{202e}eve\u{2066}", "Ann\\u202eeve\\u2066"),
            ("a\u{2028}b\u{85}c\u{7f}", "a\\u2028b\\u0085c\\u007f"),
            ("over\rwritten", "over\\u000dwritten"),
            ("tag\u{e0041}", "tag\\udb40\\udc41"),
            ("José\tمريم 👩\u{200d}🔬", "José\tمريم 👩\u{200d}🔬"),
        ] {
            assert_eq!(on_one_line(text), shown);
            assert_eq!(indented(text), shown);
            assert_eq!(through(&[text.as_bytes()]), shown);
        }
    }

    #[test]
    fn a_line_of_a_stranger_does_not_look_like_one_of_ours() {
        assert_eq!(on_one_line("a\nerror: b"), "a\\u000aerror: b");
        assert_eq!(indented("a\nerror: b"), "a\n    error: b");
    }

    #[test]
    fn lines_of_data_keep_their_ends() {
        assert_eq!(through(&[b"a\r\nb\n"]), "a\r\nb\n");
        assert_eq!(through(&[b"a\r", b"\nb"]), "a\r\nb");
        assert_eq!(through(&[b"a\r", b"b\r"]), "a\\u000db\\u000d");
    }

    #[test]
    fn bytes_that_are_no_text_are_shown_as_bytes() {
        assert_eq!(through(&[b"a\x9b31m", b"\xff\xc3"]), "a\\x9b31m\\xff\\xc3");
        assert_eq!(through(&[b"\xc3\r", b"\n"]), "\\xc3\r\n");
    }

    #[test]
    fn json_stays_the_same_json() {
        let value = serde_json::json!({"a": "\u{9b}\u{202e}\u{e0041}é"});
        let read: serde_json::Value =
            serde_json::from_str(&through(&[value.to_string().as_bytes()])).unwrap();
        assert_eq!(read, value);
    }

    proptest! {
        #[test]
        fn no_cut_of_the_bytes_lets_anything_pass(
            bytes in proptest::collection::vec(
                prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n'), Just(0x1b), Just(0xc2), Just(0x9b)],
                0..40,
            ),
            cut in 0usize..40,
        ) {
            let (first, second) = bytes.split_at(cut.min(bytes.len()));
            let shown = through(&[first, second]);
            prop_assert!(!shown.replace("\r\n", "\n").chars().any(steers), "{shown:?}");
            let text = "é\u{9b}\r\nb\u{202e}\r";
            let cut = cut.min(text.len());
            let (first, second) = text.as_bytes().split_at(cut);
            prop_assert_eq!(through(&[first, second]), "é\\u009b\r\nb\\u202e\\u000d");
        }
    }
}
