//! Writes the rows of one resource into its tables, and deletes them.

use super::{mistyped, row_batch::RowBatch, table::Catalog};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Transaction, params};
use std::ops::Range;

/// Deletes a resource's rows from every table of its type.
pub(crate) fn delete_rows(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    connection_id: i64,
    resource_type: &str,
    resource_id: &str,
) -> Result<(), WarehouseError> {
    for position in catalog.of_type(resource_type) {
        transaction
            .prepare_cached(catalog.table(*position).delete())
            .and_then(|mut statement| statement.execute(params![connection_id, resource_id]))
            .doing("cannot delete a resource's rows")?;
    }
    mistyped::forget(transaction, connection_id, resource_type, resource_id)
}

/// Inserts the rows that one resource gives in one table; returns how many.
pub(crate) fn insert_rows(
    transaction: &Transaction<'_>,
    insert: &str,
    connection_id: i64,
    batch: &RowBatch,
    cells: Range<usize>,
) -> Result<u64, WarehouseError> {
    let doing = "cannot insert a row";
    if cells.is_empty() {
        return Ok(0);
    }
    let mut statement = transaction.prepare_cached(insert).doing(doing)?;
    let mut row_no = 0;
    for row in batch.rows(cells) {
        statement.clear_bindings();
        statement.raw_bind_parameter(1, connection_id).doing(doing)?;
        batch.bind(&mut statement, row_no, row).doing(doing)?;
        statement.raw_execute().doing(doing)?;
        row_no += 1;
    }
    Ok(row_no as u64)
}
