//! One type, walked to its end or as far as it goes.
//!
//! A walk is made in passes, each with a row of its own in the ledger. Most walks take one pass. If the link
//! to the next page is lost, or the server does not honour `_lastUpdated`, the whole type is passed through
//! once more. If pages moved, it is passed through until two passes agree. If no pass gets to the end, the
//! type is walked by windows of date. Resources that are stored already cost a hash each and no write.

use super::{
    by_date::{unfinished, walk_by_date},
    by_query::walk_by_query,
    ending::{Remedy, patient_unknown},
    not_walked::enter,
    refused_changes::{note_refused_changes, refuses_changes},
    settled::walk_until_settled,
};
use crate::{
    clock,
    monitor::Event,
    outcome::{Reason, WalkKind, WalkState},
    sync::{
        context::WalkContext,
        decide::{
            attempt::Attempt,
            order::{WalkFrom, WalkOrder},
            probe::prove,
        },
        reference::absence::prove_absences,
        report::WalkReport,
    },
    warehouse::{
        ProofReport, WalkCounters, WalkFinish, WarehouseError, has_unasked_absences,
        is_turn_of_full_walk, pages_of_full_walk,
    },
};

/// Walks one type to its end, or as far as it goes.
pub(crate) async fn walk(
    context: &WalkContext,
    order: &WalkOrder,
) -> Result<WalkReport, WarehouseError> {
    let Some(mut order) = order.for_patient(context.patient().as_deref()) else {
        let finish = patient_unknown(&context.connection);
        return enter(context, order.resource_type.clone(), order.window.clone(), finish).await;
    };
    // If a consent covers several people, a search for one patient does not bring all.
    let is_anybodys = context.whose.patient().is_none();
    order.otherwise.retain(|attempt| !(attempt.names_patient && is_anybodys));
    let began = context.clock.now();
    let mut report = walk_as(context, &order).await?;
    if refuses_changes(context, &order, &order.from, &report)? && !context.stop.is_asked() {
        order.from = WalkFrom::Start;
        let before = std::mem::replace(&mut report, walk_as(context, &order).await?);
        // If the whole type is refused, too, something else in the search is to blame.
        if report.counters.pages > 0 {
            note_refused_changes(context, &order).await?;
        }
        report.counters.add_effort(&before.counters);
    }
    // How a search ended that found nothing, though what the consent names may bring something.
    let mut ended_empty = None;
    while let Some((attempt, otherwise)) = another(context, &order, &report) {
        if found_nothing(&report) {
            ended_empty = Some(report.finish.clone());
        }
        let Attempt { start, parts, proved_for, note, names_patient, after_nothing, .. } = attempt;
        order = WalkOrder { start, parts, proved_for, note, otherwise, ..order };
        let before = std::mem::replace(&mut report, walk_as(context, &order).await?);
        // An empty answer does not show which search the plan wants. Nor does a gateway's refusal, which may
        // have been for a while, show which search the plan does not want.
        let is_of_plan = before.finish.reason != Some(Reason::Blocked);
        let has_come = !after_nothing || report.counters.resources_seen > 0;
        let shows_it = report.counters.pages > 0 && has_come && is_of_plan;
        if names_patient && shows_it {
            context.warehouse.set_by_patient(context.connection.id, &order.resource_type).await?;
        }
        report.counters.add_effort(&before.counters);
        // One answer to what the consent names is enough: the same search with the patient would be made each
        // night, too, as long as there is nothing.
        if after_nothing && report.counters.pages > 0 {
            order.otherwise.retain(|attempt| !attempt.after_nothing);
        }
    }
    match ended_empty.filter(|_| is_refused_alone(&report)) {
        Some(finish) => {
            let finish = although_refused(finish, &report.finish);
            let as_of = finish.as_of.clone().or(Some(clock::text(began)));
            let finish = WalkFinish { as_of, keep_cursor: false, ..finish };
            let entered = enter(context, order.resource_type, None, finish).await?;
            Ok(WalkReport { counters: report.counters, ..entered })
        }
        None => Ok(told(context, report)),
    }
}

