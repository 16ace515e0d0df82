//! Triggers and views in a file that payersync did not make.
//!
//! A backup is data, but a trigger in it is a program that would run in the next sync. What this version
//! makes is known: no trigger, the views of the migrations up to the file's version, and the marts that
//! are views. Anything else is reported by name. Views of marts from an older version are dropped, since
//! the next run makes them anew.

use crate::warehouse::{
    error::{Doing, WarehouseError},
    file::schema,
    tables::{
        marts,
        table::{embedded_marts, quote},
    },
};
use rusqlite::{Connection, OptionalExtension};
use std::collections::HashMap;

/// The triggers and views in a file that this version would not make.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Strangers {
    /// Kind and name of each one that payersync did not make.
    pub(crate) foreign: Vec<String>,
    /// Views of marts, as made by another version.
    pub(crate) outdated: Vec<String>,
}

/// Compares the triggers and views in a file with those that this version makes.
pub(crate) fn find(connection: &Connection) -> Result<Strangers, WarehouseError> {
    let doing = "cannot compare the schema";
    let ours = views_of(&reference(connection)?)?;
    let mut strangers = Strangers::default();
    let mut statement = connection
        .prepare("SELECT type, name, sql FROM sqlite_schema ORDER BY type, name")
        .doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let (kind, name): (String, String) = (row.get(0).doing(doing)?, row.get(1).doing(doing)?);
        let sql: Option<String> = row.get(2).doing(doing)?;
        if is_storage(&kind, sql.as_deref()) || kind == "view" && ours.get(&name) == sql.as_ref() {
            continue;
        }
        match kind == "view" && is_outdated(connection, &name)? {
            true => strangers.outdated.push(name),
            false => {
                let kind = match kind.to_ascii_lowercase() {
                    kind if kind == "table" => "virtual table".to_owned(),
                    kind => kind,
                };
                strangers.foreign.push(format!("{kind} {name}"));
            }
        }
    }
    Ok(strangers)
}

/// Whether an object only holds rows: a table or an index, with the statement as SQLite writes it.
///
/// Somebody else may have written the statement. SQLite also accepts a type in capitals and a statement
/// with comments, so anything that is not known word for word counts as a program.
fn is_storage(kind: &str, sql: Option<&str>) -> bool {
    let begins = |words: &str| sql.is_some_and(|sql| sql.starts_with(words));
    match kind {
        "table" => begins("CREATE TABLE "),
        // The index of a UNIQUE constraint has no statement of its own.
        "index" => sql.is_none() || begins("CREATE INDEX ") || begins("CREATE UNIQUE INDEX "),
        _ => false,
    }
}

/// Drops the views of marts that another version made; the next run makes them again.
pub(crate) fn drop_outdated(
    connection: &Connection,
    strangers: &Strangers,
) -> Result<(), WarehouseError> {
    let doing = "cannot drop a mart of another version";
    for name in &strangers.outdated {
        connection.execute_batch(&format!("DROP VIEW {}", quote(name))).doing(doing)?;
        connection.execute("DELETE FROM mart_table WHERE name = ?1", [name]).doing(doing)?;
    }
    Ok(())
}

/// Whether a view is of a mart whose recorded definition is another version's.
fn is_outdated(connection: &Connection, name: &str) -> Result<bool, WarehouseError> {
    let doing = "cannot read which marts there are";
    if !connection.table_exists(None, "mart_table").doing(doing)? {
        return Ok(false);
    }
    let hash: Option<Vec<u8>> = connection
        .query_row("SELECT definition_hash FROM mart_table WHERE name = ?1", [name], |row| {
            row.get(0)
        })
        .optional()
        .doing(doing)?;
    let present = embedded_marts().find(|mart| mart.name == name).map(|mart| marts::hash(&mart));
    Ok(hash.is_some() && hash != present)
}

