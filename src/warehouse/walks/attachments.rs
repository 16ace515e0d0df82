//! The table `attachment`: the attachments that resources name, their bytes, or why the bytes are
//! missing.
//!
//! Each answer is entered in a transaction of its own, together with the counters of its walk, so a
//! killed run continues where it stopped. If a resource is changed or deleted, its rows stay, marked as
//! history.

mod look;

pub(crate) use look::{
    AttachmentCount, PendingAttachment, Source, attachment_counts, attachment_source,
    attachment_sources, pending_attachments, stored_binary, unstored_attachments,
};

use super::{ledger, walk_counters::WalkCounters, walk_key::WalkKey};
use crate::{
    clock,
    warehouse::error::{Doing, WarehouseError},
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};

/// An attachment that a resource names.
#[derive(Debug, Clone)]
pub(crate) struct NamedAttachment {
    pub(crate) position: u32,
    pub(crate) content_type: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) declared_hash: Option<String>,
    pub(crate) declared_size: Option<u64>,
    /// The outcome, if it is known without a request; `None` if the attachment must be fetched.
    pub(crate) known: Option<AttachmentFound>,
}

/// The outcome for an attachment.
#[derive(Debug, Clone)]
pub(crate) enum AttachmentFound {
    /// The bytes, the media type of the answer, and a word if the bytes differ from the declaration.
    Stored { bytes: Vec<u8>, received_type: Option<String>, note: Option<&'static str> },
    /// Not available, for this reason, until the resource changes or the reason is checked again.
    Missing { reason: &'static str, http_status: Option<u16>, limit_bytes: Option<u64> },
    /// Not available yet, for this reason; the next run asks again.
    Pending { reason: &'static str, http_status: Option<u16> },
}

const DOING: &str = "cannot enter attachments";

/// A current row of a resource's attachments, as opposed to history.
struct Present {
    row: i64,
    position: u32,
    /// Whether the row was made of the content that the resource has now.
    is_of_this_content: bool,
    url: Option<String>,
    declared_hash: Option<String>,
    is_stored: bool,
    /// Whether the bytes were checked and do not have the hash that the resource declares.
    hash_differs: bool,
    sha256: Option<String>,
}

pub(crate) fn enter_named(
    connection: &mut Connection,
    connection_id: i64,
    source: &Source,
    named: &[NamedAttachment],
    now: DateTime<Utc>,
) -> Result<u64, WarehouseError> {
    let now = clock::text(now);
    let transaction = connection.transaction().doing(DOING)?;
    let present = present(&transaction, connection_id, source)?;
    let mut written = 0;
    for one in &present {
        if !named.iter().any(|named| named.position == one.position) {
            replace(&transaction, one, &now)?;
        }
    }
    for one in named {
        let before = present.iter().find(|before| before.position == one.position);
        if let Some(before) = before {
            if before.is_of_this_content {
                continue;
            }
            if is_same(before, one) {
                still_stands(&transaction, before.row, source, one)?;
                continue;
            }
            replace(&transaction, before, &now)?;
        }
        transaction
            .execute(
                "INSERT INTO attachment (connection_id, resource_type, resource_id, position,
                   content_type, url, declared_hash, declared_size, source_hash, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'pending')",
                params![
                    connection_id,
                    source.resource_type,
                    source.resource_id,
                    one.position,
                    one.content_type,
                    one.url,
                    one.declared_hash,
                    one.declared_size,
                    source.content_hash
                ],
            )
            .doing(DOING)?;
        if let Some(known) = &one.known {
            written += enter_found(&transaction, transaction.last_insert_rowid(), known, &now)?;
        }
    }
    transaction.commit().doing(DOING)?;
    Ok(written)
}

/// Keeps the bytes of a row whose resource changed, and notes the declarations of the new version.
fn still_stands(
    transaction: &Transaction<'_>,
    row: i64,
    source: &Source,
    named: &NamedAttachment,
) -> Result<(), WarehouseError> {
    let sql = "UPDATE attachment SET source_hash = ?2, declared_hash = ?3, declared_size = ?4,
                 content_type = ?5 WHERE id = ?1";
    let declared = params![
        row,
        source.content_hash,
        named.declared_hash,
        named.declared_size,
        named.content_type
    ];
    transaction.execute(sql, declared).doing(DOING)?;
    if let Some(AttachmentFound::Stored { note, .. }) = &named.known {
        let sql = "UPDATE attachment SET reason = ?2 WHERE id = ?1";
        transaction.execute(sql, params![row, note]).doing(DOING)?;
    }
    Ok(())
}

fn present(
    transaction: &Transaction<'_>,
    connection_id: i64,
    source: &Source,
) -> Result<Vec<Present>, WarehouseError> {
    let present = |row: &Row<'_>| {
        Ok(Present {
            row: row.get(0)?,
            position: row.get(1)?,
            url: row.get(2)?,
            declared_hash: row.get(3)?,
            is_stored: row.get(4)?,
            hash_differs: row.get(5)?,
            sha256: row.get(6)?,
            is_of_this_content: row.get(7)?,
        })
    };
    transaction
        .prepare_cached(
            "SELECT id, position, url, declared_hash, state = 'stored',
               reason IS 'hash_differs', sha256, source_hash = ?4
             FROM attachment WHERE connection_id = ?1 AND resource_type = ?2 AND resource_id = ?3
               AND replaced_at IS NULL",
        )
        .and_then(|mut statement| {
            let key = params![
                connection_id,
                source.resource_type,
                source.resource_id,
                source.content_hash
            ];
            statement.query_map(key, present)?.collect()
        })
        .doing(DOING)
}

/// Whether the stored bytes are still those of the changed resource.
///
/// That is so if the resource declares the same hash for the same URL, or carries the same bytes itself.
fn is_same(before: &Present, named: &NamedAttachment) -> bool {
    let by_hash = named.declared_hash.is_some()
        && named.declared_hash == before.declared_hash
        && !before.hash_differs;
    let by_bytes = match &named.known {
        Some(AttachmentFound::Stored { bytes, .. }) => before.sha256 == Some(sha256(bytes)),
        _ => false,
    };
    before.is_stored && named.url == before.url && (by_hash && named.url.is_some() || by_bytes)
}

/// Marks a row as history, or deletes it if it has no bytes.
fn replace(transaction: &Transaction<'_>, one: &Present, now: &str) -> Result<(), WarehouseError> {
    let sql = match one.is_stored {
        true => "UPDATE attachment SET replaced_at = ?2 WHERE id = ?1",
        false => "DELETE FROM attachment WHERE id = ?1 AND ?2 IS NOT NULL",
    };
    transaction.execute(sql, params![one.row, now]).doing(DOING).map(drop)
}

pub(crate) fn enter_one(
    connection: &mut Connection,
    walk: &WalkKey,
    row: i64,
    found: &AttachmentFound,
    mut counters: WalkCounters,
    now: DateTime<Utc>,
) -> Result<WalkCounters, WarehouseError> {
    let transaction = connection.transaction().doing(DOING)?;
    counters.rows_written += enter_found(&transaction, row, found, &clock::text(now))?;
    ledger::update_counters(&transaction, walk.walk_id, &counters)?;
    transaction.commit().doing(DOING)?;
    Ok(counters)
}

/// Enters the outcome for one attachment; returns how many rows have bytes that they did not have before.
fn enter_found(
    transaction: &Transaction<'_>,
    row: i64,
    found: &AttachmentFound,
    now: &str,
) -> Result<u64, WarehouseError> {
    let (bytes, received_type, note) = match found {
        AttachmentFound::Stored { bytes, received_type, note } => (bytes, received_type, note),
        AttachmentFound::Missing { reason, http_status, .. }
        | AttachmentFound::Pending { reason, http_status } => {
            let (state, limit) = match found {
                AttachmentFound::Missing { limit_bytes, .. } => ("missing", *limit_bytes),
                _ => ("pending", None),
            };
            return transaction
                .execute(
                    "UPDATE attachment SET state = ?2, reason = ?3, http_status = ?4,
                       limit_bytes = ?5, tried_at = ?6 WHERE id = ?1",
                    params![row, state, reason, http_status, limit, now],
                )
                .doing(DOING)
                .map(|_| 0);
        }
    };
    let sha256 = sha256(bytes);
    // A changed resource often names the same file: then the row stored before becomes current again.
    let same: Option<i64> = transaction
        .query_row(
            "SELECT b.id FROM attachment a JOIN attachment b ON b.connection_id = a.connection_id
               AND b.resource_type = a.resource_type AND b.resource_id = a.resource_id
               AND b.position = a.position AND b.url IS a.url AND b.replaced_at IS NOT NULL
             WHERE a.id = ?1 AND b.sha256 = ?2 AND b.content_type IS a.content_type
             ORDER BY b.replaced_at DESC, b.id DESC LIMIT 1",
            params![row, sha256],
            |row| row.get(0),
        )
        .optional()
        .doing(DOING)?;
    if let Some(same) = same {
        for sql in [
            "UPDATE attachment SET (source_hash, declared_hash, declared_size) =
               (SELECT source_hash, declared_hash, declared_size FROM attachment WHERE id = ?2)
             WHERE id = ?1 AND ?3 IS ?3",
            "DELETE FROM attachment WHERE id = ?2 AND id <> ?1 AND ?3 IS ?3",
            "UPDATE attachment SET replaced_at = NULL, reason = ?3 WHERE id = ?1 AND ?2 = ?2",
        ] {
            transaction.execute(sql, params![same, row, note]).doing(DOING)?;
        }
        return Ok(0);
    }
    transaction
        .execute(
            "UPDATE attachment SET state = 'stored', reason = ?2, http_status = NULL,
               limit_bytes = NULL, received_type = ?3, size = ?4, sha256 = ?5, bytes = ?6,
               tried_at = ?7, received_at = ?7 WHERE id = ?1",
            params![row, note, received_type, bytes.len() as u64, sha256, bytes, now],
        )
        .doing(DOING)
        .map(|rows| rows as u64)
}

/// SHA-256 in hexadecimal digits.
pub(in crate::warehouse) fn sha256(bytes: &[u8]) -> String {
    base16ct::lower::encode_string(&Sha256::digest(bytes))
}

/// Marks the attachments of a deleted resource as history.
pub(super) fn bury_attachments(
    transaction: &Transaction<'_>,
    connection_id: i64,
    resource_type: &str,
    resource_id: &str,
    now: &str,
) -> Result<(), WarehouseError> {
    let key = params![connection_id, resource_type, resource_id, now];
    for sql in [
        "DELETE FROM attachment WHERE connection_id = ?1 AND resource_type = ?2
           AND resource_id = ?3 AND bytes IS NULL AND ?4 IS NOT NULL",
        "UPDATE attachment SET replaced_at = ?4 WHERE connection_id = ?1 AND resource_type = ?2
           AND resource_id = ?3 AND replaced_at IS NULL",
    ] {
        transaction
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute(key))
            .doing("cannot mark the attachments of a deleted resource")?;
    }
    Ok(())
}

/// Queues missing attachments again.
///
/// These are attachments that the plan refused before `refused_before`, and attachments that exceeded a
/// limit lower than `limit_bytes`; what a resource carries itself is examined again. A refusal of the future
/// was dated by a clock that was ahead, so its age is not known.
pub(crate) fn retry(
    connection: &Connection,
    connection_id: i64,
    refused_before: DateTime<Utc>,
    limit_bytes: u64,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "UPDATE attachment SET state = 'pending', source_hash =
               CASE WHEN url IS NULL THEN x'' ELSE source_hash END
             WHERE connection_id = ?1 AND state = 'missing' AND replaced_at IS NULL
               AND (url IS NOT NULL AND limit_bytes IS NULL AND (tried_at <= ?2 OR tried_at > ?4)
                 OR limit_bytes < ?3)",
            params![connection_id, clock::text(refused_before), limit_bytes, clock::text(now)],
        )
        .doing(DOING)
        .map(drop)
}
