//! Checks every stored attachment against its hash, and that the resource of every current one is stored.

use super::checked::Checked;
use crate::warehouse::{
    error::{Doing, WarehouseError},
    walks::attachments::sha256,
};
use rusqlite::Connection;

/// Checks the bytes of each attachment, and that its resource exists.
pub(super) fn verify(connection: &Connection) -> Result<Checked, WarehouseError> {
    let doing = "cannot read attachments";
    let mut checked = Checked::new("attachments against the hashes of their bytes");
    let mut statement = connection
        .prepare(
            "SELECT a.id, a.bytes, a.sha256, a.size, a.replaced_at IS NULL AND NOT EXISTS (
               SELECT 1 FROM resource r WHERE r.connection_id = a.connection_id
                 AND r.resource_type = a.resource_type AND r.resource_id = a.resource_id
                 AND r.deleted_at IS NULL)
             FROM attachment a ORDER BY a.id",
        )
        .doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        checked.count += 1;
        let id: i64 = row.get(0).doing(doing)?;
        let bytes = row.get_ref(1).doing(doing)?.as_bytes_or_null().unwrap_or_default();
        if let Some(bytes) = bytes {
            let (hash, size): (String, i64) = (row.get(2).doing(doing)?, row.get(3).doing(doing)?);
            if sha256(bytes) != hash || bytes.len() as i64 != size {
                checked.problem(|| format!("row {id} of attachment differs from its hash or size"));
            }
        }
        if row.get(4).doing(doing)? {
            checked.problem(|| format!("row {id} of attachment belongs to no stored resource"));
        }
    }
    Ok(checked)
}
