//! Which attachments must be fetched, and how many are in which state.

use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// A resource whose attachments must be examined.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) resource_type: String,
    pub(crate) resource_id: String,
    pub(crate) content_hash: Vec<u8>,
    pub(crate) json: Vec<u8>,
}

/// An attachment that must be fetched.
#[derive(Debug, Clone)]
pub(crate) struct PendingAttachment {
    pub(crate) row: i64,
    pub(crate) resource_type: String,
    pub(crate) url: String,
    pub(crate) content_type: Option<String>,
    pub(crate) declared_hash: Option<String>,
    pub(crate) declared_size: Option<u64>,
    /// Whether the attachment is still to be fetched; otherwise it is known to be missing.
    pub(crate) is_pending: bool,
}

/// The number of attachments in one state for one reason.
#[derive(Debug, Clone)]
pub(crate) struct AttachmentCount {
    pub(crate) state: String,
    pub(crate) reason: Option<String>,
    pub(crate) number: u64,
}

/// Row ids of resources whose attachments were not examined since the content of the resource changed, or
/// are to be examined again.
pub(crate) fn attachment_sources(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<i64>, WarehouseError> {
    connection
        .prepare(
            "SELECT r.id FROM resource r
             WHERE r.connection_id = ?1 AND r.deleted_at IS NULL
               AND r.resource_type IN ('Binary', 'DiagnosticReport', 'DocumentReference')
               AND (NOT EXISTS (SELECT 1 FROM attachment a WHERE a.connection_id = r.connection_id
                   AND a.resource_type = r.resource_type AND a.resource_id = r.resource_id
                   AND a.replaced_at IS NULL)
                 OR EXISTS (SELECT 1 FROM attachment a WHERE a.connection_id = r.connection_id
                   AND a.resource_type = r.resource_type AND a.resource_id = r.resource_id
                   AND a.replaced_at IS NULL AND a.source_hash <> r.content_hash))
               AND (r.resource_type = 'Binary' OR instr(r.json, '\"attachment\"') > 0
                 OR instr(r.json, '\"presentedForm\"') > 0
                 OR EXISTS (SELECT 1 FROM attachment a WHERE a.connection_id = r.connection_id
                   AND a.resource_type = r.resource_type AND a.resource_id = r.resource_id
                   AND a.replaced_at IS NULL))",
        )
        .and_then(|mut statement| statement.query_map([connection_id], |row| row.get(0))?.collect())
        .doing("cannot look for attachments")
}

/// One of the resources that `attachment_sources` lists.
pub(crate) fn attachment_source(
    connection: &Connection,
    rowid: i64,
) -> Result<Option<Source>, WarehouseError> {
    let source = |row: &Row<'_>| {
        Ok(Source {
            resource_type: row.get(0)?,
            resource_id: row.get(1)?,
            content_hash: row.get(2)?,
            json: row.get_ref(3)?.as_bytes()?.to_vec(),
        })
    };
    connection
        .prepare_cached(
            "SELECT resource_type, resource_id, content_hash, json FROM resource
             WHERE id = ?1 AND deleted_at IS NULL",
        )
        .and_then(|mut statement| statement.query_row([rowid], source).optional())
        .doing("cannot look for attachments")
}

/// Attachments that must be fetched; those never tried come first.
pub(crate) fn pending_attachments(
    connection: &Connection,
    connection_id: i64,
    limit: u32,
) -> Result<Vec<PendingAttachment>, WarehouseError> {
    let condition = "state = 'pending' ORDER BY tried_at IS NOT NULL, tried_at, id";
    unstored(connection, connection_id, condition, limit)
}

/// Attachments of imported files that have a URL and no bytes, except those found to be too large.
pub(crate) fn unstored_attachments(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<PendingAttachment>, WarehouseError> {
    let condition = "(state = 'pending' OR state = 'missing' AND limit_bytes IS NULL) ORDER BY id";
    unstored(connection, connection_id, condition, u32::MAX)
}

fn unstored(
    connection: &Connection,
    connection_id: i64,
    condition: &str,
    limit: u32,
) -> Result<Vec<PendingAttachment>, WarehouseError> {
    let pending = |row: &Row<'_>| {
        Ok(PendingAttachment {
            row: row.get(0)?,
            resource_type: row.get(1)?,
            url: row.get(2)?,
            content_type: row.get(3)?,
            declared_hash: row.get(4)?,
            declared_size: row.get(5)?,
            is_pending: row.get(6)?,
        })
    };
    connection
        .prepare(&format!(
            "SELECT id, resource_type, url, content_type, declared_hash, declared_size,
               state = 'pending'
             FROM attachment
             WHERE connection_id = ?1 AND replaced_at IS NULL AND url IS NOT NULL
               AND {condition} LIMIT ?2"
        ))
        .and_then(|mut statement| {
            statement.query_map(params![connection_id, limit], pending)?.collect()
        })
        .doing("cannot look for attachments")
}

/// The bytes of a stored Binary resource.
pub(crate) fn stored_binary(
    connection: &Connection,
    connection_id: i64,
    id: &str,
) -> Result<Option<Vec<u8>>, WarehouseError> {
    connection
        .prepare_cached(
            "SELECT json FROM resource WHERE connection_id = ?1 AND resource_type = 'Binary'
               AND resource_id = ?2 AND deleted_at IS NULL",
        )
        .and_then(|mut statement| {
            let bytes = |row: &Row<'_>| Ok(row.get_ref(0)?.as_bytes()?.to_vec());
            statement.query_row(params![connection_id, id], bytes).optional()
        })
        .doing("cannot read a Binary")
}

/// The present attachments of a connection, counted by state and reason.
pub(crate) fn attachment_counts(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<AttachmentCount>, WarehouseError> {
    connection
        .prepare(
            "SELECT state, reason, count(*) FROM attachment
             WHERE connection_id = ?1 AND replaced_at IS NULL GROUP BY state, reason
             ORDER BY state, reason",
        )
        .and_then(|mut statement| {
            let count = |row: &Row<'_>| {
                Ok(AttachmentCount { state: row.get(0)?, reason: row.get(1)?, number: row.get(2)? })
            };
            statement.query_map([connection_id], count)?.collect()
        })
        .doing("cannot count attachments")
}
