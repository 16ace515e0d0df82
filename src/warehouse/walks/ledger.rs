//! The ledger: what each run and each walk asked for, what it got and what it did not get.

use super::{
    cursor::{self, Cursor, WalkWindow},
    kinds::{SEARCHES, WHOLE_TYPES},
    page::PageWrite,
    seen,
    tally::Tally,
    walk_counters::WalkCounters,
    walk_finish::WalkFinish,
    walk_key::WalkKey,
};
use crate::{
    clock,
    outcome::{Reason, WalkKind, WalkState},
    warehouse::{
        error::{Doing, WarehouseError},
        tables::marts,
    },
};
use chrono::{DateTime, Duration, Utc};
use rusqlite::{Connection, OptionalExtension, params};

/// A walk about to begin.
#[derive(Debug, Clone)]
pub(crate) struct WalkStart {
    /// `sync_run.id`.
    pub(crate) run_id: i64,
    /// `connection.id`.
    pub(crate) connection_id: i64,
    /// FHIR resource type.
    pub(crate) resource_type: String,
    /// Kind of the walk.
    pub(crate) kind: WalkKind,
    /// First URL, parameter names only.
    pub(crate) first_url: Option<String>,
    /// The instant of an incremental walk: it asks for changes since then (RFC 3339).
    pub(crate) since: Option<String>,
    /// The part of the type that a walk over a window asks for.
    pub(crate) window: Option<WalkWindow>,
    /// The cursor from which the walk continues.
    pub(crate) resumes: Option<Cursor>,
    /// The base, search and consent of the walk, if they matter for it.
    pub(crate) proved_for: Option<String>,
}

/// What a walk takes over from earlier runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Left {
    /// How many different resources the walk's earlier pages have brought.
    pub(crate) distinct: u64,
    /// The pass over the same pages that ended in doubt in an earlier run.
    pub(crate) pass: Option<i64>,
}

/// Enters a walk in the ledger as running; returns its key and what it takes over from earlier runs.
pub(crate) fn start_walk(
    connection: &mut Connection,
    start: &WalkStart,
    now: DateTime<Utc>,
) -> Result<(WalkKey, Left), WarehouseError> {
    let doing = "cannot enter a walk in the ledger";
    let now = clock::text(now);
    let (cursor, window) = (start.resumes.as_ref(), start.window.as_ref());
    let transaction = connection.transaction().doing(doing)?;
    transaction
        .execute(
            "INSERT INTO sync_walk (run_id, connection_id, resource_type, mode, state, started_at,
               walk_started_at, resumed_from, pages_before, first_url, since,
               window_parameter, window_from, window_to, proved_for)
             VALUES (?1, ?2, ?3, ?4, 'running', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
            params![
                start.run_id,
                start.connection_id,
                start.resource_type,
                start.kind.as_str(),
                now,
                cursor.map_or(now.as_str(), |cursor| cursor.walk_started_at.as_str()),
                cursor.map(|cursor| cursor.walk_id),
                cursor.map_or(0, |cursor| cursor.pages),
                start.first_url,
                start.since,
                window.map(|window| &window.parameter),
                window.and_then(|window| window.from.as_ref()),
                window.and_then(|window| window.to.as_ref()),
                start.proved_for
            ],
        )
        .doing(doing)?;
    let walk = WalkKey {
        run_id: start.run_id,
        walk_id: transaction.last_insert_rowid(),
        connection_id: start.connection_id,
        resource_type: start.resource_type.clone(),
    };
    let mut left = Left { distinct: 0, pass: seen::recall_pass(&transaction, walk.walk_id)? };
    if let Some(cursor) = cursor {
        left.distinct = seen::take_over(&transaction, cursor.walk_id, &walk)?;
        cursor::take_over(&transaction, cursor.walk_id, walk.walk_id)?;
    }
    transaction.commit().doing(doing)?;
    Ok((walk, left))
}

