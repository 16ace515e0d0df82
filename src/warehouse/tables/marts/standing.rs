//! Which connections have marts older than their tables, and which are about one person.

use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::Connection;
use std::collections::BTreeSet;

/// A connection as the marts see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MartState {
    /// Connections whose marts are older than their tables, by `connection.id`; the next run makes
    /// them anew.
    pub behind: BTreeSet<i64>,
    /// Pairs of connections about one person: `connection.id` of the one, name of the other.
    pub same_person: BTreeSet<(i64, String)>,
}

/// Reads it; a warehouse without marts says nothing.
pub(in crate::warehouse) fn state(connection: &Connection) -> Result<MartState, WarehouseError> {
    let doing = "cannot read what the marts say of connections";
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
