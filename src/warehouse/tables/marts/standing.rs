//! Which connections have marts older than their tables, and which are about the same person.

use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::Connection;
use std::collections::BTreeSet;

/// The state of the marts, by connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MartState {
    /// Ids of connections whose marts are older than their tables; the next run makes them anew.
    pub behind: BTreeSet<i64>,
    /// Pairs of connections about one person: the id of one, the name of the other.
    pub same_person: BTreeSet<(i64, String)>,
}

/// Reads the state of the marts; empty for a warehouse without marts.
pub(in crate::warehouse) fn state(connection: &Connection) -> Result<MartState, WarehouseError> {
    let doing = "cannot read the state of the marts";
    let mut state = MartState::default();
    for table in ["mart_due", "mart_due_type"] {
        if !super::exists(connection, table)? {
            continue;
        }
        let behind: BTreeSet<i64> = connection
            .prepare(&format!("SELECT DISTINCT connection_id FROM {table}"))
            .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
            .doing(doing)?;
        state.behind.extend(behind);
    }
    if super::exists(connection, "member")? {
        state.same_person = connection
            .prepare(
                "SELECT m.connection_id, o.connection_name FROM member AS m
                 JOIN member AS o ON o.member_id = m.member_id AND o.connection_id <> m.connection_id",
            )
            .and_then(|mut statement| {
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .doing(doing)?;
    }
    Ok(state)
}
