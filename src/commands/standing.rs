//! Describes the state of a connection's types in the words of `status`.

use crate::{
    outcome::{WalkKind, WalkState},
    plural,
    warehouse::TypeStatus,
};

/// The state of the types that were asked for, as parts of a sentence.
///
/// A type whose update failed still has everything that was complete before.
pub(super) fn standing(asked: &[&TypeStatus]) -> Vec<String> {
    let types = plural::count(asked.len(), "type");
    let held: u64 = asked.iter().map(|status| status.resources).sum();
    let resources = plural::count(held, "resource");
    let unfinished = asked.iter().copied().filter(|status| status.state != WalkState::Complete);
    let (behind, never): (Vec<&TypeStatus>, Vec<&TypeStatus>) =
        unfinished.partition(|status| status.complete_as_of.is_some());
    match (never.len(), behind.len()) {
        (0, 0) => vec![complete(asked), types, resources],
        (0, late) => vec![
            format!("{late} of {types} not updated"),
            format!("{resources} held, {}", complete(&behind)),
        ],
        (never, 0) => vec![format!("{never} of {types} incomplete"), resources],
        (never, late) => vec![
            format!("{never} of {types} incomplete"),
            format!("{late} not updated since {}", since(&behind)),
            format!("{resources} held"),
        ],
    }
}

/// The instant as of which all types are complete: the earliest instant among the types.
fn complete(asked: &[&TypeStatus]) -> String {
    let of_plan = asked.iter().filter(|status| status.mode != WalkKind::File);
    let times: Option<Vec<&str>> = of_plan.map(|status| status.complete_as_of.as_deref()).collect();
    match times.and_then(|times| times.into_iter().min()) {
        Some(time) => format!("complete as of {} UTC", minute(time)),
        None => "complete".to_owned(),
    }
}

/// The earliest instant up to which one of these types is complete.
fn since(types: &[&TypeStatus]) -> String {
    let oldest = types.iter().filter_map(|status| status.complete_as_of.as_deref()).min();
    oldest.map_or_else(|| "an unknown time".to_owned(), |time| format!("{} UTC", minute(time)))
}

/// An instant to the minute, in the form that people write.
pub(super) fn minute(instant: &str) -> String {
    instant.get(..16).unwrap_or(instant).replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_told_to_the_minute() {
        assert_eq!(minute("2026-11-27T00:59:46.909Z"), "2026-11-27 00:59");
        assert_eq!(minute("2026"), "2026");
    }
}
