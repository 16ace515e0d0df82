//! Runs one reading statement at a time, and hands over its rows one by one.

use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{
    Connection, Statement, ToSql,
    types::{ToSqlOutput, Value, ValueRef},
};

/// A value in a row of a result.
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

/// A named parameter of a statement, with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// The parameter's name, without the colon.
    pub name: String,
    /// The parameter's value.
    pub value: ParameterValue,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum ParameterValue {
    /// NULL.
    Null,
    /// INTEGER.
    Integer(i64),
    /// REAL.
    Real(f64),
    /// TEXT.
    Text(String),
}

impl ToSql for ParameterValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            ParameterValue::Null => ToSqlOutput::Owned(Value::Null),
            ParameterValue::Integer(value) => ToSqlOutput::Owned(Value::Integer(*value)),
            ParameterValue::Real(value) => ToSqlOutput::Owned(Value::Real(*value)),
            ParameterValue::Text(text) => ToSqlOutput::from(text.as_str()),
        })
    }
}

/// Receives the result of a query, row by row.
pub trait Answer<E> {
    /// Takes the column names, before any row.
    ///
    /// # Errors
    /// An error of the receiver's output; it ends the query.
    fn columns(&mut self, names: &[&str]) -> Result<(), E>;
    /// Takes one row.
    ///
    /// # Errors
    /// An error of the receiver's output; it ends the query.
    fn row(&mut self, cells: &[Cell<'_>]) -> Result<(), E>;
}

pub(crate) fn query<E>(
    connection: &Connection,
    sql: &str,
    parameters: &[Parameter],
    answer: &mut dyn Answer<E>,
) -> Result<Result<(), E>, WarehouseError> {
    let doing = "the statement was refused";
    let mut statement = connection.prepare(sql).doing(doing)?;
    bind(&mut statement, parameters)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    if let Err(error) = answer.columns(&names) {
        return Ok(Err(error));
    }
    let mut rows = statement.raw_query();
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

/// The columns of a statement: name and declared type.
///
/// A type is given only if the result's column is a table's column without any expression around it.
pub(crate) fn declared(
    connection: &Connection,
    sql: &str,
) -> Result<Vec<(String, Option<String>)>, WarehouseError> {
    let statement = connection.prepare(sql).doing("the statement was refused")?;
    let declared = |column: rusqlite::Column<'_>| {
        (column.name().to_owned(), column.decl_type().map(str::to_owned))
    };
    Ok(statement.columns().map(declared).collect())
}

/// Binds every parameter of the statement, or fails.
///
/// A forgotten parameter would be NULL, and the answer silently wrong.
fn bind(statement: &mut Statement<'_>, parameters: &[Parameter]) -> Result<(), WarehouseError> {
    let doing = "the statement was refused";
    let names: Vec<Option<String>> = (1..=statement.parameter_count())
        .map(|position| statement.parameter_name(position).map(str::to_owned))
        .collect();
    for (position, name) in names.iter().enumerate() {
        let bare = name.as_deref().and_then(|name| name.get(1..));
        let value = parameters.iter().rev().find(|parameter| Some(parameter.name.as_str()) == bare);
        let Some(parameter) = value else {
            let name = name.as_deref().unwrap_or("?");
            return Err(WarehouseError::Parameter { name: name.to_owned(), is_given: false });
        };
        statement.raw_bind_parameter(position + 1, &parameter.value).doing(doing)?;
    }
    let is_used = |parameter: &&Parameter| {
        names.iter().flatten().any(|name| name.get(1..) == Some(parameter.name.as_str()))
    };
    match parameters.iter().find(|parameter| !is_used(parameter)) {
        None => Ok(()),
        Some(parameter) => {
            Err(WarehouseError::Parameter { name: parameter.name.clone(), is_given: true })
        }
    }
}

/// The names of the tables and views, or of their columns.
pub(crate) fn names(connection: &Connection, of: Names<'_>) -> Result<Vec<String>, WarehouseError> {
    let doing = "cannot read which tables there are";
    let sql = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')
                 AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name";
    let Names::Columns(tables) = of else {
        return connection
            .prepare(sql)
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .doing(doing);
    };
    let mut names = Vec::new();
    for table in tables {
        let columns: Vec<String> = connection
            .prepare("SELECT name FROM pragma_table_info(?1)")
            .and_then(|mut statement| statement.query_map([table], |row| row.get(0))?.collect())
            .doing(doing)?;
        names.extend(columns);
    }
    Ok(names)
}

/// Which names to list: those of all tables and views, or of the columns of some of them.
#[derive(Debug, Clone, Copy)]
pub enum Names<'a> {
    /// Tables and views.
    Tables,
    /// The columns of these tables and views.
    Columns(&'a [String]),
}
