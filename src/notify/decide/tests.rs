//! Tests of which messages are sent, night after night.

use super::*;

fn at(day: i64) -> DateTime<Utc> {
    "2026-01-01T03:00:00Z".parse::<DateTime<Utc>>().unwrap() + TimeDelta::days(day)
}

fn run(exit_code: ExitCode, connections: &[(&str, ExitCode)]) -> RunResult {
    let of = |(uid, exit_code): &(&str, ExitCode)| ConnectionResult {
        uid: (*uid).to_owned(),
        plan: "acme".to_owned(),
        exit_code: *exit_code,
        is_whole: true,
        complete_as_of: None,
    };
    RunResult {
        command: "sync",
        exit_code,
        connections: connections.iter().map(of).collect(),
        consents: Vec::new(),
        known: Some(vec!["a".to_owned(), "b".to_owned()]),
    }
}

/// Sends the messages of a night to a channel; returns their events.
fn night(told: &mut Told, result: &RunResult, day: i64) -> Vec<Event> {
    let policy = Policy { consent: TimeDelta::days(14), repeat: TimeDelta::days(7) };
    forget(told, result);
    let decisions = decide(told, result, policy, at(day));
    let events = decisions.iter().map(|decision| decision.notice.event).collect();
    if let Some(last) = decisions.into_iter().last() {
        *told = last.then;
    }
    events
}

use ExitCode::{Complete, ConsentNeeded, Incomplete, Locked, Unreachable, Warehouse};

#[test]
fn the_same_trouble_is_told_once_and_again_after_a_week_and_its_end_once() {
    let mut told = Told::default();
    let (bad, good) = (run(Unreachable, &[("a", Unreachable)]), run(Complete, &[("a", Complete)]));
    let mut nights: Vec<Vec<Event>> = (0..9).map(|day| night(&mut told, &bad, day)).collect();
    nights.extend((9..12).map(|day| night(&mut told, &good, day)));
    let told_at = |event| {
        let is_told = |(_, events): &(usize, &Vec<Event>)| **events == [event];
        nights.iter().enumerate().filter(is_told).map(|(day, _)| day).collect::<Vec<_>>()
    };
    assert_eq!(told_at(Event::Failure), [0, 7]);
    assert_eq!(told_at(Event::Recovery), [9]);
    assert_eq!(told, Told::default());
}

#[test]
fn another_trouble_is_told_at_once_and_one_that_alternates_is_not_told_each_night() {
    let mut told = Told::default();
    assert_eq!(
        night(&mut told, &run(Unreachable, &[("a", Unreachable), ("b", Complete)]), 0),
        [Event::Failure]
    );
    let both = run(ConsentNeeded, &[("a", Unreachable), ("b", ConsentNeeded)]);
    assert_eq!(night(&mut told, &both, 1), [Event::Failure]);
    assert_eq!(
        night(&mut told, &run(Incomplete, &[("a", Incomplete), ("b", Complete)]), 2),
        [Event::Failure, Event::Recovery]
    );
    assert_eq!(night(&mut told, &run(Unreachable, &[("a", Unreachable)]), 3), []);
    assert_eq!(night(&mut told, &run(Incomplete, &[("a", Incomplete)]), 4), []);
}

#[test]
fn a_part_that_is_complete_is_no_recovery() {
    let mut told = Told::default();
    night(&mut told, &run(Unreachable, &[("a", Unreachable)]), 0);
    let mut part = run(Complete, &[("a", Complete)]);
    part.connections[0].is_whole = false;
    assert_eq!(night(&mut told, &part, 1), []);
    let mut backfill = run(Complete, &[("a", Complete)]);
    backfill.command = "backfill";
    assert_eq!(night(&mut told, &backfill, 2), []);
    assert_eq!(night(&mut told, &run(Complete, &[("a", Complete)]), 3), [Event::Recovery]);
}

