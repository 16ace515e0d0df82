//! Checks that a warehouse is intact: the file, the bytes received, the rows made from them, the ledger.
//!
//! Reads everything once, in one consistent state, with bounded memory, and changes nothing. Its
//! messages name tables and row numbers, never a value.

mod attachments;
pub(super) mod checked;
pub(super) mod count;
mod judge;
mod ledger;
mod resources;
pub(super) mod strangers;

use super::{
    error::{Doing, WarehouseError},
    file::{access_chain, open, place::WarehouseFile, purge::tables_with_connections, schema},
    tables::{
        marts,
        table::{Catalog, quote},
    },
};
use checked::{Checked, Remedy};
use count::number;
use rusqlite::{Connection, ErrorCode, ffi};

/// Checks a warehouse.
///
/// `progress` is called with the number of stored resources done, and their total.
///
/// # Errors
/// The warehouse cannot be opened or read at all. Damage is not an error: it is reported in the checks.
pub fn verify(
    file: &WarehouseFile,
    catalog: &Catalog,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<Checked>, WarehouseError> {
    let mut reading = open::open_to_compare(file)?;
    reading.set_prepared_statement_cache_capacity(2 * catalog.tables().len() + 16);
    let connection = reading.transaction().doing("cannot begin to verify")?;
    if !schema::is_current(&connection)? {
        return Err(WarehouseError::OlderSchema { path: file.path().into() });
    }
    let mut checks = vec![
        whole("database file", integrity(&connection))?,
        whole("references between rows", foreign_keys(&connection))?,
        whole(
            "tables, searched for rows of unknown connections",
            unknown_connections(&connection),
        )?,
        whole("walks and cursors in the ledger", ledger::ledger(&connection))?,
        whole("unfinished purges", unfinished_purges(&connection))?,
        whole(access_chain::CHECKED, access_chain::verify(&connection))?,
    ];
    let foreign = strangers::find(&connection)?.foreign;
    if !foreign.is_empty() {
        let mut checked = Checked::new("triggers and views that payersync did not make");
        checked.count = foreign.len() as u64;
        checked.note =
            Some(format!("they run or answer as if they were ours: {}", foreign.join(", ")));
        checks.push(checked);
    }
    for check in resources::verify(&connection, catalog, progress) {
        checks.push(whole("stored resources", check)?);
    }
    checks.push(whole("attachments", attachments::verify(&connection))?);
    // A rebuild mends a mart that cannot be read, like a mart with wrong rows.
    let marts = whole("rows of marts", marts_or_note(&connection, catalog))?;
    checks.push(marts.undone_by(Remedy::Rebuild));
    drop(connection);
    reading.confirm()?;
    Ok(checks)
}

/// Compares the marts; if the temporary tables for that cannot be written, notes why nothing was compared.
fn marts_or_note(connection: &Connection, catalog: &Catalog) -> Result<Checked, WarehouseError> {
    match marts::verify(connection, catalog.marts()) {
        Err(WarehouseError::Sqlite { source, .. }) if is_of_writing(&source) => {
            let mut checked = Checked::new("rows of marts against the tables they are made of");
            checked.note = Some(format!("not compared: no room for temporary tables: {source}"));
            Ok(checked)
        }
        checked => checked,
    }
}

/// Whether a file could not be made or written. Only temporary files are written here.
///
/// A full disk has an error code of its own. An exhausted quota, or a limit on the size of files, has the
/// code of any failed write.
fn is_of_writing(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::CannotOpen))
        || extended == Some(ffi::SQLITE_IOERR_WRITE)
}

/// Counts an error of a check as damage found, if damage cut the check short.
///
/// Such damage is a page that leads nowhere, a table that is missing, or a value of another type.
fn whole(what: &str, check: Result<Checked, WarehouseError>) -> Result<Checked, WarehouseError> {
    match check {
        Err(WarehouseError::Sqlite { source, .. }) if !is_of_the_machine(&source) => {
            let mut checked = Checked::new(what);
            checked.problem(|| format!("could not be read to the end: {source}"));
            Ok(checked)
        }
        check => check,
    }
}

