//! The marks of unfinished purges and moves: a connection's rows are gone, and its bytes may not be.
//!
//! A mark has a salted digest of the connection's name. The name itself must leave the file with the rows,
//! but a repeated command must be told from one that names another connection. The digest goes with the mark.

use crate::{
    clock,
    warehouse::error::{Doing, WarehouseError},
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};
use sha2::{Digest, Sha256};

const DOING: &str = "cannot look for an unfinished purge";

/// Marks a connection as purged, and its purge as unfinished.
pub(super) fn set(
    connection: &Connection,
    purged_id: i64,
    name: &str,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let doing = "cannot mark a purge as unfinished";
    let salt: Vec<u8> =
        connection.query_row("SELECT randomblob(16)", [], |row| row.get(0)).doing(doing)?;
    connection
        .execute(
            "INSERT INTO purge_unfinished (purged_id, begun_at, name_salt, name_digest)
             VALUES (?1, ?2, ?3, ?4)",
            params![purged_id, clock::text(now), salt, digest(&salt, name)],
        )
        .doing(doing)
        .map(drop)
}

/// Whether there is any mark.
pub(super) fn exists(connection: &Connection) -> Result<bool, WarehouseError> {
    connection
        .query_row("SELECT EXISTS (SELECT 1 FROM purge_unfinished)", [], |row| row.get(0))
        .doing(DOING)
}

/// Whether there is any mark in a file whose control tables may be older than the marks.
pub(super) fn exists_if_kept(connection: &Connection) -> Result<bool, WarehouseError> {
    Ok(connection.table_exists(None, "purge_unfinished").doing(DOING)? && exists(connection)?)
}

/// Whether a connection with this name was purged and its purge is unfinished.
///
/// The mark of an earlier version has no digest, and so belongs to no name.
pub(super) fn is_of(connection: &Connection, name: &str) -> Result<bool, WarehouseError> {
    let marks: Vec<(Vec<u8>, Vec<u8>)> = connection
        .prepare(
            "SELECT name_salt, name_digest FROM purge_unfinished WHERE name_digest IS NOT NULL",
        )
        .and_then(|mut marks| marks.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .doing(DOING)?;
    Ok(marks.iter().any(|(salt, sealed)| digest(salt, name) == *sealed))
}

/// The numbers of the connections whose purge is unfinished, without those that were moved.
pub(super) fn purged_ids(connection: &Connection) -> Result<Vec<i64>, WarehouseError> {
    connection
        .prepare(
            "SELECT purged_id FROM purge_unfinished
             WHERE (SELECT command FROM access_log WHERE connection_id = purged_id
               AND command IN ('move', 'purge') ORDER BY id DESC LIMIT 1) IS NOT 'move'
             ORDER BY begun_at, purged_id",
        )
        .and_then(|mut ids| ids.query_map([], |row| row.get(0))?.collect())
        .doing(DOING)
}

fn digest(salt: &[u8], name: &str) -> Vec<u8> {
    let mut hash = Sha256::new();
    hash.update(salt);
    hash.update(name.as_bytes());
    hash.finalize().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::file::{place::WarehouseFile, purge::is_unscrubbed, schema};

    #[test]
    fn an_unfinished_purge_is_found_in_an_older_file_which_is_left_as_it_is() {
        let home = tempfile::tempdir().unwrap();
        let file = WarehouseFile::in_clear(home.path().join("warehouse.db"));
        let mut old = Connection::open(file.path()).unwrap();
        // V0008 made the table of the marks.
        schema::bring_to(&mut old, 7).unwrap();
        assert!(!is_unscrubbed(&file).unwrap());
        assert_eq!(schema::version(&old).unwrap(), 7);
        schema::bring_to(&mut old, 12).unwrap();
        assert!(!is_unscrubbed(&file).unwrap());
        let mark = "INSERT INTO purge_unfinished (purged_id, begun_at) VALUES (1, 'yesterday')";
        old.execute(mark, []).unwrap();
        assert!(is_unscrubbed(&file).unwrap());
        assert_eq!(schema::version(&old).unwrap(), 12);
    }
}
