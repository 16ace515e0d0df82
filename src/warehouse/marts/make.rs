//! Works out the marts of a batch of connections: into the tables that stand, or into temporary
//! tables of the same names, which hide them.

use super::{STEPS, batch::Batch, lineage, order, people, statements};
use crate::warehouse::{
    error::{Doing, WarehouseError},
    table::{Mart, quote},
};
use rusqlite::{Connection, Transaction};

const DOING: &str = "cannot fill the marts";

/// Makes the marts of a batch of connections anew.
pub(super) fn make(
    transaction: &Transaction<'_>,
    marts: &[Mart],
    batch: &Batch,
) -> Result<(), WarehouseError> {
    prepare(transaction, batch)?;
    for mart in marts.iter().filter(|mart| !super::is_view(mart)) {
        let delete = format!(
            "DELETE FROM {} WHERE connection_id IN (SELECT connection_id FROM temp.mart_scope)",
            quote(&mart.name)
        );
        transaction.execute(&delete, []).doing(DOING)?;
    }
    fill(transaction, marts)?;
    transaction
        .execute(
            "DELETE FROM mart_due WHERE connection_id IN (SELECT connection_id FROM temp.mart_scope)",
            [],
        )
        .doing(DOING)?;
    clean_up(transaction)
}

/// What the marts of a batch would be, for `compare` to look at beside what stands.
///
/// Nothing but temporary tables is written, and `temp.mart_scope` names the connections.
pub(super) fn beside(
    connection: &Connection,
    marts: &[Mart],
    batch: &Batch,
    compare: impl FnOnce() -> Result<(), WarehouseError>,
) -> Result<(), WarehouseError> {
    prepare(connection, batch)?;
    for mart in marts {
        for create in statements(&mart.sql).0.iter().filter(|sql| !sql.starts_with("CREATE INDEX"))
        {
            let create = create.replacen("CREATE ", "CREATE TEMP ", 1);
            connection.execute_batch(&create).doing(DOING)?;
        }
    }
    fill(connection, marts)?;
    compare()?;
    for mart in marts {
        let kind = if super::is_view(mart) { "VIEW" } else { "TABLE" };
        let drop = format!("DROP {kind} temp.{}", quote(&mart.name));
        connection.execute_batch(&drop).doing(DOING)?;
    }
    clean_up(connection)
}

/// Works out what several marts need, in tables that are gone again with [`clean_up`].
fn prepare(connection: &Connection, batch: &Batch) -> Result<(), WarehouseError> {
    for (at, step) in STEPS.iter().enumerate() {
        connection.execute_batch(step).doing(DOING)?;
        if at == 0 {
            let mut insert = connection
                .prepare_cached("INSERT INTO temp.mart_scope VALUES (?1, ?2)")
                .doing(DOING)?;
            for (connection_id, source_id) in &batch.sources {
                insert.execute([connection_id, source_id]).doing(DOING)?;
            }
            people::fill(connection, &batch.persons)?;
        }
    }
    Ok(())
}

/// Fills the marts, each behind those that it reads, and with what the claims' relations come to once
/// their own amounts are there.
fn fill(connection: &Connection, marts: &[Mart]) -> Result<(), WarehouseError> {
    for mart in order::tables_in_order(marts) {
        for fill in statements(&mart.sql).1 {
            connection.execute(&fill, []).doing(DOING)?;
        }
        if mart.name == "claim" {
            lineage::fill(connection)?;
        }
    }
    Ok(())
}

fn clean_up(connection: &Connection) -> Result<(), WarehouseError> {
    let temporary: Vec<String> = connection
        .prepare("SELECT name FROM sqlite_temp_schema WHERE type = 'table'")
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .doing(DOING)?;
    for name in temporary.iter().filter(|name| STEPS.iter().any(|step| creates(step, name))) {
        connection.execute_batch(&format!("DROP TABLE temp.{}", quote(name))).doing(DOING)?;
    }
    Ok(())
}

fn creates(step: &str, name: &str) -> bool {
    step.lines().any(|line| {
        let rest = line.strip_prefix("CREATE TEMP TABLE ").and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with([' ', '(']))
    })
}
