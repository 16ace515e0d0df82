//! `sum()`: adds up the numbers of a collection exactly.
//!
//! It is not in the shareable subset of SQL on FHIR. The source is FHIRPath 3.0.0-ballot, aggregates; as
//! in fhirpath.js, the sum of an empty collection is empty.

use std::ops::ControlFlow::Continue;

use super::decimal::Decimal;
use super::error::ViewErrorReason as Reason;
use super::eval::{Outcome, Sink};
use super::item::{Item, Scalar};

/// The state of a sum while items come in.
enum Sum<'a> {
    Empty,
    /// The only item so far, as written.
    One(Item<'a>),
    Of(Decimal),
    /// The sum has more digits than arithmetic works with.
    TooLong,
    /// An item that is not a number. Nothing is added to it, and the column has no value of its type.
    NotANumber(Item<'a>),
}

/// Adds up the items; an element without a value is skipped.
///
/// If an item is not a number, the sum is that item: a typed column then stores NULL and counts it as
/// mistyped. An error instead would cost the resource all of its rows.
pub(crate) fn sum<'a>(
    source: &mut dyn FnMut(Sink<'_, 'a>) -> Outcome,
) -> Result<Option<Item<'a>>, Reason> {
    let mut sum = Sum::Empty;
    let _ = source(&mut |item| {
        if item.has_value() {
            sum = std::mem::replace(&mut sum, Sum::Empty).plus(item);
        }
        Ok(Continue(()))
    })?;
    Ok(match sum {
        Sum::Empty | Sum::TooLong => None,
        Sum::One(item) | Sum::NotANumber(item) => Some(item),
        Sum::Of(decimal) => Some(Item::Decimal(decimal.to_text().into())),
    })
}

impl<'a> Sum<'a> {
    fn plus(self, item: Item<'a>) -> Sum<'a> {
        let before = match self {
            Sum::Empty => return Sum::One(item),
            Sum::NotANumber(_) => return self,
            _ if !is_finite(&item) => return Sum::NotANumber(item),
            Sum::One(first) if !is_finite(&first) => return Sum::NotANumber(first),
            Sum::One(first) => decimal(&first),
            Sum::Of(before) => Some(before),
            Sum::TooLong => None,
        };
        let sum = before.zip(decimal(&item)).and_then(|(before, item)| before.add(item));
        sum.map_or(Sum::TooLong, Sum::Of)
    }
}

fn is_finite(item: &Item<'_>) -> bool {
    match item.scalar() {
        Scalar::Integer(_) => true,
        Scalar::Number(text) => text.parse().is_ok_and(f64::is_finite),
        _ => false,
    }
}

fn decimal(item: &Item<'_>) -> Option<Decimal> {
    match item.scalar() {
        Scalar::Integer(value) => Decimal::parse(&value.to_string()),
        Scalar::Number(text) => Decimal::parse(text),
        _ => None,
    }
}
