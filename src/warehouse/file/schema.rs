//! The control tables: which migrations a file has, and bringing it up to date.

use super::place::WarehouseFile;
use crate::warehouse::error::{Doing, WarehouseError};
use refinery::Target;
use rusqlite::Connection;
use std::{collections::HashSet, sync::LazyLock};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The table in which refinery records the migrations it applied.
const HISTORY: &str = "refinery_schema_history";

/// Brings the control tables up to date.
///
/// A file that is up to date is only read, since a mere look must not hold up writers.
pub(super) fn bring_up_to_date(connection: &mut Connection) -> Result<(), WarehouseError> {
    if is_current(connection)? {
        return Ok(());
    }
    match embedded::migrations::runner().set_grouped(true).run(connection) {
        Ok(_) => Ok(()),
        // Another process did the same between the check and the transaction.
        Err(_) if is_current(connection)? => Ok(()),
        Err(error) => Err(WarehouseError::Migrate(Box::new(error))),
    }
}

/// Makes the control tables of a given version, for comparison with a file.
pub(crate) fn bring_to(connection: &mut Connection, version: u32) -> Result<(), WarehouseError> {
    let target = Target::Version(i32::try_from(version).unwrap_or(i32::MAX));
    embedded::migrations::runner()
        .set_grouped(true)
        .set_target(target)
        .run(connection)
        .map(drop)
        .map_err(|error| WarehouseError::Migrate(Box::new(error)))
}

/// The schema version of a file; 0 if it has none.
pub(crate) fn version(connection: &Connection) -> Result<u32, WarehouseError> {
    let doing = "cannot read the warehouse's schema version";
    if !connection.table_exists(None, HISTORY).doing(doing)? {
        return Ok(0);
    }
    connection
        .query_row(&format!("SELECT coalesce(max(version), 0) FROM {HISTORY}"), [], |row| {
            row.get(0)
        })
        .doing(doing)
}

/// Whether a file has exactly the migrations of this build.
pub(crate) fn is_current(connection: &Connection) -> Result<bool, WarehouseError> {
    let doing = "cannot read which migrations the warehouse has";
    if !connection.table_exists(None, HISTORY).doing(doing)? {
        return Ok(false);
    }
    let applied: HashSet<(i64, String, String)> = connection
        .prepare(&format!("SELECT version, name, checksum FROM {HISTORY}"))
        .and_then(|mut statement| {
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
        })
        .doing(doing)?;
    let runner = embedded::migrations::runner();
    let known = runner.get_migrations();
    Ok(known.len() == applied.len()
        && known.iter().all(|migration| {
            applied.contains(&(
                migration.version().into(),
                migration.name().to_owned(),
                migration.checksum().to_string(),
            ))
        }))
}

/// Whether a file has control tables, but not those of this build.
pub(crate) fn is_older(connection: &Connection) -> Result<bool, WarehouseError> {
    Ok(version(connection)? > 0 && !is_current(connection)?)
}

/// The newest schema version that this build knows.
pub fn known_schema_version() -> u32 {
    embedded::migrations::runner()
        .get_migrations()
        .iter()
        .map(|migration| u32::try_from(migration.version()).unwrap_or(u32::MAX))
        .max()
        .unwrap_or(0)
}

/// Whether a table or view of payersync itself has this name, whatever its case.
pub(crate) fn is_control_name(name: &str) -> bool {
    static NAMES: LazyLock<HashSet<String>> = LazyLock::new(|| {
        let mut names = HashSet::from([HISTORY.to_owned()]);
        for migration in embedded::migrations::runner().get_migrations() {
            for line in migration.sql().unwrap_or_default().lines() {
                let name = ["CREATE TABLE ", "CREATE VIEW "]
                    .iter()
                    .find_map(|start| line.strip_prefix(start)?.split([' ', '(']).next());
                names.extend(name.map(str::to_ascii_lowercase));
            }
        }
        names
    });
    NAMES.contains(&name.to_ascii_lowercase())
}

