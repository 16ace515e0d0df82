//! The queue of references to types that a plan does not list.
//!
//! The queue is filled from the stored resources. Each answer is entered in the transaction that stores
//! the resource, so a killed run continues where it stopped. This module does not know how a reference is
//! written or read.

use super::{answered::Verdict, burial::bury_one, page::PageWrite, walk_counters::WalkCounters};
use crate::{
    clock,
    warehouse::{
        error::{Doing, WarehouseError},
        tables::table::Catalog,
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

/// The ids of a type's live resources that were brought by reads, the latest first.
pub(crate) fn read_before(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
) -> Result<Vec<String>, WarehouseError> {
    connection
        .prepare(
            "SELECT q.resource_id FROM reference_queue q JOIN resource r
               ON r.connection_id = q.connection_id AND r.resource_type = q.resource_type
               AND r.resource_id = q.resource_id
             WHERE q.connection_id = ?1 AND q.resource_type = ?2 AND q.state = 'stored'
               AND r.deleted_at IS NULL
             ORDER BY q.answered_at DESC, q.resource_id",
        )
        .and_then(|mut statement| {
            statement.query_map(params![connection_id, resource_type], |row| row.get(0))?.collect()
        })
        .doing("cannot read which resources reads have brought")
}

/// A reference that was found in a stored resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) resource_type: String,
    pub(crate) resource_id: String,
    pub(crate) depth: u32,
}

/// The state of a type that is read by reference.
#[derive(Debug, Clone)]
pub(crate) struct ReferenceType {
    /// Resources received before this instant have been searched for references.
    pub(crate) scanned_to: Option<String>,
    /// Whether the server honours a list of ids, if known.
    pub(crate) batches: Option<bool>,
}

/// The number of references, by the outcome of reading them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct QueueSummary {
    pub(crate) pending: u64,
    pub(crate) stored: u64,
    pub(crate) absent: u64,
    pub(crate) refused: u64,
    pub(crate) unreadable: u64,
    /// References that are further from a listed resource than references are followed.
    pub(crate) too_deep: u64,
}

/// A stored resource that may have references to others.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    /// 0 for a listed resource; otherwise the depth of the reference by which it came.
    pub(crate) depth: u32,
    pub(crate) json: &'a [u8],
}

/// Begins a round over all references of a type, unless the latest round is newer than `due_before`.
///
/// A clock that was ahead may have dated rounds, answers and resources in the future. A round dated in the
/// future is replaced, and an answer dated in the future is asked for again. If the search has reached an
/// instant in the future, all resources are searched again.
pub(crate) fn begin(
    connection: &mut Connection,
    connection_id: i64,
    resource_type: &str,
    due_before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<ReferenceType, WarehouseError> {
    let doing = "cannot begin to read by reference";
    let (now, due_before) = (clock::text(now), clock::text(due_before));
    let transaction = connection.transaction().doing(doing)?;
    transaction
        .execute(
            "INSERT INTO reference_type (connection_id, resource_type, round_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (connection_id, resource_type) DO UPDATE SET
               round_at = excluded.round_at, scanned_to = NULL, batches = 'unknown'
             WHERE round_at <= ?4 OR round_at > ?3",
            params![connection_id, resource_type, now, due_before],
        )
        .doing(doing)?;
    for sql in [
        "UPDATE reference_type SET scanned_to = NULL
         WHERE connection_id = ?1 AND resource_type = ?2 AND scanned_to > ?3",
        "UPDATE reference_queue SET answered_at = NULL
         WHERE connection_id = ?1 AND resource_type = ?2 AND answered_at > ?3",
    ] {
        transaction.execute(sql, params![connection_id, resource_type, now]).doing(doing)?;
    }
    let known = transaction
        .query_row(
            "SELECT scanned_to, batches FROM reference_type
             WHERE connection_id = ?1 AND resource_type = ?2",
            params![connection_id, resource_type],
            |row| {
                let batches = match row.get_ref(1)?.as_str()? {
                    "honoured" => Some(true),
                    "ignored" => Some(false),
                    _ => None,
                };
                Ok(ReferenceType { scanned_to: row.get(0)?, batches })
            },
        )
        .doing(doing)?;
    transaction.commit().doing(doing)?;
    Ok(known)
}

/// Calls `tell` with every live resource received at or after an instant, and not after `now`.
///
/// A resource that a clock dated in the future is found only by a search from the beginning. Any later search
/// would find it anew each night until that date.
///
/// Returns when the newest of them was received.
pub(crate) fn sources(
    connection: &Connection,
    connection_id: i64,
    since: &str,
    now: &str,
    tell: &mut dyn FnMut(Source<'_>),
) -> Result<Option<String>, WarehouseError> {
    let doing = "cannot search the stored resources for references";
    let mut statement = connection
        .prepare_cached(
            "SELECT coalesce(q.depth, 0), r.json, r.received_at FROM resource r
             LEFT JOIN reference_queue q ON q.connection_id = r.connection_id
               AND q.resource_type = r.resource_type AND q.resource_id = r.resource_id
             WHERE r.connection_id = ?1 AND r.received_at >= ?2 AND r.deleted_at IS NULL
               AND (?2 = '' OR r.received_at <= ?3)
             ORDER BY r.received_at",
        )
        .doing(doing)?;
    let mut rows = statement.query(params![connection_id, since, now]).doing(doing)?;
    let mut newest = None;
    while let Some(row) = rows.next().doing(doing)? {
        let json = row.get_ref(1).and_then(|value| Ok(value.as_bytes()?)).doing(doing)?;
        tell(Source { depth: row.get(0).doing(doing)?, json });
        newest = Some(row.get(2).doing(doing)?);
    }
    Ok(newest)
}

/// Queues the references that were found, and notes up to which instant resources were searched.
pub(crate) fn enqueue(
    connection: &mut Connection,
    connection_id: i64,
    found: &[Found],
    scanned: &[String],
    scanned_to: &str,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let doing = "cannot queue references";
    let transaction = connection.transaction().doing(doing)?;
    for reference in found {
        transaction
            .prepare_cached(
                "INSERT INTO reference_queue (connection_id, resource_type, resource_id, depth, found_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (connection_id, resource_type, resource_id) DO UPDATE
                 SET depth = excluded.depth WHERE excluded.depth < depth",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    connection_id,
                    reference.resource_type,
                    reference.resource_id,
                    reference.depth,
                    clock::text(now)
                ])
            })
            .doing(doing)?;
    }
    for resource_type in scanned {
        transaction
            .execute(
                "UPDATE reference_type SET scanned_to = ?3
                 WHERE connection_id = ?1 AND resource_type = ?2 AND scanned_to IS NOT ?3",
                params![connection_id, resource_type, scanned_to],
            )
            .doing(doing)?;
    }
    transaction.commit().doing(doing)
}

