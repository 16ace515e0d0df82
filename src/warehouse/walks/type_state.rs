//! The state of a type besides its resources: its watermark, and whether `_lastUpdated` works.

use super::{
    cursor::{Cursor, cursors},
    kinds::OFFERED,
    walk_key::WalkKey,
};
use crate::{
    clock,
    warehouse::error::{Doing, WarehouseError},
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, params};

/// Whether a server honours `_lastUpdated` for a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastUpdated {
    /// No probe has been made yet.
    Unknown,
    /// A probe and every walk since confirm it.
    Honoured,
    /// The server refused a probe, perhaps like any request at the time, so the probe is repeated later.
    Refused,
    /// The parameter is not supported, ignored or wrong: only full walks are complete.
    Ignored,
}

/// Why `_lastUpdated` is not used for a type: the server refused the probe.
const REFUSES: &str = "it refuses the parameter";

impl LastUpdated {
    fn word(self) -> &'static str {
        match self {
            LastUpdated::Unknown => "unknown",
            LastUpdated::Honoured => "honoured",
            LastUpdated::Refused | LastUpdated::Ignored => "ignored",
        }
    }
}

/// Whether a server's `Bundle.total` is the number of resources on its pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Totals {
    /// Not known yet.
    Unknown,
    /// The total was the number of resources on the pages.
    Trusted,
    /// Two walks agreed with each other and not with the total.
    Untrusted,
}

impl Totals {
    fn word(self) -> &'static str {
        match self {
            Totals::Unknown => "unknown",
            Totals::Trusted => "trusted",
            Totals::Untrusted => "untrusted",
        }
    }
}

/// The state of one type of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeState {
    /// FHIR resource type.
    pub resource_type: String,
    /// The instant up to which the type is known to be complete (RFC 3339).
    pub watermark: Option<String>,
    /// Start of the last complete full walk (RFC 3339).
    pub last_full_at: Option<String>,
    /// Whether the server honours `_lastUpdated`.
    pub last_updated: LastUpdated,
    /// Why the server is not asked for changes only.
    pub last_updated_reason: Option<String>,
    /// Whether every live resource came with `meta.lastUpdated`.
    pub all_dated: bool,
    /// Live resources stored.
    pub resources: u64,
    /// Whether a resource of the type was rejected and the reject is still open.
    pub has_open_rejects: bool,
    /// Whether a version older than the stored one came, and the stored one has not come since. A full
    /// walk tells which version the plan has.
    pub has_outdated: bool,
    /// Whether the latest full walk is incomplete, and the next run cannot go on where it ended. Only another
    /// full walk makes up for it.
    pub is_short: bool,
    /// The base, search and consent of the last full walk; `None` if not known.
    pub proved_for: Option<String>,
    /// Whether the server's totals equal the number of resources on its pages.
    pub totals: Totals,
    /// When a probe of `_lastUpdated` was last answered (RFC 3339).
    pub probed_at: Option<String>,
    /// Whether the plan refused the search without the patient, and accepted the one that names the
    /// patient.
    pub by_patient: bool,
}

/// What is known of a connection's types before a run.
#[derive(Debug)]
pub(crate) struct KnownTypes {
    pub(crate) states: Vec<TypeState>,
    pub(crate) held: Vec<HeldType>,
    /// The cursors of unfinished walks over whole types.
    pub(crate) cursors: Vec<Cursor>,
}

impl KnownTypes {
    /// Reads states, held types and cursors from the warehouse.
    pub(crate) fn read(
        connection: &Connection,
        connection_id: i64,
    ) -> Result<KnownTypes, WarehouseError> {
        Ok(KnownTypes {
            states: states(connection, connection_id)?,
            held: held_types(connection, connection_id)?,
            cursors: cursors(connection, connection_id)?,
        })
    }
}

/// The state of each type. Live resources may be many: the index `resource_live` counts them, without
/// reading their rows. A row of the ledger that only says why a type was not walked has no `proved_for`, and
/// does not show that the type is short.
const STATES: &str = "WITH live AS MATERIALIZED (
     SELECT resource_type, count(*) AS resources, count(last_updated) AS dated
     FROM resource WHERE connection_id = ?1 AND deleted_at IS NULL GROUP BY resource_type)
   SELECT s.resource_type, watermark, last_full_at,
     iif(last_updated_reason = ?2, 'refused', last_updated),
     live.dated IS live.resources, coalesce(live.resources, 0),
     EXISTS (SELECT 1 FROM rejected_resource q WHERE q.connection_id = s.connection_id
       AND q.resource_type = s.resource_type AND q.resolved_at IS NULL),
     totals, probed_at, search IS NOT NULL,
     EXISTS (SELECT 1 FROM resource_outdated o JOIN resource r ON r.id = o.resource
       WHERE r.connection_id = s.connection_id AND r.resource_type = s.resource_type
         AND r.deleted_at IS NULL),
     proved_for, last_updated_reason,
     coalesce((SELECT w.state = 'incomplete' AND w.reason IS NOT 'request_limit'
         AND NOT EXISTS (SELECT 1 FROM walk_cursor k WHERE k.connection_id = w.connection_id
           AND k.resource_type = w.resource_type AND k.walk_id = w.id)
       FROM sync_walk w WHERE w.connection_id = s.connection_id
         AND w.resource_type = s.resource_type AND +w.mode = 'full' AND w.proved_for IS NOT NULL
       ORDER BY w.id DESC LIMIT 1), 0)
   FROM type_state s LEFT JOIN live ON live.resource_type = s.resource_type
   WHERE s.connection_id = ?1";

