//! Descriptions of everything that can be queried in SQL: marts, tables, control tables.

use super::columns::columns_of;
use crate::{
    commands::{control_table, mart_description::MartDescription},
    warehouse::{Catalog, Mart, Table},
};
use serde::Serialize;
use std::collections::HashMap;

/// The kind of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    /// A mart: it answers a question.
    Mart,
    /// A view of the Tuva input layer.
    Tuva,
    /// The main table of a resource type: one row per resource.
    Type,
    /// A table with a part of a type's resources, such as the lines of a claim.
    Part,
    /// A control table of payersync's own.
    Control,
}

/// The description of a table.
#[derive(Debug, Serialize)]
pub(super) struct Described<'a> {
    #[serde(rename = "table")]
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    /// The FHIR type that the table's rows come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) resource: Option<&'a str>,
    pub(super) description: String,
    /// What one row stands for, if the description says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) grain: Option<String>,
    /// The number of rows; `None` if the table does not exist yet.
    pub(super) rows: Option<u64>,
    pub(super) columns: Vec<DescribedColumn>,
    /// The rest of the description.
    #[serde(skip)]
    pub(super) notes: Vec<String>,
}

/// The description of a column.
#[derive(Debug, Serialize)]
pub(super) struct DescribedColumn {
    #[serde(rename = "column")]
    pub(super) name: String,
    /// The type of the values: FHIR's, or SQLite's in marts and control tables.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// The FHIRPath of the value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) path: String,
    pub(super) description: String,
}

/// All descriptions: marts, then tables by type, then control tables.
pub(super) fn all<'a>(catalog: &'a Catalog, counts: &HashMap<String, u64>) -> Vec<Described<'a>> {
    let rows = |name: &str| counts.get(name).copied();
    let marts = catalog.marts().iter().map(|mart| mart_of(mart, catalog, rows(&mart.name)));
    let tables = catalog.tables().iter().map(|table| Described {
        name: table.name(),
        kind: if is_part(table, catalog) { Kind::Part } else { Kind::Type },
        resource: Some(table.resource()),
        description: table.view().description.clone().unwrap_or_default(),
        grain: None,
        rows: rows(table.name()),
        columns: columns_of(table).into_iter().map(column).collect(),
        notes: Vec::new(),
    });
    let control = control_table::ALL.iter().map(|table| Described {
        name: &table.name,
        kind: Kind::Control,
        resource: None,
        description: table.what.clone(),
        grain: None,
        rows: rows(&table.name),
        columns: table
            .columns
            .iter()
            .map(|[name, kind, what]| column([name, kind, "", what]))
            .collect(),
        notes: Vec::new(),
    });
    marts.chain(tables).chain(control).collect()
}

/// Whether a table holds a part of another table's resources, and has that table's name as its prefix.
fn is_part(table: &Table, catalog: &Catalog) -> bool {
    catalog.tables().iter().any(|whole| {
        let rest = table.name().strip_prefix(whole.name());
        whole.resource() == table.resource() && rest.is_some_and(|rest| rest.starts_with('_'))
    })
}

/// A mart's description. Columns that are those of another mart get their meanings from there.
pub(super) fn mart_words(mart: &Mart, catalog: &Catalog) -> MartDescription {
    let mut told = MartDescription::of(mart);
    let same = told.lines.iter().find_map(|line| line.strip_prefix("All columns of "));
    let same = same.map(|name| name.trim_end_matches('.').to_owned());
    let other = |name: String| catalog.marts().iter().find(move |mart| mart.name == name);
    if let Some(other) = same.and_then(other) {
        told.columns = MartDescription::of(other).columns;
    }
    told
}

/// Name and meaning of each column of a mart; nothing for any other table.
pub(super) fn mart_columns(catalog: &Catalog, name: &str) -> Vec<(String, String)> {
    let mart = catalog.marts().iter().find(|mart| mart.name == name);
    mart.map(|mart| mart_words(mart, catalog).columns).unwrap_or_default()
}

fn mart_of<'a>(mart: &'a Mart, catalog: &Catalog, rows: Option<u64>) -> Described<'a> {
    let told = mart_words(mart, catalog);
    Described {
        name: &mart.name,
        kind: if mart.name.starts_with("tuva_") { Kind::Tuva } else { Kind::Mart },
        resource: None,
        grain: Some(told.grain()),
        rows,
        columns: told
            .columns
            .iter()
            .map(|(name, what)| column([name, declared_type(mart, name), "", what]))
            .collect(),
        description: told.question,
        notes: told.lines.into_iter().skip(1).skip_while(String::is_empty).collect(),
    }
}

/// The type that the mart's table declares for a column; empty for a view.
fn declared_type<'a>(mart: &'a Mart, name: &str) -> &'a str {
    let declares = |line: &&str| line.split_whitespace().next() == Some(name);
    let table = mart.sql.split_once("CREATE TABLE").map_or("", |(_, table)| table);
    let line =
        table.lines().take_while(|line| !line.starts_with(')')).map(str::trim).find(declares);
    let kind = line.and_then(|line| line.split_whitespace().nth(1)).unwrap_or_default();
    kind.trim_end_matches(',')
}

fn column([name, kind, path, what]: [&str; 4]) -> DescribedColumn {
    DescribedColumn {
        name: name.to_owned(),
        kind: kind.to_owned(),
        path: path.to_owned(),
        description: what.to_owned(),
    }
}
