//! What a row holds, and how an item becomes one.

use std::borrow::Cow;
use std::fmt;

use super::item::{Item, Scalar};
use super::json::Node;

/// The kind of value that a column declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// FHIR `boolean`.
    Boolean,
    /// FHIR `integer`, `positiveInt`, `unsignedInt`, `integer64`.
    Integer,
    /// FHIR `decimal`.
    Decimal,
    /// Everything else, and every column without a `type`.
    Text,
}

/// One cell of a row; borrows from the resource where it can.
///
/// A declared type never costs data: a JSON value that does not fit its column's kind comes as
/// [`Value::Text`] with the text received. In a column without a `type` the value follows the
/// JSON: strings are text, numbers with a point or an exponent decimals, others integers.
///
/// `Debug` shows the shape only: rows are patient data.
#[derive(Clone, PartialEq, Eq)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// A boolean.
    Boolean(bool),
    /// An integer.
    Integer(i64),
    /// The exact text of a decimal number.
    Decimal(Cow<'a, str>),
    /// A text.
    Text(Cow<'a, str>),
    /// JSON text: the array of a `collection` column (`[]` when empty), or an object.
    Json(String),
}

impl Value<'_> {
    /// The value as JSON text, for output and comparison.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        match self {
            Value::Null => out.push_str("null"),
            Value::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Integer(value) => out.push_str(&value.to_string()),
            Value::Decimal(text) => out.push_str(text),
            Value::Text(text) => super::json::write_json_string(text, &mut out),
            Value::Json(text) => out.push_str(text),
        }
        out
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Value::Null => "Null",
            Value::Boolean(_) => "Boolean",
            Value::Integer(_) => "Integer",
            Value::Decimal(_) => "Decimal",
            Value::Text(_) => "Text",
            Value::Json(_) => "Json",
        })
    }
}

/// How the values of a column are made: its declared kind, or as the JSON has it.
pub(crate) fn value_of<'a>(item: Item<'a>, declared: Option<ColumnKind>) -> Value<'a> {
    let text = match item {
        Item::Node { node, .. } => match node {
            Node::String(text) => return text_value(Cow::Borrowed(text.as_ref()), declared),
            Node::Number(text) => return number_value(Cow::Borrowed(text), declared),
            Node::Bool(value) => return boolean_value(*value, declared),
            Node::Null => return Value::Null,
            Node::Array(_) | Node::Object(_) => {
                let mut out = String::new();
                node.write_json(&mut out);
                return Value::Json(out);
            }
        },
        Item::Boolean(value) => return boolean_value(value, declared),
        Item::Integer(value) => match declared {
            None | Some(ColumnKind::Integer) => return Value::Integer(value),
            _ => value.to_string().into(),
        },
        Item::Decimal(text) => text,
        Item::Text(text, _) => return text_value(text, declared),
    };
    number_value(text, declared)
}

fn text_value<'a>(text: Cow<'a, str>, declared: Option<ColumnKind>) -> Value<'a> {
    // FHIR R5 writes an integer64 as a JSON string.
    if declared == Some(ColumnKind::Integer)
        && let Ok(value) = text.parse::<i64>()
        && value.to_string() == text
    {
        return Value::Integer(value);
    }
    Value::Text(text)
}

fn boolean_value<'a>(value: bool, declared: Option<ColumnKind>) -> Value<'a> {
    match declared {
        None | Some(ColumnKind::Boolean) => Value::Boolean(value),
        _ => Value::Text(Cow::Borrowed(if value { "true" } else { "false" })),
    }
}

fn number_value<'a>(text: Cow<'a, str>, declared: Option<ColumnKind>) -> Value<'a> {
    match declared {
        Some(ColumnKind::Decimal) => Value::Decimal(text),
        None | Some(ColumnKind::Integer) => match text.parse() {
            Ok(value) => Value::Integer(value),
            Err(_) if declared.is_none() => Value::Decimal(text),
            Err(_) => Value::Text(text),
        },
        Some(ColumnKind::Boolean | ColumnKind::Text) => Value::Text(text),
    }
}

/// Appends an item to the JSON array of a collection column.
pub(crate) fn write_item(item: &Item<'_>, declared: Option<ColumnKind>, out: &mut String) {
    if let (Scalar::Complex(node), _) = (item.scalar(), declared) {
        node.write_json(out);
    } else {
        out.push_str(&value_of(item.clone(), declared).to_json());
    }
}
