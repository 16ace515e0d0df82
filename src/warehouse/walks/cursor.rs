//! Cursors: where a walk continues after a crash. A cursor is committed together with the page before it.

use super::{kinds::WHOLE_TYPES, page::PageWrite, seen, tally::Tally, walk_counters::WalkCounters};
use crate::{
    clock,
    outcome::{Reason, WalkKind},
    warehouse::error::{Doing, WarehouseError},
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Where an unfinished walk continues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// FHIR resource type.
    pub resource_type: String,
    /// Kind of the walk.
    pub kind: WalkKind,
    /// The walk of an earlier run that is continued.
    pub walk_id: i64,
    /// The URL of the page to request next.
    pub next_url: String,
    /// Pages stored before the page of `next_url`.
    pub pages: u64,
    /// Resources seen before the page of `next_url`.
    pub resources_seen: u64,
    /// When the first page was requested.
    pub walk_started_at: String,
    /// The instant of an incremental walk: it asked for everything that changed at or after this instant.
    pub since: Option<String>,
    /// The number of runs that got nothing at this page.
    pub failures: u32,
    /// The base, search and consent that the walk is made with; `None` if not known.
    pub proved_for: Option<String>,
    /// The sums over the pages before, except the number of different resources.
    pub(crate) tally: Tally,
}

/// A part of a type: the resources with a date on certain days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkWindow {
    /// The search parameter, e.g. `service-date`.
    pub parameter: String,
    /// The first day (`YYYY-MM-DD`); `None`: any day before `to`.
    pub from: Option<String>,
    /// The first day after the window; `None`: any day since `from`.
    pub to: Option<String>,
}

/// Moves a walk's cursor to the page after a stored page.
///
/// It replaces the cursor of an earlier walk over the same part of the type, which can then not be
/// continued.
pub(super) fn put_cursor(
    connection: &Connection,
    page: &PageWrite,
    next_url: &str,
    counters: &WalkCounters,
    tally: &Tally,
) -> Result<(), WarehouseError> {
    if counters.pages <= 1 {
        seen::forget_pages_before(connection, page.walk.walk_id)?;
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO walk_cursor (connection_id, resource_type, mode,
               window_parameter, window_from, window_to, walk_id, next_url, pages, resources_seen,
               entries, matches, rejected, first_page_entries, declared_total, total_changed,
               walk_started_at, updated_at, began_at, brought_early, brought_late, stale_pages,
               repeated_page, hollow_pages)
             SELECT connection_id, resource_type, mode, coalesce(window_parameter, ''),
               coalesce(window_from, ''), coalesce(window_to, ''), id, ?2, pages_before + ?3,
               ?4, ?6, ?11, ?7, ?8, ?9, ?10, walk_started_at, ?5,
               ?12, ?13, ?14, ?15, ?16, ?17
             FROM sync_walk WHERE id = ?1",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                page.walk.walk_id,
                next_url,
                counters.pages,
                counters.resources_seen,
                clock::text(page.now),
                tally.entries,
                tally.rejected,
                tally.first_page,
                tally.declared_total,
                tally.total_changed,
                tally.matches,
                tally.began.map(clock::text),
                tally.brought_early,
                tally.brought_late,
                tally.stale_pages,
                tally.repeated_page,
                tally.hollow_pages
            ])
        })
        .doing("cannot store a cursor")
        .map(drop)
}

/// Deletes the cursor of a walk.
pub(super) fn drop_cursor(connection: &Connection, walk_id: i64) -> Result<(), WarehouseError> {
    connection
        .execute(
            "DELETE FROM walk_cursor
             WHERE (connection_id, resource_type, mode, window_parameter, window_from, window_to) =
               (SELECT connection_id, resource_type, mode, coalesce(window_parameter, ''),
                  coalesce(window_from, ''), coalesce(window_to, '') FROM sync_walk WHERE id = ?1)",
            [walk_id],
        )
        .doing("cannot drop a cursor")
        .map(drop)
}

/// Assigns the cursor of an earlier walk to the walk that continues it.
pub(crate) fn take_over(
    connection: &Connection,
    earlier: i64,
    walk_id: i64,
) -> Result<(), WarehouseError> {
    connection
        .execute("UPDATE walk_cursor SET walk_id = ?2 WHERE walk_id = ?1", [earlier, walk_id])
        .doing("cannot take over a cursor")
        .map(drop)
}

/// Notes that a run got nothing from the page that a walk's cursor names.
pub(crate) fn note_failure(connection: &Connection, walk_id: i64) -> Result<(), WarehouseError> {
    connection
        .execute("UPDATE walk_cursor SET failures = failures + 1 WHERE walk_id = ?1", [walk_id])
        .doing("cannot note that a cursor failed")
        .map(drop)
}

