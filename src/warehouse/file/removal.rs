//! Removes a copy of the warehouse with SQLite's files beside it, or an export.

use super::open::beside;
use crate::warehouse::error::WarehouseError;
use std::{fs, io, path::Path};

/// Removes a copy with SQLite's files beside it, or the folder of an export.
pub(crate) fn remove(path: &Path) -> Result<(), WarehouseError> {
    if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
        return fs::remove_dir_all(path)
            .map_err(|source| WarehouseError::Copy { path: path.into(), source });
    }
    for ending in ["", "-journal", "-wal", "-shm"] {
        let path = beside(path, ending);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(WarehouseError::Copy { path, source });
            }
            _ => {}
        }
    }
    Ok(())
}
