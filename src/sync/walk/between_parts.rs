//! Closing rounds for a type that is searched in parts: they find resources that moved between the parts.
//!
//! A resource that moves from a part still to be fetched into a part already fetched comes in neither. If the
//! server honours `_lastUpdated`, each part is asked for what changed since the first part was asked for. If
//! it does not, all parts are asked for once more, unless the type was whole before and nothing of it is new
//! or changed. If a round brings a resource that no earlier round brought, another round follows.

use super::{
    came::{Came, lost, part_order, refusal, refused_though_granted},
    ending::finally,
    settled::walk_until_settled,
};
use crate::{
    fhir::changed_since,
    outcome::{Reason, WalkState},
    sync::{
        context::WalkContext,
        decide::{
            order::{Increment, WalkFrom, WalkOrder},
            part::Part,
        },
    },
    warehouse::{LastUpdated, WalkWindow, WarehouseError},
};
use chrono::{DateTime, Duration, Utc};

/// The most closing rounds over one type; after them the type is left to the next run.
const MAX_ROUNDS: usize = 3;
/// Some servers keep fewer digits of an instant than the request has.
const PRECISION: Duration = Duration::seconds(1);

/// The question that a closing round puts to each part.
#[derive(Debug, Clone, Copy)]
enum Ask {
    /// What changed since this instant.
    Changes(DateTime<Utc>),
    /// All of the part.
    All,
}

/// The outcome of asking one part.
enum Answer {
    Came,
    /// The server does not search by `_lastUpdated`, for the reason given.
    Ignores(&'static str),
    /// The server refuses `_lastUpdated` in this search, for now.
    Refuses,
    /// The part could not be fetched, so that nothing tells what moved.
    Failed,
}

/// Asks all parts again until nothing is new, if that is needed.
///
/// If requests are limited, nothing is asked: the type is complete as of its beginning, and the next run
/// walks all parts.
pub(crate) async fn close(
    context: &WalkContext,
    order: &WalkOrder,
    came: &mut Came,
) -> Result<(), WarehouseError> {
    let parts: Vec<&Part> = order.parts.iter().filter(|part| !came.is_refused(part)).collect();
    // If the consent covers a part of the type and nothing of it came, the next run asks for all of it anyway.
    let is_empty = came.counters.resources_seen == 0 && !came.resumed && order.extent.is_part;
    if parts.len() < 2 || context.allowance.is_limited() || is_empty {
        return Ok(());
    }
    let is_calm = came.counters.resources_new + came.counters.resources_changed == 0;
    let mut began = came.began;
    let mut can_ask = order.can_ask_for_changes;
    for _ in 0..MAX_ROUNDS {
        if !can_ask && is_calm && order.listed_before {
            return Ok(());
        }
        came.note_stop(&context.stop, true);
        if came.failed.is_some() {
            return Ok(());
        }
        let (seen, now) = (seen(context).await?, context.clock.now());
        // By the slower one of the two clocks.
        let since = context.clocks.earlier(began) - PRECISION;
        let mut is_anew = false;
        for part in &parts {
            let ask = if can_ask { Ask::Changes(since) } else { Ask::All };
            match ask_again(context, order, part, ask, came).await? {
                Answer::Came => {}
                Answer::Failed => return Ok(()),
                Answer::Ignores(why) => {
                    context.ignores_last_updated(&order.resource_type, why).await?;
                    (can_ask, is_anew) = (false, true);
                    break;
                }
                Answer::Refuses => {
                    let (id, name) = (context.connection.id, &order.resource_type);
                    let refused = LastUpdated::Refused;
                    context.warehouse.set_last_updated(id, name, refused, None).await?;
                    (can_ask, is_anew) = (false, true);
                    break;
                }
            }
        }
        if is_anew {
            continue;
        }
        if self::seen(context).await? == seen {
            return Ok(());
        }
        began = now;
    }
    let detail = "resources moved between the parts of its search while the parts were fetched";
    came.failed = Some(finally(Reason::PagesMoved, detail.to_owned()));
    Ok(())
}

async fn ask_again(
    context: &WalkContext,
    order: &WalkOrder,
    part: &Part,
    ask: Ask,
    came: &mut Came,
) -> Result<Answer, WarehouseError> {
    let (from, window) = match ask {
        // A window of its own keeps this walk's cursor apart from that of the whole part, if it ends early.
        Ask::Changes(since) => {
            let url = changed_since(&part.start, since);
            let parameter = format!("{}&_lastUpdated", part.query);
            let window = WalkWindow { parameter, from: None, to: None };
            (WalkFrom::Since(Increment { since, url, probe: false }), window)
        }
        Ask::All => (WalkFrom::Start, part.window()),
    };
    let order = part_order(order, part, window);
    let report = walk_until_settled(context, &order, &from).await?.0;
    came.counters.add(&report.counters);
    let is_refused = refusal(&report).is_some();
    let finish = report.finish;
    Ok(match (finish.state, ask) {
        (WalkState::Complete, _) => Answer::Came,
        (_, Ask::Changes(_)) if finish.reason == Some(Reason::LastUpdatedIgnored) => {
            Answer::Ignores("it answers with resources that had not changed")
        }
        (_, Ask::Changes(_)) if is_refused => Answer::Refuses,
        (_, ask) => {
            let is_lost = is_refused && matches!(ask, Ask::All);
            came.failed = Some(match is_lost {
                true if part.is_granted => refused_though_granted(&finish, part),
                true => lost(finish, part),
                false => finish,
            });
            Answer::Failed
        }
    })
}

/// How many different resources of the type have come.
async fn seen(context: &WalkContext) -> Result<u64, WarehouseError> {
    match context.round {
        Some(round) => context.warehouse.count_seen(round).await,
        None => Ok(0),
    }
}
