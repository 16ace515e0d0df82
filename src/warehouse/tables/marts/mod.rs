//! The marts: tables that answer an analyst's question, kept in step with the normalised tables.
//!
//! A change to a resource of a type that marts read notes its connection and type in the same
//! transaction. At the end of a run, or when the warehouse is next opened, the marts of noted connections
//! that read such types are made anew. That takes one transaction per batch: readers see the old rows or
//! the new ones. If nothing was noted, nothing is read or written. Connections of one person at one payer
//! are made anew together, since a resource that came through both counts once.

mod amounts;
mod batch;
mod benefit;
mod cents;
mod check;
mod codes;
#[cfg(test)]
mod duplicate_tests;
mod first_name;
mod functions;
mod groups;
mod identifier;
mod lineage;
mod make;
mod order;
mod people;
mod persons;
mod revision;
mod sources;
mod standing;
mod statements;
mod steps;
mod unit;
mod words;

use super::table::{Mart, quote};
use crate::{
    clock,
    warehouse::error::{Doing, WarehouseError},
};
use batch::{Pending, due};
use chrono::{DateTime, Utc};
use make::make;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use sha2::{Digest, Sha256};
use statements::{is_view, statements};
use std::collections::HashMap;

pub(in crate::warehouse) use check::verify;
pub(in crate::warehouse) use functions::register;
pub use standing::MartState;
pub(in crate::warehouse) use standing::state;
pub(in crate::warehouse) use statements::creates_view;
pub use words::{luhn_sum, npi_is_valid};

/// The version of the code that makes marts; raised if the same statements give other rows than before.
const FORMAT: u8 = 7;
/// Notes that the marts of a connection are out of date.
pub(crate) fn note(transaction: &Connection, connection_id: i64) -> Result<(), WarehouseError> {
    transaction
        .prepare_cached("INSERT OR IGNORE INTO mart_due VALUES (?1)")
        .and_then(|mut statement| statement.execute([connection_id]))
        .doing("cannot note that marts are out of date")
        .map(drop)
}

/// Notes the type of a walk that ends complete, if another connection to the same records has deleted a
/// resource of the type since the last such walk: the copies of the walk's connection count again.
pub(crate) fn note_return(transaction: &Connection, walk_id: i64) -> Result<(), WarehouseError> {
    if !exists(transaction, "member")? {
        return Ok(());
    }
    let doing = "cannot read what other connections know of a type";
    let returned: Option<(i64, String)> = transaction
        .prepare_cached(
            "SELECT w.connection_id, w.resource_type FROM sync_walk AS w
             WHERE w.id = ?1 AND w.mode <> 'file' AND EXISTS (
               SELECT 1 FROM member AS here
               CROSS JOIN member AS beside ON beside.member_id = here.member_id
                 AND beside.connection_id <> here.connection_id
               CROSS JOIN resource AS r ON r.connection_id = beside.connection_id
                 AND r.resource_type = w.resource_type AND r.deleted_at > coalesce(
                   (SELECT max(f.started_at) FROM sync_walk AS f
                    WHERE f.connection_id = w.connection_id AND f.resource_type = w.resource_type
                      AND f.state = 'complete' AND f.mode <> 'file' AND f.id <> w.id), '')
               WHERE here.connection_id = w.connection_id AND here.is_repeated = 1)",
        )
        .and_then(|mut statement| {
            statement.query_row([walk_id], |row| Ok((row.get(0)?, row.get(1)?))).optional()
        })
        .doing(doing)?;
    returned.map_or(Ok(()), |(connection_id, name)| note_change(transaction, connection_id, &name))
}

/// Notes that a resource of this type has changed, so that the marts that read the type are out of date.
///
/// Nothing is noted if no mart reads the type.
pub(crate) fn note_change(
    transaction: &Connection,
    connection_id: i64,
    resource_type: &str,
) -> Result<(), WarehouseError> {
    if !sources::are_read_from(resource_type) {
        return Ok(());
    }
    transaction
        .prepare_cached("INSERT OR IGNORE INTO mart_due_type VALUES (?1, ?2)")
        .and_then(|mut statement| statement.execute(params![connection_id, resource_type]))
        .doing("cannot note that marts are out of date")
        .map(drop)
}

/// Notes every connection, because the tables of this type have changed; nothing if no mart reads the
/// type.
pub(super) fn note_tables(
    transaction: &Connection,
    resource_type: &str,
) -> Result<(), WarehouseError> {
    match sources::are_read_from(resource_type) {
        true => note_all(transaction).map(drop),
        false => Ok(()),
    }
}

/// Notes every connection; returns whether there is any.
pub(super) fn note_all(transaction: &Connection) -> Result<bool, WarehouseError> {
    transaction
        .execute("INSERT OR IGNORE INTO mart_due SELECT id FROM connection", [])
        .doing("cannot note that marts are out of date")
        .map(|connections| connections > 0)
}

/// Notes the other connections of the same persons, before a connection is purged.
pub(crate) fn note_kin(transaction: &Connection, connection_id: i64) -> Result<(), WarehouseError> {
    if !exists(transaction, "member")? {
        return Ok(());
    }
    transaction
        .execute(
            "INSERT OR IGNORE INTO mart_due SELECT o.connection_id FROM member AS m
             JOIN member AS o ON o.member_id = m.member_id AND o.connection_id <> m.connection_id
             WHERE m.connection_id = ?1",
            [connection_id],
        )
        .doing("cannot note that marts are out of date")
        .map(drop)
}

