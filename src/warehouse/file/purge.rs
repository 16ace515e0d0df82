//! Removes a connection: every row, then every byte.
//!
//! Rows are deleted in one transaction, from every table that has a `connection_id`, also from tables of the
//! user's own. Afterwards the bytes that SQLite leaves behind are scrubbed: freed pages, the WAL, samples
//! of its query planner. A row of `purge_unfinished` stays until the scrubbing is done and the home's
//! lakes are up to date, so a purge can be killed at any point and repeated. A purge never touches the
//! vault and never looks at another connection's rows.

use super::{
    access_log::{self, Access},
    copies, named, open, partial,
    place::WarehouseFile,
    purge_mark,
    removal::remove,
    staging, waiting,
};
use crate::warehouse::{
    error::{Doing, WarehouseError},
    tables::{
        marts,
        table::{embedded_marts, quote},
    },
    walks::connections::{self, ConnectionRow},
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Transaction};
use std::{
    collections::BTreeSet,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// How long to wait for readers that hold back the journal, and the pause between two tries.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// What a purge removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purged {
    /// Per table, the rows removed; tables without any are left out.
    pub removed: Vec<(String, u64)>,
    /// Rows of the connection counted afterwards, over the same tables. Anything but zero is a bug.
    pub left: u64,
    /// Backups, exports and reports that were written before, which a purge does not reach.
    pub copies: Vec<String>,
}

/// The result of looking up the name of a connection that is to be purged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurgeTarget {
    /// The connection exists.
    Connection(ConnectionRow),
    /// The connection exists, and the purge of an earlier connection of this name is unfinished.
    Anew,
    /// No connection has this name, and an earlier purge was interrupted before its last step.
    Unfinished {
        /// Whether that purge was of a connection of this name.
        is_of_name: bool,
    },
    /// No connection has this name.
    Unknown,
}

/// Looks a name up; brings the control tables up to date.
///
/// # Errors
/// There is no warehouse, or it cannot be opened.
pub fn find_for_purge(file: &WarehouseFile, name: &str) -> Result<PurgeTarget, WarehouseError> {
    let connection = open_existing(file)?;
    let is_of_name = purge_mark::is_of(&connection, name)?;
    Ok(match connections::by_name(&connection, name)? {
        Some(_) if is_of_name => PurgeTarget::Anew,
        Some(row) => PurgeTarget::Connection(row),
        None if purge_mark::exists(&connection)? => PurgeTarget::Unfinished { is_of_name },
        None => PurgeTarget::Unknown,
    })
}

/// Why a connection's rows are removed.
struct Removal<'a> {
    command: &'static str,
    /// The home that has the rows now, if the connection was moved.
    moved_to: Option<&'a Path>,
    os_user: &'a str,
}

/// Removes every row of a connection that another home has now, as [`purge_rows`] does.
///
/// # Errors
/// Like [`purge_rows`].
pub fn move_rows_out(
    file: &WarehouseFile,
    row: &ConnectionRow,
    target: &Path,
    os_user: &str,
    now: DateTime<Utc>,
) -> Result<Purged, WarehouseError> {
    remove_rows(file, row, &Removal { command: "move", moved_to: Some(target), os_user }, now)
}

/// Removes every row of a connection, in one transaction, and counts what is left.
///
/// [`scrub`] must follow: until then the file may hold bytes of what was removed.
///
/// # Errors
/// An error of SQLite; nothing was removed then.
pub fn purge_rows(
    file: &WarehouseFile,
    row: &ConnectionRow,
    os_user: &str,
    now: DateTime<Utc>,
) -> Result<Purged, WarehouseError> {
    remove_rows(file, row, &Removal { command: "purge", moved_to: None, os_user }, now)
}

fn remove_rows(
    file: &WarehouseFile,
    row: &ConnectionRow,
    removal: &Removal<'_>,
    now: DateTime<Utc>,
) -> Result<Purged, WarehouseError> {
    let mut connection = open_existing(file)?;
    let doing = "cannot purge";
    // Rows refer only to rows of the same connection, so that no reference is left dangling; checking
    // each deleted walk against every stored resource would take hours.
    connection
        .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA secure_delete = ON;")
        .doing(doing)?;
    // The name leaves the access log below, and with it the place of a copy whose path has the name.
    sweep_copies(&connection, file, now)?;
    let transaction = connection.transaction().doing(doing)?;
    let copies = copies::copies(&transaction, row.id)?;
    let tables = tables_with_connections(&transaction, "main")?;
    let removed = delete_rows(&transaction, row.id)?;
    forget_traces(&transaction, row)?;
    let blanked = access_log::blank(&transaction, &row.name)?;
    let embedded: Vec<_> = embedded_marts().collect();
    marts::refresh_within(&transaction, &embedded)?;
    let mut left = 0;
    for table in &tables {
        left += count(&transaction, table, "connection_id", row.id)?;
    }
    left += count(&transaction, "connection", "id", row.id)?;
    purge_mark::set(&transaction, row.id, &row.name, now)?;
    let total: u64 = removed.iter().map(|(_, rows)| rows).sum();
    let access = Access {
        os_user: removal.os_user.to_owned(),
        command: removal.command,
        connection_id: Some(row.id),
        target: removal.moved_to.map(|home| home.display().to_string()),
        detail: Some(format!("{total} rows removed, {left} left")),
    };
    access_log::enter_purge(&transaction, &access, &blanked.ids, now)?;
    blanked.copies.iter().try_for_each(|copy| access_log::enter(&transaction, copy, now))?;
    transaction.commit().doing(doing)?;
    Ok(Purged { removed, left, copies })
}

