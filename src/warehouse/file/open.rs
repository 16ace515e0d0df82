//! Opening the file: pragmas, locks, and which statements a connection may run.

use super::{
    connect::connect,
    place::WarehouseFile,
    schema, waiting,
    without_locks::{self, Reading},
};
pub(super) use crate::own_file::beside;
use crate::{
    own_file,
    warehouse::{
        error::{Doing, WarehouseError},
        tables::marts,
    },
};
use rusqlite::{
    Connection, OpenFlags, TransactionBehavior,
    config::DbConfig,
    hooks::{AuthAction, AuthContext, Authorization},
};
use std::path::Path;

/// Opens or creates the warehouse for writing and brings its control tables up to date.
///
/// The home's lock must be held: migrations mend stored rows once, and a run of an older payersync that is at
/// work would go on writing such rows.
///
/// # Errors
/// A file that is not a SQLite database, or was written by a newer payersync, is left untouched.
pub(crate) fn open_to_write(file: &WarehouseFile) -> Result<Connection, WarehouseError> {
    open_and(file, schema::bring_up_to_date)
}

/// Like [`open_to_write`], without the home's lock: makes the control tables of a new file, migrates none.
///
/// # Errors
/// Like [`open_to_write`]; also if an older payersync made the control tables.
pub(crate) fn open_beside_a_run(file: &WarehouseFile) -> Result<Connection, WarehouseError> {
    open_and(file, |connection| match schema::is_older(connection)? {
        true => Err(WarehouseError::OlderSchema { path: file.path().into() }),
        false => schema::bring_up_to_date(connection),
    })
}

fn open_and(
    file: &WarehouseFile,
    prepare: impl FnOnce(&mut Connection) -> Result<(), WarehouseError>,
) -> Result<Connection, WarehouseError> {
    create_private(file.path())?;
    let mut connection = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    schema::refuse_foreign(&connection, file)?;
    waiting::as_writer(&mut connection, file.path())?;
    // If a transaction reads first and writes later, and another process wrote in between, SQLite fails
    // it at once, without waiting. So the lock is taken before anything is read.
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    // WAL: readers are never blocked. NORMAL: a power cut may lose the last transactions, each with its pages
    // and their cursors, so the next run asks for those pages again. A journal of 32 MB: a database page that
    // many transactions change is copied into the file once. The cache also bounds the memory of a sort; a
    // larger cache was measured to save little.
    let settings =
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;
         PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 8000;";
    waiting::until_alone(|| connection.execute_batch(settings))
        .doing("cannot set up the warehouse")?;
    prepare(&mut connection)?;
    connection.set_prepared_statement_cache_capacity(1024);
    marts::register(&connection)?;
    Ok(connection)
}

/// Opens an existing warehouse for reading; no statement on it can write.
///
/// # Errors
/// The file is missing, is not a database, or has a newer schema.
pub(crate) fn open_to_read(file: &WarehouseFile) -> Result<Reading, WarehouseError> {
    let mut connection = open_writable(file)?;
    lock(&mut connection, refuse_to_leave)?;
    Ok(connection)
}

/// Like [`open_to_read`], but allows temporary tables, so that the stored tables can be computed once more
/// and compared.
pub(crate) fn open_to_compare(file: &WarehouseFile) -> Result<Reading, WarehouseError> {
    let mut connection = open_writable(file)?;
    connection.authorizer(Some(refuse_to_write)).doing("cannot open for reading")?;
    marts::register(&connection)?;
    Ok(connection)
}

/// Opens an existing warehouse with the schema it has; statements that write are not refused.
pub(crate) fn open_writable(file: &WarehouseFile) -> Result<Reading, WarehouseError> {
    require_existing(file.path())?;
    // READ_WRITE, since a reader of a WAL file must be able to recover it after a crash; `lock` or an
    // authorizer keeps statements from writing.
    let opened = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE)
        .or_else(|_| connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY))
        .and_then(|connection| {
            schema::refuse_foreign(&connection, file)?;
            Ok(Reading::locked(connection))
        });
    let reading = match opened {
        Err(refused) if refused.is_of_the_disk() => without_locks::open(file, refused)?,
        opened => opened?,
    };
    reading.set_prepared_statement_cache_capacity(64);
    Ok(reading)
}

