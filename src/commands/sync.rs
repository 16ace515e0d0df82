//! `payersync sync`: fetches what is new for the named connections, once.

use super::{
    causes::{self, Unfinished, causes},
    failure::Failure,
    home, lock,
    progress::{self, Style},
    shard, stop_signal,
    targets::{check_types, targets},
    tell, tell_summary, warn,
    watch::Watch,
};
use crate::{
    alike::most_alike,
    auth::Tokens,
    cli::SyncArgs,
    clock::Clock,
    config::Settings,
    exit_code::ExitCode,
    http::{HttpClient, Origin},
    monitor::Monitor,
    outcome::WalkState,
    shard::Shard,
    sync::{AttachmentLimits, NotAsked, Report, Stop, SyncContext, SyncOptions, Target, sync},
    warehouse::{ConnectionRow, PARTIAL_SYNC, Warehouse},
};
use std::{collections::HashSet, path::Path, sync::Arc, time::Duration};

/// The number of known connections that are listed when a name is unknown.
const CONNECTIONS_NAMED: usize = 12;

/// Syncs and reports the outcome.
pub(super) async fn run(
    folder: &Path,
    args: SyncArgs,
    style: Style,
    watch: &Watch,
) -> Result<ExitCode, Failure> {
    let settings = Settings::load(folder)?.of_shard(shard::chosen(&args.shard)?);
    let monitor = progress::monitor(style);
    let _lock = lock::take(folder, "sync")?;
    let (warehouse, http) = home::warehouse_and_http(&settings, &*monitor)?;
    let warehouse = Arc::new(warehouse);
    let connections = chosen(&warehouse, &args.names, settings.shard)?;
    if connections.is_empty() {
        return Ok(ExitCode::Complete);
    }
    let http = http?;
    let tokens = home::tokens(&settings, &http)?;
    spend(&settings, &warehouse, &http)?;
    check_types(&args.types)?;
    let targets = targets(&settings, connections, &http).await;
    let left_out = targets.tell_left_out();
    watch.see_left_out(&targets.left_out);
    if targets.are_all_moving() {
        return Ok(left_out);
    }
    // A run that can ask nobody is entered all the same: `status` tells what the ledger says.
    let (unasked, asks_nobody) = (targets.unasked(), targets.ready.is_empty());
    let named = args.types.clone();
    let mut options = options(&settings, "sync", args.full || args.accept_shrink, args.types);
    if !options.is_of_all_types() || args.max_requests.is_some() {
        options.command = PARTIAL_SYNC.to_owned();
    }
    options.max_requests = args.max_requests.map(|most| settings.shard.part_of(most));
    if args.accept_shrink {
        options.shrink_limit_percent = 100;
    }
    let stop = stop_signal::listen(args.max_duration.map(Duration::from_secs));
    let run = Run { warehouse: &warehouse, http: &http, tokens, monitor, stop };
    let report = run_once(run, targets.ready, &unasked, &options).await?;
    watch.see(&report);
    if !asks_nobody {
        tell_problems(&report);
        tell_not_served(&report, &named);
        tell_summary(&report);
    }
    if let Some(warehouse) = Arc::into_inner(warehouse) {
        warehouse.close();
    }
    Ok(report.exit_code().worst(left_out))
}

/// The options of a run, from the configuration.
pub(super) fn options(
    settings: &Settings,
    command: &str,
    full: bool,
    types: Vec<String>,
) -> SyncOptions {
    SyncOptions {
        command: command.to_owned(),
        full,
        types,
        backfill: None,
        keeps_walks: false,
        keep_versions: settings.keep_versions,
        keep_runs: settings.keep_runs,
        count_unmapped_paths: settings.count_unmapped_paths,
        max_requests: None,
        full_walk_every: settings.full_walk_every,
        overlap: settings.overlap,
        connections_in_parallel: settings.connections_in_parallel,
        shrink_limit_percent: settings.shrink_limit_percent,
        strict_totals: settings.strict_totals,
        attachments: AttachmentLimits {
            bytes: settings.attachments.0,
            number: settings.attachments.1,
        },
    }
}

/// The parts that one run needs.
pub(super) struct Run<'a> {
    pub(super) warehouse: &'a Arc<Warehouse>,
    pub(super) http: &'a HttpClient,
    pub(super) tokens: Tokens,
    pub(super) monitor: Arc<dyn Monitor>,
    pub(super) stop: Stop,
}

/// Executes one run, until it ends or is stopped.
pub(super) async fn run_once(
    run: Run<'_>,
    targets: Vec<Target>,
    unasked: &[NotAsked],
    options: &SyncOptions,
) -> Result<Report, Failure> {
    let context = SyncContext {
        warehouse: Arc::clone(run.warehouse),
        http: run.http.clone(),
        tokens: run.tokens,
        monitor: run.monitor,
        clock: Clock::system(),
        stop: run.stop,
    };
    Ok(sync(&context, targets, unasked, options).await?)
}

