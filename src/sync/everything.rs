//! A Patient's `$everything`: the types that come along in it, without a walk of their own.
//!
//! Each such type has its row in the ledger. Its resources are taken for absent only if all walks over
//! `$everything` of the run were complete from their first page on, and brought the total that the server
//! declared. A read by id then proves that they are gone.

use super::{
    context::WalkContext, decide::order::Step, options::SyncOptions,
    reference::absence::prove_type, report::WalkReport,
};
use crate::{
    clock,
    fhir::is_everything,
    outcome::{Reason, WalkKind, WalkState},
    warehouse::{MissedAlong, WalkCounters, WalkFinish, WalkStart, WarehouseError, along_types},
};
use std::collections::BTreeSet;

/// The types that this run fetches by a Patient's `$everything`.
pub(super) fn asked(steps: &[Step]) -> Vec<String> {
    let name = |step: &Step| match step {
        Step::Walk(order) if is_everything(&order.start) => Some(order.resource_type.clone()),
        _ => None,
    };
    steps.iter().filter_map(name).collect()
}

/// Removes steps that only say that a type is not asked for, if the type comes along in `$everything`.
pub(super) fn leave_out_along(
    context: &WalkContext,
    asked: &[String],
    steps: &mut Vec<Step>,
) -> Result<(), WarehouseError> {
    if asked.is_empty() {
        return Ok(());
    }
    let id = context.connection.id;
    let along = context.warehouse.reader().read(|connection| along_types(connection, id))?;
    steps.retain(|step| {
        let is_left = matches!(step, Step::Skip { finish, .. }
            if !finish.state.is_asked() && finish.reason != Some(Reason::NotListed));
        !is_left || !along.iter().any(|name| name == step.resource_type())
    });
    Ok(())
}

/// Enters the types that came along now or in earlier runs, and proves which of their resources are gone.
pub(super) async fn enter_along(
    context: &WalkContext,
    options: &SyncOptions,
    asked: &[String],
    walks: &mut Vec<WalkReport>,
) -> Result<(), WarehouseError> {
    let id = context.connection.id;
    // A run over some types sees a part of $everything: another type's walk may hold the rest.
    if asked.is_empty() || !options.types.is_empty() {
        return context.warehouse.forget_along(id).await;
    }
    let came = context.warehouse.types_that_came_along(id).await?;
    let before = context.warehouse.reader().read(|connection| along_types(connection, id))?;
    let mut names: BTreeSet<String> = came.into_iter().chain(before).collect();
    names.retain(|name| {
        walks.iter().all(|it| it.resource_type != *name || !it.finish.state.is_asked())
    });
    let mut doubt = None;
    let (mut ids, mut short) = (Vec::new(), None::<WalkFinish>);
    for name in asked {
        let report = walks.iter().find(|walk| walk.resource_type == *name);
        match report.filter(|walk| walk.finish.state != WalkState::Complete) {
            Some(report) if report.finish.state == WalkState::Incomplete => {
                let is_worse =
                    |known: &WalkFinish| report.finish.outcome().outranks(known.outcome());
                if short.as_ref().is_none_or(is_worse) {
                    short = Some(report.finish.clone());
                }
            }
            Some(_) => doubt = doubt.or(Some("$everything was not requested for all types")),
            None => match context.along.of(name) {
                Some(came) => {
                    doubt = doubt.or(came.doubt());
                    ids.push(came.walk_id);
                }
                None => doubt = doubt.or(Some("$everything brought no page")),
            },
        }
    }
    for name in names {
        let is_narrowed = context.is_narrowed(&name).await;
        let doubt =
            doubt.or(is_narrowed.then_some("the consent came to cover less of it meanwhile"));
        let report = enter(context, &name, &ids, short.as_ref(), doubt).await?;
        walks.retain(|walk| walk.resource_type != name);
        walks.push(report);
    }
    context.warehouse.forget_along(id).await
}

async fn enter(
    context: &WalkContext,
    name: &str,
    walks: &[i64],
    short: Option<&WalkFinish>,
    doubt: Option<&'static str>,
) -> Result<WalkReport, WarehouseError> {
    let start = WalkStart {
        run_id: context.run_id,
        connection_id: context.connection.id,
        resource_type: name.to_owned(),
        kind: WalkKind::Everything,
        first_url: None,
        since: None,
        window: None,
        resumes: None,
        proved_for: None,
    };
    let (key, _) = context.warehouse.start_walk(start).await?;
    let mut counters = WalkCounters::default();
    let finish = match (short, doubt) {
        (Some(short), _) => {
            let detail = "it comes along in $everything, which is incomplete".to_owned();
            let reason = short.reason.unwrap_or(Reason::Unanswered);
            WalkFinish {
                hint: short.hint.clone(),
                // Whether the plan was reached depends on it.
                http_status: short.http_status,
                keep_cursor: false,
                ..WalkFinish::incomplete(reason, detail)
            }
        }
        (None, Some(doubt)) => {
            WalkFinish::complete(Some(format!("its deletions were not looked for: {doubt}")))
        }
        (None, None) => {
            let (now, percent) = (clock::text(context.clock.now()), context.shrink_limit_percent);
            let missed = context
                .warehouse
                .enter_missed_along(key.clone(), walks.to_vec(), percent, now)
                .await?;
            match missed {
                MissedAlong::Entered(missed) => {
                    counters.resources_absent = missed;
                    WalkFinish::complete(None)
                }
                MissedAlong::TooMany { live, missed } => WalkFinish::shrunk(live, missed, 0),
            }
        }
    };
    let is_whole = finish.state == WalkState::Complete && doubt.is_none();
    context.warehouse.abandon_walk(key, finish.clone(), counters.clone()).await?;
    if is_whole {
        counters.add_proofs(&prove_type(context, name).await?);
    }
    Ok(WalkReport { resource_type: name.to_owned(), finish, counters })
}
