//! The ledger: what each run and each walk asked for, got and did not get.

use super::{
    cursor::{self, Cursor, WalkWindow},
    error::{Doing, WarehouseError},
    finish,
    page_writer::PageWrite,
    walk_finish::WalkFinish,
};
use crate::{
    clock,
    outcome::{Reason, WalkKind},
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};

/// Which walk something belongs to.
#[derive(Debug, Clone)]
pub struct WalkKey {
    /// `sync_run.id`.
    pub run_id: i64,
    /// `sync_walk.id`.
    pub walk_id: i64,
    /// `connection.id`.
    pub connection_id: i64,
    /// FHIR resource type.
    pub resource_type: String,
}

/// What a walk counts, in this run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalkCounters {
    /// Pages stored.
    pub pages: u64,
    /// HTTP requests sent, repeats included.
    pub requests: u64,
    /// Repeats among them.
    pub retries: u64,
    /// Bytes of page bodies, decompressed.
    pub bytes: u64,
    /// Entries that are resources, duplicates left out.
    pub resources_seen: u64,
    /// Seen for the first time.
    pub resources_new: u64,
    /// Content differs from the stored one.
    pub resources_changed: u64,
    /// Content is the stored one.
    pub resources_unchanged: u64,
    /// Older than the stored version, which stays.
    pub resources_older: u64,
    /// Marked as deleted.
    pub resources_deleted: u64,
    /// Quarantined.
    pub resources_rejected: u64,
    /// Entries that repeat another one of the same page.
    pub duplicates: u64,
    /// Rows inserted into normalised tables.
    pub rows_written: u64,
    /// `Bundle.total` of the last page that had one.
    pub declared_total: Option<u64>,
}

impl WalkCounters {
    /// Adds what the walk of another part counted.
    pub fn add(&mut self, other: &WalkCounters) {
        self.add_effort(other);
        self.pages += other.pages;
        self.bytes += other.bytes;
        self.resources_seen += other.resources_seen;
        self.resources_unchanged += other.resources_unchanged;
        self.resources_older += other.resources_older;
        self.resources_deleted += other.resources_deleted;
        self.resources_rejected += other.resources_rejected;
        self.duplicates += other.duplicates;
    }

    /// Adds what another attempt at the same type cost and wrote.
    pub fn add_effort(&mut self, other: &WalkCounters) {
        self.requests += other.requests;
        self.retries += other.retries;
        self.rows_written += other.rows_written;
        self.resources_new += other.resources_new;
        self.resources_changed += other.resources_changed;
    }
}

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
    /// What an incremental walk asks for (RFC 3339).
    pub(crate) since: Option<String>,
    /// The part of the type that a walk by windows asks for.
    pub(crate) window: Option<WalkWindow>,
    /// The cursor that it goes on from.
    pub(crate) resumes: Option<Cursor>,
}

/// Begins a run and closes what a killed one left open.
pub(crate) fn start_run(
    connection: &mut Connection,
    command: &str,
    now: DateTime<Utc>,
) -> Result<i64, WarehouseError> {
    let doing = "cannot begin a run";
    let now = clock::text(now);
    let transaction = connection.transaction().doing(doing)?;
    transaction
        .execute(
            "UPDATE sync_run SET state = 'interrupted', finished_at = ?1,
               summary = 'the process ended before the run did' WHERE state = 'running'",
            [&now],
        )
        .doing(doing)?;
    transaction
        .execute(
            "UPDATE sync_walk SET state = 'incomplete', reason = 'process_ended', finished_at = ?1,
               detail = 'the process ended before the walk did' WHERE state = 'running'",
            [&now],
        )
        .doing(doing)?;
    transaction
        .execute(
            "INSERT INTO sync_run (command, version, state, started_at) VALUES (?1, ?2, 'running', ?3)",
            params![command, env!("CARGO_PKG_VERSION"), now],
        )
        .doing(doing)?;
    let run_id = transaction.last_insert_rowid();
    transaction.commit().doing(doing)?;
    Ok(run_id)
}

/// Ends a run.
pub(crate) fn finish_run(
    connection: &mut Connection,
    run_id: i64,
    state: &str,
    exit_code: u8,
    summary: &str,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "UPDATE sync_run SET state = ?2, exit_code = ?3, summary = ?4, finished_at = ?5 WHERE id = ?1",
            params![run_id, state, exit_code, summary, clock::text(now)],
        )
        .doing("cannot end a run")
        .map(drop)
}

/// Enters a walk as running.
pub(crate) fn start_walk(
    connection: &mut Connection,
    start: &WalkStart,
    now: DateTime<Utc>,
) -> Result<WalkKey, WarehouseError> {
    let now = clock::text(now);
    let (cursor, window) = (start.resumes.as_ref(), start.window.as_ref());
    connection
        .execute(
            "INSERT INTO sync_walk (run_id, connection_id, resource_type, mode, state, started_at,
               walk_started_at, resumed_from, pages_before, first_url, since,
               window_parameter, window_from, window_to)
             VALUES (?1, ?2, ?3, ?4, 'running', ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
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
                window.and_then(|window| window.to.as_ref())
            ],
        )
        .doing("cannot enter a walk in the ledger")?;
    Ok(WalkKey {
        run_id: start.run_id,
        walk_id: connection.last_insert_rowid(),
        connection_id: start.connection_id,
        resource_type: start.resource_type.clone(),
    })
}

/// Ends a walk, complete or not; its cursor stays only where the next run can go on from it.
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
    if !finish.keep_cursor {
        cursor::drop_cursor(connection, walk.walk_id)?;
    }
    Ok(())
}

/// Ends a walk outside a page: with an error, or without having asked for anything.
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
    finish::forget(&transaction, walk.walk_id)?;
    transaction.commit().doing(doing)
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

pub(super) fn update_counters(
    connection: &Connection,
    walk_id: i64,
    counters: &WalkCounters,
) -> Result<(), WarehouseError> {
    connection
        .prepare_cached(
            "UPDATE sync_walk SET pages = ?2, requests = ?3, retries = ?4, bytes = ?5,
               resources_seen = ?6, resources_new = ?7, resources_changed = ?8,
               resources_unchanged = ?9, resources_deleted = ?10, resources_rejected = ?11,
               duplicates = ?12, rows_written = ?13, declared_total = ?14, resources_older = ?15
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
                counters.resources_older
            ])
        })
        .doing("cannot update the ledger")
        .map(drop)
}

/// How many requests the walks of a plan have sent since an instant.
pub(crate) fn requests_since(
    connection: &Connection,
    plan: &str,
    since: DateTime<Utc>,
) -> Result<u32, WarehouseError> {
    connection
        .query_row(
            "SELECT coalesce(sum(w.requests), 0) FROM sync_walk w
             JOIN connection c ON c.id = w.connection_id
             WHERE c.plan = ?1 AND coalesce(w.finished_at, w.started_at) >= ?2",
            params![plan, clock::text(since)],
            |row| row.get(0),
        )
        .doing("cannot count the requests of the last hour")
}

/// How many rejects of a connection are open.
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
