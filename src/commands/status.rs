//! `payersync status`: the ledger's truth, for people and for machines.

mod fleet;
mod people;
mod said;

use super::{
    calendar,
    failure::Failure,
    freshness::{self, Stale},
    home,
    metrics::{self, Metrics},
    print, shard, tell,
};
use crate::{
    cli::StatusArgs,
    clock::{self, Clock},
    config::Settings,
    exit_code::ExitCode,
    outcome::WalkState,
    shard::Shard,
    warehouse::{ConnectionRow, MartState, ReadOnlyWarehouse, TypeStatus, remember_metrics_file},
};
use said::{ConsentEnds, code_of, consent_ends, same_person};
use serde::Serialize;
use std::{
    collections::HashMap,
    path::{Path, absolute},
};

#[derive(Serialize)]
struct Status<'a> {
    warehouse: String,
    complete: bool,
    exit_code: u8,
    connections: Vec<Connection<'a>>,
}

#[derive(Serialize)]
struct Connection<'a> {
    name: &'a str,
    plan: Option<&'a str>,
    member: Option<&'a str>,
    complete: bool,
    /// When the member must consent again, where the plan or its `consent_days` tell it.
    consent_ends: Option<String>,
    /// Whether the marts are older than the tables; the next run makes them anew.
    marts_behind: bool,
    /// The other home, where it is being moved from or to this one.
    moving: Option<String>,
    /// When another complete walk was due, if none has come since.
    stale_since: Option<String>,
    /// Names of the other connections about the same person.
    same_person: Vec<&'a str>,
    types: &'a [TypeStatus],
}

/// Prints the status; the exit code is that of the latest runs.
pub(super) fn run(folder: &Path, args: &StatusArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?.of_shard(shard::chosen(&args.shard)?);
    let file = home::existing_warehouse(&settings.home)?;
    let warehouse = ReadOnlyWarehouse::open(&file)?;
    let (connections, others) = named(&warehouse, &args.names, settings.shard)?;
    shard::tell_others(settings.shard, others);
    // Another shard's home may well have none of this one's connections.
    let is_empty_shard = connections.is_empty() && others > 0;
    if is_empty_shard && !args.json {
        return Ok(ExitCode::Complete);
    }
    let is_for_people = !args.json && !args.calendar && args.prometheus.is_none();
    let now = Clock::system().now();
    if connections.len() > fleet::MANY && is_for_people && !args.all && args.names.is_empty() {
        return fleet::run(&settings, &warehouse, &connections, args, now);
    }
    let types = warehouse.status()?;
    let marts = warehouse.mart_state()?;
    let stale: HashMap<i64, Stale> = connections
        .iter()
        .filter_map(|row| {
            Some((row.id, freshness::stale(row, &types, &settings, args.max_age, now)?))
        })
        .collect();
    let is_stale = if stale.is_empty() { ExitCode::Complete } else { ExitCode::Incomplete };
    let code = match is_empty_shard {
        true => ExitCode::Complete,
        false => code_of(&connections, &types).worst(is_stale),
    };
    if args.calendar {
        return calendar::run(&settings, &warehouse, now);
    }
    let ends = consent_ends(&settings, &warehouse)?;
    if let Some(target) = &args.prometheus {
        return prometheus(&settings, &warehouse, target.as_deref(), code);
    }
    if args.json {
        let status = Status {
            warehouse: file.path().display().to_string(),
            complete: code == ExitCode::Complete,
            exit_code: code as u8,
            connections: connections
                .iter()
                .map(|row| Connection {
                    stale_since: stale.get(&row.id).map(|stale| clock::text(stale.due)),
                    ..connection_of(row, &types, &marts, &ends)
                })
                .collect(),
        };
        print(|out| {
            serde_json::to_writer_pretty(&mut *out, &status)?;
            writeln!(out)
        })?;
    } else {
        let strangers: HashMap<i64, u64> = connections
            .iter()
            .map(|row| Ok((row.id, warehouse.open_strangers(row.id)?)))
            .collect::<Result<_, Failure>>()?;
        let told = people::Told {
            connections: &connections,
            types: &types,
            marts: &marts,
            strangers: &strangers,
            ends: &ends,
            stale: &stale,
            with_types: args.all || !args.names.is_empty(),
        };
        print(|out| people::write(out, &told))?;
    }
    Ok(code)
}

/// The connections of these names, or all of the shard, and how many others there are.
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
    rows.retain(|row| names.contains(&row.name));
    Ok((rows, 0))
}

/// Shows the same as metrics. A written file is success: what it says is for the alerts to judge.
fn prometheus(
    settings: &Settings,
    warehouse: &ReadOnlyWarehouse,
    target: Option<&Path>,
    code: ExitCode,
) -> Result<ExitCode, Failure> {
    // A machine without the vault, or without its key, still shows everything else.
    let vault_is_there = settings.home.join("vault.db").exists();
    let grants = vault_is_there.then(|| home::vault(&settings.home).ok()?.list().ok()).flatten();
    let last_run = warehouse.finished_run()?;
    let plans = settings.plans.values().filter(|plan| !plan.grant().has_endpoint());
    let without_consent = plans.map(|plan| plan.name.clone()).collect();
    let metrics = Metrics {
        now: Clock::system().now(),
        exit_code: code as u8,
        connections: &warehouse.connections()?,
        types: &warehouse.status()?,
        efforts: &warehouse.efforts()?,
        tables: &warehouse.table_counts(&home::catalog(settings)?)?,
        last_run: last_run.as_ref(),
        grants: grants.as_deref(),
        without_consent: &without_consent,
        consent_ends: &consent_ends(settings, warehouse)?,
    };
    match target {
        Some(path) => {
            metrics::refuse_foreign(path)?;
            remember(settings, path)?;
            metrics::write(path, &metrics.text())?;
        }
        None => print(|out| out.write_all(metrics.text().as_bytes()))?,
    }
    Ok(ExitCode::Complete)
}

/// Notes where metrics go, for a purge to find them. Where nothing can be written they are worth more
/// than the note.
fn remember(settings: &Settings, path: &Path) -> Result<(), Failure> {
    let path = absolute(path).unwrap_or_else(|_| path.to_owned());
    let warehouse = home::existing_warehouse(&settings.home)?;
    match remember_metrics_file(&warehouse, &path, Clock::system().now()) {
        Err(error) if error.is_closed_to_writing() => {
            tell(&format!("A purge will not find this file: {}", Failure::from(error)));
            Ok(())
        }
        noted => Ok(noted?),
    }
}

fn connection_of<'a>(
    row: &'a ConnectionRow,
    types: &'a [TypeStatus],
    marts: &'a MartState,
    ends: &ConsentEnds,
) -> Connection<'a> {
    let types = TypeStatus::of_connection(types, &row.name);
    Connection {
        name: &row.name,
        plan: row.plan.as_deref(),
        member: row.member.as_deref(),
        complete: !types.is_empty() && types.iter().all(is_fine),
        consent_ends: ends.get(&row.name).map(|end| clock::text(*end)),
        marts_behind: marts.behind.contains(&row.id),
        moving: row.moving.as_ref().map(|moving| moving.other_home.display().to_string()),
        stale_since: None,
        same_person: same_person(row, marts),
        types,
    }
}

fn is_fine(status: &TypeStatus) -> bool {
    status.rejects == 0 && !matches!(status.state, WalkState::Incomplete | WalkState::Running)
}
