//! Resources that show whether a plan answers reads.

use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, params};

/// How many resources are enough to show whether a plan answers reads.
const ENOUGH: usize = 3;

/// The last resources of a type that were received and that no walk has missed. `is_in` is `NOT IN` for those
/// that a list has brought, and `IN` for those that no list has brought.
///
/// The index over `received_at` gives the order, so SQLite stops after a few resources. To sort both kinds in
/// one query, it would read all of the type. The plus sign keeps SQLite from going through all resources that
/// no list has brought.
fn latest(is_in: &str) -> String {
    format!(
        "SELECT r.resource_id FROM resource r
         WHERE r.connection_id = ?1 AND r.resource_type = ?2 AND r.deleted_at IS NULL
           AND +r.id {is_in} (SELECT resource FROM resource_unlisted)
           AND NOT EXISTS (SELECT 1 FROM sync_walk f
             WHERE f.id = r.walk_id AND f.mode = 'file')
           AND NOT EXISTS (SELECT 1 FROM absent_resource a
             WHERE a.connection_id = r.connection_id AND a.resource_type = r.resource_type
               AND a.resource_id = r.resource_id AND a.state = 'pending')
         ORDER BY r.received_at DESC LIMIT ?3"
    )
}

/// At most three resources of a type that surely exist: the last ones received that no walk has missed.
/// Those that no list has brought come last, since no walk could have missed them.
///
/// They are read as a check that the plan answers reads, before a 404 counts as a proof.
pub(crate) fn surely_present(
    connection: &Connection,
    connection_id: i64,
    resource_type: &str,
) -> Result<Vec<String>, WarehouseError> {
    let doing = "cannot read which resources surely exist";
    let mut present = Vec::new();
    for is_in in ["NOT IN", "IN"] {
        let left = ENOUGH - present.len();
        if left == 0 {
            break;
        }
        let mut statement = connection.prepare(&latest(is_in)).doing(doing)?;
        let found = statement
            .query_map(params![connection_id, resource_type, left as u64], |row| {
                row.get::<_, String>(0)
            })
            .doing(doing)?;
        for id in found {
            present.push(id.doing(doing)?);
        }
    }
    Ok(present)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::walks::scratch::Scratch;

    #[test]
    fn what_a_list_has_brought_comes_first_and_nothing_is_sorted() {
        let connection = Scratch::with(
            "INSERT INTO resource (id, connection_id, resource_type, resource_id, content_hash,
                 json, received_at)
               SELECT value, 1, 'Practitioner', 'd' || value, x'00', '{}', '2026-01-0' || value
               FROM json_each('[1, 2, 3, 4, 5, 6]');
             INSERT INTO resource_unlisted VALUES (5, 1), (6, 1);
             INSERT INTO absent_resource (connection_id, resource_type, resource_id, state,
                 missed_since, missed_at)
               VALUES (1, 'Practitioner', 'd4', 'pending', '2026-02-02', '2026-02-02');",
        );
        let found = || surely_present(&connection, 1, "Practitioner").unwrap();
        assert_eq!(found(), ["d3", "d2", "d1"]);
        connection.execute_batch("INSERT INTO resource_unlisted VALUES (1, 1), (2, 1)").unwrap();
        assert_eq!(found(), ["d3", "d6", "d5"]);
        for is_in in ["NOT IN", "IN"] {
            let mut plan =
                connection.prepare(&format!("EXPLAIN QUERY PLAN {}", latest(is_in))).unwrap();
            let steps: Vec<String> = plan
                .query_map(params![1, "Practitioner", 3], |row| row.get(3))
                .unwrap()
                .collect::<Result<_, _>>()
                .unwrap();
            assert!(!steps.iter().any(|step| step.contains("ORDER BY")), "{is_in}: {steps:?}");
        }
    }
}
