//! Walks a type by windows of date, if its pages cannot be walked to their end.
//!
//! Some servers forget every cursor after some pages, and some page by position and end at ten thousand
//! results. Shorter walks get to their ends: over years, and over halves of a window that is still too long.
//! A round over all windows may take several runs: complete windows are kept for the next run. A resource
//! without a date is in no window. So the number of resources that came is compared with the number that the
//! server declares. If the two are equal, stored resources that no window brought are read by id.

use super::{
    ending::Remedy,
    settled::walk_until_settled,
    window::{Days, Planned, Reuse, order_of, usable_parameter},
};
use crate::{
    clock,
    fhir::instant,
    outcome::{Reason, WalkKind, WalkState},
    plural,
    sync::{
        context::WalkContext,
        decide::{
            order::{WalkFrom, WalkOrder},
            probe::{Probed, probe_date},
        },
        report::WalkReport,
    },
    warehouse::{
        NO_INSTANT, Tally, WalkCounters, WalkEnd, WalkFinish, WalkStart, WalkWindow,
        WarehouseError, last_round_ended, live_resources, unfinished_round,
    },
};
use chrono::{DateTime, Datelike, NaiveDate, Utc};

/// The year from which on payers must serve data (42 CFR 422.119(h)).
const FIRST_YEAR: i32 = 2016;
/// The most windows that one run cuts in half; far more than a member has pages.
const MAX_HALVINGS: u32 = 1000;
/// Days after which an unfinished round over the windows is begun anew.
const ROUND_DAYS: i64 = 7;

/// The outcome of the windows.
struct Came {
    counters: WalkCounters,
    /// Whether some windows were walked by an earlier run.
    reused: bool,
    /// When the walk over the oldest window was begun.
    as_of: DateTime<Utc>,
    /// Why not all windows are complete.
    failed: Option<WalkFinish>,
}

/// Walks a type by date after the walk `lost` could not reach its last page; returns the report of the whole
/// type.
///
/// # Errors
/// Only an error of the warehouse.
pub(crate) async fn walk_by_date(
    context: &WalkContext,
    order: &WalkOrder,
    lost: WalkReport,
) -> Result<WalkReport, WarehouseError> {
    let Some(parameter) = dated_by(context, order).await else { return Ok(lost) };
    let start = WalkStart {
        run_id: context.run_id,
        connection_id: context.connection.id,
        resource_type: order.resource_type.clone(),
        kind: WalkKind::Full,
        first_url: None,
        since: None,
        window: Some(WalkWindow { parameter: parameter.to_owned(), from: None, to: None }),
        resumes: None,
        proved_for: Some(order.proved_for.clone()),
    };
    let (key, _) = context.warehouse.start_walk(start).await?;
    let parts = WalkContext { round: Some(key.walk_id), ..context.clone() };
    let came = windows(&parts, order, parameter).await?;
    let declared = lost.counters.declared_total;
    let (live, is_all) = count(context, order, &came, key.walk_id, &lost).await?;
    // If an earlier run walked some windows, this run has not met all resources, even if `is_all` holds.
    let sees_all = is_all && !came.reused && !order.extent.is_part;
    let finish = match &came.failed {
        Some(finish) => WalkFinish { keep_cursor: false, failed_page: None, ..finish.clone() },
        None if is_all => {
            let left = match sees_all {
                true => 0,
                // If absences are not looked for, the number of resources that the plan may have deleted is
                // told.
                false => live.saturating_sub(declared.unwrap_or(live)),
            };
            let left = match left {
                0 => String::new(),
                left => format!(
                    "; not met by the walk, and kept: {}",
                    plural::count(left, "stored resource")
                ),
            };
            let how = format!(
                "its pages could not be walked to the end, so it was walked by {parameter}"
            );
            let finish = order.extent.complete(Some(how + &left), false);
            WalkFinish { as_of: Some(clock::text(came.as_of)), ..finish }
        }
        None => {
            let declared = declared.map_or("no number".to_owned(), |total| total.to_string());
            let reason = lost.finish.reason.unwrap_or(Reason::ResultWindow);
            let detail = format!(
                "its pages could not be walked to the end, so it was walked by {parameter}: \
                 the plan declares {declared}, and {live} that it has listed are stored"
            );
            WalkFinish { keep_cursor: false, ..WalkFinish::incomplete(reason, detail) }
        }
    };
    let walk_id = key.walk_id;
    let distinct = context.warehouse.count_seen(walk_id).await?;
    let end = WalkEnd {
        finish,
        tally: Tally { distinct, ..Tally::default() },
        sees_all,
        finds_absences: sees_all && came.counters.resources_rejected == 0,
        // The plan's number may count a resource without a date in place of a deleted one. A read may prove
        // that a resource is gone; two such walks do not.
        missed_at: NO_INSTANT.to_owned(),
        missed_since: NO_INSTANT.to_owned(),
        is_doubted: true,
        // The round has the rejects of all its windows, view errors included. What the pages before the
        // windows held and no window brings still comes: an entry without a date, for example.
        settles_rejects: sees_all && lost.counters.resources_rejected == 0,
        advance: None,
        keeps_pass: false,
        before: None,
        round: None,
        keeps_part: false,
        totals: None,
        shrink_limit_percent: context.shrink_limit_percent,
    };
    // The windows have rows of their own in the ledger; counted here, too, they would count twice.
    let finish = context.warehouse.end_walk(key, end, WalkCounters::default()).await?;
    context.warehouse.forget_walks(vec![walk_id]).await?;
    let mut counters = came.counters;
    counters.add_effort(&lost.counters);
    Ok(WalkReport { resource_type: order.resource_type.clone(), finish, counters })
}

