//! The end of a walk: what was seen decides what is gone.
//!
//! What a walk has seen is kept in temporary tables, outside the warehouse file: an unchanged
//! night writes no row, and memory stays bounded. They end with the process, so a walk that an
//! earlier run began deletes nothing; the next one from start to end does.

use super::{
    connections,
    error::{Doing, WarehouseError},
    ledger::{self, WalkCounters, WalkKey},
    page_writer::{PageWrite, delete_rows, keep_version},
    table::Catalog,
    type_state::{self, Advance},
    unmapped_table,
    walk_finish::WalkFinish,
};
use crate::{clock, outcome::WalkState};
use rusqlite::{Connection, Transaction, params};

/// What the last page of a walk asks for.
#[derive(Debug, Clone)]
pub(crate) struct WalkEnd {
    /// How the walk is entered in the ledger unless the guard holds it back.
    pub(crate) finish: WalkFinish,
    /// Whether the walk saw the whole type, unfiltered, from its first page to its last.
    pub(crate) saw_everything: bool,
    /// What it leaves behind when it is complete; a walk over a part leaves nothing.
    pub(crate) advance: Option<Advance>,
    /// Largest share of the live resources that may vanish at once, in percent.
    pub(crate) shrink_limit_percent: u8,
}

/// Makes the temporary tables of the writer's connection.
pub(super) fn create_temporary_tables(connection: &Connection) -> Result<(), WarehouseError> {
    connection
        .execute_batch(
            "CREATE TEMP TABLE walk_seen (walk_id INTEGER, resource INTEGER,
               PRIMARY KEY (walk_id, resource)) WITHOUT ROWID;
             CREATE TEMP TABLE walk_rejected (walk_id INTEGER, reject INTEGER,
               PRIMARY KEY (walk_id, reject)) WITHOUT ROWID;",
        )
        .doing("cannot create temporary tables")
}

pub(super) fn mark_seen(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    resource: i64,
) -> Result<(), WarehouseError> {
    for walk_id in [Some(page.walk.walk_id), page.round].into_iter().flatten() {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO temp.walk_seen VALUES (?1, ?2)")
            .and_then(|mut statement| statement.execute([walk_id, resource]))
            .doing("cannot note what was seen")?;
    }
    Ok(())
}

/// How many different resources a walk, or the windows that are parts of it, have seen.
pub(crate) fn count_seen(connection: &Connection, walk_id: i64) -> Result<u64, WarehouseError> {
    connection
        .query_row("SELECT count(*) FROM temp.walk_seen WHERE walk_id = ?1", [walk_id], |row| {
            row.get(0)
        })
        .doing("cannot count what was seen")
}

pub(super) fn mark_rejected(
    transaction: &Transaction<'_>,
    walk_id: i64,
    reject: i64,
) -> Result<(), WarehouseError> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO temp.walk_rejected VALUES (?1, ?2)")
        .and_then(|mut statement| statement.execute([walk_id, reject]))
        .doing("cannot note what was rejected")
        .map(drop)
}

/// Ends a walk whose last page was sound: tombstones, resolved rejects, ledger.
pub(super) fn end_walk(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    page: &PageWrite,
    mut end: WalkEnd,
    counters: &mut WalkCounters,
) -> Result<WalkFinish, WarehouseError> {
    if end.saw_everything {
        let (live, gone) = count_gone(transaction, page)?;
        if gone * 100 > live * u64::from(end.shrink_limit_percent) {
            end.finish = WalkFinish::shrunk(live, gone);
        } else {
            counters.resources_deleted += bury(transaction, catalog, page)?;
            resolve_rejects(transaction, page)?;
        }
    }
    ledger::finish_walk(transaction, &page.walk, &end.finish, page.now)?;
    if let Some(advance) = end.advance.filter(|_| end.finish.state == WalkState::Complete) {
        if page.walk.resource_type == "Patient" {
            connections::pin_patient(transaction, page.walk.connection_id)?;
        }
        type_state::advance(transaction, page.walk.walk_id, &advance)?;
    }
    forget(transaction, page.walk.walk_id)?;
    Ok(end.finish)
}

