//! Windows of date: a type is walked window by window, many at once, and each window resumes by itself.
//!
//! A window brings the resources that are dated in it, and nothing else: it never marks a resource as
//! deleted, moves a watermark or makes a type complete. If a type has no date parameter, the server does not
//! honour it, or the type is searched in parts, the whole type is walked instead, and the ledger says so.

use super::whole_of_windows::Whole;
use crate::{
    clock,
    fhir::{date_parameters, instant, on_days},
    outcome::WalkState,
    sync::{
        context::WalkContext,
        decide::{
            asked::Extent,
            order::{Step, WalkFrom, WalkOrder},
            plan::lies_ahead,
            probe::{Probed, probe_date},
        },
        options::Backfill,
        report::WalkReport,
    },
    warehouse::{
        Cursor, WalkCounters, WalkFinish, WalkWindow, WarehouseError, window_complete_at,
        window_cursor, window_is_too_long, windows_are_closed,
    },
};
use chrono::{DateTime, Months, NaiveDate, Utc};

/// The parameter of a closing window.
pub(super) const LAST_UPDATED: &str = "_lastUpdated";

/// A type whose windows are followed by a closing window.
#[derive(Debug, Clone)]
pub(crate) struct Closing {
    /// The walk over the whole type.
    pub(crate) order: WalkOrder,
    /// When the oldest of the type's windows was asked for.
    pub(crate) since: DateTime<Utc>,
}

/// A range of days; `None` is an open end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Days {
    pub(crate) from: Option<NaiveDate>,
    /// The first day after the range.
    pub(crate) to: Option<NaiveDate>,
}

impl Days {
    /// Splits the range in two, the later half first; `None` for a single day or an open end.
    pub(crate) fn halves(self) -> Option<[Days; 2]> {
        let (from, to) = (self.from?, self.to?);
        let middle = from + (to - from) / 2;
        let days = |from, to| Days { from: Some(from), to: Some(to) };
        (from < middle && middle < to).then(|| [days(middle, to), days(from, middle)])
    }
}

/// A backfill, split into walks over windows.
#[derive(Default)]
pub(crate) struct Split {
    pub(crate) steps: Vec<Step>,
    /// Reports of the types whose windows are all complete.
    pub(crate) settled: Vec<WalkReport>,
    /// The types that are walked by windows.
    pub(crate) wholes: Vec<Whole>,
    /// The closing windows of the types that need one; they follow a type's other windows.
    pub(crate) closings: Vec<Closing>,
}

/// Replaces the walk over each type by walks over windows, if the server can search the type by date.
pub(crate) async fn split(
    context: &WalkContext,
    steps: Vec<Step>,
    backfill: &Backfill,
    again: bool,
) -> Result<Split, WarehouseError> {
    let mut split = Split::default();
    for step in steps {
        let Step::Walk(order) = step else {
            split.steps.push(step);
            continue;
        };
        let Some(order) = order.for_patient(context.patient().as_deref()) else {
            let why = "the search needs the patient's id, which was not known yet".to_owned();
            split.steps.push(Step::Walk(Box::new(whole(*order, why))));
            continue;
        };
        // Each window would be walked in all its parts, and each part over all dates.
        if !order.parts.is_empty() {
            let why = "the type is searched in parts".to_owned();
            split.steps.push(Step::Walk(Box::new(whole(order, why))));
            continue;
        }
        let parameter = match usable_parameter(context, &order).await {
            Ok(parameter) => parameter,
            Err(why) => {
                split.steps.push(Step::Walk(Box::new(whole(order, why))));
                continue;
            }
        };
        split.wholes.push(Whole::of(&order));
        let windows = months(backfill);
        let reuse = if again { Reuse::Nothing } else { Reuse::Complete };
        let orders = windows
            .iter()
            .map(|days| order_of(context, &order, parameter, *days, reuse))
            .collect::<Result<Vec<_>, _>>()?;
        let since = orders.iter().filter_map(Planned::began).fold(context.clock.now(), Ord::min);
        let left: Vec<WalkOrder> = orders.into_iter().filter_map(Planned::walk).collect();
        let (id, name) = (context.connection.id, order.resource_type.as_str());
        let is_closed = context
            .warehouse
            .reader()
            .read(|connection| windows_are_closed(connection, id, name, LAST_UPDATED))?;
        if !(left.is_empty() && is_closed) {
            split.closings.push(Closing { order: order.clone(), since });
        }
        if left.is_empty() {
            split.settled.push(settled(&order.resource_type, windows.len()));
        }
        split.steps.extend(left.into_iter().map(|order| Step::Walk(Box::new(order))));
    }
    Ok(split)
}

