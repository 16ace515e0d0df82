//! Writes one page within a given transaction: resources, rows, rejects, cursor and ledger.

use super::{
    cursor, everything, files,
    ledger::{self},
    older_version::{self, History},
    page::{ChangedResource, PageWrite},
    page_written::PageWritten,
    quarantine,
    reference_queue::{self},
    resource_store::{Was, store_resource},
    seen, unlisted,
};
use crate::{
    clock,
    warehouse::{
        error::WarehouseError,
        tables::{
            mistyped,
            rows::{delete_rows, insert_rows},
            table::Catalog,
            unmapped_table,
        },
    },
};
use rusqlite::Transaction;
use std::collections::BTreeSet;

/// Writes one page; the owner of the transaction commits it.
pub(super) fn write_page(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    page: &PageWrite,
) -> Result<PageWritten, WarehouseError> {
    let (mut counters, mut tally) = page.sums.with_page()?;
    counters.resources_unchanged += page.unchanged.len() as u64;
    // This comes first: what to do with an older version depends on whether the stored version came, too.
    let own = page.unchanged.iter().filter(|resource| resource.is_own_type);
    let mut seen: Vec<i64> = own.map(|resource| resource.rowid).collect();
    let mut new = seen::note_seen(transaction, page, &seen)?;
    let same = page.unchanged.iter().filter(|one| one.is_same);
    older_version::forget(transaction, same.map(|one| one.rowid))?;
    let mut noted = BTreeSet::new();
    let mut along = Vec::new();
    let (mut older, mut history) = (BTreeSet::new(), History::default());
    for (position, changed) in page.changed.iter().enumerate() {
        let stored = store_resource(transaction, page, &mut history, changed)?;
        match stored.was {
            Was::Absent => counters.resources_new += 1,
            Was::Other => counters.resources_changed += 1,
            Was::Same => counters.resources_unchanged += 1,
            Was::Newer => {
                counters.resources_older += u64::from(!changed.is_superseded);
                older.insert(position);
            }
        }
        if matches!(stored.was, Was::Absent | Was::Other) {
            if noted.insert(&changed.resource_type) {
                let connection_id = page.walk.connection_id;
                unmapped_table::note(transaction, connection_id, &changed.resource_type)?;
            }
            counters.rows_written += replace_rows(transaction, catalog, page, changed, stored.was)?;
        }
        if changed.resource_type == page.walk.resource_type {
            new += seen::note_seen(transaction, page, &[stored.rowid])?;
            seen.push(stored.rowid);
        } else {
            along.push(stored.rowid);
        }
    }
    let met = page.unchanged.iter().map(|one| one.rowid).chain(seen.iter().copied());
    files::hand_over(transaction, page, met)?;
    unlisted::forget(transaction, page, &seen)?;
    if page.notes_along {
        let unchanged = page.unchanged.iter().filter(|one| !one.is_own_type);
        along.extend(unchanged.map(|one| one.rowid));
        everything::note_along(transaction, page, &along)?;
    }
    // An older version has no rows, so it does not matter whether a view rejects it.
    let rejects = quarantine::reject_all(transaction, page, &older)?;
    seen::note_page(transaction, page, &seen, &rejects.rowids)?;
    counters.resources_rejected += rejects.met;
    // An entry that could not be taken in may come on two pages, like any resource.
    tally.rejected = tally.rejected.saturating_sub(rejects.again);
    tally.matches += rejects.again;
    tally.nameless_again |= rejects.is_nameless_again;
    tally.distinct += new;
    let brings_any = !(page.changed.is_empty() && page.unchanged.is_empty())
        || page.rejects.iter().any(|reject| reject.resource_id.is_some());
    tally.add_news(new + rejects.new_ids > 0, brings_any);
    tally.add_repeats(new + rejects.new, page.next_url.is_some());
    reference_queue::answer(transaction, catalog, page, &mut counters)?;
    if let Some(next_url) = &page.next_url {
        cursor::put_cursor(transaction, page, next_url, &counters, &tally)?;
    }
    ledger::note_page(transaction, page)?;
    ledger::update_counters(transaction, page.walk.walk_id, &counters)?;
    Ok(PageWritten { counters, tally })
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
        let cells = rows.cells.clone();
        written += insert_rows(transaction, table.insert(), connection_id, &page.rows, cells)?;
        mistyped::note(transaction, connection_id, &changed.resource_id, table, rows)?;
    }
    Ok(written)
}