/// The columns of a cursor, as [`cursor_of`] reads them.
const CURSOR: &str = "SELECT k.resource_type, k.mode, k.walk_id, k.next_url, k.pages,
   k.resources_seen, k.walk_started_at, w.since, k.failures, k.entries, k.matches, k.rejected,
   k.first_page_entries, k.declared_total, k.total_changed, k.began_at, k.brought_early,
   k.brought_late, k.stale_pages, k.repeated_page, w.proved_for, k.hollow_pages
 FROM walk_cursor k JOIN sync_walk w ON w.id = k.walk_id";

/// The cursors of a connection's unfinished walks over whole types.
pub(crate) fn cursors(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<Cursor>, WarehouseError> {
    connection
        .prepare_cached(
            &format!("{CURSOR} WHERE k.connection_id = ?1 AND k.window_parameter = '' ORDER BY k.resource_type"),
        )
        .and_then(|mut statement| statement.query_map([connection_id], cursor_of)?.collect())
        .doing("cannot read the cursors")
}

/// The cursor of one window's unfinished walk.
pub(crate) fn window_cursor(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    window: &WalkWindow,
) -> Result<Option<Cursor>, WarehouseError> {
    connection
        .prepare_cached(
            &format!("{CURSOR} WHERE k.connection_id = ?1 AND k.resource_type = ?2 AND k.window_parameter = ?3
               AND k.window_from = coalesce(?4, '') AND k.window_to = coalesce(?5, '')"),
        )
        .and_then(|mut statement| {
            let key =
                params![connection_id, resource_type, window.parameter, window.from, window.to];
            statement.query_row(key, cursor_of).optional()
        })
        .doing("cannot read the cursors")
}

/// When the latest complete walk over a window began.
///
/// With `proved_for`, only walks with this base, search and consent count.
pub(crate) fn window_complete_at(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    window: &WalkWindow,
    proved_for: Option<&str>,
) -> Result<Option<String>, WarehouseError> {
    connection
        .query_row(
            "SELECT max(walk_started_at) FROM sync_walk WHERE connection_id = ?1
               AND resource_type = ?2 AND mode = 'window' AND state = 'complete'
               AND window_parameter = ?3 AND window_from IS ?4 AND window_to IS ?5
               AND (?6 IS NULL OR proved_for = ?6)",
            params![
                connection_id,
                resource_type,
                window.parameter,
                window.from,
                window.to,
                proved_for
            ],
            |row| row.get(0),
        )
        .doing("cannot read which windows are complete")
}

/// Whether a complete full walk has brought everything that a query would bring.
///
/// Such a walk either had no search parameter beyond the patient, or searched by the query itself: its
/// `proved_for` is then `alone`.
pub(crate) fn came_whole(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    alone: &str,
) -> Result<bool, WarehouseError> {
    let is_wide = |(first_url, proved_for): (Option<String>, Option<String>)| {
        proved_for.as_deref() == Some(alone) || first_url.is_some_and(|url| names_no_more(&url))
    };
    // A walk continued from an earlier run begins in the middle, at a URL that the server made.
    connection
        .prepare_cached(
            "SELECT DISTINCT iif(pages_before = 0, first_url, NULL), proved_for FROM sync_walk
             WHERE connection_id = ?1 AND resource_type = ?2
               AND mode = 'full' AND state = 'complete' AND resources_seen > 0",
        )
        .and_then(|mut statement| {
            let walks = statement.query_map(params![connection_id, resource_type], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })?;
            walks.map(|walk| walk.map(is_wide)).try_fold(false, |any, is_wide| Ok(any | is_wide?))
        })
        .doing("cannot read which walks brought a type")
}

/// Whether a search has no parameters except the page size and the patient, who may also be named by `_id`.
fn names_no_more(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    query.split('&').all(|pair| {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        matches!(name, "" | "_count" | "_id" | "patient" | "subject" | "beneficiary")
    })
}

/// Whether the latest window of a type is the closing one, and complete.
///
/// The closing window is over the date of the last change, and has no end.
pub(crate) fn windows_are_closed(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    last_updated: &str,
) -> Result<bool, WarehouseError> {
    connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM sync_walk WHERE id = (
               SELECT max(id) FROM sync_walk WHERE connection_id = ?1 AND resource_type = ?2
                 AND mode = 'window')
             AND state = 'complete' AND window_parameter = ?3 AND window_to IS NULL)",
            params![connection_id, resource_type, last_updated],
            |row| row.get(0),
        )
        .doing("cannot read which windows are complete")
}