/// Like [`open_to_read`], but closing does not fold a journal that a killed process left into the file.
pub(crate) fn open_untouched(file: &WarehouseFile) -> Result<Reading, WarehouseError> {
    let connection = open_to_read(file)?;
    let journal = beside(file.path(), "-wal");
    // If there is no journal, SQLite makes an empty one and removes it at the end.
    if std::fs::metadata(journal).is_ok_and(|journal| journal.len() > 0) {
        connection
            .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
            .doing("cannot open for reading")?;
    }
    Ok(connection)
}

/// Makes a connection read-only: from here on no statement can write or do what the authorizer refuses.
pub(crate) fn lock(
    connection: &mut Connection,
    authorizer: impl for<'c> FnMut(AuthContext<'c>) -> Authorization + Send + 'static,
) -> Result<(), WarehouseError> {
    let doing = "cannot open for reading";
    connection.execute_batch("PRAGMA query_only = ON;").doing(doing)?;
    // ATTACH would open another file, which `query_only` of this one does not protect.
    connection.authorizer(Some(authorizer)).doing(doing)
}

pub(crate) fn refuse_to_leave(context: AuthContext<'_>) -> Authorization {
    match context.action {
        AuthAction::Attach { .. } | AuthAction::Detach { .. } => Authorization::Deny,
        AuthAction::Pragma { pragma_name, pragma_value } => {
            match is_reading(pragma_name, pragma_value.is_some()) {
                true => Authorization::Allow,
                false => Authorization::Deny,
            }
        }
        _ => Authorization::Allow,
    }
}

/// Allows statements that read, and temporary tables, which end with the connection.
fn refuse_to_write(context: AuthContext<'_>) -> Authorization {
    let is_temporary = context.database_name == Some("temp");
    match context.action {
        AuthAction::Read { .. }
        | AuthAction::Select
        | AuthAction::Function { .. }
        | AuthAction::Recursive
        | AuthAction::Transaction { .. }
        | AuthAction::Savepoint { .. }
        | AuthAction::CreateTempTable { .. }
        | AuthAction::CreateTempIndex { .. }
        | AuthAction::CreateTempView { .. }
        | AuthAction::DropTempTable { .. }
        | AuthAction::DropTempIndex { .. }
        | AuthAction::DropTempView { .. } => Authorization::Allow,
        AuthAction::Insert { .. }
        | AuthAction::Update { .. }
        | AuthAction::Delete { .. }
        | AuthAction::Reindex { .. }
            if is_temporary =>
        {
            Authorization::Allow
        }
        AuthAction::Pragma { .. } => refuse_to_leave(context),
        _ => Authorization::Deny,
    }
}

/// Whether a pragma only reads.
///
/// `query_only` does not stop all of them: SQLCipher's `rekey` writes every page anew under another key,
/// and `cipher_profile` writes a file.
fn is_reading(name: &str, has_value: bool) -> bool {
    // The value of these pragmas says what to look at; the value of any other pragma is a setting.
    const LOOK_AT: [&str; 10] = [
        "foreign_key_check",
        "foreign_key_list",
        "index_info",
        "index_list",
        "index_xinfo",
        "integrity_check",
        "quick_check",
        "table_info",
        "table_list",
        "table_xinfo",
    ];
    let name = name.to_ascii_lowercase();
    let is_setting = has_value && !LOOK_AT.contains(&name.as_str());
    !is_setting && !name.starts_with("cipher_") && !name.ends_with("key")
}

/// Refuses a missing file, which SQLite would create.
pub(super) fn require_existing(path: &Path) -> Result<(), WarehouseError> {
    match path.exists() {
        true => Ok(()),
        false => Err(WarehouseError::Missing { path: path.into() }),
    }
}

