//! From one resource to its rows in every table of its type: in all of them, or in none.
//!
//! The one place that runs views for the warehouse; a page and a rebuild give the same rows.

use super::{
    row_batch::{RowBatch, TableRows},
    table::Catalog,
};
use crate::view::json;

/// Runs the views of these tables over a resource; adds the rows to the batch.
///
/// # Errors
/// Why the resource gives no rows: it cannot be read, or does not fit one of the views. Never with
/// a value of it. The batch is as it was then.
pub(crate) fn project(
    json: &[u8],
    tables: &[usize],
    catalog: &Catalog,
    batch: &mut RowBatch,
) -> Result<Vec<TableRows>, String> {
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    let mark = batch.mark();
    let rows = rows_of(json, tables, catalog, batch);
    if rows.is_err() {
        batch.rewind(mark);
    }
    rows
}

fn rows_of(
    json: &[u8],
    tables: &[usize],
    catalog: &Catalog,
    batch: &mut RowBatch,
) -> Result<Vec<TableRows>, String> {
    let node = json::parse(json, json::Limits::default()).map_err(|error| error.to_string())?;
    let mut rows = Vec::with_capacity(tables.len());
    for position in tables {
        let start = batch.cell_count();
        let table = catalog.table(*position);
        table
            .view
            .run(&node, &mut |row| row.iter().for_each(|value| batch.push(value)))
            .map_err(|error| format!("table {}: {error}", table.name()))?;
        rows.push(TableRows { table: *position, cells: start..batch.cell_count() });
    }
    Ok(rows)
}
