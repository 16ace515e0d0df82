//! Stored resources that a full walk did not meet, and how their deletion is proved.
//!
//! A walk proves that the resources it brings are present, never that others are absent. A stored
//! resource that a complete full walk did not meet is entered here and read by id. The answer 404 or 410
//! proves the deletion; the resource itself refutes it. If a plan refuses reads, two full walks days
//! apart prove the deletion.

use super::{
    burial::bury_one, ledger, walk_counters::WalkCounters, walk_end::WalkEnd, walk_key::WalkKey,
};
use crate::{
    clock,
    warehouse::{
        error::{Doing, WarehouseError},
        tables::table::Catalog,
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};

/// A stored resource that full walks did not meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Absent {
    pub(crate) resource_id: String,
    /// Start of the first of the consecutive full walks that did not meet the resource (RFC 3339).
    pub(crate) missed_since: String,
    /// Start of the latest full walk that did not meet the resource (RFC 3339).
    pub(crate) missed_at: String,
    /// Whether a read has brought the resource before, since walks miss it.
    pub(crate) was_brought: bool,
}

/// The answer to the question whether a resource still exists at the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finding {
    /// A read answered 404 or 410.
    GoneByRead(u16),
    /// The plan no longer lists it, or lists it as another patient's, and a read brought it as another
    /// patient's.
    AnotherPatients,
    /// Reads are refused, and two full walks days apart did not meet the resource.
    GoneByWalks,
    /// A read brought the resource.
    Present,
    /// The answer is not known; the next run asks again.
    Open(Option<u16>),
}

/// The live resources that the walk did not meet and that no other walk has brought since the walk's first
/// run began.
///
/// Resources that only a file has brought are left out, since the plan may not have them. So are those that
/// no search over their own type has brought, since they may be in no list.
pub(super) const MISSED: &str =
    "r.connection_id = ?1 AND r.resource_type = ?2 AND r.deleted_at IS NULL
   AND r.id NOT IN (SELECT resource FROM temp.walk_seen WHERE walk_id = ?3)
   AND coalesce(r.walk_id, 0) < (
     WITH RECURSIVE part (id) AS (
       SELECT ?3 UNION ALL SELECT w.resumed_from FROM sync_walk w JOIN part ON w.id = part.id
       WHERE w.resumed_from IS NOT NULL)
     SELECT min(id) FROM part)
   AND NOT EXISTS (SELECT 1 FROM sync_walk f WHERE f.id = r.walk_id AND f.mode = 'file')
   AND r.id NOT IN (SELECT resource FROM resource_unlisted)";

/// A further condition, used with MISSED: the walk got the resource as another patient's.
const NOW_ANOTHERS: &str = "r.resource_id IN (
     SELECT q.resource_id FROM rejected_resource q JOIN temp.walk_rejected m ON m.reject = q.id
     WHERE m.walk_id = ?3 AND q.resource_type = ?2 AND q.reason = 'foreign_subject')";

/// A further condition, used with MISSED: the walk rejected nothing with the id of the resource.
const NOT_REJECTED: &str = "r.resource_id NOT IN (
     SELECT q.resource_id FROM rejected_resource q JOIN temp.walk_rejected m ON m.reject = q.id
     WHERE m.walk_id = ?3 AND q.resource_id IS NOT NULL)";

/// A further condition, used with MISSED: the pass before did not meet the resource either.
const MISSED_BEFORE: &str = "r.id NOT IN (SELECT resource FROM temp.walk_seen WHERE walk_id = ?4)";

/// A further condition, used with MISSED: no read has brought the resource since walks miss it.
///
/// The plan has the resource and does not list it, so it is no sign that the list is cut short.
pub(super) const NOT_READ: &str = "NOT EXISTS (SELECT 1 FROM absent_resource a
     WHERE a.connection_id = r.connection_id AND a.resource_type = r.resource_type
       AND a.resource_id = r.resource_id AND a.brought_at IS NOT NULL)";