/// References not answered in the present round and not too deep. Parameters: connection, type, depth.
const PENDING: &str = "q.connection_id = ?1 AND q.resource_type = ?2 AND q.depth <= ?3
   AND (q.answered_at IS NULL OR q.answered_at < t.round_at)";

const QUEUE: &str = "reference_queue q JOIN reference_type t
   ON t.connection_id = q.connection_id AND t.resource_type = q.resource_type";

/// The ids of a type that must still be read; those that failed before come last.
pub(crate) fn pending(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    max_depth: u32,
) -> Result<Vec<String>, WarehouseError> {
    connection
        .prepare_cached(&format!(
            "SELECT q.resource_id FROM {QUEUE} WHERE {PENDING}
             ORDER BY q.reason IS NOT NULL, q.depth, q.resource_id"
        ))
        .and_then(|mut statement| {
            statement
                .query_map(params![connection_id, resource_type, max_depth], |row| row.get(0))?
                .collect()
        })
        .doing("cannot read the queue of references")
}

/// Counts a type's references by their outcome.
pub(crate) fn summary(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    max_depth: u32,
) -> Result<QueueSummary, WarehouseError> {
    let count = |state: &str| format!("count(*) FILTER (WHERE q.state = '{state}')");
    let sql = format!(
        "SELECT count(*) FILTER (WHERE {PENDING}), {}, {}, {}, {},
           count(*) FILTER (WHERE q.depth > ?3)
         FROM {QUEUE} WHERE q.connection_id = ?1 AND q.resource_type = ?2",
        count("stored"),
        count("absent"),
        count("refused"),
        count("unreadable")
    );
    connection
        .query_row(&sql, params![connection_id, resource_type, max_depth], summary_of)
        .doing("cannot read the queue of references")
}

fn summary_of(row: &Row<'_>) -> rusqlite::Result<QueueSummary> {
    Ok(QueueSummary {
        pending: row.get(0)?,
        stored: row.get(1)?,
        absent: row.get(2)?,
        refused: row.get(3)?,
        unreadable: row.get(4)?,
        too_deep: row.get(5)?,
    })
}

/// Notes whether the server honours a list of ids.
pub(crate) fn set_batches(
    connection: &mut Connection,
    connection_id: i64,
    resource_type: &str,
    honoured: bool,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "UPDATE reference_type SET batches = ?3 WHERE connection_id = ?1 AND resource_type = ?2",
            params![connection_id, resource_type, if honoured { "honoured" } else { "ignored" }],
        )
        .doing("cannot note whether the server honours lists of ids")
        .map(drop)
}

