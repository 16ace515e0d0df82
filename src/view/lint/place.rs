//! Finds the place of a definition's element in its JSON text.
//!
//! serde keeps no positions, so the text is walked again along the element's path. The text is known to
//! be JSON at this point. If it is not as expected, the place of the nearest parent is returned.

/// The byte at which an element such as `select[0].column[2].path` begins.
///
/// If the element is missing, it is the byte of its nearest existing parent.
pub(super) fn find(text: &str, element: &str) -> usize {
    let mut walker = Walker { bytes: text.as_bytes(), at: 0 };
    walker.skip_space();
    let mut found = walker.at;
    for step in element.split(['.', '[']).filter(|step| !step.is_empty()) {
        let stands = match step.strip_suffix(']').and_then(|index| index.parse().ok()) {
            Some(index) => walker.element(index),
            None => walker.member(step),
        };
        if stands.is_none() {
            break;
        }
        found = walker.at;
    }
    found
}

/// Converts a byte position in the value of a JSON string to one in the text; `start` is the opening
/// quote.
pub(super) fn inside_string(text: &str, start: usize, position: usize) -> usize {
    let bytes = text.as_bytes();
    if bytes.get(start) != Some(&b'"') {
        return start;
    }
    let (mut at, mut value) = (start + 1, 0);
    while value < position {
        let (written, meant) = match (bytes.get(at), bytes.get(at + 1)) {
            (None | Some(b'"'), _) => break,
            (Some(b'\\'), Some(b'u')) => (6, escaped_length(text, at)),
            (Some(b'\\'), _) => (2, 1),
            _ => (1, 1),
        };
        at += written;
        value += meant;
    }
    at
}

/// How many bytes of UTF-8 an escape like `\u00e9` is; half of a surrogate pair counts half.
fn escaped_length(text: &str, at: usize) -> usize {
    let code = text.get(at + 2..at + 6).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    match code.unwrap_or_default() {
        0..=0x7f => 1,
        0x80..=0x7ff | 0xd800..=0xdfff => 2,
        _ => 3,
    }
}

/// The line and column of a byte, both from 1; columns count characters.
pub(super) fn line_and_column(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    (line, before[line_start..].chars().count() + 1)
}

struct Walker<'t> {
    bytes: &'t [u8],
    at: usize,
}

impl Walker<'_> {
    /// Goes to the value of a member of this object; if several have this name, to the last one.
    fn member(&mut self, name: &str) -> Option<()> {
        let mut found = None;
        self.expect(b'{')?;
        self.skip_space();
        while self.peek()? == b'"' {
            let start = self.at;
            self.skip_value()?;
            let key = self.bytes.get(start + 1..self.at - 1)?;
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            if key == name.as_bytes() {
                found = Some(self.at);
            }
            self.skip_value()?;
            self.skip_comma();
        }
        self.at = found?;
        Some(())
    }

    /// Goes to an element of this array.
    fn element(&mut self, index: usize) -> Option<()> {
        self.expect(b'[')?;
        self.skip_space();
        for _ in 0..index {
            self.skip_value()?;
            self.skip_comma();
        }
        (self.peek()? != b']').then_some(())
    }

    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => self.skip_string()?,
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' => {
                    self.at += 1;
                    continue;
                }
                _ => self.skip_word(),
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    fn skip_string(&mut self) -> Option<()> {
        self.at += 1;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    /// Skips a number, `true`, `false` or `null`.
    fn skip_word(&mut self) {
        while self.peek().is_some_and(|byte| !b",:]}\" \t\r\n".contains(&byte)) {
            self.at += 1;
        }
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn skip_comma(&mut self) {
        self.skip_space();
        if self.peek() == Some(b',') {
            self.at += 1;
        }
        self.skip_space();
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\n  \"name\": \"a\\\"{b\",\n  \"select\": [ {\"column\": []},\n    {\"column\": [{\"path\": 1}, {\"path\": \"\\u00e9a.b\"}]}]\n}";

    #[track_caller]
    fn check(element: &str, expected: &str) {
        let at = find(TEXT, element);
        assert!(TEXT[at..].starts_with(expected), "{element}: {}", &TEXT[at..]);
    }

    #[test]
    fn elements_are_found() {
        check("", "{\n");
        check("name", "\"a");
        check("select", "[ {");
        check("select[1]", "{\"column\": [{");
        check("select[1].column[0].path", "1}");
        check("select[1].column[1].path", "\"\\u00e9");
    }

    #[test]
    fn of_what_is_missing_the_element_around_it_is_given() {
        check("resource", "{\n");
        check("select[1].column[1].name", "{\"path\": \"\\u00e9");
        check("select[7]", "[ {");
        check("name.first", "\"a");
    }

    #[test]
    fn a_byte_of_a_string_is_found_behind_escapes() {
        let start = find(TEXT, "select[1].column[1].path");
        assert!(TEXT[inside_string(TEXT, start, 2)..].starts_with("a.b"));
        assert!(TEXT[inside_string(TEXT, start, 4)..].starts_with("b\""));
        assert!(TEXT[inside_string(TEXT, start, 99)..].starts_with("\"}"));
    }

    #[test]
    fn lines_and_columns_count_from_one() {
        assert_eq!(line_and_column(TEXT, 0), (1, 1));
        assert_eq!(line_and_column(TEXT, find(TEXT, "name")), (2, 11));
        assert_eq!(line_and_column("é\né x", 7), (2, 4));
        assert_eq!(line_and_column("x", 99), (1, 2));
    }

    #[test]
    fn no_text_makes_it_panic_or_hang() {
        for text in ["", "{", "[", "{\"a\"", "{\"a\":", "[1,", "\"", "{]", "[}", "{\"a\\"] {
            for element in ["a", "a[0]", "[0]", "[9].b"] {
                assert!(find(text, element) <= text.len());
            }
        }
    }
}
