//! One run over any number of connections, each failing alone.

use super::{
    allowance::Allowance,
    clocks::Clocks,
    connection::sync_connection,
    context::WalkContext,
    in_order::{Panicked, in_lanes},
    intake::workers::Workers,
    options::{NotAsked, SyncContext, SyncOptions, Target},
    report::{ConnectionReport, Report},
};
use crate::{
    exit_code::ExitCode,
    fhir::{RESOURCE_TYPES, instant},
    warehouse::{ConnectionRow, WarehouseError, connection_turns, newest_run},
};
use std::{
    collections::HashMap,
    error::Error,
    num::NonZeroUsize,
    time::{Duration, Instant},
};
use tracing::Instrument;

/// Runs a sync and enters it in the ledger, with the connections that could not become targets.
///
/// # Errors
/// Only errors of the warehouse: failures of a plan are part of the report.
pub async fn sync(
    context: &SyncContext,
    mut targets: Vec<Target>,
    not_asked: &[NotAsked],
    options: &SyncOptions,
) -> Result<Report, WarehouseError> {
    let started = Instant::now();
    let newest = context.warehouse.reader().read(newest_run)?;
    let clocks = Clocks::new(newest.as_deref().and_then(instant));
    let run_id = context.warehouse.start_run(&options.command).await?;
    let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let workers = Workers::new(cores);
    let allowance = Allowance::new(options.max_requests);
    if allowance.is_limited() {
        let turns = context.warehouse.reader().read(connection_turns)?;
        targets.sort_by_key(|target| turns.get(&target.connection.id));
    }
    let is_scarce = allowance.is_scarce(targets.len() * RESOURCE_TYPES.len());
    let in_parallel = if is_scarce { 1 } else { options.connections_in_parallel };
    // If requests are scarce, all connections take turns, whatever their plan.
    let lanes = if is_scarce { vec![targets] } else { by_plan(targets) };
    let names: Vec<_> = lanes.iter().flatten().map(|it| name_and_plan(&it.connection)).collect();
    let (context_of_jobs, options_of_jobs) = (context.clone(), options.clone());
    let lanes: Vec<_> = lanes
        .into_iter()
        .map(|lane| {
            let (context, options) = (context_of_jobs.clone(), options_of_jobs.clone());
            let (allowance, workers, clocks) = (allowance.clone(), workers.clone(), clocks.clone());
            lane.into_iter().map(move |target| {
                let walk_context = WalkContext {
                    allowance: allowance.clone(),
                    workers: workers.clone(),
                    clocks: clocks.of_connection(),
                    ..WalkContext::new(&context, run_id, &target, &options)
                };
                let (options, id) = (options.clone(), target.connection.id);
                let span = tracing::info_span!("connection", run_id, connection_id = id);
                let work = async move {
                    let report = sync_connection(walk_context, &target, &options).await?;
                    Ok::<_, WarehouseError>(match options.keeps_walks {
                        true => report,
                        false => report.condensed(&options.types),
                    })
                };
                work.instrument(span)
            })
        })
        .collect();
    let ended = in_lanes(lanes, in_parallel).await;
    let mut connections = Vec::new();
    for ((name, plan), ended) in names.into_iter().zip(ended) {
        connections.push(match ended {
            Ok(report) => report?,
            Err(Panicked) => ConnectionReport::of_a_bug(name, plan),
        });
    }
    let types: &[String] = if options.is_of_all_types() { &[] } else { &options.types };
    // A backfill asks for dates that no sync may have asked for.
    for one in not_asked.iter().filter(|_| options.backfill.is_none()) {
        context.warehouse.enter_unasked(run_id, one.entry.clone(), types.to_vec()).await?;
    }
    if options.count_unmapped_paths {
        let stop = context.stop.clone();
        context.warehouse.survey_unmapped(move || stop.is_asked()).await?;
    }
    let report = Report {
        run_id,
        connections,
        left_out: not_asked.iter().map(|one| one.number).sum(),
        unasked: not_asked.iter().fold(ExitCode::Complete, |worst, one| worst.worst(one.exit_code)),
        files: None,
        interrupted: context.stop.is_asked(),
        elapsed: started.elapsed(),
    };
    let state = report.state();
    let exit_code = report.exit_code() as u8;
    context.warehouse.finish_run(run_id, state, exit_code, report.summary()).await?;
    forget_old(context, options, &clocks, run_id).await;
    Ok(report)
}

/// Groups the targets by plan; plans and targets stay in their order. Targets of one plan share its budget of
/// requests and hold up no other plan's targets.
fn by_plan(targets: Vec<Target>) -> Vec<Vec<Target>> {
    let mut lanes: Vec<Vec<Target>> = Vec::new();
    let mut lane_of: HashMap<String, usize> = HashMap::new();
    for target in targets {
        let plan = target.connection.plan_name().to_owned();
        let lane = *lane_of.entry(plan).or_insert(lanes.len());
        if lane == lanes.len() {
            lanes.push(Vec::new());
        }
        lanes[lane].push(target);
    }
    lanes
}

fn name_and_plan(row: &ConnectionRow) -> (String, Option<String>) {
    (row.name.clone(), row.plan.clone())
}

/// Forgets versions and runs that the configuration no longer keeps.
///
/// The run has ended, so a failure here is only logged; a later run forgets what this one could not.
async fn forget_old(context: &SyncContext, options: &SyncOptions, clocks: &Clocks, run_id: i64) {
    let before = |keep: Option<Duration>| {
        let keep = chrono::Duration::from_std(keep?).unwrap_or(chrono::Duration::MAX);
        clocks.forget_before(context.clock.now(), keep)
    };
    let versions = match before(options.keep_versions) {
        Some(before) => context.warehouse.prune_versions(before).await,
        None => Ok(0),
    };
    let runs = match before(options.keep_runs) {
        Some(before) => context.warehouse.prune_runs(before).await,
        None => Ok(0),
    };
    for error in [versions, runs].into_iter().filter_map(Result::err) {
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        let why = format!("{error}{cause}");
        tracing::warn!(name: "pruning_failed", run_id, why = why.as_str(), "Old data was not pruned");
    }
}
