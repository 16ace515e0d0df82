//! Remembers, over several runs, the resources that each part of a type brought, if the type is walked by
//! several searches.
//!
//! A complete part leaves its resources in `walk_page`, as page -1, until the whole type is complete. The
//! run that completes the last part can then tell which resources no part brought.

use super::{
    seen::{all_seen, insert, row_ids},
    walk_key::WalkKey,
};
use crate::{
    clock,
    warehouse::error::{Doing, WarehouseError},
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};

/// Counts the resources that the walk over a part has seen, in any run, as seen by the walk over the
/// type.
pub(crate) fn join(
    connection: &Connection,
    walk: &WalkKey,
    round: i64,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "INSERT OR IGNORE INTO temp.walk_seen (walk_id, resource)
             SELECT ?2, resource FROM temp.walk_seen WHERE walk_id = ?1",
            [walk.walk_id, round],
        )
        .doing("cannot note which resources a part brought")
        .map(drop)
}

/// Stores the resources that a walk over a part saw, in place of those of an earlier walk.
pub(crate) fn keep(connection: &Connection, walk: &WalkKey) -> Result<(), WarehouseError> {
    let doing = "cannot store which resources a part brought";
    connection
        .execute(
            "DELETE FROM walk_page WHERE page = -1 AND walk_id IN (
               SELECT o.id FROM sync_walk w JOIN sync_walk o ON o.connection_id = w.connection_id
                 AND o.resource_type = w.resource_type AND o.window_parameter = w.window_parameter
               WHERE w.id = ?1 AND o.mode = 'window')",
            [walk.walk_id],
        )
        .doing(doing)?;
    connection
        .execute(
            "INSERT INTO walk_page (walk_id, page, connection_id, seen) VALUES (?1, -1, ?2, ?3)",
            params![walk.walk_id, walk.connection_id, all_seen(connection, walk)?],
        )
        .doing(doing)
        .map(drop)
}

/// Deletes the notes about the parts of a type, once the type is complete.
pub(crate) fn forget(connection: &Connection, walk: &WalkKey) -> Result<(), WarehouseError> {
    connection
        .execute(
            "DELETE FROM walk_page WHERE page = -1 AND walk_id IN (SELECT id FROM sync_walk
               WHERE connection_id = ?1 AND resource_type = ?2)",
            params![walk.connection_id, walk.resource_type],
        )
        .doing("cannot delete the notes of a type's parts")
        .map(drop)
}

/// When a round over the parts of a type last ended though the type was not complete.
///
/// Such a round went through all parts, and lacks what no further request would bring: a part that the plan
/// refuses now, what the consent withholds, or the resources of a type that shrank. The next round asks for
/// all parts again. A round that ended after `now` was dated by a clock that was ahead, and is left out.
pub(crate) fn round_without_the_rest_ended(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    proved_for: &str,
    now: DateTime<Utc>,
) -> Result<Option<String>, WarehouseError> {
    // A walk over all parts has no first page. A round that ended early has another reason.
    connection
        .query_row(
            "SELECT max(finished_at) FROM sync_walk
             WHERE connection_id = ?1 AND resource_type = ?2 AND mode = 'full'
               AND state = 'incomplete' AND window_parameter IS NULL AND first_url IS NULL
               AND proved_for = ?3 AND finished_at <= ?4 AND reason IN ('refused', 'forbidden',
                 'blocked', 'not_found', 'not_granted', 'not_requested', 'shrunk')",
            params![connection_id, resource_type, proved_for, clock::text(now)],
            |row| row.get(0),
        )
        .doing("cannot read when a type was walked in all its parts")
}

/// Counts a part's resources as seen by the walk `round` over the type.
///
/// The part's complete walk that began at `began` has stored them. Returns false if they were not stored.
pub(crate) fn recall(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    query: &str,
    began: DateTime<Utc>,
    round: i64,
) -> Result<bool, WarehouseError> {
    let kept: Option<Vec<u8>> = connection
        .query_row(
            "SELECT p.seen FROM sync_walk w JOIN walk_page p ON p.walk_id = w.id
             WHERE w.connection_id = ?1 AND w.resource_type = ?2 AND w.mode = 'window'
               AND w.window_parameter = ?3 AND w.walk_started_at = ?4 AND p.page = -1
             ORDER BY w.id DESC LIMIT 1",
            params![connection_id, resource_type, query, clock::text(began)],
            |row| row.get(0),
        )
        .optional()
        .doing("cannot read which resources a part brought")?;
    let Some(seen) = kept else { return Ok(false) };
    insert(connection, round, &row_ids(&seen))?;
    Ok(true)
}
