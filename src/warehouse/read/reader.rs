//! A pool of SQLite connections that cannot write, shared by the worker threads.

use super::history;
use crate::{
    fingerprint::same_content,
    warehouse::{
        error::{Doing, WarehouseError},
        file::{open, place::WarehouseFile, without_locks::Reading},
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, OptionalExtension, params};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

/// The stored state of a resource, as far as intake needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) rowid: i64,
    pub(crate) content_hash: Vec<u8>,
}

/// A pool of reading connections, each opened when it is needed.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    file: WarehouseFile,
    /// The instant whose resources are shown; `None` for the present ones.
    as_of: Option<DateTime<Utc>>,
    idle: Arc<Mutex<Vec<Reading>>>,
}

impl Reader {
    pub(crate) fn new(file: WarehouseFile) -> Reader {
        Reader { file, as_of: None, idle: Arc::default() }
    }

    pub(crate) fn as_of(file: WarehouseFile, at: DateTime<Utc>) -> Reader {
        Reader { file, as_of: Some(at), idle: Arc::default() }
    }

    /// A pool that begins with the given connection.
    pub(crate) fn of(file: WarehouseFile, connection: Reading) -> Reader {
        Reader { file, as_of: None, idle: Arc::new(Mutex::new(vec![connection])) }
    }

    /// The file that is read.
    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Reads over a connection of the pool, in one transaction and so in one consistent state.
    pub(crate) fn read<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, WarehouseError>,
    ) -> Result<T, WarehouseError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => match self.as_of {
                Some(at) => history::open_as_of(&self.file, at)?,
                None => open::open_to_read(&self.file)?,
            },
        };
        let result = {
            let transaction = connection.transaction().doing("cannot begin to read")?;
            work(&transaction)
        };
        connection.confirm()?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        result
    }
}

/// Looks up a live resource by its key.
pub(crate) fn known(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
    resource_id: &str,
) -> Result<Option<Known>, WarehouseError> {
    connection
        .prepare_cached(
            "SELECT id, content_hash FROM resource WHERE connection_id = ?1
               AND resource_type = ?2 AND resource_id = ?3 AND deleted_at IS NULL",
        )
        .and_then(|mut statement| {
            statement
                .query_row(params![connection_id, resource_type, resource_id], |row| {
                    Ok(Known { rowid: row.get(0)?, content_hash: row.get(1)? })
                })
                .optional()
        })
        .doing("cannot look up a resource")
}

/// Whether a resource has the stored content, whatever order, spacing or escapes its JSON has.
pub(crate) fn is_unchanged(
    connection: &Connection,
    known: &Known,
    content_hash: &[u8],
    json: &[u8],
) -> Result<bool, WarehouseError> {
    if known.content_hash == content_hash {
        return Ok(true);
    }
    connection
        .prepare_cached("SELECT json FROM resource WHERE id = ?1")
        .and_then(|mut statement| {
            statement
                .query_row([known.rowid], |row| Ok(same_content(row.get_ref(0)?.as_bytes()?, json)))
        })
        .doing("cannot read a resource")
}
