//! Which connections' marts are made anew together.

use super::{
    people::{self, Records},
    persons::Person,
};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The most connections and claims in one batch. Connections that read the same records may exceed them.
const LIMITS: (usize, u64) = (64, 20_000);

/// Connections whose marts are made anew together. Connections that read the same records are in one batch.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) connections: BTreeSet<i64>,
    pub(super) persons: Vec<Person>,
    /// The resource types that have changed; `None` if all marts are out of date.
    pub(super) types: Option<BTreeSet<String>>,
}

/// The batches that are still to be made, each in a transaction of its own.
pub(super) struct Pending {
    batches: Vec<Batch>,
    /// SQLite's number of the file's state that the batches were read from.
    state: i64,
}

impl Pending {
    pub(super) fn read(connection: &Connection) -> Result<Pending, WarehouseError> {
        // The state is read first: what changes meanwhile is then seen by the next look.
        let state = state(connection)?;
        Ok(Pending { batches: due(connection)?, state })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// The next batch, for this transaction.
    ///
    /// Another process may have written since the batches were read, such as a new label of a connection. The
    /// persons are then read anew, because making a batch also deletes the note of that change.
    pub(super) fn next(
        &mut self,
        transaction: &Connection,
    ) -> Result<Option<Batch>, WarehouseError> {
        if state(transaction)? != self.state {
            *self = Pending::read(transaction)?;
        }
        Ok(if self.batches.is_empty() { None } else { Some(self.batches.remove(0)) })
    }
}

/// A number that changes when another SQLite connection has written.
fn state(connection: &Connection) -> Result<i64, WarehouseError> {
    connection
        .query_row("PRAGMA data_version", [], |row| row.get(0))
        .doing("cannot read whether another process wrote")
}

/// The batches of connections whose marts are out of date, or whose persons have changed.
pub(super) fn due(connection: &Connection) -> Result<Vec<Batch>, WarehouseError> {
    let mut whole = ids(connection, "SELECT connection_id FROM mart_due")?;
    let by_type = types_due(connection)?;
    if whole.is_empty() && by_type.is_empty() {
        return Ok(Vec::new());
    }
    let persons = people::read(connection, Records::Changed)?;
    whole.extend(people::changed(connection, &persons)?);
    // Connections are batched by the set of resource types that have changed.
    let mut alike: BTreeMap<BTreeSet<String>, BTreeSet<i64>> = BTreeMap::new();
    for (id, types) in by_type.into_iter().filter(|(id, _)| !whole.contains(id)) {
        alike.entry(types).or_default().insert(id);
    }
    let mut batches = divide(connection, whole, &persons, None)?;
    for (types, ids) in alike {
        batches.extend(divide(connection, ids, &persons, Some(&types))?);
    }
    Ok(batches)
}

/// For each connection, the resource types that have changed.
fn types_due(connection: &Connection) -> Result<BTreeMap<i64, BTreeSet<String>>, WarehouseError> {
    let doing = "cannot read which marts are out of date";
    let mut due: BTreeMap<i64, BTreeSet<String>> = BTreeMap::new();
    let mut statement = connection
        .prepare_cached("SELECT connection_id, resource_type FROM mart_due_type")
        .doing(doing)?;
    let mut rows = statement.query([]).doing(doing)?;
    while let Some(row) = rows.next().doing(doing)? {
        due.entry(row.get(0).doing(doing)?).or_default().insert(row.get(1).doing(doing)?);
    }
    Ok(due)
}

/// The batches of all connections.
pub(super) fn all(connection: &Connection) -> Result<Vec<Batch>, WarehouseError> {
    let every = ids(connection, "SELECT id FROM connection")?;
    divide(connection, every, &people::read(connection, Records::All)?, None)
}

fn ids(connection: &Connection, sql: &str) -> Result<BTreeSet<i64>, WarehouseError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_map([], |row| row.get(0))?.collect())
        .doing("cannot read which marts are out of date")
}

fn divide(
    connection: &Connection,
    wanted: BTreeSet<i64>,
    persons: &[Person],
    types: Option<&BTreeSet<String>>,
) -> Result<Vec<Batch>, WarehouseError> {
    let mut group_of: HashMap<i64, i64> = HashMap::new();
    let mut groups: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for person in persons {
        group_of.insert(person.connection_id, person.group_id);
        groups.entry(person.group_id).or_default().insert(person.connection_id);
    }
    let wanted: BTreeSet<i64> =
        wanted.iter().map(|id| group_of.get(id).copied().unwrap_or(*id)).collect();
    let empty = || Batch { types: types.cloned(), ..Batch::default() };
    let mut batches = vec![empty()];
    let mut resources = 0;
    for group in wanted {
        let members = groups.remove(&group).unwrap_or_else(|| BTreeSet::from([group]));
        let size: u64 =
            members.iter().try_fold(0, |sum, id| count(connection, *id).map(|n| sum + n))?;
        let is_full = batches.last().is_some_and(|batch| {
            !batch.connections.is_empty()
                && (batch.connections.len() + members.len() > LIMITS.0
                    || resources + size > LIMITS.1)
        });
        if is_full {
            batches.push(empty());
            resources = 0;
        }
        resources += size;
        if let Some(batch) = batches.last_mut() {
            batch.connections.extend(members);
        }
    }
    batches.retain(|batch| !batch.connections.is_empty());
    let place: HashMap<i64, usize> = batches
        .iter()
        .enumerate()
        .flat_map(|(at, batch)| batch.connections.iter().map(move |id| (*id, at)))
        .collect();
    for person in persons {
        if let Some(at) = place.get(&person.connection_id) {
            batches[*at].persons.push(person.clone());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        monitor::Silent,
        warehouse::{Catalog, Warehouse, WarehouseFile},
    };

    #[test]
    fn a_label_that_another_process_gives_meanwhile_is_read() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("warehouse.db");
        let catalog = Catalog::embedded();
        let file = WarehouseFile::in_clear(&path);
        Warehouse::open(&file, catalog, Clock::system(), &Silent).unwrap().close();
        let (mut own, other) = (Connection::open(&path).unwrap(), Connection::open(&path).unwrap());
        own.execute_batch(
            "INSERT INTO connection (id, uid, name, plan, patient_id, created_at)
               VALUES (1, 'u', 'ann', 'north', 'p', '2025-01-01T00:00:00Z');
             INSERT INTO mart_due VALUES (1);",
        )
        .unwrap();
        let mut pending = Pending::read(&own).unwrap();
        // The connection is noted already: the second note leaves no trace.
        other
            .execute_batch(
                "UPDATE connection SET member = 'jan'; INSERT OR IGNORE INTO mart_due VALUES (1);",
            )
            .unwrap();
        let transaction = own.transaction().unwrap();
        let batch = pending.next(&transaction).unwrap().unwrap();
        let members: Vec<&str> =
            batch.persons.iter().map(|person| person.member_id.as_str()).collect();
        assert_eq!(members, ["jan"]);
        assert!(pending.is_empty() && pending.next(&transaction).unwrap().is_none());
    }
}
