//! Keeps the normalised tables and the marts in agreement with their definitions.
//!
//! This runs first when the warehouse is opened for writing. It creates missing tables, rebuilds those whose
//! definition changed, drops those without a definition, and finishes a rebuild in which an earlier process
//! was killed. If nothing is to be done, it reads three small tables and writes nothing.

use super::{
    marts,
    rebuild_job::Job,
    rebuild_swap,
    table::{Catalog, Table, quote},
};
use crate::{
    clock,
    monitor::Monitor,
    warehouse::{
        error::{Doing, WarehouseError},
        walks::connections,
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::{BTreeMap, HashMap, HashSet};

/// What opening did to the tables.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    /// Tables created or filled again.
    pub(crate) rebuilt: Vec<String>,
    /// The number of resources of the rebuilt types that are in no table because a view rejects them.
    pub(crate) rejected: u64,
}

/// The tables and definitions in the file.
struct Standing {
    /// Resource type and definition hash of every table that a definition made.
    tables: HashMap<String, (String, Vec<u8>)>,
    /// Names of all tables, in lower case.
    existing: HashSet<String>,
    /// Types with a rebuild under way, or rejects to try again.
    pending: Vec<String>,
}

/// Brings the tables up to date with their definitions.
///
/// `force` names tables that are rebuilt even if their definition is unchanged.
pub(crate) fn prepare(
    connection: &mut Connection,
    catalog: &Catalog,
    force: &[String],
    now: DateTime<Utc>,
    monitor: &dyn Monitor,
) -> Result<Upkeep, WarehouseError> {
    connections::update_bases(connection, catalog)?;
    let (marts_forced, force): (Vec<String>, Vec<String>) = force
        .iter()
        .cloned()
        .partition(|name| catalog.marts().iter().any(|mart| mart.name == *name));
    if !force.is_empty() {
        request(connection, &force, now)?;
    }
    marts::request(connection, &marts_forced)?;
    let mut standing = Standing::read(connection)?;
    if drop_orphans(connection, catalog, &standing, now)? {
        standing = Standing::read(connection)?;
    }
    let mut work: BTreeMap<&str, Vec<usize>> =
        standing.pending.iter().map(|pending| (pending.as_str(), Vec::new())).collect();
    for (position, table) in catalog.tables().iter().enumerate() {
        if !standing.has(table) {
            work.entry(table.resource()).or_default().push(position);
        }
    }
    let mut done = Upkeep { rebuilt: marts_forced, ..Upkeep::default() };
    let mut empty = Vec::new();
    for (resource_type, stale) in work {
        done.rebuilt.extend(stale.iter().map(|at| catalog.table(*at).name().to_owned()));
        let is_pending = standing.pending.iter().any(|pending| pending == resource_type);
        if !is_pending && !has_resources(connection, resource_type)? {
            empty.extend(stale);
            continue;
        }
        let job = Job { catalog, resource_type, stale, now };
        done.rejected += job.run(connection, monitor)?;
    }
    create_empty(connection, catalog, &empty, now)?;
    marts::prepare(connection, catalog.marts(), now)?;
    if !done.rebuilt.is_empty() {
        connection.execute("DELETE FROM rebuild_request", []).doing("cannot end a rebuild")?;
    }
    Ok(done)
}

/// Creates missing tables in a warehouse that has no resource yet; leaves any other warehouse alone.
///
/// No lock of the home is needed: a table that another process creates meanwhile is simply found.
pub(crate) fn prepare_empty(
    connection: &mut Connection,
    catalog: &Catalog,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let is_empty = |connection: &Connection| {
        connection
            .query_row("SELECT NOT EXISTS (SELECT 1 FROM resource)", [], |row| row.get(0))
            .doing("cannot look for stored resources")
    };
    let missing = |standing: &Standing| -> Vec<usize> {
        let tables = catalog.tables().iter().enumerate();
        tables.filter(|(_, table)| !standing.has(table)).map(|(position, _)| position).collect()
    };
    if !is_empty(connection)? {
        return Ok(());
    }
    if !missing(&Standing::read(connection)?).is_empty() {
        let doing = "cannot create tables";
        let transaction = connection.transaction().doing(doing)?;
        if is_empty(&transaction)? {
            let missing = missing(&Standing::read(&transaction)?);
            create_tables(&transaction, catalog, &missing, now)?;
        }
        transaction.commit().doing(doing)?;
    }
    marts::prepare(connection, catalog.marts(), now)
}

/// Whether a table is missing, out of date, without a definition, or only partly rebuilt.
pub(crate) fn is_due(connection: &Connection, catalog: &Catalog) -> Result<bool, WarehouseError> {
    let standing = Standing::read(connection)?;
    Ok(!standing.pending.is_empty()
        || catalog.tables().iter().any(|table| !standing.has(table))
        || standing.tables.len() != catalog.tables().len())
}

impl Standing {
    fn read(connection: &Connection) -> Result<Standing, WarehouseError> {
        let doing = "cannot read which tables there are";
        let tables = connection
            .prepare("SELECT name, resource_type, definition_hash FROM view_table")
            .and_then(|mut statement| {
                statement
                    .query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?))))?
                    .collect()
            })
            .doing(doing)?;
        let mut standing = Standing { tables, existing: HashSet::new(), pending: Vec::new() };
        let mut statement = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")
            .doing(doing)?;
        let mut rows = statement.query([]).doing(doing)?;
        while let Some(row) = rows.next().doing(doing)? {
            let name: String = row.get(0).doing(doing)?;
            standing.existing.insert(name.to_ascii_lowercase());
        }
        standing.pending = connection
            .prepare("SELECT resource_type FROM table_rebuild")
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .doing(doing)?;
        Ok(standing)
    }

    /// Whether a table in the file has the present definition.
    fn has(&self, table: &Table) -> bool {
        self.existing.contains(&table.name().to_ascii_lowercase())
            && self
                .tables
                .get(table.name())
                .is_some_and(|(_, definition_hash)| *definition_hash == table.definition_hash)
    }
}