/// Temporary tables of the SQLite connection that writes.
///
/// A temporary table hides a table of the same name: rows for that table would go to the temporary one.
const TEMPORARY: [&str; 25] = [
    "breakdown",
    "carried",
    "claim_amount",
    "claim_money",
    "contained_party",
    "diagnosis_role",
    "duplicate",
    "left_out",
    "line_code",
    "line_money",
    "line_performer",
    "lineage",
    "mart_scope",
    "named_walk",
    "party",
    "person",
    "quiet_walk",
    "record_source",
    "shared_party",
    "stated_amount",
    "total_line",
    "walk_along",
    "walk_rejected",
    "walk_rejected_id",
    "walk_seen",
];

/// Whether payersync has a temporary table of this name, whatever its case.
pub(crate) fn is_temporary_name(name: &str) -> bool {
    TEMPORARY.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Refuses a file that is not a SQLite database, or was written by a newer payersync.
pub(crate) fn refuse_foreign(
    connection: &Connection,
    file: &WarehouseFile,
) -> Result<(), WarehouseError> {
    let path = file.path();
    let looked = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'refinery_schema_history'",
        [],
        |row| row.get::<_, i64>(0),
    );
    let has_history = match looked {
        Ok(count) => count > 0,
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            let path = path.into();
            return Err(match file.is_encrypted() {
                true => WarehouseError::WrongKey { path },
                false => WarehouseError::NotADatabase { path },
            });
        }
        Err(source) => {
            return Err(WarehouseError::Open { path: path.into(), source: Box::new(source) });
        }
    };
    if !has_history {
        return Ok(());
    }
    let found: u32 = connection
        .query_row("SELECT coalesce(max(version), 0) FROM refinery_schema_history", [], |row| {
            row.get(0)
        })
        .doing("cannot read the warehouse's schema version")?;
    let known = known_schema_version();
    if found > known {
        return Err(WarehouseError::NewerSchema { path: path.into(), found, known });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::file::open::open_to_write;

    #[test]
    fn every_migration_file_is_embedded() {
        let mut files: Vec<String> =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
                .collect();
        files.sort();
        let mut known: Vec<String> = embedded::migrations::runner()
            .get_migrations()
            .iter()
            .map(|migration| format!("V{:04}__{}.sql", migration.version(), migration.name()))
            .collect();
        known.sort();
        assert_eq!(files, known);
    }

    #[test]
    fn every_temporary_table_has_a_name_that_no_view_may_take() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let (mut folders, mut seen) = (vec![root.join("src/warehouse"), root.join("config")], 0);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let text = std::fs::read_to_string(path).unwrap();
                for rest in text.split("CREATE TEMP TABLE ").skip(1) {
                    let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap();
                    seen += usize::from(end > 0);
                    assert!(end == 0 || is_temporary_name(&rest[..end]), "{}", &rest[..end]);
                }
            }
        }
        assert!(seen >= TEMPORARY.len());
    }

    /// Migration V0022 gives the reason.
    #[test]
    fn duckdb_can_count_every_control_table_and_list_every_index() {
        let home = tempfile::tempdir().unwrap();
        let connection =
            open_to_write(&WarehouseFile::in_clear(home.path().join("warehouse.db"))).unwrap();
        let unreadable: Vec<String> = connection
            .prepare(
                "SELECT name FROM sqlite_schema
                 WHERE type = 'table' AND sql LIKE '%WITHOUT ROWID%'
                   OR type = 'index' AND sql LIKE '%WHERE%'",
            )
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(unreadable, Vec::<String>::new());
    }

    #[test]
    fn every_control_table_has_a_name_that_no_view_may_take() {
        let home = tempfile::tempdir().unwrap();
        let connection =
            open_to_write(&WarehouseFile::in_clear(home.path().join("warehouse.db"))).unwrap();
        let names: Vec<String> = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert!(names.len() > 10);
        for name in names.iter().filter(|name| !name.starts_with("sqlite_")) {
            assert!(is_control_name(&name.to_ascii_uppercase()), "{name}");
        }
        assert!(!is_control_name("patient"));
    }
}