#[test]
fn trouble_of_the_run_itself_ends_with_a_complete_run() {
    let mut told = Told::default();
    let mut broken = run(Warehouse, &[]);
    broken.known = None;
    assert_eq!(night(&mut told, &broken, 0), [Event::Failure]);
    assert_eq!(night(&mut told, &broken, 1), []);
    assert_eq!(night(&mut told, &run(Locked, &[]), 2), [Event::Failure]);
    assert_eq!(night(&mut told, &run(Complete, &[("a", Complete)]), 3), [Event::Recovery]);
    // The run works now, but something else is wrong: that is reported, and no recovery.
    assert_eq!(night(&mut told, &broken, 4), [Event::Failure]);
    let other = run(Incomplete, &[("a", Incomplete)]);
    assert_eq!(night(&mut told, &other, 5), [Event::Failure]);
    assert_eq!(night(&mut told, &broken, 6), [Event::Failure]);
}

#[test]
fn the_end_of_a_consent_is_told_two_weeks_before_and_each_week_until_it_is_renewed() {
    let mut told = Told::default();
    let mut well = run(Complete, &[("a", Complete)]);
    let mut days = Vec::new();
    for day in 0..25 {
        // The plan reports the end anew each night, a little later each time.
        let ends_at = at(20) + TimeDelta::seconds(day);
        well.consents = vec![ConsentEnd { uid: "a".to_owned(), plan: "acme".to_owned(), ends_at }];
        if day >= 23 {
            well.consents[0].ends_at = at(400);
        }
        days.extend(night(&mut told, &well, day).iter().map(|_| day));
    }
    assert_eq!(days, [7, 14, 21]);
    assert!(told.consents.is_empty());
}

#[test]
fn a_clock_that_was_wrong_mutes_nobody_for_ever() {
    let mut told = Told::default();
    let bad = run(Unreachable, &[("a", Unreachable)]);
    assert_eq!(night(&mut told, &bad, 4000), [Event::Failure]);
    assert_eq!(night(&mut told, &bad, 0), [Event::Failure]);
    assert_eq!(night(&mut told, &bad, 1), []);
}

#[test]
fn a_connection_that_is_gone_is_forgotten() {
    let mut told = Told::default();
    night(&mut told, &run(Unreachable, &[("a", Unreachable)]), 0);
    let mut rest = run(Complete, &[("b", Complete)]);
    rest.known = Some(vec!["b".to_owned()]);
    assert_eq!(night(&mut told, &rest, 1), []);
    assert_eq!(told, Told::default());
}

#[test]
fn of_several_connections_the_oldest_says_since_when_nothing_is_complete() {
    assert_eq!(
        since(&[Some(at(3)), Some(at(1))]),
        "the oldest complete as of 2026-01-02 03:00 UTC"
    );
    assert_eq!(since(&[Some(at(3)), None]), "not all of them ever complete");
}

#[test]
fn a_message_has_plans_and_numbers_and_no_connection() {
    let mut result = run(ConsentNeeded, &[("uid-a", Unreachable), ("uid-b", ConsentNeeded)]);
    result.consents =
        vec![ConsentEnd { uid: "uid-a".to_owned(), plan: "acme".to_owned(), ends_at: at(1) }];
    result.connections[0].complete_as_of = Some(at(-9));
    let policy = Policy { consent: TimeDelta::days(14), repeat: TimeDelta::days(7) };
    let decisions = decide(&Told::default(), &result, policy, at(0));
    assert_eq!(
        decisions[0].notice.text,
        "payersync sync ended with exit code 3.\n\
         Plan acme: 1 connection; never complete so far.\n\
         Plan acme: 1 connection: a plan could not be reached; complete as of 2025-12-23 03:00 UTC.\n\
         `payersync status` says what is wrong and what to do."
    );
    assert!(decisions[1].notice.text.starts_with("Plan acme: 1 consent ends on 2026-01-02.\n"));
    assert!(decisions.iter().all(|decision| !decision.notice.json().contains("uid-")));
}