/// Marks tables as out of date. If the same request comes again, an unfinished rebuild goes on.
fn request(
    connection: &mut Connection,
    tables: &[String],
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let doing = "cannot ask for a rebuild";
    let mut tables = tables.to_vec();
    tables.sort();
    tables.dedup();
    let text = serde_json::Value::from(tables.clone()).to_string();
    let transaction = connection.transaction().doing(doing)?;
    let unfinished: Option<String> = transaction
        .query_row(
            "SELECT tables FROM rebuild_request
             WHERE EXISTS (SELECT 1 FROM view_table WHERE definition_hash = X'')",
            [],
            |row| row.get(0),
        )
        .optional()
        .doing(doing)?;
    if unfinished.as_ref() == Some(&text) {
        return Ok(());
    }
    for table in &tables {
        transaction
            .execute("UPDATE view_table SET definition_hash = X'' WHERE name = ?1", [table])
            .doing(doing)?;
    }
    transaction
        .execute(
            "INSERT INTO rebuild_request (id, tables, requested_at) VALUES (1, ?1, ?2)
             ON CONFLICT (id) DO UPDATE SET tables = excluded.tables,
               requested_at = excluded.requested_at",
            params![text, clock::text(now)],
        )
        .doing(doing)?;
    transaction.commit().doing(doing)
}

/// Drops tables that no definition names; returns whether there were any.
///
/// Resources that only a dropped table rejected are tried again.
fn drop_orphans(
    connection: &mut Connection,
    catalog: &Catalog,
    standing: &Standing,
    now: DateTime<Utc>,
) -> Result<bool, WarehouseError> {
    let doing = "cannot drop a table that no definition names";
    let of_name: HashMap<&str, &Table> =
        catalog.tables().iter().map(|table| (table.name(), table)).collect();
    let left: Vec<_> = standing
        .tables
        .iter()
        .filter(|(name, (resource_type, _))| {
            of_name.get(name.as_str()).is_none_or(|table| table.resource() != *resource_type)
        })
        .collect();
    if left.is_empty() {
        return Ok(false);
    }
    let transaction = connection.transaction().doing(doing)?;
    for (name, (resource_type, _)) in left {
        transaction
            .execute_batch(&format!("DROP TABLE IF EXISTS {};", quote(name)))
            .doing(doing)?;
        transaction.execute("DELETE FROM view_table WHERE name = ?1", [name]).doing(doing)?;
        transaction
            .execute(
                "INSERT OR IGNORE INTO table_rebuild (resource_type, goal, tables,
                   last_connection_id, last_resource_id, resources_done, started_at)
                 VALUES (?1, X'', '[]', 0, '', 0, ?2)",
                params![resource_type, clock::text(now)],
            )
            .doing(doing)?;
    }
    transaction.commit().doing(doing)?;
    Ok(true)
}

fn has_resources(connection: &Connection, resource_type: &str) -> Result<bool, WarehouseError> {
    connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM connection c WHERE EXISTS (SELECT 1 FROM resource r
               WHERE r.connection_id = c.id AND r.resource_type = ?1))",
            [resource_type],
            |row| row.get(0),
        )
        .doing("cannot look for stored resources")
}

/// Creates the tables of types of which no resource is stored.
fn create_empty(
    connection: &mut Connection,
    catalog: &Catalog,
    tables: &[usize],
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    if tables.is_empty() {
        return Ok(());
    }
    let doing = "cannot create tables";
    let transaction = connection.transaction().doing(doing)?;
    create_tables(&transaction, catalog, tables, now)?;
    transaction.commit().doing(doing)
}

fn create_tables(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    tables: &[usize],
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    for position in tables {
        let table = catalog.table(*position);
        let (name, create) = (quote(table.name()), table.create(table.name()));
        transaction
            .execute_batch(&format!("DROP TABLE IF EXISTS {name};\n{create};"))
            .doing("cannot create tables")?;
        rebuild_swap::enter(transaction, table, now)?;
    }
    Ok(())
}
