//! A type that is entered in the ledger without being walked.

use crate::{
    monitor::Event,
    outcome::WalkKind,
    sync::{context::WalkContext, report::WalkReport},
    warehouse::{WalkCounters, WalkFinish, WalkStart, WalkWindow, WarehouseError},
};

/// Enters a type, or a window of it, in the ledger with the reason why it is not walked.
pub(crate) async fn enter(
    context: &WalkContext,
    resource_type: String,
    window: Option<WalkWindow>,
    finish: WalkFinish,
) -> Result<WalkReport, WarehouseError> {
    let start = WalkStart {
        run_id: context.run_id,
        connection_id: context.connection.id,
        resource_type: resource_type.clone(),
        kind: if window.is_some() { WalkKind::Window } else { WalkKind::Full },
        first_url: None,
        since: None,
        window,
        resumes: None,
        proved_for: None,
    };
    let (key, _) = context.warehouse.start_walk(start).await?;
    let counters = WalkCounters::default();
    context.warehouse.abandon_walk(key, finish.clone(), counters.clone()).await?;
    context.monitor.event(Event::WalkFinished {
        connection: &context.connection.name,
        resource_type: &resource_type,
        state: finish.state,
        detail: finish.detail.as_deref(),
        resources_seen: 0,
    });
    Ok(WalkReport { resource_type, finish, counters })
}
