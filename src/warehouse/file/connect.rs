//! The only way to open a SQLite connection to a warehouse.

use super::{place::WarehouseFile, waiting};
use crate::warehouse::error::WarehouseError;
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use std::{ffi::CStr, path::Path, sync::Once};

/// Connects to a warehouse and sets its key before any other statement.
pub(crate) fn connect(
    file: &WarehouseFile,
    flags: OpenFlags,
) -> Result<Connection, WarehouseError> {
    connect_by_name(file, file.path(), flags, None)
}

/// Like [`connect`], with another name of the same file and, if given, another VFS module of SQLite.
pub(super) fn connect_by_name(
    file: &WarehouseFile,
    name: &Path,
    flags: OpenFlags,
    vfs: Option<&CStr>,
) -> Result<Connection, WarehouseError> {
    file.require_encrypted()?;
    let path = file.path();
    spill_beside(path);
    let open = |source: rusqlite::Error| WarehouseError::Open {
        path: path.into(),
        source: Box::new(source),
    };
    let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = match vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(name, flags, vfs),
        None => Connection::open_with_flags(name, flags),
    }
    .map_err(open)?;
    file.unlock(&connection).map_err(open)?;
    // A file from elsewhere is not trusted: its views may not call functions with side effects.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false).map_err(open)?;
    // Without this guarantee, SQLite plans a statement anew for each value that is bound to it, once there
    // are statistics of the columns (`SQLITE_ENABLE_STAT4`). The planning takes longer than a look-up.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(open)?;
    waiting::as_reader(&mut connection, path)?;
    Ok(connection)
}

/// Lets SQLite spill what does not fit memory (a sort, a VACUUM) beside the warehouse.
///
/// The system's temporary folder is a disk that other users share.
///
/// The setting applies to the whole process, so it is made before the first connection, and only the first
/// call has an effect. The pragma is deprecated in favour of an environment variable, which a process cannot
/// safely set for itself. If the folder cannot be written to, SQLite chooses another one.
pub(super) fn spill_beside(path: &Path) {
    static FIRST: Once = Once::new();
    FIRST.call_once(|| {
        let folder = std::path::absolute(path).ok();
        let folder = folder.as_deref().and_then(Path::parent).and_then(Path::to_str);
        if let (Some(folder), Ok(connection)) = (folder, Connection::open_in_memory()) {
            let _ = connection.pragma_update(None, "temp_store_directory", folder);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::StatementStatus;

    #[test]
    fn a_statement_is_planned_once_whatever_is_bound_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = WarehouseFile::in_clear(folder.path().join("w.db"));
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let tables = "CREATE TABLE t (a, b); CREATE INDEX i ON t (a); CREATE INDEX j ON t (b);
            WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
            INSERT INTO t SELECT i % 3, i FROM n; ANALYZE;";
        let planned_again = |connection: &Connection| {
            let mut statement =
                connection.prepare("SELECT * FROM t WHERE a = ? AND b > ?").unwrap();
            for value in 0..10 {
                statement.query([value, 2 * value]).unwrap().next().unwrap();
            }
            statement.get_status(StatementStatus::RePrepare)
        };
        let ours = connect(&file, flags).unwrap();
        ours.execute_batch(tables).unwrap();
        assert_eq!(planned_again(&connect(&file, flags).unwrap()), 0);
        let theirs = Connection::open(file.path()).unwrap();
        assert!(planned_again(&theirs) > 0, "the test has no statistics");
    }
}
