//! `payersync status`: shows what the ledger says, for people and for programs.

mod fleet;
mod ledger;
mod outdated;
mod people;
mod said;

use super::{
    calendar,
    failure::Failure,
    home,
    metrics::{self, Metrics, Types},
    print, shard, tell,
};
use crate::{
    auth::{GrantKind, StoredGrant, VaultError},
    cli::StatusArgs,
    clock::Clock,
    config::{PlanSettings, Settings},
    exit_code::ExitCode,
    shard::Shard,
    warehouse::{
        ConnectionRow, ReadOnlyWarehouse, Snapshot, TypeStatus, WarehouseError,
        remember_metrics_file,
    },
};
use ledger::{Connections, Judge, Status};
use said::consent_ends;
use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap, HashSet},
    convert::Infallible,
    path::{Path, absolute},
};

/// Prints the status; the exit code is that of the latest runs.
pub(super) fn run(folder: &Path, args: &StatusArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?.of_shard(shard::chosen(&args.shard)?);
    let file = home::existing_warehouse(&settings.home)?;
    let warehouse = ReadOnlyWarehouse::open(&file)?;
    let now = Clock::system().now();
    match args.calendar {
        true => warehouse.require_consents()?,
        false => warehouse.require_ledger(now)?,
    }
    let (connections, others) = named(&warehouse, &args.names, settings.shard)?;
    shard::tell_others(settings.shard, others);
    // A shard may have no connections at all, in a home of its own or in a shared one.
    let is_empty_shard = connections.is_empty() && !settings.shard.is_whole();
    if is_empty_shard && others == 0 {
        shard::tell_empty(settings.shard, "");
    }
    let without_any = if is_empty_shard { ExitCode::Complete } else { ExitCode::Usage };
    let start = if connections.is_empty() { without_any } else { ExitCode::Complete };
    let judge = Judge::new(&settings, &warehouse, args, now, start);
    if let Some(target) = &args.prometheus {
        return prometheus(&settings, &warehouse, &connections, judge, target.as_deref());
    }
    if args.json {
        return json(&settings, &warehouse, &connections, judge);
    }
    if is_empty_shard {
        return Ok(ExitCode::Complete);
    }
    if args.calendar {
        return calendar::run(&settings, &warehouse, now);
    }
    if connections.len() > fleet::MANY && !args.all && args.names.is_empty() {
        return fleet::run(&settings, &warehouse, &connections, args, now);
    }
    for_people(&settings, &warehouse, &connections, args, judge)
}

/// Shows every connection for people.
fn for_people(
    settings: &Settings,
    warehouse: &ReadOnlyWarehouse,
    connections: &[ConnectionRow],
    args: &StatusArgs,
    mut judge: Judge<'_>,
) -> Result<ExitCode, Failure> {
    let types = fleet::types_of(warehouse, connections)?;
    for row in connections {
        judge.see(row, TypeStatus::of_connection(&types, &row.name));
    }
    let (code, stale) = judge.end()?;
    let strangers: HashMap<i64, u64> = connections
        .iter()
        .map(|row| Ok((row.id, warehouse.open_strangers(row.id)?)))
        .collect::<Result<_, Failure>>()?;
    let told = people::Told {
        settings,
        connections,
        types: &types,
        marts: &warehouse.mart_state()?,
        strangers: &strangers,
        ends: &consent_ends(settings, warehouse)?,
        stale: &stale,
        with_types: args.all || !args.names.is_empty(),
    };
    print(|out| people::write(out, &told))?;
    Ok(code)
}

/// Shows every connection as JSON, each as it is read.
///
/// The overall exit code comes first in the output. So the ledger is read twice, in the same state.
fn json(
    settings: &Settings,
    warehouse: &ReadOnlyWarehouse,
    connections: &[ConnectionRow],
    mut judge: Judge<'_>,
) -> Result<ExitCode, Failure> {
    let ends = consent_ends(settings, warehouse)?;
    let file = home::existing_warehouse(&settings.home)?;
    warehouse.snapshot(|snapshot| {
        let marts = snapshot.mart_state()?;
        judged(snapshot, connections, &mut judge)?;
        let (code, stale) = judge.end()?;
        let failed = RefCell::new(None);
        let status = Status {
            warehouse: file.path().display().to_string(),
            complete: code == ExitCode::Complete,
            exit_code: code as u8,
            connections: Connections {
                snapshot,
                rows: connections,
                marts: &marts,
                ends: &ends,
                stale: &stale,
                failed: &failed,
            },
        };
        let printed = print(|out| {
            serde_json::to_writer_pretty(&mut *out, &status)?;
            writeln!(out)
        });
        match failed.take() {
            Some(error) => Err(error.into()),
            None => printed.map(|()| code),
        }
    })?
}

