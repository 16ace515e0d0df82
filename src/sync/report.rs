//! The outcome of a run.

use crate::{
    exit_code::ExitCode,
    outcome::{self, Reason, RunState, TypeOutcome, WalkState},
    plural::count,
    warehouse::{WalkCounters, WalkFinish},
};
use std::time::Duration;

/// The outcome of one walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalkReport {
    /// FHIR resource type.
    pub resource_type: String,
    /// The end of the walk, as it is entered in the ledger.
    pub finish: WalkFinish,
    /// What the walk counted in this run.
    pub counters: WalkCounters,
}

/// The walk that shows that no other request would be answered: there is no token, or the plan answered for
/// no type. A single type that times out shows nothing of the kind.
pub(super) fn cut_off<'a>(
    mut walks: impl Iterator<Item = &'a WalkReport> + Clone,
) -> Option<&'a WalkReport> {
    let outcomes: Vec<TypeOutcome> = walks.clone().map(|walk| walk.finish.outcome()).collect();
    let is_silent = outcome::is_silent(&outcomes);
    walks.find(|walk| {
        let has_no_token = walk.finish.reason.is_some_and(Reason::is_without_token);
        let is_unreachable = is_silent && walk.finish.outcome().is_unreachable();
        walk.finish.state == WalkState::Incomplete && (has_no_token || is_unreachable)
    })
}

/// The outcome of one connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectionReport {
    /// The connection's name.
    pub connection: String,
    /// The connection's plan; `None` if only files fill the connection.
    pub plan: Option<String>,
    /// The connection's walks, in the order of the run; in a condensed report only those that people are told
    /// of.
    pub walks: Vec<WalkReport>,
    /// The ends of the walks that a condensed report leaves out.
    pub left_out: Vec<TypeOutcome>,
    /// The counters of everything that is not in `walks`: the requests by which the walks were decided, and
    /// the walks that are left out.
    pub other_counters: WalkCounters,
    /// Open rejects, of this run and earlier ones.
    pub open_rejects: u64,
    /// Open rejects about another patient than the connection's.
    pub open_strangers: u64,
    /// Resources that the plan no longer lists and that are not proved to be deleted.
    pub open_absences: u64,
    /// Whether a bug ended the connection's part of the run before it could report its walks.
    pub is_bug: bool,
}

impl ConnectionReport {
    /// A connection whose part of the run ended by a panic.
    pub(super) fn of_a_bug(connection: String, plan: Option<String>) -> ConnectionReport {
        ConnectionReport {
            connection,
            plan,
            walks: Vec::new(),
            left_out: Vec::new(),
            other_counters: WalkCounters::default(),
            open_rejects: 0,
            open_strangers: 0,
            open_absences: 0,
            is_bug: true,
        }
    }

    /// The exit code for the worst that happened to this connection.
    pub fn exit_code(&self) -> ExitCode {
        if self.is_bug {
            return ExitCode::Bug;
        }
        outcome::exit_code(&self.outcomes().collect::<Vec<_>>(), self.open_rejects > 0)
    }

    /// How many types were asked for.
    pub fn asked_types(&self) -> usize {
        self.outcomes().filter(|outcome| outcome.state.is_asked()).count()
    }

    fn outcomes(&self) -> impl Iterator<Item = TypeOutcome> {
        let walks = self.walks.iter().map(|walk| walk.finish.outcome());
        walks.chain(self.left_out.iter().copied())
    }

    /// The report without the walks that people are not told of: those that ended well, and those of types
    /// that were not asked for, unless they were `named`.
    pub(super) fn condensed(mut self, named: &[String]) -> ConnectionReport {
        let is_told = |walk: &WalkReport| {
            walk.finish.state == WalkState::Incomplete
                || walk.finish.warning.is_some()
                || named.contains(&walk.resource_type)
        };
        let (told, left_out): (Vec<_>, Vec<_>) = self.walks.into_iter().partition(is_told);
        left_out.iter().for_each(|walk| self.other_counters.add(&walk.counters));
        self.left_out.extend(left_out.iter().map(|walk| walk.finish.outcome()));
        self.walks = told;
        self
    }
}

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// `sync_run.id`.
    pub run_id: i64,
    /// The outcome of each connection, in the order asked for unless requests are limited.
    pub connections: Vec<ConnectionReport>,
    /// How many connections could not be asked at all; they are not among the `connections`.
    pub left_out: usize,
    /// The most serious exit code of the connections that are left out.
    pub unasked: ExitCode,
    /// Files that an import has read; `None` for a run that asks plans.
    pub files: Option<u64>,
    /// Whether the run was asked to stop before it was done.
    pub interrupted: bool,
    /// How long the run took.
    pub elapsed: Duration,
}

impl Report {
    /// The exit code for the worst that happened in the run.
    pub fn exit_code(&self) -> ExitCode {
        let interrupted = if self.interrupted { ExitCode::Incomplete } else { ExitCode::Complete };
        self.connections.iter().fold(interrupted.worst(self.unasked), |worst, connection| {
            worst.worst(connection.exit_code())
        })
    }

