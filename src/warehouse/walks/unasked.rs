//! Connections that a run cannot ask: their plan left the configuration or lacks its secret, or its endpoints
//! could not be looked up.
//!
//! Without an entry in the ledger, everything that is judged by the ledger would show these connections as
//! complete for as long as their last data is fresh.

use crate::{
    clock,
    exit_code::ExitCode,
    outcome::Reason,
    warehouse::{
        Warehouse,
        error::{Doing, WarehouseError},
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, params};

/// Connections that cannot be asked, for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unasked {
    /// The `connection.id` of each that gets an entry.
    pub connections: Vec<i64>,
    /// The exit code of the failure.
    pub exit_code: ExitCode,
    /// What happened, in a sentence without values.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Unasked {
    fn reason(&self) -> Reason {
        match self.exit_code {
            ExitCode::Unreachable => Reason::Unreachable,
            _ => Reason::Configuration,
        }
    }
}

impl Warehouse {
    /// Enters each type that these connections were asked for before as incomplete; only `types`, if any are
    /// named.
    pub(crate) async fn enter_unasked(
        &self,
        run_id: i64,
        unasked: Unasked,
        types: Vec<String>,
    ) -> Result<(), WarehouseError> {
        let now = self.clock.now();
        self.writer.run(move |connection, _| enter(connection, run_id, &unasked, &types, now)).await
    }
}

/// The types of a connection whose latest entry says that its plan is asked for them. Those that only come
/// along with others, or that only files bring, are not among them.
const ASKED: &str = "SELECT resource_type FROM
       (SELECT resource_type, mode, state, max(id) FROM sync_walk
        WHERE connection_id = ?1 AND mode <> 'window' AND mode <> 'file' GROUP BY resource_type)
     WHERE state IN ('running', 'complete', 'incomplete')
       AND mode <> 'everything' AND mode <> 'attachment' ORDER BY resource_type";

fn enter(
    connection: &mut Connection,
    run_id: i64,
    unasked: &Unasked,
    types: &[String],
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let doing = "cannot enter a connection that was not asked in the ledger";
    let (now, reason) = (clock::text(now), unasked.reason().as_str());
    let transaction = connection.transaction().doing(doing)?;
    for id in &unasked.connections {
        let names: Vec<String> = transaction
            .prepare_cached(ASKED)
            .and_then(|mut names| names.query_map([id], |row| row.get(0))?.collect())
            .doing(doing)?;
        let is_wanted = |name: &String| types.is_empty() || types.contains(name);
        for name in names.iter().filter(|name| is_wanted(name)) {
            transaction
                .prepare_cached(
                    "INSERT INTO sync_walk (run_id, connection_id, resource_type, mode, state,
                       reason, detail, hint, started_at, walk_started_at, finished_at)
                     VALUES (?1, ?2, ?3, 'full', 'incomplete', ?4, ?5, ?6, ?7, ?7, ?7)",
                )
                .and_then(|mut insert| {
                    insert.execute(params![
                        run_id,
                        id,
                        name,
                        reason,
                        unasked.detail,
                        unasked.hint,
                        now
                    ])
                })
                .doing(doing)?;
        }
    }
    transaction.commit().doing(doing)
}
