//! A new warehouse of the present schema, with one connection: for tests of single statements.

use crate::warehouse::file::{open::open_to_write, place::WarehouseFile};
use rusqlite::Connection;
use std::ops::{Deref, DerefMut};
use tempfile::TempDir;

/// The warehouse's connection for writing. The file is removed after it.
pub(crate) struct Scratch {
    // Dropped first, since it has the file open.
    warehouse: Connection,
    _folder: TempDir,
}

impl Scratch {
    /// A warehouse in which connection 1 is that of `ann` at the plan `demo`; then these statements.
    pub(crate) fn with(statements: &str) -> Scratch {
        let folder = tempfile::tempdir().unwrap();
        let file = WarehouseFile::in_clear(folder.path().join("warehouse.db"));
        let warehouse = open_to_write(&file).unwrap();
        let ann = "INSERT INTO connection (id, uid, name, plan, created_at)
                     VALUES (1, 'u', 'ann', 'demo', '2026-03-01');";
        warehouse.execute_batch(ann).unwrap();
        warehouse.execute_batch(statements).unwrap();
        Scratch { warehouse, _folder: folder }
    }
}

impl Deref for Scratch {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.warehouse
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.warehouse
    }
}