/// Deletes a connection with its rows of every table; returns the number of rows by table.
pub(super) fn delete_rows(
    transaction: &Transaction<'_>,
    id: i64,
) -> Result<Vec<(String, u64)>, WarehouseError> {
    let doing = "cannot purge";
    marts::note_kin(transaction, id)?;
    // This table has no `connection_id`, only a resource's id, which another resource may get later.
    transaction
        .execute(
            "DELETE FROM resource_outdated
             WHERE resource IN (SELECT id FROM resource WHERE connection_id = ?1)",
            [id],
        )
        .doing(doing)?;
    let mut removed = Vec::new();
    for table in tables_with_connections(transaction, "main")? {
        let rows = transaction
            .execute(&format!("DELETE FROM {} WHERE connection_id = ?1", quote(&table)), [id])
            .doing(doing)?;
        if rows > 0 {
            removed.push((table, rows as u64));
        }
    }
    let rows = transaction.execute("DELETE FROM connection WHERE id = ?1", [id]).doing(doing)?;
    removed.push(("connection".to_owned(), rows as u64));
    Ok(removed)
}

/// Whether rows were removed whose bytes may still be in the file; [`scrub`] removes the bytes.
///
/// The home's lock is not needed: the file is only read, with the control tables that it has.
///
/// # Errors
/// There is no warehouse, or it cannot be opened.
pub fn is_unscrubbed(file: &WarehouseFile) -> Result<bool, WarehouseError> {
    let connection = open::open_to_read(file)?;
    let is_marked = purge_mark::exists_if_kept(&connection)?;
    connection.confirm()?;
    Ok(is_marked)
}

/// The copies that may still hold a connection whose purge is unfinished, and that no purge reaches.
///
/// They come from the access log and the disk, so that a repeated purge names them as well. After [`scrub`]
/// the list is whole: a backup or export that was at work before has let go of the removed rows, and its file
/// is at the target or beside it. The list leaves out what is in `told` already; there, the target of a copy
/// may have the connection's `name`, which the access log has no longer.
///
/// # Errors
/// An error of SQLite.
pub fn unreached_copies(
    file: &WarehouseFile,
    name: &str,
    told: &[String],
) -> Result<Vec<String>, WarehouseError> {
    let connection = open_existing(file)?;
    let mut left: Vec<String> = Vec::new();
    for id in purge_mark::purged_ids(&connection)? {
        left.extend(copies::copies(&connection, id)?);
    }
    let tag = partial::tag(file.path());
    for folder in copies::folders(&connection)? {
        left.extend(partial::left_of(&folder, &tag).map(|path| path.display().to_string()));
    }
    let is_told =
        |copy: &String| told.iter().any(|told| told == copy || named::without(told, name) == *copy);
    let mut seen = BTreeSet::new();
    left.retain(|copy| !is_told(copy) && seen.insert(copy.clone()));
    Ok(left)
}

/// Removes what killed backups, exports and reports have left, in every folder that the access log knows.
///
/// A file that cannot be removed is not an error, since its folder may be closed: it is named with the
/// copies. So is a file that a process in another container may still write.
fn sweep_copies(
    connection: &Connection,
    file: &WarehouseFile,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let tag = partial::tag(file.path());
    for folder in copies::folders(connection)? {
        partial::left_of(&folder, &tag)
            .filter(|path| partial::is_abandoned(path, now))
            .for_each(|path| drop(remove(&path)));
    }
    Ok(())
}

