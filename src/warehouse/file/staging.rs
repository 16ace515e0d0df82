//! A temporary copy beside the warehouse, while an encrypted backup is made or restored.
//!
//! The copy is never on the backup's disk, only its owner can read it, and it is removed however the work
//! ends. If the process was killed, the next backup, restore or purge removes the copy.

use super::{open::beside, partial, removal::remove};
use crate::warehouse::error::WarehouseError;
use std::path::{Path, PathBuf};

/// The path of a temporary file, which is removed when this value is dropped.
pub(super) struct Staging(PathBuf);

impl Staging {
    /// Removes an earlier copy; the file does not exist afterwards.
    ///
    /// Only one process at a time may stage; the caller holds a lock for that.
    pub(crate) fn beside(warehouse: &Path) -> Result<Staging, WarehouseError> {
        let path = path(warehouse);
        remove(&path)?;
        Ok(Staging(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // If this fails, the next backup, restore or purge removes the copy.
        let _ = remove(&self.0);
    }
}

/// Where the temporary copy of a warehouse is while a backup or restore is at work.
pub fn path(warehouse: &Path) -> PathBuf {
    beside(warehouse, ".staging")
}

/// Removes what killed backups and restores have left beside the warehouse.
///
/// No backup may be staging meanwhile; the caller holds the lock of encrypted backups for that.
pub(super) fn sweep(warehouse: &Path) -> Result<(), WarehouseError> {
    remove(&path(warehouse))?;
    partial::sweep(warehouse, &partial::tag(warehouse))
}
