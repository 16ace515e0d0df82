//! Splits a JSON text into its parts even if some of them are not JSON.
//!
//! One resource with a raw control character, `NaN`, `01` or a quote that nobody escaped must not
//! hide the others of its page. Strings, braces and brackets tell the parts apart; the inside of a part
//! is not checked. The structure around the parts must follow RFC 8259. If the parts cannot be told apart
//! for certain, as in a text that is cut short, none are returned.

/// Nesting deeper than this is given up.
const MAX_DEPTH: usize = 10_000;

/// The members of an object: names with their quotes, and values.
pub(super) fn members(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut scan = Scan { text, at: 0 };
    let mut found = Vec::new();
    scan.list(b'{', b'}', |scan| {
        let name = scan.value().filter(|name| name.starts_with('"'))?;
        scan.expect(b':')?;
        found.push((name, scan.value()?));
        Some(())
    })?;
    Some(found)
}

/// The elements of an array; those beyond `limit` are left out.
pub(super) fn elements(text: &str, limit: usize) -> Option<Vec<&str>> {
    let mut scan = Scan { text, at: 0 };
    let mut found = Vec::new();
    scan.list(b'[', b']', |scan| {
        let element = scan.value()?;
        if found.len() < limit {
            found.push(element);
        }
        Some(())
    })?;
    Some(found)
}

/// The complete parts of an object that may be cut short: its members, and the elements of the
/// array that the cut goes through, if the array is the value of `list`.
pub(super) fn whole_members<'a>(
    text: &'a str,
    list: &str,
    limit: usize,
) -> (Vec<(&'a str, &'a str)>, Vec<&'a str>) {
    let mut scan = Scan { text, at: 0 };
    let (mut members, mut elements) = (Vec::new(), Vec::new());
    let mut one = |scan: &mut Scan<'a>| {
        let name = scan.value().filter(|name| name.starts_with('"'))?;
        scan.expect(b':')?;
        if name == list && scan.peek()? == b'[' {
            elements = scan.whole_elements(limit);
        } else {
            members.push((name, scan.value()?));
        }
        Some(())
    };
    let _ = scan.list(b'{', b'}', &mut one);
    (members, elements)
}

