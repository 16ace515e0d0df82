//! The result of writing a file of an export: its size, and the cells that it could not hold exactly.

use super::file::Sums;
use std::collections::BTreeMap;

/// A file that has all its rows.
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

/// The number of cells that the file could not hold exactly, by column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::commands) struct Losses {
    /// Amounts with a fraction of a cent; they are rounded.
    pub(in crate::commands) rounded: BTreeMap<String, u64>,
    /// Cells of another type than the column's; they are NULL in the file.
    pub(in crate::commands) left_out: BTreeMap<String, u64>,
    /// Cells without the form that a de-identified export demands of their column; they are NULL, too.
    pub(super) suppressed: BTreeMap<String, u64>,
}
