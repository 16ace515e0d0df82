//! The end of a rebuild: the new tables replace the old ones, in one transaction.
//!
//! The same transaction changes the type's other tables: a resource that a new definition rejects is
//! removed from all of them, and a resource that is no longer rejected is added to all of them.

use super::{
    mistyped,
    projection::project,
    rebuild_job::Job,
    row_batch::RowBatch,
    rows::{delete_rows, insert_rows},
    table::{Table, quote},
    unmapped_table,
};
use crate::{
    clock,
    warehouse::{
        error::{Doing, WarehouseError},
        walks::{connections, quarantine},
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Transaction, params};

/// A table with fewer rows than this is copied, not renamed.
const FEW_ROWS: u64 = 2_000;

/// Swaps the tables; returns how many resources of the type are in no table because a view rejects them.
pub(crate) fn swap(connection: &mut Connection, job: &Job<'_>) -> Result<u64, WarehouseError> {
    let doing = "cannot swap rebuilt tables";
    // Without this pragma, SQLite would look through every mart for the name, and fail if a mart names a
    // table that does not exist yet.
    connection.execute_batch("PRAGMA legacy_alter_table = ON;").doing(doing)?;
    let transaction = connection.transaction().doing(doing)?;
    for position in &job.stale {
        let table = job.catalog.table(*position);
        put_in_place(&transaction, table)?;
        enter(&transaction, table, job.now)?;
    }
    retry_rejected(&transaction, job)?;
    take_out_rejected(&transaction, job)?;
    for control in ["rebuild_reject", "table_rebuild"] {
        transaction
            .execute(
                &format!("DELETE FROM {control} WHERE resource_type = ?1"),
                [job.resource_type],
            )
            .doing(doing)?;
    }
    unmapped_table::note_type(&transaction, job.resource_type)?;
    let rejected = quarantine::open_view_errors(&transaction, job.resource_type)?;
    transaction.commit().doing(doing)?;
    Ok(rejected)
}

/// Replaces an old table by the newly built one.
///
/// For a rename, SQLite reads the definition of every table and mart anew, which takes as long as copying
/// thousands of rows. Most tables have few rows or none, and are copied.
fn put_in_place(transaction: &Transaction<'_>, table: &Table) -> Result<(), WarehouseError> {
    let doing = "cannot swap rebuilt tables";
    let (name, building) = (quote(table.name()), quote(&table.building_name()));
    let rows: u64 = transaction
        .query_row(
            &format!("SELECT count(*) FROM (SELECT 1 FROM {building} LIMIT {FEW_ROWS})"),
            [],
            |row| row.get(0),
        )
        .doing(doing)?;
    let swap = match rows < FEW_ROWS {
        true => format!(
            "{};\nINSERT INTO {name} SELECT * FROM {building};\nDROP TABLE {building};",
            table.create(table.name())
        ),
        false => format!("ALTER TABLE {building} RENAME TO {name};"),
    };
    transaction.execute_batch(&format!("DROP TABLE IF EXISTS {name};\n{swap}")).doing(doing)
}

/// Notes the definition that a table was filled with.
pub(crate) fn enter(
    transaction: &Transaction<'_>,
    table: &Table,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    transaction
        .prepare_cached(
            "INSERT INTO view_table (name, resource_type, definition_hash, built_at)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET resource_type = excluded.resource_type,
               definition_hash = excluded.definition_hash, built_at = excluded.built_at",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                table.name(),
                table.resource(),
                table.definition_hash,
                clock::text(now)
            ])
        })
        .doing("cannot note which tables there are")
        .map(drop)
}

/// Adds each resource that was rejected so far to every table of the type, if all these tables accept it.
fn retry_rejected(transaction: &Transaction<'_>, job: &Job<'_>) -> Result<(), WarehouseError> {
    let tables = job.catalog.of_type(job.resource_type);
    for reject_id in quarantine::to_retry(transaction, job.resource_type)? {
        let retry = quarantine::retry(transaction, reject_id)?;
        let mut batch = RowBatch::default();
        let bases = connections::bases(transaction, retry.connection_id)?;
        let within = connections::within(&bases, retry.bundle_references.as_deref());
        let bases = within.as_ref().unwrap_or(&bases);
        match project(&retry.json, bases, tables, job.catalog, &mut batch) {
            Ok(all) => {
                take_out(transaction, job, retry.connection_id, &retry.resource_id)?;
                for rows in all {
                    let table = job.catalog.table(rows.table);
                    let insert = table.insert();
                    let connection_id = retry.connection_id;
                    mistyped::note(transaction, connection_id, &retry.resource_id, table, &rows)?;
                    insert_rows(transaction, insert, connection_id, &batch, rows.cells)?;
                }
                quarantine::settle(transaction, retry.reject_id, None, job.now)?;
            }
            Err(why) => quarantine::settle(transaction, retry.reject_id, Some(&why), job.now)?,
        }
    }
    Ok(())
}

/// Removes from every table of the type the resources that a new definition rejects.
fn take_out_rejected(transaction: &Transaction<'_>, job: &Job<'_>) -> Result<(), WarehouseError> {
    let doing = "cannot read which resources a definition rejects";
    let mut statement = transaction
        .prepare(
            "SELECT connection_id, resource_id, detail FROM rebuild_reject WHERE resource_type = ?1",
        )
        .doing(doing)?;
    let mut rows = statement.query([job.resource_type]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let connection_id: i64 = row.get(0).doing(doing)?;
        let resource_id: String = row.get(1).doing(doing)?;
        let detail: String = row.get(2).doing(doing)?;
        take_out(transaction, job, connection_id, &resource_id)?;
        let resource_type = job.resource_type;
        quarantine::enter_stored(
            transaction,
            connection_id,
            resource_type,
            &resource_id,
            &detail,
            job.now,
        )?;
    }
    Ok(())
}

fn take_out(
    transaction: &Transaction<'_>,
    job: &Job<'_>,
    connection_id: i64,
    resource_id: &str,
) -> Result<(), WarehouseError> {
    delete_rows(transaction, job.catalog, connection_id, job.resource_type, resource_id)
}
