//! Whether a connection's last complete walk is older than it should be: a run that never began told
//! nobody.

use crate::{
    clock,
    config::Settings,
    outcome::WalkKind,
    warehouse::{ConnectionRow, TypeStatus},
};
use chrono::{DateTime, TimeDelta, Utc};

/// A run of a schedule of minutes may well take so long.
const LONG_RUN: TimeDelta = TimeDelta::hours(2);

/// The stored data is older than it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stale {
    /// When the last complete walk of any type began.
    pub(super) complete_as_of: DateTime<Utc>,
    /// When another should have begun at the latest.
    pub(super) due: DateTime<Utc>,
    /// Whether a run has ended since: what it says is why, and not that none began.
    was_tried: bool,
}

impl Stale {
    /// What is wrong, in a sentence.
    pub(super) fn sentence(&self) -> String {
        let minute = |instant: DateTime<Utc>| instant.format("%Y-%m-%d %H:%M UTC");
        format!(
            "Stale: nothing was completed since {}; the next completion was due by {}",
            minute(self.complete_as_of),
            minute(self.due)
        )
    }

    /// What to do about it; nothing where the runs themselves say it.
    pub(super) fn hint(&self) -> &'static str {
        if self.was_tried { "" } else { HINT }
    }
}

/// The hint if no run has begun.
const HINT: &str = "see that cron, the timer or `payersync run` still starts; [schedule] \
                               in payersync.toml, or `status --max-age`, says how old is too old";

/// Judges a connection by the age given, or by its schedule: two of its instants have passed without
/// a complete walk. What only files fill is never stale, nor what was never complete: that is told
/// otherwise.
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
    let complete_as_of =
        of_plan().filter_map(|status| clock::parsed(status.complete_as_of.as_deref()?)).max()?;
    let checked_at = of_plan().filter_map(|status| clock::parsed(&status.checked_at)).max();
    stale_since(row, complete_as_of, checked_at, settings, max_age, now)
}

/// As [`stale`], of a connection whose last complete walk began at `complete_as_of` and whose latest walk
/// ended at `checked_at`.
pub(super) fn stale_since(
    row: &ConnectionRow,
    complete_as_of: DateTime<Utc>,
    checked_at: Option<DateTime<Utc>>,
    settings: &Settings,
    max_age: Option<TimeDelta>,
    now: DateTime<Utc>,
) -> Option<Stale> {
    let plan = row.plan.as_deref()?;
    // Schedules are worked out only where they can matter: a home may have thousands of connections.
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
