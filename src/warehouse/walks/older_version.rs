//! A version that is older than the stored one is added to the history, and the stored one stays.
//!
//! A replica that lags behind, or a page with an earlier version, must not overwrite a newer version. A
//! plan that went back for good, such as to a backup, must not be refused for ever. So an older version
//! is accepted if it comes again in a later run, unless the stored version came in between.

use super::page::{ChangedResource, PageWrite, TextBytes};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::{HashMap, HashSet, hash_map::Entry};

/// Whether an earlier run got an older version of a stored resource, and no run has got the stored one
/// since.
pub(super) fn is_believed(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    rowid: i64,
) -> Result<bool, WarehouseError> {
    let since: Option<i64> = transaction
        .prepare_cached("SELECT run_id FROM resource_outdated WHERE resource = ?1")
        .and_then(|mut statement| statement.query_row([rowid], |row| row.get(0)).optional())
        .doing("cannot look for an older version")?;
    Ok(since.is_some_and(|run_id| run_id != page.walk.run_id))
}

/// The content hashes in the history of each resource of which a page brought an older version.
///
/// They are cached, since a page may bring thousands of versions of one resource.
#[derive(Debug, Default)]
pub(crate) struct History(HashMap<i64, HashSet<Vec<u8>>>);

impl History {
    /// Adds a content to a resource's history; returns true if the history did not have the content.
    fn is_new(
        &mut self,
        transaction: &Transaction<'_>,
        page: &PageWrite,
        older: &ChangedResource,
        rowid: i64,
    ) -> Result<bool, WarehouseError> {
        let known = match self.0.entry(rowid) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => unknown.insert(
                transaction
                    .prepare_cached(
                        "SELECT content_hash FROM resource_version
                         WHERE connection_id = ?1 AND resource_type = ?2 AND resource_id = ?3",
                    )
                    .and_then(|mut statement| {
                        let key = params![
                            page.walk.connection_id,
                            older.resource_type,
                            older.resource_id
                        ];
                        statement.query_map(key, |row| row.get(0))?.collect()
                    })
                    .doing("cannot look for an older version")?,
            ),
        };
        Ok(known.insert(older.content_hash.to_vec()))
    }
}

/// Adds an older version to the history, once per content, and notes that it came.
///
/// The older version was never the current one here, so the interval in which it was valid is empty.
pub(crate) fn keep(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    history: &mut History,
    older: &ChangedResource,
    rowid: i64,
    now: &str,
) -> Result<(), WarehouseError> {
    if history.is_new(transaction, page, older, rowid)? {
        insert(transaction, page, older, now)?;
    }
    note(transaction, page, rowid)
}

fn insert(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    older: &ChangedResource,
    now: &str,
) -> Result<(), WarehouseError> {
    transaction
        .prepare_cached(
            "INSERT INTO resource_version (connection_id, resource_type, resource_id, version_id,
               last_updated, content_hash, json, valid_from, valid_to)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)",
        )
        .and_then(|mut statement| {
            statement.execute(params![
                page.walk.connection_id,
                older.resource_type,
                older.resource_id,
                older.version_id,
                older.last_updated,
                older.content_hash,
                TextBytes(&page.body[older.json.clone()]),
                now
            ])
        })
        .doing("cannot store an older version")
        .map(drop)
}

/// Notes that an older version of a resource came.
fn note(transaction: &Transaction<'_>, page: &PageWrite, rowid: i64) -> Result<(), WarehouseError> {
    if page.file.is_some() {
        // Importing a file again tells nothing new about the plan.
        return Ok(());
    }
    // If this walk has brought the stored version, too, there is no doubt.
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO resource_outdated SELECT ?1, ?2 WHERE NOT EXISTS (
               SELECT 1 FROM temp.walk_seen WHERE walk_id = ?3 AND resource = ?1)",
        )
        .and_then(|mut statement| statement.execute([rowid, page.walk.run_id, page.walk.walk_id]))
        .doing("cannot store an older version")
        .map(drop)
}

/// Deletes the notes of older versions, for resources whose stored version the plan sends again.
pub(crate) fn forget(
    connection: &Connection,
    rowids: impl IntoIterator<Item = i64>,
) -> Result<(), WarehouseError> {
    let doing = "cannot delete the notes of older versions";
    // There is hardly ever such a note: on an unchanged night, one look per page is enough.
    let any = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM resource_outdated)")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .doing(doing)?;
    if any {
        let mut statement = connection
            .prepare_cached("DELETE FROM resource_outdated WHERE resource = ?1")
            .doing(doing)?;
        for rowid in rowids {
            statement.execute([rowid]).doing(doing)?;
        }
    }
    Ok(())
}
