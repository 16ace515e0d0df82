//! The names of codes: the table `code`.

use super::marts;
use crate::{
    clock,
    warehouse::{
        Warehouse,
        error::{Doing, WarehouseError},
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Row, params};

/// How many codes a file had, and how many of them were new or had a new name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LoadedCodes {
    /// Codes in the file.
    pub read: u64,
    /// Rows written.
    pub written: u64,
}

/// A code system that is loaded, and its number of codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeSystem {
    /// The URI of the code system, as in FHIR.
    pub system: String,
    /// The number of the system's codes.
    pub codes: u64,
    /// The releases that the system's codes are from, separated by commas.
    pub versions: Option<String>,
    /// When a code was last written, RFC 3339.
    pub loaded_at: String,
}

/// A function that takes a code system's URI, a code, and the name of the code.
pub type TakeCode<'a> = dyn FnMut(&str, &str, &str) -> Result<(), WarehouseError> + 'a;

impl Warehouse {
    /// Stores the codes of a file in one transaction: all of them or, if `read` fails, none.
    ///
    /// A code whose name is unchanged is not written. Without a `version`, codes keep the release that is
    /// stored. If a row is written, the marts are out of date until [`Warehouse::name_codes_in_marts`]
    /// runs.
    ///
    /// # Errors
    /// An error of SQLite, or of `read`.
    pub async fn load_codes<E: From<WarehouseError> + Send + 'static>(
        &self,
        version: Option<String>,
        now: DateTime<Utc>,
        read: impl FnOnce(&mut TakeCode<'_>) -> Result<(), E> + Send + 'static,
    ) -> Result<LoadedCodes, E> {
        let job = move |connection: &mut Connection| {
            let transaction = connection.transaction().doing("cannot begin to load codes")?;
            let loaded = {
                let sql = "INSERT INTO code (system, code, display, version, loaded_at)
                     VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (system, code) DO UPDATE
                     SET display = excluded.display,
                         version = coalesce(excluded.version, version),
                         loaded_at = excluded.loaded_at
                     WHERE display IS NOT excluded.display
                       OR version IS NOT coalesce(excluded.version, version)";
                let mut statement = transaction.prepare(sql).doing("cannot load codes")?;
                let (mut loaded, now) = (LoadedCodes::default(), clock::text(now));
                read(&mut |system, code, display| {
                    let written = statement
                        .execute(params![system, code, display, version, now])
                        .doing("cannot load a code")?;
                    loaded.read += 1;
                    loaded.written += written as u64;
                    Ok(())
                })?;
                loaded
            };
            if loaded.written > 0 {
                marts::note_all(&transaction)?;
            }
            transaction.commit().doing("cannot keep the codes of a file")?;
            Ok::<LoadedCodes, E>(loaded)
        };
        self.writer.run(move |connection, _| Ok(job(connection))).await?
    }

    /// Makes anew the marts in which names of codes may have changed since [`Warehouse::load_codes`].
    ///
    /// # Errors
    /// An error of SQLite.
    pub async fn name_codes_in_marts(&self) -> Result<(), WarehouseError> {
        self.writer
            .run(move |connection, catalog| marts::refresh(connection, catalog.marts()))
            .await
    }
}

/// The code systems that are loaded; none if the file is older than the table `code`.
pub(in crate::warehouse) fn systems(
    connection: &Connection,
) -> Result<Vec<CodeSystem>, WarehouseError> {
    let is_there = connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = 'code'", [], |row| {
            row.get::<_, i64>(0)
        })
        .doing("cannot look for the codes")?;
    if is_there == 0 {
        return Ok(Vec::new());
    }
    connection
        .prepare(
            "SELECT system, count(*), group_concat(DISTINCT version), max(loaded_at)
             FROM code GROUP BY system ORDER BY system",
        )
        .and_then(|mut statement| {
            let system = |row: &Row<'_>| {
                Ok(CodeSystem {
                    system: row.get(0)?,
                    codes: row.get(1)?,
                    versions: row.get(2)?,
                    loaded_at: row.get(3)?,
                })
            };
            statement.query_map([], system)?.collect()
        })
        .doing("cannot count the codes")
}
