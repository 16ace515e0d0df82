//! Which resources a walk has seen. This decides whether its pages moved, and what is absent.
//!
//! The notes of a running walk are in temporary tables, outside the warehouse file. A page that names a
//! next page also stores its row ids in `walk_page`, in its own transaction, rejects included. So a walk
//! that continues in a later run still knows what its earlier pages brought. A pass that ended in doubt
//! stores everything it saw there, as page 0, if the pass after it may take several runs. A complete walk
//! over a part stores everything it saw as page -1.

use super::{page::PageWrite, walk_key::WalkKey};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, OptionalExtension, params};

/// How far two walks over the same part of a type agree.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Agreement {
    /// Each resource came in both walks, on the same number of pages.
    pub(crate) resources: bool,
    /// The server declared the same total in both walks, or no total in either.
    pub(crate) total: bool,
}

/// Makes the temporary tables of the writer's connection.
pub(crate) fn create_temporary_tables(connection: &Connection) -> Result<(), WarehouseError> {
    connection
        .execute_batch(
            "CREATE TEMP TABLE walk_seen (walk_id INTEGER, resource INTEGER,
               times INTEGER NOT NULL DEFAULT 1, -- pages that brought it
               PRIMARY KEY (walk_id, resource)) WITHOUT ROWID;
             CREATE TEMP TABLE walk_rejected (walk_id INTEGER, reject INTEGER,
               PRIMARY KEY (walk_id, reject)) WITHOUT ROWID;
             CREATE TEMP TABLE walk_rejected_id (walk_id INTEGER, resource_id TEXT,
               PRIMARY KEY (walk_id, resource_id)) WITHOUT ROWID;
             CREATE TEMP TABLE walk_along (connection_id INTEGER, walk_id INTEGER, resource INTEGER,
               PRIMARY KEY (connection_id, walk_id, resource)) WITHOUT ROWID;",
        )
        .doing("cannot create temporary tables")
}

/// Notes resources of the walk's type that a page brought; returns how many are new to the walk.
pub(super) fn note_seen(
    connection: &Connection,
    page: &PageWrite,
    resources: &[i64],
) -> Result<u64, WarehouseError> {
    let new = insert(connection, page.walk.walk_id, resources)?;
    if let Some(round) = page.round {
        insert(connection, round, resources)?;
    }
    Ok(new)
}

/// Stores the row ids of a page's resources and rejects, if the walk continues after the page.
///
/// A later run that continues the walk reads them.
pub(super) fn note_page(
    connection: &Connection,
    page: &PageWrite,
    resources: &[i64],
    rejects: &[i64],
) -> Result<(), WarehouseError> {
    if page.next_url.is_some() {
        connection
            .prepare_cached(
                "INSERT OR REPLACE INTO walk_page (walk_id, page, connection_id, seen, rejected)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut statement| {
                let walk = &page.walk;
                statement.execute(params![
                    walk.walk_id,
                    page.page,
                    walk.connection_id,
                    bytes_of(resources),
                    bytes_of(rejects)
                ])
            })
            .doing("cannot store the resources of a page in walk_page")?;
    }
    Ok(())
}

fn bytes_of(rowids: &[i64]) -> Vec<u8> {
    rowids.iter().flat_map(|rowid| rowid.to_le_bytes()).collect()
}

/// Notes that a walk saw these resources; returns how many of them are new to it.
pub(crate) fn insert(
    connection: &Connection,
    walk_id: i64,
    resources: &[i64],
) -> Result<u64, WarehouseError> {
    let doing = "cannot note which resources a walk saw";
    let mut statement = connection
        .prepare_cached(
            "INSERT INTO temp.walk_seen (walk_id, resource) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET times = times + 1 RETURNING times = 1",
        )
        .doing(doing)?;
    let mut new = 0;
    for resource in resources {
        let is_new: bool =
            statement.query_row([walk_id, *resource], |row| row.get(0)).doing(doing)?;
        new += u64::from(is_new);
    }
    Ok(new)
}

/// Notes a reject that a walk met; returns false if the walk had met it before.
pub(super) fn note_rejected(
    connection: &Connection,
    walk_id: i64,
    reject: i64,
) -> Result<bool, WarehouseError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO temp.walk_rejected VALUES (?1, ?2)")
        .and_then(|mut statement| statement.execute([walk_id, reject]))
        .doing("cannot note a walk's rejects")
        .map(|new| new > 0)
}

/// Notes the id of a rejected resource; returns false if the walk had met it before.
pub(super) fn note_rejected_id(
    connection: &Connection,
    walk_id: i64,
    resource_id: &str,
) -> Result<bool, WarehouseError> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO temp.walk_rejected_id VALUES (?1, ?2)")
        .and_then(|mut statement| statement.execute(rusqlite::params![walk_id, resource_id]))
        .doing("cannot note a walk's rejects")
        .map(|new| new > 0)
}

