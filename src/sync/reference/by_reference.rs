//! Reads types that a plan serves by id but refuses to list: references in stored resources name the ids.
//!
//! After the listing walks of a connection, the references in its stored resources are queued and read. So
//! are the references in the resources that were read, up to a depth. The queue is in the warehouse and each
//! answer is committed with its resource, so a killed run goes on where it was. Each night reads what is new;
//! now and then a full round reads everything again.

use super::reads::{MAX_DEPTH, Reads};
use crate::{
    clock,
    fhir::{each_reference, is_about_a_member, on_this_server},
    monitor::Event,
    outcome::{Reason, WalkKind, WalkState},
    plural,
    sync::{
        context::WalkContext,
        in_order::in_order,
        options::{SyncOptions, Target},
        report::{WalkReport, cut_off},
        walk::ending::bug,
    },
    warehouse::{
        Found, QueueSummary, WalkCounters, WalkFinish, WalkKey, WalkStart, WarehouseError,
        reference_sources, reference_summary,
    },
};
use std::{collections::HashMap, sync::Arc};
use url::Url;

/// Reads by reference the types that a plan refused to list, and replaces the reports of those refusals.
///
/// # Errors
/// Only errors of the warehouse: failures of a plan are part of the report.
pub(crate) async fn follow(
    context: &WalkContext,
    target: &Target,
    options: &SyncOptions,
    walks: &mut [WalkReport],
) -> Result<(), WarehouseError> {
    let unlisted: Vec<usize> = (0..walks.len())
        .filter(|position| walks[*position].finish.reason == Some(Reason::NotListed))
        .collect();
    if unlisted.is_empty() {
        return Ok(());
    }
    let hindrance = hindrance(walks);
    let some_incomplete = walks.iter().any(|walk| walk.finish.state == WalkState::Incomplete);
    let mut reads = Vec::new();
    for position in unlisted {
        let base = target.registration.base_of(&walks[position].resource_type);
        reads.push(begin(context, options, &walks[position], base).await?);
    }
    name_the_patient(context, &reads).await?;
    let keys: Vec<WalkKey> = reads.iter().map(|reads| reads.key.clone()).collect();
    if hindrance.is_none() {
        reads = read_all(context, reads, target.concurrency).await?;
    }
    for key in keys {
        if !reads.iter().any(|reads| reads.key.walk_id == key.walk_id) {
            let name = key.resource_type.clone();
            context.warehouse.abandon_walk(key, bug(), WalkCounters::default()).await?;
            let listing = walks.iter_mut().find(|walk| walk.resource_type == name);
            if let Some(listing) = listing {
                listing.finish = bug();
            }
        }
    }
    for reads in reads {
        let name = reads.resource_type().to_owned();
        let Some(listed) = walks.iter().find(|walk| walk.resource_type == name) else { continue };
        let refusal = listed.finish.clone();
        let report = finish(context, reads, hindrance.as_ref(), some_incomplete, &refusal).await?;
        let listing = walks.iter_mut().find(|walk| walk.resource_type == report.resource_type);
        if let Some(listing) = listing {
            let effort = std::mem::replace(listing, report).counters;
            listing.counters.add_effort(&effort);
        }
    }
    Ok(())
}

/// Why nothing can be read at all, if so. A refusal to list a type is then no sign that the type can be read:
/// a gateway may have sent it in place of a plan that is away.
fn hindrance(walks: &[WalkReport]) -> Option<WalkFinish> {
    let is_refused = |walk: &&WalkReport| {
        let status = walk.finish.http_status;
        walk.finish.state == WalkState::Incomplete
            && walk.resource_type == "Patient"
            && matches!(status, Some(401 | 403 | 404))
    };
    let is_listed = |walk: &&WalkReport| walk.finish.reason != Some(Reason::NotListed);
    let hindrance =
        cut_off(walks.iter().filter(is_listed)).or_else(|| walks.iter().find(is_refused));
    hindrance.map(|walk| walk.finish.clone())
}

/// Enters the walk in the ledger, and begins a round over all references if one is due.
async fn begin(
    context: &WalkContext,
    options: &SyncOptions,
    listing: &WalkReport,
    base: &Url,
) -> Result<Reads, WarehouseError> {
    let resource_type = listing.resource_type.clone();
    let connection_id = context.connection.id;
    let now = context.clock.now();
    let known = context
        .warehouse
        .begin_references(connection_id, resource_type.clone(), options.due_before(now))
        .await?;
    let start = WalkStart {
        run_id: context.run_id,
        connection_id,
        resource_type: resource_type.clone(),
        kind: WalkKind::Reference,
        first_url: None,
        since: None,
        window: None,
        resumes: None,
        proved_for: None,
    };
    let (key, _) = context.warehouse.start_walk(start).await?;
    context.monitor.event(Event::WalkStarted {
        connection: &context.connection.name,
        resource_type: &resource_type,
        pages_before: 0,
    });
    Ok(Reads::new(context.clone(), base.clone(), key, known))
}

