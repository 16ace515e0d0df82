//! A plan that refuses the search for changes of a type, and may answer the search for the whole type.

use crate::{
    outcome::Reason,
    sync::{
        context::WalkContext,
        decide::{
            order::{WalkFrom, WalkOrder},
            probe::may_be_of_date,
        },
        report::WalkReport,
    },
    warehouse::{LastUpdated, WarehouseError, was_forbidden_before},
};

/// Whether the plan refused a search for changes at its first page. A plan may begin to refuse `_lastUpdated`
/// after it has shown that it honours it.
///
/// A 403 may also be about the type or the token: the walk over the whole type that follows tells. A gateway
/// may refuse whatever comes for a while, and the search for changes is then the one that asks least of it.
/// So its refusal counts only if an earlier run met one, too.
pub(super) fn refuses_changes(
    context: &WalkContext,
    order: &WalkOrder,
    from: &WalkFrom,
    report: &WalkReport,
) -> Result<bool, WarehouseError> {
    let WalkReport { finish, counters, .. } = report;
    // A probe that is refused has had the whole type walked.
    let is_of_changes =
        order.window.is_none() && matches!(from, WalkFrom::Since(increment) if !increment.probe);
    let is_out = finish.reason.is_some_and(Reason::is_without_token);
    let may_be = |status| status == 403 || may_be_of_date(status);
    if !is_of_changes || counters.pages > 0 || is_out || !finish.http_status.is_some_and(may_be) {
        return Ok(false);
    }
    if finish.reason != Some(Reason::Blocked) {
        return Ok(true);
    }
    let of_type = (context.connection.id, order.resource_type.as_str());
    let reader = context.warehouse.reader();
    reader.read(|connection| was_forbidden_before(connection, of_type, context.run_id))
}

/// Notes that the plan refuses `_lastUpdated`, once it answers the same search without it.
pub(super) async fn note_refused_changes(
    context: &WalkContext,
    order: &WalkOrder,
) -> Result<(), WarehouseError> {
    let (id, refused) = (context.connection.id, LastUpdated::Refused);
    context.warehouse.set_last_updated(id, &order.resource_type, refused, None).await
}
