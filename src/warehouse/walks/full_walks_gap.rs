//! What the latest full walk lacked of the server's total. A walk over changes does not bring it, and must
//! not hide that it is missing.

use super::walk_key::WalkKey;
use crate::{
    plural,
    warehouse::error::{Doing, WarehouseError},
};
use rusqlite::{Connection, OptionalExtension, params};

/// Notes the gap of the latest full walk at a complete walk over changes; returns the warning about it.
///
/// A total below what came hides nothing, so it is not noted.
pub(super) fn carry(
    connection: &Connection,
    walk: &WalkKey,
) -> Result<Option<String>, WarehouseError> {
    let doing = "cannot note what the latest full walk lacked";
    let latest: Option<(i64, i64)> = connection
        .query_row(
            "SELECT coalesce(f.declared_total, 0), coalesce(f.total_gap, 0)
             FROM sync_walk w JOIN sync_walk f
               ON f.connection_id = w.connection_id AND f.resource_type = w.resource_type
             WHERE w.id = ?1 AND w.mode = 'incremental' AND f.id < w.id AND +f.mode = 'full'
               AND f.state = 'complete'
             ORDER BY f.id DESC LIMIT 1",
            [walk.walk_id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .doing(doing)?;
    let Some((declared, gap)) = latest.filter(|(_, gap)| *gap > 0) else { return Ok(None) };
    connection
        .execute(
            "UPDATE sync_walk SET total_gap = max(coalesce(total_gap, 0), ?2) WHERE id = ?1",
            params![walk.walk_id, gap],
        )
        .doing(doing)?;
    let declared = u64::try_from(declared).unwrap_or_default();
    let held = declared.saturating_sub(gap.unsigned_abs());
    let declared = plural::count(declared, "resource");
    Ok(Some(format!(
        "in the latest full walk the server declared {declared}, its pages held {held}"
    )))
}
