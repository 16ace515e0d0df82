//! The end of a walk, as written to the ledger.
//!
//! The end is written in a transaction of its own after the walk's last page. Whether the walk is complete is
//! decided before this transaction, from the sums over all pages. If the process is killed between the last
//! page and this transaction, the next run requests the last page again.

use super::{
    absence::{self, Missed, Shows},
    full_walks_gap, ledger, parts, seen,
    type_state::{self, Advance},
    walk_counters::WalkCounters,
    walk_end::WalkEnd,
    walk_finish::WalkFinish,
    walk_key::WalkKey,
};
use crate::{
    clock,
    outcome::{Reason, WalkState},
    plural,
    warehouse::error::{Doing, WarehouseError},
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Transaction, params};

/// This many missing resources of a type, or fewer, raise no alarm, whatever their share.
///
/// Each of them is read by id before it counts as deleted.
pub(super) const SHRINK_FLOOR: u64 = 4;

pub(crate) fn end_walk(
    connection: &mut Connection,
    walk: &WalkKey,
    mut end: WalkEnd,
    mut counters: WalkCounters,
    now: DateTime<Utc>,
) -> Result<WalkFinish, WarehouseError> {
    let doing = "cannot end a walk";
    let transaction = connection.transaction().doing(doing)?;
    seen::settle_met(&transaction, walk)?;
    let is_complete = end.finish.state == WalkState::Complete;
    let mut kept = 0;
    if end.sees_all && is_complete {
        (counters.resources_absent, kept) = enter_absences(&transaction, walk, &mut end)?;
    }
    if let (true, true, Some(before)) = (end.finds_absences, end.keeps_pass, end.before) {
        let (live, missed) = absence::count_missed_twice(&transaction, walk, before)?;
        if missed <= SHRINK_FLOOR || missed * 100 <= live * u64::from(end.shrink_limit_percent) {
            absence::enter_missed_twice(&transaction, walk, before)?;
        }
    }
    if end.finish.state == WalkState::Complete {
        if end.settles_rejects {
            resolve_rejects(&transaction, walk, now)?;
        }
        if let Some(advance) = &end.advance {
            let as_of = end.finish.as_of.as_deref();
            // As long as a missed resource is kept unasked, the type's deletions are not known.
            let known = Advance { full: advance.full && kept == 0, ..advance.clone() };
            type_state::advance(&transaction, walk.walk_id, &known, as_of)?;
            if advance.full {
                seen::forget_passes_before(&transaction, walk.walk_id)?;
                seen::forget_increments_before(&transaction, walk.walk_id)?;
            }
            parts::forget(&transaction, walk)?;
        }
        if let Some(round) = end.round {
            parts::join(&transaction, walk, round)?;
        }
    } else if let Some(advance) = end.advance.as_ref().filter(|_| is_all_that_is_granted(&end)) {
        // The next run begins with the search that brought it.
        let known = Advance { watermark: None, full: false, ..advance.clone() };
        type_state::advance(&transaction, walk.walk_id, &known, None)?;
    }
    if let Some(totals) = end.totals {
        type_state::set_totals(&transaction, walk, totals)?;
    }
    ledger::update_counters(&transaction, walk.walk_id, &counters)?;
    ledger::note_tally(&transaction, walk.walk_id, &end.tally)?;
    if end.finish.state == WalkState::Complete {
        let gap = full_walks_gap::carry(&transaction, walk)?;
        let warnings: Vec<String> = end.finish.warning.take().into_iter().chain(gap).collect();
        end.finish.warning = (!warnings.is_empty()).then(|| warnings.join("; "));
    }
    ledger::finish_walk(&transaction, walk, &end.finish, now)?;
    if end.keeps_pass {
        seen::keep_pass(&transaction, walk)?;
    }
    if end.finish.state == WalkState::Complete && end.round.is_some() && end.keeps_part {
        parts::keep(&transaction, walk)?;
    }
    transaction.commit().doing(doing)?;
    Ok(end.finish)
}

