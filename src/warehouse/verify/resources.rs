//! Compares every stored resource with its hash, and every normalised row with its resource.

use super::{
    checked::{Checked, Remedy},
    count::number,
    judge::{Content, Judged, Key, Stored, Unreadable, Version, bytes_of_text, read, wrong_hash},
};
use crate::warehouse::{
    error::{Doing, WarehouseError},
    tables::{
        in_order::{helpers, in_order},
        row_batch::{Cell, RowBatch, TableRows},
        table::{Catalog, Table, quote},
    },
};
use rusqlite::{Connection, OptionalExtension, Statement, params};
use sha2::{Digest, Sha256};
use std::ops::Range;

/// Progress is reported each time this number of resources is done.
const TELL_EVERY: u64 = 500;
/// Bytes of resources after which no further one is read into memory.
const BATCH_BYTES: usize = 4 << 20;

/// SQL to compare one table.
struct Comparison<'a> {
    table: &'a Table,
    /// Counts a resource's rows in the table.
    count: String,
    /// Finds one row by all its values.
    find: String,
}

/// Runs all checks of this module; damage may cut any of them short.
pub(crate) fn verify(
    connection: &Connection,
    catalog: &Catalog,
    progress: &mut dyn FnMut(u64, u64),
) -> Vec<Result<Checked, WarehouseError>> {
    let (comparisons, outdated) = match comparisons(connection, catalog) {
        Ok(found) => found,
        Err(error) => return vec![Err(error)],
    };
    let mut checks = resources(connection, catalog, &comparisons, progress);
    checks.push(versions(connection));
    checks.push(rejects(connection));
    checks.push(strays(connection, &comparisons, outdated));
    checks
}

/// The tables that were filled with their present definition; also the names of the other tables.
fn comparisons<'a>(
    connection: &Connection,
    catalog: &'a Catalog,
) -> Result<(Vec<Option<Comparison<'a>>>, Vec<String>), WarehouseError> {
    let mut outdated = Vec::new();
    let mut comparisons = Vec::new();
    for table in catalog.tables() {
        let hash: Option<Vec<u8>> = connection
            .query_row(
                "SELECT definition_hash FROM view_table WHERE name = ?1",
                [table.name()],
                |row| row.get(0),
            )
            .optional()
            .doing("cannot read which tables there are")?;
        if hash.as_deref() == Some(&table.definition_hash[..]) {
            comparisons.push(Some(Comparison::new(table)));
        } else {
            outdated.push(table.name().to_owned());
            comparisons.push(None);
        }
    }
    Ok((comparisons, outdated))
}

