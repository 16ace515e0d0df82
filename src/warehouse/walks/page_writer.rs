//! One page, one transaction: resources, rows, rejects, cursor and ledger, or nothing.

use super::{
    cursor, files,
    ledger::{self, WalkKey},
    older_version, quarantine,
    reference_queue::{self, Answered},
    resource_store::{Was, store_resource},
    seen,
    tally::Tally,
    walk_counters::WalkCounters,
};
use crate::{
    clock,
    fingerprint::Version,
    warehouse::{
        error::{Doing, WarehouseError},
        tables::{
            mistyped,
            row_batch::{Cell, RowBatch, TableRows},
            table::Catalog,
            unmapped_table,
        },
    },
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use rusqlite::{
    Connection, Transaction, params,
    types::{ToSqlOutput, ValueRef},
};
use std::{collections::BTreeSet, ops::Range};

/// A resource whose content the warehouse does not hold yet.
#[derive(Debug)]
pub(crate) struct ChangedResource {
    pub(crate) resource_type: String,
    pub(crate) resource_id: String,
    pub(crate) version_id: Option<String>,
    pub(crate) last_updated: Option<String>,
    pub(crate) content_hash: [u8; 32],
    /// Where its bytes stand in the page's body.
    pub(crate) json: Range<usize>,
    /// Where references lead that only the page's Bundle resolves, as
    /// [`FullUrls::to_text`](crate::reference::FullUrls::to_text) has it.
    pub(crate) bundle_references: Option<String>,
    /// Empty when a view could not take it: all tables have it, or none.
    pub(crate) rows: Vec<TableRows>,
    /// Why a view could not take it.
    pub(crate) view_error: Option<String>,
    /// Whether the page also holds a newer version, which stands before it in the list.
    pub(crate) is_superseded: bool,
}

impl ChangedResource {
    pub(crate) fn version(&self) -> Version<'_> {
        Version {
            version_id: self.version_id.as_deref(),
            last_updated: self.last_updated.as_deref(),
        }
    }
}

/// A resource whose stored content stays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unchanged {
    pub(crate) rowid: i64,
    /// Whether it is of the walk's own type.
    pub(crate) is_own_type: bool,
    /// Whether it came as it is stored; otherwise what came is abridged.
    pub(crate) is_same: bool,
}

/// Something that could not be taken in.
#[derive(Debug)]
pub(crate) struct Reject {
    pub(crate) resource_id: Option<String>,
    pub(crate) reason: &'static str,
    pub(crate) detail: String,
    /// Where its bytes stand in the page's body.
    pub(crate) body: Range<usize>,
}

/// A page as the workers leave it for the writer.
#[derive(Debug)]
pub(crate) struct PageWrite {
    pub(crate) walk: WalkKey,
    /// The walk over the whole type that this one, over a window, is a part of.
    pub(crate) round: Option<i64>,
    /// The file that it comes from, as it was named; `None`: a plan has sent it.
    pub(crate) file: Option<String>,
    /// 1-based, counted from the start of the walk.
    pub(crate) page: u64,
    /// Its URL, parameter names only.
    pub(crate) url: String,
    /// Names of the parameters that the server's self link leaves out, on a walk's first page.
    pub(crate) self_left_out: Option<String>,
    pub(crate) body: Bytes,
    pub(crate) changed: Vec<ChangedResource>,
    /// The resources that came as they are stored.
    pub(crate) unchanged: Vec<Unchanged>,
    pub(crate) rejects: Vec<Reject>,
    pub(crate) rows: RowBatch,
    /// What came of references, on a page of a walk by reference.
    pub(crate) answered: Vec<Answered>,
    /// The next page's URL; `None` on the last page.
    pub(crate) next_url: Option<String>,
    /// The walk's counters with this page's requests and bytes; the writer adds the rest.
    pub(crate) counters: WalkCounters,
    /// What the walk's pages add up to with this one; the writer adds what is new.
    pub(crate) tally: Tally,
    pub(crate) now: DateTime<Utc>,
}