/// The date parameter of the type that the server honours.
///
/// # Errors
/// In words, why the type has no such parameter.
pub(super) async fn usable_parameter(
    context: &WalkContext,
    order: &WalkOrder,
) -> Result<&'static str, String> {
    let mut why = "the type has no date parameter to search by".to_owned();
    for parameter in date_parameters(&order.resource_type) {
        why = match probe_date(context, &order.start, parameter).await {
            Probed::Honoured => return Ok(parameter),
            Probed::Ignored(why) => format!("the plan does not honour {parameter}: {why}"),
            Probed::Refused(status) => format!("the plan refuses {parameter} ({status})"),
            Probed::Unclear | Probed::Unanswered(_) => {
                format!("the plan does not show whether it honours {parameter}")
            }
        };
    }
    Err(why)
}

/// A walk over the whole type in place of windows.
fn whole(order: WalkOrder, why: String) -> WalkOrder {
    let from = match order.from {
        WalkFrom::Since(_) => WalkFrom::Start,
        from => from,
    };
    let walked = format!("all of it was walked: {why}");
    let notes: Vec<String> = order.note.iter().cloned().chain([walked]).collect();
    WalkOrder { from, note: Some(notes.join("; ")), ..order }
}

/// What is reused of the earlier walks over a window.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reuse {
    /// Nothing is reused, not even the cursor of a walk.
    Nothing,
    /// A walk's cursor and a complete walk are reused.
    Complete,
    /// A walk's cursor is reused, and a complete walk that began at or after this instant. So is the finding
    /// since that instant that the window is too long for the server.
    RoundSince(DateTime<Utc>),
}

/// How a window is fetched, if at all.
pub(super) enum Planned {
    Walk(Box<WalkOrder>),
    /// The window is fetched in halves: a walk of this round found it too long for the server.
    TooLong,
    /// The window is not fetched: a walk that began at this instant is complete, and the window's days were
    /// over by then.
    Complete(DateTime<Utc>),
}

impl Planned {
    /// When an earlier run began its walk over the window, if it left a complete walk or a cursor.
    fn began(&self) -> Option<DateTime<Utc>> {
        match self {
            Planned::Complete(at) => Some(*at),
            Planned::TooLong => None,
            Planned::Walk(order) => match &order.from {
                WalkFrom::Cursor(cursor, _) => instant(&cursor.walk_started_at),
                WalkFrom::Start | WalkFrom::Since(_) => None,
            },
        }
    }

    fn walk(self) -> Option<WalkOrder> {
        match self {
            Planned::Walk(order) => Some(*order),
            Planned::TooLong | Planned::Complete(_) => None,
        }
    }
}

/// Decides how one window is fetched, if at all.
pub(super) fn order_of(
    context: &WalkContext,
    order: &WalkOrder,
    parameter: &str,
    days: Days,
    reuse: Reuse,
) -> Result<Planned, WarehouseError> {
    let text = |day: Option<NaiveDate>| day.map(|day| day.to_string());
    let window =
        WalkWindow { parameter: parameter.to_owned(), from: text(days.from), to: text(days.to) };
    let (id, name) = (context.connection.id, order.resource_type.as_str());
    let (complete_at, cursor, too_long) = context.warehouse.reader().read(|connection| {
        let too_long = match reuse {
            Reuse::RoundSince(since) => {
                window_is_too_long(connection, id, name, &window, &clock::text(since))?
            }
            Reuse::Nothing | Reuse::Complete => false,
        };
        Ok((
            window_complete_at(connection, id, name, &window, Some(&order.proved_for))?,
            window_cursor(connection, id, name, &window)?,
            too_long,
        ))
    })?;
    if too_long && days.halves().is_some() {
        return Ok(Planned::TooLong);
    }
    let since = match reuse {
        Reuse::Nothing => None,
        Reuse::Complete => Some(DateTime::UNIX_EPOCH),
        Reuse::RoundSince(since) => Some(since),
    };
    if let Some(since) = since {
        let complete_at = complete_at.as_deref().and_then(instant);
        // A walk dated in the future was dated by a wrong clock, so it does not show what changed since.
        let complete_at = complete_at.filter(|at| !lies_ahead(Some(*at), context.clock.now()));
        let closed_by = |at: &DateTime<Utc>| days.to.is_some_and(|to| at.date_naive() >= to);
        if let Some(at) = complete_at.filter(|at| *at >= since).filter(closed_by) {
            return Ok(Planned::Complete(at));
        }
    }
    let is_misdated =
        |cursor: &Cursor| lies_ahead(instant(&cursor.walk_started_at), context.clock.now());
    let cursor = cursor.filter(|it| since.is_some() && order.is_of(it) && !is_misdated(it));
    let from = cursor.and_then(|it| WalkFrom::cursor(it, &order.start)).unwrap_or(WalkFrom::Start);
    let start = on_days(&order.start, parameter, days.from, days.to);
    let order = WalkOrder {
        from,
        start,
        window: Some(window),
        otherwise: Vec::new(),
        note: None,
        // A walk over changes is not part of a window.
        beside: None,
        extent: Extent::default(),
        // The plan has just answered a search by the parameter: it does serve the type.
        listed_before: true,
        ..order.clone()
    };
    Ok(Planned::Walk(Box::new(order)))
}

