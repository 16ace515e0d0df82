//! The parser: strict, bounded in depth, one pass.
//!
//! It accepts what RFC 8259 accepts, except half a surrogate pair as an escape. It agrees with `serde_json`
//! on every input with two exceptions: a number beyond the range of a double is kept as text here, and the
//! limits are parameters. If several members have the same name, all are kept and the last one is found.

use std::borrow::Cow;

use super::{Member, Node};

/// The limits on the size of the input's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The deepest nesting of arrays and objects. FHIR data stays below 30.
    pub depth: usize,
    /// The largest number of values, since each takes more memory than its text. Large resources of
    /// payers have some ten thousand.
    pub values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 128, values: 1_000_000 }
    }
}

/// The error for a text that is not JSON. It says where, but never quotes the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSON at byte {offset}: {kind}")]
pub struct JsonError {
    /// Byte position in the input.
    pub offset: usize,
    /// What was wrong.
    pub kind: JsonErrorKind,
}

/// What was wrong with the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonErrorKind {
    /// The input ends inside a value.
    #[error("unexpected end")]
    UnexpectedEnd,
    /// A byte that is not allowed at this place.
    #[error("unexpected character")]
    UnexpectedCharacter,
    /// The bytes are not UTF-8.
    #[error("invalid UTF-8")]
    InvalidUtf8,
    /// A raw control character inside a string.
    #[error("control character in a string")]
    ControlCharacter,
    /// An unknown escape, or `\u` without four hexadecimal digits.
    #[error("invalid escape")]
    InvalidEscape,
    /// Half of a surrogate pair.
    #[error("lone surrogate")]
    LoneSurrogate,
    /// Not a JSON number.
    #[error("invalid number")]
    InvalidNumber,
    /// More nesting than [`Limits::depth`].
    #[error("too deeply nested")]
    TooDeep,
    /// More values than [`Limits::values`].
    #[error("too many values")]
    TooManyValues,
    /// There is more text after the value.
    #[error("trailing characters")]
    TrailingCharacters,
}

/// Parses one JSON value, which must be the whole input except white space.
///
/// # Errors
/// The input is not JSON, not UTF-8, or exceeds a limit.
pub fn parse(input: &[u8], limits: Limits) -> Result<Node<'_>, JsonError> {
    let text = std::str::from_utf8(input).map_err(|error| JsonError {
        offset: error.valid_up_to(),
        kind: JsonErrorKind::InvalidUtf8,
    })?;
    let mut parser = Parser {
        text,
        bytes: input,
        at: 0,
        depth_left: limits.depth,
        values_left: limits.values,
        nodes: Vec::with_capacity(16),
        members: Vec::with_capacity(64),
    };
    let node = parser.value()?;
    match parser.peek() {
        None => Ok(node),
        Some(_) => parser.fail(JsonErrorKind::TrailingCharacters),
    }
}

struct Parser<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    depth_left: usize,
    values_left: usize,
    /// Elements of the arrays that are still open; a closed array is cut to its exact size.
    nodes: Vec<Node<'a>>,
    /// Members of the objects that are still open; a closed object is cut to its exact size.
    members: Vec<Member<'a>>,
}

impl<'a> Parser<'a> {
    #[cold]
    fn fail<T>(&self, kind: JsonErrorKind) -> Result<T, JsonError> {
        Err(JsonError { offset: self.at, kind })
    }

    #[cold]
    fn unexpected<T>(&self) -> Result<T, JsonError> {
        self.fail(match self.bytes.get(self.at) {
            None => JsonErrorKind::UnexpectedEnd,
            Some(_) => JsonErrorKind::UnexpectedCharacter,
        })
    }

    /// Skips white space and looks at the next byte.
    #[inline]
    fn peek(&mut self) -> Option<u8> {
        while let Some(&byte) = self.bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
        None
    }