fn cursor_of(row: &Row<'_>) -> rusqlite::Result<Cursor> {
    Ok(Cursor {
        resource_type: row.get(0)?,
        kind: WalkKind::from_word(row.get_ref(1)?.as_str()?).unwrap_or(WalkKind::Full),
        walk_id: row.get(2)?,
        next_url: row.get(3)?,
        pages: row.get(4)?,
        resources_seen: row.get(5)?,
        walk_started_at: row.get(6)?,
        since: row.get(7)?,
        failures: row.get(8)?,
        proved_for: row.get(20)?,
        tally: Tally {
            denies_total: false,
            nameless_again: false,
            entries: row.get(9)?,
            matches: row.get(10)?,
            rejected: row.get(11)?,
            distinct: 0,
            first_page: row.get(12)?,
            latest_page: 0,
            declared_total: row.get(13)?,
            total_changed: row.get(14)?,
            stale_pages: row.get(18)?,
            hollow_pages: row.get(21)?,
            repeated_page: row.get(19)?,
            began: row.get::<_, Option<String>>(15)?.as_deref().and_then(clock::parsed),
            brought_early: row.get(16)?,
            brought_late: row.get(17)?,
        },
    })
}

/// When the latest walk over the whole type ended, of those that were complete or went through all windows.
///
/// A walk that ended after `now` was dated by a clock that was ahead, and is left out.
pub(crate) fn last_round_ended(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    now: DateTime<Utc>,
) -> Result<Option<String>, WarehouseError> {
    let too_long = too_long();
    connection
        .query_row(
            &format!(
                "SELECT max(finished_at) FROM sync_walk WHERE connection_id = ?1
                   AND resource_type = ?2 AND +mode IN {WHOLE_TYPES} AND finished_at <= ?3
                   AND (state = 'complete'
                     OR window_parameter IS NOT NULL AND reason IN {too_long})"
            ),
            params![connection_id, resource_type, clock::text(now)],
            |row| row.get(0),
        )
        .doing("cannot read when a type was complete")
}

/// How many live resources of a type were ever listed, and how many of them came before an instant.
pub(crate) fn live_resources(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    before: &str,
) -> Result<(u64, u64), WarehouseError> {
    connection
        .query_row(
            "SELECT count(*), count(*) FILTER (WHERE received_at < ?3) FROM resource
             WHERE connection_id = ?1 AND resource_type = ?2 AND deleted_at IS NULL
               AND id NOT IN (SELECT resource FROM resource_unlisted)",
            params![connection_id, resource_type, before],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .doing("cannot count a type's resources")
}

/// The reasons for which a walk ends if it is too long for its server, as a list in SQL.
fn too_long() -> String {
    format!("('{}')", Reason::TOO_LONG.map(Reason::as_str).join("', '"))
}

/// Whether the latest walk over a window since an instant was too long for its server.
pub(crate) fn window_is_too_long(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    window: &WalkWindow,
    since: &str,
) -> Result<bool, WarehouseError> {
    let too_long = too_long();
    connection
        .query_row(
            &format!(
                "SELECT EXISTS (SELECT 1 FROM sync_walk WHERE id = (
                   SELECT max(id) FROM sync_walk WHERE connection_id = ?1 AND resource_type = ?2
                     AND mode = 'window' AND window_parameter = ?3 AND window_from IS ?4
                     AND window_to IS ?5 AND walk_started_at >= ?6)
                 AND state = 'incomplete' AND reason IN {too_long})"
            ),
            params![connection_id, resource_type, window.parameter, window.from, window.to, since],
            |row| row.get(0),
        )
        .doing("cannot read which windows were too long")
}

/// Looks for a round of windows to continue.
///
/// That is the latest walk over a type if it is by date, has this base, search and consent, began at or
/// after an instant, and did not reach its end. The inner value is the total that the server declared, if
/// any.
pub(crate) fn unfinished_round(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    proved_for: &str,
    since: &str,
) -> Result<Option<Option<u64>>, WarehouseError> {
    let too_long = too_long();
    connection
        .query_row(
            &format!(
                "SELECT (SELECT declared_total FROM sync_walk WHERE connection_id = ?1
                   AND resource_type = ?2 AND mode = 'full' AND declared_total IS NOT NULL AND proved_for = ?4
                   ORDER BY id DESC LIMIT 1)
                 FROM sync_walk WHERE id = (SELECT max(id) FROM sync_walk WHERE connection_id = ?1
                   AND resource_type = ?2 AND +mode IN {WHOLE_TYPES})
                 AND window_parameter IS NOT NULL AND state = 'incomplete'
                 AND reason NOT IN {too_long} AND walk_started_at >= ?3 AND proved_for = ?4"
            ),
            params![connection_id, resource_type, since, proved_for],
            |row| row.get(0),
        )
        .optional()
        .doing("cannot read whether a walk by date is unfinished")
}
