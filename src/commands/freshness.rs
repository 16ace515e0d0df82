//! Finds connections whose last complete walk is older than it should be.
//!
//! If runs no longer start at all, nothing else reports it.

use crate::{
    clock,
    config::Settings,
    outcome::WalkKind,
    warehouse::{ConnectionRow, TypeStatus},
};
use chrono::{DateTime, TimeDelta, Utc};

/// The time that a run may take, even if its schedule is every few minutes.
const LONG_RUN: TimeDelta = TimeDelta::hours(2);

/// A connection whose stored data is older than it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stale {
    /// When the last complete walk of any type began.
    pub(super) complete_as_of: DateTime<Utc>,
    /// The latest instant by which the next complete walk should have begun.
    pub(super) due: DateTime<Utc>,
    /// Whether a walk has ended since `due`; the report of its run then says what is wrong.
    was_tried: bool,
}

impl Stale {
    /// A sentence that says what is wrong.
    pub(super) fn sentence(&self) -> String {
        let minute = |instant: DateTime<Utc>| instant.format("%Y-%m-%d %H:%M UTC");
        format!(
            "Stale: nothing was completed since {}; the next completion was due by {}",
            minute(self.complete_as_of),
            minute(self.due)
        )
    }

    /// What to do about it; empty if the report of a run says it.
    pub(super) fn hint(&self) -> &'static str {
        if self.was_tried { "" } else { HINT }
    }
}

/// The hint if no walk has ended since `due`.
const HINT: &str = "see that cron, the timer or `payersync run` still starts; [schedule] \
                               in payersync.toml, or `status --max-age`, says how old is too old";

/// Whether a connection's data is too old, by `max_age` or by its schedule.
///
/// By its schedule it is too old when two scheduled instants have passed without a complete walk. A
/// connection filled by files alone is never stale. A connection that was never complete is not stale
/// either: it is reported as incomplete.
pub(super) fn stale(
    row: &ConnectionRow,
    types: &[TypeStatus],
    settings: &Settings,
    max_age: Option<TimeDelta>,
    now: DateTime<Utc>,
) -> Option<Stale> {
    let of_plan = || {
        let mine = TypeStatus::of_connection(types, &row.name).iter();
        mine.filter(|status| status.mode != WalkKind::File)
    };
    // A walk in the future was dated by a clock that was ahead: when it was made is not known.
    let complete_as_of = of_plan()
        .filter_map(|status| clock::parsed(status.complete_as_of.as_deref()?))
        .filter(|at| *at <= now)
        .max()?;
    let checked_at = of_plan().filter_map(|status| clock::parsed(&status.checked_at)).max();
    stale_since(row, complete_as_of, checked_at, settings, max_age, now)
}

/// As [`stale`], for known instants.
///
/// The connection's last complete walk began at `complete_as_of`; its latest walk ended at `checked_at`.
pub(super) fn stale_since(
    row: &ConnectionRow,
    complete_as_of: DateTime<Utc>,
    checked_at: Option<DateTime<Utc>>,
    settings: &Settings,
    max_age: Option<TimeDelta>,
    now: DateTime<Utc>,
) -> Option<Stale> {
    let plan = row.plan.as_deref()?;
    // A schedule is computed only if it can matter: a home may have thousands of connections.
    if max_age.is_none() && now <= complete_as_of + LONG_RUN {
        return None;
    }
    let due = match max_age {
        Some(age) => complete_as_of.checked_add_signed(age)?,
        None => {
            let schedule = settings.schedules.of(&row.name, plan);
            let next = |instant| schedule.due_after(instant, &row.name);
            next(next(complete_as_of)?)?.max(complete_as_of + LONG_RUN)
        }
    };
    let was_tried = checked_at > Some(due);
    (now > due).then_some(Stale { complete_as_of, due, was_tried })
}
