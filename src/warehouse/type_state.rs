//! What is known of a type beyond its resources: watermark and whether `_lastUpdated` works.

use super::error::{Doing, WarehouseError};
use rusqlite::{Connection, Row, params};

/// Whether a server honours `_lastUpdated` for a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LastUpdated {
    /// Not tried yet.
    Unknown,
    /// A probe and every walk since agree.
    Honoured,
    /// It is not supported, ignored or wrong: only full walks are complete.
    Ignored,
}

impl LastUpdated {
    fn word(self) -> &'static str {
        match self {
            LastUpdated::Unknown => "unknown",
            LastUpdated::Honoured => "honoured",
            LastUpdated::Ignored => "ignored",
        }
    }
}

/// What is known of a connection's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeState {
    /// FHIR resource type.
    pub resource_type: String,
    /// The type is known to be complete up to here (RFC 3339).
    pub watermark: Option<String>,
    /// Start of the last complete full walk (RFC 3339).
    pub last_full_at: Option<String>,
    /// Whether the server honours `_lastUpdated`.
    pub last_updated: LastUpdated,
    /// Whether every live resource came with `meta.lastUpdated`.
    pub all_dated: bool,
    /// Live resources stored.
    pub resources: u64,
    /// Whether something that came for the type could not be taken in, and still waits.
    pub has_open_rejects: bool,
}

/// The states of a connection's types.
pub(crate) fn states(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<TypeState>, WarehouseError> {
    connection
        .prepare(
            "SELECT resource_type, watermark, last_full_at, last_updated,
               NOT EXISTS (SELECT 1 FROM resource r WHERE r.connection_id = s.connection_id
                 AND r.resource_type = s.resource_type AND r.deleted_at IS NULL
                 AND r.last_updated IS NULL),
               (SELECT count(*) FROM resource r WHERE r.connection_id = s.connection_id
                 AND r.resource_type = s.resource_type AND r.deleted_at IS NULL),
               EXISTS (SELECT 1 FROM rejected_resource q WHERE q.connection_id = s.connection_id
                 AND q.resource_type = s.resource_type AND q.resolved_at IS NULL)
             FROM type_state s WHERE connection_id = ?1",
        )
        .and_then(|mut statement| statement.query_map([connection_id], state_of)?.collect())
        .doing("cannot read what is known of the types")
}

fn state_of(row: &Row<'_>) -> rusqlite::Result<TypeState> {
    Ok(TypeState {
        resource_type: row.get(0)?,
        watermark: row.get(1)?,
        last_full_at: row.get(2)?,
        last_updated: match row.get_ref(3)?.as_str()? {
            "honoured" => LastUpdated::Honoured,
            "ignored" => LastUpdated::Ignored,
            _ => LastUpdated::Unknown,
        },
        all_dated: row.get(4)?,
        resources: row.get(5)?,
        has_open_rejects: row.get(6)?,
    })
}

/// What a complete walk leaves behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Advance {
    /// The new watermark; `None` keeps the present one.
    pub(crate) watermark: Option<String>,
    /// Whether the walk saw the whole type; then its start is when deletions are known.
    pub(crate) full: bool,
}

/// Moves the watermark, with the last page of a complete walk.
pub(super) fn advance(
    connection: &Connection,
    walk_id: i64,
    advance: &Advance,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "INSERT INTO type_state (connection_id, resource_type, watermark, last_full_at)
             SELECT connection_id, resource_type, ?2, iif(?3, walk_started_at, NULL)
             FROM sync_walk WHERE id = ?1
             ON CONFLICT (connection_id, resource_type) DO UPDATE SET
               watermark = CASE WHEN ?3 THEN coalesce(excluded.watermark, watermark)
                 ELSE max(coalesce(watermark, excluded.watermark), coalesce(excluded.watermark, watermark))
               END,
               last_full_at = coalesce(excluded.last_full_at, last_full_at)",
            params![walk_id, advance.watermark, advance.full],
        )
        .doing("cannot move a watermark")
        .map(drop)
}

/// Notes what a probe or a walk has shown.
pub(crate) fn set_last_updated(
    connection: &mut Connection,
    connection_id: i64,
    resource_type: &str,
    support: LastUpdated,
    reason: Option<&str>,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "INSERT INTO type_state (connection_id, resource_type, last_updated, last_updated_reason)
             VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (connection_id, resource_type) DO UPDATE SET
               last_updated = excluded.last_updated,
               last_updated_reason = excluded.last_updated_reason",
            params![connection_id, resource_type, support.word(), reason],
        )
        .doing("cannot note what the server supports")
        .map(drop)
}