    fn value(&mut self) -> Result<Node<'a>, JsonError> {
        if self.values_left == 0 {
            return self.fail(JsonErrorKind::TooManyValues);
        }
        self.values_left -= 1;
        match self.peek() {
            Some(b'"') => {
                self.at += 1;
                self.string().map(Node::String)
            }
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Node::Bool(true)),
            Some(b'f') => self.word("false", Node::Bool(false)),
            Some(b'n') => self.word("null", Node::Null),
            _ => self.unexpected(),
        }
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Node<'a>, JsonError>,
    ) -> Result<Node<'a>, JsonError> {
        if self.depth_left == 0 {
            return self.fail(JsonErrorKind::TooDeep);
        }
        self.depth_left -= 1;
        self.at += 1;
        let node = read(self)?;
        self.depth_left += 1;
        Ok(node)
    }

    fn array(&mut self) -> Result<Node<'a>, JsonError> {
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Node::Array(Vec::new()));
        }
        let first = self.nodes.len();
        loop {
            let value = self.value()?;
            self.nodes.push(value);
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.at += 1;
                    return Ok(Node::Array(self.nodes.split_off(first)));
                }
                _ => return self.unexpected(),
            }
        }
    }

    fn object(&mut self) -> Result<Node<'a>, JsonError> {
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Node::Object(Vec::new()));
        }
        let first = self.members.len();
        loop {
            if self.peek() != Some(b'"') {
                return self.unexpected();
            }
            self.at += 1;
            let key = self.string()?;
            if self.peek() != Some(b':') {
                return self.unexpected();
            }
            self.at += 1;
            let value = self.value()?;
            self.members.push(Member::new(key, value));
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Node::Object(self.members.split_off(first)));
                }
                _ => return self.unexpected(),
            }
        }
    }

    fn word(&mut self, word: &str, node: Node<'a>) -> Result<Node<'a>, JsonError> {
        for expected in word.bytes() {
            if self.bytes.get(self.at) != Some(&expected) {
                return self.unexpected();
            }
            self.at += 1;
        }
        Ok(node)
    }

    fn digits(&mut self) -> usize {
        let first = self.at;
        while matches!(self.bytes.get(self.at), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at - first
    }

    /// Parses a number by RFC 8259 section 6; the text is kept, nothing is converted.
    fn number(&mut self) -> Result<Node<'a>, JsonError> {
        let first = self.at;
        if self.bytes.get(self.at) == Some(&b'-') {
            self.at += 1;
        }
        let leading_zero = self.bytes.get(self.at) == Some(&b'0');
        let whole = self.digits();
        if whole == 0 || (leading_zero && whole > 1) {
            return self.fail(JsonErrorKind::InvalidNumber);
        }
        if self.bytes.get(self.at) == Some(&b'.') {
            self.at += 1;
            if self.digits() == 0 {
                return self.fail(JsonErrorKind::InvalidNumber);
            }
        }
        if matches!(self.bytes.get(self.at), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.bytes.get(self.at), Some(b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return self.fail(JsonErrorKind::InvalidNumber);
            }
        }
        Ok(Node::Number(&self.text[first..self.at]))
    }

    /// Moves to the next quote, backslash or control character.
    #[inline]
    fn skip_plain(&mut self) {
        while let Some(chunk) = self.bytes.get(self.at..self.at + 8) {
            let mut word = [0; 8];
            word.copy_from_slice(chunk);
            let found = special_bytes(u64::from_le_bytes(word));
            if found != 0 {
                self.at += (found.trailing_zeros() / 8) as usize;
                return;
            }
            self.at += 8;
        }
        while let Some(&byte) = self.bytes.get(self.at) {
            if byte == b'"' || byte == b'\\' || byte < 0x20 {
                return;
            }
            self.at += 1;
        }
    }

    /// Parses the rest of a string whose opening quote was read.
    #[inline]
    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        let first = self.at;
        self.skip_plain();
        if self.bytes.get(self.at) == Some(&b'"') {
            let text = &self.text[first..self.at];
            self.at += 1;
            return Ok(Cow::Borrowed(text));
        }
        self.escaped_string(first).map(Cow::Owned)
    }

    #[cold]
    fn escaped_string(&mut self, first: usize) -> Result<String, JsonError> {
        let mut owned = String::new();
        let mut plain_from = first;
        loop {
            self.skip_plain();
            match self.bytes.get(self.at) {
                Some(b'"') => {
                    owned.push_str(&self.text[plain_from..self.at]);
                    self.at += 1;
                    return Ok(owned);
                }
                Some(b'\\') => {
                    owned.push_str(&self.text[plain_from..self.at]);
                    self.at += 1;
                    owned.push(self.escape()?);
                    plain_from = self.at;
                }
                Some(_) => return self.fail(JsonErrorKind::ControlCharacter),
                None => return self.fail(JsonErrorKind::UnexpectedEnd),
            }
        }
    }

    /// Parses an escape whose backslash was read.
    fn escape(&mut self) -> Result<char, JsonError> {
        let plain = match self.bytes.get(self.at) {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode_escape();
            }
            Some(_) => return self.fail(JsonErrorKind::InvalidEscape),
            None => return self.fail(JsonErrorKind::UnexpectedEnd),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let unit = self.hexadecimal()?;
        if !(0xD800..0xDC00).contains(&unit) {
            return match char::from_u32(unit) {
                Some(character) => Ok(character),
                None => self.fail(JsonErrorKind::LoneSurrogate),
            };
        }
        if self.bytes.get(self.at..self.at + 2) != Some(b"\\u") {
            return self.fail(JsonErrorKind::LoneSurrogate);
        }
        self.at += 2;
        let low = self.hexadecimal()?;
        if !(0xDC00..0xE000).contains(&low) {
            return self.fail(JsonErrorKind::LoneSurrogate);
        }
        match char::from_u32(0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00)) {
            Some(character) => Ok(character),
            None => self.fail(JsonErrorKind::LoneSurrogate),
        }
    }

    fn hexadecimal(&mut self) -> Result<u32, JsonError> {
        let mut value = 0;
        for _ in 0..4 {
            let digit = self.bytes.get(self.at).and_then(|&byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else { return self.fail(JsonErrorKind::InvalidEscape) };
            value = value * 16 + digit;
            self.at += 1;
        }
        Ok(value)
    }
}

/// Sets the high bit of each byte that is a quote, a backslash or a control character.
///
/// Only the lowest set bit is exact, since a borrow can mark the byte above a match. It is the only bit
/// that is used.
#[inline]
fn special_bytes(word: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let zero_bytes = |value: u64| value.wrapping_sub(ONES) & !value;
    let quotes = zero_bytes(word ^ (ONES * 0x22));
    let backslashes = zero_bytes(word ^ (ONES * 0x5c));
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    (quotes | backslashes | controls) & HIGH
}
