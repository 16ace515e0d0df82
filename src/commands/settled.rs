//! Refuses to use a connection that is being moved between two homes.

use super::failure::Failure;
use crate::warehouse::ConnectionRow;

/// Why a connection cannot be used: it is being moved. `None` if it is not.
pub(super) fn refusal(row: &ConnectionRow) -> Option<Failure> {
    let moving = row.moving.as_ref()?;
    let said = format!("{} {}", row.name, moving.sentence());
    Some(Failure::incomplete(said).hint(moving.hint(&row.name)))
}

/// Refuses a connection that is being moved, as [`refusal`] says.
pub(super) fn require_settled(row: &ConnectionRow) -> Result<(), Failure> {
    refusal(row).map_or(Ok(()), Err)
}
