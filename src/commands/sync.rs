//! `payersync sync`: one pass over the named connections.

use super::{
    failure::Failure,
    home, lock,
    progress::{self, Style},
    stop_signal,
    targets::{check_types, targets},
    tell, tell_summary,
};
use crate::{
    auth::Tokens,
    cli::SyncArgs,
    clock::Clock,
    config::Settings,
    exit_code::ExitCode,
    http::{HttpClient, Origin},
    monitor::Monitor,
    outcome::WalkState,
    sync::{Report, Stop, SyncContext, SyncOptions, Target, sync},
    warehouse::{ConnectionRow, WalkFinish, Warehouse},
};
use std::{path::Path, sync::Arc, time::Duration};

/// Syncs and tells what came of it.
pub(super) async fn run(folder: &Path, args: SyncArgs, style: Style) -> Result<ExitCode, Failure> {
    let settings = Settings::load(folder)?;
    let monitor = progress::monitor(style);
    let _lock = lock::take(folder, "sync")?;
    let warehouse = Arc::new(home::warehouse(&settings, &*monitor)?);
    let connections = chosen(&warehouse, &args.names)?;
    let http = home::http(&settings)?;
    let tokens = home::tokens(&settings, &http)?;
    spend(&settings, &warehouse, &http)?;
    check_types(&args.types)?;
    let targets = targets(&settings, connections, &http).await;
    let left_out = targets.tell_left_out();
    if targets.ready.is_empty() {
        return Ok(left_out);
    }
    let mut options = options(&settings, "sync", args.full || args.accept_shrink, args.types);
    options.max_requests = args.max_requests;
    if args.accept_shrink {
        options.shrink_limit_percent = 100;
    }
    let stop = stop_signal::listen(args.max_duration.map(Duration::from_secs));
    let run = Run { warehouse: &warehouse, http: &http, tokens, monitor, stop };
    let report = run_once(run, targets.ready, &options).await?;
    tell_problems(&report);
    tell_summary(&report);
    if let Some(warehouse) = Arc::into_inner(warehouse) {
        warehouse.close();
    }
    Ok(report.exit_code().worst(left_out))
}

/// How a run goes about it, as configured.
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
        keep_versions: settings.keep_versions,
        count_unmapped_paths: settings.count_unmapped_paths,
        max_requests: None,
        full_walk_every: settings.full_walk_every,
        overlap: settings.overlap,
        connections_in_parallel: settings.connections_in_parallel,
        shrink_limit_percent: settings.shrink_limit_percent,
        strict_totals: settings.strict_totals,
    }
}

/// What one run works with.
pub(super) struct Run<'a> {
    pub(super) warehouse: &'a Arc<Warehouse>,
    pub(super) http: &'a HttpClient,
    pub(super) tokens: Tokens,
    pub(super) monitor: Arc<dyn Monitor>,
    pub(super) stop: Stop,
}

/// One run, to its end or until it is stopped.
pub(super) async fn run_once(
    run: Run<'_>,
    targets: Vec<Target>,
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
    Ok(sync(&context, targets, options).await?)
}

/// What earlier runs sent within the hour counts against this one's hourly budgets.
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

/// The connections of the names, or all.
pub(super) fn chosen(
    warehouse: &Warehouse,
    names: &[String],
) -> Result<Vec<ConnectionRow>, Failure> {
    let (all, of_files): (Vec<_>, Vec<_>) =
        warehouse.connections()?.into_iter().partition(|row| row.plan.is_some());
    if let Some(row) = of_files.iter().find(|row| names.contains(&row.name)) {
        let name = &row.name;
        return Err(Failure::misuse(format!("only files fill {name}: it has no plan to be asked"))
            .hint(format!("`payersync import {name} FILE` adds what a file holds")));
    }
    if all.is_empty() {
        let others = if of_files.is_empty() { "" } else { " with a plan" };
        return Err(Failure::misuse(format!("there is no connection{others} yet"))
            .hint("`payersync connect NAME --plan PLAN` makes one"));
    }
    if names.is_empty() {
        return Ok(all);
    }
    let known = || all.iter().map(|row| row.name.as_str()).collect::<Vec<_>>().join(", ");
    names
        .iter()
        .map(|name| {
            all.iter().find(|row| row.name == *name).cloned().ok_or_else(|| {
                Failure::misuse(format!("there is no connection {name}"))
                    .hint(format!("there is {}", known()))
            })
        })
        .collect()
}

/// Tells what is incomplete, why and what to do; the same reason once per connection.
pub(super) fn tell_problems(report: &Report) {
    for connection in &report.connections {
        let mut told: Vec<(&WalkFinish, Vec<&str>)> = Vec::new();
        for walk in
            connection.walks.iter().filter(|walk| walk.finish.state == WalkState::Incomplete)
        {
            let finish = &walk.finish;
            let same = |known: &WalkFinish| {
                known.reason == finish.reason && known.http_status == finish.http_status
            };
            match told.iter_mut().find(|(known, _)| same(known)) {
                Some((_, types)) => types.push(&walk.resource_type),
                None => told.push((finish, vec![&walk.resource_type])),
            }
        }
        for (finish, types) in told {
            let detail = finish.detail.as_deref().unwrap_or_default();
            let page = finish.failed_page.filter(|_| types.len() == 1);
            let page = page.map(|page| format!(" page {page}")).unwrap_or_default();
            tell(&format!(
                "Incomplete: {} {}{page}: {detail}",
                connection.connection,
                types.join(", ")
            ));
            if let Some(hint) = &finish.hint {
                tell(&format!("hint: {hint}"));
            }
        }
        for walk in &connection.walks {
            if let Some(warning) = &walk.finish.warning {
                tell(&format!(
                    "Warning: {} {}: {warning}",
                    connection.connection, walk.resource_type
                ));
            }
        }
        if connection.open_rejects > 0 {
            tell(&format!(
                "Rejected: {} has {} in rejected_resource that could not be taken in",
                connection.connection, connection.open_rejects
            ));
            tell(
                "hint: `payersync query \"SELECT resource_type, reason, detail FROM rejected_resource WHERE resolved_at IS NULL\"`",
            );
            if connection.open_strangers > 0 {
                let remedy = match &connection.plan {
                    Some(plan) => format!(
                        "the consent covers dependants, set `dependants = true` in [plans.{plan}]"
                    ),
                    None => "the files are about dependants, import them with --dependants".into(),
                };
                tell(&format!(
                    "hint: {} are about another patient than the connection's; if {remedy}",
                    connection.open_strangers
                ));
            }
        }
    }
}
