//! The values of a row, and how an item becomes a value.

use std::borrow::Cow;
use std::fmt;

use super::item::Item;
use super::json::Node;
use super::types::TypeId;

/// The kind of a column's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// FHIR `boolean`.
    Boolean,
    /// FHIR `integer`: 32 bits.
    Integer,
    /// FHIR `positiveInt`: 1 to 2,147,483,647.
    PositiveInt,
    /// FHIR `unsignedInt`: 0 to 2,147,483,647.
    UnsignedInt,
    /// FHIR `integer64`.
    Integer64,
    /// FHIR `decimal`.
    Decimal,
    /// Every other primitive type, and every column without a `type`.
    Text,
    /// A type with elements, which comes as JSON.
    Complex,
}

impl ColumnKind {
    /// The smallest value of a column of 32-bit integers (FHIR R4, section 2.24.0.1).
    fn least(self) -> Option<i32> {
        match self {
            ColumnKind::Integer => Some(i32::MIN),
            ColumnKind::UnsignedInt => Some(0),
            ColumnKind::PositiveInt => Some(1),
            _ => None,
        }
    }
}

/// One cell of a row; borrows from the resource where it can.
///
/// A column that declares a type holds values of that type or none: a number in quotes is not a number,
/// an object is not a text. In a column without a `type` the kind of value follows the JSON: strings are
/// text, numbers with a point or an exponent are decimals, other numbers are integers.
///
/// `Debug` shows only the kind of value, since rows are patient data.
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
    /// The array of a `collection` column without the members that are not of its type, and those members as
    /// [`Value::Mistyped`] holds them.
    Partial(String, Vec<Option<&'a Node<'a>>>),
    /// No value, because the resource's value is not of the column's type. Holds that value, unless it
    /// was computed.
    Mistyped(Option<&'a Node<'a>>),
}

impl Value<'_> {
    /// The value as JSON text, for output and comparison.
    pub fn to_json(&self) -> String {
        let mut out = String::new();
        match self {
            Value::Null | Value::Mistyped(_) => out.push_str("null"),
            Value::Boolean(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Integer(value) => out.push_str(&value.to_string()),
            Value::Decimal(text) => out.push_str(text),
            Value::Text(text) => super::json::write_json_string(text, &mut out),
            Value::Json(text) | Value::Partial(text, _) => out.push_str(text),
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
            Value::Partial(..) => "Partial",
            Value::Mistyped(_) => "Mistyped",
        })
    }
}

/// Makes a value of the declared kind; without one, the kind follows the JSON.
pub(crate) fn value_of<'a>(item: Item<'a>, declared: Option<ColumnKind>) -> Value<'a> {
    match item {
        Item::Node { node: Node::Null, .. } => Value::Null,
        Item::Node { node, of, .. } => {
            value_of_node(node, of, declared).unwrap_or(Value::Mistyped(Some(node)))
        }
        computed => value_of_computed(computed, declared).unwrap_or(Value::Mistyped(None)),
    }
}

fn value_of_node<'a>(
    node: &'a Node<'a>,
    of: TypeId,
    declared: Option<ColumnKind>,
) -> Option<Value<'a>> {
    use ColumnKind::{Boolean, Complex, Decimal, Integer64, Text};
    if let (Node::Number(text), Some(least)) = (node, declared.and_then(ColumnKind::least)) {
        let value = text.parse::<i32>().ok().filter(|value| *value >= least)?;
        return Some(Value::Integer(value.into()));
    }
    Some(match (node, declared) {
        (Node::String(text), None | Some(Text)) => Value::Text(Cow::Borrowed(text)),
        // FHIR R5 writes an integer64 as a JSON string.
        (Node::String(text), Some(Integer64)) => {
            Value::Integer(text.parse().ok().filter(|value: &i64| value.to_string() == *text)?)
        }
        (Node::Bool(value), None | Some(Boolean)) => Value::Boolean(*value),
        (Node::Number(text), Some(Integer64)) => Value::Integer(text.parse().ok()?),
        (Node::Number(text), Some(Decimal)) => Value::Decimal(Cow::Borrowed(finite(text)?)),
        (Node::Number(text), None) => match text.parse() {
            Ok(value) => Value::Integer(value),
            Err(_) => Value::Decimal(Cow::Borrowed(text)),
        },
        // A number can be shown as text, but a number instead of a code is not a code.
        (Node::Number(text), Some(Text)) if of.is_number() || of == TypeId::UNKNOWN => {
            Value::Text(Cow::Borrowed(text))
        }
        (Node::Bool(value), Some(Text)) if of == TypeId::BOOLEAN || of == TypeId::UNKNOWN => {
            Value::Text(Cow::Borrowed(if *value { "true" } else { "false" }))
        }
        (Node::Array(_) | Node::Object(_), None | Some(Complex)) => {
            let mut out = String::new();
            node.write_json(&mut out);
            Value::Json(out)
        }
        _ => return None,
    })
}

/// Makes a value of a computed item. It has the type of its operators, and may also become text.
fn value_of_computed<'a>(item: Item<'a>, declared: Option<ColumnKind>) -> Option<Value<'a>> {
    use ColumnKind::{Boolean, Complex, Decimal, Integer64, Text};
    let least = declared.and_then(ColumnKind::least);
    Some(match (item, declared) {
        (Item::Boolean(value), None | Some(Boolean)) => Value::Boolean(value),
        (Item::Boolean(value), Some(Text)) => Value::Text(value.to_string().into()),
        (Item::Integer(value), None | Some(Integer64)) => Value::Integer(value),
        (Item::Integer(value), _) if least.is_some_and(|least| value >= least.into()) => {
            Value::Integer(value)
        }
        (Item::Decimal(text), Some(_)) if least.is_some() => {
            let value: i64 = text.parse().ok()?;
            Value::Integer(least.filter(|least| value >= i64::from(*least)).map(|_| value)?)
        }
        (Item::Integer(value), Some(Decimal)) => Value::Decimal(value.to_string().into()),
        (Item::Integer(value), Some(Text)) => Value::Text(value.to_string().into()),
        (Item::Decimal(text), Some(Integer64)) => Value::Integer(text.parse().ok()?),
        (Item::Decimal(text), None | Some(Decimal)) => Value::Decimal(text),
        (Item::Decimal(text), Some(Text)) => Value::Text(text),
        (Item::Text(text, _), None | Some(Text | Complex)) => Value::Text(text),
        _ => return None,
    })
}

/// The text, if a double can hold the number, however roughly: `1e400` would become infinity.
fn finite(text: &str) -> Option<&str> {
    // A number without an exponent would need more than 300 digits to be too large.
    let is_plain = text.len() < 300 && !text.contains(['e', 'E']);
    (is_plain || text.parse::<f64>().is_ok_and(f64::is_finite)).then_some(text)
}
