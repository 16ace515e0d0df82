//! Walks a type that the plan lets us search only in parts, such as one category at a time.
//!
//! Each part is a walk of its own, which resumes by itself. A resource that no part brought is absent. If
//! requests are few, the parts take several runs. A complete part then leaves a note of what it brought, for
//! the run that completes the last part. A part that the plan has always refused is noted: the plan does not
//! know it, and nothing is then taken for absent. A part that came before and is refused now is a gap: its
//! stored resources grow stale. A refused part that the consent names is a gap, too.

use super::{
    between_parts::close,
    came::{Came, lost, part_order, refusal, refused_though_granted},
    ending::Remedy,
    settled::walk_until_settled,
};
use crate::{
    clock,
    fhir::instant,
    outcome::{Reason, WalkKind, WalkState},
    sync::{
        context::WalkContext,
        decide::{
            order::{WalkFrom, WalkOrder},
            part::Part,
            plan::lies_ahead,
        },
        report::WalkReport,
    },
    warehouse::{
        Advance, Tally, WalkCounters, WalkEnd, WalkFinish, WalkStart, WarehouseError, came_whole,
        last_round_ended, round_without_the_rest_ended, window_complete_at, window_cursor,
    },
};
use chrono::{DateTime, TimeDelta, Utc};

/// How long complete parts are not asked for again while another part fails, if requests are limited.
const LONGEST_ROUND: TimeDelta = TimeDelta::days(7);

/// Parts in a row that did not reach the plan, after which the others are left to the next run.
const MOST_UNREACHABLE: u32 = 2;

/// Walks a type by each of its queries; returns the report of the whole type.
///
/// # Errors
/// Only an error of the warehouse.
pub(crate) async fn walk_by_query(
    context: &WalkContext,
    order: &WalkOrder,
) -> Result<WalkReport, WarehouseError> {
    let start = WalkStart {
        run_id: context.run_id,
        connection_id: context.connection.id,
        resource_type: order.resource_type.clone(),
        kind: WalkKind::Full,
        first_url: None,
        since: None,
        window: None,
        resumes: None,
        proved_for: Some(order.proved_for.clone()),
    };
    let (key, _) = context.warehouse.start_walk(start).await?;
    let round = WalkContext { round: Some(key.walk_id), ..context.clone() };
    let began = context.clock.now();
    let mut came = Came { began, ..Came::default() };
    let mut parts = Vec::new();
    for part in &order.parts {
        parts.push((done_at(context, order, part)?, part));
    }
    // Parts that this round has not brought yet come first, so that the others do not hold them up.
    parts.sort_by_key(|(done_at, _)| done_at.is_some());
    let mut left = parts.into_iter();
    for (done_at, part) in left.by_ref() {
        let is_kept = |at: &DateTime<Utc>| came.failed.is_none() || began - *at < LONGEST_ROUND;
        match done_at.filter(is_kept) {
            Some(at) => take_over(&round, order, part, at, &mut came).await?,
            None => walk_part(&round, order, part, &mut came).await?,
        }
        // Without any answer in this run, nothing shows that the plan is there at all.
        let is_away = came.unreachable >= MOST_UNREACHABLE && !context.answered.any();
        let stops = is_away || came.failed.as_ref().is_some_and(stops_all);
        if context.stop.is_asked() || stops {
            break;
        }
    }
    came.note_stop(&context.stop, left.next().is_some());
    if came.failed.is_none() {
        close(&round, order, &mut came).await?;
    }
    let reading = context.clocks.at(began);
    let distinct = context.warehouse.count_seen(key.walk_id).await?;
    let finish = finish(order, &came, distinct);
    let sees_all = came.refused.is_empty() && !came.is_unseen && !order.extent.is_part;
    let has_rejects = came.counters.resources_rejected > 0;
    // A refused part that never came cannot hold a reject.
    let sees_rejects = came.lost.is_none() && !came.is_unseen && !order.extent.is_part;
    let end = WalkEnd {
        finish,
        tally: Tally { distinct, ..Tally::default() },
        keeps_pass: false,
        round: None,
        keeps_part: false,
        before: None,
        sees_all,
        finds_absences: sees_all && !has_rejects,
        is_doubted: reading.is_doubted,
        missed_at: clock::text(reading.dated.earliest),
        missed_since: clock::text(reading.dated.latest),
        settles_rejects: sees_rejects && !has_rejects,
        advance: Some(Advance { watermark: None, full: sees_all, proves: true }),
        totals: None,
        shrink_limit_percent: context.shrink_limit_percent,
    };
    let walk_id = key.walk_id;
    // The parts have rows of their own in the ledger; counted here, too, they would count twice.
    let finish = context.warehouse.end_walk(key, end, WalkCounters::default()).await?;
    context.warehouse.forget_walks(vec![walk_id]).await?;
    Ok(WalkReport { resource_type: order.resource_type.clone(), finish, counters: came.counters })
}

/// Whether no other part can be fetched after a part that ended like this.
///
/// A part that times out is no such end: its search alone may be too slow for the plan, night after night.
fn stops_all(finish: &WalkFinish) -> bool {
    let is_spent = matches!(finish.reason, Some(Reason::RequestLimit | Reason::Interrupted));
    is_spent || finish.reason.is_some_and(Reason::is_without_token)
}

