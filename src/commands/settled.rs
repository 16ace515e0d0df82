//! A connection that is between two homes is not used in either.

use super::failure::Failure;
use crate::warehouse::ConnectionRow;

/// Why a connection that is between two homes cannot be used.
pub(super) fn refusal(row: &ConnectionRow) -> Option<Failure> {
    let moving = row.moving.as_ref()?;
    let said = format!("{} {}", row.name, moving.sentence());
    Some(Failure::incomplete(said).hint(moving.hint(&row.name)))
}

/// As [`refusal`], for `?`.
pub(super) fn require_settled(row: &ConnectionRow) -> Result<(), Failure> {
    refusal(row).map_or(Ok(()), Err)
}