/// Counts the requests that earlier runs have sent within the hour against the hourly limits.
pub(super) fn spend(
    settings: &Settings,
    warehouse: &Warehouse,
    http: &HttpClient,
) -> Result<(), Failure> {
    let hour_ago = Clock::system().now() - Duration::from_secs(60 * 60);
    for plan in settings.plans.values() {
        if let Ok(origin) = Origin::of(&plan.fhir_url) {
            http.spend(&origin, warehouse.requests_since(&plan.name, hour_ago)?);
        }
    }
    Ok(())
}

/// The named connections, or all of the shard. The number of connections in other shards is reported.
pub(super) fn chosen(
    warehouse: &Warehouse,
    names: &[String],
    shard: Shard,
) -> Result<Vec<ConnectionRow>, Failure> {
    let (mut all, of_files): (Vec<_>, Vec<_>) =
        warehouse.connections()?.into_iter().partition(|row| row.plan.is_some());
    if let Some(row) = of_files.iter().find(|row| names.contains(&row.name)) {
        let name = &row.name;
        return Err(Failure::misuse(format!("{name} is filled from files: it has no plan to ask"))
            .hint(format!("`payersync import {name} FILE` adds the resources of a file")));
    }
    if all.is_empty() {
        let kind = if of_files.is_empty() { "" } else { " with a plan" };
        if names.is_empty() && !shard.is_whole() {
            shard::tell_empty(shard, kind);
            return Ok(all);
        }
        return Err(Failure::misuse(format!("there is no connection{kind} yet"))
            .hint("`payersync connect NAME --plan PLAN` makes one"));
    }
    if names.is_empty() {
        let others = shard::keep(shard, &mut all);
        shard::tell_others(shard, others);
        return Ok(all);
    }
    let hint = "that shard syncs it; if two homes use one refresh token, the consent may be lost";
    shard::refuse_strangers(shard, names, hint)?;
    let named = |name: &String| {
        let row = all.iter().find(|row| row.name == *name).cloned();
        row.ok_or_else(|| unknown_connection(name, &all))
    };
    // A name given twice is one connection: two syncs of it at once would be in each other's way.
    let mut seen = HashSet::new();
    names.iter().filter(|name| seen.insert(name.as_str())).map(named).collect()
}

/// The failure of a name that no connection has.
pub(super) fn unknown_connection(name: &str, rows: &[ConnectionRow]) -> Failure {
    let known: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    let failure = Failure::misuse(format!("there is no connection {name}"));
    if known.is_empty() {
        return failure.hint("`payersync connect NAME --plan PLAN` makes one");
    }
    let alike = most_alike(name, known.iter().copied());
    let alike = alike.map(|alike| format!("did you mean {alike}? ")).unwrap_or_default();
    let (first, rest) = known.split_at(known.len().min(CONNECTIONS_NAMED));
    let more = match rest.len() {
        0 => String::new(),
        more => format!(" and {more} more; `payersync status` names them"),
    };
    failure.hint(format!("{alike}known connections: {}{more}", first.join(", ")))
}

/// Reports what is incomplete, why, and what to do: a line per connection and cause, each hint once.
pub(super) fn tell_problems(report: &Report) {
    let mut hints: Vec<String> = Vec::new();
    let mut hint = |hint: String| {
        if !hints.contains(&hint) {
            tell(&format!("hint: {hint}"));
            hints.push(hint);
        }
    };
    for connection in &report.connections {
        let name = &connection.connection;
        let all = connection.asked_types();
        for cause in causes(connection.walks.iter().filter_map(Unfinished::of_walk)) {
            tell(&format!("Incomplete: {name}: {}", cause.sentence(all)));
            cause.hint().map(str::to_owned).into_iter().for_each(&mut hint);
        }
        for walk in &connection.walks {
            if let Some(warning) = &walk.finish.warning {
                warn(&format!("{name} {}: {warning}", walk.resource_type));
            }
        }
        if connection.open_absences > 0 {
            let sentence = causes::absences_sentence(connection.open_absences);
            warn(&format!("{name} has {sentence}"));
        }
        let (open, strangers) = (connection.open_rejects, connection.open_strangers);
        if open > 0 {
            tell(&format!("Rejected: {name} has {}", causes::rejects_sentence(open, strangers)));
            let of_plan = connection.plan.as_deref();
            let reasons = connection.walks.iter().map(|walk| walk.finish.reason);
            let to_judge = causes::strangers_to_judge(strangers, reasons);
            causes::reject_hints(of_plan, to_judge).into_iter().for_each(&mut hint);
        }
    }
}

/// Reports the named types that the plan does not have: without this, the run would look complete.
pub(super) fn tell_not_served(report: &Report, named: &[String]) {
    for connection in &report.connections {
        let types: Vec<&str> = connection
            .walks
            .iter()
            .filter(|walk| walk.finish.state == WalkState::NotServed)
            .filter(|walk| named.contains(&walk.resource_type))
            .map(|walk| walk.resource_type.as_str())
            .collect();
        if let (Some(plan), false) = (&connection.plan, types.is_empty()) {
            let (name, types) = (&connection.connection, types.join(", "));
            tell(&format!("Not served: {name}: plan {plan} does not serve {types}"));
        }
    }
}
