//! Checks answers to searches with `_lastUpdated`: they must hold every stored resource that changed since
//! the instant in the search.
//!
//! If the plan leaves out a resource without having deleted it, it does not honour the parameter.

use super::{absence::MISSED, kinds::SEARCHES, walk_key::WalkKey};
use crate::{
    instant::instant,
    warehouse::error::{Doing, WarehouseError},
};
use chrono::{DateTime, Duration, Utc};
use rusqlite::{Connection, OptionalExtension, params};

/// Some servers store dates with fewer digits than a search names, and some leave out the instant itself.
const PRECISION: Duration = Duration::seconds(1);
/// How long before a search a change must have happened, so that the search is expected to find the change.
///
/// Indexes lag, and some plans load resources hours after the date that they give them. Walks over changes
/// overlap, which covers such resources.
const INDEX_LAG: Duration = Duration::hours(24);

/// Live resources of a type that its own walks brought, none of them missed or outdated.
///
/// Resources that only reads brought are left out, since they may be in no list.
fn listed() -> String {
    format!(
        "r.connection_id = ?1 AND r.resource_type = ?2 AND r.deleted_at IS NULL
   AND coalesce((SELECT w.resource_type = r.resource_type AND w.mode IN {SEARCHES}
     FROM sync_walk w WHERE w.id = r.walk_id), 1)
   AND NOT EXISTS (SELECT 1 FROM resource_outdated o WHERE o.resource = r.id)
   AND NOT EXISTS (SELECT 1 FROM absent_resource a WHERE a.connection_id = r.connection_id
     AND a.resource_type = r.resource_type AND a.resource_id = r.resource_id)"
    )
}

/// Makes the temporary table of the writer's connection.
pub(crate) fn create_temporary_table(connection: &Connection) -> Result<(), WarehouseError> {
    connection
        .execute_batch(
            "CREATE TEMP TABLE left_out (connection_id INTEGER, resource_type TEXT, resource INTEGER)",
        )
        .doing("cannot create a temporary table")
}

/// The first day whose date, in any time zone, may be at or after an instant.
fn first_day(since: DateTime<Utc>) -> String {
    since.checked_sub_signed(Duration::days(1)).unwrap_or(since).format("%Y-%m-%d").to_string()
}

fn is_since(text: &str, since: DateTime<Utc>) -> bool {
    let least = since.checked_add_signed(PRECISION).unwrap_or(since);
    instant(text).is_some_and(|date| date >= least)
}

/// How many resources a plan must send if it is asked for changes since an instant.
///
/// Only the resources known here are counted.
pub(crate) fn held_since(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    since: DateTime<Utc>,
) -> Result<u64, WarehouseError> {
    let doing = "cannot read the dates of a type";
    let sql = format!(
        "SELECT r.last_updated FROM resource r WHERE {} AND r.last_updated >= ?3",
        listed()
    );
    let mut statement = connection.prepare_cached(&sql).doing(doing)?;
    let dates = statement
        .query_map(params![connection_id, resource_type, first_day(since)], |row| {
            row.get::<_, String>(0)
        })
        .doing(doing)?;
    let mut count = 0;
    for date in dates {
        count += u64::from(is_since(&date.doing(doing)?, since));
    }
    Ok(count)
}

/// How many different resources the last complete full walk over the type has seen.
pub(crate) fn seen_last(
    connection: &Connection,
    walk: &WalkKey,
) -> Result<Option<u64>, WarehouseError> {
    connection
        .query_row(
            "SELECT distinct_resources FROM sync_walk WHERE connection_id = ?1 AND resource_type = ?2
               AND mode = 'full' AND state = 'complete' AND run_id < ?3 ORDER BY id DESC LIMIT 1",
            params![walk.connection_id, walk.resource_type, walk.run_id],
            |row| row.get(0),
        )
        .optional()
        .map(Option::flatten)
        .doing("cannot compare a full walk with the one before it")
}