/// Removes the bytes of removed rows from the file and from SQLite's files beside it.
///
/// [`end_purges`] or [`end_moves`] must follow, once nothing else is left to do.
///
/// # Errors
/// The disk is full, or another program keeps the warehouse open; scrubbing can be repeated.
pub fn scrub(file: &WarehouseFile, now: DateTime<Utc>) -> Result<(), WarehouseError> {
    let mut connection = open_existing(file)?;
    staging::sweep(file.path())?;
    sweep_copies(&connection, file, now)?;
    let doing = "cannot scrub the warehouse's free space";
    // Other writers do not overwrite what they free, so that earlier versions of rows may be in any page:
    // only writing the whole file anew reaches them all. SQLCipher would make the new file in memory,
    // however large it is, so temporary data goes to a file, which is encrypted, too.
    connection
        .execute_batch("PRAGMA temp_store = FILE; PRAGMA secure_delete = ON; VACUUM;")
        .doing(doing)?;
    if checkpoint(&mut connection, file)? {
        return Err(WarehouseError::KeptOpen { path: file.path().into() });
    }
    Ok(())
}

/// Removes the marks of unfinished purges and moves: their bytes are gone, also from every lake.
///
/// # Errors
/// An error of SQLite; the purge can be repeated.
pub fn end_purges(file: &WarehouseFile) -> Result<(), WarehouseError> {
    remove_marks(file, "DELETE FROM purge_unfinished")
}

/// Removes the marks of unfinished moves. The mark of a purge stays: a lake may still hold its rows.
///
/// # Errors
/// An error of SQLite; the move can be repeated.
pub fn end_moves(file: &WarehouseFile) -> Result<(), WarehouseError> {
    remove_marks(
        file,
        "DELETE FROM purge_unfinished
         WHERE (SELECT command FROM access_log WHERE connection_id = purged_id
           AND command IN ('move', 'purge') ORDER BY id DESC LIMIT 1) = 'move'",
    )
}

fn remove_marks(file: &WarehouseFile, statement: &str) -> Result<(), WarehouseError> {
    let mut connection = open_existing(file)?;
    connection.execute(statement, []).doing("cannot end a purge")?;
    // Another program may have opened the file by now and keep the WAL; it holds no removed rows.
    checkpoint(&mut connection, file).map(drop)
}

/// Folds the WAL into the file and truncates it; returns whether a reader held that back.
///
/// SQLite's own wait for readers would hold the writers' lock, and so block everybody.
fn checkpoint(connection: &mut Connection, file: &WarehouseFile) -> Result<bool, WarehouseError> {
    waiting::for_nobody(connection)?;
    let began = Instant::now();
    let held_back = loop {
        let held_back: bool = connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
            .doing("cannot fold the journal into the warehouse")?;
        if !held_back || began.elapsed() > PATIENCE {
            break held_back;
        }
        thread::sleep(PAUSE);
    };
    waiting::as_writer(connection, file.path())?;
    Ok(held_back)
}

fn open_existing(file: &WarehouseFile) -> Result<Connection, WarehouseError> {
    open::require_existing(file.path())?;
    open::open_to_write(file)
}

/// Every table of `main` or an attached file with a column `connection_id`.
///
/// The access log is left out, since it accounts for the purge.
pub(crate) fn tables_with_connections(
    connection: &Connection,
    schema: &str,
) -> Result<Vec<String>, WarehouseError> {
    connection
        .prepare(&format!(
            "SELECT s.name FROM {schema}.sqlite_schema s JOIN pragma_table_info(s.name, '{schema}') c
             WHERE s.type = 'table' AND lower(c.name) = 'connection_id' AND s.name <> 'access_log'
             ORDER BY s.name"
        ))
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .doing("cannot list the tables")
}

fn count(
    transaction: &Transaction<'_>,
    table: &str,
    column: &str,
    id: i64,
) -> Result<u64, WarehouseError> {
    transaction
        .query_row(
            &format!("SELECT count(*) FROM {} WHERE {column} = ?1", quote(table)),
            [id],
            |row| row.get(0),
        )
        .doing("cannot count a connection's remaining rows")
}

/// Removes traces of the connection outside its own rows.
fn forget_traces(transaction: &Transaction<'_>, row: &ConnectionRow) -> Result<(), WarehouseError> {
    let doing = "cannot remove the name of a purged connection";
    // The planner's samples hold keys of indexes, and so ids of resources.
    let sampled: bool = transaction
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat4')",
            [],
            |row| row.get(0),
        )
        .doing(doing)?;
    if sampled {
        transaction.execute_batch("DELETE FROM sqlite_stat4;").doing(doing)?;
    }
    named::register(transaction)?;
    for statement in [
        "UPDATE sync_run SET summary = NULL WHERE names(summary, ?1)",
        "DELETE FROM metrics_file WHERE names(path, ?1)",
    ] {
        transaction.execute(statement, [&row.name]).doing(doing)?;
    }
    // An interrupted rebuild notes the last resource it did. If that resource was of the purged connection,
    // its id is emptied, so that the rebuild goes on with the next connection.
    transaction
        .execute(
            "UPDATE table_rebuild SET last_resource_id = '' WHERE last_connection_id = ?1",
            [row.id],
        )
        .doing(doing)?;
    Ok(())
}