/// Stands for "no trustworthy walk has missed it yet": later than the date of any walk.
pub(crate) const NO_INSTANT: &str = "9999-12-31T00:00:00.000Z";

/// How many resources of a connection are neither proved to be deleted nor known to exist.
pub(crate) fn open_absences(
    connection: &Connection,
    connection_id: i64,
) -> Result<u64, WarehouseError> {
    connection
        .query_row(
            "SELECT count(*) FROM absent_resource WHERE connection_id = ?1 AND state = 'pending'",
            [connection_id],
            |row| row.get(0),
        )
        .doing("cannot count the absent resources")
}

/// The number of live listed resources of a walk's type, and how many of them two passes both missed.
///
/// Both passes are in doubt.
pub(super) fn count_missed_twice(
    connection: &Connection,
    walk: &WalkKey,
    before: i64,
) -> Result<(u64, u64), WarehouseError> {
    let Missed { live, .. } = count_missed(connection, walk, Shows::Missed)?;
    connection
        .query_row(
            &format!("SELECT count(*) FROM resource r WHERE {MISSED} AND {MISSED_BEFORE}"),
            params![walk.connection_id, walk.resource_type, walk.walk_id, before],
            |row| Ok((live, row.get(0)?)),
        )
        .doing("cannot count the absent resources")
}

/// Enters resources that two passes missed, both of them in doubt.
///
/// A read may prove that such a resource is deleted. A proof by walks takes two other, trustworthy walks.
pub(super) fn enter_missed_twice(
    connection: &Connection,
    walk: &WalkKey,
    before: i64,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            &format!(
                "INSERT INTO absent_resource (connection_id, resource_type, resource_id, state,
                   missed_since, missed_at, walk_id)
                 SELECT r.connection_id, r.resource_type, r.resource_id, 'pending', ?5, ?5, ?3
                 FROM resource r WHERE {MISSED} AND {MISSED_BEFORE}
                 ON CONFLICT (connection_id, resource_type, resource_id) DO UPDATE SET
                   missed_since = excluded.missed_since, missed_at = excluded.missed_at,
                   walk_id = excluded.walk_id, state = 'pending', http_status = NULL, proof = NULL
                 WHERE state <> 'pending'"
            ),
            params![walk.connection_id, walk.resource_type, walk.walk_id, before, NO_INSTANT],
        )
        .doing("cannot enter the absent resources")
        .map(drop)
}

/// The resources that a complete full walk shows to be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// All resources that the walk missed.
    Missed,
    /// Only resources that came as another patient's.
    Anothers,
    /// Only resources that the walk did not reject under their ids either. It shows them to be absent if each
    /// of its rejects has an id; a reject without an id may be a resource that it missed.
    Others,
}

impl Shows {
    fn condition(self) -> String {
        match self {
            Shows::Missed => MISSED.to_owned(),
            Shows::Anothers => format!("{MISSED} AND {NOW_ANOTHERS}"),
            Shows::Others => format!("{MISSED} AND {NOT_REJECTED}"),
        }
    }
}

/// Whether a walk rejected an entry whose id is not known.
pub(super) fn has_nameless_reject(
    connection: &Connection,
    walk: &WalkKey,
) -> Result<bool, WarehouseError> {
    connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM temp.walk_rejected m JOIN rejected_resource q
               ON q.id = m.reject WHERE m.walk_id = ?1 AND coalesce(q.resource_id, '') = '')",
            [walk.walk_id],
            |row| row.get(0),
        )
        .doing("cannot read a walk's rejects")
}

/// The number of resources that a walk misses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Missed {
    /// Live resources of the walk's type that were ever listed.
    pub(super) live: u64,
    /// Resources that the walk shows to be absent.
    pub(super) all: u64,
    /// Those of them that no read has brought since walks miss them.
    pub(super) unread: u64,
}

