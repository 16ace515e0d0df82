//! A view as a table: its name, its columns and its statements, which are made once.

pub(crate) use super::table_sql::quote;
use super::{
    table_sql::{BUILDING, create_sql, delete_sql, insert_sql},
    taken::hindrance,
};
use crate::{
    reference::ServerBases,
    view::{CompileError, View},
    warehouse::{
        embedded::{self, Definition},
        error::WarehouseError,
    },
};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, sync::OnceLock};

/// The version of the tables. Raise it if the same definition gives another table or other rows than before:
/// every table is then rebuilt.
const ROW_FORMAT: u8 = 6;

/// One normalised table.
///
/// Of a table that comes with this build, name, type and hash are known. Its definition is read when it is
/// first needed: to read hundreds of them would take longer than everything else in a small command.
#[derive(Debug)]
pub struct Table {
    name: String,
    resource: String,
    /// Whether the definition comes with this build, as opposed to a user's own.
    pub is_shipped: bool,
    /// A hash of the definition and of the table made from it. If it changes, the rows change.
    pub(crate) definition_hash: Vec<u8>,
    /// The definition of a shipped table.
    definition: &'static str,
    made: OnceLock<Made>,
}

/// What is made of a definition.
#[derive(Debug)]
struct Made {
    view: View,
    insert: String,
    delete: String,
    /// The position of the column with the resource's id.
    key: usize,
}

impl Table {
    /// Makes a table from a ViewDefinition.
    ///
    /// # Errors
    /// The definition does not compile, has no name or no column with the path `getResourceKey()`, or
    /// takes a name that the warehouse uses itself.
    pub fn new(definition: &str) -> Result<Table, WarehouseError> {
        let view = View::from_json(definition).map_err(|error| not_compiled(&error))?;
        if let Some(reason) = hindrance(&view) {
            return Err(refused(&view, reason));
        }
        let made = Made::of(view)?;
        let hash = Sha256::new()
            .chain_update([ROW_FORMAT])
            .chain_update(create_sql(&made.view, made.key, &made.view.name))
            .chain_update(definition);
        Ok(Table {
            name: made.view.name.clone(),
            resource: made.view.resource.clone(),
            is_shipped: false,
            definition_hash: hash.finalize().to_vec(),
            definition: "",
            made: OnceLock::from(made),
        })
    }

    /// A table that comes with this build; a test makes each of them.
    fn shipped(of: &Definition) -> Table {
        Table {
            name: of.name.to_owned(),
            resource: of.resource.to_owned(),
            is_shipped: true,
            definition_hash: [&[ROW_FORMAT], &of.hash.to_be_bytes()[..]].concat(),
            definition: of.text,
            made: OnceLock::new(),
        }
    }

    fn made(&self) -> &Made {
        self.made.get_or_init(|| {
            let view = View::outline(self.definition).map_err(|error| not_compiled(&error));
            view.and_then(Made::of).expect("a test makes every table of this build")
        })
    }

    /// The table's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type of the resources that fill it.
    pub fn resource(&self) -> &str {
        &self.resource
    }

    /// The view that gives its rows; its expressions are compiled when it first runs.
    pub fn view(&self) -> &View {
        &self.made().view
    }

    /// `INSERT`: the connection and the row number, then the view's columns.
    pub(crate) fn insert(&self) -> &str {
        &self.made().insert
    }

    /// `DELETE` of the rows of one resource, by connection and id.
    pub(crate) fn delete(&self) -> &str {
        &self.made().delete
    }

    /// The column with the resource's id.
    pub(crate) fn key_column(&self) -> &str {
        &self.view().columns[self.made().key].name
    }

    /// The name of the table while it is being rebuilt.
    pub(super) fn building_name(&self) -> String {
        format!("{BUILDING}{}", self.name())
    }

    /// `CREATE TABLE`, under this name.
    pub(crate) fn create(&self, name: &str) -> String {
        create_sql(self.view(), self.made().key, name)
    }

    /// The `INSERT` statement for the table while it is being rebuilt.
    pub(super) fn insert_while_building(&self) -> String {
        insert_sql(self.view(), &self.building_name())
    }
}

impl Made {
    fn of(view: View) -> Result<Made, WarehouseError> {
        let Some(key) = view.columns.iter().position(|column| column.is_resource_key) else {
            return Err(refused(&view, "it has no column with the path getResourceKey()"));
        };
        Ok(Made {
            insert: insert_sql(&view, &view.name),
            delete: delete_sql(&view, key, &view.name),
            view,
            key,
        })
    }
}

