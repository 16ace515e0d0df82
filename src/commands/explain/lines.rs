//! Breaks the JSON of a resource into indented lines for people, without altering any value.

use std::ops::Range;

/// A line, with the element that it shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Indented; strings and numbers as they were received.
    pub(super) text: String,
    /// The element that the line holds or opens, such as `item[0].net.value`.
    pub(super) element: String,
    /// The value's bytes in the resource; empty where the line only opens or closes something.
    pub(super) span: Range<usize>,
}

impl Line {
    /// The name of the line's element, without its path and index.
    pub(super) fn name(&self) -> &str {
        let name = self.element.rsplit('.').next().unwrap_or_default();
        name.split('[').next().unwrap_or_default()
    }
}

enum Open {
    Object(String),
    Array(usize),
}

/// Breaks JSON into lines. The JSON must be valid: the parser has accepted it before.
pub(super) fn lines(json: &str) -> Vec<Line> {
    let mut writer = Writer { lines: Vec::new(), line: Line::default(), open: Vec::new() };
    let bytes = json.as_bytes();
    let (mut at, mut is_key) = (0, false);
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b'"' => end_of_string(bytes, at),
            b'{' | b'}' | b'[' | b']' | b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' => at + 1,
            _ => {
                let is_end = |byte: &u8| b",}] \n\r\t".contains(byte);
                at + bytes[at..].iter().position(is_end).unwrap_or(bytes.len() - at)
            }
        };
        let token = &json[at..end];
        match byte {
            b' ' | b'\n' | b'\r' | b'\t' => {}
            b'{' | b'[' => {
                writer.push(token);
                writer.open.push(match byte {
                    b'{' => Open::Object(String::new()),
                    _ => Open::Array(0),
                });
                is_key = byte == b'{';
                if !closes_at_once(&bytes[end..]) {
                    writer.end_line();
                }
            }
            b'}' | b']' => {
                writer.open.pop();
                // An empty object or array stays on one line.
                if !writer.line.text.ends_with(['{', '[']) {
                    writer.end_line();
                }
                writer.push(token);
                is_key = false;
            }
            b',' => {
                writer.push(token);
                writer.end_line();
                match writer.open.last_mut() {
                    Some(Open::Array(index)) => *index += 1,
                    Some(Open::Object(_)) => is_key = true,
                    None => {}
                }
            }
            b':' => writer.push(": "),
            _ if is_key => {
                if let Some(Open::Object(name)) = writer.open.last_mut() {
                    token.trim_matches('"').clone_into(name);
                }
                writer.push(token);
                is_key = false;
            }
            _ => {
                writer.push(token);
                // The span of a string is without its quotes.
                let quote = usize::from(byte == b'"');
                writer.line.span = at + quote..end - quote;
            }
        }
        at = end;
    }
    writer.end_line();
    writer.lines
}

fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn closes_at_once(rest: &[u8]) -> bool {
    rest.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|byte| b"}]".contains(byte))
}

struct Writer {
    lines: Vec<Line>,
    line: Line,
    open: Vec<Open>,
}

impl Writer {
    fn push(&mut self, token: &str) {
        if self.line.text.is_empty() {
            self.line.text = "  ".repeat(self.open.len());
        }
        self.line.text.push_str(token);
        if token != "," && token != "}" && token != "]" {
            self.line.element = self.element();
        }
    }

    fn end_line(&mut self) {
        if !self.line.text.is_empty() {
            self.lines.push(std::mem::take(&mut self.line));
        }
    }

    fn element(&self) -> String {
        let mut element = String::new();
        for open in &self.open {
            match open {
                Open::Array(index) => element.push_str(&format!("[{index}]")),
                Open::Object(name) if element.is_empty() => element.push_str(name),
                Open::Object(name) => element.push_str(&format!(".{name}")),
            }
        }
        element
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_stands_at_its_element_and_is_what_was_received() {
        let json = r#" {"a":"x\"y,","b" : [1.50,{"c":true,"d":{}}, []],"e":null}"#;
        let told: Vec<(String, String, &str)> = lines(json)
            .into_iter()
            .map(|line| (line.text, line.element, &json[line.span]))
            .collect();
        let told: Vec<(&str, &str, &str)> =
            told.iter().map(|(text, element, span)| (&**text, &**element, *span)).collect();
        assert_eq!(
            told,
            [
                ("{", "", ""),
                (r#"  "a": "x\"y,","#, "a", r#"x\"y,"#),
                (r#"  "b": ["#, "b", ""),
                ("    1.50,", "b[0]", "1.50"),
                ("    {", "b[1]", ""),
                (r#"      "c": true,"#, "b[1].c", "true"),
                (r#"      "d": {}"#, "b[1].d", ""),
                ("    },", "", ""),
                ("    []", "b[2]", ""),
                ("  ],", "", ""),
                (r#"  "e": null"#, "e", "null"),
                ("}", "", ""),
            ]
        );
        assert_eq!(lines(json)[5].name(), "c");
        assert_eq!(lines(json)[3].name(), "b");
    }
}
