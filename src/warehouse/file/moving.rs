//! A connection moves from one warehouse to another, in steps that can be repeated.
//!
//! 1. [`copy_in`]: every row goes into the other warehouse in one transaction, marked as arriving.
//! 2. [`leave`]: this warehouse marks the connection as leaving. The move cannot be undone from here on.
//! 3. The tokens move from vault to vault. Meanwhile the marks keep anybody from using the connection.
//! 4. [`arrive`]: the other warehouse takes its mark away, and the connection is active there.
//! 5. [`super::purge::purge_rows`] and [`super::purge::scrub`] remove the connection here.
//!
//! After a kill at any point, the same steps lead to the same end. A kill before step 2: the copy is thrown
//! away and made anew. A kill after step 2: the move goes on, and nothing else changes here.

use super::{
    access_log::{self, Access},
    moving_copy, open,
    place::WarehouseFile,
    purge,
};
use crate::{
    clock,
    warehouse::{
        error::{Doing, WarehouseError},
        tables::{marts, table::embedded_marts},
        walks::connections::{self, ConnectionRow},
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{Transaction, params};
use std::path::Path;

/// Copies a connection with every row into another warehouse, marked as arriving. Replaces an earlier copy
/// that did not arrive. Returns the connection's id there and the number of rows.
///
/// # Errors
/// An error of SQLite; another connection of that name is in the other warehouse; a table of the source
/// is missing there. Nothing was copied then.
pub fn copy_in(
    source: &WarehouseFile,
    row: &ConnectionRow,
    target: &WarehouseFile,
    source_home: &Path,
    now: DateTime<Utc>,
) -> Result<(i64, u64), WarehouseError> {
    let doing = "cannot copy a connection into the other home";
    open::require_existing(source.path())?;
    let mut connection = open::open_to_write(target)?;
    source.attach(&connection, "source").doing(doing)?;
    moving_copy::register(&connection).doing(doing)?;
    // Foreign keys are copied with their rows and not checked here; `verify` checks each of them.
    connection.execute_batch("PRAGMA foreign_keys = OFF;").doing(doing)?;
    let transaction = connection.transaction().doing(doing)?;
    if let Some(earlier) = connections::by_uid(&transaction, &row.uid)?
        && earlier.moving.as_ref().is_some_and(|moving| moving.arrives)
    {
        purge::delete_rows(&transaction, earlier.id)?;
    }
    let (id, rows) = moving_copy::copy(&transaction, row)?;
    mark(&transaction, id, "arriving", source_home, now)?;
    marts::note(&transaction, id)?;
    transaction.commit().doing(doing)?;
    Ok((id, rows))
}

/// Marks a connection as leaving for another home: from now on nobody here may use it.
///
/// # Errors
/// An error of SQLite.
pub fn leave(
    source: &WarehouseFile,
    id: i64,
    target_home: &Path,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let mut connection = open::open_to_write(source)?;
    // The mark must be durable before any token moves.
    connection.execute_batch("PRAGMA synchronous = FULL;").doing("cannot mark a move")?;
    let transaction = connection.transaction().doing("cannot mark a move")?;
    mark(&transaction, id, "leaving", target_home, now)?;
    transaction.commit().doing("cannot mark a move")
}

/// Makes an arriving connection an active one, with its marts, and enters it in the access log.
///
/// # Errors
/// An error of SQLite.
pub fn arrive(
    target: &WarehouseFile,
    uid: &str,
    os_user: &str,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let doing = "cannot activate a moved connection";
    let mut connection = open::open_to_write(target)?;
    connection.execute_batch("PRAGMA synchronous = FULL;").doing(doing)?;
    let transaction = connection.transaction().doing(doing)?;
    let Some(row) = connections::by_uid(&transaction, uid)? else { return Ok(()) };
    let arrived = transaction
        .execute("DELETE FROM connection_move WHERE connection_id = ?1", [row.id])
        .doing(doing)?;
    if arrived > 0 {
        let access = Access {
            os_user: os_user.to_owned(),
            command: "move",
            connection_id: Some(row.id),
            target: None,
            detail: Some("arrived from another home".to_owned()),
        };
        access_log::enter(&transaction, &access, now)?;
        let embedded: Vec<_> = embedded_marts().collect();
        marts::refresh_within(&transaction, &embedded)?;
    }
    transaction.commit().doing(doing)
}

fn mark(
    transaction: &Transaction<'_>,
    id: i64,
    direction: &str,
    other_home: &Path,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let other_home = other_home.display().to_string();
    transaction
        .execute(
            "INSERT OR REPLACE INTO connection_move VALUES (?1, ?2, ?3, ?4)",
            params![id, direction, other_home, clock::text(now)],
        )
        .doing("cannot mark a move")
        .map(drop)
}
