//! The description of a table's columns.

use crate::{view::Column, warehouse::Table};

/// Name, type, path and description of every column, including those that payersync adds.
pub(in crate::commands) fn columns_of(table: &Table) -> Vec<[&str; 4]> {
    let connection = "The connection that the row belongs to; see table connection";
    let mut columns = vec![
        ["connection_id", "INTEGER", "", connection],
        ["row_no", "INTEGER", "", "0-based number of the row within its resource"],
    ];
    columns.extend(table.view().columns.iter().map(|column| {
        let what = column.description.as_deref().unwrap_or_default();
        [column.name.as_str(), kind(column), column.path.as_str(), what]
    }));
    columns
}

fn kind(column: &Column) -> &str {
    column.fhir_type.as_deref().unwrap_or("any")
}