/// How many different resources a walk, or the windows that belong to it, have seen.
pub(crate) fn count_seen(connection: &Connection, walk_id: i64) -> Result<u64, WarehouseError> {
    connection
        .query_row("SELECT count(*) FROM temp.walk_seen WHERE walk_id = ?1", [walk_id], |row| {
            row.get(0)
        })
        .doing("cannot count the resources that a walk saw")
}

/// Whether two walks saw the same resources, each equally often, with the same declared total.
///
/// A habit of the server shows in both walks. If one walk brought a resource twice and the other brought
/// it once, rows shifted in one of them. A row that both walks miss may then have been jumped over twice.
pub(crate) fn saw_the_same(
    connection: &Connection,
    one: i64,
    other: i64,
) -> Result<Agreement, WarehouseError> {
    connection
        .query_row(
            "SELECT NOT EXISTS (
               SELECT resource, times FROM temp.walk_seen WHERE walk_id = ?1
               EXCEPT SELECT resource, times FROM temp.walk_seen WHERE walk_id = ?2)
             AND NOT EXISTS (
               SELECT resource, times FROM temp.walk_seen WHERE walk_id = ?2
               EXCEPT SELECT resource, times FROM temp.walk_seen WHERE walk_id = ?1),
             (SELECT declared_total FROM sync_walk WHERE id = ?1)
             IS (SELECT declared_total FROM sync_walk WHERE id = ?2)",
            [one, other],
            |row| Ok(Agreement { resources: row.get(0)?, total: row.get(1)? }),
        )
        .doing("cannot compare the resources that two walks saw")
}

/// The walks of one kind over the same part of the same type, as a list in SQL.
const OF_THE_SAME: &str = "(SELECT o.id FROM sync_walk w JOIN sync_walk o
     ON o.connection_id = w.connection_id AND o.resource_type = w.resource_type AND o.mode = w.mode
       AND o.window_parameter IS w.window_parameter AND o.window_from IS w.window_from
       AND o.window_to IS w.window_to
   WHERE w.id = ?1)";

