//! Decides which types a run asks for, and why each other type is left out. Pure.
//!
//! A type that cannot be asked for is a gap if its resources are stored, or if it is named or required. The
//! gap is known before the first request: the run is incomplete, and says what to do.

use super::input::PlanInput;
use crate::{
    fhir::{
        Granted, RESOURCE_TYPES, SearchRule, granted, is_read_by_reference, names_part_of,
        resource_type,
    },
    outcome::{Reason, WalkState},
    warehouse::WalkFinish,
};

/// The entry in a list of types that stands for all types that payersync knows and all that a plan declares.
pub(crate) const EVERY_TYPE: &str = "*";
/// The note on a type that the plan declares only at a base where the type is not asked for.
const ELSEWHERE: &str = "only another FHIR base of the plan declares it; name that base in the plan's \
                         bases, and the type in its types";
/// The note on a type that another base declares as well, besides the base where the type is asked for.
const TWICE: &str = "another FHIR base of the plan declares it, too; the resources of the type at \
                    that base are not asked for";

/// The decision of a run about a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    /// The type is asked for, as far as the consent covers it.
    Ask(Extent),
    /// The type is left out; the ledger says why.
    Leave(WalkFinish),
}

/// How much of a type a walk can see.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// Whether the consent hides a part of the type, so that nothing proves a resource's absence.
    pub is_part: bool,
    /// Whether the scope that covers this part names the type itself. A scope for all types says nothing of
    /// whether the plan serves this one.
    pub names_type: bool,
    /// Whether the consent covers nothing of the type. The plan may then show this only by an empty answer.
    pub is_uncovered: bool,
    /// Whether the configuration requires the type by its name.
    pub is_demanded: bool,
    /// A note for a walk that got every resource there was.
    pub note: Option<String>,
    /// The gap with which the walk ends, if the hidden part of the type is held, named or required. If the
    /// consent covers nothing of the type, the walk ends with the gap only if nothing came.
    pub gap: Option<Box<WalkFinish>>,
}

impl Extent {
    /// Whether the consent lets the resources of the type be read by id, if the plan does not list them.
    pub(crate) fn is_read_instead(&self) -> bool {
        self.gap.as_ref().is_some_and(|gap| gap.reason == Some(Reason::NotListed))
    }

    /// The end of a walk that got everything there was.
    pub(crate) fn complete(&self, warning: Option<String>, brought_nothing: bool) -> WalkFinish {
        let parts: Vec<String> = self.note.iter().cloned().chain(warning).collect();
        let warning = (!parts.is_empty()).then(|| parts.join("; "));
        match &self.gap {
            Some(gap) if brought_nothing || !self.is_uncovered => WalkFinish::clone(gap),
            _ => WalkFinish::complete(warning),
        }
    }
}

/// The types that a run works through, in order: those that are named, else all that payersync knows.
///
/// A `*` among the names stands for all that payersync knows and all that the plan declares.
pub(super) fn wanted_types(input: &PlanInput<'_>) -> Vec<String> {
    let known = || RESOURCE_TYPES.iter().map(|known| known.name.to_owned());
    let mut names: Vec<String> = Vec::new();
    let mut add = |name: String| {
        if !names.contains(&name) {
            names.push(name);
        }
    };
    match named(input) {
        [] => known().chain(input.required.names().iter().cloned()).for_each(&mut add),
        named => {
            for name in named {
                if name == EVERY_TYPE {
                    known().chain(declared(input)).for_each(&mut add);
                } else {
                    add(name.clone());
                }
            }
        }
    }
    names
}

/// The other types that the plan declares, that the connection holds or that wait for an answer, each with
/// why the run leaves it out.
///
/// Empty if types were named on the command line.
pub(super) fn unasked_types(input: &PlanInput<'_>, wanted: &[String]) -> Vec<(String, WalkFinish)> {
    if !input.asked_types.is_empty() {
        return Vec::new();
    }
    // A plan that declares nothing tonight may declare again tomorrow what `*` stands for.
    let is_known = input.capability.is_some() || !named(input).iter().any(|it| it == EVERY_TYPE);
    let waiting = input.waiting.iter().filter(|_| is_known).cloned();
    let held = input.held.iter().map(|held| held.resource_type.clone());
    let mut names: Vec<String> = declared(input).chain(held).chain(waiting).collect();
    names.sort();
    names.dedup();
    names.retain(|name| !wanted.contains(name));
    names.into_iter().map(|name| (name.clone(), not_asked(input, &name))).collect()
}

