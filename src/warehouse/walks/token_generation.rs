//! How new the tokens were that a connection's runs used, so that an older vault is noticed.

use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, OptionalExtension, params};

/// The column with the newest generation of a connection's tokens that a run has seen. A warehouse of an
/// older schema, which is read as it is, lacks the column.
pub(super) fn column(connection: &Connection) -> rusqlite::Result<&'static str> {
    let is_there = connection.column_exists(None, "connection", "token_generation")?;
    Ok(if is_there { "token_generation" } else { "NULL" })
}

/// The newest generation of a connection's tokens that a run has seen.
pub(crate) fn token_generation(
    connection: &Connection,
    id: i64,
) -> Result<Option<i64>, WarehouseError> {
    connection
        .query_row("SELECT token_generation FROM connection WHERE id = ?1", [id], |row| row.get(0))
        .optional()
        .doing("cannot read the connections")
        .map(Option::flatten)
}

/// Notes the generation of a connection's tokens. An older one than the noted one never takes its place: it
/// comes from an older vault, which the next run must notice, too.
pub(crate) fn raise_token_generation(
    connection: &Connection,
    id: i64,
    generation: i64,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "UPDATE connection SET token_generation = max(coalesce(token_generation, ?2), ?2)
             WHERE id = ?1",
            params![id, generation],
        )
        .doing("cannot note which tokens were used")
        .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_generation_is_not_noted_in_place_of_a_newer_one() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE connection (id INTEGER)").unwrap();
        assert_eq!(column(&connection).unwrap(), "NULL");
        connection
            .execute_batch(
                "ALTER TABLE connection ADD COLUMN token_generation INTEGER;
                 INSERT INTO connection (id) VALUES (1)",
            )
            .unwrap();
        assert_eq!(column(&connection).unwrap(), "token_generation");
        for (noted, expected) in [(5, 5), (3, 5), (6, 6)] {
            raise_token_generation(&connection, 1, noted).unwrap();
            assert_eq!(token_generation(&connection, 1).unwrap(), Some(expected));
        }
    }
}
