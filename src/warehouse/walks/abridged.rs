//! Copies of a resource that hold less than the whole resource.

use super::kinds::SEARCHES;
use crate::{
    fingerprint::says_subsetted,
    warehouse::error::{Doing, WarehouseError},
};
use rusqlite::Connection;

/// Whether a copy is abridged and the stored resource is not.
///
/// A copy may be abridged if it comes along with the walk over another type, or says that parts are left
/// out.
pub(crate) fn is_less_than_stored(
    connection: &Connection,
    walk_type: &str,
    resource_type: &str,
    json: &[u8],
    rowid: i64,
) -> Result<bool, WarehouseError> {
    let comes_along = resource_type != walk_type;
    Ok(comes_along && is_listed(connection, rowid)?
        || says_subsetted(json) && !is_abridged(connection, rowid)?)
}

/// Whether a stored resource came in a walk over its own type, which brings whole resources.
fn is_listed(connection: &Connection, rowid: i64) -> Result<bool, WarehouseError> {
    connection
        .prepare_cached(&format!(
            "SELECT EXISTS (SELECT 1 FROM resource r JOIN sync_walk w ON w.id = r.walk_id
               AND w.resource_type = r.resource_type AND w.mode IN {SEARCHES}
             WHERE r.id = ?1)"
        ))
        .and_then(|mut statement| statement.query_row([rowid], |row| row.get(0)))
        .doing("cannot look up which walk brought a resource")
}

/// Whether a stored resource says that parts of it are left out (SUBSETTED).
fn is_abridged(connection: &Connection, rowid: i64) -> Result<bool, WarehouseError> {
    connection
        .prepare_cached("SELECT json FROM resource WHERE id = ?1")
        .and_then(|mut statement| {
            statement.query_row([rowid], |row| Ok(says_subsetted(row.get_ref(0)?.as_bytes()?)))
        })
        .doing("cannot read a resource")
}