/// Whether a walk brought all that the consent lets it see, and is incomplete only for what the consent hides.
fn is_all_that_is_granted(end: &WalkEnd) -> bool {
    let is_gap = matches!(end.finish.reason, Some(Reason::NotGranted | Reason::NotRequested));
    is_gap && end.tally.distinct > 0 && end.advance.as_ref().is_some_and(|it| it.proves)
}

/// Enters the resources that a complete walk over the whole type shows to be absent.
///
/// Returns how many they are, and how many others the walk missed that are kept without being asked for: too
/// many came as another patient's, or an entry that could not be taken in may be one of them.
fn enter_absences(
    transaction: &Transaction<'_>,
    walk: &WalkKey,
    end: &mut WalkEnd,
) -> Result<(u64, u64), WarehouseError> {
    let is_unclear = !end.finds_absences && absence::has_nameless_reject(transaction, walk)?;
    let shown: &[Shows] = match (end.finds_absences, is_unclear) {
        (true, _) => &[Shows::Missed],
        (false, false) => &[Shows::Anothers, Shows::Others],
        (false, true) => &[Shows::Anothers],
    };
    let counted = shown
        .iter()
        .map(|shows| Ok((*shows, absence::count_missed(transaction, walk, *shows)?)))
        .collect::<Result<Vec<_>, WarehouseError>>()?;
    // Counted together: half of a type that is gone is an alarm, too, if part of it came as another patient's.
    let live = counted.iter().map(|(_, missed)| missed.live).max().unwrap_or(0);
    let unread: u64 = counted.iter().map(|(_, missed)| missed.unread).sum();
    let is_few =
        unread <= SHRINK_FLOOR || unread * 100 <= live * u64::from(end.shrink_limit_percent);
    let (mut entered, mut anothers) = (0, 0);
    for (shows, Missed { all, unread, .. }) in counted {
        // If a plan merges a member's records, it sends all resources of a type as another patient's.
        let is_merged = shows == Shows::Anothers && all == live;
        if (is_few || unread == 0) && !is_merged {
            entered += absence::enter_missed(transaction, walk, shows, end)?;
        } else if shows == Shows::Anothers {
            anothers = all;
        } else {
            end.finish = WalkFinish::shrunk(live, unread, anothers);
        }
    }
    let unclear = match is_unclear {
        true => absence::count_missed(transaction, walk, Shows::Others)?.all,
        false => 0,
    };
    if end.finish.state == WalkState::Complete {
        let reasons = [
            (anothers, "kept: ", ", since too many at once came as another patient's"),
            (
                unclear,
                "not met and kept: ",
                ", since entries that could not be taken in may be them",
            ),
        ];
        let told = reasons.into_iter().filter(|(kept, ..)| *kept > 0).map(|(kept, what, why)| {
            format!("{what}{}{why}", plural::count(kept, "stored resource"))
        });
        let warnings: Vec<String> = end.finish.warning.take().into_iter().chain(told).collect();
        end.finish.warning = (!warnings.is_empty()).then(|| warnings.join("; "));
    }
    Ok((entered, anothers + unclear))
}

/// Settles rejects that a walk over the whole type did not meet again.
fn resolve_rejects(
    transaction: &Transaction<'_>,
    walk: &WalkKey,
    now: DateTime<Utc>,
) -> Result<(), WarehouseError> {
    transaction
        .execute(
            "UPDATE rejected_resource SET resolved_at = ?4
             WHERE connection_id = ?1 AND resource_type = ?2 AND resolved_at IS NULL
               AND file IS NULL AND id NOT IN (SELECT reject FROM temp.walk_rejected WHERE walk_id = ?3)
               AND NOT (reason = 'view_error' AND EXISTS (
                 SELECT 1 FROM resource r WHERE r.connection_id = rejected_resource.connection_id
                   AND r.resource_type = rejected_resource.resource_type
                   AND r.resource_id = rejected_resource.resource_id
                   AND r.json = rejected_resource.body AND r.deleted_at IS NULL))",
            params![walk.connection_id, walk.resource_type, walk.walk_id, clock::text(now)],
        )
        .doing("cannot settle rejects")
        .map(drop)
}

#[cfg(test)]
#[path = "finish_tests.rs"]
mod tests;