/// If an earlier run left a walk by date unfinished, returns a report that the whole type is too long for the
/// server. With this report the caller goes on by date.
pub(crate) fn unfinished(
    context: &WalkContext,
    order: &WalkOrder,
) -> Result<Option<WalkReport>, WarehouseError> {
    let (id, name) = (context.connection.id, order.resource_type.as_str());
    let since = clock::text(round_began(context, order)?);
    let declared = context
        .warehouse
        .reader()
        .read(|connection| unfinished_round(connection, id, name, &order.proved_for, &since))?;
    Ok(declared.map(|declared_total| WalkReport {
        resource_type: name.to_owned(),
        finish: WalkFinish::incomplete(Reason::ResultWindow, String::new()),
        counters: WalkCounters { declared_total, ..WalkCounters::default() },
    }))
}

/// The earliest instant at which the present round may have begun.
///
/// Windows that were complete before the last walk over the whole type ended belong to an earlier round.
fn round_began(context: &WalkContext, order: &WalkOrder) -> Result<DateTime<Utc>, WarehouseError> {
    let (id, name) = (context.connection.id, order.resource_type.as_str());
    let now = context.clock.now();
    let ended_at = context
        .warehouse
        .reader()
        .read(|connection| last_round_ended(connection, id, name, now))?;
    let ended_at = ended_at.as_deref().and_then(instant);
    let oldest = now - chrono::Duration::days(ROUND_DAYS);
    Ok(ended_at.unwrap_or_default().max(oldest))
}

/// The parameter to walk by, if the server honours one: the type's own date, or `_lastUpdated`.
async fn dated_by(context: &WalkContext, order: &WalkOrder) -> Option<&'static str> {
    const LAST_UPDATED: &str = "_lastUpdated";
    if let Ok(parameter) = usable_parameter(context, order).await {
        return Some(parameter);
    }
    let probed = probe_date(context, &order.start, LAST_UPDATED).await;
    matches!(probed, Probed::Honoured).then_some(LAST_UPDATED)
}

