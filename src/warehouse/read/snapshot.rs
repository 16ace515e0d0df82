//! One state of the warehouse for several queries, while others write.

use super::{query, standing, status};
use crate::reference::ServerBases;
use crate::warehouse::{
    Answer, ConnectionRow, MartState, Parameter, ParameterValue, TypeStatus, WarehouseError,
    error::Doing,
    file::{backup::RESTORE_JUMP, schema},
    tables::{
        marts,
        table::{Table, quote},
    },
    walks::connections,
};
use rusqlite::{Connection, OptionalExtension};

/// The condition for a resource that came or changed after a run, in SQL.
///
/// The run of the walk that brought the resource decides. If that walk was pruned, the start of the next
/// run decides.
const CHANGED: &str = "r.deleted_at IS NULL AND coalesce(
    (SELECT w.run_id > :run FROM sync_walk AS w WHERE w.id = r.walk_id), r.received_at >= :instant)";

/// The state at one instant. All queries run within one read transaction.
#[derive(Debug)]
pub struct Snapshot<'a> {
    connection: &'a Connection,
}

/// A run as a point in time, to select the rows that are new or changed since then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Since {
    /// The run (`sync_run.id`); resources that it brought are not new.
    pub run: i64,
    /// When the first later run began, RFC 3339; empty for run 0, `None` if this is the newest run.
    next_run_began: Option<String>,
    /// When the run ended, or began if it was killed, RFC 3339. If the run was pruned: an earlier
    /// instant, or empty.
    ended: String,
}

impl Since {
    fn parameters(&self) -> Vec<Parameter> {
        let instant = match &self.next_run_began {
            Some(instant) => ParameterValue::Text(instant.clone()),
            None => ParameterValue::Null,
        };
        vec![
            Parameter { name: "run".to_owned(), value: ParameterValue::Integer(self.run) },
            Parameter { name: "instant".to_owned(), value: instant },
        ]
    }
}

impl<'a> Snapshot<'a> {
    pub(crate) fn of(connection: &'a Connection) -> Snapshot<'a> {
        Snapshot { connection }
    }

    /// Name and declared type of each column of a table or view, in order; empty if it does not exist.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn columns(&self, table: &str) -> Result<Vec<(String, String)>, WarehouseError> {
        self.connection
            .prepare("SELECT name, type FROM pragma_table_info(?1)")
            .and_then(|mut statement| {
                statement.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .doing("cannot read which columns a table has")
    }

    /// Runs one statement that reads, row by row.
    ///
    /// # Errors
    /// The same errors as [`ReadOnlyWarehouse::query`](crate::warehouse::ReadOnlyWarehouse::query).
    pub fn query<E>(
        &self,
        sql: &str,
        parameters: &[Parameter],
        answer: &mut dyn Answer<E>,
    ) -> Result<Result<(), E>, WarehouseError> {
        query::query(self.connection, sql, parameters, answer)
    }

    /// The columns of a statement: name, and declared type if there is one.
    ///
    /// # Errors
    /// SQLite refuses the statement.
    pub fn declared(&self, sql: &str) -> Result<Vec<(String, Option<String>)>, WarehouseError> {
        query::declared(self.connection, sql)
    }

    /// The FHIR bases by which a resource's references are resolved.
    ///
    /// These are its connection's bases, with the references that its Bundle resolved
    /// (`resource.bundle_references`).
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn bases(
        &self,
        connection_id: i64,
        bundle_references: Option<&str>,
    ) -> Result<ServerBases, WarehouseError> {
        let bases = connections::bases(self.connection, connection_id)?;
        Ok(connections::within(&bases, bundle_references).unwrap_or(bases))
    }

    /// Every row of a table or view.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn rows<E>(
        &self,
        table: &str,
        answer: &mut dyn Answer<E>,
    ) -> Result<Result<(), E>, WarehouseError> {
        query::query(self.connection, &format!("SELECT * FROM {}", quote(table)), &[], answer)
    }

    /// The rows of resources that came or changed since a run.
    ///
    /// All rows of such a resource are included; there may be fewer of them than before.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn rows_since<E>(
        &self,
        table: &Table,
        since: &Since,
        answer: &mut dyn Answer<E>,
    ) -> Result<Result<(), E>, WarehouseError> {
        let sql = format!(
            "SELECT t.* FROM {} AS t JOIN resource AS r ON r.connection_id = t.connection_id
               AND r.resource_type = :type AND r.resource_id = t.{}
             WHERE {CHANGED}",
            quote(table.name()),
            quote(table.key_column()),
        );
        let mut parameters = since.parameters();
        parameters.push(text("type", table.resource()));
        query::query(self.connection, &sql, &parameters, answer)
    }

