//! Resources that come along in a Patient's `$everything`, of types without a walk of their own.

use super::{
    absence::NOT_READ, finish::SHRINK_FLOOR, kinds::WHOLE_TYPES, page::PageWrite, walk_key::WalkKey,
};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, Transaction, params};

/// How many resources of one type a run's `$everything` shows to be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissedAlong {
    /// This many resources are absent. Each was entered in `absent_resource`.
    Entered(u64),
    /// More resources are missing than may vanish at once, so none was entered.
    TooMany {
        /// Live resources of the type.
        live: u64,
        /// Live resources that did not come.
        missed: u64,
    },
}

/// Notes the resources of other types that a page of a `$everything` brought.
pub(super) fn note_along(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    resources: &[i64],
) -> Result<(), WarehouseError> {
    let doing = "cannot note which resources $everything brought";
    let mut statement = transaction
        .prepare_cached("INSERT OR IGNORE INTO temp.walk_along VALUES (?1, ?2, ?3)")
        .doing(doing)?;
    for resource in resources {
        statement
            .execute(params![page.walk.connection_id, page.walk.walk_id, resource])
            .doing(doing)?;
    }
    Ok(())
}

/// The types that, by their latest entry in the ledger, come along in a `$everything`.
pub(crate) fn along_types(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<String>, WarehouseError> {
    connection
        .prepare(&format!(
            "SELECT DISTINCT w.resource_type FROM sync_walk w
             WHERE w.connection_id = ?1 AND w.mode = 'everything' AND w.id = (
               SELECT max(l.id) FROM sync_walk l WHERE l.connection_id = ?1
                 AND l.resource_type = w.resource_type AND +l.mode IN {WHOLE_TYPES})
             ORDER BY w.resource_type"
        ))
        .and_then(|mut statement| statement.query_map([connection_id], |row| row.get(0))?.collect())
        .doing("cannot read which types come along")
}

pub(crate) fn enter_missed(
    connection: &mut Connection,
    walk: &WalkKey,
    walks: &[i64],
    shrink_limit_percent: u8,
    now: &str,
) -> Result<MissedAlong, WarehouseError> {
    let doing = "cannot enter which resources $everything did not bring";
    let walks = serde_json::Value::from(walks).to_string();
    // In the URLs of the ledger, the Patient's id is replaced by a placeholder.
    let missed = "r.connection_id = ?1 AND r.resource_type = ?2 AND r.deleted_at IS NULL
         AND r.id NOT IN (SELECT resource FROM temp.walk_along
           WHERE connection_id = ?1 AND walk_id IN (SELECT value FROM json_each(?3)))
         AND EXISTS (SELECT 1 FROM sync_walk b WHERE b.id = r.walk_id
           AND (b.mode = 'everything' OR b.mode = 'full' AND instr(b.first_url, '/Patient/…') > 0))";
    let key = params![walk.connection_id, walk.resource_type, walks];
    let transaction = connection.transaction().doing(doing)?;
    let (live, gone, unread): (u64, u64, u64) = transaction
        .query_row(
            &format!(
                "SELECT count(*), coalesce(sum({missed}), 0), coalesce(sum({missed} AND {NOT_READ}), 0)
                 FROM resource r
                 WHERE r.connection_id = ?1 AND r.resource_type = ?2 AND r.deleted_at IS NULL"
            ),
            key,
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .doing(doing)?;
    if unread > SHRINK_FLOOR && unread * 100 > live * u64::from(shrink_limit_percent) {
        return Ok(MissedAlong::TooMany { live, missed: unread });
    }
    // A resource that came after all is no longer absent.
    transaction
        .execute(
            "UPDATE absent_resource SET state = 'present', brought_at = NULL
             WHERE connection_id = ?1 AND resource_type = ?2
               AND (state = 'pending' OR brought_at IS NOT NULL) AND resource_id IN (
                 SELECT r.resource_id FROM resource r JOIN temp.walk_along a ON a.resource = r.id
                 WHERE a.connection_id = ?1 AND r.resource_type = ?2 AND ?3 = ?3)",
            key,
        )
        .doing(doing)?;
    // Only a read can prove the deletion: both dates are now, so no two walks are days apart.
    transaction
        .execute(
            &format!(
                "INSERT INTO absent_resource (connection_id, resource_type, resource_id, state,
                   missed_since, missed_at, walk_id)
                 SELECT r.connection_id, r.resource_type, r.resource_id, 'pending', ?4, ?4, ?5
                 FROM resource r WHERE {missed}
                 ON CONFLICT (connection_id, resource_type, resource_id) DO UPDATE SET
                   missed_since = excluded.missed_since, missed_at = excluded.missed_at,
                   walk_id = excluded.walk_id, state = 'pending', http_status = NULL, proof = NULL"
            ),
            params![walk.connection_id, walk.resource_type, walks, now, walk.walk_id],
        )
        .doing(doing)?;
    transaction.commit().doing(doing)?;
    Ok(MissedAlong::Entered(gone))
}

/// The types that came along with other walks in this run.
pub(crate) fn types_along(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<String>, WarehouseError> {
    connection
        .prepare(
            "SELECT DISTINCT r.resource_type FROM temp.walk_along a
             JOIN resource r ON r.id = a.resource WHERE a.connection_id = ?1
             ORDER BY r.resource_type",
        )
        .and_then(|mut statement| statement.query_map([connection_id], |row| row.get(0))?.collect())
        .doing("cannot read which types came along with other walks")
}

/// Deletes the notes about resources that came along.
pub(crate) fn forget_along(
    connection: &Connection,
    connection_id: i64,
) -> Result<(), WarehouseError> {
    connection
        .execute("DELETE FROM temp.walk_along WHERE connection_id = ?1", [connection_id])
        .doing("cannot delete the notes of resources that $everything brought")
        .map(drop)
}