/// When a part was asked for, if this round has brought it in full and requests are limited.
///
/// The part is then not asked for again. A round ends when all of the type is complete, or when it went
/// through all parts and lacks what no further request would bring.
fn done_at(
    context: &WalkContext,
    order: &WalkOrder,
    part: &Part,
) -> Result<Option<DateTime<Utc>>, WarehouseError> {
    if !context.allowance.is_limited() || order.anew {
        return Ok(None);
    }
    let (id, name, window) = (context.connection.id, order.resource_type.as_str(), part.window());
    let now = context.clock.now();
    let done_at = context.warehouse.reader().read(|connection| {
        if window_cursor(connection, id, name, &window)?.is_some() {
            return Ok(None);
        }
        let proved_for = order.proved_for.as_str();
        let done_at = window_complete_at(connection, id, name, &window, Some(proved_for))?;
        let complete_at = last_round_ended(connection, id, name, now)?;
        let ended_at = round_without_the_rest_ended(connection, id, name, proved_for, now)?;
        let round_began = complete_at.max(ended_at);
        Ok(done_at.filter(|at| Some(at) > round_began.as_ref()))
    })?;
    Ok(done_at.as_deref().and_then(instant).filter(|at| !lies_ahead(Some(*at), now)))
}

/// Takes over a part that an earlier run fetched.
async fn take_over(
    context: &WalkContext,
    order: &WalkOrder,
    part: &Part,
    at: DateTime<Utc>,
    came: &mut Came,
) -> Result<(), WarehouseError> {
    came.resumed = true;
    came.began = came.began.min(at);
    if let Some(round) = context.round {
        let (id, name) = (context.connection.id, order.resource_type.clone());
        let is_known =
            context.warehouse.recall_part(id, name, part.query.clone(), at, round).await?;
        came.is_unseen |= !is_known;
    }
    Ok(())
}

async fn walk_part(
    context: &WalkContext,
    order: &WalkOrder,
    part: &Part,
    came: &mut Came,
) -> Result<(), WarehouseError> {
    let window = part.window();
    let (id, name) = (context.connection.id, order.resource_type.as_str());
    let (cursor, came_before) = context.warehouse.reader().read(|connection| {
        let cursor = window_cursor(connection, id, name, &window)?;
        let came_before = cursor.is_some()
            || window_complete_at(connection, id, name, &window, None)?.is_some()
            || came_whole(connection, id, name, &part.alone)?;
        Ok((cursor, came_before))
    })?;
    let from = cursor
        .filter(|it| !order.anew && order.is_of(it))
        .and_then(|cursor| WalkFrom::cursor(cursor, &part.start));
    if let Some(WalkFrom::Cursor(cursor, _)) = &from {
        came.resumed = true;
        came.is_unseen |= cursor.tally.rejected > 0;
        let began = cursor.tally.began.or_else(|| instant(&cursor.walk_started_at));
        came.began = began.map_or(came.began, |began| began.min(came.began));
    }
    let from = from.unwrap_or(WalkFrom::Start);
    let names_type = order.extent.names_type;
    let order = part_order(order, part, window);
    let (mut report, remedy) = walk_until_settled(context, &order, &from).await?;
    came.counters.add(&report.counters);
    let is_anew = matches!(remedy, Some(Remedy::BeginAgain | Remedy::NewCursor));
    if is_anew && !context.stop.is_asked() {
        report = walk_until_settled(context, &order, &WalkFrom::Start).await?.0;
        came.counters.add(&report.counters);
    }
    let refusal = refusal(&report);
    let finish = report.finish;
    came.note_end(&finish);
    match refusal {
        _ if finish.state == WalkState::Complete => {}
        Some(status) => {
            came.refused.push((part.query.clone(), status));
            if part.is_granted && names_type {
                came.note_failure(refused_though_granted(&finish, part));
            } else if came_before {
                came.lost.get_or_insert(lost(finish.clone(), part));
            }
            came.refusal.get_or_insert(finish);
        }
        None => came.note_failure(finish),
    }
    Ok(())
}

fn finish(order: &WalkOrder, came: &Came, distinct: u64) -> WalkFinish {
    let open = |finish: &WalkFinish| WalkFinish {
        state: WalkState::Incomplete,
        keep_cursor: false,
        failed_page: None,
        ..finish.clone()
    };
    let all_refused = came.refusal.as_ref().filter(|_| came.refused.len() == order.parts.len());
    let failed = came.failure();
    // What a scope for all types names is only tried: the plan may not serve this one.
    let is_tried = order.parts.iter().all(|part| part.is_granted) && failed.is_none();
    if let Some(refusal) = all_refused.filter(|_| is_tried) {
        return WalkFinish { keep_cursor: false, failed_page: None, ..refusal.clone() };
    }
    match failed.as_ref().or(all_refused).or(came.lost.as_ref()) {
        Some(failed) => open(failed),
        None => {
            let refused = came
                .refused
                .iter()
                .map(|(query, status)| format!("the plan refuses {query} ({status})"));
            let notes: Vec<String> = order.note.iter().cloned().chain(refused).collect();
            let note = (!notes.is_empty()).then(|| notes.join("; "));
            let as_of = came.resumed.then(|| clock::text(came.began));
            let finish = order.extent.complete(note, distinct == 0 && !came.resumed);
            WalkFinish { as_of, ..finish }
        }
    }
}
