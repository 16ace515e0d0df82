//! The table `unmapped_path`: the findings of `tables --unmapped`, for SQL.
//!
//! A change to a resource notes its connection and type in the same transaction, and so does a rebuild.
//! At the end of a run, noted types are counted anew over the live resources. So the counts are current
//! even if a process was killed in between. A page pays for one small row per type, and if nothing has
//! changed, nothing is read or written. Whether a path is carried is found out once per type and process,
//! since that depends on the definitions and not on the resource.

use super::{
    marts,
    table::Catalog,
    unmapped::{LeafPath, LeafSurvey},
};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, Transaction, params};

/// The most paths kept of one connection and type: those with the most leaves.
const ROWS: usize = 1_000;

/// Notes that a connection's paths of one type must be counted anew, and that its marts are out of date.
pub(crate) fn note(
    transaction: &Transaction<'_>,
    connection_id: i64,
    resource_type: &str,
) -> Result<(), WarehouseError> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO unmapped_path_due VALUES (?1, ?2)")
        .and_then(|mut statement| statement.execute(params![connection_id, resource_type]))
        .doing("cannot note that paths must be counted anew")?;
    marts::note_change(transaction, connection_id, resource_type)
}

/// Notes the same for every connection with the type, because the type's definitions have changed.
pub(super) fn note_type(
    transaction: &Transaction<'_>,
    resource_type: &str,
) -> Result<(), WarehouseError> {
    transaction
        .execute(
            "INSERT OR IGNORE INTO unmapped_path_due
             SELECT c.id, ?1 FROM connection c WHERE EXISTS (SELECT 1 FROM resource r
               WHERE r.connection_id = c.id AND r.resource_type = ?1)",
            [resource_type],
        )
        .doing("cannot note that paths must be counted anew")?;
    marts::note_tables(transaction, resource_type)
}

/// Counts the paths of the types that are noted as changed.
///
/// If `stop` ends the work early, the rest stays noted.
pub(crate) fn refresh(
    connection: &mut Connection,
    catalog: &Catalog,
    stop: &dyn Fn() -> bool,
) -> Result<(), WarehouseError> {
    let mut due: Vec<(i64, String)> = connection
        .prepare("SELECT connection_id, resource_type FROM unmapped_path_due")
        .and_then(|mut statement| {
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .doing("cannot read for which types paths must be counted anew")?;
    // Sorted by type, so that what is known of a type can be dropped after its last connection.
    due.sort_by(|one, other| (&one.1, one.0).cmp(&(&other.1, other.0)));
    for of_type in due.chunk_by(|one, other| one.1 == other.1) {
        let mut survey = LeafSurvey::new(catalog);
        for (connection_id, resource_type) in of_type {
            if !count(connection, &mut survey, *connection_id, resource_type, stop)? {
                return Ok(());
            }
            put(connection, *connection_id, resource_type, survey.take())?;
        }
    }
    Ok(())
}

/// Counts the live resources; returns false if it was stopped before the last one.
fn count(
    connection: &Connection,
    survey: &mut LeafSurvey<'_>,
    connection_id: i64,
    resource_type: &str,
    stop: &dyn Fn() -> bool,
) -> Result<bool, WarehouseError> {
    let doing = "cannot read the stored resources";
    let mut statement = connection
        .prepare_cached(
            "SELECT json, received_at FROM resource
             WHERE connection_id = ?1 AND resource_type = ?2 AND deleted_at IS NULL",
        )
        .doing(doing)?;
    let mut found = statement.query(params![connection_id, resource_type]).doing(doing)?;
    while let Some(row) = found.next().doing(doing)? {
        if stop() {
            return Ok(false);
        }
        let text = |column| row.get_ref(column).doing(doing);
        // A JSON text that is not UTF-8 is stored as a blob, and is in no table.
        if let (Ok(json), Ok(received_at)) = (text(0)?.as_str(), text(1)?.as_str()) {
            survey.add(resource_type, json, received_at);
        }
    }
    Ok(true)
}

/// Replaces a type's rows by the findings; rows that are unchanged are not written.
fn put(
    connection: &mut Connection,
    connection_id: i64,
    resource_type: &str,
    paths: Vec<LeafPath>,
) -> Result<(), WarehouseError> {
    let doing = "cannot write the table unmapped_path";
    let mut left: Vec<LeafPath> = paths.into_iter().filter(|leaf| !leaf.carried).collect();
    left.sort_by_key(|leaf| std::cmp::Reverse(leaf.leaves));
    left.truncate(ROWS);
    let transaction = connection.transaction().doing(doing)?;
    let key = params![connection_id, resource_type];
    let mut gone: Vec<(String, bool)> = transaction
        .prepare_cached(
            "SELECT path, is_foreign FROM unmapped_path
             WHERE connection_id = ?1 AND resource_type = ?2",
        )
        .and_then(|mut statement| {
            statement.query_map(key, |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .doing(doing)?;
    gone.retain(|(path, foreign)| {
        !left.iter().any(|leaf| leaf.path == *path && leaf.foreign == *foreign)
    });
    for (path, foreign) in gone {
        transaction
            .prepare_cached(
                "DELETE FROM unmapped_path WHERE connection_id = ?1 AND resource_type = ?2
                   AND path = ?3 AND is_foreign = ?4",
            )
            .and_then(|mut statement| {
                statement.execute(params![connection_id, resource_type, path, foreign])
            })
            .doing(doing)?;
    }
    for leaf in &left {
        transaction
            .prepare_cached(
                "INSERT INTO unmapped_path VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT DO UPDATE SET resource_count = excluded.resource_count,
                   leaf_count = excluded.leaf_count, first_seen = min(first_seen, excluded.first_seen)
                 WHERE resource_count <> excluded.resource_count
                   OR leaf_count <> excluded.leaf_count OR first_seen > excluded.first_seen",
            )
            .and_then(|mut statement| {
                statement.execute(params![
                    connection_id,
                    resource_type,
                    leaf.path,
                    leaf.foreign,
                    leaf.resources,
                    leaf.leaves,
                    leaf.first_seen
                ])
            })
            .doing(doing)?;
    }
    transaction
        .execute(
            "DELETE FROM unmapped_path_due WHERE connection_id = ?1 AND resource_type = ?2",
            key,
        )
        .doing(doing)?;
    transaction.commit().doing(doing)
}
