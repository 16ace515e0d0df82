//! Removes a deleted resource from the tables.

use super::{
    attachments::bury_attachments, quarantine, resource_store::keep_version, walk_key::WalkKey,
};
use crate::warehouse::{
    error::{Doing, WarehouseError},
    tables::{rows::delete_rows, table::Catalog, unmapped_table},
};
use rusqlite::{Transaction, params};

/// Marks a live resource of the walk's type as deleted, and deletes its rows from the tables.
///
/// Whether a view accepts it no longer matters.
pub(super) fn bury_one(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    walk: &WalkKey,
    rowid: i64,
    resource_id: &str,
    now: &str,
) -> Result<(), WarehouseError> {
    keep_version(transaction, rowid, now)?;
    unmapped_table::note(transaction, walk.connection_id, &walk.resource_type)?;
    delete_rows(transaction, catalog, walk.connection_id, &walk.resource_type, resource_id)?;
    quarantine::settle_superseded(
        transaction,
        walk.connection_id,
        &walk.resource_type,
        resource_id,
        now,
    )?;
    bury_attachments(transaction, walk.connection_id, &walk.resource_type, resource_id, now)?;
    transaction
        .prepare_cached("UPDATE resource SET deleted_at = ?2 WHERE id = ?1")
        .and_then(|mut statement| statement.execute(params![rowid, now]))
        .doing("cannot mark a resource as deleted")
        .map(drop)
}
