//! The end of a walk: what it leaves behind in the ledger.
//!
//! A transaction of its own after the walk's last page: whether the walk is complete is decided in
//! between, from everything that its pages add up to. A process that is killed there asks for the
//! last page again.

use super::{
    absence::{self, Shows},
    attachments::bury_attachments,
    ledger::{self, WalkKey},
    parts,
    resource_store::keep_version,
    seen::{self, Agreement},
    tally::Tally,
    type_state::{self, Advance, Totals},
    walk_counters::WalkCounters,
    walk_finish::WalkFinish,
};
use crate::{
    clock,
    outcome::WalkState,
    warehouse::{
        Warehouse,
        error::{Doing, WarehouseError},
        tables::{rows::delete_rows, table::Catalog, unmapped_table},
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{Connection, Transaction, params};

/// A type with so few resources missing raises no alarm, whatever their share: each is asked for by
/// id before it counts as deleted.
pub(super) const SHRINK_FLOOR: u64 = 4;

/// How a walk ends that came to its last page.
#[derive(Debug, Clone)]
pub(crate) struct WalkEnd {
    /// How the walk is entered in the ledger unless the guard holds it back.
    pub(crate) finish: WalkFinish,
    /// What its pages add up to.
    pub(crate) tally: Tally,
    /// Whether it saw the whole type.
    pub(crate) sees_all: bool,
    /// Whether what it did not meet counts as absent: it saw the whole type, and every entry of it
    /// could be read.
    pub(crate) finds_absences: bool,
    /// When it missed what it did not meet, by the earlier clock (RFC 3339).
    pub(crate) missed_at: String,
    /// The same by the later clock: since when it is missed, if no walk before this one missed it.
    pub(crate) missed_since: String,
    /// Whether these instants are in doubt, so that no two walks are days apart by them.
    pub(crate) is_doubted: bool,
    /// Whether rejects that it did not meet are settled.
    pub(crate) settles_rejects: bool,
    /// What it leaves behind when it is complete; a walk over a part leaves nothing.
    pub(crate) advance: Option<Advance>,
    /// Whether what it saw is kept for a pass in a later run.
    pub(crate) keeps_pass: bool,
    /// The pass before it that saw the same part of the type.
    pub(crate) before: Option<i64>,
    /// The walk over the whole type that this one, over a part of it, belongs to.
    pub(crate) round: Option<i64>,
    /// Whether the resources of its part are kept for a later run's walk over the whole type.
    pub(crate) keeps_part: bool,
    /// What it has shown of the server's totals.
    pub(crate) totals: Option<Totals>,
    /// Largest share of the live resources that may be absent at once, in percent.
    pub(crate) shrink_limit_percent: u8,
}

impl Warehouse {
    /// Ends a walk that came to its last page; returns how it was entered in the ledger.
    pub(crate) async fn end_walk(
        &self,
        walk: WalkKey,
        end: WalkEnd,
        counters: WalkCounters,
    ) -> Result<WalkFinish, WarehouseError> {
        let now = self.clock.now();
        self.writer.run(move |connection, _| end_walk(connection, &walk, end, counters, now)).await
    }

    /// Drops what walks have noted for the length of a run.
    pub(crate) async fn forget_walks(&self, walks: Vec<i64>) -> Result<(), WarehouseError> {
        self.writer
            .run(move |connection, _| {
                walks.iter().try_for_each(|walk_id| seen::forget(connection, *walk_id))
            })
            .await
    }

    /// In what two walks of this run agree.
    pub(crate) async fn saw_the_same(
        &self,
        one: i64,
        other: i64,
    ) -> Result<Agreement, WarehouseError> {
        self.writer.run(move |connection, _| seen::saw_the_same(connection, one, other)).await
    }
}

fn end_walk(
    connection: &mut Connection,
    walk: &WalkKey,
    mut end: WalkEnd,
    mut counters: WalkCounters,
    now: DateTime<Utc>,
) -> Result<WalkFinish, WarehouseError> {
    let doing = "cannot end a walk";
    let transaction = connection.transaction().doing(doing)?;
    absence::settle_met(&transaction, walk)?;
    let is_complete = end.finish.state == WalkState::Complete;
    if end.sees_all && is_complete {
        let shows = if end.finds_absences { Shows::Missed } else { Shows::Anothers };
        let (live, missed) = absence::count_missed(&transaction, walk, shows)?;
        let is_few =
            missed <= SHRINK_FLOOR || missed * 100 <= live * u64::from(end.shrink_limit_percent);
        // A plan that merges a member's records sends all of a type as another patient's.
        let is_merged = shows == Shows::Anothers && missed == live;
        if is_few && !is_merged {
            counters.resources_absent = absence::enter_missed(&transaction, walk, shows, &end)?;
        } else if shows == Shows::Missed {
            end.finish = WalkFinish::shrunk(live, missed);
        }
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
            type_state::advance(&transaction, walk.walk_id, advance)?;
            if advance.full {
                seen::forget_passes_before(&transaction, walk.walk_id)?;
                seen::forget_increments_before(&transaction, walk.walk_id)?;
            }
            parts::forget(&transaction, walk)?;
        }
        if let Some(round) = end.round {
            parts::join(&transaction, walk, round)?;
        }
    }
    if let Some(totals) = end.totals {
        type_state::set_totals(&transaction, walk, totals)?;
    }
    ledger::update_counters(&transaction, walk.walk_id, &counters)?;
    ledger::note_tally(&transaction, walk.walk_id, &end.tally)?;
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

/// Marks a live resource of the walk's type as deleted; its rows leave the tables.
pub(super) fn bury_one(
    transaction: &Transaction<'_>,
    catalog: &Catalog,
    walk: &WalkKey,
    rowid: i64,
    resource_id: &str,
    now: &str,
) -> Result<(), WarehouseError> {
    keep_version(transaction, rowid, now)?;
    unmapped_table::note(transaction, walk.connection_id, &walk.resource_type)?;
    delete_rows(transaction, catalog, walk.connection_id, &walk.resource_type, resource_id)?;
    bury_attachments(transaction, walk.connection_id, &walk.resource_type, resource_id, now)?;
    transaction
        .prepare_cached("UPDATE resource SET deleted_at = ?2 WHERE id = ?1")
        .and_then(|mut statement| statement.execute(params![rowid, now]))
        .doing("cannot mark what is gone")
        .map(drop)
}

/// A reject that a whole walk did not meet again is settled.
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