/// The search to try after a search was refused at its first page, or found nothing of a type of which the
/// consent covers a part; and the searches that remain after that.
fn another(
    context: &WalkContext,
    order: &WalkOrder,
    report: &WalkReport,
) -> Option<(Attempt, Vec<Attempt>)> {
    let is_whole = order.window.is_none() && matches!(order.from, WalkFrom::Start);
    // A plan may answer 404 if there is no consent any more: every other search would be refused, too.
    let is_out = report.finish.reason.is_some_and(Reason::is_without_token);
    let found_nothing = order.extent.is_part && found_nothing(report);
    let is_refused = report.counters.pages == 0;
    if !(is_refused || found_nothing) || !is_whole || is_out || context.stop.is_asked() {
        return None;
    }
    let is_told = report.finish.server_message.is_some();
    let mut left = order.otherwise.iter();
    let attempt = left.find(|attempt| match found_nothing {
        true => attempt.after_nothing,
        false => attempt.is_for(report.finish.http_status, is_told),
    })?;
    Some((attempt.clone(), left.cloned().collect()))
}

/// Whether a walk got to its end and met no resource.
fn found_nothing(report: &WalkReport) -> bool {
    // What the consent withholds of the type may be a gap all the same.
    let is_at_its_end = match report.finish.reason {
        None => report.finish.state == WalkState::Complete,
        Some(reason) => matches!(reason, Reason::NotGranted | Reason::NotRequested),
    };
    is_at_its_end && report.counters.pages > 0 && report.counters.resources_seen == 0
}

/// Whether the plan refused a search, as it does if it does not know a parameter, and brought no resource.
fn is_refused_alone(report: &WalkReport) -> bool {
    let WalkReport { finish, counters, .. } = report;
    let says_nothing = |reason: Reason| reason.is_without_token() || reason == Reason::Blocked;
    let is_refusal = matches!(finish.http_status, Some(400 | 403 | 404 | 405 | 422 | 501));
    is_refusal && counters.resources_seen == 0 && !finish.reason.is_some_and(says_nothing)
}

/// The end of a search that found nothing, if the plan then refused what the consent names.
///
/// The refusal takes nothing back. The plan may well leave out of any search what is not granted.
fn although_refused(finish: WalkFinish, refused: &WalkFinish) -> WalkFinish {
    let status = refused.http_status.unwrap_or_default();
    let told = format!(
        "nothing came, and the plan refuses a search by what the member's consent names ({status})"
    );
    let notes: Vec<String> = finish.warning.iter().cloned().chain([told]).collect();
    WalkFinish { warning: Some(notes.join("; ")), ..finish }
}

/// The walk over one type, as one search or as several.
async fn walk_as(context: &WalkContext, order: &WalkOrder) -> Result<WalkReport, WarehouseError> {
    let mut effort = WalkCounters::default();
    if !order.parts.is_empty() {
        if context.allowance.is_limited() {
            effort.add_proofs(&prove_absences(context, order).await?);
        }
        let mut report = walk_by_query(context, order).await?;
        if !is_out(&report) {
            report.counters.add_proofs(&prove_absences(context, order).await?);
        }
        report.counters.resources_deleted += effort.resources_deleted;
        report.counters.add_effort(&effort);
        return Ok(report);
    }
    // If requests are limited, walks over changes could leave none for a proof, night after night.
    if context.allowance.is_limited() && has_unasked(context, order)? {
        effort.add_proofs(&prove_absences(context, order).await?);
    }
    let whole = match whole_tonight(context, order)? {
        None => full_walks_turn(context, order)?,
        whole => whole,
    };
    let order = whole.as_ref().unwrap_or(order);
    let mut is_refused_beside = false;
    // The changes come first: a full walk that takes several nights must not hold them up.
    if let Some(mut changes) = changes_beside(context, order).await? {
        if changes.finish.reason.is_some_and(Reason::is_without_token) || context.stop.is_asked() {
            changes.counters.resources_deleted += effort.resources_deleted;
            changes.counters.add_effort(&effort);
            return Ok(changes);
        }
        is_refused_beside = match order.beside.as_deref() {
            Some(from) => refuses_changes(context, order, from, &changes)?,
            None => false,
        };
        effort.add(&changes.counters);
    }
    // If requests are limited, a full walk must not use up the requests for the proofs after the last one.
    if context.allowance.is_limited() {
        effort.add_proofs(&prove_absences(context, order).await?);
    }
    let mut report = walk_from(context, order, &order.from).await?;
    if is_refused_beside && report.counters.pages > 0 {
        note_refused_changes(context, order).await?;
    }
    // If the changes are refused, the walk over the whole type follows, and then the proofs.
    let proofs = match is_out(&report) || refuses_changes(context, order, &order.from, &report)? {
        true => ProofReport::default(),
        false => prove_absences(context, order).await?,
    };
    report.counters.add_proofs(&proofs);
    // If a read brought a resource that walks have not missed before, the pages moved.
    if proofs.refuted > 0 && is_whole(order, &report) && !context.stop.is_asked() {
        let first = std::mem::take(&mut report.counters);
        report = walk_until_settled(context, order, &WalkFrom::Start).await?.0;
        report.counters.add_effort(&first);
        report.counters.resources_deleted += first.resources_deleted;
        report.counters.add_proofs(&prove_absences(context, order).await?);
    }
    report.counters.resources_deleted += effort.resources_deleted;
    report.counters.add_effort(&effort);
    Ok(report)
}

