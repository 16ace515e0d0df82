//! Refuses to use a connection that is being moved between two homes.

use super::failure::Failure;
use crate::warehouse::ConnectionRow;

/// The failure for a connection that is being moved; `None` for any other connection.
pub(super) fn refusal(row: &ConnectionRow) -> Option<Failure> {
    let moving = row.moving.as_ref()?;
    let said = format!("{} {}", row.name, moving.sentence());
    Some(Failure::incomplete(said).hint(moving.hint(&row.name)))
}

/// Refuses a connection that is being moved, as [`refusal`] says.
pub(super) fn require_settled(row: &ConnectionRow) -> Result<(), Failure> {
    refusal(row).map_or(Ok(()), Err)
}
