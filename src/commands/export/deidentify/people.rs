//! Finds the connections that are about the same persons.

use crate::{
    commands::failure::Failure,
    warehouse::{Answer, AnswerCell, Snapshot, WarehouseError},
};
use std::{collections::BTreeMap, convert::Infallible};

/// Each connection, with the first of the connections that share persons with it.
///
/// The dates of such connections are shifted alike, so a person's dates stay equally far apart across plans.
pub(super) fn people(snapshot: &Snapshot<'_>) -> Result<BTreeMap<i64, i64>, Failure> {
    let mut first: BTreeMap<i64, i64> =
        snapshot.connections()?.into_iter().map(|row| (row.id, row.id)).collect();
    let mut members = Members::default();
    if !snapshot.columns("member")?.is_empty() {
        let read: Result<Result<(), Infallible>, WarehouseError> =
            snapshot.rows("member", &mut members);
        let Ok(()) = read?;
    }
    for connections in members.connections.values() {
        let firsts: Vec<i64> = connections.iter().filter_map(|id| first.get(id).copied()).collect();
        let Some(least) = firsts.iter().min().copied() else { continue };
        first.values_mut().filter(|one| firsts.contains(one)).for_each(|one| *one = least);
    }
    Ok(first)
}

/// The connections of each member.
#[derive(Default)]
struct Members {
    positions: Option<(usize, usize)>,
    connections: BTreeMap<String, Vec<i64>>,
}

impl Answer<Infallible> for Members {
    fn columns(&mut self, names: &[&str]) -> Result<(), Infallible> {
        let position = |wanted: &str| names.iter().position(|name| *name == wanted);
        self.positions = position("connection_id").zip(position("member_id"));
        Ok(())
    }

    fn row(&mut self, cells: &[AnswerCell<'_>]) -> Result<(), Infallible> {
        if let Some((connection, member)) = self.positions
            && let (AnswerCell::Integer(id), AnswerCell::Text(member)) =
                (cells[connection], cells[member])
        {
            self.connections.entry(member.to_owned()).or_default().push(id);
        }
        Ok(())
    }
}
