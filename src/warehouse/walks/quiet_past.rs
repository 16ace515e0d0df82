//! Condenses old walks that changed nothing: walks that are alike become one row of the ledger, with their
//! sums.
//!
//! A walk is kept while anything refers to it: a resource that it brought, a cursor, or a later part. The
//! newest of the walks that are alike is kept, too, since it tells the state of its type. Walks are alike if
//! connection, type, kind and outcome are the same, so nothing is lost.

use super::kinds::WHOLE_TYPES;
use crate::{
    clock,
    warehouse::{
        Warehouse,
        error::{Doing, WarehouseError},
        file::access_log,
    },
};
use chrono::{DateTime, Utc};
use rusqlite::Connection;

const DOING: &str = "cannot delete old runs";

/// Walks that ended before an instant, changed nothing, and are not referred to.
///
/// Each comes with its keeper: the oldest of the walks that are alike, which takes the sums. The newest of
/// these walks stays. Walks over windows and files are left out, since each says what was asked for.
fn quiet_walks() -> String {
    format!(
        "CREATE TEMP TABLE quiet_walk AS
   WITH judged AS (
     SELECT w.*,
       coalesce(CASE instr(warning, 'sums of the walks of this kind')
         WHEN 0 THEN warning || '; '
         ELSE substr(warning, 1, instr(warning, 'sums of the walks of this kind') - 1) END, '')
         AS said,
       finished_at < :before AND mode IN {WHOLE_TYPES} AND state <> 'running'
       AND resources_new + resources_changed + resources_deleted + resources_rejected
         + resources_older + resources_absent + duplicates = 0
       AND NOT EXISTS (SELECT 1 FROM temp.named_walk n WHERE n.id = w.id) AS is_quiet
     FROM sync_walk w
   ), kinds AS (
     SELECT judged.*, min(id) FILTER (WHERE is_quiet) OVER kind AS keeper,
       max(id) OVER kind AS newest
     FROM judged
     WINDOW kind AS (PARTITION BY connection_id, resource_type, mode, state, reason, http_status,
       said, detail, hint, server_message, window_parameter, proved_for, pages > 0, requests > 0,
       resources_seen > 0))
   SELECT id, keeper, said, pages, requests, retries, bytes, resources_seen, resources_unchanged,
     rows_written, finished_at FROM kinds
   WHERE is_quiet AND id <> newest"
    )
}

/// Walks that a resource, a reject, a cursor or another walk refers to.
///
/// A resource refers to the walk that brought it, which is not quiet. The exception is a plan's walk that
/// took resources over from a file. So only the many resources of connections with files are looked through.
const NAMED: &str = "CREATE TEMP TABLE named_walk AS
   SELECT walk_id AS id FROM resource WHERE walk_id IS NOT NULL
     AND connection_id IN (SELECT connection_id FROM sync_walk WHERE mode = 'file')
   UNION SELECT walk_id FROM rejected_resource WHERE walk_id IS NOT NULL
   UNION SELECT walk_id FROM absent_resource WHERE walk_id IS NOT NULL
   UNION SELECT walk_id FROM walk_cursor
   UNION SELECT walk_id FROM walk_page
   UNION SELECT resumed_from FROM sync_walk WHERE resumed_from IS NOT NULL
   UNION SELECT id FROM sync_walk WHERE resumed_from IS NOT NULL";

const MERGE: &str = "
   CREATE INDEX temp.quiet_walk_keeper ON quiet_walk (keeper);
   UPDATE sync_walk SET (pages, requests, retries, bytes, resources_seen, resources_unchanged,
       rows_written, finished_at, warning) =
     (SELECT sum(q.pages), sum(q.requests), sum(q.retries), sum(q.bytes), sum(q.resources_seen),
        sum(q.resources_unchanged), sum(q.rows_written), max(q.finished_at),
        max(q.said) || 'sums of the walks of this kind up to ' || max(q.finished_at)
          || ' that changed nothing (keep_runs_days)'
      FROM temp.quiet_walk q WHERE q.keeper = sync_walk.id)
     WHERE id IN (SELECT keeper FROM temp.quiet_walk GROUP BY keeper HAVING count(*) > 1);
   DELETE FROM sync_walk WHERE id IN (SELECT id FROM temp.quiet_walk WHERE id <> keeper);";

/// Deletes runs that have no walk left, except the newest run.
const RUNS: &str = "DELETE FROM sync_run WHERE finished_at < ?1
     AND id <> (SELECT max(id) FROM sync_run)
     AND NOT EXISTS (SELECT 1 FROM sync_walk w WHERE w.run_id = sync_run.id)
     AND NOT EXISTS (SELECT 1 FROM rejected_resource r WHERE r.run_id = sync_run.id)
     AND NOT EXISTS (SELECT 1 FROM resource_outdated o WHERE o.run_id = sync_run.id)
     AND command IN ('sync', 'partial sync', 'run')";

impl Warehouse {
    /// Deletes walks that changed nothing and ended before an instant; returns how many.
    ///
    /// Also deletes runs that are left without walks, and older entries of the access log.
    ///
    /// # Errors
    /// An error of SQLite.
    pub async fn prune_runs(&self, before: DateTime<Utc>) -> Result<u64, WarehouseError> {
        let now = self.clock.now();
        self.writer
            .run(move |connection, _| {
                access_log::prune(connection, before, now)?;
                prune(connection, &clock::text(before))
            })
            .await
    }
}

/// Prunes with foreign keys switched off: SQLite would search all resources for each deleted walk.
fn prune(connection: &mut Connection, before: &str) -> Result<u64, WarehouseError> {
    connection.pragma_update(None, "foreign_keys", false).doing(DOING)?;
    let pruned = prune_unreferenced(connection, before);
    connection.pragma_update(None, "foreign_keys", true).doing(DOING)?;
    pruned
}

fn prune_unreferenced(connection: &mut Connection, before: &str) -> Result<u64, WarehouseError> {
    let transaction = connection.transaction().doing(DOING)?;
    transaction
        .execute_batch(&format!(
            "{NAMED}; CREATE UNIQUE INDEX temp.named_walk_id ON named_walk (id)"
        ))
        .doing(DOING)?;
    transaction.execute(&quiet_walks(), &[(":before", before)]).doing(DOING)?;
    transaction.execute_batch(MERGE).doing(DOING)?;
    let pruned = "SELECT count(*) FROM temp.quiet_walk WHERE id <> keeper";
    let pruned: u64 = transaction.query_row(pruned, [], |row| row.get(0)).doing(DOING)?;
    transaction.execute(RUNS, [before]).doing(DOING)?;
    transaction
        .execute_batch("DROP TABLE temp.quiet_walk; DROP TABLE temp.named_walk")
        .doing(DOING)?;
    transaction.commit().doing(DOING)?;
    Ok(pruned)
}
