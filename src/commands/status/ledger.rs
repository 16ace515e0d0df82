//! Reads the ledger connection by connection.
//!
//! The output of `--json` and `--prometheus` grows with the number of connections; the memory needed does
//! not.

use super::said::{code_of_one, same_person};
use crate::{
    cli::StatusArgs,
    clock,
    commands::freshness::{self, Stale},
    config::Settings,
    exit_code::ExitCode,
    outcome::WalkState,
    warehouse::{
        ConnectionRow, MartState, ReadOnlyWarehouse, Snapshot, TypeStatus, WarehouseError,
    },
};
use chrono::{DateTime, Utc};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeSeq},
};
use std::{
    cell::RefCell,
    collections::{BTreeMap, HashMap},
};

/// Up to this number, connections are looked up one by one, however many more the home has.
const FEW: usize = 32;

/// Calls `take` for each connection with its types; a connection that was never synced has no types.
///
/// `connections` must be sorted by name.
pub(super) fn each<E>(
    snapshot: &Snapshot<'_>,
    connections: &[ConnectionRow],
    mut take: impl FnMut(&ConnectionRow, &[TypeStatus]) -> Result<(), E>,
) -> Result<Result<(), E>, WarehouseError> {
    if connections.len() <= FEW {
        for row in connections {
            if let Err(error) = take(row, &snapshot.status_of(row.id)?) {
                return Ok(Err(error));
            }
        }
        return Ok(Ok(()));
    }
    let mut rows = connections.iter().peekable();
    let ended = snapshot.each_status(&mut |types| {
        let Some(name) = types.first().map(|status| status.connection.as_str()) else {
            return Ok(());
        };
        while let Some(row) = rows.next_if(|row| row.name.as_str() < name) {
            take(row, &[])?;
        }
        rows.next_if(|row| row.name == name).map_or(Ok(()), |row| take(row, types))
    })?;
    Ok(match ended {
        Ok(()) => rows.try_for_each(|row| take(row, &[])),
        failed => failed,
    })
}

/// Computes the exit code of the status, connection by connection.
pub(super) struct Judge<'a> {
    settings: &'a Settings,
    warehouse: &'a ReadOnlyWarehouse,
    args: &'a StatusArgs,
    now: DateTime<Utc>,
    code: ExitCode,
    stale: HashMap<i64, Stale>,
    /// The error of the warehouse, if it could not be read.
    failed: Option<WarehouseError>,
}

impl<'a> Judge<'a> {
    /// `start` is the exit code if there is no connection.
    pub(super) fn new(
        settings: &'a Settings,
        warehouse: &'a ReadOnlyWarehouse,
        args: &'a StatusArgs,
        now: DateTime<Utc>,
        start: ExitCode,
    ) -> Judge<'a> {
        let (stale, failed) = (HashMap::new(), None);
        Judge { settings, warehouse, args, now, code: start, stale, failed }
    }

    pub(super) fn see(&mut self, row: &ConnectionRow, types: &[TypeStatus]) {
        self.code = self.code.worst(code_of_one(row, types));
        let (settings, max_age) = (self.settings, self.args.max_age);
        match freshness::stale(row, types, self.warehouse, settings, max_age, self.now) {
            Ok(Some(stale)) => {
                self.code = self.code.worst(ExitCode::Incomplete);
                self.stale.insert(row.id, stale);
            }
            Ok(None) => {}
            Err(error) => self.failed = Some(error),
        }
    }

    /// The exit code, and the connections whose data is too old, by `connection.id`.
    ///
    /// # Errors
    /// The warehouse could not be read.
    pub(super) fn end(self) -> Result<(ExitCode, HashMap<i64, Stale>), WarehouseError> {
        self.failed.map_or(Ok((self.code, self.stale)), Err)
    }
}

/// The output of `--json`.
#[derive(Serialize)]
pub(super) struct Status<'a> {
    pub(super) warehouse: String,
    pub(super) complete: bool,
    pub(super) exit_code: u8,
    pub(super) connections: Connections<'a>,
}

/// The connections, which are read from the warehouse while the output is written.
pub(super) struct Connections<'a> {
    pub(super) snapshot: &'a Snapshot<'a>,
    pub(super) rows: &'a [ConnectionRow],
    pub(super) marts: &'a MartState,
    pub(super) ends: &'a BTreeMap<String, DateTime<Utc>>,
    pub(super) stale: &'a HashMap<i64, Stale>,
    /// The error of the warehouse, if the connections could not be read to the end.
    pub(super) failed: &'a RefCell<Option<WarehouseError>>,
}

impl Serialize for Connections<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut written = serializer.serialize_seq(None)?;
        let read = each(self.snapshot, self.rows, |row, types| {
            written.serialize_element(&self.connection(row, types))
        });
        match read {
            Ok(ended) => ended?,
            Err(error) => {
                let text = error.to_string();
                self.failed.replace(Some(error));
                return Err(S::Error::custom(text));
            }
        }
        written.end()
    }
}

impl Connections<'_> {
    fn connection<'b>(&'b self, row: &'b ConnectionRow, types: &'b [TypeStatus]) -> Connection<'b> {
        Connection {
            name: &row.name,
            plan: row.plan.as_deref(),
            member: row.member.as_deref(),
            complete: !types.is_empty() && types.iter().all(is_fine),
            consent_ends: self.ends.get(&row.name).map(|end| clock::text(*end)),
            marts_behind: self.marts.behind.contains(&row.id),
            moving: row.moving.as_ref().map(|moving| moving.other_home.display().to_string()),
            stale_since: self.stale.get(&row.id).map(|stale| clock::text(stale.since)),
            same_person: same_person(row, self.marts),
            types,
        }
    }
}

#[derive(Serialize)]
struct Connection<'a> {
    name: &'a str,
    plan: Option<&'a str>,
    member: Option<&'a str>,
    complete: bool,
    /// When the member must consent again, if the plan or its `consent_days` says so.
    consent_ends: Option<String>,
    /// Whether the marts are older than the tables; the next run updates them.
    marts_behind: bool,
    /// The other home, if the connection is being moved from or to it.
    moving: Option<String>,
    /// When another complete walk was due, if the data is too old.
    stale_since: Option<String>,
    /// The names of the other connections about the same person.
    same_person: Vec<&'a str>,
    types: &'a [TypeStatus],
}

fn is_fine(status: &TypeStatus) -> bool {
    status.rejects == 0 && !matches!(status.state, WalkState::Incomplete | WalkState::Running)
}