fn exists(connection: &Connection, name: &str) -> Result<bool, WarehouseError> {
    connection
        .query_row("SELECT count(*) FROM sqlite_schema WHERE name = ?1", [name], |row| row.get(0))
        .doing("cannot read which tables there are")
}

/// A hash that changes with the definition of a mart.
pub(crate) fn hash(mart: &Mart) -> Vec<u8> {
    let mut hash = Sha256::new().chain_update([FORMAT]).chain_update(&mart.sql);
    if !is_view(mart) {
        steps::ALL.iter().for_each(|step| hash.update(step));
    }
    hash.finalize().to_vec()
}

/// Requests that marts be made anew even if their definition is unchanged.
pub(crate) fn request(connection: &Connection, names: &[String]) -> Result<(), WarehouseError> {
    for name in names {
        connection
            .execute("UPDATE mart_table SET definition_hash = X'' WHERE name = ?1", [name])
            .doing("cannot ask for a rebuild")?;
    }
    Ok(())
}

/// Creates marts with a new definition, drops those without one, and brings every mart up to date.
///
/// Readers see all these changes at once.
pub(crate) fn prepare(
    connection: &mut Connection,
    marts: &[Mart],
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    let doing = "cannot create a mart";
    if Stale::among(connection, marts)?.is_none() {
        return refresh(connection, marts);
    }
    let transaction = connection.transaction().doing(doing)?;
    // Another process may have done the same meanwhile.
    let Some(Stale { changed, drop }) = Stale::among(&transaction, marts)? else { return Ok(()) };
    for (name, kind) in drop {
        transaction.execute_batch(&format!("DROP {kind} {}", quote(&name))).doing(doing)?;
        transaction.execute("DELETE FROM mart_table WHERE name = ?1", [name]).doing(doing)?;
    }
    for mart in &changed {
        for create in statements(&mart.sql).0 {
            transaction.execute_batch(&create).doing(doing)?;
        }
        transaction
            .execute(
                "INSERT OR REPLACE INTO mart_table (name, definition_hash, built_at)
                 VALUES (?1, ?2, ?3)",
                params![mart.name, hash(mart), clock::text(now)],
            )
            .doing(doing)?;
    }
    if changed.iter().any(|mart| !is_view(mart)) {
        note_all(&transaction)?;
    }
    for batch in due(&transaction)? {
        make(&transaction, marts, &batch)?;
    }
    transaction.commit().doing(doing)
}

/// The marts that differ from their definitions.
struct Stale<'a> {
    changed: Vec<&'a Mart>,
    /// Name and kind of each table or view to drop, because its definition changed or is gone.
    drop: Vec<(String, String)>,
}

impl Stale<'_> {
    fn among<'a>(
        connection: &Connection,
        marts: &'a [Mart],
    ) -> Result<Option<Stale<'a>>, WarehouseError> {
        let known = definitions(connection)?;
        let standing: HashMap<String, String> = connection
            .prepare("SELECT name, type FROM sqlite_schema WHERE type IN ('table', 'view')")
            .and_then(|mut statement| {
                statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .doing("cannot read which marts there are")?;
        let is_sound = |mart: &&Mart| {
            standing.contains_key(&mart.name) && known.get(&mart.name) == Some(&hash(mart))
        };
        let changed: Vec<&Mart> = marts.iter().filter(|mart| !is_sound(mart)).collect();
        let gone = known.keys().filter(|name| marts.iter().all(|mart| mart.name != **name));
        let names = changed.iter().map(|mart| &mart.name).chain(gone);
        let drop: Vec<(String, String)> =
            names.filter_map(|name| Some((name.clone(), standing.get(name)?.clone()))).collect();
        Ok((!changed.is_empty() || !drop.is_empty()).then_some(Stale { changed, drop }))
    }
}

/// Brings the marts of noted connections up to date.
pub(crate) fn refresh(connection: &mut Connection, marts: &[Mart]) -> Result<(), WarehouseError> {
    // A change to one connection may change which others are about the same person: `due` names them, too.
    let mut pending = Pending::read(connection)?;
    while !pending.is_empty() {
        let transaction = connection.transaction().doing("cannot begin to fill the marts")?;
        if let Some(batch) = pending.next(&transaction)? {
            make(&transaction, marts, &batch)?;
        }
        transaction.commit().doing("cannot commit the marts")?;
    }
    Ok(())
}

/// Brings the marts up to date within a transaction.
///
/// Marts of another version are left alone: whoever next opens the warehouse for writing makes them anew.
pub(crate) fn refresh_within(
    transaction: &Transaction<'_>,
    marts: &[Mart],
) -> Result<(), WarehouseError> {
    let known = definitions(transaction)?;
    if marts.iter().all(|mart| known.get(&mart.name) == Some(&hash(mart))) {
        due(transaction)?.iter().try_for_each(|batch| make(transaction, marts, batch))?;
    }
    Ok(())
}

/// The hash of the definition by which each mart in the file was made.
fn definitions(connection: &Connection) -> Result<HashMap<String, Vec<u8>>, WarehouseError> {
    connection
        .prepare("SELECT name, definition_hash FROM mart_table")
        .and_then(|mut statement| {
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .doing("cannot read which marts there are")
}
