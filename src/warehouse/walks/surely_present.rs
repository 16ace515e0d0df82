//! Resources that show whether a plan answers reads.

use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, params};

/// At most three resources of a type that surely exist: the last ones received that no walk has missed.
/// Those that no list has brought come last, since no walk could have missed them.
///
/// They are read as a check that the plan answers reads, before a 404 counts as a proof.
pub(crate) fn surely_present(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
) -> Result<Vec<String>, WarehouseError> {
    connection
        .prepare(
            "SELECT r.resource_id FROM resource r
             WHERE r.connection_id = ?1 AND r.resource_type = ?2 AND r.deleted_at IS NULL
               AND NOT EXISTS (SELECT 1 FROM sync_walk f
                 WHERE f.id = r.walk_id AND f.mode = 'file')
               AND NOT EXISTS (SELECT 1 FROM absent_resource a
                 WHERE a.connection_id = r.connection_id AND a.resource_type = r.resource_type
                   AND a.resource_id = r.resource_id AND a.state = 'pending')
             ORDER BY r.id IN (SELECT resource FROM resource_unlisted), r.received_at DESC LIMIT 3",
        )
        .and_then(|mut statement| {
            statement.query_map(params![connection_id, resource_type], |row| row.get(0))?.collect()
        })
        .doing("cannot read which resources surely exist")
}
