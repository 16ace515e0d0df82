//! Doctor's checks of the configuration alone: names, scopes and notifications.

use super::finding::Finding;
use crate::{
    alike::most_alike,
    commands::notify::notifier,
    config::{PlanSettings, Settings},
    fhir::{Granted, SearchRule, granted, is_r4_type, is_read_by_reference, unreadable_scopes},
    warehouse::ConnectionRow,
};

/// Looks for settings that are valid but probably forgotten or misspelt.
pub(crate) fn look(
    settings: &Settings,
    connections: &[ConnectionRow],
    findings: &mut Vec<Finding>,
) {
    for plan in settings.plans.values() {
        client_id(plan, connections, findings);
        scope(plan, findings);
    }
    names(settings, connections, findings);
    told(settings, connections, findings);
}

/// Whether a connection uses the plan. If so, a mistake in the plan's settings makes every night fail.
pub(super) fn is_used(plan: &PlanSettings, connections: &[ConnectionRow]) -> bool {
    connections.iter().any(|row| row.plan.as_ref() == Some(&plan.name))
}

fn client_id(plan: &PlanSettings, connections: &[ConnectionRow], findings: &mut Vec<Finding>) {
    if !plan.has_placeholder_client_id() {
        return;
    }
    let (what, said) = (format!("plan {} client_id", plan.name), "is still the placeholder");
    let hint = "enter the id that the plan's developer portal shows for your app";
    findings.push(match is_used(plan, connections) {
        true => Finding::wrong(what, said, hint),
        false => Finding::warning(what, said, hint),
    });
}

fn scope(plan: &PlanSettings, findings: &mut Vec<Finding>) {
    let Some(scope) = plan.scope() else { return };
    let what = format!("plan {} scope", plan.name);
    let unreadable = unreadable_scopes(scope);
    if !unreadable.is_empty() {
        findings.push(Finding::warning(
            what,
            format!("has no meaning in SMART App Launch: {}", unreadable.join(" ")),
            "scopes for data look like patient/*.read or patient/Coverage.rs; keep this one only if \
             the plan's documentation has it",
        ));
        return;
    }
    // What a sync reads by id needs no right to search.
    let is_read = |name: &str| {
        is_read_by_reference(name)
            || matches!(name, "Patient" | "Coverage")
            || plan.search.of(name) == Some(&SearchRule::Read)
    };
    let is_left_out = |name: &&String| {
        is_r4_type(name)
            && match granted(Some(scope), name) {
                Granted::Nothing => true,
                Granted::ReadOnly => !is_read(name),
                Granted::Whole | Granted::Part(_) => false,
            }
    };
    let left_out: Vec<&str> = plan.types.iter().filter(is_left_out).map(String::as_str).collect();
    if !left_out.is_empty() {
        findings.push(Finding::warning(
            what,
            format!("gives no right to search {}, which the key types names", left_out.join(", ")),
            "add them to scope, such as patient/Coverage.rs, or take them out of types",
        ));
        return;
    }
    if !scope.split_whitespace().any(|one| one.contains('/') && one != "launch/patient") {
        findings.push(Finding::warning(
            what,
            "names no scope for data",
            "this is right if the plan decides scopes at registration or has none for data (Epic, \
            Flexpa); otherwise add the scopes that the plan documents, such as patient/*.read",
        ));
    }
}

/// Reports sections of connections that do not exist, and connections whose plan is not configured.
fn names(settings: &Settings, connections: &[ConnectionRow], findings: &mut Vec<Finding>) {
    let is_there = |name: &String| connections.iter().any(|row| row.name == *name);
    for name in settings.connection_sections.iter().filter(|name| !is_there(name)) {
        let known = connections.iter().map(|row| row.name.as_str());
        let hint = match most_alike(name, known) {
            Some(alike) => format!("did you mean {alike}? As it is, the section has no effect"),
            None => {
                "the section has an effect once `payersync connect` makes the connection".to_owned()
            }
        };
        let what = format!("[connections.{name}]");
        findings.push(Finding::warning(what, "there is no connection of that name", hint));
    }
    for row in connections {
        let Some(plan) = row.plan.as_ref().filter(|plan| !settings.plans.contains_key(*plan))
        else {
            continue;
        };
        let hint = match most_alike(plan, settings.plans.keys().map(String::as_str)) {
            Some(alike) => format!("[plans.{alike}] may be meant; its name must be {plan}"),
            None => format!("bring [plans.{plan}] back, or `payersync purge {}`", row.name),
        };
        let said = format!("is at plan {plan}, which payersync.toml does not have");
        findings.push(Finding::wrong(format!("connection {}", row.name), said, hint));
    }
}

/// Checks whether somebody is notified when a nightly run fails, without sending anything.
fn told(settings: &Settings, connections: &[ConnectionRow], findings: &mut Vec<Finding>) {
    let Some(notifier) = notifier(settings) else {
        if connections.iter().any(|row| row.plan.is_some()) {
            findings.push(Finding::warning(
                "notify",
                "nobody is told when a nightly run fails",
                "set command, webhook, mail_to or ping in [notify]",
            ));
        }
        return;
    };
    let looked = notifier.look();
    let ways: Vec<&str> = looked.iter().map(|(key, _)| *key).collect();
    let before = findings.len();
    for (key, problem) in &looked {
        if let Some(problem) = problem {
            let hint = "correct it; `payersync notify --test` tries it";
            findings.push(Finding::wrong(format!("notify.{key}"), problem, hint));
        }
    }
    if findings.len() == before {
        let said = format!("{}; `payersync notify --test` tries them", ways.join(", "));
        findings.push(Finding::fine("notify", said));
    }
}
