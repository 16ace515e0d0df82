//! The past of the warehouse: superseded versions, and how long they are kept.
//!
//! A resource's present content is valid from `resource.received_at`, which moves with every change of
//! content. Earlier contents are in `resource_version`, with the instants from and to which they were
//! stored here. So this query returns the resources at an instant `:at`
//! (RFC 3339, UTC, milliseconds):
//!
//! ```sql
//! SELECT connection_id, resource_type, resource_id, json FROM resource
//! WHERE received_at <= :at AND deleted_at IS NULL
//! UNION ALL
//! SELECT connection_id, resource_type, resource_id, json FROM resource_version
//! WHERE valid_from <= :at AND :at < valid_to;
//! ```
//!
//! The normalised tables have the present state only. A SQLite connection that looks at the past cannot read
//! them, so that no answer mixes the two.

use crate::{
    clock,
    warehouse::{
        error::{Doing, WarehouseError},
        file::{open, place::WarehouseFile, without_locks::Reading},
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{
    Connection, OptionalExtension,
    hooks::{AuthAction, AuthContext, Authorization},
    params,
};
use std::collections::HashSet;

/// The versions that ended before an instant, except those that imports need.
///
/// Files do not tell which of two undated versions is newer: the one that was replaced once stays replaced.
/// If it were forgotten, importing the same files again would put it in the place of the newer one.
const PRUNED: &str = "v.valid_to < ?1 AND NOT EXISTS (
     SELECT 1 FROM resource r JOIN sync_walk w ON w.id = r.walk_id
     WHERE r.connection_id = v.connection_id AND r.resource_type = v.resource_type
       AND r.resource_id = v.resource_id AND w.mode = 'file' AND r.deleted_at IS NULL)";

/// Deletes superseded versions and attachments that ended before an instant; returns how many.
pub(crate) fn prune(
    connection: &mut Connection,
    before: DateTime<Utc>,
) -> Result<u64, WarehouseError> {
    let doing = "cannot prune superseded versions";
    let before = clock::text(before);
    let transaction = connection.transaction().doing(doing)?;
    let attachments = transaction
        .execute("DELETE FROM attachment WHERE replaced_at < ?1", [&before])
        .doing(doing)?;
    let newest: Option<String> = transaction
        .query_row(
            &format!("SELECT max(valid_to) FROM resource_version v WHERE {PRUNED}"),
            [&before],
            |row| row.get(0),
        )
        .doing(doing)?;
    let Some(newest) = newest else {
        transaction.commit().doing(doing)?;
        return Ok(attachments as u64);
    };
    let pruned = transaction
        .execute(&format!("DELETE FROM resource_version AS v WHERE {PRUNED}"), [&before])
        .doing(doing)?;
    transaction
        .execute(
            "INSERT INTO version_horizon (id, pruned_to) VALUES (1, ?1)
             ON CONFLICT (id) DO UPDATE SET pruned_to = max(pruned_to, excluded.pruned_to)",
            [newest],
        )
        .doing(doing)?;
    transaction.commit().doing(doing)?;
    Ok((pruned + attachments) as u64)
}

/// Opens an existing warehouse for reading, with `resource` as it was at an instant.
///
/// # Errors
/// The errors of opening for reading; also if versions of that instant have been pruned.
pub(crate) fn open_as_of(
    file: &WarehouseFile,
    at: DateTime<Utc>,
) -> Result<Reading, WarehouseError> {
    let mut connection = open::open_writable(file)?;
    let doing = "cannot look at the past";
    let at = clock::text(at);
    let pruned_to: Option<String> = connection
        .query_row("SELECT pruned_to FROM version_horizon", [], |row| row.get(0))
        .optional()
        .doing(doing)?;
    if let Some(pruned_to) = pruned_to.filter(|pruned_to| at < *pruned_to) {
        return Err(WarehouseError::Pruned { pruned_to });
    }
    // A view takes no parameters. This program wrote the text, which has only digits and the characters
    // -:.TZ.
    connection
        .execute_batch(&format!(
            "CREATE TEMP VIEW resource AS
             SELECT id, connection_id, resource_type, resource_id, version_id, last_updated,
               content_hash, json, walk_id, received_at, deleted_at
             FROM main.resource WHERE received_at <= '{at}' AND deleted_at IS NULL
             UNION ALL
             SELECT NULL, connection_id, resource_type, resource_id, version_id, last_updated,
               content_hash, json, NULL, valid_from, NULL
             FROM main.resource_version WHERE valid_from <= '{at}' AND '{at}' < valid_to"
        ))
        .doing(doing)?;
    let of_the_present = names(&connection)?;
    open::lock(&mut connection, move |context: AuthContext<'_>| match context.action {
        AuthAction::Read { table_name, .. }
            if of_the_present.contains(&table_name.to_ascii_lowercase()) =>
        {
            Authorization::Deny
        }
        _ => open::refuse_to_leave(context),
    })?;
    Ok(connection)
}

/// The names that cannot be read in the past: normalised tables, marts, and views that count the present.
fn names(connection: &Connection) -> Result<HashSet<String>, WarehouseError> {
    connection
        .prepare(
            "SELECT lower(name) FROM view_table UNION SELECT lower(name) FROM mart_table
             UNION SELECT 'completeness' UNION SELECT 'attachment'",
        )
        .and_then(|mut statement| statement.query_map(params![], |row| row.get(0))?.collect())
        .doing("cannot look at the past")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_import_replaced_stays_and_other_versions_are_pruned() {
        let folder = tempfile::tempdir().unwrap();
        let file = WarehouseFile::in_clear(folder.path().join("warehouse.db"));
        let mut connection = open::open_to_write(&file).unwrap();
        connection
            .execute_batch(
                "INSERT INTO connection (id, uid, name, created_at)
                   VALUES (1, 'u', 'ann', '2026-01-01');
                 INSERT INTO sync_run (id, command, version, state, started_at)
                   VALUES (1, 'sync', '', 'complete', '2026-01-01');
                 INSERT INTO sync_walk (id, run_id, connection_id, resource_type, mode, state,
                     started_at, walk_started_at)
                   VALUES (1, 1, 1, 'Goal', 'file', 'complete', '2026-01-01', '2026-01-01'),
                     (2, 1, 1, 'Goal', 'full', 'complete', '2026-01-01', '2026-01-01');
                 INSERT INTO resource (connection_id, resource_type, resource_id, content_hash,
                     json, walk_id, received_at, deleted_at)
                   VALUES (1, 'Goal', 'file', x'02', '{}', 1, '2026-01-02', NULL),
                     (1, 'Goal', 'plan', x'02', '{}', 2, '2026-01-02', NULL),
                     (1, 'Goal', 'gone', x'02', '{}', 1, '2026-01-02', '2026-01-03');
                 INSERT INTO resource_version (connection_id, resource_type, resource_id,
                     content_hash, json, valid_from, valid_to)
                   SELECT 1, 'Goal', resource_id, x'01', '{}', '2026-01-01', '2026-01-02'
                   FROM resource;",
            )
            .unwrap();
        let left = |connection: &Connection| -> String {
            let sql = "SELECT group_concat(resource_id) FROM resource_version";
            connection.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        let before = "2026-03-01T00:00:00Z".parse().unwrap();
        assert_eq!(prune(&mut connection, before).unwrap(), 2);
        assert_eq!(left(&connection), "file");
        assert_eq!(prune(&mut connection, before).unwrap(), 0, "a second time there is nothing");
    }
}
