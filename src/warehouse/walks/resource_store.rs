//! Stores one resource in the table `resource`: new, changed, unchanged, or outdated.

use super::{
    abridged::is_less_than_stored,
    older_version::{self, History},
    page::{ChangedResource, PageWrite, TextBytes},
    unlisted,
};
use crate::{
    clock,
    fingerprint::{Version, same_content},
    warehouse::error::{Doing, WarehouseError},
};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use std::cmp::Ordering;

/// What was stored for a resource before this copy came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Was {
    /// Nothing was stored.
    Absent,
    /// Other content, or a resource that was marked as deleted.
    Other,
    /// The same content, which arrived meanwhile, or a more complete resource than the copy that came.
    Same,
    /// A newer version, which is kept.
    Newer,
}

/// A resource that is now stored.
pub(crate) struct Stored {
    pub(crate) rowid: i64,
    pub(crate) was: Was,
}

/// The stored resource with the same key.
struct Known {
    rowid: i64,
    is_live: bool,
    is_same: bool,
    version_id: Option<String>,
    last_updated: Option<String>,
}

fn find_stored(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    changed: &ChangedResource,
) -> Result<Option<Known>, WarehouseError> {
    transaction
        .prepare_cached(
            "SELECT id, deleted_at IS NULL, content_hash = ?4, version_id, last_updated
             FROM resource
             WHERE connection_id = ?1 AND resource_type = ?2 AND resource_id = ?3",
        )
        .and_then(|mut statement| {
            let key = params![
                page.walk.connection_id,
                changed.resource_type,
                changed.resource_id,
                changed.content_hash
            ];
            let read = |row: &Row<'_>| {
                Ok(Known {
                    rowid: row.get(0)?,
                    is_live: row.get(1)?,
                    is_same: row.get(2)?,
                    version_id: row.get(3)?,
                    last_updated: row.get(4)?,
                })
            };
            statement.query_row(key, read).optional()
        })
        .doing("cannot look up a resource")
}

/// Whether the stored version is kept although another version came.
fn stays(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    changed: &ChangedResource,
    known: &Known,
) -> Result<bool, WarehouseError> {
    let stored = Version {
        version_id: known.version_id.as_deref(),
        last_updated: known.last_updated.as_deref(),
    };
    if page.file.is_some() && !changed.is_superseded {
        // The age of a file is not known. A resource that a plan has sent, or that is proved to be
        // deleted, is replaced only by a version that is certainly newer.
        if !known.is_live || is_of_plan(transaction, known.rowid)? {
            return Ok(!stored.is_older_than(&changed.version()));
        }
        // Among files the version's rank decides. For equal ranks the last one wins, but only once, so
        // that importing the same files again changes nothing.
        return match changed.version().rank().cmp(&stored.rank()) {
            Ordering::Less => Ok(true),
            Ordering::Greater => Ok(false),
            Ordering::Equal => was_superseded(transaction, page, changed),
        };
    }
    // A deleted resource that is sent again exists again, in any version.
    if !known.is_live || changed.is_superseded {
        return Ok(changed.is_superseded);
    }
    Ok(changed.version().is_older_than(&stored)
        && !older_version::is_believed(transaction, page, known.rowid)?)
}

/// Whether a plan has sent the stored resource, as opposed to a file.
fn is_of_plan(transaction: &Transaction<'_>, rowid: i64) -> Result<bool, WarehouseError> {
    transaction
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM resource r JOIN sync_walk w ON w.id = r.walk_id
             WHERE r.id = ?1 AND w.mode <> 'file')",
        )
        .and_then(|mut statement| statement.query_row([rowid], |row| row.get(0)))
        .doing("cannot look up a resource")
}

