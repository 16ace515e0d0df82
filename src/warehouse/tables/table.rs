//! A view as a table: names, keys and the SQL, which is made once.

use crate::{
    reference::ServerBases,
    view::{Column, ColumnKind, CompileError, View},
    warehouse::{error::WarehouseError, file::schema},
};
use rusqlite::Connection;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{LazyLock, Mutex, PoisonError},
};

/// The version of the rows. Raise it if the same definition gives other rows than before: every table is then
/// rebuilt.
const ROW_FORMAT: u8 = 5;

/// SQLite's bound (SQLITE_MAX_COLUMN); the bundled SQLite has the default.
const MOST_COLUMNS: usize = 2000;

/// The prefix of a table's name while the table is being rebuilt.
const BUILDING: &str = "building__";

/// One normalised table.
#[derive(Debug)]
pub struct Table {
    /// The compiled definition.
    pub view: View,
    /// Whether the definition comes with this build, as opposed to a user's own.
    pub is_shipped: bool,
    /// A hash of the definition and of the table made from it. If it changes, the rows change.
    pub(crate) definition_hash: Vec<u8>,
    pub(crate) insert: String,
    pub(crate) delete: String,
    key: usize,
}

impl Table {
    /// Makes a table from a ViewDefinition.
    ///
    /// # Errors
    /// The definition does not compile, has no name or no column with the path `getResourceKey()`, or
    /// takes a name that the warehouse uses itself.
    pub fn new(definition: &str) -> Result<Table, WarehouseError> {
        Table::of(View::from_json(definition), definition)
    }

    fn of(view: Result<View, CompileError>, definition: &str) -> Result<Table, WarehouseError> {
        let view = view.map_err(|error| WarehouseError::Table {
            view: error.view.to_string(),
            reason: error.to_string(),
        })?;
        let refuse = |reason: &str| {
            Err(WarehouseError::Table { view: view.name.clone(), reason: reason.to_owned() })
        };
        if view.name.is_empty() {
            return refuse("it has no name");
        }
        if is_of_sqlite(&view.name) {
            return refuse("its name is taken by a table of SQLite's own");
        }
        if schema::is_control_name(&view.name)
            || schema::is_temporary_name(&view.name)
            || has_prefix(&view.name, "sqlite_")
            || has_prefix(&view.name, BUILDING)
        {
            return refuse("its name is taken by a table of payersync itself");
        }
        let Some(key) = view.columns.iter().position(|column| column.is_resource_key) else {
            return refuse("it has no column with the path getResourceKey()");
        };
        if view.columns.len() + 2 > MOST_COLUMNS {
            return refuse(
                "it has more than 1,998 columns, the most that SQLite takes beside the two of payersync",
            );
        }
        let mut names = HashSet::new();
        for column in &view.columns {
            let name = column.name.to_ascii_lowercase();
            if ["connection_id", "row_no"].contains(&name.as_str()) {
                return refuse("connection_id and row_no are added by payersync");
            }
            if !names.insert(name) {
                return refuse("two of its columns differ only in upper and lower case");
            }
        }
        let hash = Sha256::new()
            .chain_update([ROW_FORMAT])
            .chain_update(create_sql(&view, key, &view.name))
            .chain_update(definition);
        Ok(Table {
            insert: insert_sql(&view, &view.name),
            delete: delete_sql(&view, key, &view.name),
            definition_hash: hash.finalize().to_vec(),
            view,
            is_shipped: false,
            key,
        })
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.view.name
    }

    /// The column with the resource's id.
    pub(crate) fn key_column(&self) -> &str {
        let key = self.view.columns.iter().find(|column| column.is_resource_key);
        key.map_or("", |column| &column.name)
    }

    /// The name of the table while it is being rebuilt.
    pub(super) fn building_name(&self) -> String {
        format!("{BUILDING}{}", self.name())
    }

    /// `CREATE TABLE`, under this name.
    pub(crate) fn create(&self, name: &str) -> String {
        create_sql(&self.view, self.key, name)
    }

    /// The `INSERT` statement for the table while it is being rebuilt.
    pub(super) fn insert_while_building(&self) -> String {
        insert_sql(&self.view, &self.building_name())
    }
}

