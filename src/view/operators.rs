//! Equality, order, arithmetic and the other operators of FHIRPath.
//!
//! For most operators the result is empty if an operand is. An element with extensions but no value counts as
//! empty. Numbers are exact, never binary doubles; dates and times compare by instant and precision.

use std::cmp::Ordering;
use std::ops::ControlFlow::{self, Continue};

use super::decimal::{self, Decimal};
use super::direct;
use super::error::ViewErrorReason as Reason;
use super::eval::{Outcome, Scope, Sink, each, operand};
use super::item::{Item, Scalar};
use super::json::Node;
use super::plan::{Arithmetic, Comparison, Expr};
use super::temporal::Temporal;
use super::types::TypeId;

type Operands = (Expr, Expr);

/// A collection, without an allocation for the usual single item.
enum Items<'a> {
    None,
    One(Item<'a>),
    Many(Vec<Item<'a>>),
}

impl<'a> Items<'a> {
    fn of(expr: &'a Expr, scope: &Scope<'_, 'a>) -> Result<Items<'a>, Reason> {
        let mut items = Items::None;
        let _ = each(expr, scope, &mut |item| {
            items = match std::mem::replace(&mut items, Items::None) {
                Items::None => Items::One(item),
                Items::One(first) => Items::Many(vec![first, item]),
                Items::Many(mut all) => {
                    all.push(item);
                    Items::Many(all)
                }
            };
            Ok(Continue(()))
        })?;
        Ok(items)
    }

    fn as_slice(&self) -> &[Item<'a>] {
        match self {
            Items::None => &[],
            Items::One(item) => std::slice::from_ref(item),
            Items::Many(items) => items,
        }
    }
}

/// `=`: empty if a side is empty, otherwise whether both have the same items in the same order.
pub(crate) fn equal<'a>(
    left: &'a Expr,
    right: &'a Expr,
    scope: &Scope<'_, 'a>,
) -> Result<Option<bool>, Reason> {
    if let (Some(left), Some(right)) = (direct::item(left, scope), direct::item(right, scope)) {
        return Ok(left.zip(right).and_then(|(left, right)| items_equal(&left, &right)));
    }
    let left = Items::of(left, scope)?;
    if matches!(left, Items::None) {
        return Ok(None);
    }
    let right = Items::of(right, scope)?;
    let (left, right) = (left.as_slice(), right.as_slice());
    if right.is_empty() {
        return Ok(None);
    }
    if left.len() != right.len() {
        return Ok(Some(false));
    }
    Ok(all_equal(left.iter().zip(right).map(|(left, right)| items_equal(left, right))))
}

/// `in`: whether the one item on the left is among the items on the right.
pub(crate) fn is_in<'a>(
    left: &'a Expr,
    right: &'a Expr,
    scope: &Scope<'_, 'a>,
) -> Result<Option<bool>, Reason> {
    let Some(wanted) = operand(left, scope)? else { return Ok(None) };
    let items = Items::of(right, scope)?;
    Ok(Some(items.as_slice().iter().any(|item| items_equal(&wanted, item) == Some(true))))
}

/// `|`: the distinct items of both sides.
pub(crate) fn union<'a>(
    left: &'a Expr,
    right: &'a Expr,
    scope: &Scope<'_, 'a>,
    out: Sink<'_, 'a>,
) -> Outcome {
    let mut distinct: Vec<Item<'a>> = Vec::new();
    for side in [left, right] {
        let _ = each(side, scope, &mut |item| {
            if !distinct.iter().any(|known| items_equal(known, &item) == Some(true)) {
                distinct.push(item);
            }
            Ok(Continue(()))
        })?;
    }
    for item in distinct {
        if out(item)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(Continue(()))
}

/// `join()`: the texts with the separator between them; empty if there are no items.
///
/// If `is_strict`, an item that is not a text is an error. Otherwise the item becomes the result itself, so
/// that the column shows it.
pub(crate) fn join<'a>(
    separator: &str,
    source: &mut dyn FnMut(Sink<'_, 'a>) -> Outcome,
    is_strict: bool,
) -> Result<Option<Item<'a>>, Reason> {
    let mut joined: Option<String> = None;
    let mut misfit = None;
    let _ = source(&mut |item| {
        let scalar = item.scalar();
        let part = match scalar {
            Scalar::Text(part, _) => part,
            Scalar::Nothing => return Ok(Continue(())),
            _ if is_strict => return Err(Reason::WrongType),
            _ => {
                misfit = Some(item);
                return Ok(ControlFlow::Break(()));
            }
        };
        let text = match &mut joined {
            Some(text) => {
                text.push_str(separator);
                text
            }
            None => joined.insert(String::new()),
        };
        text.push_str(part);
        Ok(Continue(()))
    })?;
    Ok(misfit.or(joined.map(|text| Item::Text(text.into(), TypeId::STRING))))
}

