//! What a warehouse holds: resources as received, and the tables made of them.

use std::collections::HashMap;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, types::Value};
use serde_json::Value as Json;

/// The warehouse's own columns of a table, beside those of the ViewDefinition.
const OWN_COLUMNS: [&str; 2] = ["connection_id", "row_no"];

pub struct Resource {
    pub connection: i64,
    pub id: String,
    pub json: Json,
    /// What the addresses in the Bundle that it came in stand for: `Type/id` by address.
    pub addresses: HashMap<String, String>,
    /// The FHIR bases of the server that it came from, without the scheme.
    pub bases: Vec<String>,
}

pub fn open(file: &Path) -> Connection {
    Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a warehouse")
}

/// The live resources by type.
pub fn resources(warehouse: &Connection) -> HashMap<String, Vec<Resource>> {
    let mut found: HashMap<String, Vec<Resource>> = HashMap::new();
    let mut statement = warehouse
        .prepare(
            "SELECT resource_type, connection_id, resource_id, json, bundle_references, fhir_bases
             FROM resource JOIN connection ON connection.id = connection_id
             WHERE deleted_at IS NULL",
        )
        .expect("the table resource");
    let mut rows = statement.query([]).expect("resources");
    while let Some(row) = rows.next().expect("a row") {
        let json: String = row.get(3).expect("text");
        let addresses: Option<String> = row.get(4).expect("text");
        let bases: Option<String> = row.get(5).expect("text");
        let resource = Resource {
            connection: row.get(1).expect("a connection"),
            id: row.get(2).expect("an id"),
            json: serde_json::from_str(&json).expect("JSON"),
            addresses: addresses
                .map(|it| serde_json::from_str(&it).expect("JSON"))
                .unwrap_or_default(),
            bases: bases.unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        };
        found.entry(row.get(0).expect("a type")).or_default().push(resource);
    }
    found
}

/// A table, to be compared resource by resource.
pub struct Table<'a> {
    warehouse: &'a Connection,
    sql: String,
    width: usize,
}

impl<'a> Table<'a> {
    /// The table of a view, whose columns must be those of the definition in its order.
    pub fn new(warehouse: &'a Connection, name: &str, key: &str, columns: &[String]) -> Self {
        let found: Vec<String> = warehouse
            .prepare("SELECT name FROM pragma_table_info(?1)")
            .and_then(|mut statement| {
                statement.query_map([name], |row| row.get(0)).and_then(Iterator::collect)
            })
            .expect("the columns of the table");
        let found: Vec<String> =
            found.into_iter().filter(|it| !OWN_COLUMNS.contains(&it.as_str())).collect();
        assert_eq!(found, columns, "{name}: the columns of the table and of its definition");
        let listed: Vec<String> = columns.iter().map(|it| format!("\"{it}\"")).collect();
        let sql = format!(
            "SELECT row_no, {} FROM \"{name}\" WHERE connection_id = ?1 AND \"{key}\" = ?2 ORDER BY row_no",
            listed.join(", ")
        );
        Self { warehouse, sql, width: columns.len() }
    }

    /// The rows of a resource in the order of their numbers, which must count from 0 without a gap.
    pub fn rows(&self, resource: &Resource) -> Result<Vec<Vec<Value>>, String> {
        let mut statement = self.warehouse.prepare_cached(&self.sql).expect("the table");
        let rows: Vec<(i64, Vec<Value>)> = statement
            .query_map((resource.connection, &resource.id), |row| {
                let cells = (1..=self.width).map(|at| row.get(at)).collect::<Result<_, _>>()?;
                Ok((row.get(0)?, cells))
            })
            .and_then(Iterator::collect)
            .expect("rows");
        if rows.iter().zip(0..).any(|((number, _), at)| *number != at) {
            let numbers: Vec<i64> = rows.iter().map(|(number, _)| *number).collect();
            return Err(format!("rows are numbered {numbers:?}"));
        }
        Ok(rows.into_iter().map(|(_, cells)| cells).collect())
    }

    /// How many rows the table has, of whatever resource.
    pub fn count(&self, name: &str) -> usize {
        let sql = format!("SELECT count(*) FROM \"{name}\"");
        let count: i64 = self.warehouse.query_row(&sql, [], |row| row.get(0)).expect("a count");
        usize::try_from(count).expect("a count")
    }
}
