//! A stored resource with its versions, and the run and walk that brought it.

use crate::{
    commands::asked::{Row, ask, number, text},
    reference::ServerBases,
    warehouse::{Snapshot, WarehouseError},
};
use serde::Serialize;

/// The most earlier versions that are shown.
const MOST_VERSIONS: usize = 20;

/// A resource of one connection.
#[derive(Debug, Serialize)]
pub(super) struct Origin {
    pub(super) connection: String,
    #[serde(skip)]
    pub(super) connection_id: i64,
    pub(super) resource_type: String,
    pub(super) resource_id: String,
    /// The column of a mart's row that leads to the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) by: Option<String>,
    /// The size of the resource as received.
    pub(super) bytes: usize,
    pub(super) deleted_at: Option<String>,
    /// The version that is stored now.
    pub(super) version: Version,
    /// The earlier versions, newest first.
    pub(super) earlier: Vec<Version>,
    /// The number of earlier versions that are not shown.
    pub(super) earlier_left_out: usize,
    /// `None` where the ledger no longer has the walk.
    pub(super) walk: Option<Walk>,
    #[serde(skip)]
    pub(super) json: String,
    #[serde(skip)]
    pub(super) bases: ServerBases,
}

/// One version of a resource.
#[derive(Debug, Serialize)]
pub(super) struct Version {
    pub(super) version_id: Option<String>,
    pub(super) last_updated: Option<String>,
    pub(super) received_at: String,
    /// When the next version came, or when the resource was deleted.
    pub(super) until: Option<String>,
    /// The value that the definition gives the column for this version, as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    #[serde(skip)]
    pub(super) json: String,
}

/// The walk that brought a version, and its run.
#[derive(Debug, Serialize)]
pub(super) struct Walk {
    pub(super) run_id: i64,
    pub(super) command: String,
    pub(super) payersync: String,
    pub(super) run_started_at: String,
    pub(super) walk_id: i64,
    pub(super) mode: String,
    pub(super) state: String,
    pub(super) pages: i64,
    /// The page, counted from 1. `None` if the walk had several pages and has ended, since a walk's pages are
    /// kept only until then.
    pub(super) page: Option<i64>,
    /// The first URL that the walk requested, without parameter values; or the imported file.
    pub(super) asked: Option<String>,
}

/// The resources of this type and id, by connection.
pub(super) fn origins(
    snapshot: &Snapshot<'_>,
    resource_type: &str,
    resource_id: &str,
) -> Result<Vec<Origin>, WarehouseError> {
    // The cross join makes SQLite use the index of `resource`, which begins with the connection.
    let sql = "SELECT c.name AS connection, r.* FROM connection AS c CROSS JOIN resource AS r
               WHERE r.connection_id = c.id AND r.resource_type = :type AND r.resource_id = :id
               ORDER BY c.name";
    let found = ask(snapshot, sql, &[text("type", resource_type), text("id", resource_id)])?;
    found.rows().map(|row| origin(snapshot, row)).collect()
}

fn origin(snapshot: &Snapshot<'_>, row: Row<'_>) -> Result<Origin, WarehouseError> {
    let connection_id = row.integer("connection_id").unwrap_or_default();
    let (resource_type, resource_id) = (row.word("resource_type"), row.word("resource_id"));
    let sql = "SELECT version_id, last_updated, valid_from AS received_at, valid_to, json
               FROM resource_version WHERE connection_id = :connection AND resource_type = :type
                 AND resource_id = :id ORDER BY id DESC";
    let parameters =
        [number("connection", connection_id), text("type", resource_type), text("id", resource_id)];
    let earlier = ask(snapshot, sql, &parameters)?;
    let count = earlier.rows().len();
    Ok(Origin {
        connection: row.word("connection").to_owned(),
        connection_id,
        resource_type: resource_type.to_owned(),
        resource_id: resource_id.to_owned(),
        by: None,
        bytes: row.word("json").len(),
        deleted_at: row.text("deleted_at").map(str::to_owned),
        version: version(row),
        earlier: earlier.rows().take(MOST_VERSIONS).map(version).collect(),
        earlier_left_out: count.saturating_sub(MOST_VERSIONS),
        walk: match row.integer("walk_id") {
            Some(walk) => walk_of(snapshot, walk, row.integer("id").unwrap_or_default())?,
            None => None,
        },
        json: row.word("json").to_owned(),
        bases: snapshot.bases(connection_id, row.text("bundle_references"))?,
    })
}

fn version(row: Row<'_>) -> Version {
    let text = |name: &str| row.text(name).map(str::to_owned);
    Version {
        version_id: text("version_id"),
        last_updated: text("last_updated"),
        received_at: row.word("received_at").to_owned(),
        until: text("valid_to").or_else(|| text("deleted_at")),
        value: None,
        json: row.word("json").to_owned(),
    }
}

fn walk_of(
    snapshot: &Snapshot<'_>,
    walk: i64,
    resource: i64,
) -> Result<Option<Walk>, WarehouseError> {
    let sql = "SELECT w.id, w.mode, w.state, w.pages_before + w.pages AS pages, w.first_url,
                 s.id AS run, s.command, s.version, s.started_at
               FROM sync_walk AS w JOIN sync_run AS s ON s.id = w.run_id WHERE w.id = :walk";
    let found = ask(snapshot, sql, &[number("walk", walk)])?;
    let Some(row) = found.first() else { return Ok(None) };
    let pages = row.integer("pages").unwrap_or_default();
    Ok(Some(Walk {
        run_id: row.integer("run").unwrap_or_default(),
        command: row.word("command").to_owned(),
        payersync: row.word("version").to_owned(),
        run_started_at: row.word("started_at").to_owned(),
        walk_id: walk,
        mode: row.word("mode").to_owned(),
        state: row.word("state").to_owned(),
        pages,
        page: match page_of(snapshot, walk, resource)? {
            None if pages == 1 => Some(1),
            page => page,
        },
        asked: row.text("first_url").map(str::to_owned),
    }))
}

/// The page of an unfinished walk that brought a resource.
///
/// `walk_page.seen` holds row ids of eight bytes each, little endian.
fn page_of(
    snapshot: &Snapshot<'_>,
    walk: i64,
    resource: i64,
) -> Result<Option<i64>, WarehouseError> {
    let sql = "SELECT page, hex(seen) AS seen FROM walk_page WHERE walk_id = :walk ORDER BY page";
    let wanted: String = resource.to_le_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
    let pages = ask(snapshot, sql, &[number("walk", walk)])?;
    let brought =
        |row: &Row<'_>| row.word("seen").as_bytes().chunks(16).any(|one| one == wanted.as_bytes());
    Ok(pages.rows().find(brought).and_then(|row| row.integer("page")))
}