/// The row ids of everything a walk saw, in the format of `walk_page`: each as often as pages brought it.
pub(super) fn all_seen(connection: &Connection, walk: &WalkKey) -> Result<Vec<u8>, WarehouseError> {
    let seen: Vec<(i64, usize)> = connection
        .prepare("SELECT resource, times FROM temp.walk_seen WHERE walk_id = ?1")
        .and_then(|mut statement| {
            statement.query_map([walk.walk_id], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .doing("cannot read which resources a walk saw")?;
    let bytes = seen
        .iter()
        .flat_map(|(rowid, times)| std::iter::repeat_n(rowid.to_le_bytes(), *times))
        .flatten();
    Ok(bytes.collect())
}

/// Stores everything a pass saw, for the next pass, which may end in a later run.
pub(super) fn keep_pass(connection: &Connection, walk: &WalkKey) -> Result<(), WarehouseError> {
    connection
        .execute(
            "INSERT OR REPLACE INTO walk_page (walk_id, page, connection_id, seen)
             VALUES (?1, 0, ?2, ?3)",
            params![walk.walk_id, walk.connection_id, all_seen(connection, walk)?],
        )
        .doing("cannot store which resources a pass saw")
        .map(drop)
}

/// Restores what a stored pass over the same part of the type saw; returns the walk id of that pass.
///
/// If the pass was made in this run, its notes are still there, and are replaced.
pub(super) fn recall_pass(
    connection: &Connection,
    walk_id: i64,
) -> Result<Option<i64>, WarehouseError> {
    let kept: Option<(i64, Vec<u8>)> = connection
        .query_row(
            &format!(
                "SELECT walk_id, seen FROM walk_page WHERE page = 0 AND walk_id IN {OF_THE_SAME}
                 ORDER BY walk_id DESC LIMIT 1"
            ),
            [walk_id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .doing("cannot read which resources a pass saw")?;
    let Some((pass, seen)) = kept else { return Ok(None) };
    connection
        .execute("DELETE FROM temp.walk_seen WHERE walk_id = ?1", [pass])
        .doing("cannot read which resources a pass saw")?;
    insert(connection, pass, &row_ids(&seen))?;
    Ok(Some(pass))
}

pub(super) fn row_ids(bytes: &[u8]) -> Vec<i64> {
    let (rowids, _) = bytes.as_chunks::<8>();
    rowids.iter().map(|bytes| i64::from_le_bytes(*bytes)).collect()
}

/// Takes over what the earlier runs of a walk saw; returns the number of different resources.
pub(crate) fn take_over(
    connection: &Connection,
    earlier: i64,
    walk: &WalkKey,
) -> Result<u64, WarehouseError> {
    let doing = "cannot read which resources the earlier pages brought";
    connection
        .execute("UPDATE walk_page SET walk_id = ?2 WHERE walk_id = ?1", [earlier, walk.walk_id])
        .doing(doing)?;
    let pages: Vec<[Vec<u8>; 2]> = connection
        .prepare("SELECT seen, rejected FROM walk_page WHERE walk_id = ?1")
        .and_then(|mut statement| {
            statement.query_map([walk.walk_id], |row| Ok([row.get(0)?, row.get(1)?]))?.collect()
        })
        .doing(doing)?;
    let mut seen = 0;
    for [resources, rejects] in pages {
        seen += insert(connection, walk.walk_id, &row_ids(&resources))?;
        for reject in row_ids(&rejects) {
            recall_reject(connection, walk.walk_id, reject)?;
        }
    }
    Ok(seen)
}

/// Notes a reject that a walk met in an earlier run.
fn recall_reject(connection: &Connection, walk_id: i64, reject: i64) -> Result<(), WarehouseError> {
    note_rejected(connection, walk_id, reject)?;
    let id: Option<Option<String>> = connection
        .prepare_cached("SELECT resource_id FROM rejected_resource WHERE id = ?1")
        .and_then(|mut statement| statement.query_row([reject], |row| row.get(0)).optional())
        .doing("cannot read a walk's rejects")?;
    if let Some(id) = id.flatten() {
        note_rejected_id(connection, walk_id, &id)?;
    }
    Ok(())
}

/// Settles the absences of resources that a walk met after all. That a read has brought them counts no more.
pub(super) fn settle_met(connection: &Connection, walk: &WalkKey) -> Result<(), WarehouseError> {
    connection
        .execute(
            "UPDATE absent_resource SET state = 'present', brought_at = NULL
             WHERE connection_id = ?1 AND resource_type = ?2
               AND (state = 'pending' OR brought_at IS NOT NULL)
               AND resource_id IN (SELECT r.resource_id FROM resource r
                 JOIN temp.walk_seen s ON s.resource = r.id AND s.walk_id = ?3
                 WHERE r.resource_type = ?2)
               -- A file tells what was there when it was written.
               AND NOT EXISTS (SELECT 1 FROM sync_walk WHERE id = ?3 AND mode = 'file')",
            params![walk.connection_id, walk.resource_type, walk.walk_id],
        )
        .doing("cannot settle the absences of resources that a walk met")
        .map(drop)
}

/// Deletes the notes of what a walk has seen; they are needed for one run only.
pub(crate) fn forget(connection: &Connection, walk_id: i64) -> Result<(), WarehouseError> {
    for table in ["walk_seen", "walk_rejected", "walk_rejected_id"] {
        connection
            .prepare_cached(&format!("DELETE FROM temp.{table} WHERE walk_id = ?1"))
            .and_then(|mut statement| statement.execute([walk_id]))
            .doing("cannot delete the notes of the resources that a walk saw")?;
    }
    Ok(())
}

/// Deletes the stored pages of earlier walks over the same part of a type.
///
/// They are not needed, since the cursor is now this walk's.
pub(super) fn forget_pages_before(
    connection: &Connection,
    walk_id: i64,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            &format!(
                "DELETE FROM walk_page WHERE page > 0 AND walk_id < ?1 AND walk_id IN {OF_THE_SAME}"
            ),
            [walk_id],
        )
        .doing("cannot delete the stored pages of a walk")
        .map(drop)
}

/// Deletes the stored passes of earlier walks over any part of the type, since this walk saw all of it.
pub(super) fn forget_passes_before(
    connection: &Connection,
    walk_id: i64,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "DELETE FROM walk_page WHERE page = 0 AND walk_id < ?1 AND walk_id IN (
               SELECT o.id FROM sync_walk w JOIN sync_walk o
                 ON o.connection_id = w.connection_id AND o.resource_type = w.resource_type
               WHERE w.id = ?1)",
            [walk_id],
        )
        .doing("cannot delete the stored passes of earlier walks")
        .map(drop)
}

/// Deletes cursors and pages of earlier walks over the type's changes, since this walk saw all of the type.
pub(super) fn forget_increments_before(
    connection: &Connection,
    walk_id: i64,
) -> Result<(), WarehouseError> {
    let earlier = "SELECT k.walk_id FROM sync_walk w JOIN walk_cursor k
         ON k.connection_id = w.connection_id AND k.resource_type = w.resource_type
       WHERE w.id = ?1 AND k.walk_id < ?1 AND k.mode = 'incremental'";
    [
        format!("DELETE FROM walk_page WHERE page > 0 AND walk_id IN ({earlier})"),
        format!("DELETE FROM walk_cursor WHERE walk_id IN ({earlier})"),
    ]
    .iter()
    .try_for_each(|sql| connection.execute(sql, [walk_id]).map(drop))
    .doing("cannot delete the cursors of earlier walks over changes")
}

/// Deletes what walks over the same part of a type have stored for a later run: pages and the pass.
pub(super) fn forget_all(connection: &Connection, walk_id: i64) -> Result<(), WarehouseError> {
    connection
        .execute(
            &format!("DELETE FROM walk_page WHERE page >= 0 AND walk_id IN {OF_THE_SAME}"),
            [walk_id],
        )
        .doing("cannot delete the stored pages of a walk")
        .map(drop)
}
