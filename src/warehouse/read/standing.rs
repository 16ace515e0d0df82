//! The state of every connection, by one pass over the ledger: for homes with thousands of connections.

use super::{
    metrics::EFFORTS,
    status::{COMPLETENESS, TypeStatus, status_of},
};
use crate::{
    clock,
    warehouse::{
        error::{Doing, WarehouseError},
        walks::kinds::WHOLE_TYPES,
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Params, Row, params};
use std::collections::HashMap;

/// The state of a connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Types whose latest walk is incomplete.
    pub open: u64,
    /// Open rejects.
    pub rejects: u64,
    /// The instant as of which every type that the plan is asked for is complete (RFC 3339): the earliest
    /// among the types that ever were, each by its latest start of a complete walk. A walk in the future does
    /// not count: a clock that was ahead dated it.
    pub complete_as_of: Option<String>,
}

/// The number of open types of each connection, and the instant as of which its types are complete.
///
/// In a group with max(), SQLite takes the other columns from the same row. The complete walk that ended last
/// is not always the one that began last: a full walk that took several nights began in the first of them,
/// before walks over changes that ended earlier.
fn of_types() -> String {
    format!(
        "
    SELECT l.connection_id, sum(l.state IN ('incomplete', 'running')),
      min(CASE WHEN l.mode <> 'file' AND l.state IN ('complete', 'incomplete', 'running') THEN
        (SELECT max(d.walk_started_at) FROM sync_walk d WHERE d.connection_id = l.connection_id
           AND d.resource_type = l.resource_type AND d.state = 'complete'
           AND d.walk_started_at <= ?1 AND +d.mode IN {WHOLE_TYPES}) END)
    FROM (
      SELECT connection_id, resource_type, state, mode,
        max(CASE WHEN mode <> 'file' THEN id + 4611686018427387904 ELSE id END)
      FROM sync_walk WHERE mode <> 'window' GROUP BY connection_id, resource_type) l
    GROUP BY l.connection_id"
    )
}

/// For each type of a connection, the latest start of a complete walk that does not lie after `now`.
pub(crate) fn complete_until(
    connection: &Connection,
    connection_id: i64,
    now: DateTime<Utc>,
) -> Result<HashMap<String, String>, WarehouseError> {
    let sql = format!(
        "SELECT resource_type, max(walk_started_at) FROM sync_walk
         WHERE connection_id = ?1 AND state = 'complete' AND walk_started_at <= ?2
           AND +mode IN {WHOLE_TYPES}
         GROUP BY resource_type"
    );
    let mut walks = HashMap::new();
    each(connection, &sql, params![connection_id, clock::text(now)], |row| {
        walks.insert(row.get(0)?, row.get(1)?);
        Ok(())
    })?;
    Ok(walks)
}

const REJECTS: &str = "
    SELECT connection_id, count(*) FROM rejected_resource WHERE resolved_at IS NULL
    GROUP BY connection_id";

/// The state of each connection that was ever synced or imported, by `connection.id`.
pub(crate) fn standings(
    connection: &Connection,
    now: DateTime<Utc>,
) -> Result<HashMap<i64, Standing>, WarehouseError> {
    let mut standings: HashMap<i64, Standing> = HashMap::new();
    each(connection, &of_types(), [clock::text(now)], |row| {
        let standing = Standing { open: row.get(1)?, rejects: 0, complete_as_of: row.get(2)? };
        standings.insert(row.get(0)?, standing);
        Ok(())
    })?;
    each(connection, REJECTS, [], |row| {
        if let Some(standing) = standings.get_mut(&row.get::<_, i64>(0)?) {
            standing.rejects = row.get(1)?;
        }
        Ok(())
    })?;
    Ok(standings)
}

/// Compiles the statements that go over the whole ledger, and runs none of them.
pub(crate) fn compile(connection: &Connection) -> Result<(), WarehouseError> {
    for sql in [COMPLETENESS, &of_types(), REJECTS, EFFORTS] {
        connection.prepare(sql).doing("cannot read the ledger")?;
    }
    Ok(())
}

fn each(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    mut take: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), WarehouseError> {
    let mut statement = connection.prepare(sql).doing("cannot read the ledger")?;
    let mut rows = statement.query(values).doing("cannot read the ledger")?;
    while let Some(row) = rows.next().doing("cannot read the ledger")? {
        take(row).doing("cannot read the ledger")?;
    }
    Ok(())
}

/// SQL for the lines of the view `completeness` of one connection, without reading any other connection.
///
/// It has the columns of `status::completeness`, in the same order.
fn lines_of_one() -> String {
    format!(
        "
    WITH latest AS (
      SELECT resource_type, coalesce(max(CASE WHEN mode <> 'file' THEN id END), max(id)) AS walk_id
      FROM sync_walk WHERE connection_id = ?1 AND mode <> 'window' GROUP BY resource_type)
    SELECT c.name, c.plan, c.member, l.resource_type, w.mode, w.state, w.reason, w.detail, w.hint,
      w.warning, w.failed_page,
      (SELECT d.walk_started_at FROM sync_walk d WHERE d.connection_id = ?1
         AND d.resource_type = l.resource_type AND d.state = 'complete'
         AND +d.mode IN {WHOLE_TYPES}
         ORDER BY d.id DESC LIMIT 1),
      coalesce(w.finished_at, w.started_at), w.pages_before + w.pages, w.declared_total,
      CASE w.mode WHEN 'attachment' THEN (SELECT count(t.id) FROM attachment t
           WHERE t.connection_id = ?1 AND t.state = 'stored' AND t.replaced_at IS NULL)
         ELSE (SELECT count(r.id) FROM resource r WHERE r.connection_id = ?1
           AND r.resource_type = l.resource_type AND r.deleted_at IS NULL) END,
      (SELECT count(j.id) FROM rejected_resource j WHERE j.connection_id = ?1
         AND j.resource_type = l.resource_type AND j.resolved_at IS NULL),
      (SELECT CASE WHEN min(a.missed_since) < s.last_full_at THEN min(a.missed_since)
         ELSE s.last_full_at END FROM absent_resource a WHERE a.connection_id = ?1
         AND a.resource_type = l.resource_type AND a.state = 'pending'),
      s.watermark, s.last_updated_reason, w.run_id, w.http_status, w.distinct_resources, w.total_gap,
      (SELECT count(a.missed_since) FROM absent_resource a WHERE a.connection_id = ?1
         AND a.resource_type = l.resource_type AND a.state = 'pending')
    FROM latest l JOIN sync_walk w ON w.id = l.walk_id JOIN connection c ON c.id = ?1
    LEFT JOIN type_state s ON s.connection_id = ?1 AND s.resource_type = l.resource_type
    ORDER BY l.resource_type"
    )
}

/// The completeness of each type of one connection, as in the view `completeness`.
pub(crate) fn of_one(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<TypeStatus>, WarehouseError> {
    connection
        .prepare_cached(&lines_of_one())
        .and_then(|mut statement| statement.query_map([connection_id], status_of)?.collect())
        .doing("cannot read the state of a connection's types")
}