async fn windows(
    context: &WalkContext,
    order: &WalkOrder,
    parameter: &str,
) -> Result<Came, WarehouseError> {
    let now = context.clock.now();
    let reuse = match order.anew {
        true => Reuse::Nothing,
        false => Reuse::RoundSince(round_began(context, order)?),
    };
    let mut came =
        Came { counters: WalkCounters::default(), reused: false, as_of: now, failed: None };
    let (mut left, mut halvings) = (years(now.year()), 0);
    while let Some(days) = left.pop() {
        let window = match order_of(context, order, parameter, days, reuse)? {
            Planned::Walk(window) => window,
            Planned::TooLong => {
                left.extend(days.halves().into_iter().flatten());
                continue;
            }
            Planned::Complete(at) => {
                came.reused = true;
                came.as_of = came.as_of.min(at);
                continue;
            }
        };
        let (mut report, mut remedy) = walk_until_settled(context, &window, &window.from).await?;
        came.counters.add(&report.counters);
        if let WalkFrom::Cursor(cursor, _) = &window.from {
            if remedy == Some(Remedy::NewCursor) {
                (report, remedy) = walk_until_settled(context, &window, &WalkFrom::Start).await?;
                came.counters.add(&report.counters);
            } else {
                came.reused = true;
                came.as_of = instant(&cursor.walk_started_at).unwrap_or_default().min(came.as_of);
            }
        }
        match (remedy, days.halves()) {
            (None, _) if report.finish.state == WalkState::Complete => {}
            (Some(Remedy::NewCursor | Remedy::Windows), Some(halves))
                if halvings < MAX_HALVINGS && !context.stop.is_asked() =>
            {
                halvings += 1;
                left.extend(halves);
            }
            _ => {
                came.failed = Some(report.finish);
                return Ok(came);
            }
        }
    }
    Ok(came)
}

/// How many resources are stored, and whether they are all that the plan declares.
///
/// A deleted resource that is still stored must not make up for a resource without a date. So only resources
/// that the windows of this run have brought count. If an earlier run walked some windows, every stored
/// resource must have come in this round. Otherwise the next run walks the type anew.
///
/// If no number is declared, and the only doubt was whether a full page was the last one, it is enough that
/// the windows brought everything that is stored: the plan then dates its resources.
async fn count(
    context: &WalkContext,
    order: &WalkOrder,
    came: &Came,
    round: i64,
    lost: &WalkReport,
) -> Result<(u64, bool), WarehouseError> {
    let (id, name) = (context.connection.id, order.resource_type.as_str());
    let since = clock::text(round_began(context, order)?);
    let (live, older) = context
        .warehouse
        .reader()
        .read(|connection| live_resources(connection, id, name, &since))?;
    let declared = lost.counters.declared_total;
    let is_all = if came.reused {
        declared == Some(live) && older == 0
    } else {
        let seen = context.warehouse.count_seen(round).await?;
        match (declared, lost.finish.reason) {
            // A full page without links and total: nothing else is in doubt.
            (None, Some(Reason::NextUnusable)) => seen > 0 && live == seen,
            (declared, _) => declared == Some(seen),
        }
    };
    Ok((live, is_all))
}

/// All time in years; both ends are open. The latest window is last, so that it is popped first.
fn years(this_year: i32) -> Vec<Days> {
    let first_of = |year| NaiveDate::from_ymd_opt(year, 1, 1);
    let mut windows = vec![Days { from: None, to: first_of(FIRST_YEAR) }];
    for year in FIRST_YEAR..=this_year {
        windows.push(Days { from: first_of(year), to: first_of(year + 1) });
    }
    windows.push(Days { from: first_of(this_year.max(FIRST_YEAR) + 1), to: None });
    windows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn years_cover_all_time_without_a_gap_and_halves_their_whole() {
        let windows = years(2026);
        assert_eq!((windows[0].from, windows.last().unwrap().to), (None, None));
        for pair in windows.windows(2) {
            assert_eq!(pair[0].to, pair[1].from);
        }
        let [second, first] = windows[1].halves().unwrap();
        assert_eq!((first.from, second.to), (windows[1].from, windows[1].to));
        assert_eq!(first.to, second.from);
        let day = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
        assert_eq!(Days { from: Some(day), to: day.succ_opt() }.halves(), None);
        assert_eq!(windows[0].halves(), None);
    }
}
