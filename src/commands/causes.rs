//! Groups unfinished types by cause, because a plan that is down stops every type for the same reason.

use crate::{
    outcome::{Reason, WalkState},
    sync::WalkReport,
    warehouse::TypeStatus,
};

/// The number of types that a message names; the rest are only counted.
const NAMED: usize = 3;
/// What is said of a walk without an end: the ledger does not know whether its process is alive.
const RUNNING: &str = "a run is at work, or was killed";

/// A type that is not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unfinished<'a> {
    pub(super) resource_type: &'a str,
    pub(super) reason: Option<Reason>,
    pub(super) http_status: Option<u16>,
    pub(super) detail: &'a str,
    pub(super) hint: Option<&'a str>,
    /// The page at which the walk of the type ended, counted from 1.
    pub(super) failed_page: Option<u64>,
}

impl<'a> Unfinished<'a> {
    /// The type of a walk that has just ended; `None` unless the walk is incomplete.
    pub(super) fn of_walk(walk: &'a WalkReport) -> Option<Unfinished<'a>> {
        let finish = &walk.finish;
        (finish.state == WalkState::Incomplete).then(|| Unfinished {
            resource_type: &walk.resource_type,
            reason: finish.reason,
            http_status: finish.http_status,
            detail: finish.detail.as_deref().unwrap_or_default(),
            hint: finish.hint.as_deref(),
            failed_page: finish.failed_page,
        })
    }

    /// The type of a row of the ledger; `None` unless its walk is incomplete or still running.
    pub(super) fn of_status(status: &'a TypeStatus) -> Option<Unfinished<'a>> {
        let detail = match status.state {
            WalkState::Running => RUNNING,
            WalkState::Incomplete => status.detail.as_deref().unwrap_or_default(),
            _ => return None,
        };
        Some(Unfinished {
            resource_type: &status.resource_type,
            reason: status.reason,
            http_status: status.http_status,
            detail,
            hint: status.hint.as_deref(),
            failed_page: status.failed_page,
        })
    }
}

/// A cause, and the types of a connection that it stops.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cause<'a> {
    types: Vec<&'a str>,
    first: Unfinished<'a>,
}

/// Groups unfinished types by cause, in the order in which the causes first occur.
pub(super) fn causes<'a>(unfinished: impl Iterator<Item = Unfinished<'a>>) -> Vec<Cause<'a>> {
    let mut causes: Vec<Cause<'a>> = Vec::new();
    for one in unfinished {
        let is_same = |known: &&mut Cause<'_>| {
            let known = &known.first;
            known.reason == one.reason
                && known.http_status == one.http_status
                && known.hint == one.hint
        };
        match causes.iter_mut().find(is_same) {
            Some(cause) => cause.types.push(one.resource_type),
            None => causes.push(Cause { types: vec![one.resource_type], first: one }),
        }
    }
    causes
}

impl<'a> Cause<'a> {
    /// The sentence for a cause: its types, then what happened.
    ///
    /// `all` is the number of types that the connection has.
    pub(super) fn sentence(&self, all: usize) -> String {
        let page = self.first.failed_page.filter(|_| self.types.len() == 1);
        let page = page.map(|page| format!(" page {page}")).unwrap_or_default();
        // Some of these types were stopped at a page, and others before their turn came.
        let detail = match self.is_of_a_stopped_sync() && self.types.len() > 1 {
            true => "the run was stopped before they were complete",
            false => self.first.detail,
        };
        format!("{}{page}: {detail}", type_names(&self.types, all))
    }

    /// What to do about the cause.
    pub(super) fn hint(&self) -> Option<&'a str> {
        self.first.hint
    }

    /// The command that goes on with the types of a connection of a plan, if nothing else is to be done first.
    pub(super) fn next_step(&self, connection: &str) -> Option<String> {
        if self.first.detail == RUNNING {
            return Some(format!("if no run is at work, `payersync sync {connection}` goes on"));
        }
        self.is_of_a_stopped_sync().then(|| format!("`payersync sync {connection}` goes on"))
    }

    /// Whether somebody stopped a sync; an import that was stopped has a hint of its own.
    fn is_of_a_stopped_sync(&self) -> bool {
        self.first.reason == Some(Reason::Interrupted) && self.first.hint.is_none()
    }
}

/// The names of the types; of many, the first names and a number.
///
/// `all` is the number of types that the connection has.
pub(super) fn type_names(types: &[&str], all: usize) -> String {
    match types.len() {
        number if number > NAMED && number == all => format!("all {number} types"),
        // A fourth name takes no more room than "and 1 more".
        number if number > NAMED + 1 => {
            format!("{} and {} more", types[..NAMED].join(", "), number - NAMED)
        }
        _ => types.join(", "),
    }
}

