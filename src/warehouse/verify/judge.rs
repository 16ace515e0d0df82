//! Checks a stored resource against its hash and computes its rows: the part that needs no database.

use crate::{
    fingerprint::fingerprint,
    reference::ServerBases,
    warehouse::{
        error::{Doing, WarehouseError},
        tables::{
            projection::project,
            row_batch::{RowBatch, TableRows},
            table::Catalog,
        },
        walks::connections,
    },
};
use rusqlite::{Connection, Row, Rows, types::ValueRef};

/// Reads stored resources until the batch has `most` bytes; adds none at the end of the table.
///
/// # Errors
/// After an error the batch has the resources that could be read before it.
pub(super) fn read(
    connection: &Connection,
    stored: &mut Rows<'_>,
    most: usize,
    batch: &mut Vec<Stored>,
) -> Result<(), WarehouseError> {
    let mut bytes = 0;
    while bytes < most
        && let Some(next) = next(connection, stored)?
    {
        bytes += next.json.len();
        batch.push(next);
    }
    Ok(())
}

fn next(connection: &Connection, stored: &mut Rows<'_>) -> Result<Option<Stored>, WarehouseError> {
    let doing = "cannot read the stored resources";
    let Some(row) = stored.next().doing(doing)? else { return Ok(None) };
    let json = bytes_of_text(row, 5).doing(doing)?.to_vec();
    let connection_id = row.get(1).doing(doing)?;
    let is_live = row.get(6).doing(doing)?;
    let bases = match is_live {
        true => {
            let bases = connections::bases(connection, connection_id)?;
            let bundle = row.get_ref(9).and_then(|value| Ok(value.as_str_or_null()?));
            let within = connections::within(&bases, bundle.doing(doing)?);
            Some(within.unwrap_or(bases))
        }
        false => None,
    };
    Ok(Some(Stored {
        id: row.get(0).doing(doing)?,
        key: Key {
            connection_id,
            resource_type: row.get(2).doing(doing)?,
            resource_id: row.get(3).doing(doing)?,
        },
        hash: row.get(4).doing(doing)?,
        json,
        version: Version { id: row.get(7).doing(doing)?, updated: row.get(8).doing(doing)? },
        bases,
    }))
}

/// A row of `resource`.
pub(super) struct Stored {
    pub(super) id: i64,
    pub(super) key: Key,
    pub(super) hash: Vec<u8>,
    pub(super) json: Vec<u8>,
    pub(super) version: Version,
    /// The bases for the resource's references; `None` for a deleted resource.
    pub(super) bases: Option<ServerBases>,
}

/// The key of a resource.
pub(super) struct Key {
    pub(super) connection_id: i64,
    pub(super) resource_type: String,
    pub(super) resource_id: String,
}

/// The result of checking a row of `resource`.
pub(super) struct Judged {
    pub(super) id: i64,
    pub(super) key: Key,
    pub(super) content: Content,
}

pub(super) enum Content {
    Wrong(&'static str),
    Deleted,
    /// The rows that the resource gives, or the reason why it gives none.
    Live(Result<(Vec<TableRows>, RowBatch), Unreadable>),
}

/// Why a resource gives no rows.
pub(super) enum Unreadable {
    NotText,
    ByView,
}

impl Stored {
    /// Compares the bytes with the hash, and runs the views. Needs nothing else, so any thread can do it.
    pub(super) fn judge(self, catalog: &Catalog) -> Judged {
        let Stored { id, key, hash, json, version, bases } = self;
        let content = match (
            wrong_hash(&json, (&key.resource_type, &key.resource_id), &hash, &version),
            bases,
        ) {
            (Some(wrong), _) => Content::Wrong(wrong),
            (None, None) => Content::Deleted,
            (None, Some(bases)) if std::str::from_utf8(&json).is_ok() => {
                let mut expected = RowBatch::default();
                let tables = catalog.of_type(&key.resource_type);
                let rows = project(&json, &bases, tables, catalog, &mut expected);
                Content::Live(rows.map(|rows| (rows, expected)).map_err(|_| Unreadable::ByView))
            }
            (None, Some(_)) => Content::Live(Err(Unreadable::NotText)),
        };
        Judged { id, key, content }
    }
}

/// The columns with a content's version, which the hash does not cover.
pub(super) struct Version {
    pub(super) id: Option<String>,
    pub(super) updated: Option<String>,
}

/// The bytes of a text, UTF-8 or not. A BLOB with the same bytes is a different value in SQL.
pub(super) fn bytes_of_text<'r>(row: &'r Row<'_>, column: usize) -> rusqlite::Result<&'r [u8]> {
    match row.get_ref(column)? {
        ValueRef::Text(bytes) => Ok(bytes),
        value => {
            let name = row.as_ref().column_name(column)?.to_owned();
            Err(rusqlite::Error::InvalidColumnType(column, name, value.data_type()))
        }
    }
}

pub(super) fn wrong_hash(
    json: &[u8],
    (resource_type, resource_id): (&str, &str),
    hash: &[u8],
    version: &Version,
) -> Option<&'static str> {
    // The hash covers the members only, so text after the object would go unnoticed.
    if serde_json::from_slice::<serde::de::IgnoredAny>(json).is_err() {
        return Some("its json is not JSON");
    }
    let Ok(found) = fingerprint(json) else { return Some("its json is not a resource") };
    if found.content_hash[..] != *hash {
        return Some("its json is not what was received");
    }
    if found.resource_type != resource_type || found.id.as_deref() != Some(resource_id) {
        return Some("its json is another resource");
    }
    if found.version_id != version.id || found.last_updated != version.updated {
        return Some("its json is another version");
    }
    None
}
