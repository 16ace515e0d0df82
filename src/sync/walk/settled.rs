//! Makes passes over the pages of a type until they are seen to stand still, or two passes agree.

use super::{
    ending::Remedy,
    pass::{Pass, PassReport},
};
use crate::{
    fhir::{changed_since, instant},
    sync::{
        context::WalkContext,
        decide::order::{Increment, WalkFrom, WalkOrder},
        report::WalkReport,
    },
    warehouse::{WalkCounters, WarehouseError},
};

/// The most passes over one type whose pages move; after them the type is left to the next run.
const MAX_PASSES: usize = 3;

/// Makes passes over the pages until they are seen to stand still, or two passes agree.
pub(super) async fn walk_until_settled(
    context: &WalkContext,
    order: &WalkOrder,
    from: &WalkFrom,
) -> Result<(WalkReport, Option<Remedy>), WarehouseError> {
    let mut from = from.clone();
    let (mut passes, mut notes): (Vec<i64>, Vec<i64>) = Default::default();
    let mut effort = WalkCounters::default();
    let ended = loop {
        let PassReport { mut report, remedy, walk_id, kept } =
            Pass::run(context, order, &from, &passes).await?;
        passes.push(walk_id);
        notes.extend([walk_id].into_iter().chain(kept));
        let is_doubtful = remedy == Some(Remedy::PassAgain);
        if is_doubtful && passes.len() < MAX_PASSES && !context.stop.is_asked() {
            effort.add_effort(&report.counters);
            from = from_its_first_page(order, &from);
            continue;
        }
        report.counters.add_effort(&effort);
        break (report, remedy.filter(|remedy| *remedy != Remedy::PassAgain));
    };
    context.warehouse.forget_walks(notes).await?;
    Ok(ended)
}

/// The same walk from its first page.
fn from_its_first_page(order: &WalkOrder, from: &WalkFrom) -> WalkFrom {
    match from {
        WalkFrom::Cursor(cursor, _) => match cursor.since.as_deref().and_then(instant) {
            Some(since) => WalkFrom::Since(Increment {
                since,
                url: changed_since(&order.start, since),
                probe: false,
            }),
            None => WalkFrom::Start,
        },
        from => from.clone(),
    }
}
