//! The explanation of a cell or a row, and the errors for a column or row that does not exist.

use super::{origin::Origin, place::Place};
use crate::{alike::most_alike, commands::failure::Failure, plural::count as count_rows};
use serde::Serialize;
use serde_json::Value;

/// The most rows that are listed.
pub(super) const MOST_ROWS: usize = 50;

/// The most columns that are shown, beside the requested one, to tell listed rows apart.
pub(super) const MOST_DISTINCT: usize = 3;

/// The explanation of a cell or a row.
#[derive(Debug, Serialize)]
pub(super) struct Explained {
    pub(super) table: String,
    /// The kind of the table: `mart` for a mart, `table` for a normalised table.
    pub(super) kind: &'static str,
    pub(super) key_column: String,
    pub(super) key: String,
    /// The row that is explained.
    pub(super) row: u64,
    pub(super) cells: Vec<Cell>,
    /// The place of the value in the resource, if a column was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) place: Option<Place>,
    /// Sentences about the value.
    pub(super) notes: Vec<String>,
    /// The rows that match the key, up to a bound.
    pub(super) rows: Vec<Matching>,
    pub(super) row_count: usize,
    /// The tables and marts that a mart's definition reads.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) computed_from: Vec<String>,
    pub(super) resources: Vec<Origin>,
}

/// A cell of the explained row.
#[derive(Debug, Serialize)]
pub(super) struct Cell {
    pub(super) column: String,
    pub(super) value: Value,
    /// The FHIRPath of the value, relative to the resource or to the element that gives one row per
    /// repetition.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) path: String,
    pub(super) description: String,
}

/// A row that matches the key.
#[derive(Debug, Serialize)]
pub(super) struct Matching {
    pub(super) connection: String,
    pub(super) row: u64,
    /// The first columns in which the listed rows differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) distinct: Vec<ColumnValue>,
    /// The value of the requested column.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<Value>,
}

/// A column and its value in one row.
#[derive(Debug, Serialize)]
pub(super) struct ColumnValue {
    pub(super) column: String,
    pub(super) value: Value,
}

/// For each row, the first columns in which the listed rows differ.
///
/// At most one of them is an identifier, and none is an amount. The connection and the requested column are
/// not among them: they are shown anyway.
pub(super) fn distinct_columns(
    rows: &[Vec<(&str, &Value)>],
    asked: Option<&str>,
) -> Vec<Vec<ColumnValue>> {
    let Some(first) = rows.first() else { return Vec::new() };
    let is_shown = |name: &str| matches!(name, "connection_id" | "row_no") || asked == Some(name);
    let ends_with = |name: &str, ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    let mut identifiers = 0;
    let mut chosen = Vec::new();
    for (position, &(name, value)) in first.iter().enumerate() {
        let is_same = rows.iter().all(|row| row[position].1 == value);
        if is_same || is_shown(name) || ends_with(name, &["_amount", "_cents"]) {
            continue;
        }
        if ends_with(name, &["_id", "_key", "_number", "_index"]) {
            identifiers += 1;
            if identifiers > 1 {
                continue;
            }
        }
        chosen.push(position);
    }
    chosen.truncate(MOST_DISTINCT);
    let column_value = |(name, value): (&str, &Value)| ColumnValue {
        column: name.to_owned(),
        value: value.clone(),
    };
    rows.iter()
        .map(|row| chosen.iter().map(|position| column_value(row[*position])).collect())
        .collect()
}

pub(super) fn unknown_column(table: &str, name: &str, names: Vec<String>) -> Failure {
    let hint = match most_alike(name, names) {
        Some(alike) => {
            format!("did you mean {alike}? `payersync tables {table}` lists the columns")
        }
        None => format!("`payersync tables {table}` lists the columns"),
    };
    Failure::misuse(format!("{table} has no column {name}")).hint(hint)
}

/// The failure when the key has no row with this number.
pub(super) fn no_row(row: u64, count: usize) -> Failure {
    Failure::misuse(format!("there is no row {row} of this key"))
        .hint(format!("the key has {}; leave out --row to list them", count_rows(count, "row")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_apart_by_the_first_columns_that_differ() {
        let row = |id: i64, month: &str, paid: f64| -> Vec<(&'static str, Value)> {
            vec![
                ("connection_id", id.into()),
                ("patient_id", "p".into()),
                ("claim_id", id.into()),
                ("claim_key", id.into()),
                ("month_date", month.into()),
                ("paid_amount", paid.into()),
                ("kind", month.into()),
                ("category", month.into()),
            ]
        };
        let rows = [row(1, "2024-01-01", 1.5), row(2, "2024-02-01", 2.5)];
        let rows: Vec<Vec<(&str, &Value)>> = rows
            .iter()
            .map(|row| row.iter().map(|(name, value)| (*name, value)).collect())
            .collect();
        let names = |asked| -> Vec<String> {
            let mut found = distinct_columns(&rows, asked);
            found.remove(1).into_iter().map(|one| one.column).collect()
        };
        assert_eq!(names(None), ["claim_id", "month_date", "kind"]);
        assert_eq!(names(Some("month_date")), ["claim_id", "kind", "category"]);
        assert!(distinct_columns(&rows[..1], None)[0].is_empty());
    }
}
