//! Finds what a table joins with and makes example queries, from the names of its columns.

use super::{
    datasette,
    described::{Described, DescribedColumn, Kind},
};
use crate::warehouse::{Catalog, Table};

/// A join: another table, and the condition for its rows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Join {
    pub(super) table: String,
    /// The column that leads to the other table.
    pub(super) column: String,
    pub(super) on: String,
}

/// The joins of a table, by the ids in its columns. An id is unique only within its connection, so the
/// connections are compared, too.
pub(super) fn joins(one: &Described<'_>, catalog: &Catalog) -> Vec<Join> {
    let mut joins: Vec<Join> = Vec::new();
    if one.columns.iter().all(|column| column.name != "connection_id") {
        return joins;
    }
    for column in &one.columns {
        let Some((table, id)) = led_to(one, column, catalog) else { continue };
        let (name, column) = (one.name, column.name.as_str());
        if table != name {
            let on = format!(
                "{table}.connection_id = {name}.connection_id AND {table}.{id} = {name}.{column}"
            );
            joins.push(Join { table: table.to_owned(), column: column.to_owned(), on });
        }
    }
    joins
}

/// The other table that a column leads to, and that table's key column.
fn led_to<'a>(
    one: &Described<'_>,
    column: &DescribedColumn,
    catalog: &'a Catalog,
) -> Option<(&'a str, &'static str)> {
    let tables = || catalog.tables().iter();
    let key_of =
        column.path.split_once("getReferenceKey(").and_then(|(_, rest)| rest.split_once(')'));
    if let Some((resource, _)) = key_of {
        let of_type = tables().filter(|table| table.resource() == resource);
        return of_type.map(Table::name).min_by_key(|name| name.len()).map(|name| (name, "id"));
    }
    let stem = column.name.strip_suffix("_id")?;
    // In a normalised table, `member_id` is a number that the payer assigns.
    if one.kind == Kind::Mart && stem == "member" {
        // A person has a row in `member` for each connection.
        return Some(("member", "member_id"));
    }
    let has_key = column.path.contains("getResourceKey()") || one.kind == Kind::Mart;
    tables().map(Table::name).find(|name| has_key && *name == stem).map(|name| (name, "id"))
}

/// The amounts to show, the most interesting first.
const AMOUNTS: [&str; 3] = ["plan_paid_amount", "member_cost_share_amount", "paid_amount"];
/// The dates to show; dates of an event come before dates of its record.
const DATES: [&str; 5] =
    ["service_start_date", "month_date", "fill_date", "gap_start_date", "start_date"];

/// The first of these names that a table has, else its first column with this ending.
fn preferred<'a>(columns: &[&'a str], names: &[&str], end: &str) -> Option<&'a str> {
    let known = names.iter().find_map(|name| columns.iter().find(|column| *column == name));
    known.or_else(|| columns.iter().find(|column| column.ends_with(end))).copied()
}

/// Whether a column identifies the row rather than describing it.
fn is_key(column: &str) -> bool {
    column == "source" || column.ends_with("_id") || column.ends_with("_key")
}

/// Three example queries for a table.
///
/// They are the table's own question or some rows, counts by time or by connection, and the first join.
pub(super) fn examples(one: &Described<'_>, joins: &[Join]) -> Vec<String> {
    let name = one.name;
    let columns: Vec<&str> = one.columns.iter().map(|column| column.name.as_str()).collect();
    let told = |column: &&&str| !matches!(**column, "connection_id" | "row_no");
    let mut shown: Vec<&str> = columns.iter().filter(told).copied().collect();
    if one.kind == Kind::Mart {
        // The sort is stable: columns with the same rank keep their order.
        shown.sort_by_key(|column| is_key(column));
    }
    let some: Vec<&str> = shown.into_iter().take(5).collect();
    let rows = || format!("SELECT {} FROM {name} LIMIT 10", some.join(", "));
    let mut queries = vec![datasette::question_of(name).unwrap_or_else(rows)];
    let money = preferred(&columns, &AMOUNTS, "_amount");
    let sum = money.map_or_else(String::new, |money| format!(", sum({money})"));
    let date = preferred(&columns, &DATES, "_date");
    queries.push(match (date, columns.contains(&"connection_id")) {
        (Some(date), _) => format!(
            "SELECT substr({date}, 1, 7) AS month, count(*){sum} FROM {name} GROUP BY month ORDER BY month"
        ),
        (None, true) => format!("SELECT connection_id, count(*){sum} FROM {name} GROUP BY connection_id"),
        (None, false) => format!("SELECT count(*){sum} FROM {name}"),
    });
    match joins.first() {
        Some(Join { table, on, .. }) => {
            let shown: Vec<String> =
                some.iter().take(3).map(|column| format!("{name}.{column}")).collect();
            queries.push(format!(
                "SELECT {table}.*, {} FROM {name} JOIN {table} ON {on} LIMIT 10",
                shown.join(", ")
            ));
        }
        None if columns.contains(&"connection_id") => queries.push(format!(
            "SELECT connection.name, count(*) FROM {name} JOIN connection ON connection.id = {name}.connection_id GROUP BY connection.name"
        )),
        None => {}
    }
    queries
}