    /// All counters, summed.
    pub fn totals(&self) -> WalkCounters {
        let mut totals = WalkCounters::default();
        for connection in &self.connections {
            totals.add(&connection.other_counters);
            connection.walks.iter().for_each(|walk| totals.add(&walk.counters));
        }
        totals
    }

    /// The run's state in the ledger.
    pub(super) fn state(&self) -> RunState {
        match (self.interrupted, self.exit_code()) {
            (true, _) => RunState::Interrupted,
            (false, ExitCode::Complete) => RunState::Complete,
            (false, _) => RunState::Incomplete,
        }
    }

    /// The summary of the run, in one line.
    pub fn summary(&self) -> String {
        let totals = self.totals();
        let outcomes: Vec<TypeOutcome> =
            self.connections.iter().flat_map(|connection| connection.outcomes()).collect();
        let in_state = |state: WalkState| outcomes.iter().filter(|it| it.state == state).count();
        let rejects: u64 = self.connections.iter().map(|connection| connection.open_rejects).sum();
        let mut parts = vec![
            match self.files {
                Some(files) => count(files, "file"),
                None => count(self.connections.len(), "connection"),
            },
            format!("{} complete", count(in_state(WalkState::Complete), "type")),
        ];
        if self.left_out > 0 {
            parts.insert(1, format!("{} left out", self.left_out));
        }
        if in_state(WalkState::Incomplete) > 0 {
            parts.push(format!("{} incomplete", in_state(WalkState::Incomplete)));
        }
        parts.extend(outcome::not_served(&outcomes));
        parts.push(count(totals.pages, "page"));
        parts.push(format!("{}{}", count(totals.resources_seen, "resource"), changes(&totals)));
        if rejects > 0 {
            parts.push(format!("{rejects} rejected"));
        }
        parts.push(format!("{} written", count(totals.rows_written, "row")));
        if self.files.is_none() {
            let requests = count(totals.requests, "request");
            parts.push(match totals.retries {
                0 => requests,
                retries => format!("{requests} ({retries} repeated)"),
            });
        }
        parts.push(format!("{:.1}s", self.elapsed.as_secs_f64()));
        let verdict = match (self.interrupted, self.exit_code()) {
            (true, _) => "Stopped",
            (false, ExitCode::Complete) => "Complete",
            (false, _) => "Incomplete",
        };
        format!("{verdict}: {}", parts.join(", "))
    }
}

/// How many of the resources were new, changed, unchanged or deleted, in brackets; zeros are left out.
fn changes(totals: &WalkCounters) -> String {
    let parts: Vec<String> = [
        (totals.resources_new, "new"),
        (totals.resources_changed, "changed"),
        (totals.resources_unchanged, "unchanged"),
        (totals.resources_deleted, "deleted"),
    ]
    .into_iter()
    .filter(|(number, _)| *number > 0)
    .map(|(number, what)| format!("{number} {what}"))
    .collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(finish: WalkFinish) -> WalkReport {
        let resource_type = "Goal".to_owned();
        WalkReport { resource_type, finish, counters: WalkCounters::default() }
    }

    #[test]
    fn a_summary_says_why_a_run_is_incomplete_whose_every_type_is_complete() {
        let connection = ConnectionReport {
            walks: vec![walk(WalkFinish::complete(None))],
            is_bug: false,
            ..ConnectionReport::of_a_bug("ann".to_owned(), None)
        };
        let whole = Report {
            run_id: 1,
            connections: vec![connection],
            left_out: 0,
            unasked: ExitCode::Complete,
            files: None,
            interrupted: false,
            elapsed: Duration::ZERO,
        };
        let begins = |report: &Report, begin: &str| {
            let summary = report.summary();
            assert!(summary.starts_with(begin), "{summary}");
        };
        begins(&whole, "Complete: 1 connection, 1 type complete, ");
        let short = Report { left_out: 2, unasked: ExitCode::Usage, ..whole };
        begins(&short, "Incomplete: 1 connection, 2 left out, 1 type complete, ");
    }

    #[test]
    fn one_type_that_times_out_cuts_nothing_off_while_the_plan_answers_for_another() {
        let open = |reason| walk(WalkFinish::incomplete(reason, String::new()));
        let answered = [
            walk(WalkFinish::complete(None)),
            walk(WalkFinish {
                http_status: Some(403),
                ..WalkFinish::not_walked(WalkState::NotServed, Reason::NotListed, String::new())
            }),
        ];
        let timeout = open(Reason::Timeout);
        assert_eq!(cut_off([timeout.clone()].iter()), Some(&timeout));
        assert_eq!(cut_off([].iter()), None);
        for other in answered {
            let walks = [timeout.clone(), other.clone()];
            assert_eq!(cut_off(walks.iter()), None, "{other:?}");
            let no_token = open(Reason::TokenUnreachable);
            let walks = [timeout.clone(), other, no_token.clone()];
            assert_eq!(cut_off(walks.iter()), Some(&no_token));
        }
    }
}
