//! Resources and entries that could not be taken in: kept with their bytes and the reason, and tried
//! again.
//!
//! A resource that a view rejects is stored like any other, but has rows in no table. Its reject is open
//! until a definition or the resource changes. The same reject on the next night is the same row, and
//! nothing is written. A detail never has a value of the resource.

use super::{
    page::{PageWrite, TextBytes},
    seen,
};
use crate::{
    clock,
    warehouse::error::{Doing, WarehouseError},
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashSet};

/// The reason if a view rejects a resource.
const VIEW_ERROR: &str = "view_error";
/// The reason if an entry has no resource.
const NO_RESOURCE: &str = "no_resource";

/// The rejects of a page, and how many of the rejects are new to the page's walk.
#[derive(Debug, Clone, Default)]
pub(super) struct Rejects {
    pub(crate) met: u64,
    pub(crate) new: u64,
    /// New ids among the rejects; the same resource may come with different content each time.
    pub(super) new_ids: u64,
    /// Entries that could not be taken in and that an earlier page had brought already.
    pub(crate) again: u64,
    /// Whether an entry without a resource equals one of an earlier page.
    pub(super) is_nameless_again: bool,
    /// The row ids of the rejects.
    pub(super) rowids: Vec<i64>,
}

/// Enters as rejects all entries of the page that could not be taken in.
///
/// Versions older than the stored one are left out; `older` has their positions.
pub(super) fn reject_all(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    older: &BTreeSet<usize>,
) -> Result<Rejects, WarehouseError> {
    let mut rejects = Rejects::default();
    for (position, changed) in page.changed.iter().enumerate() {
        let view_error = changed.view_error.as_deref();
        let Some(detail) = view_error.filter(|_| !older.contains(&position)) else { continue };
        let reject = Entry {
            resource_type: &changed.resource_type,
            resource_id: Some(&changed.resource_id),
            reason: VIEW_ERROR,
            detail,
            body: &page.body[changed.json.clone()],
        };
        rejects.note(enter(transaction, page, &reject)?);
    }
    let mut on_this_page = HashSet::new();
    for reject in &page.rejects {
        let is_other_type = reject.is_other_type;
        let body = &page.body[reject.body.clone()];
        let is_first = on_this_page.insert(body);
        let reject = Entry {
            resource_type: &page.walk.resource_type,
            resource_id: reject.resource_id.as_deref(),
            reason: reject.reason,
            detail: &reject.detail,
            body,
        };
        let is_new = rejects.note(enter(transaction, page, &reject)?);
        if let Some(id) = reject.resource_id {
            let is_new_id = seen::note_rejected_id(transaction, page.walk.walk_id, id)?;
            rejects.new_ids += u64::from(is_new_id);
        }
        // Entries without a resource can all be equal, so a repeat of such an entry may be another entry.
        let (came_before, is_nameless) = (!is_new && is_first, reject.reason == NO_RESOURCE);
        rejects.again += u64::from(came_before && !is_nameless && !is_other_type);
        rejects.is_nameless_again |= came_before && is_nameless;
    }
    Ok(rejects)
}

impl Rejects {
    /// Counts a reject, given its row id and whether it is new to the walk; returns whether it is new.
    fn note(&mut self, (rowid, is_new): (i64, bool)) -> bool {
        self.met += 1;
        self.new += u64::from(is_new);
        self.rowids.push(rowid);
        is_new
    }
}

struct Entry<'a> {
    resource_type: &'a str,
    resource_id: Option<&'a str>,
    reason: &'a str,
    detail: &'a str,
    body: &'a [u8],
}

