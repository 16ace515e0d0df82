//! Connections that a run cannot ask: their plan left the configuration or lacks its secret, or its endpoints
//! could not be looked up.
//!
//! Without an entry in the ledger, everything that is judged by the ledger would show these connections as
//! complete for as long as their last data is fresh.

use super::type_state::types_in;
use crate::{
    clock,
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
    /// Why they cannot be asked.
    pub reason: Reason,
    /// What happened, in a sentence without values.
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
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

/// What a connection gets an entry for if no type of it was asked for before: a first sync begins with it.
const FIRST_TYPE: &str = "Patient";

/// The types of a connection whose latest entry says that its plan is asked for them. Those that only come
/// along with others, or that only files bring, are not among them.
fn asked() -> String {
    format!(
        "{} SELECT name FROM named WHERE name IS NOT NULL
           AND (SELECT w.state IN ('running', 'complete', 'incomplete')
                  AND w.mode <> 'everything' AND w.mode <> 'attachment'
                FROM sync_walk w WHERE w.connection_id = ?1 AND w.resource_type = name
                  AND w.mode <> 'window' AND w.mode <> 'file' ORDER BY w.id DESC LIMIT 1)
         ORDER BY name",
        types_in("sync_walk")
    )
}

/// The types whose latest entry says that the plan could not be asked for them: it is incomplete, and not one
/// request was sent.
///
/// If the configuration does not name such a type any more, no walk ends this entry.
pub(crate) fn waiting_types(
    connection: &Connection,
    connection_id: i64,
) -> Result<Vec<String>, WarehouseError> {
    connection
        .prepare_cached(&format!(
            "{} SELECT name FROM named WHERE name IS NOT NULL
               AND (SELECT w.state = 'incomplete' AND w.mode = 'full' AND w.requests = 0
                    FROM sync_walk w WHERE w.connection_id = ?1 AND w.resource_type = name
                      AND w.mode <> 'window' AND w.mode <> 'file' ORDER BY w.id DESC LIMIT 1)
             ORDER BY name",
            types_in("sync_walk")
        ))
        .and_then(|mut names| names.query_map([connection_id], |row| row.get(0))?.collect())
        .doing("cannot read for which types the plan could not be asked")
}

fn enter(
    connection: &mut Connection,
    run_id: i64,
    unasked: &Unasked,
    types: &[String],
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let doing = "cannot enter a connection that was not asked in the ledger";
    let (now, reason, asked) = (clock::text(now), unasked.reason.as_str(), asked());
    let transaction = connection.transaction().doing(doing)?;
    for id in &unasked.connections {
        let mut names: Vec<String> = transaction
            .prepare_cached(&asked)
            .and_then(|mut names| names.query_map([id], |row| row.get(0))?.collect())
            .doing(doing)?;
        if names.is_empty() && types.is_empty() {
            names.push(FIRST_TYPE.to_owned());
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::walks::scratch::Scratch;

    fn unasked() -> Unasked {
        Unasked {
            connections: vec![1, 2],
            reason: Reason::Configuration,
            detail: "payersync.toml has no plan demo".to_owned(),
            hint: None,
        }
    }

    #[test]
    fn a_connection_that_cannot_be_asked_is_entered_for_what_it_was_asked_for_before() {
        let mut connection = Scratch::with(
            "INSERT INTO connection (id, uid, name, plan, created_at)
               VALUES (2, 'v', 'bob', 'demo', '2026-03-01');
             INSERT INTO sync_run (id, command, version, state, started_at) VALUES
               (1, 'sync', '', 'complete', '2026-03-01'), (2, 'sync', '', 'incomplete', '2026-03-02'),
               (3, 'partial sync', '', 'incomplete', '2026-03-03');",
        );
        for (name, mode, state) in [
            ("Basic", "full", "complete"),
            ("Basic", "full", "skipped"),
            ("Binary", "attachment", "complete"),
            ("Coverage", "full", "complete"),
            ("Coverage", "incremental", "incomplete"),
            ("Device", "everything", "complete"),
            ("Goal", "full", "complete"),
            // Neither says of a type as a whole whether the plan is asked for it.
            ("Goal", "window", "complete"),
            ("Goal", "file", "complete"),
            ("Location", "reference", "complete"),
            ("Media", "file", "complete"),
        ] {
            let sql = "INSERT INTO sync_walk (run_id, connection_id, resource_type, mode, state,
                         requests, started_at, walk_started_at)
                       VALUES (1, 1, ?1, ?2, ?3, 1, '2026-03-01', '2026-03-01')";
            connection.execute(sql, (name, mode, state)).unwrap();
        }
        assert_eq!(waiting_types(&connection, 1).unwrap(), [""; 0]);
        let now = "2026-03-02T01:00:00Z".parse().unwrap();
        enter(&mut connection, 2, &unasked(), &[], now).unwrap();
        let waiting = |id| waiting_types(&connection, id).unwrap();
        assert_eq!(waiting(1), ["Coverage", "Goal", "Location"]);
        assert_eq!(waiting(2), ["Patient"], "it was never synced");
        enter(&mut connection, 3, &unasked(), &["Goal".to_owned(), "Media".to_owned()], now)
            .unwrap();
        let entered: Vec<(i64, String, String)> = connection
            .prepare(
                "SELECT connection_id, resource_type, reason FROM sync_walk
                 WHERE run_id = 3 AND state = 'incomplete'",
            )
            .and_then(|mut rows| {
                rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
            })
            .unwrap();
        assert_eq!(entered, [(1, "Goal".to_owned(), "configuration".to_owned())]);
        // Whatever the ledger says next of a type ends the entry.
        connection
            .execute_batch(
                "UPDATE sync_walk SET requests = 1 WHERE resource_type = 'Coverage' AND run_id = 2;
                 UPDATE sync_walk SET state = 'complete' WHERE resource_type = 'Location' AND run_id = 2;",
            )
            .unwrap();
        assert_eq!(waiting_types(&connection, 1).unwrap(), ["Goal"]);
    }
}