/// Queues the Patient that the consent names, whether or not a stored resource refers to it.
async fn name_the_patient(context: &WalkContext, reads: &[Reads]) -> Result<(), WarehouseError> {
    let is_read = reads.iter().any(|reads| reads.resource_type() == "Patient");
    let Some(id) = context.patient().filter(|_| is_read) else { return Ok(()) };
    let patient = Found { resource_type: "Patient".to_owned(), resource_id: id, depth: 1 };
    let (connection_id, nothing_scanned) = (context.connection.id, Vec::new());
    context
        .warehouse
        .enqueue_references(connection_id, vec![patient], nothing_scanned, String::new())
        .await
}

/// Searches stored resources for references and reads them, until none within the depth is unread.
async fn read_all(
    context: &WalkContext,
    mut reads: Vec<Reads>,
    concurrency: usize,
) -> Result<Vec<Reads>, WarehouseError> {
    let types: Vec<String> = reads.iter().map(|reads| reads.resource_type().to_owned()).collect();
    // For all types, resources received up to here have been searched; "" is before everything.
    let mut since = reads.iter().map(|reads| reads.scanned_to.clone().unwrap_or_default()).min();
    loop {
        since = search(context, &types, since.unwrap_or_default()).await?;
        let jobs = reads.into_iter().map(|mut one| async move {
            let went_on = one.read_pending().await;
            (one, went_on)
        });
        let mut any_went_on = false;
        reads = Vec::new();
        // A job that panicked is missing at the end, and is reported as a bug there.
        for (one, went_on) in in_order(jobs, concurrency).await.into_iter().flatten() {
            any_went_on |= went_on?;
            reads.push(one);
        }
        if !any_went_on {
            return Ok(reads);
        }
    }
}