fn not_asked(input: &PlanInput<'_>, name: &str) -> WalkFinish {
    let was_listed = input.held.iter().any(|held| held.resource_type == name && held.is_listed);
    if was_listed {
        let detail = "the plan's types no longer name it; the stored resources are no longer \
                     updated";
        let hint = format!("add \"{name}\" or \"{EVERY_TYPE}\" to the plan's types");
        let finish = WalkFinish::incomplete(Reason::NotAsked, detail.to_owned());
        return WalkFinish { hint: Some(hint), ..finish };
    }
    let detail = match is_elsewhere(input, name) {
        true => ELSEWHERE.to_owned(),
        false => format!("the plan's types do not name it; types = [\"{EVERY_TYPE}\"] asks for it"),
    };
    WalkFinish::not_walked(WalkState::Skipped, Reason::NotAsked, detail)
}

fn is_elsewhere(input: &PlanInput<'_>, name: &str) -> bool {
    input.capability.is_some_and(|capability| capability.is_elsewhere(name))
}

/// The ledger's entry for a type that is not asked for, though some of it came along with other types.
pub(crate) fn came_along(name: &str) -> WalkFinish {
    let detail = "its resources came with other types, and the type itself is not asked for: it is \
                  unknown whether all of them came, and which of them the plan has deleted";
    let finish = WalkFinish::not_walked(WalkState::Skipped, Reason::NotAsked, detail.to_owned());
    WalkFinish { hint: Some(format!("add \"{name}\" to the plan's types")), ..finish }
}

/// Decides whether a run asks for a type.
pub(crate) fn choose(input: &PlanInput<'_>, name: &str) -> Choice {
    let required = input.required.contains(name);
    let is_demanded = input.required.is_named(name);
    let held = input.held.iter().find(|held| held.resource_type == name);
    let was_whole = input
        .states
        .iter()
        .any(|state| state.resource_type == name && state.last_full_at.is_some());
    let is_named = named(input).iter().any(|named| named == name);
    let listed_before = was_whole || held.is_some_and(|held| held.is_listed);
    let granted = granted(input.scope, name);
    let leave = |state, reason, detail: &str| {
        Choice::Leave(WalkFinish::not_walked(state, reason, detail.to_owned()))
    };
    let only_read = input.capability.is_some_and(|capability| capability.only_reads(name));
    // A type that payersync does not know is asked for because the plan declares it.
    let by_reference = is_read_by_reference(name) || resource_type(name).is_none();
    if !required && !listed_before && only_read && by_reference && granted != Granted::Nothing {
        let detail = "the plan does not offer to list it; it is read by reference";
        return leave(WalkState::NotServed, Reason::NotListed, detail);
    }
    // CapabilityStatements are often incomplete: the configuration and earlier walks count for more. And a
    // statement says nothing of a type that has a base of its own.
    let is_known = required || listed_before || is_named || input.type_bases.contains_key(name);
    if !is_known && is_elsewhere(input, name) {
        return leave(WalkState::Skipped, Reason::NotAsked, ELSEWHERE);
    }
    if !is_known && input.capability.is_some_and(|capability| !capability.searches(name)) {
        let detail = "the plan's CapabilityStatement does not offer to search it";
        return leave(WalkState::NotServed, Reason::NotDeclared, detail);
    }
    // CARIN's guide for Blue Button asks for no more than reads of a Patient and of what claims refer to.
    let only_referred = by_reference || input.search.of(name) == Some(&SearchRule::Read);
    let may_be_read = only_referred || matches!(name, "Patient" | "Coverage");
    match granted {
        // Every base has the member's one Patient.
        Granted::Whole => {
            let twice = input.capability.is_some_and(|it| it.is_declared_twice(name));
            let note = (twice && name != "Patient").then(|| TWICE.to_owned());
            Choice::Ask(Extent { note, ..Extent::default() })
        }
        // A type that was listed before is not whole by what is referred to.
        Granted::ReadOnly if may_be_read && !listed_before => {
            let detail =
                "the member's consent lets it be read, not listed; it is read by reference";
            let unlisted =
                WalkFinish::not_walked(WalkState::NotServed, Reason::NotListed, detail.to_owned());
            // Many plans list a Patient and Coverages all the same, and no claim may name a Coverage.
            if !required || only_referred {
                return Choice::Leave(unlisted);
            }
            let gap = Some(Box::new(unlisted));
            Choice::Ask(Extent { is_part: true, is_uncovered: true, gap, ..Extent::default() })
        }
        // Every plan serves a required type, and many do so even if the consent does not cover it.
        Granted::Nothing | Granted::ReadOnly if required => {
            let detail = "the member's consent does not cover it, and nothing came";
            let gap = Some(Box::new(match held {
                None if !is_demanded => WalkFinish::complete(Some(detail.to_owned())),
                _ => gap(input, name, detail),
            }));
            Choice::Ask(Extent {
                is_part: true,
                is_uncovered: true,
                is_demanded,
                gap,
                ..Extent::default()
            })
        }
        Granted::Nothing | Granted::ReadOnly if held.is_some() || is_named => {
            Choice::Leave(gap(input, name, "the member's consent does not cover it"))
        }
        Granted::Nothing | Granted::ReadOnly => {
            leave(WalkState::Skipped, Reason::NotGranted, "the member's consent does not cover it")
        }
        Granted::Part(searches) => {
            let detail = format!(
                "the member's consent covers only a part of it: {name}?{}",
                searches.join(&format!(", {name}?"))
            );
            let gap =
                (required || is_named || was_whole).then(|| Box::new(gap(input, name, &detail)));
            let (names_type, note) = (names_part_of(input.scope, name), Some(detail));
            Choice::Ask(Extent { is_part: true, names_type, note, gap, ..Extent::default() })
        }
    }
}

