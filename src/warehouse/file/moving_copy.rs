//! Copies the rows of a connection from the attached warehouse `source` into `main`.
//!
//! Every table that has a `connection_id` is copied, guided by the schema. Ids of runs, walks, resources,
//! versions, rejects and attachments are raised by a number per table, so that they are new in `main` and
//! keep their order; columns that refer to them are raised alike. Marts are not copied: they are made anew.

use super::purge::tables_with_connections;
use crate::warehouse::{
    error::{Doing, WarehouseError},
    tables::table::quote,
    walks::connections::ConnectionRow,
};
use rusqlite::{
    Connection, Transaction,
    functions::{Context, FunctionFlags},
    named_params,
};
use std::collections::{BTreeMap, BTreeSet};

const DOING: &str = "cannot copy a connection into the other home";

/// Tables with ids that other tables refer to, and the SQL condition for a connection's rows of them.
const NUMBERED: [(&str, &str); 6] = [
    (
        "sync_run",
        "id IN (SELECT run_id FROM source.sync_walk WHERE connection_id = :old
           UNION SELECT run_id FROM source.rejected_resource WHERE connection_id = :old
           UNION SELECT run_id FROM source.resource_outdated WHERE resource IN
             (SELECT id FROM source.resource WHERE connection_id = :old))",
    ),
    ("sync_walk", "connection_id = :old"),
    ("resource", "connection_id = :old"),
    ("resource_version", "connection_id = :old"),
    ("rejected_resource", "connection_id = :old"),
    ("attachment", "connection_id = :old"),
];

/// Columns that hold row ids in a BLOB, eight bytes each: table, column, the table the ids belong to.
const PACKED: [(&str, &str, &str); 2] =
    [("walk_page", "seen", "resource"), ("walk_page", "rejected", "rejected_resource")];

/// Tables about a connection that are not copied: a move, a sync or the marts fill them again.
const SAID_ANEW: [&str; 3] = ["connection_move", "mart_due", "mart_due_type"];

/// Columns with ids but without a foreign key: table, column, the table the ids belong to.
const UNDECLARED: [(&str, &str, &str); 1] = [("resource_outdated", "run_id", "sync_run")];

/// Registers the function that raises the row ids of [`PACKED`].
pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("raised_ids", 2, flags, |context: &Context<'_>| {
        let (bytes, by) = (context.get_raw(0).as_blob()?, context.get::<i64>(1)?);
        let raised = bytes.chunks_exact(8).flat_map(|id| {
            let id = id.try_into().map(i64::from_le_bytes).unwrap_or_default();
            (id + by).to_le_bytes()
        });
        Ok(raised.collect::<Vec<u8>>())
    })
}

/// Copies everything; returns the connection's id in `main` and the number of rows.
pub(super) fn copy(
    transaction: &Transaction<'_>,
    row: &ConnectionRow,
) -> Result<(i64, u64), WarehouseError> {
    let mut raises = BTreeMap::new();
    for (table, which) in NUMBERED {
        raises.insert(table, raise(transaction, table, which, row.id)?);
    }
    let new = copy_connection(transaction, row)?;
    let copying = Copying { transaction, raises, old: row.id, new };
    let mut rows = 0;
    for (table, which) in NUMBERED {
        rows += copying.table(table, which)?;
    }
    for table in copied_tables(transaction, row.id)? {
        rows += copying.table(&table, "connection_id = :old")?;
    }
    rows += copying.table(
        "resource_outdated",
        "resource IN (SELECT id FROM source.resource WHERE connection_id = :old)",
    )?;
    transaction
        .execute(
            "INSERT INTO main.version_horizon SELECT * FROM source.version_horizon WHERE true
             ON CONFLICT DO UPDATE SET pruned_to = max(pruned_to, excluded.pruned_to)",
            [],
        )
        .doing(DOING)?;
    Ok((new, rows))
}

/// The number by which the ids of a table are raised. The smallest id that is copied becomes the first id
/// that `main` has never used.
fn raise(
    transaction: &Transaction<'_>,
    table: &str,
    which: &str,
    old: i64,
) -> Result<i64, WarehouseError> {
    transaction
        .query_row(
            &format!(
                "SELECT max((SELECT coalesce(max(id), 0) FROM main.{table}),
                     coalesce((SELECT seq FROM main.sqlite_sequence WHERE name = '{table}'), 0))
                   + 1 - coalesce((SELECT min(id) FROM source.{table} WHERE {which}), 1)"
            ),
            named_params! { ":old": old },
            |row| row.get(0),
        )
        .doing(DOING)
}

fn copy_connection(
    transaction: &Transaction<'_>,
    row: &ConnectionRow,
) -> Result<i64, WarehouseError> {
    let columns: Vec<String> = columns(transaction, "main", "connection")?
        .into_iter()
        .filter(|name| name != "id")
        .collect();
    let names = columns.iter().map(|name| quote(name)).collect::<Vec<_>>().join(", ");
    transaction
        .execute(
            &format!(
                "INSERT INTO main.connection ({names})
                 SELECT {names} FROM source.connection WHERE id = ?1"
            ),
            [row.id],
        )
        .doing(DOING)?;
    Ok(transaction.last_insert_rowid())
}