/// Enters the answers of a page, in the transaction of the page.
pub(crate) fn answer(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    page: &PageWrite,
    counters: &mut WalkCounters,
) -> Result<(), WarehouseError> {
    let doing = "cannot enter the outcome of reading a reference";
    let now = clock::text(page.now);
    let walk = &page.walk;
    for answered in &page.answered {
        let key = (walk.connection_id, &walk.resource_type, &answered.resource_id);
        transaction
            .prepare_cached(
                "UPDATE reference_queue SET state = coalesce(?4, state), http_status = ?5,
                   reason = ?6, answered_at = iif(?4 IS NULL, answered_at, ?7)
                 WHERE connection_id = ?1 AND resource_type = ?2 AND resource_id = ?3",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    key.0,
                    key.1,
                    key.2,
                    answered.verdict.state(),
                    answered.http_status,
                    answered.reason,
                    now
                ])
            })
            .doing(doing)?;
        if answered.verdict == Verdict::Gone {
            let live = "SELECT id FROM resource WHERE connection_id = ?1 AND resource_type = ?2
                          AND resource_id = ?3 AND deleted_at IS NULL";
            let stored: Option<i64> = transaction
                .query_row(live, params![key.0, key.1, key.2], |row| row.get(0))
                .optional()
                .doing(doing)?;
            if let Some(rowid) = stored {
                bury_one(transaction, catalog, walk, rowid, key.2, &now)?;
                counters.resources_deleted += 1;
            }
        }
        // No full walk settles the rejects of this type. If the resource was taken in or is gone, all that
        // earlier reads have rejected is settled; a view error is about what is stored. A refusal only shows
        // that the plan no longer fails to send it.
        let settled = match answered.verdict {
            Verdict::Unreadable | Verdict::Later => continue,
            Verdict::Refused => "reason = 'unreadable'",
            Verdict::Stored | Verdict::Absent | Verdict::Gone => "reason <> 'view_error'",
        };
        transaction
            .prepare_cached(&format!(
                "UPDATE rejected_resource SET resolved_at = ?4 WHERE connection_id = ?1
                   AND resource_type = ?2 AND resource_id = ?3 AND {settled}
                   AND resolved_at IS NULL AND file IS NULL"
            ))
            .and_then(|mut statement| statement.execute(params![key.0, key.1, key.2, now]))
            .doing(doing)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::file::{open::open_to_write, place::WarehouseFile};

    #[test]
    fn what_a_clock_that_was_ahead_has_dated_is_asked_for_and_searched_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = WarehouseFile::in_clear(folder.path().join("warehouse.db"));
        let mut connection = open_to_write(&file).unwrap();
        let now: DateTime<Utc> = "2026-03-02T01:00:00Z".parse().unwrap();
        // (round, searched to, answered) and then: (searched to, references to be read)
        for (dated, expected) in [
            (["2026-03-01", "2026-03-02", "2026-03-01"], (Some("2026-03-02"), 0)),
            (["2026-03-12", "2026-03-12", "2026-03-12"], (None, 1)),
            (["2036-03-01", "2036-03-01", "2026-03-01"], (None, 1)),
            (["2026-03-01", "2026-03-12", "2026-03-01"], (None, 0)),
            (["2026-03-01", "2026-03-02", "2036-03-01"], (Some("2026-03-02"), 1)),
        ] {
            let [round, searched, answered] = dated;
            connection
                .execute_batch(&format!(
                    "DELETE FROM connection;
                     INSERT INTO connection (id, uid, name, created_at)
                       VALUES (1, 'u', 'ann', '2026-03-01');
                     INSERT INTO reference_type (connection_id, resource_type, scanned_to, round_at)
                       VALUES (1, 'Location', '{searched}T00:00:00.000Z', '{round}T00:00:00.000Z');
                     INSERT INTO reference_queue (connection_id, resource_type, resource_id, depth,
                         state, found_at, answered_at)
                       VALUES (1, 'Location', 'l1', 1, 'stored', '2026-03-01',
                         '{answered}T00:00:01.000Z');"
                ))
                .unwrap();
            let due_before = now - chrono::Duration::days(7);
            let known = begin(&mut connection, 1, "Location", due_before, now).unwrap();
            let to_read = pending(&connection, 1, "Location", 3).unwrap().len();
            let searched_to = known.scanned_to.as_deref().map(|instant| &instant[..10]);
            assert_eq!((searched_to, to_read), expected, "{dated:?}");
        }
    }
}