/// The complete elements of an array that may be cut short.
pub(super) fn whole_elements(text: &str, limit: usize) -> Vec<&str> {
    let mut scan = Scan { text, at: 0 };
    match scan.peek() {
        Some(b'[') => scan.whole_elements(limit),
        _ => Vec::new(),
    }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    /// Reads a text that is one list and nothing else.
    fn list(
        &mut self,
        open: u8,
        close: u8,
        mut read_one: impl FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.expect(open)?;
        if self.peek()? == close {
            self.at += 1;
        } else {
            loop {
                read_one(self)?;
                let separator = self.peek()?;
                self.at += 1;
                match separator {
                    b',' => {}
                    found if found == close => break,
                    _ => return None,
                }
            }
        }
        self.peek().is_none().then_some(())
    }

    /// The complete elements of the array that begins here.
    fn whole_elements(&mut self, limit: usize) -> Vec<&'a str> {
        let mut found = Vec::new();
        self.at += 1;
        while self.peek().is_some_and(|byte| byte != b']') && found.len() < limit {
            let Some(element) = self.value() else { break };
            let follows = self.peek();
            // At the very end a number or a string may be the beginning of a longer one.
            if follows.is_none() && !element.ends_with(['}', ']']) {
                break;
            }
            found.push(element);
            if follows != Some(b',') {
                break;
            }
            self.at += 1;
        }
        self.at += usize::from(self.peek() == Some(b']'));
        found
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        // After a backslash at the very end, the position is beyond the text.
        let rest = self.text.as_bytes().get(self.at..)?;
        self.at += rest.iter().take_while(|byte| is_space(**byte)).count();
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// The text of the value that begins here.
    fn value(&mut self) -> Option<&'a str> {
        let first = self.peek()?;
        let start = self.at;
        match first {
            b'"' => self.string()?,
            b'{' | b'[' => self.nested()?,
            _ => {
                let rest = &self.text.as_bytes()[start..];
                let is_over = |byte: &u8| is_space(*byte) || b",:{}[]\"".contains(byte);
                self.at += rest.iter().position(is_over)?;
            }
        }
        self.text.get(start..self.at).filter(|value| !value.is_empty())
    }

    /// Skips everything between an opening brace or bracket and its closing one.
    fn nested(&mut self) -> Option<()> {
        let mut closing = Vec::new();
        // The last byte that is neither white space nor part of a string.
        let mut before = b',';
        loop {
            let byte = self.peek()?;
            match byte {
                // Elsewhere it is a quote inside a string that seemed to have ended.
                b'"' if b"{[,:".contains(&before) => self.string()?,
                b'{' | b'[' => {
                    closing.push(if byte == b'{' { b'}' } else { b']' });
                    self.at += 1;
                }
                b'}' | b']' => {
                    if closing.pop()? != byte {
                        return None;
                    }
                    self.at += 1;
                    if closing.is_empty() {
                        return Some(());
                    }
                }
                _ => self.at += 1,
            }
            before = byte;
            if closing.len() > MAX_DEPTH {
                return None;
            }
        }
    }

    /// Skips a string. A quote ends it if what comes next can follow a string.
    fn string(&mut self) -> Option<()> {
        let bytes = self.text.as_bytes();
        self.at += 1;
        loop {
            match bytes.get(self.at)? {
                b'\\' => self.at += 2,
                b'"' => {
                    let after = bytes[self.at + 1..].iter().find(|byte| !is_space(**byte));
                    self.at += 1;
                    if after.is_none_or(|after| b",:}]".contains(after)) {
                        return Some(());
                    }
                }
                _ => self.at += 1,
            }
        }
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::{elements, members, whole_elements, whole_members};

    /// Texts within a resource that are not JSON.
    const SICK: &[&str] = &[
        "{\"a\":\"x\ty\u{1}z\u{0}\n\"}",
        r#"{"a":NaN,"b":-Infinity}"#,
        r#"{"a":01,"b":+1,"c":.5,"d":1.}"#,
        r#"{"a":"\ud800","b":"\x"}"#,
        r#"{"a":1,}"#,
        r#"{"a":[1,,2],}"#,
        r#"{"a":,"b":}"#,
        r#"{"a":"He said "yes", then left"}"#,
        r#"{"a":"6" tall"}"#,
        r#"{"a":"open,"b":"x"}"#,
        r#"{"a":closed","b":"x"}"#,
        r#"{"a":"C:\","b":"x"}"#,
        r#"{a:1,'b':'c'}"#,
        r#"{"a":1 "b":2}"#,
        r#"{"a":True,"b":undefined}"#,
        r#"{"a":{"b":[{"c":NaN}]}}"#,
    ];

    #[test]
    fn a_sick_resource_is_told_from_its_neighbours() {
        for sick in SICK {
            assert!(serde_json::from_str::<serde_json::Value>(sick).is_err(), "{sick}");
            let text = format!("[ {{\"x\":[1]}} , {sick},{{\"y\":\"]}}\\\"\"}}]\n");
            let found = elements(&text, 9).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(found, [r#"{"x":[1]}"#, sick, r#"{"y":"]}\""}"#]);
        }
    }

    #[test]
    fn members_are_found_by_name() {
        let text = r#" {"a" : NaN, "b":{"c":[01]} ,"d":"x	y"} "#;
        let found = members(text).unwrap();
        assert_eq!(found, [("\"a\"", "NaN"), ("\"b\"", r#"{"c":[01]}"#), ("\"d\"", "\"x\ty\"")]);
        assert_eq!(members("{}"), Some(vec![]));
        assert_eq!(elements(" [ ] ", 9), Some(vec![]));
    }

    #[test]
    fn where_the_parts_are_not_certain_there_are_none() {
        for text in [
            "",
            "[",
            "[1",
            "[1,",
            "[1,]",
            "[,1]",
            "[1,,2]",
            "[1 2]",
            "[1]2",
            "[1]]",
            "[{]}]",
            "[{\"a\":\"b]",
            "[{\"a\":\"b\"]",
            r#"[{"a":"x"}b"},{"c":1}]"#,
            "{}",
        ] {
            assert_eq!(elements(text, 9), None, "{text}");
        }
        for text in ["{a:1}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1}}", "{1:2}", "[]"] {
            assert_eq!(members(text), None, "{text}");
        }
        assert_eq!(elements(&format!("[{}", "[".repeat(super::MAX_DEPTH * 2)), 9), None);
    }

    #[test]
    fn a_cut_text_has_no_parts_wherever_it_is_cut() {
        let whole = format!("[{}]", SICK.join(","));
        assert_eq!(elements(&whole, 99).map(|found| found.len()), Some(SICK.len()));
        for at in (0..whole.len()).filter(|at| whole.is_char_boundary(*at)) {
            assert_eq!(elements(&whole[..at], 99), None, "{}", &whole[..at]);
        }
    }

    #[test]
    fn what_is_whole_of_a_cut_text_is_found_wherever_it_is_cut() {
        let list = format!("[{}]", SICK.join(","));
        let text = format!("{{\"type\":\"x\",\"entry\":{list},\"link\":[]}}");
        let begins = text.find('[').unwrap();
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let (members, elements) = whole_members(&text[..at], "\"entry\"", 99);
            // The end of each resource within the list.
            let ends = SICK.iter().scan(begins + 1, |start, sick| {
                let end = *start + sick.len();
                *start = end + 1;
                Some(end)
            });
            let whole = ends.filter(|end| *end <= at).count();
            assert_eq!(elements, SICK[..whole], "{}", &text[..at]);
            assert!(members.len() <= 2 && members.iter().all(|member| member.0 != "\"entry\""));
            let cut = &list[..at.saturating_sub(begins).min(list.len())];
            assert_eq!(whole_elements(cut, 99), SICK[..whole]);
        }
        assert_eq!(whole_elements("[1,2", 9), ["1"]);
        assert_eq!(whole_elements("[{},{}", 1), ["{}"]);
        assert!(whole_elements("{}", 9).is_empty());
    }

    #[test]
    fn elements_beyond_the_limit_are_left_out() {
        assert_eq!(elements("[1,2,3]", 2), Some(vec!["1", "2"]));
    }
}