/// How many new or changed resources of a full walk the last walk over changes should have brought.
///
/// They changed well before that walk began, and after the instant that it asked for. A walk with another
/// base, search or consent does not count.
pub(crate) fn brought_late(connection: &Connection, walk: &WalkKey) -> Result<u64, WarehouseError> {
    let doing = "cannot compare a full walk with the walk over changes before it";
    let mut statement = connection
        .prepare_cached(
            "SELECT r.last_updated, i.since, i.walk_started_at
             FROM (SELECT since, walk_started_at, proved_for FROM sync_walk
               WHERE connection_id = ?1 AND resource_type = ?2 AND mode = 'incremental'
                 AND state = 'complete' AND run_id < ?3 ORDER BY id DESC LIMIT 1) i
             JOIN type_state s ON s.connection_id = ?1 AND s.resource_type = ?2
               AND s.last_updated = 'honoured'
             JOIN resource r ON r.connection_id = ?1 AND r.resource_type = ?2
               AND r.deleted_at IS NULL AND r.last_updated IS NOT NULL
             JOIN sync_walk w ON w.id = r.walk_id AND w.run_id = ?3 AND w.mode = 'full'
               AND w.proved_for IS i.proved_for
             WHERE NOT EXISTS (SELECT 1 FROM absent_resource a WHERE a.connection_id = ?1
               AND a.resource_type = ?2 AND a.resource_id = r.resource_id)",
        )
        .doing(doing)?;
    let rows = statement
        .query_map(params![walk.connection_id, walk.resource_type, walk.run_id], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
        })
        .doing(doing)?;
    let mut count = 0;
    for row in rows {
        let (date, since, began) = row.doing(doing)?;
        let (Some(changed), Some(since), Some(began)) =
            (instant(&date), instant(&since), instant(&began))
        else {
            continue;
        };
        let is_old = began.signed_duration_since(changed) >= INDEX_LAG;
        count += u64::from(is_since(&date, since) && is_old);
    }
    Ok(count)
}

/// How many live resources of a type came in a version older than the stored one.
pub(crate) fn outdated(connection: &Connection, walk: &WalkKey) -> Result<u64, WarehouseError> {
    connection
        .query_row(
            "SELECT count(*) FROM resource_outdated o JOIN resource r ON r.id = o.resource
             WHERE r.connection_id = ?1 AND r.resource_type = ?2 AND r.deleted_at IS NULL",
            params![walk.connection_id, walk.resource_type],
            |row| row.get(0),
        )
        .doing("cannot count older versions")
}

pub(crate) fn note_left_out(
    connection: &Connection,
    walk: &WalkKey,
    since: DateTime<Utc>,
) -> Result<u64, WarehouseError> {
    let doing = "cannot note which resources a search left out";
    let missed: Vec<(i64, String)> = connection
        .prepare_cached(&format!(
            "SELECT r.id, r.last_updated FROM resource r
             WHERE {MISSED} AND {} AND r.last_updated >= ?4",
            listed()
        ))
        .and_then(|mut statement| {
            let key =
                params![walk.connection_id, walk.resource_type, walk.walk_id, first_day(since)];
            statement.query_map(key, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .doing(doing)?;
    forget(connection, walk.connection_id, &walk.resource_type)?;
    let mut count = 0;
    for (rowid, date) in missed {
        if is_since(&date, since) {
            connection
                .prepare_cached("INSERT INTO temp.left_out VALUES (?1, ?2, ?3)")
                .and_then(|mut statement| {
                    statement.execute(params![walk.connection_id, walk.resource_type, rowid])
                })
                .doing(doing)?;
            count += 1;
        }
    }
    Ok(count)
}

pub(crate) fn settle_left_out(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
) -> Result<u64, WarehouseError> {
    let count = connection
        .query_row(
            &format!(
                "SELECT count(*) FROM resource r WHERE {} AND r.id IN (
                   SELECT resource FROM temp.left_out
                   WHERE connection_id = ?1 AND resource_type = ?2)",
                listed()
            ),
            params![connection_id, resource_type],
            |row| row.get(0),
        )
        .doing("cannot look for resources that a search left out")?;
    forget(connection, connection_id, resource_type)?;
    Ok(count)
}

fn forget(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "DELETE FROM temp.left_out WHERE connection_id = ?1 AND resource_type = ?2",
            params![connection_id, resource_type],
        )
        .doing("cannot delete the notes of resources that a search left out")
        .map(drop)
}
