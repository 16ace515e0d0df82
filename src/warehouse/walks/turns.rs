//! Decides whose turn it is, if the number of requests per run is limited.
//!
//! A type has had its turn in a run if it got all the requests that it wanted, or if the run began with it,
//! since it could then take all the requests there were. A type that got only what was left, and wanted more,
//! keeps its place. Otherwise a type that wants many requests would for ever get what others leave.

use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashMap;

/// The last walk with which each type of each connection had its turn; types without a turn are missing.
///
/// The value is the walk's id in the ledger: later walks have higher ids.
///
/// Requests of a proof of deletion are counted with the walk that missed the resource, which an earlier
/// run made. So a run's proofs show only in the absent resources that were asked for during the run. A type
/// with absent resources that were never asked for wants more requests.
///
/// Most runs ask for Patient first, with few requests. That is the turn of Patient; the run counts as begun
/// with the type after it, except if it had too few requests to leave enough for a proof.
///
/// # Errors
/// The ledger cannot be read.
pub(crate) fn last_turns(
    connection: &Connection,
) -> Result<HashMap<(i64, String), i64>, WarehouseError> {
    connection
        .prepare(
            "WITH asked AS (
               SELECT run_id, connection_id, resource_type, min(id) AS first, max(id) AS latest,
                 max(reason IS 'request_limit') AS is_cut, sum(requests) AS requests
               FROM sync_walk WHERE requests > 0 OR reason = 'request_limit'
               GROUP BY run_id, connection_id, resource_type),
             few AS (
               SELECT a.run_id FROM asked a GROUP BY a.run_id
               HAVING max(a.is_cut) AND sum(a.requests) <= 3 AND sum(a.requests) + (
                 -- A proof takes two requests besides.
                 SELECT iif(count(*) = 0, 0, count(*) + 2) FROM absent_resource x
                   JOIN sync_run r ON r.id = a.run_id
                 WHERE x.asked_at BETWEEN r.started_at AND coalesce(r.finished_at, '9999')) <= 3),
             head AS (
               SELECT run_id, min(first) AS first FROM asked
               WHERE resource_type <> 'Patient' OR run_id IN (SELECT run_id FROM few)
               GROUP BY run_id),
             waiting AS (
               SELECT DISTINCT connection_id, resource_type FROM absent_resource
               WHERE state = 'pending' AND asked_at IS NULL)
             SELECT a.connection_id, a.resource_type, max(a.latest)
             FROM asked a LEFT JOIN head h ON h.run_id = a.run_id
               LEFT JOIN waiting w
                 ON w.connection_id = a.connection_id AND w.resource_type = a.resource_type
             WHERE a.resource_type = 'Patient' AND a.requests > 0
               OR NOT a.is_cut AND w.resource_type IS NULL
               OR a.first = h.first AND (a.requests > 0 OR EXISTS (
                 SELECT 1 FROM absent_resource x JOIN sync_run r ON r.id = a.run_id
                 WHERE x.connection_id = a.connection_id AND x.resource_type = a.resource_type
                   AND x.asked_at BETWEEN r.started_at AND coalesce(r.finished_at, '9999')))
             GROUP BY a.connection_id, a.resource_type",
        )
        .and_then(|mut statement| {
            let entry = |row: &Row<'_>| Ok(((row.get(0)?, row.get(1)?), row.get(2)?));
            statement.query_map([], entry)?.collect()
        })
        .doing("cannot look up in which order to walk")
}

/// The run in which each connection last had its turn: the run began with it, or finished all its types.
///
/// Connections that never had a turn are missing.
///
/// # Errors
/// The ledger cannot be read.
pub(crate) fn connection_turns(
    connection: &Connection,
) -> Result<HashMap<i64, i64>, WarehouseError> {
    connection
        .prepare(
            "WITH asked AS (
               SELECT run_id, connection_id, min(id) AS first,
                 max(reason IS 'request_limit') AS is_cut
               FROM sync_walk WHERE requests > 0 OR reason = 'request_limit'
               GROUP BY run_id, connection_id),
             head AS (SELECT run_id, min(first) AS first FROM asked GROUP BY run_id)
             SELECT a.connection_id, max(a.run_id)
             FROM asked a JOIN head h ON h.run_id = a.run_id
             WHERE a.first = h.first OR NOT a.is_cut GROUP BY a.connection_id",
        )
        .and_then(|mut statement| {
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .doing("cannot look up in which run each connection had its turn")
}

/// Whether the latest full walk over a type got no page, because walks over changes took all requests.
///
/// A full walk that takes several nights takes turns with walks over changes.
///
/// # Errors
/// The ledger cannot be read.
pub(crate) fn is_turn_of_full_walk(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
) -> Result<bool, WarehouseError> {
    connection
        .query_row(
            "SELECT reason IS 'request_limit' AND pages = 0 FROM sync_walk
             WHERE connection_id = ?1 AND resource_type = ?2 AND mode = 'full'
             ORDER BY id DESC LIMIT 1",
            params![connection_id, resource_type],
            |row| row.get(0),
        )
        .optional()
        .doing("cannot look up whether it is the turn of a full walk")
        .map(|is_turn| is_turn.unwrap_or(false))
}

/// The number of pages of a type's latest complete full walk, in its last pass.
///
/// `None` if there was no such walk.
///
/// # Errors
/// The ledger cannot be read.
pub(crate) fn pages_of_full_walk(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
) -> Result<Option<u64>, WarehouseError> {
    connection
        .query_row(
            "SELECT pages_before + pages FROM sync_walk
             WHERE connection_id = ?1 AND resource_type = ?2 AND mode = 'full'
               AND state = 'complete' ORDER BY id DESC LIMIT 1",
            params![connection_id, resource_type],
            |row| row.get(0),
        )
        .optional()
        .doing("cannot look up how many pages a walk had")
}
