//! The closing check of a backfill: what changed since its windows were asked for.
//!
//! A resource whose date moves from a later window into one that is done is in neither. If the
//! server honours `_lastUpdated`, a last window over the date of the last change brings it, with
//! everything else that changed since a window of an earlier run was complete.

use super::{
    one_type::walk,
    window::{Closing, Days, LAST_UPDATED, Planned, Reuse, order_of},
};
use crate::{
    fhir::Effort,
    outcome::WalkState,
    sync::{
        context::WalkContext,
        decide::{
            order::WalkOrder,
            probe::{Probed, probe_date},
        },
        report::WalkReport,
    },
    warehouse::{LastUpdated, WarehouseError},
};

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
        if context.stop.is_asked() || walks.iter().any(is_open) {
            continue;
        }
        let mut effort = Effort::default();
        if !is_honoured(context, order, &mut effort).await? {
            continue;
        }
        let days = Days { from: Some(since.date_naive()), to: None };
        let planned = order_of(context, order, LAST_UPDATED, days, Reuse::Nothing)?;
        if let Planned::Walk(window) = planned {
            let mut report = walk(context, &window).await?;
            report.counters.requests += effort.requests;
            report.counters.retries += effort.retries;
            walks.push(report);
        }
    }
    Ok(())
}

/// Whether the server honours `_lastUpdated` for the type, as it has shown before or shows now.
async fn is_honoured(
    context: &WalkContext,
    order: &WalkOrder,
    effort: &mut Effort,
) -> Result<bool, WarehouseError> {
    let (id, name) = (context.connection.id, order.resource_type.as_str());
    let states = context.warehouse.type_states(id)?;
    let support = states.iter().find(|state| state.resource_type == name);
    Ok(match support.map(|state| state.last_updated) {
        Some(LastUpdated::Honoured) => true,
        Some(LastUpdated::Ignored) => false,
        Some(LastUpdated::Unknown | LastUpdated::Refused) | None => {
            let probed = probe_date(context, &order.start, LAST_UPDATED, effort).await;
            matches!(probed, Probed::Honoured)
        }
    })
}