/// The gap for a type, or for a part of a type, that the consent keeps from us.
///
/// The exit code is 3 if a new consent can give it, 2 if the configured scope does not even ask for it.
fn gap(input: &PlanInput<'_>, name: &str, detail: &str) -> WalkFinish {
    withheld(input.requested_scope, (input.connection, input.plan), name, detail)
}

/// Like `gap`, from the configured scope, the connection and its plan.
pub(crate) fn withheld(
    requested_scope: Option<&str>,
    (connection, plan): (&str, &str),
    name: &str,
    detail: &str,
) -> WalkFinish {
    let connect = format!("`payersync connect {connection} --plan {plan}`");
    let (reason, hint) = match granted(requested_scope, name) {
        Granted::Whole => (
            Reason::NotGranted,
            format!(
                "{connect} lets the member consent to it again; or remove it from the plan's types"
            ),
        ),
        _ => (
            Reason::NotRequested,
            format!("add patient/{name}.read to the plan's scope, then {connect}"),
        ),
    };
    let finish = WalkFinish::incomplete(reason, detail.to_owned());
    WalkFinish { hint: Some(hint), ..finish }
}

/// The types named on the command line, else those named in the configuration.
fn named<'a>(input: &PlanInput<'a>) -> &'a [String] {
    match input.asked_types {
        [] => input.configured_types,
        asked => asked,
    }
}

fn declared(input: &PlanInput<'_>) -> impl Iterator<Item = String> {
    let capability = input.capability;
    capability.into_iter().flat_map(|capability| capability.types().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_that_got_everything_ends_with_what_is_noted_of_the_type() {
        for (note, warning, expected) in [
            (None, None, None),
            (Some("in part"), None, Some("in part")),
            (None, Some("no total"), Some("no total")),
            (Some("in part"), Some("no total"), Some("in part; no total")),
        ] {
            let extent = Extent { note: note.map(str::to_owned), ..Extent::default() };
            let expected = WalkFinish::complete(expected.map(str::to_owned));
            assert_eq!(extent.complete(warning.map(str::to_owned), true), expected);
        }
    }

    #[test]
    fn what_the_configured_scope_does_not_ask_for_no_new_consent_brings() {
        for (scope, expected) in [
            (None, Reason::NotGranted),
            (Some("patient/*.read"), Reason::NotGranted),
            (Some("patient/Goal.read"), Reason::NotRequested),
        ] {
            let gap = withheld(scope, ("ann", "demo"), "Coverage", "");
            assert_eq!((gap.state, gap.reason), (WalkState::Incomplete, Some(expected)));
        }
    }

    #[test]
    fn a_gap_ends_such_a_walk_unless_an_uncovered_type_brought_something() {
        let gap = WalkFinish::incomplete(Reason::NotAsked, "some of it is hidden".to_owned());
        let complete = WalkFinish::complete(None);
        for (is_uncovered, brought_nothing, expected) in [
            (false, false, &gap),
            (false, true, &gap),
            (true, true, &gap),
            (true, false, &complete),
        ] {
            let gap = Some(Box::new(gap.clone()));
            let extent = Extent { is_uncovered, gap, ..Extent::default() };
            let end = extent.complete(None, brought_nothing);
            assert_eq!(end, *expected, "{is_uncovered} {brought_nothing}");
        }
    }
}
