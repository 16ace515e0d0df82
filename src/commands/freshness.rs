//! Finds connections with a type whose last complete walk is older than it should be.
//!
//! If runs no longer start at all, or leave a type out, nothing else reports it.

use super::causes::type_names;
use crate::{
    clock,
    config::{PlanSettings, Settings},
    fhir::resource_type,
    outcome::{WalkKind, WalkState},
    warehouse::{ConnectionRow, ReadOnlyWarehouse, TypeStatus, WarehouseError},
};
use chrono::{DateTime, TimeDelta, Utc};

/// The time that a run may take, even if its schedule is every few minutes.
const LONG_RUN: TimeDelta = TimeDelta::hours(2);

/// A connection with types whose stored data is older than it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stale {
    /// The latest instant by which the next complete walk of the oldest type should have begun.
    pub(super) since: DateTime<Utc>,
    /// The names of the types that are too old; `None` if all types are.
    types: Option<String>,
    /// The latest start of a complete walk of any of these types.
    complete_as_of: DateTime<Utc>,
    /// The latest instant by which the next complete walk should have begun.
    due: DateTime<Utc>,
    /// Whether a walk of these types has ended since `due`; the report of its run then says what is wrong.
    was_tried: bool,
}

impl Stale {
    /// A sentence that says what is wrong.
    pub(super) fn sentence(&self) -> String {
        let minute = |instant: DateTime<Utc>| instant.format("%Y-%m-%d %H:%M UTC");
        let types = self.types.as_ref().map(|types| format!("{types}: ")).unwrap_or_default();
        format!(
            "Stale: {types}nothing was completed since {}; the next completion was due by {}",
            minute(self.complete_as_of),
            minute(self.due)
        )
    }

    /// What to do about it; empty if the report of a run says it.
    pub(super) fn hint(&self) -> &'static str {
        match (self.was_tried, &self.types) {
            (true, _) => "",
            (false, Some(_)) => HINT_FOR_TYPES,
            (false, None) => HINT,
        }
    }
}

/// The hint if no walk has ended since `due`.
const HINT: &str = "see that cron, the timer or `payersync run` still starts; [schedule] \
                               in payersync.toml, or `status --max-age`, says how old is too old";
/// The hint if no walk of some types has ended since `due`.
const HINT_FOR_TYPES: &str = "a `payersync sync` without --type asks for every type; `types` in the \
                              plan's section says which types are wanted";

/// Whether a connection has data that is too old, by `max_age` or by its schedule.
///
/// By its schedule, a type is too old when two scheduled instants have passed without a complete walk. The
/// oldest type decides. If the latest walks of some types are complete, only these types count: the others
/// are reported as incomplete. So is a connection that was never complete. A connection filled by files alone
/// is never stale.
///
/// # Errors
/// The warehouse cannot be read.
pub(super) fn stale(
    row: &ConnectionRow,
    types: &[TypeStatus],
    warehouse: &ReadOnlyWarehouse,
    settings: &Settings,
    max_age: Option<TimeDelta>,
    now: DateTime<Utc>,
) -> Result<Option<Stale>, WarehouseError> {
    let plan = settings.plans.get(row.plan_name());
    let mine = TypeStatus::of_connection(types, &row.name).iter();
    let mut counted: Vec<&TypeStatus> = mine.filter(|status| is_awaited(status, plan)).collect();
    if counted.iter().any(|status| status.state == WalkState::Complete) {
        counted.retain(|status| status.state == WalkState::Complete);
    }
    let instant = |text: &String| clock::parsed(text);
    // The schedule is worked out for the oldest type first: most often, that type is fresh.
    let due = |as_of| overdue(row, as_of, settings, max_age, now);
    let newest = || counted.iter().filter_map(|status| instant(status.complete_as_of.as_ref()?));
    if newest().all(|as_of| as_of <= now) && newest().min().and_then(due).is_none() {
        return Ok(None);
    }
    // A full walk that took nights counts from the first of them, and walks of changes may have begun later.
    // A walk in the future was dated by a clock that was ahead: when it was made is not known.
    let walks = warehouse.complete_until(row.id, now)?;
    let mut ages: Vec<(&TypeStatus, DateTime<Utc>)> = counted
        .into_iter()
        .filter_map(|status| Some((status, walks.get(&status.resource_type).and_then(instant)?)))
        .collect();
    let Some(since) = ages.iter().map(|(_, as_of)| *as_of).min().and_then(due) else {
        return Ok(None);
    };
    let all = ages.len();
    ages.retain(|(_, as_of)| due(*as_of).is_some());
    let complete_as_of = ages.iter().map(|(_, as_of)| *as_of).max().unwrap_or(since);
    let due = due(complete_as_of).unwrap_or(since);
    let checked_at = ages.iter().filter_map(|(status, _)| instant(&status.checked_at)).max();
    let names: Vec<&str> = ages.iter().map(|(status, _)| status.resource_type.as_str()).collect();
    let types = (names.len() < all).then(|| type_names(&names, all));
    Ok(Some(Stale { since, types, complete_as_of, due, was_tried: checked_at > Some(due) }))
}

