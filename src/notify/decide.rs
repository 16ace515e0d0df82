//! Decides which messages are sent, from the result of a run and from earlier messages. Pure.

use super::{
    memory::{Told, ToldConsent, subject},
    notice::{Event, Notice},
};
use crate::{clock, exit_code::ExitCode, plural::count};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::{BTreeMap, BTreeSet};

/// The result of a run, with everything that a message may need.
#[derive(Debug, Clone)]
pub struct RunResult {
    /// The command: sync, backfill or run.
    pub command: &'static str,
    /// The command's exit code.
    pub exit_code: ExitCode,
    /// The results of the connections in the run.
    pub connections: Vec<ConnectionResult>,
    /// When each consent ends, as far as known.
    pub consents: Vec<ConsentEnd>,
    /// The uids of all existing connections; `None` if they could not be read.
    pub known: Option<Vec<String>>,
}

/// The result of a run for one connection.
#[derive(Debug, Clone)]
pub struct ConnectionResult {
    /// The connection's uid.
    pub uid: String,
    /// The plan's name.
    pub plan: String,
    /// The most serious exit code that applies to the connection.
    pub exit_code: ExitCode,
    /// Whether all types of the connection were asked for. If so, a good result means that the connection is
    /// complete.
    pub is_whole: bool,
    /// The instant up to which all of its types are complete; `None` if a type never was.
    pub complete_as_of: Option<DateTime<Utc>>,
}

/// When a consent ends.
#[derive(Debug, Clone)]
pub struct ConsentEnd {
    /// The connection's uid.
    pub uid: String,
    /// The plan's name.
    pub plan: String,
    /// The instant at which the consent ends.
    pub ends_at: DateTime<Utc>,
}

/// How often messages are repeated, and how early the end of a consent is announced.
#[derive(Debug, Clone, Copy)]
pub(super) struct Policy {
    pub(super) consent: TimeDelta,
    pub(super) repeat: TimeDelta,
}

/// A message, and the messages that the channel has received once this one is delivered.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) notice: Notice,
    pub(super) then: Told,
}

/// The prefix of subjects whose trouble is from a backfill.
const BACKFILL: &str = "backfill:";

/// Trouble with a subject, which is a connection or the run itself.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Trouble<'a> {
    plan: Option<&'a str>,
    code: u8,
    subject: String,
    complete_as_of: Option<DateTime<Utc>>,
}

impl RunResult {
    /// The result of a command that ended before its first connection.
    pub fn of_command(command: &'static str, exit_code: ExitCode) -> RunResult {
        RunResult { command, exit_code, connections: Vec::new(), consents: Vec::new(), known: None }
    }

    /// The prefix that keeps subjects of a backfill apart from those of a nightly sync.
    ///
    /// A complete backfill says nothing about the nightly sync, and a complete sync nothing about a
    /// backfill.
    fn prefix(&self) -> &'static str {
        if self.command == "backfill" { BACKFILL } else { "" }
    }

    fn subject(&self, uid: &str) -> String {
        format!("{}{}", self.prefix(), subject(uid))
    }

    /// The subject for trouble that belongs to no connection: the run itself.
    fn itself(&self) -> String {
        format!("{}run", self.prefix())
    }

    fn troubles(&self) -> BTreeSet<Trouble<'_>> {
        let failed = self.connections.iter().filter(|one| one.exit_code != ExitCode::Complete);
        let worst = failed.clone().fold(ExitCode::Complete, |code, one| code.worst(one.exit_code));
        let mut troubles: BTreeSet<Trouble<'_>> = failed
            .map(|one| Trouble {
                plan: Some(&one.plan),
                code: one.exit_code as u8,
                subject: self.subject(&one.uid),
                complete_as_of: one.complete_as_of,
            })
            .collect();
        if worst.worst(self.exit_code) != worst {
            let code = self.exit_code as u8;
            let subject = self.itself();
            troubles.insert(Trouble { plan: None, code, subject, complete_as_of: None });
        }
        troubles
    }
}

