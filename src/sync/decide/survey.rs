//! Surveys, before a run, what the plan declares and the ledger knows, and has the walks decided.

use super::{input::PlanInput, order::Step, plan::plan};
use crate::{
    fhir::{Capability, FetchError},
    http::Retry,
    monitor::Event,
    sync::{
        context::WalkContext,
        options::{SyncContext, SyncOptions, Target},
        walk::ending::unavailable,
    },
    warehouse::{KnownTypes, TypeState, WalkFinish, WarehouseError, waiting_types},
};
use std::collections::HashMap;
use url::Url;

/// The schedule of walks of one connection.
pub(crate) struct Survey {
    pub(crate) steps: Vec<Step>,
    /// The scope by which the steps were decided.
    pub(crate) scope: Option<String>,
    /// Why the plan cannot be reached, if not even its CapabilityStatement could be asked for.
    pub(crate) unreachable: Option<FetchError>,
    /// What the ledger knew of each type.
    states: Vec<TypeState>,
}

/// Asks the plan what it offers and grants, and decides for every type. Asks for no data.
pub(crate) async fn survey(
    context: &WalkContext,
    target: &Target,
    options: &SyncOptions,
) -> Result<Survey, WarehouseError> {
    let offer = offer(context).await;
    if offer.unreachable.is_none() {
        see_to_token(context).await?;
    }
    let survey = decide(context, target, options, offer.capability.as_ref()).await?;
    Ok(Survey { unreachable: offer.unreachable, ..survey })
}

/// The gaps in types that were walked, if the plan has granted less during the run than the scope by which
/// the walks were decided.
pub(crate) async fn narrowed(
    context: &WalkContext,
    target: &Target,
    options: &SyncOptions,
) -> Result<Vec<(String, WalkFinish)>, WarehouseError> {
    let scope = context.client.granted_scope().await;
    let Some(scope) = scope.filter(|scope| context.scope.as_ref() != Some(scope)) else {
        return Ok(Vec::new());
    };
    context.warehouse.note_scope(context.connection.id, scope).await?;
    let survey = decide(context, target, options, None).await?;
    Ok(survey.steps.into_iter().filter_map(Step::into_gap).collect())
}

/// The plan's capabilities, or why the plan could not be asked for them.
struct Offer {
    capability: Option<Capability>,
    unreachable: Option<FetchError>,
}

async fn offer(context: &WalkContext) -> Offer {
    let on_retry = |retry: &Retry| {
        context.monitor.event(Event::Retrying {
            connection: &context.connection.name,
            resource_type: "CapabilityStatement",
            why: &retry.reason.to_string(),
            delay: retry.wait,
        });
    };
    let capability = tokio::select! {
        capability = context.client.capability(&on_retry) => capability,
        () = context.stop.asked() => Ok(None),
    };
    let (capability, unreachable) = match capability {
        Ok(capability) => (capability, None),
        Err(error) if error.is_unreachable() => (None, Some(error)),
        // The walks meet the same error, and say so.
        Err(_) => (None, None),
    };
    Offer { capability, unreachable }
}

/// Refreshes the token first, if need be. The answer may grant less than the consent did, so the run learns
/// what is left out before it asks for anything.
async fn see_to_token(context: &WalkContext) -> Result<(), WarehouseError> {
    let connection = &context.connection;
    let ready = tokio::select! {
        ready = context.client.see_to_token() => ready,
        () = context.stop.asked() => return Ok(()),
    };
    if let Err(error) = ready {
        // The first reason holds for all types.
        let _ = context.no_token.set(unavailable(&error, connection));
        return Ok(());
    }
    if let Some(end) = context.client.consent_ends_at() {
        context.warehouse.note_consent_end(connection.id, end).await?;
    }
    let scope = context.client.granted_scope().await;
    match scope.filter(|scope| connection.scope.as_ref() != Some(scope)) {
        Some(scope) => context.warehouse.note_scope(connection.id, scope).await,
        None => Ok(()),
    }
}

/// Notes which tokens were used, so that a later run notices if an older vault was put back.
pub(crate) async fn note_tokens(context: &WalkContext) -> Result<(), WarehouseError> {
    match context.client.token_generation().await {
        Some(generation) if context.no_token.get().is_none() => {
            context.warehouse.note_token_generation(context.connection.id, generation).await
        }
        _ => Ok(()),
    }
}

async fn decide(
    context: &WalkContext,
    target: &Target,
    options: &SyncOptions,
    capability: Option<&Capability>,
) -> Result<Survey, WarehouseError> {
    let scope = context.client.granted_scope().await.or_else(|| context.connection.scope.clone());
    let KnownTypes { states, held, cursors } =
        context.warehouse.known_types(context.connection.id)?;
    let id = context.connection.id;
    let waiting = context.warehouse.reader().read(|connection| waiting_types(connection, id))?;
    let steps = plan(&PlanInput {
        connection: &context.connection.name,
        plan: context.connection.plan_name(),
        base: &target.registration.fhir_url,
        type_bases: &target.registration.requests.bases,
        page_size: target.page_size,
        last_updated: target.last_updated,
        search: &target.search,
        configured_types: &target.types,
        required: &target.required,
        asked_types: &options.types,
        capability,
        scope: scope.as_deref(),
        requested_scope: target.registration.scope.as_deref(),
        held: &held,
        waiting: &waiting,
        consented_at: context.connection.consented_at.as_deref(),
        cursors: &cursors,
        states: &states,
        full: options.full,
        full_walk_every: options.full_walk_every,
        overlap: options.overlap,
        now: context.clock.now(),
    });
    Ok(Survey { steps, scope, unreachable: None, states })
}

/// What plans declare, by FHIR base, or why they cannot be reached.
///
/// The answers are kept so that many connections of one plan ask the plan once.
#[derive(Default)]
pub struct Declared(HashMap<Url, Result<Option<Capability>, String>>);

/// What a sync would ask of a connection.
#[derive(Debug)]
pub struct Preview {
    /// The walks, and why each other type is left out.
    pub steps: Vec<Step>,
    /// What the ledger knows of the types; the steps were decided by this knowledge.
    pub states: Vec<TypeState>,
}

/// Decides what a sync asks of a connection, and why each other type is left out.
///
/// # Errors
/// An error of the warehouse. The inner result says why the plan cannot be reached, if so.
pub async fn preview(
    context: &SyncContext,
    target: &Target,
    options: &SyncOptions,
    declared: &mut Declared,
) -> Result<Result<Preview, String>, WarehouseError> {
    let context = WalkContext::new(context, 0, target, options);
    let base = &target.registration.fhir_url;
    if !declared.0.contains_key(base) {
        let Offer { capability, unreachable } = offer(&context).await;
        let answer = unreachable.map_or(Ok(capability), |error| Err(error.to_string()));
        declared.0.insert(base.clone(), answer);
    }
    let capability = match &declared.0[base] {
        Ok(capability) => capability.as_ref(),
        Err(why) => return Ok(Err(why.clone())),
    };
    let Survey { steps, states, .. } = decide(&context, target, options, capability).await?;
    Ok(Ok(Preview { steps, states }))
}
