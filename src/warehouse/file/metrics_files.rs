//! The files that metrics were written to, so that a purge finds them.

use super::{open, place::WarehouseFile, waiting};
use crate::{
    clock,
    warehouse::error::{Doing, WarehouseError},
};
use chrono::{DateTime, Utc};
use rusqlite::params;
use std::path::{Path, PathBuf};

/// Remembers the path of a metrics file, durably; nothing is written if the path is known.
///
/// # Errors
/// The warehouse cannot be opened or written.
pub fn remember_metrics_file(
    file: &WarehouseFile,
    path: &Path,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let doing = "cannot remember where metrics are written";
    let mut connection = open::open_writable(file)?;
    // The table is missing in a warehouse that is not upgraded yet; writing metrics upgrades nothing.
    if !connection.table_exists(None, "metrics_file").doing(doing)? {
        return Ok(());
    }
    let path = path.display().to_string();
    let known = "SELECT EXISTS (SELECT 1 FROM metrics_file WHERE path = ?1)";
    if connection.query_row(known, [&path], |row| row.get(0)).doing(doing)? {
        return Ok(());
    }
    waiting::as_writer(&mut connection, file.path())?;
    connection
        .execute(
            "INSERT OR IGNORE INTO metrics_file (path, first_written_at) VALUES (?1, ?2)",
            params![path, clock::text(now)],
        )
        .doing(doing)
        .map(drop)
}

/// The paths of all metrics files that were remembered.
///
/// # Errors
/// The warehouse cannot be opened or read.
pub fn metrics_files(file: &WarehouseFile) -> Result<Vec<PathBuf>, WarehouseError> {
    let doing = "cannot read where metrics are written";
    let connection = open::open_writable(file)?;
    if !connection.table_exists(None, "metrics_file").doing(doing)? {
        return Ok(Vec::new());
    }
    connection
        .prepare("SELECT path FROM metrics_file ORDER BY path")
        .and_then(|mut paths| {
            let path = |row: &rusqlite::Row<'_>| row.get::<_, String>(0).map(PathBuf::from);
            paths.query_map([], path)?.collect()
        })
        .doing(doing)
}