/// Removes remembered messages that need no further message.
///
/// These are messages about connections that no longer exist, about consents that were renewed, and about
/// trouble of a run itself, if a later run has other trouble.
pub(super) fn forget(told: &mut Told, result: &RunResult) {
    if let Some(known) = &result.known {
        let known: BTreeSet<String> = known.iter().map(|uid| subject(uid)).collect();
        let is_known =
            |key: &str| key.ends_with("run") || known.contains(key.trim_start_matches("backfill:"));
        told.troubles.retain(|key, _| is_known(key));
        let ends =
            |key: &String| result.consents.iter().find(|consent| subject(&consent.uid) == *key);
        told.consents.retain(|key, consent| {
            ends(key).is_some_and(|end| is_same_end(&consent.ends_at, end.ends_at))
        });
    }
    let itself = result.itself();
    if !result.connections.is_empty()
        && result.exit_code != ExitCode::Complete
        && !result.troubles().iter().any(|trouble| trouble.subject == itself)
    {
        told.troubles.remove(&itself);
    }
}

/// The messages for a channel, in order; `told` is what the channel was told before.
pub(super) fn decide(
    told: &Told,
    result: &RunResult,
    policy: Policy,
    now: DateTime<Utc>,
) -> Vec<Decision> {
    let mut decisions: Vec<Decision> = Vec::new();
    for one in [failure, recovery, consents] {
        let told = decisions.last().map_or(told, |decision| &decision.then);
        decisions.extend(one(told, result, policy, now));
    }
    decisions
}

fn failure(
    told: &Told,
    result: &RunResult,
    policy: Policy,
    now: DateTime<Utc>,
) -> Option<Decision> {
    let troubles = result.troubles();
    let is_due = |trouble: &Trouble<'_>| {
        let told = told.troubles.get(&trouble.subject).and_then(|codes| codes.get(&trouble.code));
        told.is_none_or(|told| is_long_ago(told, policy.repeat, now))
    };
    if !troubles.iter().any(is_due) {
        return None;
    }
    let (mut then, at) = (told.clone(), clock::text(now));
    for trouble in &troubles {
        then.troubles.entry(trouble.subject.clone()).or_default().insert(trouble.code, at.clone());
    }
    let (command, code) = (result.command, result.exit_code);
    let meaning = code.describe();
    // The title has the reason, so only reasons that differ from it are listed.
    let mut text = format!("payersync {command} ended with exit code {}.\n", code as u8);
    let mut alike: BTreeMap<(&str, u8), Vec<Option<DateTime<Utc>>>> = BTreeMap::new();
    for trouble in &troubles {
        if let Some(plan) = trouble.plan {
            alike.entry((plan, trouble.code)).or_default().push(trouble.complete_as_of);
        }
    }
    for ((plan, one), ages) in alike {
        let other = match one == code as u8 {
            true => String::new(),
            false => format!(": {}", describe(one)),
        };
        let (connections, since) = (count(ages.len(), "connection"), since(&ages));
        text += &format!("Plan {plan}: {connections}{other}; {since}.\n");
    }
    text += "`payersync status` says what is wrong and what to do.";
    let notice = Notice {
        event: Event::Failure,
        title: format!("payersync {command}: {meaning}"),
        text,
        command: Some(command),
        exit_code: Some(code as u8),
        plans: plans(troubles.iter().filter_map(|trouble| trouble.plan)),
        origin: None,
    };
    Some(Decision { notice, then })
}

fn recovery(told: &Told, result: &RunResult, _: Policy, _: DateTime<Utc>) -> Option<Decision> {
    let is_well = |one: &&ConnectionResult| {
        let is_complete = one.is_whole && one.exit_code == ExitCode::Complete;
        is_complete && told.troubles.contains_key(&result.subject(&one.uid))
    };
    let well: Vec<&ConnectionResult> = result.connections.iter().filter(is_well).collect();
    let mut then = told.clone();
    for one in &well {
        then.troubles.remove(&result.subject(&one.uid));
    }
    if result.exit_code == ExitCode::Complete {
        then.troubles.remove(&result.itself());
    }
    if then == *told {
        return None;
    }
    let command = result.command;
    let mut text = String::new();
    for (plan, number) in counted(well.iter().map(|one| one.plan.as_str())) {
        text += &format!("Plan {plan}: {} complete again.\n", count(number, "connection"));
    }
    // A backfill runs once: if its trouble counted here, every later night would report it as still open.
    let is_of_command =
        |subject: &&String| subject.starts_with(BACKFILL) == (result.prefix() == BACKFILL);
    let left = then.troubles.keys().filter(is_of_command).count();
    let (title, last) = match left {
        0 => ("payersync: complete again", "All earlier trouble is over.".to_owned()),
        _ => (
            "payersync: partly complete again",
            format!("Still wrong: {}.", count(left, "subject")),
        ),
    };
    let notice = Notice {
        event: Event::Recovery,
        title: title.to_owned(),
        text: text + &last,
        command: Some(command),
        exit_code: Some(result.exit_code as u8),
        plans: plans(well.iter().map(|one| one.plan.as_str())),
        origin: None,
    };
    Some(Decision { notice, then })
}

