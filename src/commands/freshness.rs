//! Whether a connection's last complete walk is older than it should be: a run that never began told
//! nobody.

use crate::{
    clock,
    config::Settings,
    outcome::WalkKind,
    warehouse::{ConnectionRow, TypeStatus},
};
use chrono::{DateTime, TimeDelta, Utc};

/// What is stored is older than it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stale {
    /// When the last complete walk of any type began.
    pub(super) complete_as_of: DateTime<Utc>,
    /// When another should have begun at the latest.
    pub(super) due: DateTime<Utc>,
}

impl Stale {
    /// What is wrong, in a sentence.
    pub(super) fn sentence(&self) -> String {
        let minute = |instant: DateTime<Utc>| instant.format("%Y-%m-%d %H:%M UTC");
        format!(
            "Stale: nothing was completed since {}; that was due by {}",
            minute(self.complete_as_of),
            minute(self.due)
        )
    }
}

/// What to do about it.
pub(super) const HINT: &str = "see that cron, the timer or `payersync run` still starts; [schedule] \
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
    let plan = row.plan.as_deref()?;
    let of_plan = types
        .iter()
        .filter(|status| status.connection == row.name && status.mode != WalkKind::File);
    let complete_as_of =
        of_plan.filter_map(|status| clock::parsed(status.complete_as_of.as_deref()?)).max()?;
    let due = match max_age {
        Some(age) => complete_as_of.checked_add_signed(age)?,
        None => {
            let schedule = settings.schedules.of(&row.name, plan);
            let next = |instant| schedule.due_after(instant, &row.name);
            next(next(complete_as_of)?)?
        }
    };
    (now > due).then_some(Stale { complete_as_of, due })
}
