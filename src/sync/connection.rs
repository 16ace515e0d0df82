//! One connection's part of a run: decides which walks to make, then makes them. Each type fails alone.

use super::{
    attachments,
    context::WalkContext,
    decide::{
        asked::came_along,
        order::{Step, WalkOrder},
        survey::{Survey, narrowed, note_tokens, survey},
    },
    everything,
    in_order::{Panicked, in_order},
    intake::whose::Whose,
    options::{SyncOptions, Target},
    reference::{absence::READS_OF_A_PROOF, by_reference::follow},
    report::{ConnectionReport, WalkReport},
    walk::{
        closing_window::close,
        ending::bug,
        not_walked::enter,
        one_type::walk,
        whole_of_windows::tell_of_wholes,
        window::{merge, split},
    },
};
use crate::{
    auth::GrantKind,
    fhir::FetchError,
    outcome::{Reason, WalkState},
    warehouse::{
        WalkFinish, WarehouseError, last_turns, left_types, open_absences, open_strangers,
        unmentioned_types,
    },
};
use std::sync::Arc;

/// Syncs one connection.
///
/// # Errors
/// Only errors of the warehouse: failures of a plan are part of the report.
pub(super) async fn sync_connection(
    mut context: WalkContext,
    target: &Target,
    options: &SyncOptions,
) -> Result<ConnectionReport, WarehouseError> {
    let Survey { mut steps, scope, unreachable, .. } = survey(&context, target, options).await?;
    context.scope = scope;
    let id = context.connection.id;
    let left = context.warehouse.reader().read(|connection| left_types(connection, id))?;
    steps.retain(|step| !step.is_left_again(&left));
    let asked = everything::asked(&steps);
    everything::leave_out_along(&context, &asked, &mut steps)?;
    context.whose = whose(&context, target)?;
    let (mut settled, mut closings, mut wholes) = (Vec::new(), Vec::new(), Vec::new());
    // Without a token the probes of the dates would only ask for one again and again.
    let is_served = unreachable.is_none() && context.no_token.get().is_none();
    if let Some(backfill) = options.backfill.as_ref().filter(|_| is_served) {
        let split = split(&context, steps, backfill, options.full).await?;
        (steps, settled, closings) = (split.steps, split.settled, split.closings);
        wholes = split.wholes;
    }
    let walks = match unreachable {
        // Where not even /metadata answers, thirty more time-outs would tell nothing new.
        Some(error) => unreachable_plan(&context, steps, &error).await?,
        None => {
            // Patient is walked first: it tells whose data the rest must be. If the patient is known and the
            // walk would leave too few requests for a proof, Patient takes its turn like other types.
            let takes_turns =
                !context.allowance.has(READS_OF_A_PROOF + 1) && context.patient().is_some();
            let is_patient = |step: &Step| matches!(step, Step::Walk(order) if order.resource_type == "Patient" && !takes_turns);
            let (first, mut rest): (Vec<_>, Vec<_>) = steps.into_iter().partition(is_patient);
            if context.allowance.is_limited() {
                let turns = context.warehouse.reader().read(last_turns)?;
                rest.sort_by_key(|step| turns.get(&(id, step.resource_type().to_owned())));
            }
            let mut walks = run_steps(&context, first, 1).await?;
            let is_scarce = context.allowance.is_scarce(rest.len());
            let concurrency = if is_scarce { 1 } else { target.concurrency };
            walks.extend(run_steps(&context, rest, concurrency).await?);
            close(&context, &closings, &mut walks).await?;
            settled.retain(|it| walks.iter().all(|walk| walk.resource_type != it.resource_type));
            let mut walks = merge(walks);
            follow(&context, target, options, &mut walks).await?;
            if options.backfill.is_none() {
                everything::enter_along(&context, options, &asked, &mut walks).await?;
            }
            walks.extend(settled);
            tell_of_wholes(&wholes, &mut walks);
            attachments::fetch(&context, target, options, &mut walks).await?;
            if options.backfill.is_none() {
                let gaps = narrowed(&context, target, options).await?;
                enter_gaps(&context, gaps, &mut walks).await?;
                enter_unmentioned(&context, &mut walks).await?;
            }
            walks
        }
    };
    note_tokens(&context).await?;
    Ok(ConnectionReport {
        left_out: Vec::new(),
        other_counters: context.client.effort().into(),
        connection: context.connection.name.clone(),
        plan: context.connection.plan.clone(),
        open_rejects: context.warehouse.open_rejects(id)?,
        open_strangers: context
            .warehouse
            .reader()
            .read(|connection| open_strangers(connection, id))?,
        open_absences: context
            .warehouse
            .reader()
            .read(|connection| open_absences(connection, id))?,
        walks,
        is_bug: false,
    })
}

