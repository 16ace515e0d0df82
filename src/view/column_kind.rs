//! The kind of a column's values: as declared, or as its expression implies.

use super::item::Item;
use super::plan::{Expr, Path, Reduce, Start};
use super::value::ColumnKind;

/// The kind for a FHIR type code, the URL of a type's definition, or a `System` type.
pub(crate) fn kind_of_type(fhir_type: &str) -> ColumnKind {
    let code = fhir_type.rsplit(['/', '.']).next().unwrap_or_default();
    match code {
        "boolean" | "Boolean" => ColumnKind::Boolean,
        "integer" | "Integer" => ColumnKind::Integer,
        "positiveInt" => ColumnKind::PositiveInt,
        "unsignedInt" => ColumnKind::UnsignedInt,
        "integer64" => ColumnKind::Integer64,
        "decimal" | "Decimal" => ColumnKind::Decimal,
        "String" | "Date" | "DateTime" | "Time" => ColumnKind::Text,
        code if code.starts_with(|first: char| first.is_ascii_uppercase()) => ColumnKind::Complex,
        _ => ColumnKind::Text,
    }
}

/// The kind of values that an expression always gives; text if the kind depends on the data.
pub(crate) fn kind_of_expression(expr: &Expr) -> ColumnKind {
    match expr {
        Expr::And(_)
        | Expr::Or(_)
        | Expr::OneOf(_)
        | Expr::Equal { .. }
        | Expr::Compare { .. }
        | Expr::In(_) => ColumnKind::Boolean,
        Expr::Path(Path { start, segments, .. }) => {
            match (start, segments.last().map(|last| &last.reduce)) {
                (
                    _,
                    Some(Some(Reduce::Exists | Reduce::Empty | Reduce::HasValue | Reduce::Not)),
                ) => ColumnKind::Boolean,
                (Start::RowIndex | Start::Literal(Item::Integer(_)), None) => ColumnKind::Integer,
                (Start::Literal(Item::Boolean(_)), None) => ColumnKind::Boolean,
                (Start::Literal(Item::Decimal(_)), None) => ColumnKind::Decimal,
                _ => ColumnKind::Text,
            }
        }
        _ => ColumnKind::Text,
    }
}