/// How many resources of its type a walk shows to be absent.
pub(super) fn count_missed(
    connection: &Connection,
    walk: &WalkKey,
    shows: Shows,
) -> Result<Missed, WarehouseError> {
    let count = |condition: &str| {
        connection
            .query_row(
                &format!("SELECT count(*) FROM resource r WHERE {condition}"),
                params![walk.connection_id, walk.resource_type, walk.walk_id],
                |row| row.get::<_, u64>(0),
            )
            .doing("cannot count the absent resources")
    };
    let live = count(
        "r.connection_id = ?1 AND r.resource_type = ?2 AND r.deleted_at IS NULL AND ?3 = ?3
           AND r.id NOT IN (SELECT resource FROM resource_unlisted)",
    )?;
    let missed = shows.condition();
    let all = count(&missed)?;
    let unread = if all == 0 { 0 } else { count(&format!("{missed} AND {NOT_READ}"))? };
    Ok(Missed { live, all, unread })
}

/// Enters the resources that a complete full walk shows to be absent; returns their number.
pub(super) fn enter_missed(
    connection: &Connection,
    walk: &WalkKey,
    shows: Shows,
    end: &WalkEnd,
) -> Result<u64, WarehouseError> {
    connection
        .execute(
            &format!(
                "INSERT INTO absent_resource (connection_id, resource_type, resource_id, state,
                   missed_since, missed_at, walk_id)
                 SELECT r.connection_id, r.resource_type, r.resource_id, 'pending',
                   ?6, ?4, ?3
                 FROM resource r WHERE {}
                 ON CONFLICT (connection_id, resource_type, resource_id) DO UPDATE SET
                   -- One that lies in the future was dated by a clock that was wrong; by a clock
                   -- in doubt no time has passed.
                   missed_since = CASE WHEN state <> 'pending' THEN excluded.missed_since
                     WHEN ?5 THEN missed_since ELSE min(missed_since, excluded.missed_since) END,
                   missed_at = iif(state = 'pending' AND ?5, missed_at, excluded.missed_at),
                   walk_id = excluded.walk_id, state = 'pending',
                   http_status = NULL, proof = NULL",
                shows.condition()
            ),
            params![
                walk.connection_id,
                walk.resource_type,
                walk.walk_id,
                end.missed_at,
                end.is_doubted,
                end.missed_since
            ],
        )
        .doing("cannot enter the absent resources")
        .map(|rows| rows as u64)
}

/// Whether a type has absent resources that no read has asked for yet.
pub(crate) fn has_unasked_absences(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
) -> Result<bool, WarehouseError> {
    connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM absent_resource WHERE connection_id = ?1
               AND resource_type = ?2 AND state = 'pending' AND asked_at IS NULL)",
            params![connection_id, resource_type],
            |row| row.get(0),
        )
        .doing("cannot look for absent resources")
}

/// Whether an absent resource of the type was asked for recently.
///
/// Recently means since the start of the last earlier run that brought pages of the type.
pub(crate) fn asked_lately(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    run_id: i64,
) -> Result<bool, WarehouseError> {
    connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM absent_resource
             WHERE connection_id = ?1 AND resource_type = ?2 AND asked_at >= (
               SELECT started_at FROM sync_run WHERE id = (
                 SELECT max(run_id) FROM sync_walk WHERE connection_id = ?1
                   AND resource_type = ?2 AND run_id < ?3 AND pages > 0)))",
            params![connection_id, resource_type, run_id],
            |row| row.get(0),
        )
        .doing("cannot look up when absent resources were last asked for")
}

/// Statuses below 500 that say nothing about the resource that was read.
const NO_ANSWERS: [u16; 4] = [401, 408, 425, 429];

/// A plan that never serves reads says so by this status.
const NOT_IMPLEMENTED: u16 = 501;

/// Whether a status says nothing about the resource that was read, which may exist or be gone.
pub(crate) fn is_no_answer(status: u16) -> bool {
    (status >= 500 && status != NOT_IMPLEMENTED) || NO_ANSWERS.contains(&status)
}