/// The windows of a range: whole calendar months, except at the range's ends.
fn months(backfill: &Backfill) -> Vec<Days> {
    let end = backfill.to.succ_opt().unwrap_or(backfill.to);
    let mut windows = Vec::new();
    let mut from = backfill.from;
    while from < end {
        let next = first_of_month(from)
            .and_then(|first| first.checked_add_months(Months::new(backfill.months.max(1))))
            .unwrap_or(end)
            .min(end);
        windows.push(Days { from: Some(from), to: Some(next) });
        from = next;
    }
    windows
}

fn first_of_month(day: NaiveDate) -> Option<NaiveDate> {
    chrono::Datelike::with_day(&day, 1)
}

fn settled(resource_type: &str, windows: usize) -> WalkReport {
    let note =
        format!("all windows of the type are complete ({windows}); --full asks for them again");
    WalkReport {
        resource_type: resource_type.to_owned(),
        finish: WalkFinish::complete(Some(note)),
        counters: WalkCounters::default(),
    }
}

/// One report per type: the sum of its windows, and the worst of their ends.
pub(crate) fn merge(reports: Vec<WalkReport>) -> Vec<WalkReport> {
    let mut merged: Vec<WalkReport> = Vec::new();
    for report in reports {
        let Some(known) =
            merged.iter_mut().find(|known| known.resource_type == report.resource_type)
        else {
            merged.push(report);
            continue;
        };
        known.counters.add(&report.counters);
        known.counters.declared_total = None;
        let (known_end, end) = (known.finish.outcome(), report.finish.outcome());
        let is_first_gap = known_end.state == WalkState::Complete && end.state != known_end.state;
        if is_first_gap || end.outranks(known_end) {
            known.finish = report.finish;
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Reason;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_range_is_cut_at_the_first_of_the_month_and_nothing_is_left_out_or_asked_twice() {
        let windows = |from: &str, to: &str, count| {
            months(&Backfill { from: day(from), to: day(to), months: count })
                .into_iter()
                .map(|days| format!("{}..{}", days.from.unwrap(), days.to.unwrap()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            windows("2024-01-31", "2024-03-01", 1),
            ["2024-01-31..2024-02-01", "2024-02-01..2024-03-01", "2024-03-01..2024-03-02"]
        );
        assert_eq!(
            windows("2023-11-15", "2024-02-29", 3),
            ["2023-11-15..2024-02-01", "2024-02-01..2024-03-01"]
        );
        assert_eq!(windows("2024-01-01", "2024-01-01", 1), ["2024-01-01..2024-01-02"]);
        assert!(windows("2024-01-02", "2024-01-01", 1).is_empty());
    }

    /// Whatever their order: a window that timed out must not hide that the next one needs a consent.
    #[test]
    fn of_the_ends_of_a_types_windows_the_one_with_the_worst_exit_code_is_told() {
        let open = |reason: Reason| WalkFinish::incomplete(reason, String::new());
        let report = |finish| WalkReport {
            resource_type: "Goal".to_owned(),
            finish,
            counters: WalkCounters::default(),
        };
        let told = |ends: Vec<WalkFinish>| {
            let merged = merge(ends.into_iter().map(report).collect());
            assert_eq!(merged.len(), 1);
            merged[0].finish.reason
        };
        let complete = || WalkFinish::complete(None);
        for worse in [Reason::ConsentNeeded, Reason::Bug] {
            let (bad, worse_end) = (open(Reason::Timeout), open(worse));
            assert_eq!(told(vec![bad.clone(), complete(), worse_end.clone()]), Some(worse));
            assert_eq!(told(vec![complete(), worse_end, bad]), Some(worse));
        }
        assert_eq!(told(vec![complete(), open(Reason::Timeout)]), Some(Reason::Timeout));
        assert_eq!(told(vec![complete(), complete()]), None);
    }
}
