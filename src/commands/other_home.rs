//! Looks up a connection that is being moved in the other home of the move.

use super::{failure::Failure, home, strays};
use crate::warehouse::{ConnectionRow, Moving, ReadOnlyWarehouse};

/// What the other home has of a connection that is being moved.
pub(super) enum Elsewhere {
    /// The other home is missing or cannot be read.
    Unknown,
    /// The other home does not have the connection.
    Nothing,
    /// The other home has the connection, in this state of the move; active without one.
    Connection(Option<Box<Moving>>),
}

/// Looks the connection up in the other home.
pub(super) fn look(row: &ConnectionRow, moving: &Moving) -> Elsewhere {
    let read = || -> Result<Vec<ConnectionRow>, Failure> {
        home::require_own(&moving.other_home)?;
        let file = home::existing_warehouse(&moving.other_home)?;
        Ok(ReadOnlyWarehouse::open(&file)?.connections()?)
    };
    let Ok(rows) = read() else { return Elsewhere::Unknown };
    match rows.into_iter().find(|other| other.uid == row.uid) {
        Some(other) => Elsewhere::Connection(other.moving),
        None => Elsewhere::Nothing,
    }
}

/// Whether the home that the connection comes from still has its tokens.
pub(super) fn has_tokens(row: &ConnectionRow) -> bool {
    let Some(moving) = row.moving.as_ref().filter(|moving| moving.arrives) else { return false };
    let vault = strays::existing_vault(&moving.other_home).ok().flatten();
    vault.is_some_and(|vault| matches!(vault.get(&row.uid), Ok(Some(_))))
}
