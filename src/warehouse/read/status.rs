//! Typed reads of payersync's own views, for `status` and `tables`.

use crate::{
    outcome::{Reason, TypeOutcome, WalkKind, WalkState},
    warehouse::{
        error::{Doing, WarehouseError},
        tables::table::{Catalog, Table, quote},
    },
};
use rusqlite::{Connection, Row};
use serde::Serialize;

/// One line of the view `completeness`: the state of one type of one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TypeStatus {
    /// The connection's name.
    pub connection: String,
    /// The plan's name; `None` if only files fill the connection.
    pub plan: Option<String>,
    /// The connection's member label.
    pub member: Option<String>,
    /// FHIR resource type.
    pub resource_type: String,
    /// Run of the latest walk (`sync_run.id`).
    pub run_id: i64,
    /// Kind of the latest walk.
    pub mode: WalkKind,
    /// State of the latest walk.
    pub state: WalkState,
    /// The reason, unless complete; `None` also if another version wrote a reason unknown here.
    pub reason: Option<Reason>,
    /// HTTP status of the last answer, if that is the reason.
    pub http_status: Option<u16>,
    /// The reason in a sentence for people.
    pub detail: Option<String>,
    /// What a person can do about it.
    pub hint: Option<String>,
    /// A peculiarity that is not a failure.
    pub warning: Option<String>,
    /// The page, counted from 1, at which the latest walk ended, unless it is complete.
    pub failed_page: Option<u64>,
    /// Start of the last complete walk: the instant as of which the type is known to be complete.
    pub complete_as_of: Option<String>,
    /// When the latest walk ended.
    pub checked_at: String,
    /// Pages of the latest walk, including those of earlier runs that it continued.
    pub pages: u64,
    /// `Bundle.total` as the server declared it.
    pub declared_total: Option<u64>,
    /// Different resources that the latest walk saw.
    pub distinct_resources: Option<u64>,
    /// The number of declared resources beyond those that came; negative if more came.
    pub total_gap: Option<i64>,
    /// Stored resources that full walks did not meet and whose deletion is not proved.
    pub absent: u64,
    /// Start of the last full walk of which every absence is settled.
    pub deletions_known_as_of: Option<String>,
    /// The instant up to which the type is known to be complete, by the server's dates.
    pub watermark: Option<String>,
    /// Why the server is not asked for changes only.
    pub last_updated_reason: Option<String>,
    /// Live resources stored.
    pub resources: u64,
    /// Open rejects.
    pub rejects: u64,
}

impl TypeStatus {
    /// The state and reason of the latest walk, from which the exit code is derived.
    pub fn outcome(&self) -> TypeOutcome {
        TypeOutcome { state: self.state, reason: self.reason, http_status: self.http_status }
    }

    /// The types of one connection; `all` must be sorted by connection name.
    ///
    /// It is a binary search, since a home may have thousands of connections and each is looked up.
    pub fn of_connection<'a>(all: &'a [TypeStatus], name: &str) -> &'a [TypeStatus] {
        let begin = all.partition_point(|status| status.connection.as_str() < name);
        let length = all[begin..].partition_point(|status| status.connection == name);
        &all[begin..begin + length]
    }
}

pub(super) const COMPLETENESS: &str = "
    SELECT connection, plan, member, resource_type, mode, state, reason, detail, hint,
      warning, failed_page, complete_as_of, checked_at, pages, declared_total, resources,
      rejects, deletions_known_as_of, watermark, last_updated_reason, run_id, http_status,
      distinct_resources, total_gap, absent
    FROM completeness ORDER BY connection, resource_type";
const DOING: &str = "cannot read the view completeness";

pub(crate) fn completeness(connection: &Connection) -> Result<Vec<TypeStatus>, WarehouseError> {
    connection
        .prepare(COMPLETENESS)
        .and_then(|mut statement| statement.query_map([], status_of)?.collect())
        .doing(DOING)
}

/// Hands over the types of each connection that has any, in the order of connection names.
///
/// A home may have thousands of connections, so only one of them is in memory at a time.
pub(crate) fn each_connection<E>(
    connection: &Connection,
    take: &mut dyn FnMut(&[TypeStatus]) -> Result<(), E>,
) -> Result<Result<(), E>, WarehouseError> {
    let mut statement = connection.prepare(COMPLETENESS).doing(DOING)?;
    let mut rows = statement.query([]).doing(DOING)?;
    let mut types: Vec<TypeStatus> = Vec::new();
    while let Some(row) = rows.next().doing(DOING)? {
        let status = status_of(row).doing(DOING)?;
        if types.first().is_some_and(|first| first.connection != status.connection) {
            if let Err(error) = take(&types) {
                return Ok(Err(error));
            }
            types.clear();
        }
        types.push(status);
    }
    Ok(if types.is_empty() { Ok(()) } else { take(&types) })
}

fn word<T>(
    row: &Row<'_>,
    column: usize,
    read: fn(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    Ok(row.get_ref(column)?.as_str_or_null().ok().flatten().and_then(read))
}

pub(super) fn status_of(row: &Row<'_>) -> rusqlite::Result<TypeStatus> {
    Ok(TypeStatus {
        connection: row.get(0)?,
        plan: row.get(1)?,
        member: row.get(2)?,
        resource_type: row.get(3)?,
        run_id: row.get(20)?,
        mode: word(row, 4, WalkKind::from_word)?.unwrap_or(WalkKind::Full),
        state: word(row, 5, WalkState::from_word)?.unwrap_or(WalkState::Incomplete),
        reason: word(row, 6, Reason::from_word)?,
        http_status: row.get(21)?,
        distinct_resources: row.get(22)?,
        total_gap: row.get(23)?,
        absent: row.get(24)?,
        detail: row.get(7)?,
        hint: row.get(8)?,
        warning: row.get(9)?,
        failed_page: row.get(10)?,
        complete_as_of: row.get(11)?,
        checked_at: row.get(12)?,
        pages: row.get(13)?,
        declared_total: row.get(14)?,
        resources: row.get(15)?,
        rejects: row.get(16)?,
        deletions_known_as_of: row.get(17)?,
        watermark: row.get(18)?,
        last_updated_reason: row.get(19)?,
    })
}

/// A normalised table and its size.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableCount {
    /// The table's name.
    pub table: String,
    /// The type of the resources that the table's rows are made from.
    pub resource_type: String,
    /// The table's number of rows; `None` if the warehouse does not have the table yet.
    pub rows: Option<u64>,
}

pub(crate) fn table_counts(
    connection: &Connection,
    catalog: &Catalog,
) -> Result<Vec<TableCount>, WarehouseError> {
    let count = |table: &Table| {
        let rows = row_count(connection, table.name())?;
        Ok(TableCount {
            table: table.name().to_owned(),
            resource_type: table.resource().to_owned(),
            rows,
        })
    };
    catalog.tables().iter().map(count).collect()
}

/// How many rows a table or view has; `None` if it does not exist.
pub(crate) fn row_count(
    connection: &Connection,
    name: &str,
) -> Result<Option<u64>, WarehouseError> {
    let doing = "cannot count rows";
    let exists: bool = connection
        .query_row(
            "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?1)",
            [name],
            |row| row.get(0),
        )
        .doing(doing)?;
    let count = || {
        let sql = format!("SELECT count(*) FROM {}", quote(name));
        connection.query_row(&sql, [], |row| row.get(0))
    };
    exists.then(count).transpose().doing(doing)
}