    /// Whether a table was filled anew since a run, so that rows of unchanged resources may differ, too.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn is_rebuilt_since(&self, table: &str, since: &Since) -> Result<bool, WarehouseError> {
        self.connection
            .query_row(
                "SELECT count(*) FROM view_table WHERE name = ?1 AND built_at > ?2",
                [table, &since.ended],
                |row| row.get::<_, i64>(0),
            )
            .map(|count| count > 0)
            .doing("cannot read when a table was filled")
    }

    /// The types of each connection's live resources: pairs of type and `connection.id`, sorted.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn resource_types(&self) -> Result<Vec<(String, i64)>, WarehouseError> {
        self.connection
            .prepare(
                "SELECT DISTINCT resource_type, connection_id FROM resource
                 WHERE deleted_at IS NULL ORDER BY 1, 2",
            )
            .and_then(|mut statement| {
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .doing("cannot read which types are stored")
    }

    /// The bytes of the live resources of one connection and type, in one column.
    ///
    /// With `since`, only the resources that came or changed since that run.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn resources<E>(
        &self,
        resource_type: &str,
        connection_id: i64,
        since: Option<&Since>,
        answer: &mut dyn Answer<E>,
    ) -> Result<Result<(), E>, WarehouseError> {
        let condition = if since.is_some() { CHANGED } else { "r.deleted_at IS NULL" };
        let sql = format!(
            "SELECT r.json FROM resource AS r
             WHERE r.connection_id = {connection_id} AND r.resource_type = :type AND {condition}
             ORDER BY r.resource_id"
        );
        let mut parameters = since.map(Since::parameters).unwrap_or_default();
        parameters.push(text("type", resource_type));
        query::query(self.connection, &sql, &parameters, answer)
    }

    /// Connection, type, id and instant of each resource that came or changed since a run.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn changed_since<E>(
        &self,
        since: &Since,
        answer: &mut dyn Answer<E>,
    ) -> Result<Result<(), E>, WarehouseError> {
        let sql = format!(
            "SELECT r.connection_id, r.resource_type, r.resource_id, r.received_at AS changed_at
             FROM resource AS r WHERE {CHANGED}"
        );
        query::query(self.connection, &sql, &since.parameters(), answer)
    }

    /// Connection, type, id and instant of each resource that was deleted since a run.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn deleted_since<E>(
        &self,
        since: &Since,
        answer: &mut dyn Answer<E>,
    ) -> Result<Result<(), E>, WarehouseError> {
        let sql = "SELECT connection_id, resource_type, resource_id, deleted_at
                   FROM resource WHERE deleted_at >= :instant AND :run = :run";
        query::query(self.connection, sql, &since.parameters(), answer)
    }

    /// The state after the run with this number, or before the first run for 0; `None` if there never was
    /// such a run, or if it may be another one: a restore of a backup came between it and the next run.
    ///
    /// A pruned run brought nothing. Its end is unknown, so the end of the nearest earlier run that is left
    /// stands for it.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn since(&self, run: i64) -> Result<Option<Since>, WarehouseError> {
        self.connection
            .query_row(
                "SELECT iif(?1 = 0, '', (SELECT min(started_at) FROM sync_run WHERE id > ?1)),
                   coalesce((SELECT coalesce(finished_at, started_at) FROM sync_run
                     WHERE id <= ?1 ORDER BY id DESC LIMIT 1), '')
                 FROM (SELECT max(id) AS newest, min(id) FILTER (WHERE id > ?1) AS next,
                     coalesce(max(id) FILTER (WHERE id <= ?1), 0) AS previous FROM sync_run)
                 WHERE ?1 BETWEEN 0 AND newest AND (?1 = 0 OR next IS NULL OR next - previous < ?2)",
                [run, RESTORE_JUMP / 2],
                |row| Ok(Since { run, next_run_began: row.get(0)?, ended: row.get(1)? }),
            )
            .optional()
            .doing("cannot read which runs there were")
    }

    /// The newest run (`sync_run.id`).
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn newest_run(&self) -> Result<Option<i64>, WarehouseError> {
        self.connection
            .query_row("SELECT max(id) FROM sync_run", [], |row| row.get(0))
            .doing("cannot read which runs there were")
    }

    /// The newest run whose changes are all in this state: the one before a run that has not ended.
    ///
    /// 0 if there is no such run yet, `None` if nothing was ever run. A run that was killed counts as not
    /// ended until the next run begins.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn newest_whole_run(&self) -> Result<Option<i64>, WarehouseError> {
        self.connection
            .query_row(
                "SELECT iif(count(*) = 0, NULL, coalesce(max(id) FILTER (WHERE id <
                   (SELECT coalesce(min(id), 9223372036854775807) FROM sync_run
                    WHERE state = 'running')), 0)) FROM sync_run",
                [],
                |row| row.get(0),
            )
            .doing("cannot read which runs there were")
    }

    /// The schema version of the control tables.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn schema_version(&self) -> Result<u32, WarehouseError> {
        schema::version(self.connection)
    }

    /// All connections, sorted by name.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn connections(&self) -> Result<Vec<ConnectionRow>, WarehouseError> {
        connections::all(self.connection)
    }

    /// The completeness of each type of each connection: the lines of the view `completeness`.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn status(&self) -> Result<Vec<TypeStatus>, WarehouseError> {
        status::completeness(self.connection)
    }

    /// The completeness of each type of one connection. No other connection is read.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn status_of(&self, connection_id: i64) -> Result<Vec<TypeStatus>, WarehouseError> {
        standing::of_one(self.connection, connection_id)
    }

    /// Hands over the types of each connection that has any, in the order of connection names.
    ///
    /// # Errors
    /// An error of SQLite; in the inner result, the first error of `take`, which ends the work.
    pub fn each_status<E>(
        &self,
        take: &mut dyn FnMut(&[TypeStatus]) -> Result<(), E>,
    ) -> Result<Result<(), E>, WarehouseError> {
        status::each_connection(self.connection, take)
    }

    /// Which connections have outdated marts, and which are about the same person.
    ///
    /// # Errors
    /// An error of SQLite.
    pub fn mart_state(&self) -> Result<MartState, WarehouseError> {
        marts::state(self.connection)
    }
}

