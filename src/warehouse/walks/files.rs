//! What only files need: settles rejects that a file no longer has, and marks resources of a file as the
//! plan's, once the plan sends them.

use super::{page::PageWrite, unlisted};
use crate::{
    clock,
    warehouse::error::{Doing, WarehouseError},
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// Notes that a plan has sent a resource that only a file had brought.
///
/// From now on a walk can find the resource absent, if a search over its own type brings it.
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
/// These are rejects that the file no longer has, and those whose bytes have been taken in since.
pub(crate) fn settle(
    connection: &Connection,
    connection_id: i64,
    file: &str,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "UPDATE rejected_resource SET resolved_at = ?3
             WHERE connection_id = ?1 AND resolved_at IS NULL
               AND reason <> 'view_error'
               AND (file = ?2 AND id NOT IN (SELECT reject FROM temp.walk_rejected)
                 OR EXISTS (SELECT 1 FROM resource r WHERE r.connection_id = ?1
                   AND r.resource_type = rejected_resource.resource_type
                   AND r.resource_id = rejected_resource.resource_id
                   AND r.json = rejected_resource.body AND r.deleted_at IS NULL))",
            params![connection_id, file, clock::text(now)],
        )
        .doing("cannot settle rejects")
        .map(drop)
}