/// Ends a walk, complete or not; its cursor stays only if the next run can continue from it.
pub(super) fn finish_walk(
    connection: &Connection,
    walk: &WalkKey,
    finish: &WalkFinish,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let doing = "cannot enter a walk's end in the ledger";
    connection
        .execute(
            "UPDATE sync_walk SET state = ?2, reason = ?3, detail = ?4, hint = ?5, http_status = ?6,
               server_message = ?7, failed_page = ?8, warning = ?9, finished_at = ?10,
               walk_started_at = coalesce(?11, walk_started_at) WHERE id = ?1",
            params![
                walk.walk_id,
                finish.state.as_str(),
                finish.reason.map(Reason::as_str),
                finish.detail,
                finish.hint,
                finish.http_status,
                finish.server_message,
                finish.failed_page,
                finish.warning,
                clock::text(now),
                finish.as_of
            ],
        )
        .doing(doing)?;
    if finish.state == WalkState::Complete {
        marts::note_return(connection, walk.walk_id)?;
    }
    if !finish.keep_cursor {
        cursor::drop_cursor(connection, walk.walk_id)?;
        seen::forget_all(connection, walk.walk_id)?;
    }
    Ok(())
}

/// Ends a walk that did not reach its last page: after an error, or without any request.
///
/// The resources that it met are there all the same, so they are no longer absent.
pub(crate) fn abandon_walk(
    connection: &mut Connection,
    walk: &WalkKey,
    finish: &WalkFinish,
    counters: &WalkCounters,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let doing = "cannot enter a walk's end in the ledger";
    let transaction = connection.transaction().doing(doing)?;
    update_counters(&transaction, walk.walk_id, counters)?;
    finish_walk(&transaction, walk, finish, now)?;
    seen::settle_met(&transaction, walk)?;
    seen::forget(&transaction, walk.walk_id)?;
    transaction.commit().doing(doing)
}

/// Whether a search over a type of a connection ended with status 403 in a run before this one.
pub(crate) fn was_forbidden_before(
    connection: &Connection,
    (connection_id, resource_type): (i64, &str),
    run_id: i64,
) -> Result<bool, WarehouseError> {
    connection
        .query_row(
            &format!(
                "SELECT EXISTS (SELECT 1 FROM sync_walk WHERE connection_id = ?1
                   AND resource_type = ?2 AND run_id < ?3 AND http_status = 403
                   AND +mode IN {SEARCHES})"
            ),
            params![connection_id, resource_type, run_id],
            |row| row.get(0),
        )
        .doing("cannot read whether a type was refused before")
}

/// Whether a gateway refused reads by id of a walk's type in a run before the walk's.
pub(crate) fn reads_were_blocked_before(
    connection: &Connection,
    walk: &WalkKey,
) -> Result<bool, WarehouseError> {
    connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM sync_walk WHERE connection_id = ?1 AND resource_type = ?2
               AND run_id < ?3 AND +mode = 'reference' AND reason = 'blocked')",
            params![walk.connection_id, walk.resource_type, walk.run_id],
            |row| row.get(0),
        )
        .doing("cannot read whether reads of a type were refused before")
}

/// Notes the URL of the latest page stored, parameter names only.
pub(super) fn note_page(connection: &Connection, page: &PageWrite) -> Result<(), WarehouseError> {
    connection
        .prepare_cached(
            "UPDATE sync_walk SET last_url = ?2, self_left_out = coalesce(?3, self_left_out)
             WHERE id = ?1",
        )
        .and_then(|mut statement| {
            statement.execute(params![page.walk.walk_id, page.url, page.self_left_out])
        })
        .doing("cannot update the ledger")
        .map(drop)
}

/// Notes the sums over the pages of a walk.
pub(super) fn note_tally(
    connection: &Connection,
    walk_id: i64,
    tally: &Tally,
) -> Result<(), WarehouseError> {
    connection
        .prepare_cached(
            "UPDATE sync_walk SET distinct_resources = ?2, total_gap = ?3 WHERE id = ?1",
        )
        .and_then(|mut statement| {
            statement.execute(params![walk_id, tally.distinct, tally.total_gap()])
        })
        .doing("cannot update the ledger")
        .map(drop)
}

