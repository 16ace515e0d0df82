//! One run over any number of connections, each failing alone.

use super::{
    allowance::Allowance,
    clocks::Clocks,
    connection::sync_connection,
    context::WalkContext,
    in_order::{Panicked, in_order},
    intake::workers::Workers,
    report::{ConnectionReport, Report},
    stop::Stop,
    walk::window::Backfill,
};
use crate::{
    auth::{ClientRegistration, Tokens},
    clock::Clock,
    fhir::{RESOURCE_TYPES, RequiredTypes, SearchRules, instant},
    http::{HttpClient, Origin},
    monitor::Monitor,
    reference::ServerBases,
    warehouse::{ConnectionRow, Warehouse, WarehouseError, last_asked, newest_run},
};
use std::{
    num::NonZeroUsize,
    sync::Arc,
    time::{Duration, Instant},
};
use tracing::Instrument;

/// What a run works with.
#[derive(Clone)]
pub struct SyncContext {
    /// Where everything goes.
    pub warehouse: Arc<Warehouse>,
    /// How everything is asked for.
    pub http: HttpClient,
    /// The one way to a token.
    pub tokens: Tokens,
    /// Who wants to know.
    pub monitor: Arc<dyn Monitor>,
    /// What time it is.
    pub clock: Clock,
    /// Whether to go on.
    pub stop: Stop,
}

/// A connection to be synced, with what its plan's configuration says.
#[derive(Debug, Clone)]
pub struct Target {
    /// The connection.
    pub connection: ConnectionRow,
    /// The plan's endpoints and our registration there.
    pub registration: Arc<ClientRegistration>,
    /// `_count` of every search; 0: none is sent.
    pub page_size: u32,
    /// Whether `_lastUpdated` may be tried.
    pub last_updated: bool,
    /// How the plan wants its types searched for.
    pub search: Arc<SearchRules>,
    /// Types walked at once.
    pub concurrency: usize,
    /// Types to ask for; empty: all that payersync knows.
    pub types: Vec<String>,
    /// Types whose refusal is a failure.
    pub required: Arc<RequiredTypes>,
    /// Origins by which the plan's server calls itself behind a proxy.
    pub proxied_origins: Arc<[Origin]>,
    /// The FHIR bases of the plan's server.
    pub bases: Arc<ServerBases>,
    /// Whether the consent covers other people than the member.
    pub dependants: bool,
}

/// How a run goes about it.
#[derive(Debug, Clone)]
pub struct SyncOptions {
    /// The command, for the ledger.
    pub command: String,
    /// Begin every walk anew instead of at its cursor.
    pub full: bool,
    /// Only these types; empty: all.
    pub types: Vec<String>,
    /// How long a type may go without a full walk, which alone finds deletions.
    pub full_walk_every: Duration,
    /// How far an incremental walk reaches back behind the watermark.
    pub overlap: Duration,
    /// Walk by windows of date instead of whole types.
    pub backfill: Option<Backfill>,
    /// How long superseded versions are kept; `None`: for ever.
    pub keep_versions: Option<Duration>,
    /// Whether the end of the run counts which paths no column carries.
    pub count_unmapped_paths: bool,
    /// Page requests that the run may send; `None`: any number.
    pub max_requests: Option<u64>,
    /// Connections synced at once.
    pub connections_in_parallel: usize,
    /// Largest share of a type that may vanish at once, in percent.
    pub shrink_limit_percent: u8,
    /// Whether a `Bundle.total` that does not add up always makes a walk incomplete.
    pub strict_totals: bool,
}

/// Runs a sync and enters it in the ledger.
///
/// # Errors
/// Only the warehouse's: whatever a plan does is part of the report.
pub async fn sync(
    context: &SyncContext,
    mut targets: Vec<Target>,
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
        // What the requests of the nights before did not reach has its turn.
        let asked = context.warehouse.reader().read(last_asked)?;
        targets.sort_by_cached_key(|target| {
            let mine = asked.iter().filter(|((id, _), _)| *id == target.connection.id);
            mine.map(|(_, at)| at).max()
        });
    }
    let jobs = targets.iter().cloned().map(|target| {
        let walk_context = WalkContext {
            allowance: allowance.clone(),
            workers: workers.clone(),
            clocks: clocks.of_connection(),
            ..WalkContext::new(context, run_id, &target, options)
        };
        let (options, id) = (options.clone(), target.connection.id);
        let span = tracing::info_span!("connection", run_id, connection_id = id);
        async move { sync_connection(walk_context, &target, &options).await }.instrument(span)
    });
    let is_scarce = allowance.is_scarce(targets.len() * RESOURCE_TYPES.len());
    let in_parallel = if is_scarce { 1 } else { options.connections_in_parallel };
    let ended = in_order(jobs, in_parallel).await;
    let mut connections = Vec::new();
    for (target, ended) in targets.iter().zip(ended) {
        connections.push(match ended {
            Ok(report) => report?,
            Err(Panicked) => ConnectionReport::of_a_bug(&target.connection),
        });
    }
    if let Some(keep) = options.keep_versions {
        let keep = chrono::Duration::from_std(keep).unwrap_or(chrono::Duration::MAX);
        if let Some(before) = clocks.forget_before(context.clock.now(), keep) {
            context.warehouse.prune_versions(before).await?;
        }
    }
    if options.count_unmapped_paths {
        let stop = context.stop.clone();
        context.warehouse.survey_unmapped(move || stop.is_asked()).await?;
    }
    let report = Report {
        run_id,
        connections,
        files: None,
        interrupted: context.stop.is_asked(),
        elapsed: started.elapsed(),
    };
    let state = report.state();
    let exit_code = report.exit_code() as u8;
    context.warehouse.finish_run(run_id, state, exit_code, report.summary()).await?;
    Ok(report)
}
