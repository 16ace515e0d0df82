//! Turns text into tokens.

use super::PathError;
use crate::view::temporal::Temporal;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) position: usize,
    pub(crate) kind: TokenKind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum TokenKind {
    /// A bare word: a name, a keyword, `true`.
    Word(String),
    /// A name in backticks, never a keyword.
    Quoted(String),
    /// `%name`.
    Variable(String),
    /// `$this` and similar names, without the sign.
    Special(String),
    String(String),
    Temporal(String),
    Integer(i64),
    Decimal(String),
    Symbol(&'static str),
    End,
}

/// Longer symbols first.
const SYMBOLS: &[&str] = &[
    "<=", ">=", "!=", "!~", "(", ")", "[", "]", "{", "}", ".", ",", "=", "~", "<", ">", "+", "-",
    "*", "/", "&", "|",
];

pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, PathError> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_space_and_comments()?;
        let position = lexer.at;
        let kind = lexer.token()?;
        let end = kind == TokenKind::End;
        tokens.push(Token { position, kind });
        if end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn first(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_space_and_comments(&mut self) -> Result<(), PathError> {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            self.at += rest.len() - trimmed.len();
            if trimmed.starts_with("//") {
                self.at += trimmed.find('\n').unwrap_or(trimmed.len());
            } else if trimmed.starts_with("/*") {
                let Some(end) = trimmed.find("*/") else {
                    return Err(PathError::new(self.at, "comment without an end"));
                };
                self.at += end + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<TokenKind, PathError> {
        let Some(first) = self.first() else { return Ok(TokenKind::End) };
        if is_word_start(first) {
            return Ok(TokenKind::Word(self.word()));
        }
        if first.is_ascii_digit() {
            return self.number();
        }
        match first {
            '\'' => self.quoted('\'').map(TokenKind::String),
            '`' => self.quoted('`').map(TokenKind::Quoted),
            '%' => self.variable(),
            '$' => {
                self.at += 1;
                Ok(TokenKind::Special(self.word()))
            }
            '@' => self.temporal(),
            '"' => Err(PathError::new(self.at, "unexpected character `\"`")
                .with_hint("strings stand in single quotes")),
            other => self.symbol(other),
        }
    }

    fn symbol(&mut self, first: char) -> Result<TokenKind, PathError> {
        for &symbol in SYMBOLS {
            if self.rest().starts_with(symbol) {
                self.at += symbol.len();
                return Ok(TokenKind::Symbol(symbol));
            }
        }
        Err(PathError::new(self.at, format!("unexpected character `{}`", first.escape_debug())))
    }

    fn word(&mut self) -> String {
        let rest = self.rest();
        let end = rest.find(|c| !is_word_part(c)).unwrap_or(rest.len());
        self.at += end;
        rest[..end].to_owned()
    }

    fn variable(&mut self) -> Result<TokenKind, PathError> {
        let position = self.at;
        self.at += 1;
        let name = match self.first() {
            Some('`') => self.quoted('`')?,
            Some('\'') => self.quoted('\'')?,
            _ => self.word(),
        };
        if name.is_empty() {
            return Err(PathError::new(position, "% without a name"));
        }
        Ok(TokenKind::Variable(name))
    }

    fn number(&mut self) -> Result<TokenKind, PathError> {
        let position = self.at;
        let rest = self.rest();
        let whole = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let fraction = rest[whole..]
            .strip_prefix('.')
            .map_or(0, |after| after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len()));
        let text = if fraction == 0 { &rest[..whole] } else { &rest[..whole + 1 + fraction] };
        self.at += text.len();
        if self.first().is_some_and(is_word_start) {
            return Err(PathError::new(position, "a number must not run into a name")
                .with_hint("quantities and long literals are not supported"));
        }
        if fraction > 0 {
            return Ok(TokenKind::Decimal(text.to_owned()));
        }
        text.parse()
            .map(TokenKind::Integer)
            .map_err(|_| PathError::new(position, "integer out of range"))
    }

    /// Reads a literal such as `@2020-06`, `@2020-06-10T10:00:00Z`, `@2020T` or `@T10:00`.
    fn temporal(&mut self) -> Result<TokenKind, PathError> {
        let position = self.at;
        let rest = &self.rest()[1..];
        let part_of_one = |at: usize, c: char| match c {
            '.' => rest[at + 1..].starts_with(|next: char| next.is_ascii_digit()),
            c => c.is_ascii_digit() || matches!(c, '-' | '+' | ':' | 'T' | 'Z'),
        };
        let end = rest.char_indices().find(|(at, c)| !part_of_one(*at, *c));
        let text = &rest[..end.map_or(rest.len(), |(at, _)| at)];
        self.at += 1 + text.len();
        let value = text.strip_prefix('T').unwrap_or(text);
        let checked = value.strip_suffix('T').unwrap_or(value);
        match Temporal::parse(checked) {
            Some(parsed) if parsed.date.is_none() == text.starts_with('T') => {
                Ok(TokenKind::Temporal(value.to_owned()))
            }
            _ => Err(PathError::new(position, "not a date, dateTime or time")
                .with_hint("write @2020-06-10, @2020-06-10T10:00:00Z or @T10:00")),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, PathError> {
        let position = self.at;
        self.at += 1;
        let mut value = String::new();
        loop {
            let Some(character) = self.first() else {
                return Err(PathError::new(position, "string without an end"));
            };
            self.at += character.len_utf8();
            match character {
                '\\' => value.push(self.escape()?),
                end if end == quote => return Ok(value),
                other => value.push(other),
            }
        }
    }

    fn escape(&mut self) -> Result<char, PathError> {
        let position = self.at - 1;
        let invalid = || PathError::new(position, "unknown escape in a string");
        let character = self.first().ok_or_else(invalid)?;
        self.at += character.len_utf8();
        Ok(match character {
            '\'' | '"' | '`' | '\\' | '/' => character,
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\u{c}',
            'u' => {
                let digits = self.rest().get(..4).ok_or_else(invalid)?;
                let all_hexadecimal = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
                let unit = u32::from_str_radix(digits, 16).map_err(|_| invalid())?;
                self.at += 4;
                char::from_u32(unit).filter(|_| all_hexadecimal).ok_or_else(invalid)?
            }
            _ => return Err(invalid()),
        })
    }
}

fn is_word_start(character: char) -> bool {
    character.is_ascii_alphabetic() || character == '_'
}

fn is_word_part(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}
