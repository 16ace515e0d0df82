//! One reading statement at a time, row by row.

use super::error::{Doing, WarehouseError};
use rusqlite::{Connection, types::ValueRef};

/// A value of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// SQL NULL.
    Null,
    /// INTEGER.
    Integer(i64),
    /// REAL.
    Real(f64),
    /// TEXT.
    Text(&'a str),
    /// BLOB, or text that is not UTF-8.
    Blob(&'a [u8]),
}

/// Takes an answer as it comes.
pub trait Answer<E> {
    /// The column names, before any row.
    ///
    /// # Errors
    /// Whatever the receiver's output says; ends the query.
    fn columns(&mut self, names: &[&str]) -> Result<(), E>;
    /// One row.
    ///
    /// # Errors
    /// Whatever the receiver's output says; ends the query.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), E>;
}

pub(super) fn query<E>(
    connection: &Connection,
    sql: &str,
    answer: &mut dyn Answer<E>,
) -> Result<Result<(), E>, WarehouseError> {
    let doing = "the statement was refused";
    let mut statement = connection.prepare(sql).doing(doing)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if let Err(error) = answer.columns(&names) {
        return Ok(Err(error));
    }
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let mut cells = Vec::with_capacity(names.len());
        for position in 0..names.len() {
            cells.push(match row.get_ref(position).doing(doing)? {
                ValueRef::Null => Cell::Null,
                ValueRef::Integer(value) => Cell::Integer(value),
                ValueRef::Real(value) => Cell::Real(value),
                ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
                    Ok(text) => Cell::Text(text),
                    Err(_) => Cell::Blob(bytes),
                },
                ValueRef::Blob(bytes) => Cell::Blob(bytes),
            });
        }
        if let Err(error) = answer.row(&cells) {
            return Ok(Err(error));
        }
    }
    Ok(Ok(()))
}