/// Passes each connection to the judge.
fn judged(
    snapshot: &Snapshot<'_>,
    connections: &[ConnectionRow],
    judge: &mut Judge<'_>,
) -> Result<(), WarehouseError> {
    let Ok(()) = ledger::each(snapshot, connections, |row, types| {
        judge.see(row, types);
        Ok::<(), Infallible>(())
    })?;
    Ok(())
}

/// The named connections, or all of the shard; and the number of connections in other shards.
fn named(
    warehouse: &ReadOnlyWarehouse,
    names: &[String],
    shard: Shard,
) -> Result<(Vec<ConnectionRow>, usize), Failure> {
    let mut rows = warehouse.connections()?;
    if let Some(unknown) = names.iter().find(|name| rows.iter().all(|row| row.name != **name)) {
        return Err(super::sync::unknown_connection(unknown, &rows));
    }
    if names.is_empty() {
        let others = shard::keep(shard, &mut rows);
        return Ok((rows, others));
    }
    shard::refuse_strangers(shard, names, "the `payersync status` of that shard shows it")?;
    rows.retain(|row| names.contains(&row.name));
    Ok((rows, 0))
}

/// Writes the status as metrics. The command succeeds if they are written: the alerts judge their content.
fn prometheus(
    settings: &Settings,
    warehouse: &ReadOnlyWarehouse,
    connections: &[ConnectionRow],
    mut judge: Judge<'_>,
    target: Option<&Path>,
) -> Result<ExitCode, Failure> {
    // If the vault or its key is missing, everything else is still shown.
    let vault_is_there = settings.home.join("vault.db").exists();
    let listed = vault_is_there.then(|| home::vault(&settings.home).ok()?.list().ok()).flatten();
    // The connection of a damaged row needs a new consent, as one without a row does.
    let sound = |(uid, grant): (String, Result<StoredGrant, VaultError>)| match grant {
        Ok(grant) => Some((uid, grant)),
        Err(error) => {
            Failure::from(error).tell();
            None
        }
    };
    let grants = listed.map(|listed| listed.into_iter().filter_map(sound).collect());
    let last_run = warehouse.finished_run()?;
    // Of a client that asks for itself, each access token ends within minutes, and no consent does.
    let names = |is_wanted: &dyn Fn(&PlanSettings) -> bool| {
        let plans = settings.plans.values().filter(|plan| is_wanted(plan));
        plans.map(|plan| plan.name.clone()).collect::<BTreeSet<String>>()
    };
    let without_consent = names(&|plan| plan.grant() != GrantKind::AuthorizationCode);
    let connected_first =
        names(&|plan| plan.grant() == GrantKind::ClientCredentials && plan.token_url.is_none());
    let all = warehouse.connections()?;
    let judged: HashSet<i64> = connections.iter().map(|row| row.id).collect();
    let mut types = Types::default();
    let read = warehouse.snapshot(|snapshot| {
        ledger::each(snapshot, &all, |row, of_row| {
            if judged.contains(&row.id) {
                judge.see(row, of_row);
            }
            types.add(row, of_row, settings.plans.get(row.plan_name()));
            Ok::<(), Infallible>(())
        })
    })?;
    let Ok(()) = read?;
    let metrics = Metrics {
        now: Clock::system().now(),
        exit_code: judge.end()?.0 as u8,
        connections: &all,
        types: &types,
        efforts: &warehouse.efforts()?,
        tables: &warehouse.table_counts(&home::catalog(settings)?)?,
        last_run: last_run.as_ref(),
        grants: grants.as_ref(),
        without_consent: &without_consent,
        connected_first: &connected_first,
        consent_ends: &consent_ends(settings, warehouse)?,
    };
    match target {
        Some(path) => {
            metrics::refuse_foreign(path)?;
            remember(settings, path)?;
            let warehouse = home::existing_warehouse(&settings.home)?;
            metrics::write_by(path, warehouse.path(), |out| metrics.write(out))?;
        }
        None => print(|out| metrics.write(out))?,
    }
    Ok(ExitCode::Complete)
}

/// Records the path of the metrics file, so that a purge finds it.
///
/// If the path cannot be recorded, the metrics are written all the same.
fn remember(settings: &Settings, path: &Path) -> Result<(), Failure> {
    let path = absolute(path).unwrap_or_else(|_| path.to_owned());
    let warehouse = home::existing_warehouse(&settings.home)?;
    match remember_metrics_file(&warehouse, &path, Clock::system().now()) {
        Err(error) if error.is_closed_to_writing() => {
            tell(&format!(
                "The path of the metrics could not be noted, so a purge will not find the file: {}",
                Failure::from(error)
            ));
            Ok(())
        }
        noted => Ok(noted?),
    }
}