/// Whether a sync of all types asks the plan for this type, so that its age tells whether syncs still run.
///
/// A type that the plan does not serve or that the configuration no longer names would be too old for ever.
/// So would a type that is read by reference and to which nothing refers, and attachments that are no
/// longer fetched.
pub(super) fn is_awaited(status: &TypeStatus, plan: Option<&PlanSettings>) -> bool {
    let name = &status.resource_type;
    let is_named = || {
        plan.is_none_or(|plan| match plan.types.as_slice() {
            [] => resource_type(name).is_some() || plan.required.is_named(name),
            named => named.iter().any(|named| named == name || named == "*"),
        })
    };
    let is_walked = match status.mode {
        WalkKind::File => false,
        WalkKind::Attachment => plan.is_none_or(|plan| plan.attachments),
        WalkKind::Reference => status.resources > 0 && is_named(),
        _ => is_named(),
    };
    is_walked && status.state.is_asked()
}

/// The instant by which a type that is complete as of `as_of` should have been completed again.
///
/// `None` if that instant has not come yet.
pub(super) fn overdue(
    row: &ConnectionRow,
    as_of: DateTime<Utc>,
    settings: &Settings,
    max_age: Option<TimeDelta>,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let plan = row.plan.as_deref()?;
    // A schedule is computed only if it can matter: a home may have thousands of connections.
    if max_age.is_none() && now <= as_of + LONG_RUN {
        return None;
    }
    let due = match max_age {
        Some(age) => as_of.checked_add_signed(age)?,
        None => {
            let schedule = settings.schedules.of(&row.name, plan);
            let next = |instant| schedule.due_after(instant, &row.name);
            next(next(as_of)?)?.max(as_of + LONG_RUN)
        }
    };
    (now > due).then_some(due)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(mode: WalkKind, state: WalkState, resources: u64) -> TypeStatus {
        TypeStatus {
            connection: "ann".to_owned(),
            plan: Some("demo".to_owned()),
            member: None,
            resource_type: "Practitioner".to_owned(),
            run_id: 1,
            mode,
            state,
            reason: None,
            http_status: None,
            detail: None,
            hint: None,
            warning: None,
            failed_page: None,
            complete_as_of: None,
            checked_at: "2026-01-01T00:00:00.000Z".to_owned(),
            pages: 0,
            declared_total: None,
            distinct_resources: None,
            total_gap: None,
            absent: 0,
            deletions_known_as_of: None,
            watermark: None,
            last_updated_reason: None,
            resources,
            rejects: 0,
        }
    }

    #[test]
    fn only_a_type_that_every_sync_asks_for_can_grow_stale() {
        for (mode, state, resources, expected) in [
            (WalkKind::Full, WalkState::Complete, 0, true),
            (WalkKind::Incremental, WalkState::Incomplete, 3, true),
            (WalkKind::Everything, WalkState::Complete, 3, true),
            (WalkKind::Reference, WalkState::Complete, 3, true),
            // Nothing refers to such a type.
            (WalkKind::Reference, WalkState::Complete, 0, false),
            (WalkKind::Full, WalkState::NotServed, 0, false),
            (WalkKind::Full, WalkState::Skipped, 0, false),
            (WalkKind::File, WalkState::Complete, 3, false),
            (WalkKind::Attachment, WalkState::Complete, 3, true),
        ] {
            let status = status(mode, state, resources);
            assert_eq!(is_awaited(&status, None), expected, "{mode} {state} {resources}");
        }
    }
}