/// The states of a connection's types.
pub(crate) fn states(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<TypeState>, WarehouseError> {
    connection
        .prepare_cached(STATES)
        .and_then(|mut statement| {
            statement.query_map(params![connection_id, REFUSES], state_of)?.collect()
        })
        .doing("cannot read the states of the types")
}

fn state_of(row: &Row<'_>) -> rusqlite::Result<TypeState> {
    Ok(TypeState {
        resource_type: row.get(0)?,
        watermark: row.get(1)?,
        last_full_at: row.get(2)?,
        last_updated: match row.get_ref(3)?.as_str()? {
            "honoured" => LastUpdated::Honoured,
            "refused" => LastUpdated::Refused,
            "ignored" => LastUpdated::Ignored,
            _ => LastUpdated::Unknown,
        },
        all_dated: row.get(4)?,
        resources: row.get(5)?,
        has_open_rejects: row.get(6)?,
        totals: match row.get_ref(7)?.as_str()? {
            "trusted" => Totals::Trusted,
            "untrusted" => Totals::Untrusted,
            _ => Totals::Unknown,
        },
        probed_at: row.get(8)?,
        by_patient: row.get(9)?,
        has_outdated: row.get(10)?,
        proved_for: row.get(11)?,
        last_updated_reason: row.get(12)?,
        is_short: row.get(13)?,
    })
}

/// A type with live resources that came in walks over this type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldType {
    /// FHIR resource type.
    pub resource_type: String,
    /// Whether the plan listed the type; otherwise it was read by reference.
    pub is_listed: bool,
}

/// The types that a connection has because they were walked; further types came along with those.
pub(crate) fn held_types(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<HeldType>, WarehouseError> {
    connection
        .prepare_cached(&format!(
            "{} SELECT name, EXISTS (SELECT 1 FROM sync_walk w WHERE w.connection_id = ?1
               AND w.resource_type = name AND w.pages > 0 AND +w.mode IN {OFFERED})
             FROM named WHERE name IS NOT NULL
               AND EXISTS (SELECT 1 FROM resource r WHERE r.connection_id = ?1
                 AND r.resource_type = name AND r.deleted_at IS NULL)
               AND EXISTS (SELECT 1 FROM sync_walk w WHERE w.connection_id = ?1
                 AND w.resource_type = name AND w.pages > 0 AND w.mode <> 'file')",
            types_in("sync_walk")
        ))
        .and_then(|mut statement| {
            let held =
                |row: &Row<'_>| Ok(HeldType { resource_type: row.get(0)?, is_listed: row.get(1)? });
            statement.query_map([connection_id], held)?.collect()
        })
        .doing("cannot read which types have stored resources")
}

/// SQL for the resource types of which a table has rows of one connection. It takes one look into the table's
/// index per type.
///
/// It is a `WITH` clause that defines the table `named (name)`; the last name is NULL.
pub(super) fn types_in(table: &str) -> String {
    format!(
        "WITH RECURSIVE named (name) AS (
           SELECT min(resource_type) FROM {table} WHERE connection_id = ?1
           UNION ALL SELECT (SELECT min(resource_type) FROM {table}
             WHERE connection_id = ?1 AND resource_type > name)
           FROM named WHERE name IS NOT NULL)"
    )
}

/// The types of live resources that the ledger does not mention, because they came along with other
/// types.
pub(crate) fn unmentioned_types(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<String>, WarehouseError> {
    connection
        .prepare_cached(&format!(
            "{} SELECT name FROM named WHERE name IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM sync_walk w WHERE w.connection_id = ?1
                 AND w.resource_type = name)
               AND EXISTS (SELECT 1 FROM resource r WHERE r.connection_id = ?1
                 AND r.resource_type = name AND r.deleted_at IS NULL)",
            types_in("resource")
        ))
        .and_then(|mut statement| statement.query_map([connection_id], |row| row.get(0))?.collect())
        .doing("cannot read which types are stored")
}

