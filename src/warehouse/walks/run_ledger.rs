//! The ledger's runs: when each began, how it ended, and its summary.

use crate::{
    clock,
    outcome::{Reason, RunState},
    warehouse::{
        Warehouse,
        error::{Doing, WarehouseError},
        tables::marts,
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

/// The command of a run that was limited to some types or to a number of requests (`sync_run.command`).
///
/// The schedule does not count such a run: a trial of one type would put off the sync of all by a night or a
/// week.
pub const PARTIAL_SYNC: &str = "partial sync";

impl Warehouse {
    pub(crate) async fn start_run(&self, command: &str) -> Result<i64, WarehouseError> {
        let (command, now) = (command.to_owned(), self.clock.now());
        self.writer.run(move |connection, _| start_run(connection, &command, now)).await
    }

    pub(crate) async fn finish_run(
        &self,
        run_id: i64,
        state: RunState,
        exit_code: u8,
        summary: String,
    ) -> Result<(), WarehouseError> {
        let now = self.clock.now();
        self.writer
            .run(move |connection, catalog| {
                marts::refresh(connection, catalog.marts())?;
                finish_run(connection, run_id, state, exit_code, &summary, now)
            })
            .await
    }
}

/// When the newest run of the ledger began, by the clock of that time.
pub(crate) fn newest_run(connection: &Connection) -> Result<Option<String>, WarehouseError> {
    connection
        .query_row("SELECT max(started_at) FROM sync_run", [], |row| row.get(0))
        .doing("cannot look for the newest run")
}

/// Begins a run, and closes a run that was killed.
pub(super) fn start_run(
    connection: &mut Connection,
    command: &str,
    now: DateTime<Utc>,
) -> Result<i64, WarehouseError> {
    let doing = "cannot begin a run";
    let now = clock::text(now);
    let transaction = connection.transaction().doing(doing)?;
    transaction
        .execute(
            "UPDATE sync_run SET state = 'interrupted', finished_at = ?1,
               summary = 'the process ended before the run did' WHERE state = 'running'",
            [&now],
        )
        .doing(doing)?;
    transaction
        .execute(
            "UPDATE sync_walk SET state = 'incomplete', reason = 'process_ended', finished_at = ?1,
               detail = 'the process ended before the walk did' WHERE state = 'running'",
            [&now],
        )
        .doing(doing)?;
    transaction
        .execute(
            "INSERT INTO sync_run (command, version, state, started_at) VALUES (?1, ?2, 'running', ?3)",
            params![command, env!("CARGO_PKG_VERSION"), now],
        )
        .doing(doing)?;
    let run_id = transaction.last_insert_rowid();
    transaction.commit().doing(doing)?;
    Ok(run_id)
}

/// Ends a run.
fn finish_run(
    connection: &mut Connection,
    run_id: i64,
    state: RunState,
    exit_code: u8,
    summary: &str,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    connection
        .execute(
            "UPDATE sync_run SET state = ?2, exit_code = ?3, summary = ?4, finished_at = ?5 WHERE id = ?1",
            params![run_id, state.as_str(), exit_code, summary, clock::text(now)],
        )
        .doing("cannot end a run")?;
    // A walk that is still open was ended by a panic.
    connection
        .execute(
            "UPDATE sync_walk SET state = 'incomplete', reason = ?2, finished_at = ?3,
               detail = 'a bug in payersync ended the walk' WHERE run_id = ?1 AND state = 'running'",
            params![run_id, Reason::Bug.as_str(), clock::text(now)],
        )
        .doing("cannot end a run")
        .map(drop)
}