/// Enters a reject; returns its row id, and whether it is new to the walk.
fn enter(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    reject: &Entry<'_>,
) -> Result<(i64, bool), WarehouseError> {
    let doing = "cannot write to rejected_resource";
    let body_hash: [u8; 32] = Sha256::digest(reject.body).into();
    let known: Option<(i64, bool)> = transaction
        .prepare_cached(
            "SELECT id, resolved_at IS NULL AND detail = ?5 FROM rejected_resource
             WHERE connection_id = ?1 AND resource_type = ?2 AND body_hash = ?3 AND reason = ?4",
        )
        .and_then(|mut statement| {
            let key = params![
                page.walk.connection_id,
                reject.resource_type,
                body_hash,
                reject.reason,
                reject.detail
            ];
            statement.query_row(key, |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .doing(doing)?;
    let rowid = match known {
        Some((rowid, true)) => rowid,
        Some((rowid, false)) => {
            transaction
                .execute(
                    "UPDATE rejected_resource SET detail = ?2, resolved_at = NULL WHERE id = ?1",
                    params![rowid, reject.detail],
                )
                .doing(doing)?;
            rowid
        }
        None => transaction
            .prepare_cached(
                "INSERT INTO rejected_resource (connection_id, resource_type, resource_id, reason,
                   detail, body, body_hash, run_id, walk_id, page, received_at, file)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
            )
            .and_then(|mut statement| {
                statement.insert(params![
                    page.walk.connection_id,
                    reject.resource_type,
                    reject.resource_id,
                    reject.reason,
                    reject.detail,
                    TextBytes(reject.body),
                    body_hash,
                    page.walk.run_id,
                    page.walk.walk_id,
                    page.page,
                    clock::text(page.now),
                    page.file
                ])
            })
            .doing(doing)
            .and_then(|rowid| count(transaction, page.walk.connection_id).map(|()| rowid))?,
    };
    if let Some(round) = page.round {
        seen::note_rejected(transaction, round, rowid)?;
    }
    Ok((rowid, seen::note_rejected(transaction, page.walk.walk_id, rowid)?))
}

/// Counts a reject that was entered, so that `verify` notices if one is missing.
fn count(transaction: &Transaction<'_>, connection_id: i64) -> Result<(), WarehouseError> {
    transaction
        .prepare_cached("UPDATE connection SET rejects_entered = rejects_entered + 1 WHERE id = ?1")
        .and_then(|mut statement| statement.execute([connection_id]))
        .doing("cannot count a reject")
        .map(drop)
}

/// Settles view errors about a version of a resource that is not the live one any more.
pub(super) fn settle_superseded(
    transaction: &Transaction<'_>,
    connection_id: i64,
    resource_type: &str,
    resource_id: &str,
    now: &str,
) -> Result<(), WarehouseError> {
    transaction
        .prepare_cached(
            "UPDATE rejected_resource SET resolved_at = ?4
             WHERE connection_id = ?1 AND resource_type = ?2 AND resource_id = ?3
               AND reason = 'view_error' AND resolved_at IS NULL",
        )
        .and_then(|mut statement| {
            statement.execute(params![connection_id, resource_type, resource_id, now])
        })
        .doing("cannot settle a reject")
        .map(drop)
}

/// Enters a stored resource that a new definition rejects. The reject has page 0, since no page of a walk
/// brought the resource just now.
pub(crate) fn enter_stored(
    transaction: &Transaction<'_>,
    connection_id: i64,
    resource_type: &str,
    resource_id: &str,
    detail: &str,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let doing = "cannot write to rejected_resource";
    let key = params![connection_id, resource_type, resource_id];
    let body_hash: [u8; 32] = transaction
        .query_row(
            "SELECT json FROM resource
             WHERE connection_id = ?1 AND resource_type = ?2 AND resource_id = ?3",
            key,
            |row| Ok(Sha256::digest(row.get_ref(0)?.as_bytes()?).into()),
        )
        .doing(doing)?;
    let is_known: bool = transaction
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM rejected_resource WHERE connection_id = ?1
               AND resource_type = ?2 AND body_hash = ?3 AND reason = 'view_error')",
            params![connection_id, resource_type, body_hash],
            |row| row.get(0),
        )
        .doing(doing)?;
    transaction
        .execute(
            "INSERT INTO rejected_resource (connection_id, resource_type, resource_id, reason,
               detail, body, body_hash, run_id, walk_id, page, received_at)
             SELECT r.connection_id, r.resource_type, r.resource_id, 'view_error', ?4, r.json, ?5,
               w.run_id, r.walk_id, 0, ?6
             FROM resource r LEFT JOIN sync_walk w ON w.id = r.walk_id
             WHERE r.connection_id = ?1 AND r.resource_type = ?2 AND r.resource_id = ?3
             ON CONFLICT (connection_id, resource_type, body_hash, reason)
             DO UPDATE SET detail = excluded.detail, resolved_at = NULL",
            params![connection_id, resource_type, resource_id, detail, body_hash, clock::text(now)],
        )
        .doing(doing)?;
    if is_known { Ok(()) } else { count(transaction, connection_id) }
}

