//! The closing check of a backfill: what changed since its windows were asked for.
//!
//! A resource whose date moves from a later window into one already walked comes in neither. If the
//! server honours `_lastUpdated`, a last window over the date of the last change brings it, with everything
//! else that changed since the oldest of the type's windows was asked for.

use super::{
    ending::{interrupted, unavailable},
    not_walked::enter,
    one_type::walk,
    window::{Closing, Days, LAST_UPDATED, Planned, Reuse, order_of},
};
use crate::{
    outcome::WalkState,
    sync::{
        context::WalkContext,
        decide::{
            order::WalkOrder,
            probe::{Probed, probe_date},
        },
        report::WalkReport,
    },
    warehouse::{LastUpdated, WalkFinish, WarehouseError},
};
use chrono::{DateTime, NaiveDate, Utc};

/// Whether the closing window of a type is walked.
enum ClosingWalk {
    Now,
    /// The window has to be walked, but cannot be in this run.
    Owed(WalkFinish),
    /// The plan cannot search by the date of the last change.
    Never,
}

/// Walks the closing window of each type whose windows are all complete.
pub(crate) async fn close(
    context: &WalkContext,
    closings: &[Closing],
    walks: &mut Vec<WalkReport>,
) -> Result<(), WarehouseError> {
    for Closing { order, since } in closings {
        let name = order.resource_type.as_str();
        let is_open = |report: &WalkReport| {
            report.resource_type == name && report.finish.state != WalkState::Complete
        };
        if walks.iter().any(is_open) {
            continue;
        }
        let days = Days { from: Some(first_day(context.clocks.earlier(*since))), to: None };
        let planned = order_of(context, order, LAST_UPDATED, days, Reuse::Nothing)?;
        let Planned::Walk(window) = planned else { continue };
        let report = match closing_walk(context, order).await? {
            ClosingWalk::Now => walk(context, &window).await?,
            ClosingWalk::Owed(finish) => {
                enter(context, name.to_owned(), window.window.clone(), finish).await?
            }
            ClosingWalk::Never => continue,
        };
        walks.push(report);
    }
    Ok(())
}

/// The first day whose date, in any time zone, may be at or after an instant.
///
/// A server may read a bare date as the midnight of its own place, hours after that of UTC.
fn first_day(since: DateTime<Utc>) -> NaiveDate {
    let day = since.date_naive();
    day.pred_opt().unwrap_or(day)
}

/// Decides whether the closing window is walked: the server must honour `_lastUpdated`, as an earlier walk or
/// a probe shows.
///
/// A server that once seemed to ignore `_lastUpdated` is asked again: a replica that is behind leaves out
/// what just changed. A 403 refuses this search alone, since the type's windows have just been answered.
async fn closing_walk(
    context: &WalkContext,
    order: &WalkOrder,
) -> Result<ClosingWalk, WarehouseError> {
    if context.stop.is_asked() {
        return Ok(ClosingWalk::Owed(interrupted()));
    }
    if let Some(finish) = context.no_token.get() {
        return Ok(ClosingWalk::Owed(finish.clone()));
    }
    let (id, name) = (context.connection.id, order.resource_type.as_str());
    let states = context.warehouse.type_states(id)?;
    let support = states.iter().find(|state| state.resource_type == name);
    if support.is_some_and(|state| state.last_updated == LastUpdated::Honoured) {
        return Ok(ClosingWalk::Now);
    }
    Ok(match probe_date(context, &order.start, LAST_UPDATED).await {
        Probed::Honoured | Probed::Unclear => ClosingWalk::Now,
        Probed::Ignored(_) | Probed::Refused(_) => ClosingWalk::Never,
        Probed::Unanswered(error) if error.status() == Some(403) && !error.is_grant_gone() => {
            ClosingWalk::Never
        }
        Probed::Unanswered(error) => ClosingWalk::Owed(unavailable(&error, &context.connection)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At half past midnight UTC it is still the day before west of Greenwich.
    #[test]
    fn a_closing_window_begins_where_any_server_has_not_passed_the_instant() {
        let since: DateTime<Utc> = "2026-03-01T00:30:00Z".parse().unwrap();
        assert_eq!(first_day(since).to_string(), "2026-02-28");
        assert_eq!(first_day(DateTime::<Utc>::MIN_UTC), DateTime::<Utc>::MIN_UTC.date_naive());
    }
}