/// The walk over changes beside a full walk that is under way. `None` if no full walk is under way, or if the
/// server does not show that it honours `_lastUpdated`.
///
/// Without a search for changes, only a new full walk would bring the changes. The new walk would take the
/// place of the full walk under way, which would never get to its end.
async fn changes_beside(
    context: &WalkContext,
    order: &WalkOrder,
) -> Result<Option<WalkReport>, WarehouseError> {
    let Some(beside) = &order.beside else { return Ok(None) };
    match proved(context, order, beside).await? {
        WalkFrom::Start => Ok(None),
        from => walk_on(context, order, from).await.map(Some),
    }
}

/// Whether a resource is absent and no read has asked for it yet.
fn has_unasked(context: &WalkContext, order: &WalkOrder) -> Result<bool, WarehouseError> {
    let (id, name) = (context.connection.id, order.resource_type.as_str());
    context.warehouse.reader().read(|connection| has_unasked_absences(connection, id, name))
}

/// The full walk from its first page, if earlier nights began one and there are requests left for all of it.
///
/// Pages move from night to night, so a full walk within one night is better than one that goes on. It brings
/// the changes, too.
fn whole_tonight(
    context: &WalkContext,
    order: &WalkOrder,
) -> Result<Option<WalkOrder>, WarehouseError> {
    let WalkFrom::Cursor(cursor, _) = &order.from else { return Ok(None) };
    if !context.allowance.is_limited() || cursor.kind != WalkKind::Full || order.window.is_some() {
        return Ok(None);
    }
    let (id, name) = (context.connection.id, order.resource_type.as_str());
    let reader = context.warehouse.reader();
    let Some(pages) = reader.read(|connection| pages_of_full_walk(connection, id, name))? else {
        return Ok(None);
    };
    // The type may have grown since: the pages that the walk reached on other nights count, too.
    let fits = context.allowance.has(pages.max(cursor.pages + 1));
    Ok(fits.then(|| WalkOrder { from: WalkFrom::Start, beside: None, ..order.clone() }))
}

/// The full walk without the walk over changes, if requests are limited and the latest full walk got none.
fn full_walks_turn(
    context: &WalkContext,
    order: &WalkOrder,
) -> Result<Option<WalkOrder>, WarehouseError> {
    if !context.allowance.is_limited() || order.window.is_some() {
        return Ok(None);
    }
    let (id, name) = (context.connection.id, order.resource_type.as_str());
    let reader = context.warehouse.reader();
    if !reader.read(|connection| is_turn_of_full_walk(connection, id, name))? {
        return Ok(None);
    }
    let from = match &order.from {
        WalkFrom::Cursor(cursor, _) if cursor.kind == WalkKind::Full => order.from.clone(),
        _ => WalkFrom::Start,
    };
    Ok(Some(WalkOrder { from, beside: None, ..order.clone() }))
}