fn text(name: &str, value: &str) -> Parameter {
    Parameter { name: name.to_owned(), value: ParameterValue::Text(value.to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::{WarehouseFile, file::open};

    #[test]
    fn a_run_that_has_not_ended_is_new_to_the_next_export() {
        let folder = tempfile::tempdir().unwrap();
        let file = WarehouseFile::in_clear(folder.path().join("warehouse.db"));
        let connection = open::open_to_write(&file).unwrap();
        let latest = || Snapshot::of(&connection).newest_whole_run().unwrap();
        let run = |state: &str| {
            let sql = "INSERT INTO sync_run (command, version, state, started_at)
                       VALUES ('sync', '', ?1, '2026-01-01')";
            connection.execute(sql, [state]).unwrap();
        };
        assert_eq!(latest(), None);
        run("running");
        assert_eq!(latest(), Some(0));
        // Run 0 stands for the time before the first run.
        let since = Snapshot::of(&connection).since(0).unwrap().unwrap();
        assert_eq!((since.next_run_began.as_deref(), since.ended.as_str()), (Some(""), ""));
        connection.execute("UPDATE sync_run SET state = 'interrupted'", []).unwrap();
        assert_eq!(latest(), Some(1));
        run("running");
        assert_eq!(latest(), Some(1));
        connection.execute("UPDATE sync_run SET state = 'complete'", []).unwrap();
        assert_eq!(latest(), Some(2));
        assert!(Snapshot::of(&connection).since(3).unwrap().is_none());
    }
}
