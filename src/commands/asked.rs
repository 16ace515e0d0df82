//! All rows of a SQL query, held in memory.
//!
//! Reports and explanations use it: their SQL limits the number of rows.

use crate::warehouse::{Answer, AnswerCell, Parameter, ParameterValue, Snapshot, WarehouseError};
use serde_json::{Number, Value};
use std::convert::Infallible;

/// All rows of a query, with the names of the columns.
#[derive(Debug, Default)]
pub(super) struct Asked {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row<'a> {
    columns: &'a [String],
    cells: &'a [Value],
}

/// Runs a query and keeps every row; its SQL must limit the number of rows.
pub(super) fn ask(
    snapshot: &Snapshot<'_>,
    sql: &str,
    parameters: &[Parameter],
) -> Result<Asked, WarehouseError> {
    let mut asked = Asked::default();
    match snapshot.query::<Infallible>(sql, parameters, &mut asked)? {
        Ok(()) => Ok(asked),
        Err(never) => match never {},
    }
}

/// A query parameter with a text value.
pub(super) fn text(name: &str, value: &str) -> Parameter {
    Parameter { name: name.to_owned(), value: ParameterValue::Text(value.to_owned()) }
}

/// A query parameter with an integer value.
pub(super) fn number(name: &str, value: i64) -> Parameter {
    Parameter { name: name.to_owned(), value: ParameterValue::Integer(value) }
}

impl Answer<Infallible> for Asked {
    fn columns(&mut self, names: &[&str]) -> Result<(), Infallible> {
        self.columns = names.iter().map(|name| (*name).to_owned()).collect();
        Ok(())
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> Result<(), Infallible> {
        self.rows.push(cells.iter().map(value).collect());
        Ok(())
    }
}

fn value(cell: &AnswerCell<'_>) -> Value {
    match cell {
        AnswerCell::Null => Value::Null,
        AnswerCell::Integer(value) => (*value).into(),
        AnswerCell::Real(value) => {
            Number::from_f64(*value).map_or_else(|| value.to_string().into(), Value::Number)
        }
        AnswerCell::Text(value) => (*value).into(),
        AnswerCell::Blob(bytes) => base16ct::lower::encode_string(bytes).into(),
    }
}

impl Asked {
    pub(super) fn rows(&self) -> impl DoubleEndedIterator<Item = Row<'_>> + ExactSizeIterator {
        self.rows.iter().map(|cells| Row { columns: &self.columns, cells })
    }

    pub(super) fn first(&self) -> Option<Row<'_>> {
        self.rows().next()
    }
}

impl<'a> Row<'a> {
    /// Each column with its value.
    pub(super) fn cells(self) -> impl Iterator<Item = (&'a str, &'a Value)> {
        self.columns.iter().map(String::as_str).zip(self.cells)
    }

    /// The value of a column; NULL if the row has no such column.
    pub(super) fn value(self, column: &str) -> &'a Value {
        self.cells().find(|(name, _)| *name == column).map_or(&Value::Null, |(_, value)| value)
    }

    /// The text of a column; `None` for NULL and for a number.
    pub(super) fn text(self, column: &str) -> Option<&'a str> {
        self.value(column).as_str()
    }

    /// The text of a column; empty for NULL.
    pub(super) fn word(self, column: &str) -> &'a str {
        self.text(column).unwrap_or_default()
    }

    /// The integer in a column; `None` for any other value.
    pub(super) fn integer(self, column: &str) -> Option<i64> {
        self.value(column).as_i64()
    }
}