/// Whether payersync made the file, as opposed to any other SQLite database.
pub(super) fn is_warehouse(connection: &Connection) -> Result<bool, WarehouseError> {
    connection
        .query_row(
            "SELECT count(*) = 2 FROM sqlite_schema
             WHERE name IN ('refinery_schema_history', 'connection') AND type = 'table'",
            [],
            |row| row.get(0),
        )
        .doing("cannot read the schema")
}

/// Creates the file readable by its owner alone; SQLite would create it readable by everybody.
pub(super) fn create_private(path: &Path) -> Result<(), WarehouseError> {
    own_file::open_or_create(path)
        .map(drop)
        .map_err(|source| WarehouseError::Open { path: path.into(), source: Box::new(source) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_database_is_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("warehouse.db");
        std::fs::write(&path, "a letter to my aunt, long enough to be read as a page header")
            .unwrap();
        let error = open_to_write(&WarehouseFile::in_clear(&path)).unwrap_err();
        assert!(matches!(error, WarehouseError::NotADatabase { .. }), "{error:?}");
        // An encrypted warehouse looks the same as any other file.
        assert!(error.hint().unwrap().contains("--features encryption"));
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("a letter"));
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_newer_schema_is_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("warehouse.db");
        let connection = open_to_write(&WarehouseFile::in_clear(&path)).unwrap();
        connection
            .execute(
                "INSERT INTO refinery_schema_history (version, name, applied_on, checksum)
                 VALUES (9000, 'from_the_future', '2030-01-01T00:00:00Z', '1')",
                [],
            )
            .unwrap();
        drop(connection);
        let error = open_to_write(&WarehouseFile::in_clear(&path)).unwrap_err();
        assert!(matches!(error, WarehouseError::NewerSchema { found: 9000, .. }), "{error:?}");
        assert!(open_to_read(&WarehouseFile::in_clear(&path)).is_err());
    }

    #[test]
    fn tables_of_an_older_payersync_are_left_as_they_are_beside_a_run() {
        let home = tempfile::tempdir().unwrap();
        let file = WarehouseFile::in_clear(home.path().join("warehouse.db"));
        let mut old = Connection::open(file.path()).unwrap();
        schema::bring_to(&mut old, 12).unwrap();
        let error = open_beside_a_run(&file).unwrap_err();
        assert!(matches!(error, WarehouseError::OlderSchema { .. }), "{error:?}");
        assert_eq!(schema::version(&old).unwrap(), 12);
        drop(open_to_write(&file).unwrap());
        assert!(schema::is_current(&open_beside_a_run(&file).unwrap()).unwrap());
    }

    #[test]
    fn a_new_or_empty_file_gets_its_control_tables_beside_a_run() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("empty.db"), "").unwrap();
        for name in ["new.db", "empty.db"] {
            let file = WarehouseFile::in_clear(home.path().join(name));
            let connection = open_beside_a_run(&file).unwrap();
            assert!(schema::is_current(&connection).unwrap(), "{name}");
        }
    }

    #[test]
    fn a_reader_cannot_write() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("warehouse.db");
        drop(open_to_write(&WarehouseFile::in_clear(&path)).unwrap());
        let reader = open_to_read(&WarehouseFile::in_clear(&path)).unwrap();
        assert!(reader.execute("DELETE FROM connection", []).is_err());
        for setting in [
            "PRAGMA query_only = OFF",
            "PRAGMA rekey = 'x'",
            "PRAGMA HexKey = '00'",
            "PRAGMA cipher_migrate",
            "PRAGMA cipher_profile = 'profile.txt'",
            "PRAGMA temp_store_directory = '/'",
            "PRAGMA writable_schema = ON",
        ] {
            assert!(reader.prepare(setting).is_err(), "{setting}");
        }
        for look in ["PRAGMA table_info(connection)", "PRAGMA integrity_check", "PRAGMA page_count"]
        {
            assert!(reader.prepare(look).is_ok(), "{look}");
        }
    }
}
