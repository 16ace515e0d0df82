//! The copies of the warehouse that the access log knows: backups, exports, reports and lakes.
//!
//! A purge does not reach them, and so must be able to name each of them. A copy that is under way, or that a
//! killed process left, counts: its target may be missing, and its unfinished file is beside the target.

use super::{named, partial};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, params};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

const DOING: &str = "cannot read the access log";

/// The outcome of a backup, as in the access log's `detail`.
pub mod backup_outcome {
    /// The backup was begun, and perhaps never ended.
    pub const BEGUN: &str = "begun";
    /// The backup failed, and left no file.
    pub const FAILED: &str = "failed";
    /// The backup ended, and is not encrypted.
    pub const IN_CLEAR: &str = "not encrypted";
    /// The backup ended, and is encrypted.
    pub const ENCRYPTED: &str = "encrypted";
}

/// A backup that ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastBackup {
    /// The instant, as RFC 3339 with milliseconds.
    pub at: String,
    /// The path it was written to; the file may have been moved since. `None` if the path had the name of a
    /// purged connection.
    pub target: Option<PathBuf>,
    /// Whether the backup was encrypted.
    pub is_encrypted: bool,
}

/// Files that other commands have written and that may hold a connection's data.
///
/// A killed process could not log an outcome: a copy that was begun and has no outcome counts if its file
/// exists, finished or not.
pub(super) fn copies(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<String>, WarehouseError> {
    let found = find(connection, "connection_id IS NULL OR connection_id = ?3", &connection_id)?;
    let mut seen = BTreeSet::new();
    let mut copies: Vec<String> = found.into_iter().map(|(_, copy)| copy).collect();
    copies.retain(|copy| seen.insert(copy.clone()));
    Ok(copies)
}

/// The copies whose paths have a connection's name. A copy that was made of one connection alone comes with
/// that connection. The SQL function `names` must be registered. Lakes are left out: `lake.json` knows them.
pub(super) fn named(
    connection: &Connection,
    name: &str,
) -> Result<Vec<(Option<i64>, String)>, WarehouseError> {
    find(connection, "command <> 'lake' AND names(target, ?3)", &name)
}

fn find(
    connection: &Connection,
    which: &str,
    value: &dyn rusqlite::ToSql,
) -> Result<Vec<(Option<i64>, String)>, WarehouseError> {
    let copies: Vec<(Option<i64>, String, bool)> = connection
        .prepare(&format!(
            "SELECT connection_id, target, max(detail IS NULL OR detail NOT IN (?1, ?2))
             FROM access_log
             WHERE target IS NOT NULL AND command IN ('backup', 'export', 'lake', 'report', 'prune')
               AND ({which})
             GROUP BY connection_id, target ORDER BY min(id)"
        ))
        .and_then(|mut statement| {
            let outcomes = (backup_outcome::BEGUN, backup_outcome::FAILED);
            statement
                .query_map(params![outcomes.0, outcomes.1, value], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?
                .collect()
        })
        .doing(DOING)?;
    Ok(copies
        .into_iter()
        .filter(|(_, target, has_ended)| {
            *has_ended || is_there(Path::new(target)) || partial::is_beside(Path::new(target))
        })
        .map(|(connection_id, target, _)| (connection_id, target))
        .collect())
}

/// The folders of all copies, however they ended. Empty for a warehouse from before the access log.
pub(crate) fn folders(connection: &Connection) -> Result<BTreeSet<PathBuf>, WarehouseError> {
    if !connection.table_exists(None, "access_log").doing(DOING)? {
        return Ok(BTreeSet::new());
    }
    let targets: Vec<String> = connection
        .prepare(
            "SELECT DISTINCT target FROM access_log WHERE target IS NOT NULL
               AND command IN ('backup', 'export', 'report', 'prune')",
        )
        .and_then(|mut targets| targets.query_map([], |row| row.get(0))?.collect())
        .doing(DOING)?;
    Ok(targets
        .iter()
        .map(|target| partial::folder_of(Path::new(target)).to_owned())
        .filter(|folder| folder.is_absolute())
        .collect())
}

/// The backups that ended, newest first. Empty for a warehouse from before the access log.
pub(crate) fn backups(connection: &Connection) -> Result<Vec<PastBackup>, WarehouseError> {
    if !connection.table_exists(None, "access_log").doing(DOING)? {
        return Ok(Vec::new());
    }
    connection
        .prepare(
            "SELECT at, target, detail = ?1 FROM access_log
             WHERE command = 'backup' AND detail IN (?1, ?2) ORDER BY id DESC",
        )
        .and_then(|mut statement| {
            statement
                .query_map([backup_outcome::ENCRYPTED, backup_outcome::IN_CLEAR], |row| {
                    Ok(PastBackup {
                        at: row.get(0)?,
                        target: row.get::<_, Option<String>>(1)?.map(PathBuf::from),
                        is_encrypted: row.get(2)?,
                    })
                })?
                .collect()
        })
        .doing(DOING)
}

pub(super) fn is_there(target: &Path) -> bool {
    target.symlink_metadata().is_ok()
}

/// Whether a copy may still be somewhere, finished or not.
pub(super) fn may_exist(target: &Path) -> bool {
    is_there(target) || may_be_away(target) || partial::is_beside(target)
}

/// Whether a missing file may still be somewhere: its folder is missing, not readable by us or empty, as if
/// its disk were not mounted, or its path has lost the name of a purged connection.
pub(super) fn may_be_away(target: &Path) -> bool {
    if target.to_string_lossy().contains(named::REMOVED) {
        return true;
    }
    let folder = target.parent().and_then(|folder| folder.read_dir().ok());
    folder.is_none_or(|mut entries| entries.next().is_none())
}
