//! Facts that every form of the status shows: the end of a consent, the same person, the exit code.

use crate::{
    commands::{calendar, failure::Failure},
    config::Settings,
    exit_code::ExitCode,
    outcome::{self, TypeOutcome},
    warehouse::{ConnectionRow, Consent, MartState, ReadOnlyWarehouse, TypeStatus},
};
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// When each connection's consent ends, by connection name; unknown ends are missing.
pub(super) type ConsentEnds = BTreeMap<String, DateTime<Utc>>;

pub(super) fn consent_ends(
    settings: &Settings,
    warehouse: &ReadOnlyWarehouse,
) -> Result<ConsentEnds, Failure> {
    let consents = warehouse.consents()?;
    let end =
        |consent: &Consent| Some((consent.name.clone(), calendar::ends_at(settings, consent)?));
    Ok(consents.iter().filter_map(end).collect())
}

/// The names of the other connections about the same person.
pub(super) fn same_person<'a>(row: &ConnectionRow, marts: &'a MartState) -> Vec<&'a str> {
    let of_row = marts.same_person.range((row.id, String::new())..(row.id + 1, String::new()));
    of_row.map(|(_, name)| name.as_str()).collect()
}

/// The most serious exit code of these connections' latest walks.
pub(super) fn code_of(connections: &[ConnectionRow], types: &[TypeStatus]) -> ExitCode {
    let of_connection = |row| code_of_one(row, TypeStatus::of_connection(types, &row.name));
    connections.iter().map(of_connection).fold(ExitCode::Complete, ExitCode::worst)
}

/// The exit code of a connection's latest walks.
///
/// The walks of each run are judged together, so the code is that of the syncs that made them.
pub(super) fn code_of_one(row: &ConnectionRow, mine: &[TypeStatus]) -> ExitCode {
    if mine.is_empty() || row.moving.is_some() {
        // The connection was never synced, or is being moved and not synced for now.
        return ExitCode::Incomplete;
    }
    let has_rejects = mine.iter().any(|status| status.rejects > 0);
    let runs: BTreeSet<i64> = mine.iter().map(|status| status.run_id).collect();
    let of_run = |run: i64| {
        let of_run = mine.iter().filter(|status| status.run_id == run);
        let outcomes: Vec<TypeOutcome> = of_run.map(TypeStatus::outcome).collect();
        outcome::exit_code(&outcomes, has_rejects)
    };
    runs.into_iter().map(of_run).fold(ExitCode::Complete, ExitCode::worst)
}
