//! A type that its plan lets be searched only in parts, such as one category at a time.
//!
//! Each part is a walk of its own, which resumes by itself. What all parts together did not bring is
//! absent, where each of them came to its end in this run. A part that the plan has always refused is
//! noted: the plan does not know it, and what it would have brought proves nothing. A part that came
//! before and is refused now is a gap: what is stored of it grows stale.

use super::{
    asked::Extent,
    between_parts::close,
    context::WalkContext,
    ending::Remedy,
    plan::{Part, WalkFrom, WalkOrder, lies_ahead},
    report::WalkReport,
    walk::walk_until_settled,
};
use crate::{
    clock,
    fhir::instant,
    http::Origin,
    outcome::{WalkKind, WalkState},
    warehouse::{
        Advance, Tally, WalkCounters, WalkEnd, WalkFinish, WalkStart, WalkWindow, WarehouseError,
        came_whole, last_round_ended, window_complete_at, window_cursor,
    },
};
use chrono::{DateTime, TimeDelta, Utc};
use url::Url;

/// How long the parts of a type may wait for each other, where requests are few.
const LONGEST_ROUND: TimeDelta = TimeDelta::days(7);

/// What the parts came to.
#[derive(Default)]
pub(super) struct Came {
    pub(super) counters: WalkCounters,
    /// When the first of them was asked for, in this run or an earlier one, by our clock.
    pub(super) began: DateTime<Utc>,
    /// Parts that the plan refused, each with the status of its refusal.
    refused: Vec<(String, u16)>,
    /// How the first of them was refused.
    refusal: Option<WalkFinish>,
    /// How the first part was refused that an earlier run got.
    lost: Option<WalkFinish>,
    /// Whether some part went on where an earlier run had come.
    resumed: bool,
    /// Why some part is not complete.
    pub(super) failed: Option<WalkFinish>,
}

impl Came {
    /// Whether the plan has refused a part.
    pub(super) fn is_refused(&self, part: &Part) -> bool {
        self.refused.iter().any(|(query, _)| *query == part.query)
    }
}