fn items_equal(left: &Item<'_>, right: &Item<'_>) -> Option<bool> {
    match (left.scalar(), right.scalar()) {
        (Scalar::Nothing, _) | (_, Scalar::Nothing) => None,
        (Scalar::Text(left, left_type), Scalar::Text(right, right_type)) => {
            texts_equal(left, right, left_type.is_temporal() || right_type.is_temporal())
        }
        (Scalar::Boolean(left), Scalar::Boolean(right)) => Some(left == right),
        (Scalar::Complex(left), Scalar::Complex(right)) => nodes_equal(left, right),
        (left, right) => Some(compare_numbers(left, right) == Some(Ordering::Equal)),
    }
}

/// Whether two texts are equal: dates and times as instants, as far as their precision tells.
fn texts_equal(left: &str, right: &str, temporal: bool) -> Option<bool> {
    if left == right {
        return Some(true);
    }
    match temporal.then(|| Temporal::parse(left).zip(Temporal::parse(right))).flatten() {
        Some((left, right)) if !left.differs_in_kind(&right) => {
            left.compare(&right).map(Ordering::is_eq)
        }
        _ => Some(false),
    }
}

/// The order of two numbers; `None` if a side is not a number.
fn compare_numbers(left: Scalar<'_>, right: Scalar<'_>) -> Option<Ordering> {
    Some(match (left, right) {
        (Scalar::Integer(left), Scalar::Integer(right)) => left.cmp(&right),
        (Scalar::Number(left), Scalar::Number(right)) => decimal::compare(left, right),
        (Scalar::Integer(left), Scalar::Number(right)) => {
            decimal::compare(&left.to_string(), right)
        }
        (Scalar::Number(left), Scalar::Integer(right)) => {
            decimal::compare(left, &right.to_string())
        }
        _ => return None,
    })
}

/// Whether two nodes are equal; objects and arrays are compared member by member.
///
/// Inside them no element type is known. A text with a date and a time of day is treated as an instant,
/// since nothing else looks like that.
fn nodes_equal(left: &Node<'_>, right: &Node<'_>) -> Option<bool> {
    match (left, right) {
        (Node::Number(left), Node::Number(right)) => Some(decimal::compare(left, right).is_eq()),
        (Node::String(left), Node::String(right)) => {
            texts_equal(left, right, left.contains('T') && right.contains('T'))
        }
        (Node::Array(left), Node::Array(right)) if left.len() == right.len() => {
            all_equal(left.iter().zip(right).map(|(left, right)| nodes_equal(left, right)))
        }
        (Node::Object(left), Node::Object(members)) if left.len() == members.len() => {
            all_equal(left.iter().map(|member| match right.get(&member.key) {
                Some(other) => nodes_equal(&member.value, other),
                None => Some(false),
            }))
        }
        (left, right) => Some(left == right),
    }
}

/// False if any pair differs, true if all are equal, otherwise unknown.
fn all_equal(pairs: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut certain = true;
    for pair in pairs {
        match pair {
            Some(true) => {}
            Some(false) => return Some(false),
            None => certain = false,
        }
    }
    certain.then_some(true)
}

/// The operators `<`, `<=`, `>`, `>=`.
pub(crate) fn compare<'a>(
    comparison: Comparison,
    operands: &'a Operands,
    scope: &Scope<'_, 'a>,
) -> Result<Option<bool>, Reason> {
    let Some(left) = operand(&operands.0, scope)? else { return Ok(None) };
    let Some(right) = operand(&operands.1, scope)? else { return Ok(None) };
    let order = match (left.scalar(), right.scalar()) {
        (Scalar::Text(left, left_type), Scalar::Text(right, right_type)) => {
            texts_in_order((left, left_type), (right, right_type))?
        }
        (left, right) => Some(compare_numbers(left, right).ok_or(Reason::WrongType)?),
    };
    Ok(order.map(|order| match comparison {
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }))
}

