//! Bases change together with what depends on them: tables, and the search for references.

use super::*;
use crate::warehouse::file::{open::open_to_write, place::WarehouseFile};

#[test]
fn bases_are_not_noted_without_the_note_that_tables_are_out_of_date() {
    let folder = tempfile::tempdir().unwrap();
    let file = WarehouseFile::in_clear(folder.path().join("warehouse.db"));
    let mut connection = open_to_write(&file).unwrap();
    connection
        .execute_batch(
            "INSERT INTO connection (id, uid, name, created_at) VALUES (1, 'u', 'ann', '2026-03-01');
             INSERT INTO resource (connection_id, resource_type, resource_id, content_hash, json,
                 received_at)
               VALUES (1, 'Goal', 'g', x'00', '{}', '2026-03-01');
             INSERT INTO view_table (name, resource_type, definition_hash, built_at)
               VALUES ('goal', 'Goal', x'01', '2026-03-01');
             INSERT INTO reference_type (connection_id, resource_type, scanned_to, round_at)
               VALUES (1, 'Practitioner', '2026-03-01', '2026-03-01');
             CREATE TRIGGER killed BEFORE UPDATE ON view_table
               BEGIN SELECT RAISE(ABORT, 'killed'); END;",
        )
        .unwrap();
    let noted = |connection: &Connection| -> (Option<String>, Vec<u8>) {
        let sql = "SELECT fhir_bases, definition_hash FROM connection, view_table";
        connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    let bases = [(1, "https://h/r4".to_owned())];
    assert!(set_bases(&mut connection, &bases).is_err());
    assert_eq!(noted(&connection), (None, vec![1]));
    connection.execute_batch("DROP TRIGGER killed").unwrap();
    set_bases(&mut connection, &bases).unwrap();
    assert_eq!(noted(&connection), (Some("https://h/r4".to_owned()), vec![]));
    // A reference may lead to this server by the new bases alone.
    let scanned_to: Option<String> = connection
        .query_row("SELECT scanned_to FROM reference_type", [], |row| row.get(0))
        .unwrap();
    assert_eq!(scanned_to, None);
}
