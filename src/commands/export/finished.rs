//! What a file of an export came to: its size, and the cells that it could not hold.

use super::file::Sums;
use std::collections::BTreeMap;

/// A file with all its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finished {
    pub(super) sums: Sums,
    pub(super) losses: Losses,
}

#[cfg(feature = "parquet")]
impl Losses {
    /// Whether every cell is in the file as it is.
    pub(in crate::commands) fn is_empty(&self) -> bool {
        self.rounded.is_empty() && self.left_out.is_empty() && self.suppressed.is_empty()
    }
}

/// Cells that a column's type does not hold as they are, by column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::commands) struct Losses {
    /// Amounts with fractions of a cent, which are rounded.
    pub(in crate::commands) rounded: BTreeMap<String, u64>,
    /// Cells of another type, which are NULL in the file.
    pub(in crate::commands) left_out: BTreeMap<String, u64>,
    /// Cells of a de-identified export that have not the form of their column, which are NULL too.
    pub(super) suppressed: BTreeMap<String, u64>,
}