/// An empty warehouse of the file's schema version, with the views that it should have.
fn reference(connection: &Connection) -> Result<Connection, WarehouseError> {
    let doing = "cannot compare the schema";
    let mut reference = Connection::open_in_memory().doing(doing)?;
    schema::bring_to(&mut reference, schema::version(connection)?)?;
    for mart in embedded_marts() {
        if let Some(create) = marts::creates_view(&mart) {
            reference.execute_batch(&create).doing(doing)?;
        }
    }
    Ok(reference)
}

fn views_of(connection: &Connection) -> Result<HashMap<String, String>, WarehouseError> {
    connection
        .prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'view'")
        .and_then(|mut statement| {
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .doing("cannot compare the schema")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        monitor::Silent,
        warehouse::{Catalog, Warehouse, WarehouseFile, known_schema_version},
    };

    fn warehouse() -> (tempfile::TempDir, Connection) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("warehouse.db");
        let file = WarehouseFile::in_clear(&path);
        let catalog = Catalog::embedded();
        Warehouse::open(&file, catalog, Clock::system(), &Silent).unwrap().close();
        (home, Connection::open(path).unwrap())
    }

    #[test]
    fn what_every_version_makes_is_no_stranger() {
        for version in 4..=known_schema_version() {
            let mut made = Connection::open_in_memory().unwrap();
            schema::bring_to(&mut made, version).unwrap();
            assert_eq!(find(&made).unwrap(), Strangers::default(), "version {version}");
        }
        let (_home, made) = warehouse();
        assert!(views_of(&made).unwrap().len() > 3);
        assert_eq!(find(&made).unwrap(), Strangers::default());
    }

    #[test]
    fn what_payersync_has_not_made_is_named() {
        let (_home, made) = warehouse();
        made.execute_batch(
            "CREATE TRIGGER steal AFTER INSERT ON resource BEGIN SELECT 1; END;
             CREATE VIEW mine AS SELECT 1 AS x;
             DROP VIEW completeness; CREATE VIEW completeness AS SELECT 'complete' AS state;
             DROP VIEW enrollment; CREATE VIEW enrollment AS SELECT 1 AS x;",
        )
        .unwrap();
        let found = find(&made).unwrap();
        let named = ["trigger steal", "view completeness", "view enrollment", "view mine"];
        assert_eq!(found.foreign, named);
        // A mart whose recorded definition is of another version is made anew, whatever it is.
        made.execute("UPDATE mart_table SET definition_hash = x'00' WHERE name = 'enrollment'", [])
            .unwrap();
        let found = find(&made).unwrap();
        assert_eq!(found.outdated, ["enrollment"]);
        drop_outdated(&made, &found).unwrap();
        assert!(!views_of(&made).unwrap().contains_key("enrollment"));
    }

    #[test]
    fn no_spelling_of_the_schema_hides_a_program() {
        for (made_by, disguise, named) in [
            (
                "CREATE TRIGGER steal AFTER INSERT ON resource BEGIN SELECT 1; END",
                "type = 'TRIGGER'",
                "trigger steal",
            ),
            ("CREATE VIEW steal AS SELECT 1 AS x", "type = 'View'", "view steal"),
            (
                "CREATE VIRTUAL TABLE steal USING fts5(a)",
                "sql = 'CREATE/**/VIRTUAL TABLE steal USING fts5(a)'",
                "virtual table steal",
            ),
            (
                "CREATE VIRTUAL TABLE steal USING fts5(a)",
                "sql = 'create virtual table steal using fts5(a)'",
                "virtual table steal",
            ),
        ] {
            let (home, made) = warehouse();
            made.execute_batch(made_by).unwrap();
            made.execute_batch("PRAGMA writable_schema = ON").unwrap();
            let disguise = format!("UPDATE sqlite_schema SET {disguise} WHERE name = 'steal'");
            assert_eq!(made.execute(&disguise, []).unwrap(), 1);
            drop(made);
            // SQLite accepts it as a trigger or view.
            let made = Connection::open(home.path().join("warehouse.db")).unwrap();
            assert_eq!(find(&made).unwrap().foreign, [named], "{disguise}");
        }
    }
}