/// A sentence with the number of open rejects and their most likely cause.
pub(super) fn rejects_sentence(open: u64, strangers: u64) -> String {
    let are = |number: u64| if number == 1 { "is" } else { "are" };
    let rejects = if open == 1 { "reject" } else { "rejects" };
    match strangers {
        0 => format!("{open} {rejects} that could not be taken in; see rejected_resource"),
        _ => format!(
            "{open} {rejects}: {strangers} {} about another patient; see rejected_resource",
            are(strangers)
        ),
    }
}

/// A sentence with the number of resources that the plan no longer lists but that may still exist.
pub(super) fn absences_sentence(open: u64) -> String {
    let (resources, are) = match open {
        1 => ("resource", "is"),
        _ => ("resources", "are"),
    };
    format!(
        "{open} {resources} that the plan no longer lists and that {are} not proved to be deleted; \
         see absent_resource"
    )
}

/// The number of rejects about another patient whose cause a person has to judge.
///
/// If a type says that the whole consent is another patient's, its hint begins with what is likelier than
/// dependants: somebody else has consented. A second hint that names dependants alone would be followed.
pub(super) fn strangers_to_judge(
    strangers: u64,
    mut reasons: impl Iterator<Item = Option<Reason>>,
) -> u64 {
    match reasons.any(|reason| reason == Some(Reason::PatientChanged)) {
        true => 0,
        false => strangers,
    }
}

/// What to do about rejects; `plan` is the connection's plan, if it has one.
pub(super) fn reject_hints(plan: Option<&str>, strangers: u64) -> Vec<String> {
    let look = "`payersync query \"SELECT resource_type, reason, detail FROM rejected_resource \
                WHERE resolved_at IS NULL\"`";
    let mut hints = vec![look.to_owned()];
    if strangers > 0 {
        hints.push(match plan {
            Some(plan) => format!(
                "if the consent covers dependants, set `dependants = true` in [plans.{plan}]"
            ),
            None => "if the files are about dependants, import them with --dependants".to_owned(),
        });
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_cause_is_one_sentence_and_many_types_are_a_number() {
        let down = |resource_type| Unfinished {
            resource_type,
            reason: Some(Reason::Unreachable),
            http_status: None,
            detail: "could not connect",
            hint: Some("check the network"),
            failed_page: Some(1),
        };
        let refused = Unfinished {
            reason: Some(Reason::Forbidden),
            http_status: Some(403),
            detail: "status 403",
            failed_page: Some(7),
            ..down("Goal")
        };
        let names = ["Patient", "Coverage", "Claim", "Device", "Location"];
        let told = causes(names.map(down).into_iter().chain([refused]));
        let sentences: Vec<String> = told.iter().map(|cause| cause.sentence(6)).collect();
        let some = "Patient, Coverage, Claim and 2 more: could not connect";
        assert_eq!(sentences, [some, "Goal page 7: status 403"]);
        assert_eq!(told[0].sentence(5), "all 5 types: could not connect");
        assert_eq!(type_names(&names[..4], 9), "Patient, Coverage, Claim, Device");
    }

    #[test]
    fn a_run_that_was_stopped_is_told_of_all_its_types_with_the_next_step() {
        let stopped = |resource_type, detail| Unfinished {
            resource_type,
            reason: Some(Reason::Interrupted),
            http_status: None,
            detail,
            hint: None,
            failed_page: None,
        };
        let (at, before) = ("the run was asked to stop at this page", "its turn did not come");
        let told = causes([stopped("Claim", before), stopped("Device", at)].into_iter());
        assert_eq!(
            told[0].sentence(9),
            "Claim, Device: the run was stopped before they were complete"
        );
        let goes_on = "`payersync sync mary` goes on".to_owned();
        assert_eq!(told[0].next_step("mary"), Some(goes_on.clone()));
        let alone = causes([stopped("Device", at)].into_iter());
        assert_eq!(alone[0].sentence(9), format!("Device: {at}"));
        let running = Unfinished { reason: None, ..stopped("Claim", RUNNING) };
        let step = causes([running].into_iter())[0].next_step("mary");
        assert_eq!(step, Some(format!("if no run is at work, {goes_on}")));
        // An import goes on with its files, as its own hint says.
        let import = Unfinished { hint: Some("import again"), ..stopped("Claim", before) };
        assert_eq!(causes([import].into_iter())[0].next_step("mary"), None);
    }

    #[test]
    fn rejects_about_another_patient_are_called_so() {
        assert_eq!(
            rejects_sentence(4, 4),
            "4 rejects: 4 are about another patient; see rejected_resource"
        );
        assert_eq!(
            rejects_sentence(1, 0),
            "1 reject that could not be taken in; see rejected_resource"
        );
        assert_eq!(reject_hints(None, 0).len(), 1);
        assert!(reject_hints(None, 1)[1].contains("--dependants"));
        assert!(reject_hints(Some("acme"), 1)[1].contains("[plans.acme]"));
        // The hint of a changed patient speaks of dependants already, after what is likelier.
        let reasons = [None, Some(Reason::PatientChanged)];
        assert_eq!(strangers_to_judge(4, reasons.into_iter()), 0);
        assert_eq!(strangers_to_judge(4, [None].into_iter()), 4);
    }
}