fn has_prefix(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// `CREATE TABLE` with row ids: DuckDB needs them if a query names no column, such as `count(*)`.
fn create_sql(view: &View, key: usize, name: &str) -> String {
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
fn insert_sql(view: &View, name: &str) -> String {
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

fn delete_sql(view: &View, key: usize, name: &str) -> String {
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

/// Whether SQLite has a built-in table of this name, such as `json_each`; SQLite itself is asked.
///
/// A table of the same name would replace it in every query, our own included.
fn is_of_sqlite(name: &str) -> bool {
    static EMPTY: LazyLock<Option<Mutex<Connection>>> =
        LazyLock::new(|| Connection::open_in_memory().ok().map(Mutex::new));
    let Some(empty) = &*EMPTY else { return false };
    let empty = empty.lock().unwrap_or_else(PoisonError::into_inner);
    match empty.prepare(&format!("SELECT 1 FROM {}", quote(name))) {
        Ok(_) => true,
        Err(error) => !error.to_string().starts_with("no such table"),
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

/// Every normalised table, by position and by the resource type that fills it.
#[derive(Debug, Default)]
pub struct Catalog {
    tables: Vec<Table>,
    by_type: BTreeMap<String, Vec<usize>>,
    marts: Vec<Mart>,
    bases: BTreeMap<String, ServerBases>,
}

/// A table or view over the normalised tables that answers an analyst's question.
#[derive(Debug, Clone)]
pub struct Mart {
    /// Its name.
    pub name: String,
    /// Its comment, then a `CREATE VIEW`, or a `CREATE TABLE` and the statements that fill it.
    pub sql: String,
}

impl Catalog {
    /// Compiles definitions and adds the marts.
    ///
    /// # Errors
    /// The same errors as [`Table::new`]; also if two tables have the same name.
    pub fn new<'a>(
        definitions: impl IntoIterator<Item = &'a str>,
        marts: impl IntoIterator<Item = Mart>,
    ) -> Result<Catalog, WarehouseError> {
        let mut catalog = Catalog { marts: marts.into_iter().collect(), ..Catalog::default() };
        for definition in definitions {
            catalog.add(definition)?;
        }
        Ok(catalog)
    }

    /// Adds a table.
    ///
    /// # Errors
    /// The same errors as [`Catalog::new`].
    pub fn add(&mut self, definition: &str) -> Result<(), WarehouseError> {
        self.take(Table::new(definition)?)
    }

    fn take(&mut self, table: Table) -> Result<(), WarehouseError> {
        if self.has(table.name()) {
            return Err(WarehouseError::Table {
                view: table.name().to_owned(),
                reason: "another table or mart has this name".to_owned(),
            });
        }
        self.by_type.entry(table.view.resource.clone()).or_default().push(self.tables.len());
        self.tables.push(table);
        Ok(())
    }

    /// Notes the FHIR bases of a plan's server, by which references are resolved.
    pub fn know_bases(&mut self, plan: &str, bases: &ServerBases) {
        self.bases.insert(plan.to_owned(), bases.clone());
    }

    /// The bases of a plan's server, if the configuration has the plan.
    pub(crate) fn bases(&self, plan: &str) -> Option<String> {
        self.bases.get(plan).map(ServerBases::to_text)
    }

    /// Whether a table or mart has this name, whatever its case.
    pub fn has(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table.name().eq_ignore_ascii_case(name))
            || self.marts.iter().any(|mart| mart.name.eq_ignore_ascii_case(name))
    }

    /// The tables and marts that come with this build; each view is compiled when it is first used.
    ///
    /// # Errors
    /// A released build never fails here: a test compiles all definitions.
    pub fn embedded() -> Result<Catalog, WarehouseError> {
        let mut catalog = Catalog::new([], embedded_marts())?;
        for definition in embedded_definitions() {
            let table = Table::of(View::outline(definition), definition)?;
            catalog.take(Table { is_shipped: true, ..table })?;
        }
        Ok(catalog)
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
    crate::warehouse::embedded::VIEWS.iter().map(|(_, definition)| *definition)
}

/// The marts embedded in this build; the views of the Tuva input layer begin with `tuva_`.
pub fn embedded_marts() -> impl Iterator<Item = Mart> {
    let marts = crate::warehouse::embedded::MARTS
        .iter()
        .map(|(name, sql)| Mart { name: (*name).to_owned(), sql: (*sql).to_owned() });
    let tuva = crate::warehouse::embedded::TUVA
        .iter()
        .map(|(table, sql)| Mart { name: format!("tuva_{table}"), sql: (*sql).to_owned() });
    marts.chain(tuva)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_definition_compiles_to_the_columns_of_its_outline() {
        for definition in embedded_definitions() {
            let outline = View::outline(definition).unwrap();
            let compiled = View::from_json(definition).unwrap();
            assert_eq!(compiled.columns, outline.columns, "{}", compiled.name);
            assert_eq!(compiled.resource, outline.resource, "{}", compiled.name);
            assert_eq!(compiled.description, outline.description, "{}", compiled.name);
        }
    }

    #[test]
    fn the_statements_of_a_table_are_these() {
        let column = |name: &str, path: &str, kind: &str| {
            format!(r#"{{"name": "{name}", "path": "{path}"{kind}}}"#)
        };
        let columns = [
            column("id", "getResourceKey()", r#", "type": "string""#),
            column("born", "birthDate", ""),
            column("count", "multipleBirth.ofType(integer)", r#", "type": "integer""#),
        ];
        let definition = format!(
            r#"{{"resource": "Patient", "name": "somebody", "select": [{{"column": [{}]}}]}}"#,
            columns.join(", ")
        );
        let table = Table::new(&definition).unwrap();
        assert_eq!(
            table.create("a\"b"),
            "CREATE TABLE \"a\"\"b\" (\n  connection_id INTEGER NOT NULL,\n  \"id\" TEXT NOT NULL,\n  \
             row_no INTEGER NOT NULL,\n  \"born\",\n  \"count\" INTEGER,\n  \
             PRIMARY KEY (connection_id, \"id\", row_no)\n)"
        );
        assert_eq!(
            table.insert,
            "INSERT INTO \"somebody\" (connection_id, row_no, \"id\", \"born\", \"count\") \
             VALUES (?1, ?2, ?3, ?4, ?5)"
        );
        assert_eq!(
            table.delete,
            "DELETE FROM \"somebody\" WHERE connection_id = ?1 AND \"id\" = ?2"
        );
    }
}
