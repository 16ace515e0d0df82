//! Resources of a plan that no search over their own type has brought.
//!
//! The search over another type included them, or they were read by id. The list of their own type may not
//! have them, so a list that lacks them does not show that they are deleted. Once a search over their own
//! type brings them, they are like any other resource. Which walk brought the stored content
//! (`resource.walk_id`) does not tell: a later search may have brought the same content.

use super::{kinds::SEARCHES, page::PageWrite};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Transaction, params};

/// Whether a page is the answer to a search over this type.
fn is_list_of(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    resource_type: &str,
) -> Result<bool, WarehouseError> {
    // The pages of a search are counted from 1; page 0 is a read beside the walk.
    if page.walk.resource_type != resource_type || page.page == 0 {
        return Ok(false);
    }
    transaction
        .prepare_cached(&format!(
            "SELECT EXISTS (SELECT 1 FROM sync_walk WHERE id = ?1 AND mode IN {SEARCHES})"
        ))
        .and_then(|mut statement| statement.query_row([page.walk.walk_id], |row| row.get(0)))
        .doing("cannot look up the kind of a walk")
}

/// Notes that a plan has sent a resource for the first time, unless a search over its own type brought it.
pub(super) fn note(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    resource_type: &str,
    rowid: i64,
) -> Result<(), WarehouseError> {
    if page.file.is_some() || is_list_of(transaction, page, resource_type)? {
        return Ok(());
    }
    transaction
        .prepare_cached("INSERT OR IGNORE INTO resource_unlisted VALUES (?1, ?2)")
        .and_then(|mut statement| statement.execute(params![rowid, page.walk.connection_id]))
        .doing("cannot note that no list has brought a resource")
        .map(drop)
}

/// Deletes the notes of resources of the walk's own type, if the page is the answer to a search over it.
pub(super) fn forget(
    transaction: &Transaction<'_>,
    page: &PageWrite,
    own: &[i64],
) -> Result<(), WarehouseError> {
    let doing = "cannot delete the notes of resources that no list has brought";
    // There is often no such note: on an unchanged night, one look per page is enough.
    let any = transaction
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM resource_unlisted)")
        .and_then(|mut statement| statement.query_row([], |row| row.get(0)))
        .doing(doing)?;
    if any && is_list_of(transaction, page, &page.walk.resource_type)? {
        let mut statement = transaction
            .prepare_cached("DELETE FROM resource_unlisted WHERE resource = ?1")
            .doing(doing)?;
        for rowid in own {
            statement.execute([rowid]).doing(doing)?;
        }
    }
    Ok(())
}
