//! When each connection was last synced.

use crate::warehouse::error::{Doing, WarehouseError};
use chrono::{DateTime, Utc};
use rusqlite::Connection;
use std::collections::HashMap;

/// For each connection: the start of its latest sync that reached its end, with whatever result.
///
/// An interrupted run does not count: the next run is to continue it. A partial sync does not count either.
/// Nor does a run that could not ask the connection as the configuration stood: whoever corrects it and
/// restarts waits for no further night.
pub(crate) fn last_runs(
    connection: &Connection,
) -> Result<HashMap<i64, DateTime<Utc>>, WarehouseError> {
    let rows: Vec<(i64, String)> = connection
        .prepare(
            // In a group with max(), SQLite takes the other columns from the same row. The latest run is the
            // last one entered: one that began while the clock was ahead has the latest date for years.
            "SELECT walk.connection_id, run.started_at, max(run.id)
             FROM sync_run AS run JOIN sync_walk AS walk ON walk.run_id = run.id
             WHERE run.command IN ('sync', 'run') AND run.state IN ('complete', 'incomplete')
               AND walk.reason IS NOT 'configuration'
             GROUP BY walk.connection_id",
        )
        .and_then(|mut statement| {
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .doing("cannot read when connections were last synced")?;
    // A text that is not a time was not written by us; the connection is then due at once.
    let known = rows.into_iter().filter_map(|(id, text)| Some((id, text.parse().ok()?)));
    Ok(known.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::{PARTIAL_SYNC, walks::scratch::Scratch};

    #[test]
    fn only_a_run_that_asked_for_everything_and_ended_puts_the_next_one_off() {
        let connection = Scratch::with(
            "INSERT INTO sync_run (id, command, version, state, started_at)
               VALUES (1, 'sync', '', 'complete', '2026-03-01T01:00:00Z');
             INSERT INTO sync_walk (run_id, connection_id, resource_type, mode, state, reason,
                 started_at, walk_started_at)
               VALUES (1, 1, 'Coverage', 'full', 'complete', NULL, '2026-03-01T01:00:00Z',
                 '2026-03-01T01:00:00Z');",
        );
        let last = || last_runs(&connection).unwrap()[&1].to_rfc3339();
        assert_eq!(last(), "2026-03-01T01:00:00+00:00");
        let run = |number: i64, command: &str, state: &str, reason: &str| {
            let began = format!("2026-03-01T{number:02}:00:00Z");
            let sql = "INSERT INTO sync_run (id, command, version, state, started_at)
                       VALUES (?1, ?2, '', ?3, ?4)";
            connection.execute(sql, (number, command, state, &began)).unwrap();
            let sql = "INSERT INTO sync_walk (run_id, connection_id, resource_type, mode, state,
                         reason, started_at, walk_started_at)
                       VALUES (?1, 1, 'Coverage', 'full', 'incomplete', ?2, ?3, ?3)";
            connection.execute(sql, (number, reason, &began)).unwrap();
        };
        run(2, PARTIAL_SYNC, "incomplete", "unreachable");
        run(3, "sync", "interrupted", "interrupted");
        // The plan was not in the configuration.
        run(4, "run", "incomplete", "configuration");
        assert_eq!(last(), "2026-03-01T01:00:00+00:00");
        run(5, "run", "incomplete", "unreachable");
        assert_eq!(last(), "2026-03-01T05:00:00+00:00");
    }
}
