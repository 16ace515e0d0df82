//! Which copy of a resource counts once another connection to the same records has deleted it.

use super::*;
use crate::{
    clock::Clock,
    monitor::Silent,
    warehouse::{Catalog, Warehouse, WarehouseFile, tables::table::embedded_marts},
};
use tempfile::TempDir;

/// Two consents of one patient. Both had condition `x` in run 1; run 2 has deleted the copy of the first one.
const DELETED: &str = "
    INSERT INTO connection (id, uid, name, plan, patient_id, created_at) VALUES
      (1, 'a', 'a', 'north', 'p', '2025-01-01T00:00:00.000Z'),
      (2, 'b', 'b', 'north', 'p', '2025-01-01T00:00:00.000Z');
    INSERT INTO sync_run (id, command, version, state, started_at) VALUES
      (1, 'sync', '0', 'complete', '2025-03-01T02:00:00.000Z'),
      (2, 'sync', '0', 'complete', '2025-03-05T02:00:00.000Z'),
      (3, 'sync', '0', 'complete', '2025-03-06T02:00:00.000Z');
    INSERT INTO sync_walk (id, run_id, connection_id, resource_type, mode, state, started_at, walk_started_at)
    VALUES
      (1, 1, 1, 'Condition', 'full', 'complete', '2025-03-01T02:00:01.000Z', '2025-03-01T02:00:01.000Z'),
      (2, 1, 2, 'Condition', 'full', 'complete', '2025-03-01T02:00:01.000Z', '2025-03-01T02:00:01.000Z'),
      (3, 2, 1, 'Condition', 'full', 'complete', '2025-03-05T02:00:01.000Z', '2025-03-05T02:00:01.000Z');
    INSERT INTO resource (connection_id, resource_type, resource_id, content_hash, json, walk_id, received_at,
      deleted_at)
    VALUES
      (1, 'Condition', 'x', X'01', '{}', 1, '2025-03-01T02:00:02.000Z', '2025-03-05T02:07:00.000Z'),
      (2, 'Condition', 'x', X'01', '{}', 2, '2025-03-01T02:00:02.000Z', NULL);
    INSERT INTO condition (connection_id, id, row_no, patient_id) VALUES (2, 'x', 0, 'p');
    INSERT INTO mart_due VALUES (1), (2);";

/// A walk of the second connection.
fn walk(id: i64, run: i64, mode: &str, state: &str, started: &str) -> String {
    format!(
        "INSERT INTO sync_walk (id, run_id, connection_id, resource_type, mode, state, started_at, walk_started_at)
         VALUES ({id}, {run}, 2, 'Condition', '{mode}', '{state}', '{started}', '{started}');"
    )
}

/// A warehouse with the two consents, and what else is known.
fn warehouse(more: &str) -> (TempDir, Connection) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("warehouse.db");
    let file = WarehouseFile::in_clear(&path);
    Warehouse::open(&file, Catalog::embedded(), Clock::system(), &Silent).unwrap().close();
    let own = Connection::open(&path).unwrap();
    register(&own).unwrap();
    own.execute_batch(DELETED).unwrap();
    own.execute_batch(more).unwrap();
    (home, own)
}

/// Brings the marts up to date; tells whether the copy of the second connection counts.
fn counts(own: &mut Connection) -> bool {
    let marts: Vec<Mart> = embedded_marts().collect();
    refresh(own, &marts).unwrap();
    own.query_row("SELECT count(*) FROM diagnosis WHERE record_id = 'x'", [], |row| row.get(0))
        .unwrap()
}

#[test]
fn a_copy_counts_while_its_own_connection_is_walked_and_has_it() {
    let found = |status: u16| {
        format!(
            "INSERT INTO absent_resource (connection_id, resource_type, resource_id, state, missed_since, missed_at,
               http_status, proof)
             VALUES (1, 'Condition', 'x', 'deleted', '2025-03-05T02:00:01.000Z', '2025-03-05T02:00:01.000Z',
               {status}, 'read');"
        )
    };
    let later = || walk(4, 3, "incremental", "complete", "2025-03-06T02:00:01.000Z");
    // A file's copy counts only if it was updated later.
    let file = "UPDATE sync_walk SET mode = 'file' WHERE id = 2;";
    let updated =
        "UPDATE resource SET last_updated = iif(deleted_at IS NULL, '2025-03-04T00:00:00Z',
                     '2025-03-01T00:00:00Z');";
    for (name, more, is_counted) in [
        ("not walked since", String::new(), false),
        // The other walk of the same run began first, and this one ended before the deletion.
        (
            "walked in the same run",
            walk(4, 2, "full", "complete", "2025-03-05T02:00:00.500Z"),
            true,
        ),
        ("walked in a later run", later(), true),
        (
            "not walked to the end",
            walk(4, 3, "full", "incomplete", "2025-03-06T02:00:01.000Z"),
            false,
        ),
        ("a file", walk(4, 3, "file", "complete", "2025-03-06T02:00:01.000Z"), false),
        ("gone by a read", found(404), false),
        ("another patient's", found(200), true),
        ("a file's copy", file.to_owned() + &later(), false),
        ("a file's newer copy", file.to_owned() + updated, true),
    ] {
        let (_home, mut own) = warehouse(&more);
        assert_eq!(counts(&mut own), is_counted, "{name}");
    }
}

#[test]
fn the_end_of_a_walk_after_the_deletion_notes_that_the_copy_counts_again() {
    let (_home, mut own) = warehouse("");
    assert!(!counts(&mut own));
    let noted = |own: &Connection, walk_id: i64| -> bool {
        note_return(own, walk_id).unwrap();
        own.query_row("SELECT count(*) FROM mart_due_type", [], |row| row.get(0)).unwrap()
    };
    let mut add = |id: i64, mode: &str, started: &str| {
        own.execute_batch(&walk(id, 3, mode, "complete", started)).unwrap();
        noted(&own, id).then(|| counts(&mut own))
    };
    assert_eq!(add(4, "file", "2025-03-06T02:00:00.000Z"), None);
    assert_eq!(add(5, "incremental", "2025-03-06T02:00:01.000Z"), Some(true));
    // Later walks change nothing.
    assert_eq!(add(6, "incremental", "2025-03-07T02:00:01.000Z"), None);
}