/// The order of two texts.
///
/// They are ordered in time if a type says that they are dates, or if both read as dates and no type
/// denies it.
fn texts_in_order(
    (left, left_type): (&str, TypeId),
    (right, right_type): (&str, TypeId),
) -> Result<Option<Ordering>, Reason> {
    let temporal = left_type.is_temporal() || right_type.is_temporal();
    if !temporal && left_type != TypeId::UNKNOWN && right_type != TypeId::UNKNOWN {
        return Ok(Some(left.cmp(right)));
    }
    match (Temporal::parse(left), Temporal::parse(right)) {
        (Some(left), Some(right)) if left.differs_in_kind(&right) => Err(Reason::WrongType),
        (Some(left), Some(right)) => Ok(left.compare(&right)),
        // If dates are expected, a text that is not a date has no order.
        _ => Ok((!temporal).then(|| left.cmp(right))),
    }
}

/// The operators `+`, `-`, `*`, `/` for numbers, and `+` for texts.
pub(crate) fn arithmetic<'a>(
    operation: Arithmetic,
    operands: &'a Operands,
    scope: &Scope<'_, 'a>,
) -> Result<Option<Item<'a>>, Reason> {
    let Some(left) = operand(&operands.0, scope)? else { return Ok(None) };
    let Some(right) = operand(&operands.1, scope)? else { return Ok(None) };
    if let (Scalar::Text(left, of_left), Scalar::Text(right, of_right), Arithmetic::Add) =
        (left.scalar(), right.scalar(), operation)
        && !of_left.is_temporal()
        && !of_right.is_temporal()
    {
        return Ok(Some(computed_text(format!("{left}{right}"))));
    }
    if let (Some(left), Some(right)) = (as_integer(&left), as_integer(&right)) {
        let result = match operation {
            Arithmetic::Add => left.checked_add(right),
            Arithmetic::Subtract => left.checked_sub(right),
            Arithmetic::Multiply => left.checked_mul(right),
            Arithmetic::Divide => None,
        };
        if let Some(result) = result {
            return Ok(Some(Item::Integer(result)));
        }
    }
    let (left, right) = (as_decimal(&left)?, as_decimal(&right)?);
    let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
    let result = match operation {
        Arithmetic::Add => left.add(right),
        Arithmetic::Subtract => left.subtract(right),
        Arithmetic::Multiply => left.multiply(right),
        Arithmetic::Divide => left.divide(right),
    };
    Ok(result.map(|result| Item::Decimal(result.to_text().into())))
}

/// The unary minus.
pub(crate) fn negative<'a>(
    operand: &'a Expr,
    scope: &Scope<'_, 'a>,
) -> Result<Option<Item<'a>>, Reason> {
    let Some(item) = super::eval::operand(operand, scope)? else { return Ok(None) };
    if let Some(result) = as_integer(&item).and_then(i64::checked_neg) {
        return Ok(Some(Item::Integer(result)));
    }
    let result = as_decimal(&item)?.and_then(Decimal::negate);
    Ok(result.map(|result| Item::Decimal(result.to_text().into())))
}

/// `&`: joins texts; an empty side counts as an empty text.
pub(crate) fn concatenate<'a>(
    operands: &'a Operands,
    scope: &Scope<'_, 'a>,
) -> Result<Option<Item<'a>>, Reason> {
    let mut joined = String::new();
    for side in [&operands.0, &operands.1] {
        match operand(side, scope)?.as_ref().map(Item::scalar) {
            None => {}
            Some(Scalar::Text(text, _)) => joined.push_str(text),
            Some(_) => return Err(Reason::WrongType),
        }
    }
    Ok(Some(computed_text(joined)))
}

fn computed_text<'a>(text: String) -> Item<'a> {
    Item::Text(text.into(), TypeId::STRING)
}

fn as_integer(item: &Item<'_>) -> Option<i64> {
    match item.scalar() {
        Scalar::Integer(value) => Some(value),
        Scalar::Number(text) => text.parse().ok(),
        _ => None,
    }
}

/// The item as a number; `None` if it has more digits than arithmetic works with.
fn as_decimal(item: &Item<'_>) -> Result<Option<Decimal>, Reason> {
    match item.scalar() {
        Scalar::Integer(value) => Ok(Decimal::parse(&value.to_string())),
        Scalar::Number(text) => Ok(Decimal::parse(text)),
        _ => Err(Reason::WrongType),
    }
}