/// What came of storing a page.
#[derive(Debug)]
pub(crate) struct PageWritten {
    /// The walk's counters with this page.
    pub(crate) counters: WalkCounters,
    /// What the walk's pages add up to with this one.
    pub(crate) tally: Tally,
    /// Whether the page brought an id of the walk's own type that the walk had not met.
    pub(crate) has_news: bool,
}

/// Commits one page.
pub(crate) fn write_page(
    connection: &mut Connection,
    catalog: &Catalog,
    mut page: PageWrite,
) -> Result<PageWritten, WarehouseError> {
    let transaction = connection.transaction().doing("cannot begin to store a page")?;
    let mut counters = std::mem::take(&mut page.counters);
    counters.resources_unchanged += page.unchanged.len() as u64;
    // Before anything is stored: whether the stored version came, too, decides about an older one.
    let own = page.unchanged.iter().filter(|resource| resource.is_own_type);
    let mut seen: Vec<i64> = own.map(|resource| resource.rowid).collect();
    let mut new = seen::note_seen(&transaction, &page, &seen)?;
    let same = page.unchanged.iter().filter(|one| one.is_same);
    older_version::forget(&transaction, same.map(|one| one.rowid))?;
    let mut noted = BTreeSet::new();
    let mut older = Vec::new();
    for (position, changed) in page.changed.iter().enumerate() {
        let stored = store_resource(&transaction, &page, changed)?;
        match stored.was {
            Was::Absent => counters.resources_new += 1,
            Was::Other => counters.resources_changed += 1,
            Was::Same => counters.resources_unchanged += 1,
            Was::Newer => {
                counters.resources_older += u64::from(!changed.is_superseded);
                older.push(position);
            }
        }
        if matches!(stored.was, Was::Absent | Was::Other) {
            if noted.insert(&changed.resource_type) {
                let connection_id = page.walk.connection_id;
                unmapped_table::note(&transaction, connection_id, &changed.resource_type)?;
            }
            counters.rows_written +=
                replace_rows(&transaction, catalog, &page, changed, stored.was)?;
        }
        if changed.resource_type == page.walk.resource_type {
            new += seen::note_seen(&transaction, &page, &[stored.rowid])?;
            seen.push(stored.rowid);
        }
    }
    let met = page.unchanged.iter().map(|one| one.rowid).chain(seen.iter().copied());
    files::hand_over(&transaction, &page, met)?;
    for position in older {
        // It is in no table, so no view's word about it is of interest.
        page.changed[position].view_error = None;
    }
    seen::note_page(&transaction, &page, &seen)?;
    let rejects = quarantine::reject_all(&transaction, &page)?;
    counters.resources_rejected += rejects.met;
    // What could not be taken in comes on two pages like any other resource.
    page.tally.rejected = page.tally.rejected.saturating_sub(rejects.again);
    page.tally.matches += rejects.again;
    page.tally.distinct += new;
    let news = new + rejects.new_ids;
    let brings_any = !(page.changed.is_empty() && page.unchanged.is_empty())
        || page.rejects.iter().any(|reject| reject.resource_id.is_some());
    page.tally.add_news(news > 0, brings_any);
    page.tally.add_repeats(new + rejects.new, page.next_url.is_some());
    reference_queue::answer(&transaction, catalog, &page, &mut counters)?;
    if let Some(next_url) = &page.next_url {
        cursor::put_cursor(&transaction, &page, next_url, &counters)?;
    }
    ledger::note_page(&transaction, &page)?;
    ledger::update_counters(&transaction, page.walk.walk_id, &counters)?;
    transaction.commit().doing("cannot commit a page")?;
    Ok(PageWritten { counters, tally: page.tally, has_news: news > 0 })
}