/// Queues the references in resources that were received after `since`; returns how far it has searched.
async fn search(
    context: &WalkContext,
    types: &[String],
    since: String,
) -> Result<Option<String>, WarehouseError> {
    let (warehouse, connection_id) = (Arc::clone(&context.warehouse), context.connection.id);
    let (bases, wanted, from) = (Arc::clone(&context.bases), types.to_vec(), since.clone());
    let now = clock::text(context.clock.now());
    let until = now.clone();
    let searched = tokio::task::spawn_blocking(move || {
        let mut found: HashMap<(String, String), u32> = HashMap::new();
        let newest = warehouse.reader().read(|connection| {
            reference_sources(connection, connection_id, &from, &until, &mut |source| {
                each_reference(source.json, |text| {
                    let named = on_this_server(&bases, text);
                    if let Some(named) = named.filter(|it| wanted.contains(&it.resource_type)) {
                        let depth = source.depth + 1;
                        let known = found.entry((named.resource_type, named.id)).or_insert(depth);
                        *known = depth.min(*known);
                    }
                });
            })
        })?;
        Ok((found, newest))
    });
    let (found, newest) = match searched.await {
        Ok(searched) => searched?,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    // A clock that was ahead may have dated the newest; what comes from now on must still be searched.
    let Some(newest) = newest.map(|newest| newest.min(now)) else { return Ok(Some(since)) };
    let found = found
        .into_iter()
        .map(|((resource_type, resource_id), depth)| Found { resource_type, resource_id, depth })
        .collect();
    let scanned = types.to_vec();
    context.warehouse.enqueue_references(connection_id, found, scanned, newest.clone()).await?;
    Ok(Some(newest))
}

/// Enters the end of a walk by reference: complete when every reference was answered.
async fn finish(
    context: &WalkContext,
    reads: Reads,
    hindrance: Option<&WalkFinish>,
    some_incomplete: bool,
    refusal: &WalkFinish,
) -> Result<WalkReport, WarehouseError> {
    let resource_type = reads.resource_type().to_owned();
    let connection_id = context.connection.id;
    let summary = context.warehouse.reader().read(|connection| {
        reference_summary(connection, connection_id, &resource_type, MAX_DEPTH)
    })?;
    let finish = match hindrance {
        Some(finish) => WalkFinish { failed_page: None, ..finish.clone() },
        None => {
            let stopped = reads.stopped.clone();
            let missing = missing(context, &summary, refusal);
            let required = context.required.contains(&resource_type).then_some(missing);
            describe(&resource_type, &summary, stopped, some_incomplete, refusal, required)
        }
    };
    let counters = reads.counters.clone();
    context.warehouse.abandon_walk(reads.key.clone(), finish.clone(), counters.clone()).await?;
    context.monitor.event(Event::WalkFinished {
        connection: &context.connection.name,
        resource_type: &resource_type,
        state: finish.state,
        detail: finish.detail.as_deref(),
        resources_seen: counters.resources_seen,
    });
    Ok(WalkReport { resource_type, finish, counters })
}

/// Why a required type is missing of which no read has brought a resource, and what a person can do about it.
///
/// Only a refusal of access says something of the consent.
fn missing(
    context: &WalkContext,
    summary: &QueueSummary,
    refusal: &WalkFinish,
) -> (Reason, String) {
    let (name, plan) = (&context.connection.name, context.connection.plan_name());
    let reason = match refusal.http_status {
        _ if summary.refused > 0 => Reason::Forbidden,
        None | Some(401 | 403) => Reason::Forbidden,
        Some(404) => Reason::NotFound,
        Some(500..) => Reason::ServerError,
        Some(_) => Reason::Refused,
    };
    let hint = match reason {
        Reason::Forbidden if !context.client.has_token() => {
            "the plan's grant is \"none\", so no token is sent; if the server wants a token, set \
             another grant in the plan's section"
                .to_owned()
        }
        Reason::Forbidden => format!(
            "the consent may not cover it; `payersync connect {name} --plan {plan}` asks anew"
        ),
        Reason::NotFound => {
            "if the plan does not serve it, leave it out of `required` in the plan's section"
                .to_owned()
        }
        _ => "if the plan wants another search of the type, add a rule for it to `search` in the \
             plan's section; if the plan does not serve it, leave it out of `required` there"
            .to_owned(),
    };
    (reason, hint)
}

/// The ledger's entry for a type that was read by reference. `required` says why a required type of which
/// nothing came is missing, and what to do.
fn describe(
    name: &str,
    summary: &QueueSummary,
    stopped: Option<WalkFinish>,
    some_incomplete: bool,
    refusal: &WalkFinish,
    required: Option<(Reason, String)>,
) -> WalkFinish {
    if summary.pending > 0 {
        let stopped = stopped.unwrap_or_else(|| {
            WalkFinish::incomplete(Reason::Unanswered, "the plan gave no answer".to_owned())
        });
        let detail = stopped.detail.unwrap_or_default();
        let detail =
            format!("{} still to be read: {detail}", plural::count(summary.pending, "reference"));
        return WalkFinish { detail: Some(detail), keep_cursor: false, ..stopped };
    }
    let is_missed = summary.refused > 0 || (required.is_some() && is_about_a_member(name));
    if summary.stored == 0 && is_missed {
        let detail = match summary.refused {
            0 => {
                "the plan does not list the type, and no stored resource refers to a resource of \
                 the type that could be read"
            }
            _ => {
                "the plan neither lists the type nor allows reads of it; what it refused is asked \
                 for again when full walks are due (full_walk_every_days), or by `payersync sync \
                 NAME --full`"
            }
        };
        let detail = detail.to_owned();
        return match required {
            Some((reason, hint)) => WalkFinish {
                // The plan's own words about the type are those of its refusal to list it.
                http_status: refusal.http_status.or(Some(403)),
                server_message: refusal.server_message.clone(),
                hint: Some(hint),
                ..WalkFinish::incomplete(reason, detail)
            },
            None => WalkFinish::not_walked(WalkState::NotServed, Reason::Forbidden, detail),
        };
    }
    let mut parts = Vec::new();
    for (count, what) in [
        (summary.absent, "references to resources that the plan does not have"),
        (summary.refused, "references to resources that the plan refuses"),
        (summary.unreadable, "references to resources that the plan fails to send"),
        (
            summary.too_deep,
            "references too far from the member's own data, which were not followed",
        ),
    ] {
        if count > 0 {
            parts.push(format!("{what}: {count}"));
        }
    }
    if some_incomplete {
        parts.push("other types are incomplete, and so may be the references".to_owned());
    }
    WalkFinish::complete((!parts.is_empty()).then(|| parts.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_is_not_listed_shows_no_plan_that_answers_and_a_type_that_came_does() {
        let walk = |finish| WalkReport {
            resource_type: "Goal".to_owned(),
            finish,
            counters: WalkCounters::default(),
        };
        let unlisted =
            WalkFinish::not_walked(WalkState::NotServed, Reason::NotListed, String::new());
        let unlisted = walk(WalkFinish { http_status: Some(403), ..unlisted });
        let timeout = WalkFinish::incomplete(Reason::Timeout, String::new());
        let came = walk(WalkFinish::complete(None));
        let walks = [unlisted, walk(timeout.clone()), came];
        assert_eq!(hindrance(&walks), None);
        assert_eq!(hindrance(&walks[..2]), Some(timeout));
        assert_eq!(hindrance(&walks[..1]), None, "nothing has failed");
    }
}
