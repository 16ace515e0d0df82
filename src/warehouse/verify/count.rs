//! Reads one number by SQL.

use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::Connection;

/// The number that a statement returns.
pub(crate) fn number(connection: &Connection, sql: &str) -> Result<u64, WarehouseError> {
    connection.query_row(sql, [], |row| row.get(0)).doing("cannot count")
}
