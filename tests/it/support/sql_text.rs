//! Writes a warehouse as SQL text, and copies rows into a warehouse of an earlier schema.

use rusqlite::{Connection, types::Value};
use std::{fmt::Write, path::Path};

/// Rows of texts, with NULL as an empty text.
pub(crate) fn rows(connection: &Connection, sql: &str) -> Vec<Vec<String>> {
    let mut statement = connection.prepare(sql).unwrap();
    let width = statement.column_count();
    statement
        .query_map([], |row| {
            (0..width)
                .map(|column| {
                    let value: Value = row.get(column)?;
                    Ok(match value {
                        Value::Null => String::new(),
                        Value::Integer(value) => value.to_string(),
                        Value::Real(value) => value.to_string(),
                        Value::Text(value) => value,
                        Value::Blob(value) => format!("{value:02x?}"),
                    })
                })
                .collect()
        })
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// Every table with its rows, but only the normalised tables in `normalised`, and only control views.
pub(crate) fn dump(connection: &Connection, normalised: &[String]) -> String {
    let mut text = String::from("PRAGMA foreign_keys = OFF;\nBEGIN;\n");
    let skipped = |name: &str| {
        let views = "SELECT name FROM view_table";
        let is_view = rows(connection, views).concat().iter().any(|view| view == name);
        is_view && !normalised.iter().any(|known| known == name)
    };
    // A view is a control view if a migration creates it.
    let is_ours = |kind: &str, name: &str| kind != "view" || is_control_view(name);
    let schema = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE sql IS NOT NULL
                  AND name NOT LIKE 'sqlite_%' ORDER BY type = 'view', type = 'index', rowid";
    for object in rows(connection, schema) {
        let [kind, name, table, sql] = &object[..] else { unreachable!() };
        if skipped(table) || !is_ours(kind, name) {
            continue;
        }
        writeln!(text, "{sql};").unwrap();
        if kind == "table" {
            inserts(connection, name, normalised, &mut text);
        }
    }
    text.push_str("COMMIT;\n");
    text
}

fn is_control_view(name: &str) -> bool {
    std::fs::read_dir("migrations").unwrap().any(|file| {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        text.contains(&format!("CREATE VIEW {name} "))
    })
}

fn inserts(connection: &Connection, table: &str, normalised: &[String], text: &mut String) {
    let columns = columns(connection, "main", table);
    let quoted: Vec<_> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
    let sql = format!("SELECT {} FROM \"{table}\"", quoted.join(", "));
    for row in rows(connection, &sql) {
        let name = row[0].trim_matches('\'');
        if table == "view_table" && !normalised.iter().any(|known| known == name) {
            continue;
        }
        writeln!(text, "INSERT INTO \"{table}\" VALUES ({});", row.join(", ")).unwrap();
    }
}

fn columns(connection: &Connection, schema: &str, table: &str) -> Vec<String> {
    rows(connection, &format!("SELECT name FROM pragma_table_info('{table}', '{schema}')")).concat()
}

/// Copies the rows of each table from the table with the same name in `donor`, in the common columns.
pub(crate) fn copy_rows(old: &Connection, donor: &Path) {
    old.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    old.execute("ATTACH ?1 AS donor", [donor.to_str().unwrap()]).unwrap();
    let tables = "SELECT name FROM main.sqlite_schema WHERE type = 'table'
                  AND name NOT LIKE 'sqlite_%' INTERSECT SELECT name FROM donor.sqlite_schema";
    for table in rows(old, tables).concat() {
        let theirs = columns(old, "donor", &table);
        let mut both = columns(old, "main", &table);
        both.retain(|column| theirs.contains(column));
        let list = both.join(", ");
        old.execute_batch(&format!(
            "INSERT INTO main.\"{table}\" ({list}) SELECT {list} FROM donor.\"{table}\";"
        ))
        .unwrap();
    }
    old.execute_batch("DETACH donor").unwrap();
}
