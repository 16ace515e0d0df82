//! Which connections are made anew together.

use super::{people, persons::Person};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Connections in one transaction, at most, and claims before the last of them.
const LIMITS: (usize, u64) = (64, 20_000);

/// Connections that are made anew together, by the first of those that read the same records.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) sources: BTreeMap<i64, i64>,
    pub(super) persons: Vec<Person>,
}

/// The batches of noted connections, and of those whose persons are others now.
pub(super) fn due(connection: &Connection) -> Result<Vec<Batch>, WarehouseError> {
    let mut due = ids(connection, "SELECT connection_id FROM mart_due")?;
    if due.is_empty() {
        return Ok(Vec::new());
    }
    let persons = people::read(connection)?;
    due.extend(people::changed(connection, &persons)?);
    divide(connection, due, persons)
}

/// The batches of all connections.
pub(super) fn all(connection: &Connection) -> Result<Vec<Batch>, WarehouseError> {
    divide(connection, ids(connection, "SELECT id FROM connection")?, people::read(connection)?)
}

fn ids(connection: &Connection, sql: &str) -> Result<BTreeSet<i64>, WarehouseError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .doing("cannot read which marts are behind")
}

fn divide(
    connection: &Connection,
    wanted: BTreeSet<i64>,
    persons: Vec<Person>,
) -> Result<Vec<Batch>, WarehouseError> {
    let mut source_of: HashMap<i64, i64> = HashMap::new();
    let mut groups: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for person in &persons {
        source_of.insert(person.connection_id, person.source_id);
        groups.entry(person.source_id).or_default().insert(person.connection_id);
    }
    let sources: BTreeSet<i64> =
        wanted.iter().map(|id| source_of.get(id).copied().unwrap_or(*id)).collect();
    let mut batches = vec![Batch::default()];
    let mut resources = 0;
    for source in sources {
        let members = groups.remove(&source).unwrap_or_else(|| BTreeSet::from([source]));
        let size: u64 =
            members.iter().try_fold(0, |sum, id| count(connection, *id).map(|n| sum + n))?;
        let is_full = batches.last().is_some_and(|batch| {
            !batch.sources.is_empty()
                && (batch.sources.len() + members.len() > LIMITS.0 || resources + size > LIMITS.1)
        });
        if is_full {
            batches.push(Batch::default());
            resources = 0;
        }
        resources += size;
        if let Some(batch) = batches.last_mut() {
            batch.sources.extend(members.into_iter().map(|id| (id, source)));
        }
    }
    let place: HashMap<i64, usize> = batches
        .iter()
        .enumerate()
        .flat_map(|(at, batch)| batch.sources.keys().map(move |id| (*id, at)))
        .collect();
    for person in persons {
        if let Some(at) = place.get(&person.connection_id) {
            batches[*at].persons.push(person);
        }
    }
    Ok(batches)
}

fn count(connection: &Connection, connection_id: i64) -> Result<u64, WarehouseError> {
    connection
        .prepare_cached(
            "SELECT count(*) FROM resource
             WHERE connection_id = ?1 AND resource_type = 'ExplanationOfBenefit'",
        )
        .and_then(|mut statement| statement.query_row([connection_id], |row| row.get(0)))
        .doing("cannot count the stored claims")
}
