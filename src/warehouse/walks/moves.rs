//! Connections that are moving between two homes; nothing is requested for them until they have arrived.

use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, Row};
use std::{collections::HashMap, path::PathBuf};

/// The move of a connection between two homes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moving {
    /// Whether the connection comes to this home; otherwise it leaves this home.
    pub arrives: bool,
    /// The home that the connection comes from or goes to.
    pub other_home: PathBuf,
}

impl Moving {
    /// A sentence for people that says which move is under way.
    pub fn sentence(&self) -> String {
        let other = self.other_home.display();
        match self.arrives {
            true => format!("is on its way here from {other}"),
            false => format!("is on its way to {other}"),
        }
    }

    /// The command that finishes the move.
    pub fn hint(&self, name: &str) -> String {
        match self.arrives {
            true => format!(
                "finish it: `payersync --home {} move {name} THIS_HOME`",
                self.other_home.display()
            ),
            false => format!("finish it: `payersync move {name} {}`", self.other_home.display()),
        }
    }
}

/// The unfinished moves, by `connection.id`; none in a warehouse of an earlier version.
pub(crate) fn under_way(
    connection: &Connection,
) -> Result<HashMap<i64, Box<Moving>>, WarehouseError> {
    let doing = "cannot read which connections are being moved";
    if !connection.table_exists(None, "connection_move").doing(doing)? {
        return Ok(HashMap::new());
    }
    connection
        .prepare("SELECT connection_id, direction = 'arriving', other_home FROM connection_move")
        .and_then(|mut statement| {
            let moving = |row: &Row<'_>| {
                let other_home = row.get::<_, String>(2)?.into();
                Ok((row.get(0)?, Box::new(Moving { arrives: row.get(1)?, other_home })))
            };
            statement.query_map([], moving)?.collect()
        })
        .doing(doing)
}
