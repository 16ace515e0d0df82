//! The copy in between: beside the warehouse, while an encrypted backup is made or taken back.
//!
//! It never lies on the backup's disk, is its owner's alone, and is gone however the work ends. What
//! a killed process left is removed by the next backup or restore, and by a purge.

use super::{open::beside, partial, removal::remove};
use crate::warehouse::error::WarehouseError;
use std::path::{Path, PathBuf};

/// A file that goes with this value.
pub(super) struct Staging(PathBuf);

impl Staging {
    /// Nothing is there yet. One process at a time may have it; the caller's lock sees to it.
    pub(crate) fn beside(warehouse: &Path) -> Result<Staging, WarehouseError> {
        let path = beside(warehouse, ".staging");
        remove(&path)?;
        Ok(Staging(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        // The next one removes what this cannot.
        let _ = remove(&self.0);
    }
}

/// Removes what killed backups and restores have left beside the warehouse.
pub(super) fn sweep(warehouse: &Path) -> Result<(), WarehouseError> {
    remove(&beside(warehouse, ".staging"))?;
    partial::sweep(warehouse, &partial::tag(warehouse))
}