fn consents(
    told: &Told,
    result: &RunResult,
    policy: Policy,
    now: DateTime<Utc>,
) -> Option<Decision> {
    if policy.consent.is_zero() {
        return None;
    }
    let is_near = |end: &&ConsentEnd| end.ends_at - now <= policy.consent;
    let near: Vec<&ConsentEnd> = result.consents.iter().filter(is_near).collect();
    let is_due = |end: &&ConsentEnd| {
        told.consents.get(&subject(&end.uid)).is_none_or(|known| {
            !is_same_end(&known.ends_at, end.ends_at)
                || is_long_ago(&known.told_at, policy.repeat, now)
        })
    };
    if !near.iter().any(is_due) {
        return None;
    }
    let mut then = told.clone();
    for end in &near {
        let consent = ToldConsent { ends_at: clock::text(end.ends_at), told_at: clock::text(now) };
        then.consents.insert(subject(&end.uid), consent);
    }
    let by_day = near.iter().map(|end| (end.ends_at.date_naive(), end.plan.as_str()));
    let mut text = String::new();
    for ((day, plan), number) in counted(by_day) {
        let verb = match (day < now.date_naive(), number) {
            (true, _) => "ended",
            (false, 1) => "ends",
            (false, _) => "end",
        };
        text += &format!("Plan {plan}: {} {verb} on {day}.\n", count(number, "consent"));
    }
    text += "`payersync status` names the connections; `payersync connect NAME --plan PLAN` renews a \
             consent.";
    let notice = Notice {
        event: Event::ConsentEnding,
        title: format!("payersync: {} to renew", count(near.len(), "consent")),
        text,
        command: None,
        exit_code: None,
        plans: plans(near.iter().map(|end| end.plan.as_str())),
        origin: None,
    };
    Some(Decision { notice, then })
}

/// Whether a message was sent at least a period before `now`, or is dated that long after `now` by a wrong
/// clock.
fn is_long_ago(told_at: &str, period: TimeDelta, now: DateTime<Utc>) -> bool {
    // A run may begin a little earlier or later than the run before it.
    let period = period - TimeDelta::hours(1);
    clock::parsed(told_at).is_none_or(|told_at| (now - told_at).abs() >= period)
}

/// Whether two ends of a consent are the same: some plans report it a few seconds later at each refresh.
fn is_same_end(told: &str, end: DateTime<Utc>) -> bool {
    clock::parsed(told).is_some_and(|told| (end - told).abs() < TimeDelta::days(1))
}

fn counted<T: Ord>(items: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counted = BTreeMap::new();
    for item in items {
        *counted.entry(item).or_default() += 1;
    }
    counted
}

/// Up to when connections are complete, in words; the oldest instant counts.
fn since(ages: &[Option<DateTime<Utc>>]) -> String {
    let known: Option<Vec<DateTime<Utc>>> = ages.iter().copied().collect();
    match (known.and_then(|known| known.into_iter().min()), ages.len()) {
        (Some(oldest), 1) => format!("complete as of {}", oldest.format("%Y-%m-%d %H:%M UTC")),
        (Some(oldest), _) => {
            format!("the oldest complete as of {}", oldest.format("%Y-%m-%d %H:%M UTC"))
        }
        (None, 1) => "never complete so far".to_owned(),
        (None, _) => "not all of them ever complete".to_owned(),
    }
}

fn plans<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let names: BTreeSet<&str> = names.collect();
    names.into_iter().map(str::to_owned).collect()
}

fn describe(code: u8) -> &'static str {
    let known = ExitCode::ALL.into_iter().find(|known| *known as u8 == code);
    known.map_or("failed", ExitCode::describe)
}

#[cfg(test)]
mod tests;
