//! A view as a table: names, keys and the SQL made from them once.

use super::error::WarehouseError;
use crate::view::{Column, ColumnKind, View};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Names that a view must not take: control tables and views.
const RESERVED: &[&str] = &[
    "connection",
    "sync_run",
    "sync_walk",
    "walk_cursor",
    "resource",
    "resource_version",
    "rejected_resource",
    "view_table",
    "access_log",
    "purge_unfinished",
    "completeness",
    "sync_history",
    "refinery_schema_history",
];

/// One normalised table.
#[derive(Debug)]
pub struct Table {
    /// The compiled definition.
    pub view: View,
    pub(super) definition_hash: Vec<u8>,
    pub(super) create: String,
    pub(super) insert: String,
    pub(super) delete: String,
}

impl Table {
    /// Makes a table of a definition.
    ///
    /// # Errors
    /// When it does not compile, has no column with the path `getResourceKey()`, or takes a name
    /// that the warehouse uses itself.
    pub fn new(definition: &str) -> Result<Table, WarehouseError> {
        let view = View::from_json(definition).map_err(|error| WarehouseError::Table {
            view: error.view.to_string(),
            reason: error.to_string(),
        })?;
        let refuse = |reason: &str| {
            Err(WarehouseError::Table { view: view.name.clone(), reason: reason.to_owned() })
        };
        let lower = view.name.to_ascii_lowercase();
        if RESERVED.contains(&lower.as_str()) || lower.starts_with("sqlite_") {
            return refuse("its name is taken by a table of payersync itself");
        }
        let Some(key) = view.columns.iter().position(|column| column.is_resource_key) else {
            return refuse("it has no column with the path getResourceKey()");
        };
        if view.columns.iter().any(|column| {
            ["connection_id", "row_no"].iter().any(|name| column.name.eq_ignore_ascii_case(name))
        }) {
            return refuse("connection_id and row_no are added by payersync");
        }
        Ok(Table {
            create: create_sql(&view, key, &view.name),
            insert: insert_sql(&view, &view.name),
            delete: delete_sql(&view, key, &view.name),
            definition_hash: Sha256::digest(definition.as_bytes()).to_vec(),
            view,
        })
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.view.name
    }

    /// The column with the resource's id.
    pub(super) fn key(&self) -> &str {
        let key = self.view.columns.iter().find(|column| column.is_resource_key);
        key.map_or("", |column| &column.name)
    }
}

fn create_sql(view: &View, key: usize, name: &str) -> String {
    let mut lines = vec!["connection_id INTEGER NOT NULL".to_owned()];
    lines.push(format!("{} TEXT NOT NULL", quote(&view.columns[key].name)));
    lines.push("row_no INTEGER NOT NULL".to_owned());
    for (position, column) in view.columns.iter().enumerate() {
        if position != key {
            lines.push(
                format!("{} {}", quote(&column.name), affinity(column)).trim_end().to_owned(),
            );
        }
    }
    lines.push(format!("PRIMARY KEY (connection_id, {}, row_no)", quote(&view.columns[key].name)));
    format!("CREATE TABLE {} (\n  {}\n) WITHOUT ROWID", quote(name), lines.join(",\n  "))
}

/// Values come in the order of the view's columns, after the connection and the row number.
fn insert_sql(view: &View, name: &str) -> String {
    let mut names = vec!["connection_id".to_owned(), "row_no".to_owned()];
    names.extend(view.columns.iter().map(|column| quote(&column.name)));
    let marks: Vec<String> = (1..=names.len()).map(|number| format!("?{number}")).collect();
    format!("INSERT INTO {} ({}) VALUES ({})", quote(name), names.join(", "), marks.join(", "))
}

fn delete_sql(view: &View, key: usize, name: &str) -> String {
    format!(
        "DELETE FROM {} WHERE connection_id = ?1 AND {} = ?2",
        quote(name),
        quote(&view.columns[key].name)
    )
}

fn affinity(column: &Column) -> &'static str {
    match column.kind {
        // No declared type: the value decides.
        _ if column.fhir_type.is_none() && !column.collection => "",
        _ if column.collection => "TEXT",
        ColumnKind::Boolean | ColumnKind::Integer => "INTEGER",
        ColumnKind::Decimal => "REAL",
        ColumnKind::Text => "TEXT",
    }
}

/// An identifier in SQL.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Every normalised table, by position and by the resource type that fills it.
#[derive(Debug, Default)]
pub struct Catalog {
    tables: Vec<Table>,
    by_type: BTreeMap<String, Vec<usize>>,
    marts: Vec<Mart>,
}

/// A SQL view over the normalised tables that answers an analyst's question.
#[derive(Debug, Clone)]
pub struct Mart {
    /// Its name.
    pub name: String,
    /// One `CREATE VIEW` statement, with its comment.
    pub sql: String,
}

impl Catalog {
    /// Compiles definitions and takes the marts along.
    ///
    /// # Errors
    /// As [`Table::new`]; two tables of one name.
    pub fn new<'a>(
        definitions: impl IntoIterator<Item = &'a str>,
        marts: impl IntoIterator<Item = Mart>,
    ) -> Result<Catalog, WarehouseError> {
        let mut catalog = Catalog { marts: marts.into_iter().collect(), ..Catalog::default() };
        for definition in definitions {
            let table = Table::new(definition)?;
            let taken = catalog
                .tables
                .iter()
                .any(|other| other.name().eq_ignore_ascii_case(table.name()))
                || catalog.marts.iter().any(|mart| mart.name.eq_ignore_ascii_case(table.name()));
            if taken {
                return Err(WarehouseError::Table {
                    view: table.name().to_owned(),
                    reason: "another table or mart has this name".to_owned(),
                });
            }
            let position = catalog.tables.len();
            catalog.by_type.entry(table.view.resource.clone()).or_default().push(position);
            catalog.tables.push(table);
        }
        Ok(catalog)
    }

    /// The tables and marts that come with this build.
    ///
    /// # Errors
    /// Never for a released build: a test compiles them all.
    pub fn embedded() -> Result<Catalog, WarehouseError> {
        Catalog::new(
            super::embedded::VIEWS.iter().map(|(_, definition)| *definition),
            embedded_marts(),
        )
    }

    /// All tables, in catalogue order.
    pub fn tables(&self) -> &[Table] {
        &self.tables
    }

    /// All marts.
    pub fn marts(&self) -> &[Mart] {
        &self.marts
    }

    /// Positions of the tables that a resource type fills.
    pub fn of_type(&self, resource_type: &str) -> &[usize] {
        self.by_type.get(resource_type).map_or(&[], Vec::as_slice)
    }

    /// The table at a position that [`Catalog::of_type`] gave.
    pub fn table(&self, position: usize) -> &Table {
        &self.tables[position]
    }
}

/// The definitions embedded in this build, as JSON texts.
pub fn embedded_definitions() -> impl Iterator<Item = &'static str> {
    super::embedded::VIEWS.iter().map(|(_, definition)| *definition)
}

/// The marts embedded in this build.
pub fn embedded_marts() -> impl Iterator<Item = Mart> {
    super::embedded::MARTS
        .iter()
        .map(|(name, sql)| Mart { name: (*name).to_owned(), sql: (*sql).to_owned() })
}