pub(crate) fn update_counters(
    connection: &Connection,
    walk_id: i64,
    counters: &WalkCounters,
) -> Result<(), WarehouseError> {
    connection
        .prepare_cached(
            "UPDATE sync_walk SET pages = ?2, requests = ?3, retries = ?4, bytes = ?5,
               resources_seen = ?6, resources_new = ?7, resources_changed = ?8,
               resources_unchanged = ?9, resources_deleted = ?10, resources_rejected = ?11,
               duplicates = ?12, rows_written = ?13, declared_total = ?14, resources_older = ?15,
               resources_absent = ?16
             WHERE id = ?1",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                walk_id,
                counters.pages,
                counters.requests,
                counters.retries,
                counters.bytes,
                counters.resources_seen,
                counters.resources_new,
                counters.resources_changed,
                counters.resources_unchanged,
                counters.resources_deleted,
                counters.resources_rejected,
                counters.duplicates,
                counters.rows_written,
                counters.declared_total,
                counters.resources_older,
                counters.resources_absent
            ])
        })
        .doing("cannot update the ledger")
        .map(drop)
}

/// The latest walk over a whole type, with its counters.
pub(crate) fn latest_walk(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
) -> Result<Option<(WalkKey, WalkCounters)>, WarehouseError> {
    connection
        .query_row(
            &format!(
                "SELECT id, pages, requests, retries, bytes, resources_seen, resources_new,
                   resources_changed, resources_unchanged, resources_deleted, resources_absent,
                   resources_rejected, duplicates, rows_written, declared_total, resources_older, run_id
                 FROM sync_walk WHERE connection_id = ?1 AND resource_type = ?2
                   AND +mode IN {WHOLE_TYPES} ORDER BY id DESC LIMIT 1"
            ),
            params![connection_id, resource_type],
            |row| {
                let walk = WalkKey {
                    run_id: row.get(16)?,
                    walk_id: row.get(0)?,
                    connection_id,
                    resource_type: resource_type.to_owned(),
                };
                let counters = WalkCounters {
                    pages: row.get(1)?,
                    requests: row.get(2)?,
                    retries: row.get(3)?,
                    bytes: row.get(4)?,
                    resources_seen: row.get(5)?,
                    resources_new: row.get(6)?,
                    resources_changed: row.get(7)?,
                    resources_unchanged: row.get(8)?,
                    resources_deleted: row.get(9)?,
                    resources_absent: row.get(10)?,
                    resources_rejected: row.get(11)?,
                    duplicates: row.get(12)?,
                    rows_written: row.get(13)?,
                    declared_total: row.get(14)?,
                    resources_older: row.get(15)?,
                };
                Ok((walk, counters))
            },
        )
        .optional()
        .doing("cannot read the ledger")
}

/// The requests of a plan's walks that ended since an instant, or that are still open and began since.
///
/// A walk that ended more than a day later was dated by a clock that was ahead, and is left out.
pub(crate) fn requests_since(
    connection: &Connection,
    plan: &str,
    since: DateTime<Utc>,
) -> Result<u32, WarehouseError> {
    connection
        .query_row(
            "SELECT coalesce(sum(w.requests), 0) FROM sync_walk w
             JOIN connection c ON c.id = w.connection_id
             WHERE c.plan = ?1 AND coalesce(w.finished_at,
               -- A walk whose process was killed: its last page was the last sign of it.
               (SELECT max(k.updated_at) FROM walk_cursor k WHERE k.walk_id = w.id),
               w.started_at) BETWEEN ?2 AND ?3",
            params![plan, clock::text(since), clock::text(since + Duration::days(1))],
            |row| row.get(0),
        )
        .doing("cannot count the requests of the last hour")
}

/// The number of open rejects of a connection.
pub(crate) fn open_rejects(
    connection: &Connection,
    connection_id: i64,
) -> Result<u64, WarehouseError> {
    connection
        .query_row(
            "SELECT count(*) FROM rejected_resource WHERE connection_id = ?1 AND resolved_at IS NULL",
            [connection_id],
            |row| row.get(0),
        )
        .optional()
        .doing("cannot count the rejects")
        .map(Option::unwrap_or_default)
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
