//! A version that is older than the stored one: it goes to history, and the stored one stays.
//!
//! A replica that lags behind, or a page that still holds an earlier version, must not overwrite
//! something newer. A plan that went back for good, say to a backup, must not be refused for ever:
//! an older version that comes again in a later run is believed, unless the stored version came in
//! between.

use super::page::{ChangedResource, PageWrite, TextBytes};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::{HashMap, HashSet, hash_map::Entry};

/// Whether an earlier run got an older version of a stored resource, and no run the stored one since.
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

/// The contents in the history of resources of which a page brought an older version: a page may bring
/// thousands of one resource.
#[derive(Debug, Default)]
pub(crate) struct History(HashMap<i64, HashSet<Vec<u8>>>);

impl History {
    /// Notes a content of a resource; returns whether its history did not have it.
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

/// Puts an older version into the history, once per content, and notes that it came.
///
/// It was never what we held, so the interval in which it was valid is empty.
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
        .doing("cannot keep an older version")
        .map(drop)
}

/// Notes that an older version of a resource came.
fn note(transaction: &Transaction<'_>, page: &PageWrite, rowid: i64) -> Result<(), WarehouseError> {
    if page.file.is_some() {
        // A file that is imported again says nothing new of the plan.
        return Ok(());
    }
    // Where this walk has brought the stored version, too, there is nothing to doubt.
    transaction
        .prepare_cached(
            "INSERT OR IGNORE INTO resource_outdated SELECT ?1, ?2 WHERE NOT EXISTS (
               SELECT 1 FROM temp.walk_seen WHERE walk_id = ?3 AND resource = ?1)",
        )
        .and_then(|mut statement| statement.execute([rowid, page.walk.run_id, page.walk.walk_id]))
        .doing("cannot keep an older version")
        .map(drop)
}

/// Deletes the notes of older versions, for resources whose stored version the plan sends again.
pub(crate) fn forget(
    connection: &Connection,
    rowids: impl IntoIterator<Item = i64>,
) -> Result<(), WarehouseError> {
    let doing = "cannot forget an older version";
    // Hardly ever is there one: an unchanged night looks once per page.
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
