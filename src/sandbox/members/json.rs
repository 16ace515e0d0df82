//! A JSON tree that keeps the order of its members and the text of its numbers.
//!
//! serde_json's `Value` would sort members and print `25.00` as `25.0`. But a payer's amounts have trailing
//! zeros, and its `resourceType` comes first. Texts are only written here, never parsed.

use std::{borrow::Cow, fmt};

/// A JSON value. `Absent` is left out of its object or array.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::sandbox) enum Json {
    Absent,
    Bool(bool),
    /// A number, as text.
    Number(String),
    Text(String),
    Array(Vec<Json>),
    Object(Vec<(Cow<'static, str>, Json)>),
}

/// Makes an object from `name: value` pairs, in their order.
macro_rules! object {
    ($($name:ident : $value:expr),* $(,)?) => {
        $crate::sandbox::members::json::Json::Object(vec![
            $((std::borrow::Cow::Borrowed(stringify!($name)), $crate::sandbox::members::json::Json::from($value))),*
        ])
    };
}

/// Makes an array from values that may have different types.
macro_rules! array {
    ($($value:expr),* $(,)?) => {
        $crate::sandbox::members::json::Json::Array(
            vec![$($crate::sandbox::members::json::Json::from($value)),*]
        )
    };
}

pub(in crate::sandbox) use {array, object};

impl Json {
    /// A number from its text, for exponents and long decimals.
    pub(in crate::sandbox) fn number(text: &str) -> Json {
        Json::Number(text.to_string())
    }

    /// Sets a member: replaces an existing one, or adds it at the end.
    pub(in crate::sandbox) fn set(&mut self, name: &str, value: impl Into<Json>) {
        let Json::Object(members) = self else { return };
        let value = value.into();
        match members.iter_mut().find(|(present, _)| present == name) {
            Some(member) => member.1 = value,
            None => members.push((Cow::Owned(name.to_string()), value)),
        }
    }

    /// The member with this name, mutable.
    pub(in crate::sandbox) fn get_mut(&mut self, name: &str) -> Option<&mut Json> {
        let Json::Object(members) = self else { return None };
        members.iter_mut().find(|(present, _)| present == name).map(|(_, value)| value)
    }

    /// The member with this name.
    pub(in crate::sandbox) fn get(&self, name: &str) -> Option<&Json> {
        let Json::Object(members) = self else { return None };
        let found = members.iter().find(|(present, _)| present == name);
        found.map(|(_, value)| value).filter(|value| **value != Json::Absent)
    }

    /// Merges another value, without replacing anything: object members by name, list elements by position.
    pub(in crate::sandbox) fn add(&mut self, more: Json) {
        match (self, more) {
            (this @ Json::Object(_), Json::Object(members)) => {
                for (name, value) in members {
                    match this.get_mut(&name) {
                        Some(present) if *present != Json::Absent => present.add(value),
                        _ => this.set(&name, value),
                    }
                }
            }
            (Json::Array(elements), Json::Array(more)) => {
                for (position, value) in more.into_iter().enumerate() {
                    match elements.get_mut(position) {
                        Some(present) => present.add(value),
                        None => elements.push(value),
                    }
                }
            }
            // An existing value is kept.
            _ => {}
        }
    }

    /// Appends elements to a list member, which is created if it is missing.
    pub(in crate::sandbox) fn append(&mut self, name: &str, more: Vec<Json>) {
        match self.get_mut(name) {
            Some(Json::Array(elements)) => elements.extend(more),
            _ => self.set(name, more),
        }
    }

    /// Sets an element with a choice of types (`value[x]`), and removes its current value.
    pub(in crate::sandbox) fn choose(&mut self, name: &str, kind: &str, value: impl Into<Json>) {
        if let Json::Object(members) = self {
            members.retain(|(present, _)| {
                let rest = present.strip_prefix(name).unwrap_or_default();
                !rest.starts_with(|first: char| first.is_ascii_uppercase())
            });
        }
        self.set(&format!("{name}{kind}"), value);
    }

    /// The elements of an array, mutable; empty for any other value.
    pub(in crate::sandbox) fn elements_mut(&mut self) -> &mut [Json] {
        match self {
            Json::Array(elements) => elements,
            _ => &mut [],
        }
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.write(&mut text);
        f.write_str(&text)
    }
}

impl Json {
    fn write(&self, out: &mut String) {
        match self {
            Json::Absent => out.push_str("null"),
            Json::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Json::Number(text) => out.push_str(text),
            Json::Text(text) => write_text(out, text),
            Json::Array(elements) => {
                out.push('[');
                let present = elements.iter().filter(|element| !element.is_absent());
                for (position, element) in present.enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    element.write(out);
                }
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                let present = members.iter().filter(|(_, value)| !value.is_absent());
                for (position, (name, value)) in present.enumerate() {
                    if position > 0 {
                        out.push(',');
                    }
                    write_text(out, name);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    fn is_absent(&self) -> bool {
        matches!(self, Json::Absent)
    }
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    let mut rest = text;
    // Nearly every text has nothing to escape and is written in one piece.
    while let Some(at) = rest.find(|c: char| c < ' ' || matches!(c, '"' | '\\')) {
        let (plain, escaped) = rest.split_at(at);
        out.push_str(plain);
        match escaped.as_bytes()[0] {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            control => out.push_str(&format!("\\u{control:04x}")),
        }
        rest = &escaped[1..];
    }
    out.push_str(rest);
    out.push('"');
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::Text(text.to_string())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Json {
        Json::Text(text)
    }
}

impl From<&String> for Json {
    fn from(text: &String) -> Json {
        Json::Text(text.clone())
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Json {
        Json::Bool(value)
    }
}

impl From<u32> for Json {
    fn from(value: u32) -> Json {
        Json::Number(value.to_string())
    }
}

impl From<i32> for Json {
    fn from(value: i32) -> Json {
        Json::Number(value.to_string())
    }
}

impl From<usize> for Json {
    fn from(value: usize) -> Json {
        Json::Number(value.to_string())
    }
}

/// FHIR forbids empty arrays, so an empty list is absent.
impl<T: Into<Json>> From<Vec<T>> for Json {
    fn from(elements: Vec<T>) -> Json {
        if elements.is_empty() {
            return Json::Absent;
        }
        Json::Array(elements.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Json {
        value.map_or(Json::Absent, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_their_order_and_numbers_their_text() {
        let value = object! { type: "b", amount: Json::number("25.00"), none: None::<String>, a: array![1u32, "x\n\"y\""] };
        assert_eq!(value.to_string(), r#"{"type":"b","amount":25.00,"a":[1,"x\n\"y\""]}"#);
    }

    #[test]
    fn an_empty_list_is_absent() {
        let value = object! { list: Vec::<String>::new(), x: true };
        assert_eq!(value.to_string(), r#"{"x":true}"#);
    }

    #[test]
    fn adding_fills_gaps_and_replaces_nothing() {
        let mut value = object! { a: 1u32, list: array![object! { b: 2u32 }], none: Json::Absent };
        value
            .add(object! { a: 9u32, list: array![object! { b: 9u32, c: 3u32 }, 4u32], none: 5u32 });
        assert_eq!(value.to_string(), r#"{"a":1,"list":[{"b":2,"c":3},4],"none":5}"#);
    }

    #[test]
    fn choosing_a_type_takes_the_other_one_away() {
        let mut value = object! { valueString: "x", values: 1u32 };
        value.choose("value", "Boolean", true);
        assert_eq!(value.to_string(), r#"{"values":1,"valueBoolean":true}"#);
    }
}