/// Whether a resource had this content before it had other content, however it was written.
fn was_superseded(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    changed: &ChangedResource,
) -> Result<bool, WarehouseError> {
    let doing = "cannot look for an earlier version";
    let mut statement = transaction
        .prepare_cached(
            "SELECT content_hash = ?4, json FROM resource_version WHERE connection_id = ?1
               AND resource_type = ?2 AND resource_id = ?3",
        )
        .doing(doing)?;
    let key = params![
        page.walk.connection_id,
        changed.resource_type,
        changed.resource_id,
        changed.content_hash
    ];
    let json = &page.body[changed.json.clone()];
    let mut rows = statement.query(key).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let is_same = row.get(0).doing(doing)?
            || same_content(row.get_ref(1).doing(doing)?.as_bytes().unwrap_or_default(), json);
        if is_same {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the stored resource is more complete than the copy that came.
///
/// The page was unpacked by what was stored then; another walk may have stored the resource since.
fn is_less(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    changed: &ChangedResource,
    rowid: i64,
) -> Result<bool, WarehouseError> {
    let (walk_type, json) = (&page.walk.resource_type, &page.body[changed.json.clone()]);
    is_less_than_stored(transaction, walk_type, &changed.resource_type, json, rowid)
}

/// Stores a resource, unless a newer version of it is stored.
pub(super) fn store_resource(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    history: &mut History,
    changed: &ChangedResource,
) -> Result<Stored, WarehouseError> {
    let doing = "cannot store a resource";
    let known = find_stored(transaction, page, changed)?;
    let json = TextBytes(&page.body[changed.json.clone()]);
    let now = clock::text(page.now);
    match known {
        Some(Known { rowid, is_live: true, is_same: true, .. }) => {
            older_version::forget(transaction, [rowid])?;
            Ok(Stored { rowid, was: Was::Same })
        }
        Some(Known { rowid, is_live: true, .. })
            if !changed.is_superseded && is_less(transaction, page, changed, rowid)? =>
        {
            Ok(Stored { rowid, was: Was::Same })
        }
        Some(known) if stays(transaction, page, changed, &known)? => {
            older_version::keep(transaction, page, history, changed, known.rowid, &now)?;
            Ok(Stored { rowid: known.rowid, was: Was::Newer })
        }
        Some(Known { rowid, is_live, .. }) => {
            older_version::forget(transaction, [rowid])?;
            // What was deleted comes as if for the first time, and what a file brought comes from the plan.
            if !is_live || !is_of_plan(transaction, rowid)? {
                unlisted::note(transaction, page, &changed.resource_type, rowid)?;
            }
            keep_version(transaction, rowid, &now)?;
            transaction
                .prepare_cached(
                    "UPDATE resource SET version_id = ?2, last_updated = ?3, content_hash = ?4,
                       json = ?5, walk_id = ?6, received_at = ?7, bundle_references = ?8,
                       deleted_at = NULL WHERE id = ?1",
                )
                .and_then(|mut statement| {
                    statement.execute(params![
                        rowid,
                        changed.version_id,
                        changed.last_updated,
                        changed.content_hash,
                        json,
                        page.walk.walk_id,
                        now,
                        changed.bundle_references
                    ])
                })
                .doing(doing)?;
            Ok(Stored { rowid, was: Was::Other })
        }
        None => transaction
            .prepare_cached(
                "INSERT INTO resource (connection_id, resource_type, resource_id, version_id,
                       last_updated, content_hash, json, walk_id, received_at,
                       bundle_references)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )
            .and_then(|mut statement| {
                statement.insert(params![
                    page.walk.connection_id,
                    changed.resource_type,
                    changed.resource_id,
                    changed.version_id,
                    changed.last_updated,
                    changed.content_hash,
                    json,
                    page.walk.walk_id,
                    now,
                    changed.bundle_references
                ])
            })
            .doing(doing)
            .and_then(|rowid| {
                unlisted::note(transaction, page, &changed.resource_type, rowid)?;
                Ok(Stored { rowid, was: Was::Absent })
            }),
    }
}

/// Copies the stored version of a resource to its history.
pub(super) fn keep_version(
    transaction: &Transaction<'_>,
    rowid: i64,
    now: &str,
) -> Result<(), WarehouseError> {
    transaction
        .prepare_cached(
            "INSERT INTO resource_version (connection_id, resource_type, resource_id, version_id,
               last_updated, content_hash, json, valid_from, valid_to)
             SELECT connection_id, resource_type, resource_id, version_id, last_updated,
               content_hash, json, received_at, max(?2, received_at)
             FROM resource WHERE id = ?1 AND deleted_at IS NULL",
        )
        .and_then(|mut statement| statement.execute(params![rowid, now]))
        .doing("cannot keep a superseded version")
        .map(drop)
}
