//! Reading a warehouse where nothing can be written: the file system is read-only or full, or the folder
//! belongs to another user.
//!
//! SQLite reads a file in WAL mode through an index in shared memory, which it makes beside the file. If
//! the index cannot be made, the file is read without it and without any lock. A write by another machine
//! would then go unnoticed, so the reader checks at the end whether the files are unchanged since they
//! were opened. A journal that exists is read, so nothing that was committed is left out.

use super::{connect::connect_by_name, place::WarehouseFile, schema};
use crate::own_file::beside;
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use std::{
    fs,
    io::{self, ErrorKind},
    ops::{Deref, DerefMut},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// A connection for reading, perhaps without locks.
#[derive(Debug)]
pub(crate) struct Reading {
    connection: Connection,
    /// The files as they were when they were opened without locks.
    unlocked: Option<(PathBuf, Files)>,
}

impl Reading {
    /// A `Reading` that SQLite's locks protect.
    pub(crate) fn locked(connection: Connection) -> Reading {
        Reading { connection, unlocked: None }
    }

    /// Checks that everything read is one state of the warehouse. To be called after reading.
    ///
    /// # Errors
    /// The file was read without locks, and another machine or program has written to it meanwhile.
    pub(crate) fn confirm(&self) -> Result<(), WarehouseError> {
        match &self.unlocked {
            Some((path, files)) if Files::look(path).ok().as_ref() != Some(files) => {
                Err(WarehouseError::WrittenMeanwhile { path: path.clone() })
            }
            _ => Ok(()),
        }
    }
}

impl Deref for Reading {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for Reading {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// Length and time of the last change of the warehouse and its journal; `None` for a missing file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Files {
    warehouse: Option<(u64, SystemTime)>,
    journal: Option<(u64, SystemTime)>,
}

impl Files {
    fn look(path: &Path) -> io::Result<Files> {
        let look = |path: &Path| match fs::metadata(path) {
            Ok(found) => Ok(Some((found.len(), found.modified()?))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        Ok(Files { warehouse: look(path)?, journal: look(&beside(path, "-wal"))? })
    }
}

/// Opens an existing warehouse that could not be opened with locks; `refused` is that error.
///
/// # Errors
/// `refused`, if the file cannot be read completely in this way either.
pub(crate) fn open(
    file: &WarehouseFile,
    refused: WarehouseError,
) -> Result<Reading, WarehouseError> {
    // A journal lies beside the file itself, not beside a link to it.
    let Ok(path) = fs::canonicalize(file.path()) else { return Err(refused) };
    let Ok(files) = Files::look(&path) else { return Err(refused) };
    // A transaction in another journal mode than ours was interrupted; undoing it would need writing.
    if fs::metadata(beside(&path, "-journal")).is_ok_and(|journal| journal.len() > 0) {
        return Err(refused);
    }
    let opened = match files.journal {
        Some((1.., _)) => with_journal(file, &path),
        _ => without_journal(file, &path),
    };
    let connection = opened.and_then(|connection| {
        schema::refuse_foreign(&connection, file)?;
        Ok(connection)
    });
    match connection {
        Ok(connection) => Ok(Reading { connection, unlocked: Some((path, files)) }),
        Err(_) => Err(refused),
    }
}

/// Opens a file without a journal. SQLite is told that nobody changes the file.
fn without_journal(file: &WarehouseFile, path: &Path) -> Result<Connection, WarehouseError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    connect_by_name(file, &immutable(path), flags, None)
}

/// Opens a file with a journal. SQLite makes the journal's index in this process's memory.
///
/// For that, SQLite must believe that it has the file to itself, and its locks must do nothing.
fn with_journal(file: &WarehouseFile, path: &Path) -> Result<Connection, WarehouseError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = connect_by_name(file, path, flags, Some(c"unix-none"))?;
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .and_then(|_| connection.pragma_update(None, "locking_mode", "EXCLUSIVE"))
        .doing("cannot open for reading")?;
    Ok(connection)
}

/// The URI of a file with the parameter `immutable`, by which SQLite believes that nobody changes the file.
fn immutable(path: &Path) -> PathBuf {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*byte));
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::file::open::open_to_write;

    fn refused() -> WarehouseError {
        WarehouseError::WriterStopped
    }

    fn connections(reading: &Reading) -> i64 {
        reading.query_row("SELECT count(*) FROM connection", [], |row| row.get(0)).unwrap()
    }

    const CONNECT: &str = "INSERT INTO connection (uid, name, plan, created_at, consented_at)
         VALUES (hex(randomblob(8)), hex(randomblob(8)), 'p', '', '')";

    #[test]
    fn what_lies_in_the_journal_is_read_and_what_is_written_meanwhile_is_noticed() {
        let home = tempfile::tempdir().unwrap();
        // A name with characters that must be escaped in a URI.
        let file = WarehouseFile::in_clear(home.path().join("ware house?#%25é.db"));
        let writer = open_to_write(&file).unwrap();
        writer.execute_batch(CONNECT).unwrap();
        for expected in 1..3 {
            let reading = open(&file, refused()).unwrap();
            assert_eq!(connections(&reading), expected);
            reading.confirm().unwrap();
            writer.execute_batch(CONNECT).unwrap();
            assert!(matches!(reading.confirm(), Err(WarehouseError::WrittenMeanwhile { .. })));
        }
        drop(writer);
        assert!(!beside(file.path(), "-wal").exists());
        let reading = open(&file, refused()).unwrap();
        assert_eq!(connections(&reading), 3);
        reading.confirm().unwrap();
        open_to_write(&file).unwrap().execute_batch(CONNECT).unwrap();
        assert!(reading.confirm().is_err());
    }

    #[cfg(unix)]
    #[test]
    fn the_journal_of_a_linked_warehouse_is_found() {
        let (home, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let writer =
            open_to_write(&WarehouseFile::in_clear(elsewhere.path().join("w.db"))).unwrap();
        writer.execute_batch(CONNECT).unwrap();
        let link = home.path().join("warehouse.db");
        std::os::unix::fs::symlink(elsewhere.path().join("w.db"), &link).unwrap();
        let reading = open(&WarehouseFile::in_clear(link), refused()).unwrap();
        assert_eq!(connections(&reading), 1);
    }
}
