//! Fills the tables of one resource type again from the stored resources.
//!
//! The new tables grow beside the old ones, one batch of resources per transaction. The progress is
//! committed with each batch, so a killed rebuild goes on from there unless the definitions have changed
//! meanwhile. Readers see the complete old tables until all are swapped in one transaction. Memory is
//! bounded by a batch and its largest resource. The network is never used. The views run on the other
//! cores; one thread writes.

use super::{
    in_order::{helpers, in_order},
    mistyped,
    projection::project,
    rebuild_job::Job,
    rebuild_swap,
    row_batch::{RowBatch, TableRows},
    rows::insert_rows,
    table::quote,
};
use crate::{
    clock,
    monitor::{Event, Monitor},
    reference::ServerBases,
    warehouse::{
        error::{Doing, WarehouseError},
        walks::connections,
    },
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// The most resources in one transaction.
const BATCH_RESOURCES: usize = 500;
/// The bytes of resources after which a transaction takes no further resource.
const BATCH_BYTES: usize = 4 << 20;

/// The progress of a rebuild: the last resource done, and how many are done.
struct Progress {
    connection_id: i64,
    resource_id: String,
    done: u64,
}

impl Job<'_> {
    /// Rebuilds; returns how many resources of the type are in no table because a view rejects them.
    pub(crate) fn run(
        &self,
        connection: &mut Connection,
        monitor: &dyn Monitor,
    ) -> Result<u64, WarehouseError> {
        let mut progress = self.resume_or_begin(connection)?;
        if !self.stale.is_empty() {
            let title = self.title();
            let total = self.count(connection)?;
            loop {
                let whole = self.batch(connection, &mut progress)?;
                monitor.event(Event::Rebuilding {
                    table: &title,
                    resources_done: if whole { total.max(progress.done) } else { progress.done },
                    resources_total: total.max(progress.done),
                });
                if whole {
                    break;
                }
            }
        }
        rebuild_swap::swap(connection, self)
    }

    fn title(&self) -> String {
        match self.stale.as_slice() {
            [one] => self.catalog.table(*one).name().to_owned(),
            several => format!("{} tables of {}", several.len(), self.resource_type),
        }
    }

    /// Identifies what the rebuild works towards: the tables to fill, all definitions of the type, and
    /// where references lead. A rebuild with another goal starts anew.
    fn goal(&self, connection: &Connection) -> Result<Vec<u8>, WarehouseError> {
        let mut hash = Sha256::new();
        hash.update(connections::all_bases(connection)?);
        for position in self.catalog.of_type(self.resource_type) {
            let table = self.catalog.table(*position);
            hash.update([u8::from(self.stale.contains(position))]);
            hash.update(&table.definition_hash);
        }
        Ok(hash.finalize().to_vec())
    }

    fn resume_or_begin(&self, connection: &mut Connection) -> Result<Progress, WarehouseError> {
        let doing = "cannot begin to rebuild tables";
        let goal = self.goal(connection)?;
        let transaction = connection.transaction().doing(doing)?;
        let found: Option<(Vec<u8>, String, Progress)> = transaction
            .query_row(
                "SELECT goal, tables, last_connection_id, last_resource_id, resources_done
                 FROM table_rebuild WHERE resource_type = ?1",
                [self.resource_type],
                |row| {
                    let (connection_id, resource_id, done) =
                        (row.get(2)?, row.get(3)?, row.get(4)?);
                    let progress = Progress { connection_id, resource_id, done };
                    Ok((row.get(0)?, row.get(1)?, progress))
                },
            )
            .optional()
            .doing(doing)?;
        if let Some((found_goal, tables, progress)) = found {
            if found_goal == goal {
                return Ok(progress);
            }
            abandon(&transaction, self.resource_type, &tables)?;
        }
        mistyped::forget_tables(&transaction, self.catalog, self.resource_type, &self.stale)?;
        let mut names = Vec::new();
        for position in &self.stale {
            let table = self.catalog.table(*position);
            let name = table.building_name();
            transaction.execute_batch(&table.create(&name)).doing(doing)?;
            names.push(name);
        }
        transaction
            .execute(
                "INSERT INTO table_rebuild (resource_type, goal, tables, last_connection_id,
                   last_resource_id, resources_done, started_at) VALUES (?1, ?2, ?3, 0, '', 0, ?4)",
                params![
                    self.resource_type,
                    goal,
                    serde_json::Value::from(names).to_string(),
                    clock::text(self.now)
                ],
            )
            .doing(doing)?;
        transaction.commit().doing(doing)?;
        Ok(Progress { connection_id: 0, resource_id: String::new(), done: 0 })
    }

    /// The number of resources, deleted ones included; a cheap estimate for the progress display.
    fn count(&self, connection: &Connection) -> Result<u64, WarehouseError> {
        connection
            .query_row(
                "SELECT coalesce(sum((SELECT count(*) FROM resource r
                   WHERE r.connection_id = c.id AND r.resource_type = ?1)), 0) FROM connection c",
                [self.resource_type],
                |row| row.get(0),
            )
            .doing("cannot count the stored resources")
    }

    /// Processes the next resources; returns whether there are no more.
    fn batch(
        &self,
        connection: &mut Connection,
        progress: &mut Progress,
    ) -> Result<bool, WarehouseError> {
        let doing = "cannot rebuild tables";
        let transaction = connection.transaction().doing(doing)?;
        let (stored, whole) = self.read(&transaction, progress)?;
        progress.done += stored.len() as u64;
        if let Some(last) = stored.last() {
            progress.connection_id = last.connection_id;
            progress.resource_id.clone_from(&last.resource_id);
        }
        self.fill(&transaction, stored)?;
        transaction
            .execute(
                "UPDATE table_rebuild SET last_connection_id = ?2, last_resource_id = ?3,
                   resources_done = ?4 WHERE resource_type = ?1",
                params![
                    self.resource_type,
                    progress.connection_id,
                    progress.resource_id,
                    progress.done
                ],
            )
            .doing(doing)?;
        transaction.commit().doing(doing)?;
        Ok(whole)
    }

    /// Reads the next resources; also returns whether there are no more.
    fn read(
        &self,
        transaction: &Transaction<'_>,
        progress: &Progress,
    ) -> Result<(Vec<Stored>, bool), WarehouseError> {
        let doing = "cannot read the stored resources";
        let connections: Vec<i64> = transaction
            .prepare("SELECT id FROM connection WHERE id >= ?1 ORDER BY id")
            .and_then(|mut statement| {
                statement.query_map([progress.connection_id], |row| row.get(0))?.collect()
            })
            .doing(doing)?;
        // A resource that a view rejects has rows in no table; it is tried again when the tables are
        // swapped.
        let mut statement = transaction
            .prepare_cached(
                "SELECT resource_id, json, bundle_references FROM resource r
                 WHERE connection_id = ?1 AND resource_type = ?2 AND resource_id > ?3
                   AND deleted_at IS NULL
                   AND NOT EXISTS (SELECT 1 FROM rejected_resource j
                     WHERE j.connection_id = r.connection_id AND j.resource_type = r.resource_type
                       AND j.resource_id = r.resource_id AND j.resolved_at IS NULL
                       AND j.reason = 'view_error' AND j.body = r.json)
                 ORDER BY resource_id",
            )
            .doing(doing)?;
        let (mut stored, mut bytes) = (Vec::new(), 0);
        for connection_id in connections {
            let bases = Arc::new(connections::bases(transaction, connection_id)?);
            let after = if connection_id == progress.connection_id {
                progress.resource_id.as_str()
            } else {
                ""
            };
            let mut rows =
                statement.query(params![connection_id, self.resource_type, after]).doing(doing)?;
            while let Some(row) = rows.next().doing(doing)? {
                let json = row.get_ref(1).and_then(|value| Ok(value.as_bytes()?)).doing(doing)?;
                let bundle = row.get_ref(2).and_then(|value| Ok(value.as_str_or_null()?));
                let within = connections::within(&bases, bundle.doing(doing)?);
                bytes += json.len();
                stored.push(Stored {
                    connection_id,
                    resource_id: row.get(0).doing(doing)?,
                    json: json.to_vec(),
                    bases: within.map_or_else(|| Arc::clone(&bases), Arc::new),
                });
                if stored.len() == BATCH_RESOURCES || bytes >= BATCH_BYTES {
                    return Ok((stored, false));
                }
            }
        }
        Ok((stored, true))
    }

    /// Runs the views on the other cores and writes the rows on this one, in the resources' order.
    fn fill(
        &self,
        transaction: &Transaction<'_>,
        stored: Vec<Stored>,
    ) -> Result<(), WarehouseError> {
        let table = |position: &usize| self.catalog.table(*position);
        let inserts: Vec<String> =
            self.stale.iter().map(|position| table(position).insert_while_building()).collect();
        in_order(
            helpers(),
            stored,
            |stored| self.project(stored),
            |projected| self.write(transaction, &inserts, &projected),
        )
    }

    fn project(&self, stored: Stored) -> Projected {
        let Stored { connection_id, resource_id, json, bases } = stored;
        let mut batch = RowBatch::default();
        let rows = project(&json, &bases, &self.stale, self.catalog, &mut batch);
        Projected { connection_id, resource_id, batch, rows }
    }

    /// Writes one resource's rows to the new tables, or notes that a new definition rejects it.
    fn write(
        &self,
        transaction: &Transaction<'_>,
        inserts: &[String],
        projected: &Projected,
    ) -> Result<(), WarehouseError> {
        let Projected { connection_id, resource_id, batch, rows } = projected;
        match rows {
            Ok(all) => {
                for (rows, insert) in all.iter().zip(inserts) {
                    let table = self.catalog.table(rows.table);
                    mistyped::note(transaction, *connection_id, resource_id, table, rows)?;
                    insert_rows(transaction, insert, *connection_id, batch, rows.cells.clone())?;
                }
                Ok(())
            }
            Err(detail) => transaction
                .execute(
                    "INSERT INTO rebuild_reject (resource_type, connection_id, resource_id, detail)
                     VALUES (?1, ?2, ?3, ?4)",
                    params![self.resource_type, connection_id, resource_id, detail],
                )
                .doing("cannot note which resources a definition rejects")
                .map(drop),
        }
    }
}

/// A stored resource, and the FHIR bases by which its references are resolved.
struct Stored {
    connection_id: i64,
    resource_id: String,
    json: Vec<u8>,
    bases: Arc<ServerBases>,
}

/// The rows that a resource gives, or the reason why it gives none.
struct Projected {
    connection_id: i64,
    resource_id: String,
    batch: RowBatch,
    rows: Result<Vec<TableRows>, String>,
}

/// Removes the tables and the progress of a rebuild whose goal has changed.
fn abandon(
    transaction: &Transaction<'_>,
    resource_type: &str,
    tables: &str,
) -> Result<(), WarehouseError> {
    let doing = "cannot begin to rebuild tables";
    // Only this program writes this text; if it cannot be read, there is no table to drop.
    let tables: Vec<String> = serde_json::from_str(tables).unwrap_or_default();
    for table in tables {
        transaction
            .execute_batch(&format!("DROP TABLE IF EXISTS {};", quote(&table)))
            .doing(doing)?;
    }
    for control in ["rebuild_reject", "table_rebuild"] {
        transaction
            .execute(&format!("DELETE FROM {control} WHERE resource_type = ?1"), [resource_type])
            .doing(doing)?;
    }
    Ok(())
}