/// The types whose latest entry in the ledger says that they are not asked for; no new entry is needed.
pub(crate) fn left_types(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<String>, WarehouseError> {
    connection
        .prepare_cached(&format!(
            "{} SELECT name FROM named WHERE name IS NOT NULL
               AND (SELECT w.state = 'skipped' AND w.reason = 'not_asked' FROM sync_walk w
                    WHERE w.connection_id = ?1 AND w.resource_type = name
                    ORDER BY w.id DESC LIMIT 1)",
            types_in("sync_walk")
        ))
        .and_then(|mut statement| statement.query_map([connection_id], |row| row.get(0))?.collect())
        .doing("cannot read which types are not asked for")
}

/// The state of a type after a complete walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advance {
    /// The new watermark; `None` keeps the present one.
    pub(crate) watermark: Option<String>,
    /// Whether the walk saw the whole type; its start is then the instant up to which deletions are
    /// known.
    pub(crate) full: bool,
    /// Whether the walk was not over changes; its base, search and consent are then the ones last proved for
    /// the type.
    pub(crate) proves: bool,
}

/// Moves the watermark, in the transaction that ends a complete walk.
///
/// `as_of` is the start of the oldest part of the walk, if parts of it came in earlier runs.
pub(crate) fn advance(
    connection: &Connection,
    walk_id: i64,
    advance: &Advance,
    as_of: Option<&str>,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "INSERT INTO type_state (connection_id, resource_type, watermark, last_full_at,
               proved_for)
             SELECT connection_id, resource_type, ?2, iif(?3, coalesce(?5, walk_started_at), NULL),
               iif(?4, proved_for, NULL)
             FROM sync_walk WHERE id = ?1
             ON CONFLICT (connection_id, resource_type) DO UPDATE SET
               watermark = CASE WHEN ?3 THEN coalesce(excluded.watermark, watermark)
                 ELSE max(coalesce(watermark, excluded.watermark), coalesce(excluded.watermark, watermark))
               END,
               last_full_at = coalesce(excluded.last_full_at, last_full_at),
               proved_for = coalesce(excluded.proved_for, proved_for)",
            params![walk_id, advance.watermark, advance.full, advance.proves, as_of],
        )
        .doing("cannot move a watermark")
        .map(drop)
}

const DATES: &str = "SELECT DISTINCT last_updated FROM resource WHERE connection_id = ?1
   AND resource_type = ?2 AND deleted_at IS NULL AND last_updated IS NOT NULL";

/// The dates of last change in a type's live resources, as received.
pub(crate) fn dates(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
) -> Result<Vec<String>, WarehouseError> {
    connection
        .prepare_cached(DATES)
        .and_then(|mut statement| {
            statement.query_map(params![connection_id, resource_type], |row| row.get(0))?.collect()
        })
        .doing("cannot read the dates of a type")
}

/// Notes what a walk has shown about the server's totals.
pub(super) fn set_totals(
    connection: &Connection,
    walk: &WalkKey,
    totals: Totals,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "INSERT INTO type_state (connection_id, resource_type, totals) VALUES (?1, ?2, ?3)
             ON CONFLICT (connection_id, resource_type) DO UPDATE SET totals = excluded.totals
             WHERE totals <> excluded.totals",
            params![walk.connection_id, walk.resource_type, totals.word()],
        )
        .doing("cannot note whether a server's totals can be trusted")
        .map(drop)
}

/// Notes that a type's search must name the patient.
pub(crate) fn set_by_patient(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "INSERT INTO type_state (connection_id, resource_type, search) VALUES (?1, ?2, 'patient')
             ON CONFLICT (connection_id, resource_type) DO UPDATE SET search = excluded.search",
            params![connection_id, resource_type],
        )
        .doing("cannot note that a search must name the patient")
        .map(drop)
}

/// Notes what a probe or a walk has shown about `_lastUpdated`.
pub(crate) fn set_last_updated(
    connection: &mut Connection,
    connection_id: i64,
    resource_type: &str,
    support: LastUpdated,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let reason = if support == LastUpdated::Refused { Some(REFUSES) } else { reason };
    connection
        .execute(
            "INSERT INTO type_state (connection_id, resource_type, last_updated,
               last_updated_reason, probed_at)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (connection_id, resource_type) DO UPDATE SET
               last_updated = excluded.last_updated,
               last_updated_reason = excluded.last_updated_reason, probed_at = excluded.probed_at",
            params![connection_id, resource_type, support.word(), reason, clock::text(now)],
        )
        .doing("cannot note whether the server honours _lastUpdated")
        .map(drop)
}

#[cfg(test)]
#[path = "type_state_tests.rs"]
mod tests;
