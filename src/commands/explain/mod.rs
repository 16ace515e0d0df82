//! `payersync explain`: from a cell to its bytes, versions and run.
//!
//! Of a normalised table everything is known: the definition runs over the stored resource once more,
//! and the values that it borrows say where they stand. A mart's values are computed; its row leads to
//! resources by the ids that it holds.

mod branch;
mod ledger;
mod lines;
mod mart;
mod origin;
mod place;
mod table;
mod text;

use super::{failure::Failure, home, pager, print, sync::unknown_connection};
use crate::{
    alike::most_alike,
    cli::ExplainArgs,
    config::Settings,
    exit_code::ExitCode,
    plural::count as count_rows,
    warehouse::{Catalog, ReadOnlyWarehouse},
};
use origin::Origin;
use place::Place;
use serde::Serialize;
use serde_json::Value;
use std::path::Path;

/// Rows that are listed.
const MOST_ROWS: usize = 50;
/// Columns beside the one that is asked for, by which listed rows can be told apart.
const MOST_DISTINCT: usize = 3;

/// What is known of a cell, or of a row.
#[derive(Debug, Serialize)]
struct Explained {
    table: String,
    /// Whether the table answers a question (`mart`) or holds what resources say (`table`).
    kind: &'static str,
    key_column: String,
    key: String,
    /// The row that the rest is about.
    row: u64,
    cells: Vec<Cell>,
    /// The place of the value in the resource, if a column is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    /// What else is to be known of the value.
    notes: Vec<String>,
    /// All rows that match, the first of them up to a bound.
    rows: Vec<Matching>,
    row_count: usize,
    /// The tables and marts that a mart's definition reads.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    computed_from: Vec<String>,
    resources: Vec<Origin>,
}

/// A value of the row.
#[derive(Debug, Serialize)]
struct Cell {
    column: String,
    value: Value,
    /// FHIRPath from the resource, or from what the definition goes through row by row.
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    description: String,
}

/// A row that matches.
#[derive(Debug, Serialize)]
struct Matching {
    connection: String,
    row: u64,
    /// The first columns in which the listed rows differ.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    distinct: Vec<ColumnValue>,
    /// Of the column that is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
}

/// A column and its value in one row.
#[derive(Debug, Serialize)]
struct ColumnValue {
    column: String,
    value: Value,
}

/// For each row of a table, the first columns in which the rows differ: at most one identifier and
/// no amount, neither the connection nor the column that is asked for, which are shown anyway.
fn distinct_columns(rows: &[Vec<(&str, &Value)>], asked: Option<&str>) -> Vec<Vec<ColumnValue>> {
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

/// Finds the cell and prints what is known of it.
pub(super) fn run(folder: &Path, args: &ExplainArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let catalog = home::catalog(&settings)?;
    let warehouse = ReadOnlyWarehouse::open(&home::existing_warehouse(&settings.home)?)?;
    let is_named = |name: &str| name.eq_ignore_ascii_case(&args.table);
    let explained = warehouse.snapshot(|snapshot| {
        if let Some(name) = &args.connection {
            let known = snapshot.connections()?;
            if !known.iter().any(|one| one.name == *name) {
                return Err(unknown_connection(name, &known));
            }
        }
        if let Some(table) = catalog.tables().iter().find(|table| is_named(table.name())) {
            table::explain(snapshot, table, args)
        } else if let Some(mart) = catalog.marts().iter().find(|mart| is_named(&mart.name)) {
            mart::explain(snapshot, &catalog, mart, args)
        } else {
            Err(unknown_table(&catalog, &args.table))
        }
    })??;
    if args.json {
        print(|out| {
            serde_json::to_writer_pretty(&mut *out, &explained)?;
            writeln!(out)
        })?;
    } else {
        pager::print(|out| text::write(out, &explained, args.column.is_some()))?;
    }
    Ok(ExitCode::Complete)
}

fn unknown_table(catalog: &Catalog, name: &str) -> Failure {
    let marts = catalog.marts().iter().map(|mart| mart.name.clone());
    let names = catalog.tables().iter().map(|table| table.name().to_owned()).chain(marts);
    let hint = match most_alike(name, names) {
        Some(alike) => format!("did you mean {alike}? `payersync tables` lists them"),
        None => "`payersync tables --all` lists the tables and marts; what payersync keeps for \
                 itself needs no explanation"
            .to_owned(),
    };
    Failure::misuse(format!("there is no table or mart {name}")).hint(hint)
}

fn unknown_column(table: &str, name: &str, names: Vec<String>) -> Failure {
    let hint = match most_alike(name, names) {
        Some(alike) => {
            format!("did you mean {alike}? `payersync tables {table}` lists the columns")
        }
        None => format!("`payersync tables {table}` lists the columns"),
    };
    Failure::misuse(format!("{table} has no column {name}")).hint(hint)
}

/// The failure of a row number that the key does not have.
fn no_row(row: u64, count: usize) -> Failure {
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