/// Whether reading failed for a reason that says nothing about the stored data.
fn is_of_the_machine(error: &rusqlite::Error) -> bool {
    use ErrorCode::{
        CannotOpen, DatabaseBusy, DatabaseLocked, DiskFull, FileLockingProtocolFailed,
        OperationInterrupted, OutOfMemory, PermissionDenied, ReadOnly, SystemIoFailure,
    };
    matches!(
        error.sqlite_error_code(),
        Some(
            CannotOpen
                | DatabaseBusy
                | DatabaseLocked
                | DiskFull
                | FileLockingProtocolFailed
                | OperationInterrupted
                | OutOfMemory
                | PermissionDenied
                | ReadOnly
                | SystemIoFailure
        )
    )
}

/// SQLite's own check of every page, index and constraint.
pub(super) fn integrity(connection: &Connection) -> Result<Checked, WarehouseError> {
    let doing = "cannot check the file";
    let mut checked = Checked::new("pages of the database file");
    checked.count = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).doing(doing)?;
    let mut statement = connection.prepare("PRAGMA integrity_check").doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let said: String = row.get(0).doing(doing)?;
        if said != "ok" {
            checked.problem(|| said);
        }
    }
    Ok(checked)
}

/// Kind and name of each trigger and view that payersync did not make.
///
/// # Errors
/// The warehouse cannot be opened or read at all.
pub fn foreign_schema(file: &WarehouseFile) -> Result<Vec<String>, WarehouseError> {
    let connection = open::open_untouched(file)?;
    let foreign = strangers::find(&connection)?.foreign;
    connection.confirm()?;
    Ok(foreign)
}

/// SQLite's check of every page, without the indexes; returns how many problems it reports.
///
/// The file and its journal are left as they are.
///
/// # Errors
/// The file cannot be opened or read at all.
pub fn quick_check(file: &WarehouseFile) -> Result<u64, WarehouseError> {
    let connection = open::open_untouched(file)?;
    let sql = "SELECT count(*) FROM pragma_quick_check WHERE quick_check <> 'ok'";
    let problems = number(&connection, sql)?;
    connection.confirm()?;
    Ok(problems)
}

fn foreign_keys(connection: &Connection) -> Result<Checked, WarehouseError> {
    let doing = "cannot check references";
    let mut checked = Checked::new("tables with references between rows");
    checked.count = connection
        .query_row(
            "SELECT count(DISTINCT s.name) FROM sqlite_schema s
             JOIN pragma_foreign_key_list(s.name) WHERE s.type = 'table'",
            [],
            |row| row.get(0),
        )
        .doing(doing)?;
    let mut statement = connection.prepare("PRAGMA foreign_key_check").doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let table: String = row.get(0).doing(doing)?;
        let rowid: Option<i64> = row.get(1).doing(doing)?;
        let parent: String = row.get(2).doing(doing)?;
        let rowid = rowid.map(|rowid| format!(" row {rowid}")).unwrap_or_default();
        checked
            .problem(|| format!("{table}{rowid} refers to a row of {parent} that does not exist"));
    }
    Ok(checked)
}

fn unknown_connections(connection: &Connection) -> Result<Checked, WarehouseError> {
    let mut checked = Checked::new("tables, searched for rows of unknown connections");
    for table in tables_with_connections(connection, "main")? {
        let rows = number(
            connection,
            &format!(
                "SELECT count(*) FROM {} WHERE connection_id NOT IN (SELECT id FROM connection)",
                quote(&table)
            ),
        )?;
        checked.count += 1;
        if rows > 0 {
            checked
                .problem(|| format!("rows of {table} that belong to no known connection: {rows}"));
        }
    }
    Ok(checked)
}

fn unfinished_purges(connection: &Connection) -> Result<Checked, WarehouseError> {
    let mut checked = Checked::new("purges that were interrupted").undone_by(Remedy::PurgeAgain);
    let sql = "SELECT count(*) FROM sqlite_schema WHERE name = 'purge_unfinished'";
    if number(connection, sql)? > 0
        && number(connection, "SELECT count(*) FROM purge_unfinished")? > 0
    {
        checked.count = 1;
        checked.problem(|| {
            "the file or a lake may hold data of a purged connection; `payersync purge --finish`".into()
        });
    }
    Ok(checked)
}