/// Drops a walk's notes.
pub(super) fn forget(connection: &Connection, walk_id: i64) -> Result<(), WarehouseError> {
    for table in ["walk_seen", "walk_rejected"] {
        connection
            .execute(&format!("DELETE FROM temp.{table} WHERE walk_id = ?1"), [walk_id])
            .doing("cannot clear what was seen")?;
    }
    Ok(())
}

const GONE: &str = "connection_id = ?1 AND resource_type = ?2 AND deleted_at IS NULL
   AND id NOT IN (SELECT resource FROM temp.walk_seen WHERE walk_id = ?3)";

fn count_gone(
    transaction: &Transaction<'_>,
    page: &PageWrite,
) -> Result<(u64, u64), WarehouseError> {
    let walk = &page.walk;
    let count = |condition: &str| {
        transaction
            .query_row(
                &format!("SELECT count(*) FROM resource WHERE {condition}"),
                params![walk.connection_id, walk.resource_type, walk.walk_id],
                |row| row.get::<_, u64>(0),
            )
            .doing("cannot count what is gone")
    };
    Ok((
        count("connection_id = ?1 AND resource_type = ?2 AND deleted_at IS NULL AND ?3 = ?3")?,
        count(GONE)?,
    ))
}

fn bury(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    page: &PageWrite,
) -> Result<u64, WarehouseError> {
    let doing = "cannot mark what is gone";
    let walk = &page.walk;
    let now = clock::text(page.now);
    let gone: Vec<(i64, String)> = transaction
        .prepare(&format!("SELECT id, resource_id FROM resource WHERE {GONE}"))
        .and_then(|mut statement| {
            statement
                .query_map(params![walk.connection_id, walk.resource_type, walk.walk_id], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?
                .collect()
        })
        .doing(doing)?;
    for (rowid, resource_id) in &gone {
        bury_one(transaction, catalog, walk, *rowid, resource_id, &now)?;
    }
    Ok(gone.len() as u64)
}

/// Marks a live resource of the walk's type as deleted; its rows leave the tables.
pub(super) fn bury_one(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    walk: &WalkKey,
    rowid: i64,
    resource_id: &str,
    now: &str,
) -> Result<(), WarehouseError> {
    keep_version(transaction, rowid, now)?;
    unmapped_table::note(transaction, walk.connection_id, &walk.resource_type)?;
    delete_rows(transaction, catalog, walk.connection_id, &walk.resource_type, resource_id)?;
    transaction
        .prepare_cached("UPDATE resource SET deleted_at = ?2 WHERE id = ?1")
        .and_then(|mut statement| statement.execute(params![rowid, now]))
        .doing("cannot mark what is gone")
        .map(drop)
}

/// A reject that a whole walk did not meet again is settled.
fn resolve_rejects(transaction: &Transaction<'_>, page: &PageWrite) -> Result<(), WarehouseError> {
    let walk = &page.walk;
    transaction
        .execute(
            "UPDATE rejected_resource SET resolved_at = ?4
             WHERE connection_id = ?1 AND resource_type = ?2 AND resolved_at IS NULL
               AND id NOT IN (SELECT reject FROM temp.walk_rejected WHERE walk_id = ?3)
               AND NOT (reason = 'view_error' AND EXISTS (
                 SELECT 1 FROM resource r WHERE r.connection_id = rejected_resource.connection_id
                   AND r.resource_type = rejected_resource.resource_type
                   AND r.resource_id = rejected_resource.resource_id
                   AND r.json = rejected_resource.body AND r.deleted_at IS NULL))",
            params![walk.connection_id, walk.resource_type, walk.walk_id, clock::text(page.now)],
        )
        .doing("cannot settle rejects")
        .map(drop)
}
