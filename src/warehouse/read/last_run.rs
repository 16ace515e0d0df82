//! When each connection was last synced.

use crate::warehouse::error::{Doing, WarehouseError};
use chrono::{DateTime, Utc};
use rusqlite::Connection;
use std::collections::HashMap;

/// For each connection: the start of its latest sync that reached its end, with whatever result.
///
/// An interrupted run does not count: the next run is to continue it. Neither does one that could not ask the
/// connection as the configuration stood: whoever corrects it and restarts waits for no further night.
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