/// Copies what a resource said until now to its history.
pub(super) fn keep_version(
    transaction: &Transaction<'_>,
    rowid: i64,
    now: &str,
) -> Result<(), WarehouseError> {
    transaction
        .prepare_cached(
            "INSERT INTO resource_version (connection_id, resource_type, resource_id, version_id,
               last_updated, content_hash, json, valid_from, valid_to)
             SELECT connection_id, resource_type, resource_id, version_id, last_updated,
               content_hash, json, received_at, max(?2, received_at)
             FROM resource WHERE id = ?1 AND deleted_at IS NULL",
        )
        .and_then(|mut statement| statement.execute(params![rowid, now]))
        .doing("cannot keep a superseded version")
        .map(drop)
}

fn replace_rows(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    page: &PageWrite,
    changed: &ChangedResource,
    was: Was,
) -> Result<u64, WarehouseError> {
    let connection_id = page.walk.connection_id;
    if was == Was::Other {
        quarantine::settle_superseded(
            transaction,
            connection_id,
            &changed.resource_type,
            &changed.resource_id,
            &clock::text(page.now),
        )?;
        delete_rows(
            transaction,
            catalog,
            connection_id,
            &changed.resource_type,
            &changed.resource_id,
        )?;
    }
    let mut written = 0;
    for rows in &changed.rows {
        let table = catalog.table(rows.table);
        let width = table.view.columns.len();
        let cells = rows.cells.clone();
        written +=
            insert_rows(transaction, &table.insert, width, connection_id, &page.rows, cells)?;
        mistyped::note(transaction, connection_id, &changed.resource_id, table, rows)?;
    }
    Ok(written)
}

/// Takes a resource's rows out of every table of its type.
pub(crate) fn delete_rows(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    connection_id: i64,
    resource_type: &str,
    resource_id: &str,
) -> Result<(), WarehouseError> {
    for position in catalog.of_type(resource_type) {
        transaction
            .prepare_cached(&catalog.table(*position).delete)
            .and_then(|mut statement| statement.execute(params![connection_id, resource_id]))
            .doing("cannot delete a resource's rows")?;
    }
    mistyped::forget(transaction, connection_id, resource_type, resource_id)
}

/// Inserts the rows of `width` cells that one resource gives in one table; returns how many.
pub(crate) fn insert_rows(
    transaction: &Transaction<'_>,
    insert: &str,
    width: usize,
    connection_id: i64,
    batch: &RowBatch,
    cells: Range<usize>,
) -> Result<u64, WarehouseError> {
    let doing = "cannot insert a row";
    if cells.is_empty() {
        return Ok(0);
    }
    let mut statement = transaction.prepare_cached(insert).doing(doing)?;
    let mut row_no = 0u64;
    for row in batch.cells(cells).chunks_exact(width) {
        statement.raw_bind_parameter(1, connection_id).doing(doing)?;
        statement.raw_bind_parameter(2, row_no).doing(doing)?;
        for (position, cell) in row.iter().enumerate() {
            let value = match cell {
                Cell::Null => ValueRef::Null,
                Cell::Integer(value) => ValueRef::Integer(*value),
                Cell::Real(value) => ValueRef::Real(*value),
                Cell::Text(range) => ValueRef::Text(batch.text(range).as_bytes()),
            };
            statement
                .raw_bind_parameter(position + 3, ToSqlOutput::Borrowed(value))
                .doing(doing)?;
        }
        statement.raw_execute().doing(doing)?;
        row_no += 1;
    }
    Ok(row_no)
}

/// Bytes that go in as SQL text, unchanged; as a blob where they are not UTF-8.
pub(super) struct TextBytes<'a>(pub(super) &'a [u8]);

impl rusqlite::ToSql for TextBytes<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match std::str::from_utf8(self.0) {
            Ok(_) => ValueRef::Text(self.0),
            Err(_) => ValueRef::Blob(self.0),
        }))
    }
}
