//! Keeps the normalised tables what their definitions say.
//!
//! A definition that is new or changed is noticed by its hash and its table filled again from the
//! stored resources, without the network, in one transaction: readers see the old table whole
//! until the new one is whole.

use super::{
    error::{Doing, WarehouseError},
    page_writer::insert_rows,
    row_batch::RowBatch,
    table::{Catalog, Mart, Table, quote},
};
use crate::{
    clock,
    monitor::{Event, Monitor},
    view::json,
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// How often progress is told while a table is filled, in resources.
const TELL_EVERY: u64 = 500;

/// Creates what is missing, rebuilds what changed, drops what no definition names any more.
///
/// `force` rebuilds the tables of these names whatever their hash.
pub(super) fn prepare(
    connection: &mut Connection,
    catalog: &Catalog,
    force: &[String],
    now: DateTime<Utc>,
    monitor: &dyn Monitor,
) -> Result<Vec<String>, WarehouseError> {
    let mut rebuilt = Vec::new();
    drop_orphans(connection, catalog)?;
    for (position, table) in catalog.tables().iter().enumerate() {
        let forced = force.iter().any(|name| name == table.name());
        if !forced && is_current(connection, table)? {
            continue;
        }
        rebuild(connection, catalog, position, now, monitor)?;
        rebuilt.push(table.name().to_owned());
    }
    create_marts(connection, catalog.marts())?;
    Ok(rebuilt)
}

fn is_current(connection: &Connection, table: &Table) -> Result<bool, WarehouseError> {
    connection
        .query_row(
            "SELECT v.definition_hash = ?2 FROM view_table v
             JOIN sqlite_schema s ON s.name = v.name AND s.type = 'table' WHERE v.name = ?1",
            params![table.name(), table.definition_hash],
            |row| row.get(0),
        )
        .optional()
        .doing("cannot read which tables there are")
        .map(|found| found.unwrap_or(false))
}

fn rebuild(
    connection: &mut Connection,
    catalog: &Catalog,
    position: usize,
    now: DateTime<Utc>,
    monitor: &dyn Monitor,
) -> Result<(), WarehouseError> {
    let table = catalog.table(position);
    let doing = "cannot rebuild a table";
    let transaction = connection.transaction().doing(doing)?;
    // Dropping a table under a mart would leave the mart broken for SQLite's rename checks.
    drop_marts(&transaction, catalog.marts())?;
    transaction
        .execute_batch(&format!("DROP TABLE IF EXISTS {};\n{};", quote(table.name()), table.create))
        .doing(doing)?;
    fill(&transaction, catalog, position, now, monitor)?;
    transaction
        .execute(
            "INSERT INTO view_table (name, resource_type, definition_hash, built_at)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET resource_type = excluded.resource_type,
               definition_hash = excluded.definition_hash, built_at = excluded.built_at",
            params![table.name(), table.view.resource, table.definition_hash, clock::text(now)],
        )
        .doing(doing)?;
    transaction.commit().doing(doing)
}

fn fill(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    position: usize,
    now: DateTime<Utc>,
    monitor: &dyn Monitor,
) -> Result<(), WarehouseError> {
    let table = catalog.table(position);
    let doing = "cannot read the stored resources";
    let total: u64 = transaction
        .query_row(
            "SELECT count(*) FROM resource WHERE resource_type = ?1 AND deleted_at IS NULL",
            [&table.view.resource],
            |row| row.get(0),
        )
        .doing(doing)?;
    if total == 0 {
        return Ok(());
    }
    let mut statement = transaction
        .prepare(
            "SELECT connection_id, resource_id, json FROM resource
             WHERE resource_type = ?1 AND deleted_at IS NULL ORDER BY connection_id, resource_id",
        )
        .doing(doing)?;
    let mut rows = statement.query([&table.view.resource]).doing(doing)?;
    let mut done = 0;
    while let Some(row) = rows.next().doing(doing)? {
        let connection_id: i64 = row.get(0).doing(doing)?;
        let resource_id: String = row.get(1).doing(doing)?;
        let text = row.get_ref(2).and_then(|value| Ok(value.as_str()?)).doing(doing)?;
        match rows_of(table, text) {
            Ok(batch) => {
                insert_rows(transaction, table, connection_id, &batch, 0..batch.cell_count())?;
            }
            Err(reason) => {
                quarantine(transaction, table, connection_id, &resource_id, text, &reason, now)?;
            }
        }
        done += 1;
        if done % TELL_EVERY == 0 || done == total {
            monitor.event(Event::Rebuilding {
                table: table.name(),
                resources_done: done,
                resources_total: total,
            });
        }
    }
    Ok(())
}

/// The rows that one stored resource gives in one table; the reason when it gives an error.
pub(super) fn rows_of(table: &Table, text: &str) -> Result<RowBatch, String> {
    let node =
        json::parse(text.as_bytes(), json::Limits::default()).map_err(|error| error.to_string())?;
    let mut batch = RowBatch::default();
    table
        .view
        .run(&node, &mut |row| row.iter().for_each(|value| batch.push(value)))
        .map_err(|error| error.to_string())?;
    Ok(batch)
}

fn quarantine(
    transaction: &Transaction<'_>,
    table: &Table,
    connection_id: i64,
    resource_id: &str,
    text: &str,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    use sha2::{Digest, Sha256};
    transaction
        .execute(
            "INSERT INTO rejected_resource
               (connection_id, resource_type, resource_id, reason, detail, body, body_hash, page, received_at)
             VALUES (?1, ?2, ?3, 'view_error', ?4, ?5, ?6, 0, ?7)
             ON CONFLICT (connection_id, resource_type, body_hash, reason)
             DO UPDATE SET detail = excluded.detail, resolved_at = NULL",
            params![
                connection_id,
                table.view.resource,
                resource_id,
                format!("table {}: {reason}", table.name()),
                text,
                Sha256::digest(text.as_bytes()).to_vec(),
                clock::text(now)
            ],
        )
        .doing("cannot write to rejected_resource")
        .map(drop)
}

fn drop_orphans(connection: &Connection, catalog: &Catalog) -> Result<(), WarehouseError> {
    let doing = "cannot drop a table that no definition names";
    let mut statement = connection.prepare("SELECT name FROM view_table").doing(doing)?;
    let names: Vec<String> =
        statement.query_map([], |row| row.get(0)).and_then(Iterator::collect).doing(doing)?;
    for name in names {
        if !catalog.tables().iter().any(|table| table.name() == name) {
            connection
                .execute_batch(&format!("DROP TABLE IF EXISTS {};", quote(&name)))
                .doing(doing)?;
            connection.execute("DELETE FROM view_table WHERE name = ?1", [&name]).doing(doing)?;
        }
    }
    Ok(())
}

fn drop_marts(transaction: &Transaction<'_>, marts: &[Mart]) -> Result<(), WarehouseError> {
    for mart in marts {
        transaction
            .execute_batch(&format!("DROP VIEW IF EXISTS {};", quote(&mart.name)))
            .doing("cannot drop a mart")?;
    }
    Ok(())
}

/// Creates each mart whose text is not the one that stands in the schema.
fn create_marts(connection: &mut Connection, marts: &[Mart]) -> Result<(), WarehouseError> {
    let doing = "cannot create a mart";
    for mart in marts {
        let statement = mart.sql.trim().trim_end_matches(';');
        let start = statement.find("CREATE VIEW").unwrap_or(0);
        let stands: Option<String> = connection
            .query_row(
                "SELECT sql FROM sqlite_schema WHERE type = 'view' AND name = ?1",
                [&mart.name],
                |row| row.get(0),
            )
            .optional()
            .doing(doing)?;
        if stands.as_deref() == Some(&statement[start..]) {
            continue;
        }
        let transaction = connection.transaction().doing(doing)?;
        transaction
            .execute_batch(&format!("DROP VIEW IF EXISTS {};\n{statement};", quote(&mart.name)))
            .doing(doing)?;
        transaction.commit().doing(doing)?;
    }
    Ok(())
}