/// Whether there is no token, or the plan cannot be reached.
fn is_out(report: &WalkReport) -> bool {
    report.finish.reason.is_some_and(Reason::is_without_token)
        || report.finish.outcome().is_unreachable()
}

fn is_whole(order: &WalkOrder, report: &WalkReport) -> bool {
    order.window.is_none() && report.finish.state == WalkState::Complete
}

fn told(context: &WalkContext, report: WalkReport) -> WalkReport {
    context.monitor.event(Event::WalkFinished {
        connection: &context.connection.name,
        resource_type: &report.resource_type,
        state: report.finish.state,
        detail: report.finish.detail.as_deref(),
        resources_seen: report.counters.resources_seen,
    });
    report
}

/// Walks a type from a given place, and then by the remedy that may get further, if there is one.
async fn walk_from(
    context: &WalkContext,
    order: &WalkOrder,
    from: &WalkFrom,
) -> Result<WalkReport, WarehouseError> {
    let from = proved(context, order, from).await?;
    walk_on(context, order, from).await
}

/// Where a walk begins. If the server has not shown yet whether it honours `_lastUpdated`, the server is
/// probed first.
async fn proved(
    context: &WalkContext,
    order: &WalkOrder,
    from: &WalkFrom,
) -> Result<WalkFrom, WarehouseError> {
    match from {
        WalkFrom::Since(increment) if increment.probe => prove(context, order, increment).await,
        from => Ok(from.clone()),
    }
}

/// Like `walk_from`, for a walk that needs no probe of `_lastUpdated`.
async fn walk_on(
    context: &WalkContext,
    order: &WalkOrder,
    from: WalkFrom,
) -> Result<WalkReport, WarehouseError> {
    let unfinished = match from {
        WalkFrom::Start if order.window.is_none() && !order.anew => unfinished(context, order)?,
        _ => None,
    };
    let (mut report, mut remedy) = match unfinished {
        Some(report) => (report, Some(Remedy::Windows)),
        None => walk_until_settled(context, order, &from).await?,
    };
    // If a full walk is under way beside this walk over changes, it brings what this walk could not.
    let is_beside = order.beside.as_deref() == Some(&from);
    let is_anew = matches!(remedy, Some(Remedy::BeginAgain | Remedy::NewCursor)) && !is_beside;
    if is_anew && !context.stop.is_asked() {
        let (reason, first) = (report.finish.reason, report.counters);
        (report, remedy) = walk_until_settled(context, order, &WalkFrom::Start).await?;
        if report.finish.state == WalkState::Complete {
            match reason {
                Some(Reason::LastUpdatedIgnored) => {
                    distrust_if_there(context, order, &report).await?;
                }
                // Two passes over the changes agreed, but only the walk over the whole type adds up.
                Some(Reason::TotalMismatch | Reason::PagesMoved) => {
                    let why = "its pages of changes do not add up";
                    context.ignores_last_updated(&order.resource_type, why).await?;
                }
                _ => {}
            }
        }
        report.counters.add_effort(&first);
    }
    let is_hopeless = matches!(remedy, Some(Remedy::NewCursor | Remedy::Windows));
    if is_hopeless && order.window.is_none() && !context.stop.is_asked() {
        report = walk_by_date(context, order, report).await?;
    }
    Ok(report)
}

/// Decides, after a full walk, why a walk over changes was short of stored resources: those that the
/// full walk missed, too, may be deleted; those that it brought were left out.
async fn distrust_if_there(
    context: &WalkContext,
    order: &WalkOrder,
    report: &WalkReport,
) -> Result<(), WarehouseError> {
    let (id, name) = (context.connection.id, order.resource_type.as_str());
    let were_there = context.warehouse.settle_left_out(id, name).await?;
    if were_there > 0 && report.counters.resources_rejected == 0 {
        let why = "it leaves out resources that changed after the instant asked for";
        context.ignores_last_updated(name, why).await?;
    }
    Ok(())
}