/// An open reject, with its stored resource.
#[derive(Debug)]
pub(crate) struct Retry {
    pub(crate) reject_id: i64,
    pub(crate) connection_id: i64,
    pub(crate) resource_id: String,
    pub(crate) json: Vec<u8>,
    /// The targets of references in the resource that only its Bundle resolved.
    pub(crate) bundle_references: Option<String>,
}

/// The open rejects of a type that a changed definition may accept.
pub(crate) fn to_retry(
    transaction: &Transaction<'_>,
    resource_type: &str,
) -> Result<Vec<i64>, WarehouseError> {
    transaction
        .prepare(
            "SELECT j.id FROM rejected_resource j JOIN resource r
               ON r.connection_id = j.connection_id AND r.resource_type = j.resource_type
               AND r.resource_id = j.resource_id
             WHERE j.resource_type = ?1 AND j.reason = 'view_error' AND j.resolved_at IS NULL
               AND r.deleted_at IS NULL AND r.json = j.body",
        )
        .and_then(|mut statement| statement.query_map([resource_type], |row| row.get(0))?.collect())
        .doing("cannot read rejected_resource")
}

/// A reject of [`to_retry`], with its resource.
pub(crate) fn retry(
    transaction: &Transaction<'_>,
    reject_id: i64,
) -> Result<Retry, WarehouseError> {
    transaction
        .prepare_cached(
            "SELECT connection_id, resource_id, body,
               (SELECT bundle_references FROM resource AS r WHERE r.connection_id = j.connection_id
                  AND r.resource_type = j.resource_type AND r.resource_id = j.resource_id)
             FROM rejected_resource AS j WHERE id = ?1",
        )
        .and_then(|mut statement| {
            statement.query_row([reject_id], |row| {
                Ok(Retry {
                    reject_id,
                    connection_id: row.get(0)?,
                    resource_id: row.get(1)?,
                    json: row.get_ref(2)?.as_bytes()?.to_vec(),
                    bundle_references: row.get(3)?,
                })
            })
        })
        .doing("cannot read rejected_resource")
}

/// Notes the outcome of a retry: accepted, or still rejected and why.
pub(crate) fn settle(
    transaction: &Transaction<'_>,
    reject_id: i64,
    still: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let doing = "cannot settle a reject";
    match still {
        None => transaction.execute(
            "UPDATE rejected_resource SET resolved_at = ?2 WHERE id = ?1",
            params![reject_id, clock::text(now)],
        ),
        Some(detail) => transaction.execute(
            "UPDATE rejected_resource SET detail = ?2 WHERE id = ?1 AND detail <> ?2",
            params![reject_id, detail],
        ),
    }
    .doing(doing)
    .map(drop)
}

/// How many resources of a type are in no table because a view rejects them.
pub(crate) fn open_view_errors(
    transaction: &Transaction<'_>,
    resource_type: &str,
) -> Result<u64, WarehouseError> {
    transaction
        .query_row(
            "SELECT count(*) FROM rejected_resource
             WHERE resource_type = ?1 AND reason = 'view_error' AND resolved_at IS NULL",
            [resource_type],
            |row| row.get(0),
        )
        .doing("cannot count rejects")
}

/// How many open rejects of a connection are about another patient.
pub(crate) fn open_strangers(
    connection: &Connection,
    connection_id: i64,
) -> Result<u64, WarehouseError> {
    connection
        .query_row(
            "SELECT count(*) FROM rejected_resource
             WHERE connection_id = ?1 AND reason = 'foreign_subject' AND resolved_at IS NULL",
            [connection_id],
            |row| row.get(0),
        )
        .doing("cannot count rejects")
}