fn refused(view: &View, reason: &str) -> WarehouseError {
    WarehouseError::Table { view: view.name.clone(), reason: reason.to_owned() }
}

fn not_compiled(error: &CompileError) -> WarehouseError {
    WarehouseError::Table { view: error.view.to_string(), reason: error.to_string() }
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
    /// The mart's name.
    pub name: String,
    /// The mart's comment, then a `CREATE VIEW`, or a `CREATE TABLE` and the statements that fill it.
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
        self.push(table);
        Ok(())
    }

    fn push(&mut self, table: Table) {
        self.by_type.entry(table.resource.clone()).or_default().push(self.tables.len());
        self.tables.push(table);
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

    /// The tables and marts that come with this build; each definition is read when it is first used.
    pub fn embedded() -> Catalog {
        let mut catalog = Catalog { marts: embedded_marts().collect(), ..Catalog::default() };
        embedded::VIEWS.iter().for_each(|definition| catalog.push(Table::shipped(definition)));
        catalog
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
    embedded::VIEWS.iter().map(|definition| definition.text)
}

/// The marts embedded in this build; the views of the Tuva input layer begin with `tuva_`.
pub fn embedded_marts() -> impl Iterator<Item = Mart> {
    let marts = embedded::MARTS
        .iter()
        .map(|(name, sql)| Mart { name: (*name).to_owned(), sql: (*sql).to_owned() });
    let tuva = embedded::TUVA
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

    /// The hash of a shipped table covers its definition and not what is made of it. Whoever changes what is
    /// made raises ROW_FORMAT, and then this.
    #[test]
    fn of_one_definition_the_same_table_is_made_until_the_format_changes() {
        let kinds = [
            "boolean",
            "integer",
            "integer64",
            "positiveInt",
            "unsignedInt",
            "decimal",
            "date",
            "dateTime",
            "instant",
            "time",
            "string",
            "code",
            "id",
            "uri",
            "base64Binary",
            "Period",
        ];
        let columns: Vec<String> = kinds
            .iter()
            .flat_map(|kind| [(kind, false), (kind, true)])
            .map(|(kind, many)| {
                format!(
                    r#"{{"name":"{kind}_{many}","path":"x","type":"{kind}","collection":{many}}}"#
                )
            })
            .collect();
        let definition = format!(
            r#"{{"resource":"Patient","name":"t","select":[{{"column":[
               {{"name":"id","path":"getResourceKey()","type":"string"}},{}]}}]}}"#,
            columns.join(",")
        );
        let made = Made::of(View::outline(definition.leak()).unwrap()).unwrap();
        let created = create_sql(&made.view, made.key, "t");
        let affinity = |name: &str| {
            let line = created.lines().find(|line| line.contains(&format!("\"{name}\""))).unwrap();
            line.trim().trim_end_matches(',').rsplit(' ').next().unwrap().to_owned()
        };
        assert_eq!(ROW_FORMAT, 6);
        for kind in kinds {
            let expected = match kind {
                "boolean" | "integer" | "integer64" | "positiveInt" | "unsignedInt" => "INTEGER",
                "decimal" => "REAL",
                _ => "TEXT",
            };
            assert_eq!(affinity(&format!("{kind}_false")), expected, "{kind}");
            assert_eq!(affinity(&format!("{kind}_true")), "TEXT", "{kind}");
        }
    }

    #[test]
    fn each_shipped_table_is_made_as_its_definition_says() {
        let catalog = Catalog::embedded();
        for (table, definition) in catalog.tables().iter().zip(embedded_definitions()) {
            let made = Table::new(definition).unwrap();
            assert_eq!((table.name(), table.resource()), (made.name(), made.resource()));
            assert_eq!((table.insert(), table.delete()), (made.insert(), made.delete()));
            assert_eq!(table.create("t"), made.create("t"));
            let named = catalog.tables().iter().filter(|other| other.name() == table.name());
            assert_eq!(named.count(), 1, "{}", table.name());
            assert!(!catalog.marts().iter().any(|mart| mart.name == table.name()));
            let alike = |other: &&Table| other.definition_hash == table.definition_hash;
            assert_eq!(catalog.tables().iter().filter(alike).count(), 1, "{}", table.name());
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
            table.insert(),
            "INSERT INTO \"somebody\" (connection_id, row_no, \"id\", \"born\", \"count\") \
             VALUES (?1, ?2, ?3, ?4, ?5)"
        );
        assert_eq!(
            table.delete(),
            "DELETE FROM \"somebody\" WHERE connection_id = ?1 AND \"id\" = ?2"
        );
    }
}