/// The other tables with rows of a connection, to be copied.
///
/// A normalised table whose definition differs is not among them: it is filled again from the resources.
fn copied_tables(transaction: &Transaction<'_>, old: i64) -> Result<Vec<String>, WarehouseError> {
    let names = |sql: &str| -> Result<BTreeSet<String>, WarehouseError> {
        transaction
            .prepare(sql)
            .and_then(|mut all| all.query_map([], |row| row.get(0))?.collect())
            .doing(DOING)
    };
    let marts = names("SELECT name FROM main.mart_table UNION SELECT name FROM source.mart_table")?;
    let views = names("SELECT name FROM main.view_table UNION SELECT name FROM source.view_table")?;
    let same = names(
        "SELECT name FROM main.view_table JOIN source.view_table USING (name, definition_hash)",
    )?;
    let is_left = |table: &String| {
        marts.contains(table)
            || SAID_ANEW.contains(&table.as_str())
            || NUMBERED.iter().any(|(numbered, _)| numbered == table)
            || views.contains(table) && !same.contains(table)
    };
    transaction
        .execute_batch(
            "UPDATE main.view_table SET definition_hash = X'' WHERE NOT EXISTS
               (SELECT 1 FROM source.view_table s WHERE s.name = view_table.name
                  AND s.definition_hash = view_table.definition_hash)",
        )
        .doing(DOING)?;
    let here: BTreeSet<String> =
        tables_with_connections(transaction, "main")?.into_iter().collect();
    let mut copied = Vec::new();
    for table in tables_with_connections(transaction, "source")? {
        if is_left(&table) {
            continue;
        }
        if here.contains(&table) {
            copied.push(table);
            continue;
        }
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM source.{} WHERE connection_id = ?1)",
            quote(&table)
        );
        if transaction.query_row(&sql, [old], |row| row.get(0)).doing(DOING)? {
            return Err(WarehouseError::NotThere { table });
        }
    }
    Ok(copied)
}

fn columns(
    transaction: &Transaction<'_>,
    schema: &str,
    table: &str,
) -> Result<Vec<String>, WarehouseError> {
    transaction
        .prepare("SELECT name FROM pragma_table_info(?1, ?2)")
        .and_then(|mut all| all.query_map([table, schema], |row| row.get(0))?.collect())
        .doing(DOING)
}

struct Copying<'a> {
    transaction: &'a Transaction<'a>,
    raises: BTreeMap<&'static str, i64>,
    old: i64,
    new: i64,
}

impl Copying<'_> {
    /// Copies the rows of a table; returns how many.
    fn table(&self, table: &str, which: &str) -> Result<u64, WarehouseError> {
        let references: BTreeMap<String, String> = self
            .transaction
            .prepare("SELECT \"from\", \"table\" FROM pragma_foreign_key_list(?1, 'main')")
            .and_then(|mut all| {
                all.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .doing(DOING)?;
        let columns = columns(self.transaction, "main", table)?;
        let values: Vec<String> = columns
            .iter()
            .map(|column| self.value(table, column, references.get(column).map(String::as_str)))
            .collect();
        let names: Vec<String> = columns.iter().map(|column| quote(column)).collect();
        let sql = format!(
            "INSERT INTO main.{table} ({}) SELECT {} FROM source.{table} WHERE {which}",
            names.join(", "),
            values.join(", "),
            table = quote(table),
        );
        let rows = self.transaction.execute(&sql, named_params! { ":old": self.old });
        rows.map(|rows| rows as u64).doing(DOING)
    }

    /// The SQL expression that copies a column.
    fn value(&self, table: &str, column: &str, parent: Option<&str>) -> String {
        let name = quote(column);
        let packed = PACKED.iter().find(|(of, from, _)| *of == table && *from == column);
        if let Some((_, _, parent)) = packed {
            let by = self.raises.get(parent).copied().unwrap_or_default();
            return format!("raised_ids({name}, {by})");
        }
        let undeclared = UNDECLARED.iter().find(|(of, from, _)| *of == table && *from == column);
        let raise = match (column, parent.or(undeclared.map(|(_, _, parent)| *parent))) {
            ("connection_id", _) => return self.new.to_string(),
            ("id", None) => self.raises.get(table),
            // The outcome of a run is not copied: it may tell of other members. Without it, the copy is not
            // taken for a run of this home.
            ("exit_code" | "summary", None) if table == "sync_run" => return "NULL".to_owned(),
            (_, Some(parent)) => self.raises.get(parent),
            (_, None) => None,
        };
        match raise {
            Some(by) => format!("{name} + {by}"),
            None => name,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::file::schema;

    #[test]
    fn every_id_of_the_schema_is_raised() {
        let mut connection = Connection::open_in_memory().unwrap();
        schema::bring_up_to_date(&mut connection).unwrap();
        let names = |sql: &str| -> Vec<String> {
            let mut all = connection.prepare(sql).unwrap();
            all.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
        };
        // Tables of a connection's rows that have an id of their own.
        let own = names(
            "SELECT t.name FROM pragma_table_list t JOIN pragma_table_info(t.name) c
             WHERE t.schema = 'main' AND t.type = 'table' AND c.name = 'id' AND c.pk = 1
               AND EXISTS (SELECT 1 FROM pragma_table_info(t.name) WHERE name = 'connection_id')",
        );
        for table in own {
            let is_known = NUMBERED.iter().any(|(numbered, _)| *numbered == table);
            assert!(is_known || table == "access_log", "the ids of {table} would collide");
        }
        let blobs = names(
            "SELECT t.name || '.' || c.name FROM pragma_table_list t JOIN pragma_table_info(t.name) c
             WHERE t.schema = 'main' AND t.name LIKE 'walk%' AND c.type = 'BLOB'",
        );
        let packed = PACKED.map(|(table, column, _)| format!("{table}.{column}"));
        assert_eq!(blobs, packed);
    }
}
