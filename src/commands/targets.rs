//! The targets of a run: connections with their plans' settings, and the types to walk.

use super::{failure::Failure, home, settled::refusal, told::tell};
use crate::{
    config::Settings,
    exit_code::ExitCode,
    fhir::{is_r4_type, similar_r4_type},
    http::HttpClient,
    outcome::Reason,
    sync::{NotAsked, Target},
    warehouse::{ConnectionRow, Unasked},
};
use std::{collections::BTreeMap, sync::Arc};

/// The connections that can be asked, and those that cannot.
pub(super) struct Targets {
    pub(super) ready: Vec<Target>,
    pub(super) left_out: Vec<LeftOut>,
}

/// Connections that cannot be asked, for the same reason: those of one plan, or one that is being moved.
pub(super) struct LeftOut {
    pub(super) connections: Vec<String>,
    /// The ids of those that get an entry in the ledger. A connection that is being moved gets none, as
    /// nothing may change in it.
    entered: Vec<i64>,
    pub(super) failure: Failure,
}

impl Targets {
    /// Reports which connections are left out and why; returns the most serious exit code.
    pub(super) fn tell_left_out(&self) -> ExitCode {
        self.left_out.iter().fold(ExitCode::Complete, |worst, left_out| {
            tell(&format!("Left out: {}", left_out.connections.join(", ")));
            left_out.failure.tell();
            worst.worst(left_out.failure.code())
        })
    }

    /// Whether a run would ask nobody and enter nothing, since every connection is being moved.
    pub(super) fn are_all_moving(&self) -> bool {
        self.ready.is_empty() && self.left_out.iter().all(|left_out| left_out.entered.is_empty())
    }

    /// What the run and its ledger are to say of the connections that are left out.
    pub(super) fn unasked(&self) -> Vec<NotAsked> {
        let of = |LeftOut { connections, entered, failure }: &LeftOut| NotAsked {
            number: connections.len(),
            exit_code: failure.code(),
            entry: Unasked {
                connections: entered.clone(),
                reason: match failure.code() {
                    ExitCode::Unreachable => Reason::Unreachable,
                    _ => Reason::Configuration,
                },
                detail: failure.to_string(),
                hint: Some(failure.what_to_do().to_owned()).filter(|hint| !hint.is_empty()),
            },
        };
        self.left_out.iter().map(of).collect()
    }
}

/// Prepares each connection with its plan's settings; the endpoints of each plan are looked up once.
///
/// A plan that is no longer configured, that lacks its secret or that does not answer affects its own
/// connections and no others.
pub(super) async fn targets(
    settings: &Settings,
    connections: Vec<ConnectionRow>,
    http: &HttpClient,
) -> Targets {
    let mut by_plan: BTreeMap<String, Vec<ConnectionRow>> = BTreeMap::new();
    let mut targets = Targets { ready: Vec::new(), left_out: Vec::new() };
    for connection in connections {
        if let Some(failure) = refusal(&connection) {
            let (connections, entered) = (vec![connection.name], Vec::new());
            targets.left_out.push(LeftOut { connections, entered, failure });
            continue;
        }
        by_plan.entry(connection.plan_name().to_owned()).or_default().push(connection);
    }
    for (plan, connections) in by_plan {
        let names = connections.iter().map(|connection| connection.name.clone()).collect();
        let entered = connections.iter().map(|connection| connection.id).collect();
        match of_plan(settings, &plan, connections, http).await {
            Ok(ready) => targets.ready.extend(ready),
            Err(failure) => {
                targets.left_out.push(LeftOut { connections: names, entered, failure });
            }
        }
    }
    targets
}

async fn of_plan(
    settings: &Settings,
    plan: &str,
    connections: Vec<ConnectionRow>,
    http: &HttpClient,
) -> Result<Vec<Target>, Failure> {
    let plan = settings.plan(plan)?;
    let registration = Arc::new(home::registration(plan, http).await?);
    let bases = Arc::new(plan.bases.clone());
    let search = Arc::new(plan.search.clone());
    let required = Arc::new(plan.required.clone());
    let target = |connection| Target {
        connection,
        registration: Arc::clone(&registration),
        page_size: plan.page_size,
        last_updated: plan.last_updated,
        search: Arc::clone(&search),
        concurrency: plan.concurrency,
        types: plan.types.clone(),
        required: Arc::clone(&required),
        dependants: plan.dependants,
        attachments: plan.attachments,
        proxied_origins: plan.proxied_origins.as_slice().into(),
        bases: Arc::clone(&bases),
    };
    Ok(connections.into_iter().map(target).collect())
}

/// Refuses a type that FHIR R4 does not know: the ledger would list it as incomplete forever.
pub(super) fn check_types(asked: &[String]) -> Result<(), Failure> {
    let Some(unknown) = asked.iter().find(|name| *name != "*" && !is_r4_type(name)) else {
        return Ok(());
    };
    let hint = match similar_r4_type(unknown) {
        Some(known) => format!("did you mean {known}?"),
        None => "`payersync plan` lists the types".to_owned(),
    };
    Err(Failure::misuse(format!("there is no resource type {unknown}")).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_entered_unless_every_connection_is_being_moved() {
        let left_out = |entered: Vec<i64>| LeftOut {
            connections: vec!["ann".to_owned()],
            entered,
            failure: Failure::misuse("it cannot be asked"),
        };
        let of = |left_out| Targets { ready: Vec::new(), left_out };
        assert!(of(vec![left_out(Vec::new())]).are_all_moving());
        let targets = of(vec![left_out(Vec::new()), left_out(vec![1])]);
        assert!(!targets.are_all_moving());
        let counted: Vec<usize> = targets.unasked().iter().map(|one| one.number).collect();
        assert_eq!(counted, [1, 1]);
    }
}
