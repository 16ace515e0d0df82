//! `payersync backfill`: fetches one connection's history once, by date windows.

use super::{
    failure::Failure,
    home, lock,
    progress::{self, Style},
    shard, stop_signal,
    sync::{Run, chosen, options, run_once, spend, tell_not_served, tell_problems},
    targets::{check_types, targets},
    tell, tell_summary,
    watch::Watch,
};
use crate::{
    cli::{BackfillArgs, ShardArgs},
    clock::Clock,
    config::Settings,
    exit_code::ExitCode,
    sync::Backfill,
};
use std::{path::Path, sync::Arc, time::Duration};

/// Walks the date windows and reports the outcome.
pub(super) async fn run(
    folder: &Path,
    args: BackfillArgs,
    style: Style,
    watch: &Watch,
) -> Result<ExitCode, Failure> {
    let settings = Settings::load(folder)?.of_shard(shard::chosen(&ShardArgs::default())?);
    let to = args.to.unwrap_or_else(|| Clock::system().now().date_naive());
    if args.from > to {
        return Err(Failure::misuse(format!("--from {} is after --to {to}", args.from)));
    }
    let monitor = progress::monitor(style);
    let _lock = lock::take(folder, "backfill")?;
    let warehouse = Arc::new(home::warehouse(&settings, &*monitor)?);
    let connections = chosen(&warehouse, &[args.name], settings.shard)?;
    let http = home::http(&settings)?;
    let tokens = home::tokens(&settings, &http)?;
    spend(&settings, &warehouse, &http)?;
    check_types(&args.types)?;
    let targets = targets(&settings, connections, &http).await;
    let left_out = targets.tell_left_out();
    watch.see_left_out(&targets.left_out);
    if targets.ready.is_empty() {
        return Ok(left_out);
    }
    let named = args.types.clone();
    let mut options = options(&settings, "backfill", args.full, args.types);
    options.backfill = Some(Backfill { from: args.from, to, months: args.window_months });
    options.max_requests = args.max_requests;
    let stop = stop_signal::listen(args.max_duration.map(Duration::from_secs));
    let run = Run { warehouse: &warehouse, http: &http, tokens, monitor, stop };
    let report = run_once(run, targets.ready, &[], &options).await?;
    watch.see(&report);
    for walk in report.connections.iter().flat_map(|connection| &connection.walks) {
        if let Some(note) = &walk.finish.warning {
            tell(&format!("{}: {note}", walk.resource_type));
        }
    }
    tell_problems(&report);
    tell_not_served(&report, &named);
    tell_summary(&report);
    if let Some(warehouse) = Arc::into_inner(warehouse) {
        warehouse.close();
    }
    Ok(report.exit_code())
}
