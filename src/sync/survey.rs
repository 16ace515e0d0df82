//! Before a run: what the plan declares, what the ledger knows, and so what will be asked.

use super::{
    context::WalkContext,
    plan::{PlanInput, Step, plan},
    run::{SyncContext, SyncOptions, Target},
};
use crate::{
    fhir::{Effort, FetchError},
    http::Retry,
    monitor::Event,
    warehouse::{WarehouseError, held_types},
};

/// What a run will do with one connection.
pub(super) struct Survey {
    pub(super) steps: Vec<Step>,
    /// Why the plan cannot be reached, if not even its CapabilityStatement could be asked for.
    pub(super) unreachable: Option<FetchError>,
    pub(super) effort: Effort,
}

/// Asks the plan what it offers and decides for every type. Asks for no data.
pub(super) async fn survey(
    context: &WalkContext,
    target: &Target,
    options: &SyncOptions,
) -> Result<Survey, WarehouseError> {
    let mut effort = Effort::default();
    let on_retry = |retry: &Retry| {
        context.monitor.event(Event::Retrying {
            connection: &context.connection.name,
            resource_type: "CapabilityStatement",
            why: &retry.reason.to_string(),
            delay: retry.wait,
        });
    };
    let capability = tokio::select! {
        capability = context.client.capability(&mut effort, &on_retry) => capability,
        () = context.stop.asked() => Ok(None),
    };
    let (capability, unreachable) = match capability {
        Ok(capability) => (capability, None),
        Err(error) if error.is_unreachable() => (None, Some(error)),
        // The walks meet the same error, and say so.
        Err(_) => (None, None),
    };
    let cursors = context.warehouse.cursors(context.connection.id)?;
    let id = context.connection.id;
    let states = context.warehouse.type_states(id)?;
    let held = context.warehouse.reader().read(|connection| held_types(connection, id))?;
    let steps = plan(&PlanInput {
        connection: &context.connection.name,
        plan: &context.connection.plan,
        base: &target.registration.fhir_url,
        page_size: target.page_size,
        configured_types: &target.types,
        asked_types: &options.types,
        capability: capability.as_ref(),
        scope: context.connection.scope.as_deref(),
        requested_scope: target.registration.scope.as_deref(),
        held: &held,
        cursors: &cursors,
        states: &states,
        full: options.full,
        full_walk_every: options.full_walk_every,
        overlap: options.overlap,
        now: context.clock.now(),
    });
    Ok(Survey { steps, unreachable, effort })
}

/// What a sync would ask of a connection, and why not the rest.
///
/// # Errors
/// The warehouse's; or, inside, why the plan cannot be reached.
pub async fn preview(
    context: &SyncContext,
    target: &Target,
    options: &SyncOptions,
) -> Result<Result<Vec<Step>, FetchError>, WarehouseError> {
    let walk_context = WalkContext::new(context, 0, target, options);
    let survey = survey(&walk_context, target, options).await?;
    Ok(match survey.unreachable {
        Some(error) => Err(error),
        None => Ok(survey.steps),
    })
}