/// Absent resources of a type, neither proved nor refuted; those never asked for come first.
///
/// `with_refused` includes those for which the plan has refused a read since the latest full walk.
pub(crate) fn pending_absences(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    with_refused: bool,
    limit: u32,
) -> Result<Vec<Absent>, WarehouseError> {
    let no_answers = NO_ANSWERS.map(|status| status.to_string()).join(", ");
    connection
        .prepare_cached(&format!(
            "SELECT resource_id, missed_since, missed_at, brought_at IS NOT NULL FROM absent_resource
             WHERE connection_id = ?1 AND resource_type = ?2 AND state = 'pending'
               -- As `is_no_answer` has it; a full walk that misses a resource clears its status.
               AND (?4 OR http_status IS NULL OR http_status IN ({no_answers})
                 OR http_status >= 500 AND http_status <> {NOT_IMPLEMENTED})
             ORDER BY asked_at IS NOT NULL, asked_at, resource_id LIMIT ?3"
        ))
        .and_then(|mut statement| {
            let absent = |row: &rusqlite::Row<'_>| {
                Ok(Absent {
                    resource_id: row.get(0)?,
                    missed_since: row.get(1)?,
                    missed_at: row.get(2)?,
                    was_brought: row.get(3)?,
                })
            };
            statement
                .query_map(params![connection_id, resource_type, limit, with_refused], absent)?
                .collect()
        })
        .doing("cannot read the absent resources")
}

pub(crate) fn enter_finding(
    connection: &mut Connection,
    catalog: &Catalog,
    walk: &WalkKey,
    resource_id: &str,
    finding: Finding,
    mut counters: WalkCounters,
    now: DateTime<Utc>,
) -> Result<WalkCounters, WarehouseError> {
    let doing = "cannot enter the outcome for an absent resource";
    let (state, http_status, proof) = match finding {
        Finding::GoneByRead(status) => ("deleted", Some(status), Some("read")),
        Finding::AnotherPatients => ("deleted", Some(200), Some("read")),
        Finding::GoneByWalks => ("deleted", None, Some("two_walks")),
        Finding::Present => ("present", None, None),
        Finding::Open(status) => ("pending", status, None),
    };
    let says_nothing = matches!(finding, Finding::Open(status) if status.is_none_or(is_no_answer));
    let now = clock::text(now);
    let key = (walk.connection_id, &walk.resource_type, resource_id);
    let transaction = connection.transaction().doing(doing)?;
    transaction
        .execute(
            "UPDATE absent_resource SET state = ?4, http_status = coalesce(?5, http_status),
               proof = ?6, asked_at = ?7,
               -- Another answer may mean that reads are refused now: then walks alone tell.
               brought_at = CASE WHEN ?4 = 'present' THEN ?7
                 WHEN ?8 THEN brought_at END
             WHERE connection_id = ?1 AND resource_type = ?2 AND resource_id = ?3",
            params![key.0, key.1, key.2, state, http_status, proof, now, says_nothing],
        )
        .doing(doing)?;
    let live: Option<i64> = transaction
        .query_row(
            "SELECT id FROM resource WHERE connection_id = ?1 AND resource_type = ?2
               AND resource_id = ?3 AND deleted_at IS NULL",
            params![key.0, key.1, key.2],
            |row| row.get(0),
        )
        .optional()
        .doing(doing)?;
    let gone = live.filter(|_| state == "deleted");
    if let Some(rowid) = gone {
        bury_one(&transaction, catalog, walk, rowid, resource_id, &now)?;
        counters.resources_deleted += 1;
    }
    if state != "pending" {
        counters.resources_absent = counters.resources_absent.saturating_sub(1);
    }
    // In the same transaction as the deletion: the process may be killed before the next one.
    ledger::update_counters(&transaction, walk.walk_id, &counters)?;
    transaction.commit().doing(doing)?;
    Ok(counters)
}
