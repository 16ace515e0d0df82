//! `payersync plan`: what a sync would ask for, and why not the rest. Asks for no data.

use super::{
    failure::Failure,
    home, print, show, stop_signal,
    sync::{chosen, options},
    targets::{check_types, targets},
    tell,
};
use crate::{
    cli::PlanArgs,
    clock::Clock,
    config::Settings,
    exit_code::ExitCode,
    monitor::Silent,
    plural,
    sync::{Step, SyncContext, Target, WalkFrom, preview},
    warehouse::{TypeStatus, Warehouse},
};
use std::{path::Path, sync::Arc};

/// Prints the plan of each connection.
pub(super) async fn run(folder: &Path, args: PlanArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load(folder)?;
    let warehouse = Arc::new(home::current_warehouse_to_look(&settings, "plan")?);
    let connections = chosen(&warehouse, &args.names)?;
    let http = home::http(&settings)?;
    check_types(&args.types)?;
    let targets = targets(&settings, connections, &http).await;
    let context = SyncContext {
        warehouse: Arc::clone(&warehouse),
        tokens: home::tokens(&settings, &http)?,
        http,
        monitor: Arc::new(Silent),
        clock: Clock::system(),
        stop: stop_signal::listen(None),
    };
    let options = options(&settings, "plan", args.full, args.types);
    let mut code = targets.tell_left_out();
    for target in &targets.ready {
        match preview(&context, target, &options).await? {
            Ok(steps) => show_plan(&warehouse, target, &steps)?,
            Err(error) => {
                tell(&format!("Unreachable: {}: {error}", target.connection.name));
                code = code.worst(ExitCode::Unreachable);
            }
        }
    }
    Ok(code)
}

fn show_plan(warehouse: &Warehouse, target: &Target, steps: &[Step]) -> Result<(), Failure> {
    let name = &target.connection.name;
    let status: Vec<TypeStatus> =
        warehouse.status()?.into_iter().filter(|status| status.connection == *name).collect();
    let mut table = show::table(&["type", "walk", "requests", "why"]);
    let mut total = 0;
    for step in steps {
        let row = match step {
            Step::Skip { resource_type, finish } => {
                let why = finish.detail.clone().unwrap_or_default();
                [resource_type.clone(), finish.state.to_string(), String::new(), why]
            }
            Step::Walk(order) => {
                let known =
                    status.iter().find(|status| status.resource_type == order.resource_type);
                let (walk, requests, why) = describe(&order.from, known, target.page_size);
                total += requests;
                let queries = order.queries().join(", ");
                let why = match queries.is_empty() {
                    true => why,
                    false => format!("{why}; searched by {queries}"),
                };
                [order.resource_type.clone(), walk.to_owned(), format!("about {requests}"), why]
            }
        };
        table.add_row(row);
    }
    show::right(&mut table, 2);
    print(|out| {
        writeln!(out, "{name} {}", target.connection.source())?;
        writeln!(out, "{table}")?;
        writeln!(out, "about {}", plural::count(total, "request"))
    })
}

/// How a walk would go: its mode, its likely requests, its reason.
fn describe(
    from: &WalkFrom,
    known: Option<&TypeStatus>,
    page_size: u32,
) -> (&'static str, u64, String) {
    let resources = known.map_or(0, |known| known.resources);
    let pages = |resources: u64| resources / u64::from(page_size.max(1)) + 1;
    match from {
        WalkFrom::Cursor(cursor, _) => {
            let left = pages(resources.saturating_sub(cursor.resources_seen));
            ("resumed", left, format!("an earlier run ended after page {}", cursor.pages))
        }
        WalkFrom::Since(increment) => {
            let probe = if increment.probe { 2 } else { 0 };
            let since = crate::clock::text(increment.since);
            ("incremental", 1 + probe, format!("what changed since {since}"))
        }
        WalkFrom::Start => {
            let why = match known {
                None => "never walked".to_owned(),
                Some(known) => why_full(known),
            };
            ("full", pages(resources), why)
        }
    }
}

fn why_full(known: &TypeStatus) -> String {
    match (&known.last_updated_reason, &known.watermark) {
        (Some(reason), _) => format!("the plan does not honour _lastUpdated: {reason}"),
        (None, None) => "no watermark: the last walk was not complete or had no dates".to_owned(),
        (None, Some(_)) => {
            "it fits one page, a full walk is due, or there are no dates to go by".to_owned()
        }
    }
}
