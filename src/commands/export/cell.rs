//! Converts a cell to its column's type, and reports what was lost.

use super::kind::Kind;
use crate::warehouse::AnswerCell;
use chrono::{DateTime, NaiveDate, NaiveDateTime};

/// A cell converted to a type of the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Typed {
    /// A whole number; for an amount, the number of its smallest units.
    Integer(i64),
    /// A floating-point number.
    Real(f64),
    /// True or false.
    Boolean(bool),
    /// Days since 1970-01-01.
    Day(i32),
    /// Microseconds since 1970-01-01T00:00:00, in no time zone.
    Moment(i64),
}

/// How well a cell fits its column's type.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fit {
    /// The type holds the cell exactly.
    Whole(Typed),
    /// The cell was rounded to the nearest value of the type.
    Rounded(Typed),
    /// The cell has another type.
    Misfit,
}

/// Whether a column of this type holds the cell exactly as it is.
pub(in crate::commands) fn is_held(cell: &AnswerCell<'_>, kind: Kind) -> bool {
    match (kind, cell) {
        (_, AnswerCell::Null) | (Kind::Text, _) => true,
        _ => matches!(typed(cell, kind), Fit::Whole(_)),
    }
}

/// The largest amount, in its smallest units: the column type has 18 digits.
const MOST_UNITS: f64 = 1e18;

/// Converts a cell that is not NULL, for a column that is not text.
pub(super) fn typed(cell: &AnswerCell<'_>, kind: Kind) -> Fit {
    let value = match (kind, cell) {
        (Kind::Integer, AnswerCell::Integer(value)) => Some(Typed::Integer(*value)),
        (Kind::Boolean, AnswerCell::Integer(value @ (0 | 1))) => Some(Typed::Boolean(*value == 1)),
        (Kind::Real, AnswerCell::Real(value)) => Some(Typed::Real(*value)),
        (Kind::Real, AnswerCell::Integer(value)) => real(*value).map(Typed::Real),
        (Kind::Money(scale), AnswerCell::Real(value)) => return units(*value, scale),
        (Kind::Money(scale), AnswerCell::Integer(value)) => {
            whole_units(*value, scale).map(Typed::Integer)
        }
        (Kind::Date, AnswerCell::Text(text)) => day(text).map(Typed::Day),
        (Kind::Timestamp, AnswerCell::Text(text)) => moment(text).map(Typed::Moment),
        _ => None,
    };
    value.map_or(Fit::Misfit, Fit::Whole)
}

/// The number as a float; `None` if a float cannot hold it exactly.
fn real(value: i64) -> Option<f64> {
    let real = value as f64;
    (real as i128 == i128::from(value)).then_some(real)
}

fn whole_units(value: i64, scale: u8) -> Option<i64> {
    let units = value.checked_mul(10_i64.checked_pow(u32::from(scale))?)?;
    (units.unsigned_abs() < MOST_UNITS as u64).then_some(units)
}

fn units(value: f64, scale: u8) -> Fit {
    let units = value * 10_f64.powi(i32::from(scale));
    let whole = units.round();
    if !whole.is_finite() || whole.abs() >= MOST_UNITS {
        return Fit::Misfit;
    }
    let amount = Typed::Integer(whole as i64);
    // A tiny difference comes from the binary representation of a decimal; it is no fraction of a cent.
    let tolerance = 1e-6 + units.abs() * f64::EPSILON * 4.0;
    if (units - whole).abs() > tolerance { Fit::Rounded(amount) } else { Fit::Whole(amount) }
}

fn day(text: &str) -> Option<i32> {
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10)?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days()).ok()
}

fn moment(text: &str) -> Option<i64> {
    if let Some(days) = day(text) {
        return Some(i64::from(days) * 86_400_000_000);
    }
    let plain = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let moment = plain.or_else(|| Some(DateTime::parse_from_rfc3339(text).ok()?.naive_utc()))?;
    Some(moment.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_fits_its_type_or_is_told() {
        use AnswerCell::{Integer, Real, Text};
        let whole = Fit::Whole;
        for (cell, kind, fit) in [
            (Integer(7), Kind::Integer, whole(Typed::Integer(7))),
            (Text("7"), Kind::Integer, Fit::Misfit),
            (Integer(1), Kind::Boolean, whole(Typed::Boolean(true))),
            (Integer(2), Kind::Boolean, Fit::Misfit),
            (Integer(3), Kind::Real, whole(Typed::Real(3.0))),
            (Integer(1 << 53), Kind::Real, whole(Typed::Real(9_007_199_254_740_992.0))),
            (Integer((1 << 53) + 1), Kind::Real, Fit::Misfit),
            (Integer(i64::MAX), Kind::Real, Fit::Misfit),
            (Integer(i64::MIN), Kind::Real, whole(Typed::Real(i64::MIN as f64))),
            (
                Integer(9_007_199_254_740_993),
                Kind::Money(1),
                whole(Typed::Integer(90_071_992_547_409_930)),
            ),
            (Integer(10_000_000_000_000_000), Kind::Money(2), Fit::Misfit),
            (Real(0.1 + 0.2), Kind::Money(2), whole(Typed::Integer(30))),
            (Real(-1234.56), Kind::Money(2), whole(Typed::Integer(-123_456))),
            (Real(99_999_999_999.99), Kind::Money(2), whole(Typed::Integer(9_999_999_999_999))),
            (Real(0.0325), Kind::Money(2), Fit::Rounded(Typed::Integer(3))),
            (Real(0.0325), Kind::Money(6), whole(Typed::Integer(32_500))),
            (Real(1e17), Kind::Money(2), Fit::Misfit),
            (Real(f64::INFINITY), Kind::Money(2), Fit::Misfit),
            (Text("1970-01-02"), Kind::Date, whole(Typed::Day(1))),
            (Text("1969-12-31"), Kind::Date, whole(Typed::Day(-1))),
            (Text("1970-01"), Kind::Date, Fit::Misfit),
            (Text("2023-02-29"), Kind::Date, Fit::Misfit),
            (Text("1970-01-01"), Kind::Timestamp, whole(Typed::Moment(0))),
            (Text("1970-01-01 00:00:01"), Kind::Timestamp, whole(Typed::Moment(1_000_000))),
            (Text("1970-01-01T01:00:00+01:00"), Kind::Timestamp, whole(Typed::Moment(0))),
            (Text("noon"), Kind::Timestamp, Fit::Misfit),
        ] {
            assert_eq!(typed(&cell, kind), fit, "{cell:?} as {kind:?}");
        }
    }
}
