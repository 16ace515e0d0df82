//! The ledger's counters, summed for a monitoring system.

use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, OptionalExtension};

/// The requests, bytes and rows of a connection since it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effort {
    /// The connection's name.
    pub connection: String,
    /// HTTP requests sent, retries included.
    pub requests: u64,
    /// HTTP requests that were retries; `requests` counts these, too.
    pub retries: u64,
    /// Pages stored.
    pub pages: u64,
    /// Bytes of page bodies, decompressed.
    pub bytes: u64,
    /// Rows written to normalised tables.
    pub rows_written: u64,
}

/// The latest run of this home that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FinishedRun {
    /// When the run began.
    pub started_at: String,
    /// When the run ended.
    pub finished_at: String,
    /// The run's exit code; `None` if its process was killed.
    pub exit_code: Option<u8>,
}

pub(super) const EFFORTS: &str = "
    SELECT c.name, coalesce(sum(w.requests), 0), coalesce(sum(w.retries), 0),
      coalesce(sum(w.pages), 0), coalesce(sum(w.bytes), 0), coalesce(sum(w.rows_written), 0)
    FROM connection c LEFT JOIN sync_walk w ON w.connection_id = c.id
    GROUP BY c.id ORDER BY c.name";

pub(crate) fn efforts(connection: &Connection) -> Result<Vec<Effort>, WarehouseError> {
    connection
        .prepare(EFFORTS)
        .and_then(|mut statement| {
            let effort_of = |row: &rusqlite::Row<'_>| {
                Ok(Effort {
                    connection: row.get(0)?,
                    requests: row.get(1)?,
                    retries: row.get(2)?,
                    pages: row.get(3)?,
                    bytes: row.get(4)?,
                    rows_written: row.get(5)?,
                })
            };
            statement.query_map([], effort_of)?.collect()
        })
        .doing("cannot sum up the ledger")
}

pub(crate) fn finished_run(connection: &Connection) -> Result<Option<FinishedRun>, WarehouseError> {
    connection
        .query_row(
            // A run that came from another home with a connection has neither; one that was killed has a
            // summary.
            "SELECT started_at, finished_at, exit_code FROM sync_run WHERE finished_at IS NOT NULL
               AND (exit_code IS NOT NULL OR summary IS NOT NULL)
             ORDER BY id DESC LIMIT 1",
            [],
            |row| {
                Ok(FinishedRun {
                    started_at: row.get(0)?,
                    finished_at: row.get(1)?,
                    exit_code: row.get(2)?,
                })
            },
        )
        .optional()
        .doing("cannot read the latest run")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::{WarehouseFile, file::open};

    #[test]
    fn a_run_of_another_home_is_not_the_latest_one() {
        let folder = tempfile::tempdir().unwrap();
        let file = WarehouseFile::in_clear(folder.path().join("warehouse.db"));
        let connection = open::open_to_write(&file).unwrap();
        let latest = |runs: &str| {
            let sql = "INSERT INTO sync_run (command, version, state, started_at, finished_at,
                         exit_code, summary) VALUES";
            connection.execute_batch(&format!("{sql} {runs}")).unwrap();
            finished_run(&connection).unwrap().map(|run| (run.started_at, run.exit_code))
        };
        // As a move leaves a run: without exit code and summary.
        let moved = latest("('sync', '', 'incomplete', '1', '1', NULL, NULL)");
        assert_eq!(moved, None);
        // As a purge leaves a run whose summary named the member.
        let own = latest("('sync', '', 'complete', '2', '2', 0, NULL)");
        assert_eq!(own, Some(("2".to_owned(), Some(0))));
        let moved = latest("('sync', '', 'incomplete', '3', '3', NULL, NULL)");
        assert_eq!(moved, own);
        let killed = latest("('sync', '', 'interrupted', '4', '4', NULL, 'the process ended')");
        assert_eq!(killed, Some(("4".to_owned(), None)));
    }
}
