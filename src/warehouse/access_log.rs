//! The access log: who exported, reported, backed up or purged what, and when.
//!
//! It is for people who must account for health data. It holds counts and file names, never a
//! value of a resource.

use super::{
    error::{Doing, WarehouseError},
    file::WarehouseFile,
    open, waiting,
};
use crate::clock;
use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Who, as the operating system knows them.
    pub os_user: String,
    /// The command: backup, export, get, purge, report, restore.
    pub command: &'static str,
    /// The one connection it is about; `None` for all.
    pub connection_id: Option<i64>,
    /// The file or folder written.
    pub target: Option<String>,
    /// Counts, never values.
    pub detail: Option<String>,
}

/// Enters an access; durable when it returns.
///
/// # Errors
/// The warehouse cannot be opened or written.
pub fn log_access(
    file: &WarehouseFile,
    access: &Access,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    open::require_existing(file.path())?;
    // As it is: a copy of a warehouse that is yet to be upgraded is one of before the upgrade.
    let mut present = open::open_writable(file)?;
    waiting::as_writer(&mut present, file.path())?;
    if present.table_exists(None, "access_log").doing("cannot read the schema")? {
        return enter(&present, access, now);
    }
    drop(present);
    enter(&open::open_to_write(file)?, access, now)
}

pub(super) fn enter(
    connection: &Connection,
    access: &Access,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "INSERT INTO access_log (at, os_user, command, connection_id, target, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![
                clock::text(now),
                access.os_user,
                access.command,
                access.connection_id,
                access.target,
                access.detail
            ],
        )
        .doing("cannot write the access log")
        .map(drop)
}

/// Files that other commands have written and that may hold a connection's data.
pub(super) fn copies(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<String>, WarehouseError> {
    connection
        .prepare(
            "SELECT DISTINCT target FROM access_log WHERE target IS NOT NULL
               AND command IN ('backup', 'export', 'report')
               AND (connection_id IS NULL OR connection_id = ?1) ORDER BY id",
        )
        .and_then(|mut statement| statement.query_map([connection_id], |row| row.get(0))?.collect())
        .doing("cannot read the access log")
}
