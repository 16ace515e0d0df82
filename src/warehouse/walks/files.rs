//! What only files need: settles rejects that a file no longer has, and marks resources of a file as the
//! plan's, once the plan sends them.

use super::{page::PageWrite, unlisted};
use crate::{
    clock,
    warehouse::{
        error::{Doing, WarehouseError},
        tables::marts,
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// Notes that a plan has sent a resource that only a file had brought.
///
/// From now on a walk can find the resource absent, if a search over its own type brings it. Beside copies of
/// other connections it counts as the plan's, so the marts that read its type are out of date.
pub(super) fn hand_over(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    met: impl Iterator<Item = i64>,
) -> Result<(), WarehouseError> {
    let doing = "cannot note that a plan has sent a resource of a file";
    let id = page.walk.connection_id;
    let has_files = page.file.is_none()
        && transaction
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM sync_walk WHERE connection_id = ?1 AND mode = 'file')",
            )
            .and_then(|mut statement| statement.query_row([id], |row| row.get(0)))
            .doing(doing)?;
    if !has_files {
        return Ok(());
    }
    let mut statement = transaction
        .prepare_cached(
            "UPDATE resource SET walk_id = ?2 WHERE id = ?1 AND walk_id IN
               (SELECT id FROM sync_walk WHERE connection_id = ?3 AND mode = 'file')
             RETURNING resource_type",
        )
        .doing(doing)?;
    for rowid in met {
        let handed_over: Option<String> = statement
            .query_row([rowid, page.walk.walk_id, id], |row| row.get(0))
            .optional()
            .doing(doing)?;
        if let Some(resource_type) = handed_over {
            unlisted::note(transaction, page, &resource_type, rowid)?;
            marts::note_change(transaction, id, &resource_type)?;
        }
    }
    Ok(())
}

/// Whether a connection's latest walk over a type is one over files and is not complete.
pub(crate) fn is_walk_open(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
) -> Result<bool, WarehouseError> {
    connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM sync_walk WHERE mode = 'file' AND state <> 'complete'
               AND id = (SELECT max(id) FROM sync_walk WHERE connection_id = ?1 AND resource_type = ?2))",
            params![connection_id, resource_type],
            |row| row.get(0),
        )
        .doing("cannot read whether an import is complete")
}

/// Settles open rejects of a file that was read to its end.
///
/// These are rejects that the file no longer has, and those whose bytes have been taken in since. A name
/// alone does not make a file the mended one: every month's file may have the same name, and each pipe is
/// "standard input". If nothing came again of what the import with the reject had brought, this is another
/// file. Then only a reject whose resource was taken in is settled.
///
/// The notes of the import's walks must still be there.
pub(crate) fn settle(
    connection: &Connection,
    connection_id: i64,
    file: &str,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let others = walks_over_another_file(connection, connection_id, file)?;
    connection
        .execute(
            "UPDATE rejected_resource SET resolved_at = ?3
             WHERE connection_id = ?1 AND resolved_at IS NULL
               AND reason <> 'view_error'
               AND (file = ?2 AND id NOT IN (SELECT reject FROM temp.walk_rejected)
                   AND (walk_id IS NULL OR walk_id NOT IN (SELECT value FROM json_each(?4))
                     OR EXISTS (SELECT 1 FROM resource r WHERE r.connection_id = ?1
                       AND r.resource_type = rejected_resource.resource_type
                       AND r.resource_id = rejected_resource.resource_id
                       AND r.id IN (SELECT resource FROM temp.walk_seen)))
                 OR EXISTS (SELECT 1 FROM resource r WHERE r.connection_id = ?1
                   AND r.resource_type = rejected_resource.resource_type
                   AND r.resource_id = rejected_resource.resource_id
                   AND r.json = rejected_resource.body AND r.deleted_at IS NULL))",
            params![connection_id, file, clock::text(now), format!("{others:?}")],
        )
        .doing("cannot settle rejects")
        .map(drop)
}

/// The walks of earlier imports that met rejects in a file of this name, and whose other resources are not in
/// this import.
///
/// An entry without a type has no resources beside it in its walk: those of all types of its import count,
/// but for the Patient, whom all files of a member have.
fn walks_over_another_file(
    connection: &Connection,
    connection_id: i64,
    file: &str,
) -> Result<Vec<i64>, WarehouseError> {
    connection
        .prepare(
            "WITH met (walk, run, is_typed) AS MATERIALIZED (
               SELECT DISTINCT walk_id, run_id, resource_type <> 'Resource' FROM rejected_resource
               WHERE connection_id = ?1 AND resolved_at IS NULL AND reason <> 'view_error' AND file = ?2
                 AND walk_id IS NOT NULL AND id NOT IN (SELECT reject FROM temp.walk_rejected)),
             beside (walk, other) AS MATERIALIZED (
               SELECT walk, walk FROM met WHERE is_typed
               UNION ALL
               SELECT walk, w.id FROM met JOIN sync_walk w ON w.run_id = met.run
               WHERE NOT is_typed AND w.resource_type <> 'Patient')
             SELECT beside.walk FROM beside JOIN resource r ON r.walk_id = beside.other
             WHERE r.connection_id = ?1 AND r.deleted_at IS NULL
             GROUP BY beside.walk HAVING max(r.id IN (SELECT resource FROM temp.walk_seen)) = 0",
        )
        .and_then(|mut walks| {
            walks.query_map(params![connection_id, file], |row| row.get(0))?.collect()
        })
        .doing("cannot find the rejects of a file")
}