/// Walks a type by each of its queries; the report is the whole type's.
///
/// # Errors
/// Only the warehouse's.
pub(super) async fn walk_by_query(
    context: &WalkContext,
    order: &WalkOrder,
) -> Result<WalkReport, WarehouseError> {
    let reading = context.clocks.read(context.clock.now(), None);
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
    let mut came = Came { began: context.clock.now(), ..Came::default() };
    for part in &order.parts {
        walk_part(&round, order, part, &mut came).await?;
        if came.failed.is_some() || context.stop.is_asked() {
            break;
        }
    }
    if came.failed.is_none() && !context.stop.is_asked() {
        close(&round, order, &mut came).await?;
    }
    let distinct = context.warehouse.count_seen(key.walk_id).await?;
    let finish = finish(order, &came, distinct);
    let sees_all = came.refused.is_empty() && !came.resumed && !order.extent.is_part;
    let has_rejects = came.counters.resources_rejected > 0;
    // A refused part that never came cannot hold a reject.
    let sees_rejects = came.lost.is_none() && !came.resumed && !order.extent.is_part;
    let end = WalkEnd {
        finish,
        tally: Tally { distinct, ..Tally::default() },
        keeps_pass: false,
        before: None,
        finds_absences: sees_all && !has_rejects,
        is_doubted: reading.is_doubted,
        started: clock::text(reading.dated),
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

async fn walk_part(
    context: &WalkContext,
    order: &WalkOrder,
    part: &Part,
    came: &mut Came,
) -> Result<(), WarehouseError> {
    let window = WalkWindow { parameter: part.query.clone(), from: None, to: None };
    let (id, name) = (context.connection.id, order.resource_type.as_str());
    let (cursor, came_before, done_at) = context.warehouse.reader().read(|connection| {
        let cursor = window_cursor(connection, id, name, &window)?;
        let came_before = cursor.is_some()
            || window_complete_at(connection, id, name, &window, None)?.is_some()
            || came_whole(connection, id, name)?;
        let proved_for = Some(order.proved_for.as_str());
        let done_at = window_complete_at(connection, id, name, &window, proved_for)?;
        let round_began = last_round_ended(connection, id, name)?;
        Ok((cursor, came_before, done_at.filter(|at| Some(at) > round_began.as_ref())))
    })?;
    // Where requests are few, what earlier runs have spent on a part is not spent again, unless another
    // part has kept the round from its end for long.
    let is_limited = context.allowance.is_limited() && !order.anew;
    let done_at = done_at.as_deref().and_then(instant).filter(|_| is_limited && cursor.is_none());
    let now = context.clock.now();
    let stays = |at: &DateTime<Utc>| now - *at < LONGEST_ROUND && !lies_ahead(Some(*at), now);
    if let Some(at) = done_at.filter(stays) {
        came.resumed = true;
        came.began = came.began.min(at);
        return Ok(());
    }
    let from = cursor.filter(|it| !order.anew && order.is_of(it)).and_then(|cursor| {
        let url = Url::parse(&cursor.next_url).ok()?;
        let is_same = Origin::of(&url).ok()? == Origin::of(&part.start).ok()?;
        is_same.then(|| WalkFrom::Cursor(Box::new(cursor), url))
    });
    if let Some(WalkFrom::Cursor(cursor, _)) = &from {
        came.resumed = true;
        let began = cursor.tally.began.or_else(|| instant(&cursor.walk_started_at));
        came.began = began.map_or(came.began, |began| began.min(came.began));
    }
    let from = from.unwrap_or(WalkFrom::Start);
    let order = part_order(order, part, window);
    let (mut report, remedy) = walk_until_settled(context, &order, &from).await?;
    came.counters.add(&report.counters);
    let is_anew = matches!(remedy, Some(Remedy::BeginAgain | Remedy::NewCursor));
    if is_anew && !context.stop.is_asked() {
        report = walk_until_settled(context, &order, &WalkFrom::Start).await?.0;
        came.counters.add(&report.counters);
    }
    let WalkReport { finish, counters, .. } = report;
    match finish.http_status {
        _ if finish.state == WalkState::Complete => {}
        Some(status) if is_refusal(status) && counters.pages == 0 => {
            came.refused.push((part.query.clone(), status));
            if came_before {
                came.lost.get_or_insert(lost(finish.clone(), part));
            }
            came.refusal.get_or_insert(finish);
        }
        _ => came.failed = Some(finish),
    }
    Ok(())
}

/// The walk over one part of a type.
pub(super) fn part_order(order: &WalkOrder, part: &Part, window: WalkWindow) -> WalkOrder {
    WalkOrder {
        from: WalkFrom::Start,
        start: part.start.clone(),
        window: Some(window),
        parts: Vec::new(),
        by_patient: None,
        beside: None,
        note: None,
        extent: Extent::default(),
        ..order.clone()
    }
}

/// Whether a status says that the plan does not know such a search.
pub(super) fn is_refusal(status: u16) -> bool {
    matches!(status, 400 | 403 | 404 | 422)
}

/// The end of a type of which a part came before and is refused now.
pub(super) fn lost(finish: WalkFinish, part: &Part) -> WalkFinish {
    let detail = finish.detail.unwrap_or_default();
    let hint = finish.hint.unwrap_or_else(|| {
        format!("if the plan has given {} up, take it out of the plan's search", part.query)
    });
    WalkFinish {
        detail: Some(format!("the plan refuses {}, which came before: {detail}", part.query)),
        hint: Some(hint),
        ..finish
    }
}

fn finish(order: &WalkOrder, came: &Came, distinct: u64) -> WalkFinish {
    let open = |finish: &WalkFinish| WalkFinish {
        state: WalkState::Incomplete,
        keep_cursor: false,
        failed_page: None,
        ..finish.clone()
    };
    let all_refused = came.refusal.as_ref().filter(|_| came.refused.len() == order.parts.len());
    match came.failed.as_ref().or(all_refused).or(came.lost.as_ref()) {
        Some(failed) => open(failed),
        None => {
            let refused: Vec<String> = came
                .refused
                .iter()
                .map(|(query, status)| format!("the plan refuses {query} ({status})"))
                .collect();
            let note = (!refused.is_empty()).then(|| refused.join("; "));
            let as_of = came.resumed.then(|| clock::text(came.began));
            let finish = order.extent.complete(note, distinct == 0 && !came.resumed);
            WalkFinish { as_of, ..finish }
        }
    }
}
