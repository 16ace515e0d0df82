//! The SQL of a table, as text: `CREATE TABLE`, `INSERT` and `DELETE`.

use crate::view::{Column, ColumnKind, View};

/// The prefix of a table's name while the table is being rebuilt.
pub(super) const BUILDING: &str = "building__";

/// `CREATE TABLE` with row ids: DuckDB needs them if a query names no column, such as `count(*)`.
pub(super) fn create_sql(view: &View, key: usize, name: &str) -> String {
    let mut sql = String::with_capacity(64 * (view.columns.len() + 4));
    let key_column = &view.columns[key];
    sql.push_str("CREATE TABLE ");
    push_quoted(&mut sql, name);
    sql.push_str(" (\n  connection_id INTEGER NOT NULL,\n  ");
    push_quoted(&mut sql, &key_column.name);
    sql.push_str(" TEXT NOT NULL,\n  row_no INTEGER NOT NULL");
    for (_, column) in view.columns.iter().enumerate().filter(|(position, _)| *position != key) {
        sql.push_str(",\n  ");
        push_quoted(&mut sql, &column.name);
        let affinity = affinity(column);
        sql.push_str(if affinity.is_empty() { "" } else { " " });
        sql.push_str(affinity);
    }
    sql.push_str(",\n  PRIMARY KEY (connection_id, ");
    push_quoted(&mut sql, &key_column.name);
    sql.push_str(", row_no)\n)");
    sql
}

/// `INSERT`, with the connection and the row number first, then values in the order of the view's
/// columns.
pub(super) fn insert_sql(view: &View, name: &str) -> String {
    let mut sql = String::with_capacity(40 * (view.columns.len() + 4));
    sql.push_str("INSERT INTO ");
    push_quoted(&mut sql, name);
    sql.push_str(" (connection_id, row_no");
    for column in &view.columns {
        sql.push_str(", ");
        push_quoted(&mut sql, &column.name);
    }
    sql.push_str(") VALUES (?1, ?2");
    for number in 3..view.columns.len() + 3 {
        sql.push_str(", ?");
        sql.push_str(&number.to_string());
    }
    sql.push(')');
    sql
}

pub(super) fn delete_sql(view: &View, key: usize, name: &str) -> String {
    format!(
        "DELETE FROM {} WHERE connection_id = ?1 AND {} = ?2",
        quote(name),
        quote(&view.columns[key].name)
    )
}

fn affinity(column: &Column) -> &'static str {
    match column.kind {
        // Without a declared type SQLite stores the value as it is.
        _ if column.fhir_type.is_none() && !column.collection => "",
        _ if column.collection => "TEXT",
        ColumnKind::Boolean
        | ColumnKind::Integer
        | ColumnKind::PositiveInt
        | ColumnKind::UnsignedInt
        | ColumnKind::Integer64 => "INTEGER",
        ColumnKind::Decimal => "REAL",
        ColumnKind::Text | ColumnKind::Complex => "TEXT",
    }
}

/// Quotes an identifier for SQL.
pub(crate) fn quote(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + 2);
    push_quoted(&mut quoted, name);
    quoted
}

fn push_quoted(sql: &mut String, name: &str) {
    sql.push('"');
    match name.contains('"') {
        true => sql.push_str(&name.replace('"', "\"\"")),
        false => sql.push_str(name),
    }
    sql.push('"');
}