/// Whose data the connection may hold: the Patient that its consent or its first sync named, with
/// the Patients that are linked to it.
fn whose(context: &WalkContext, target: &Target) -> Result<Whose, WarehouseError> {
    let is_backend = target.registration.grant == GrantKind::ClientCredentials;
    // A backend service sees everybody, unless it was connected for one patient.
    let is_anybodys = target.dependants || is_backend && context.connection.patient_id.is_none();
    let bases = Arc::clone(&context.bases);
    Whose::of_connection(&context.warehouse, &context.connection, bases, is_anybodys)
}

async fn run_steps(
    context: &WalkContext,
    steps: Vec<Step>,
    concurrency: usize,
) -> Result<Vec<WalkReport>, WarehouseError> {
    let jobs = steps.iter().cloned().map(|step| {
        let context = context.clone();
        async move {
            match step {
                Step::Skip { resource_type, finish } => {
                    enter(&context, resource_type, None, finish).await
                }
                Step::Walk(order) => walk_unless_stopped(&context, &order).await,
            }
        }
    });
    let ended = in_order(jobs, concurrency).await;
    let mut reports = Vec::new();
    for (step, ended) in steps.iter().zip(ended) {
        reports.push(match ended {
            Ok(report) => report?,
            Err(Panicked) => enter(context, step.resource_type().to_owned(), None, bug()).await?,
        });
    }
    Ok(reports)
}

async fn walk_unless_stopped(
    context: &WalkContext,
    order: &WalkOrder,
) -> Result<WalkReport, WarehouseError> {
    if context.stop.is_asked() {
        let finish = WalkFinish::incomplete(
            Reason::Interrupted,
            "the run was asked to stop before this type's turn came".to_owned(),
        );
        let (name, window) = (order.resource_type.clone(), order.window.clone());
        return enter(context, name, window, finish).await;
    }
    // Without a token no other type can be fetched either. Each would only try the token endpoint again,
    // for minutes, with a refresh token that may be spent. If the data is another patient's, the rest
    // of it would only fill the quarantine.
    if let Some(finish) = context.no_token.get() {
        let (name, window) = (order.resource_type.clone(), order.window.clone());
        return enter(context, name, window, finish.clone()).await;
    }
    let report = walk(context, order).await?;
    let is_settled = |reason: Reason| reason.is_without_token() || reason == Reason::PatientChanged;
    if report.finish.reason.is_some_and(is_settled) {
        // The first reason holds for all types.
        let _ = context.no_token.set(WalkFinish { failed_page: None, ..report.finish.clone() });
    }
    Ok(report)
}

/// Enters the gaps of types that were walked to their end: what the consent withholds of each type.
async fn enter_gaps(
    context: &WalkContext,
    gaps: Vec<(String, WalkFinish)>,
    walks: &mut [WalkReport],
) -> Result<(), WarehouseError> {
    for (resource_type, finish) in gaps {
        let walked = walks.iter_mut().find(|report| report.resource_type == resource_type);
        let Some(report) = walked.filter(|it| it.finish.state == WalkState::Complete) else {
            continue;
        };
        enter(context, resource_type, None, finish.clone()).await?;
        report.finish = finish;
    }
    Ok(())
}

/// Enters types that the ledger does not mention yet, and whose resources came along with other types.
async fn enter_unmentioned(
    context: &WalkContext,
    walks: &mut Vec<WalkReport>,
) -> Result<(), WarehouseError> {
    let id = context.connection.id;
    let names = context.warehouse.reader().read(|connection| unmentioned_types(connection, id))?;
    for name in names {
        let finish = came_along(&name);
        walks.push(enter(context, name, None, finish).await?);
    }
    Ok(())
}

async fn unreachable_plan(
    context: &WalkContext,
    steps: Vec<Step>,
    error: &FetchError,
) -> Result<Vec<WalkReport>, WarehouseError> {
    let mut reports = Vec::new();
    for step in steps {
        let finish = match &step {
            // A type that is not listed would have been read by reference.
            Step::Skip { finish, .. } if finish.reason != Some(Reason::NotListed) => finish.clone(),
            Step::Skip { .. } | Step::Walk(_) => {
                let hint = "check the network and the plan's fhir_url; the next run asks again";
                WalkFinish {
                    hint: Some(hint.to_owned()),
                    ..WalkFinish::incomplete(Reason::Unreachable, error.to_string())
                }
            }
        };
        reports.push(enter(context, step.resource_type().to_owned(), None, finish).await?);
    }
    Ok(reports)
}
