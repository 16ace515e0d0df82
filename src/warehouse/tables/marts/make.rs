//! Computes the marts of a batch of connections: into the warehouse's own tables, or into temporary tables
//! that hide the warehouse's tables of the same names.

use super::{
    amounts,
    batch::Batch,
    lineage, order, people, sources,
    statements::{is_view, statements},
    steps,
};
use crate::warehouse::{
    error::{Doing, WarehouseError},
    tables::table::{Mart, quote},
};
use rusqlite::{Connection, Transaction};

const DOING: &str = "cannot fill the marts";

/// Makes the outdated marts of a batch of connections anew.
pub(super) fn make(
    transaction: &Transaction<'_>,
    marts: &[Mart],
    batch: &Batch,
) -> Result<(), WarehouseError> {
    let is_behind = |mart: &&Mart| {
        let types = batch.types.as_ref();
        !is_view(mart) && types.is_none_or(|types| sources::reads_any(&mart.name, types))
    };
    let behind: Vec<&Mart> = marts.iter().filter(is_behind).collect();
    prepare(transaction, &behind, batch)?;
    // A DELETE without a condition empties a table at once; SQLite then need not find each row.
    let of_scope = match are_all_in_scope(transaction)? {
        true => "",
        false => " WHERE connection_id IN (SELECT connection_id FROM temp.mart_scope)",
    };
    for mart in &behind {
        let delete = format!("DELETE FROM {}{of_scope}", quote(&mart.name));
        transaction.execute(&delete, []).doing(DOING)?;
    }
    fill(transaction, &behind)?;
    forget_notes(transaction, batch)?;
    clean_up(transaction)
}

/// Whether `temp.mart_scope` has every connection.
fn are_all_in_scope(connection: &Connection) -> Result<bool, WarehouseError> {
    connection
        .query_row(
            "SELECT NOT EXISTS (SELECT 1 FROM connection
               WHERE id NOT IN (SELECT connection_id FROM temp.mart_scope))",
            [],
            |row| row.get(0),
        )
        .doing(DOING)
}

/// Deletes the notes that the batch was made for; another process may have added further ones meanwhile.
fn forget_notes(transaction: &Transaction<'_>, batch: &Batch) -> Result<(), WarehouseError> {
    const OF_BATCH: &str = "connection_id IN (SELECT connection_id FROM temp.mart_scope)";
    let Some(types) = &batch.types else {
        return ["mart_due", "mart_due_type"].iter().try_for_each(|table| {
            let delete = format!("DELETE FROM {table} WHERE {OF_BATCH}");
            transaction.execute(&delete, []).doing(DOING).map(drop)
        });
    };
    let delete = format!("DELETE FROM mart_due_type WHERE resource_type = ?1 AND {OF_BATCH}");
    types.iter().try_for_each(|name| transaction.execute(&delete, [name]).doing(DOING).map(drop))
}

/// Makes the marts of a batch in temporary tables, which `compare` compares with the stored ones.
///
/// Nothing but temporary tables is written, and `temp.mart_scope` names the connections.
pub(super) fn beside(
    connection: &Connection,
    marts: &[Mart],
    batch: &Batch,
    compare: impl FnOnce() -> Result<(), WarehouseError>,
) -> Result<(), WarehouseError> {
    let all: Vec<&Mart> = marts.iter().collect();
    prepare(connection, &all, batch)?;
    for mart in marts {
        for create in statements(&mart.sql).0.iter().filter(|sql| !sql.starts_with("CREATE INDEX"))
        {
            let create = create.replacen("CREATE ", "CREATE TEMP ", 1);
            connection.execute_batch(&create).doing(DOING)?;
        }
    }
    fill(connection, &all)?;
    compare()?;
    for mart in marts {
        let kind = if is_view(mart) { "VIEW" } else { "TABLE" };
        let drop = format!("DROP {kind} temp.{}", quote(&mart.name));
        connection.execute_batch(&drop).doing(DOING)?;
    }
    clean_up(connection)
}

/// Fills the temporary tables that several marts read; [`clean_up`] drops them.
fn prepare(connection: &Connection, marts: &[&Mart], batch: &Batch) -> Result<(), WarehouseError> {
    for (at, step) in steps::needed_by(marts.iter().copied()).into_iter().enumerate() {
        connection.execute_batch(step).doing(DOING)?;
        if at == 0 {
            let mut insert = connection
                .prepare_cached("INSERT INTO temp.mart_scope VALUES (?1)")
                .doing(DOING)?;
            for connection_id in &batch.connections {
                insert.execute([connection_id]).doing(DOING)?;
            }
            people::fill(connection, &batch.persons)?;
        }
        if steps::creates(step, "claim_amount") {
            amounts::fill(connection)?;
        }
    }
    Ok(())
}

/// Fills each mart after the marts that it reads.
///
/// The relations between claims are computed once the claims' own amounts are there.
fn fill(connection: &Connection, marts: &[&Mart]) -> Result<(), WarehouseError> {
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
    for name in
        temporary.iter().filter(|name| steps::ALL.iter().any(|step| steps::creates(step, name)))
    {
        connection.execute_batch(&format!("DROP TABLE temp.{}", quote(name))).doing(DOING)?;
    }
    Ok(())
}