impl<'a> Comparison<'a> {
    fn new(table: &'a Table) -> Comparison<'a> {
        let name = quote(table.name());
        // IS also compares NULL. The parameters are numbered as for the insert, and SQLite gives them the
        // column's affinity, as it did on inserting.
        let values: String = (table.view().columns.iter().enumerate())
            .map(|(position, column)| {
                let operator = if column.is_resource_key { "=" } else { "IS" };
                format!(" AND {} {operator} ?{}", quote(&column.name), position + 3)
            })
            .collect();
        Comparison {
            count: format!(
                "SELECT count(*) FROM {name} WHERE connection_id = ?1 AND {} = ?2",
                quote(table.key_column())
            ),
            find: format!("SELECT 1 FROM {name} WHERE connection_id = ?1 AND row_no = ?2{values}"),
            table,
        }
    }

    /// The problem with the rows of one resource, if there is one.
    fn differs(
        &self,
        connection: &Connection,
        connection_id: i64,
        resource_id: &str,
        batch: &RowBatch,
        expected: Range<usize>,
    ) -> Result<Option<String>, WarehouseError> {
        let doing = "cannot compare a row";
        let found: usize = connection
            .prepare_cached(&self.count)
            .and_then(|mut statement| {
                statement.query_row(params![connection_id, resource_id], |row| row.get(0))
            })
            .doing(doing)?;
        let wanted = batch.row_count(expected.clone());
        if found != wanted {
            return Ok(Some(format!(
                "rows of the resource in {}: {found}, not {wanted}",
                self.table.name()
            )));
        }
        if wanted == 0 {
            return Ok(None);
        }
        let mut statement = connection.prepare_cached(&self.find).doing(doing)?;
        for (row_no, row) in batch.rows(expected).enumerate() {
            if !is_there(&mut statement, connection_id, row_no, row, batch).doing(doing)? {
                return Ok(Some(format!("{} row {row_no} is wrong", self.table.name())));
            }
        }
        Ok(None)
    }
}

fn is_there(
    statement: &mut Statement<'_>,
    connection_id: i64,
    row_no: usize,
    row: &[Cell],
    batch: &RowBatch,
) -> rusqlite::Result<bool> {
    statement.clear_bindings();
    statement.raw_bind_parameter(1, connection_id)?;
    batch.bind(statement, row_no, row)?;
    Ok(statement.raw_query().next()?.is_some())
}

/// One pass over `resource`: checks the hash of each, and the rows of each live resource.
fn resources(
    connection: &Connection,
    catalog: &Catalog,
    comparisons: &[Option<Comparison<'_>>],
    progress: &mut dyn FnMut(u64, u64),
) -> Vec<Result<Checked, WarehouseError>> {
    let mut hashes = Checked::new("stored resources against their hashes");
    let mut rows = Checked::new("live resources against their rows").undone_by(Remedy::Rebuild);
    let ended = pass(connection, catalog, comparisons, progress, &mut hashes, &mut rows);
    match ended {
        Ok(()) => vec![Ok(hashes), Ok(rows)],
        Err(error) => vec![Ok(hashes), Ok(rows), Err(error)],
    }
}

fn pass(
    connection: &Connection,
    catalog: &Catalog,
    comparisons: &[Option<Comparison<'_>>],
    progress: &mut dyn FnMut(u64, u64),
    hashes: &mut Checked,
    rows: &mut Checked,
) -> Result<(), WarehouseError> {
    let doing = "cannot read the stored resources";
    let total = number(connection, "SELECT count(*) FROM resource")?;
    let mut statement = connection
        .prepare(
            "SELECT id, connection_id, resource_type, resource_id, content_hash, json,
               deleted_at IS NULL, version_id, last_updated, bundle_references FROM resource ORDER BY id",
        )
        .doing(doing)?;
    let mut stored = statement.query([]).doing(doing)?;
    loop {
        let mut batch = Vec::new();
        let was_read = read(connection, &mut stored, BATCH_BYTES, &mut batch);
        let is_end = batch.is_empty();
        let judge = |stored: Stored| stored.judge(catalog);
        in_order(helpers(), batch, judge, |Judged { id, key, content }| {
            hashes.count += 1;
            match content {
                Content::Wrong(wrong) => hashes.problem(|| format!("resource row {id}: {wrong}")),
                Content::Deleted => {}
                Content::Live(expected) => {
                    rows.count += 1;
                    if let Some(wrong) = compare(connection, catalog, comparisons, &key, expected)?
                    {
                        rows.problem(|| format!("resource row {id}: {wrong}"));
                    }
                }
            }
            if hashes.count.is_multiple_of(TELL_EVERY) || hashes.count == total {
                progress(hashes.count, total);
            }
            Ok::<(), WarehouseError>(())
        })?;
        // The resources that were read before the damage are checked all the same.
        was_read?;
        if is_end {
            return Ok(());
        }
    }
}

/// Compares all rows of one live resource.
fn compare(
    connection: &Connection,
    catalog: &Catalog,
    comparisons: &[Option<Comparison<'_>>],
    key: &Key,
    expected: Result<(Vec<TableRows>, RowBatch), Unreadable>,
) -> Result<Option<String>, WarehouseError> {
    let (rows, batch) = match expected {
        Ok((rows, batch)) => {
            (rows.into_iter().map(|rows| (rows.table, rows.cells)).collect(), batch)
        }
        Err(Unreadable::NotText) => return Ok(Some("its json is not text".to_owned())),
        Err(Unreadable::ByView) if is_rejected(connection, key)? => {
            // If one view rejects a resource, it has rows in no table.
            let tables = catalog.of_type(&key.resource_type);
            let none = tables.iter().map(|table| (*table, 0..0)).collect::<Vec<_>>();
            (none, RowBatch::default())
        }
        Err(Unreadable::ByView) => {
            let problem = "a view cannot take it, and rejected_resource does not say so";
            return Ok(Some(problem.to_owned()));
        }
    };
    let Key { connection_id, resource_id, .. } = key;
    for (table, cells) in rows {
        let Some(comparison) = &comparisons[table] else { continue };
        let wrong = comparison.differs(connection, *connection_id, resource_id, &batch, cells)?;
        if wrong.is_some() {
            return Ok(wrong);
        }
    }
    Ok(None)
}

fn is_rejected(connection: &Connection, key: &Key) -> Result<bool, WarehouseError> {
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM rejected_resource WHERE connection_id = ?1
               AND resource_type = ?2 AND resource_id = ?3 AND reason = 'view_error'
               AND resolved_at IS NULL)",
        )
        .and_then(|mut statement| {
            let key = params![key.connection_id, key.resource_type, key.resource_id];
            statement.query_row(key, |row| row.get(0))
        })
        .doing("cannot look for a reject")
}

fn versions(connection: &Connection) -> Result<Checked, WarehouseError> {
    let doing = "cannot read the history";
    let mut checked = Checked::new("superseded versions against their hashes");
    let mut statement = connection
        .prepare(
            "SELECT id, resource_type, resource_id, content_hash, json, version_id, last_updated
             FROM resource_version",
        )
        .doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let id: i64 = row.get(0).doing(doing)?;
        let (resource_type, resource_id): (String, String) =
            (row.get(1).doing(doing)?, row.get(2).doing(doing)?);
        let hash: Vec<u8> = row.get(3).doing(doing)?;
        let json = bytes_of_text(row, 4).doing(doing)?;
        let version = Version { id: row.get(5).doing(doing)?, updated: row.get(6).doing(doing)? };
        checked.count += 1;
        if let Some(wrong) = wrong_hash(json, (&resource_type, &resource_id), &hash, &version) {
            checked.problem(|| format!("resource_version row {id}: {wrong}"));
        }
    }
    Ok(checked)
}

fn rejects(connection: &Connection) -> Result<Checked, WarehouseError> {
    let doing = "cannot read the rejects";
    let mut checked = Checked::new("rejects against their hashes");
    let mut statement =
        connection.prepare("SELECT id, body, body_hash FROM rejected_resource").doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        let id: i64 = row.get(0).doing(doing)?;
        // SQL does not treat bytes as text if they are not UTF-8.
        let body = row.get_ref(1).and_then(|value| Ok(value.as_bytes()?)).doing(doing)?;
        let hash: Vec<u8> = row.get(2).doing(doing)?;
        checked.count += 1;
        if Sha256::digest(body)[..] != hash[..] {
            checked.problem(|| format!("rejected_resource row {id} is not what was received"));
        }
    }
    Ok(checked)
}

/// Rows whose resource is missing or deleted.
fn strays(
    connection: &Connection,
    comparisons: &[Option<Comparison<'_>>],
    outdated: Vec<String>,
) -> Result<Checked, WarehouseError> {
    let doing = "cannot look for rows without a resource";
    let mut checked =
        Checked::new("normalised rows against their resources").undone_by(Remedy::Rebuild);
    for Comparison { table, .. } in comparisons.iter().flatten() {
        let (rows, strays): (u64, u64) = connection
            .query_row(
                &format!(
                    "SELECT count(*), count(*) FILTER (WHERE NOT EXISTS (SELECT 1 FROM resource r
                       WHERE r.connection_id = t.connection_id AND r.resource_type = ?1
                         AND r.resource_id = t.{} AND r.deleted_at IS NULL)) FROM {} t",
                    quote(table.key_column()),
                    quote(table.name())
                ),
                [table.resource()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .doing(doing)?;
        checked.count += rows;
        if strays > 0 {
            checked
                .problem(|| format!("rows of {} without a live resource: {strays}", table.name()));
        }
    }
    if !outdated.is_empty() {
        checked.note = Some(format!(
            "left out, since the next sync fills them again: {}",
            outdated.join(", ")
        ));
    }
    Ok(checked)
}
