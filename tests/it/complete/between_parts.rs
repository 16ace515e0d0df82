//! Resources that move between the parts of a type while it is walked: none is lost.

use crate::support::{Dictated, Home};
use chrono::{SecondsFormat, Utc};

const RULES: &str = "types = [\"Patient\", \"Observation\"]\n[plans.demo.search]\nObservation = [\"patient={patient}&category=laboratory\", \"patient={patient}&category=vital-signs\"]\n";
const LABORATORY: &str = "Observation?_count=100&patient=a-b&category=laboratory";
const VITAL_SIGNS: &str = "Observation?_count=100&patient=a-b&category=vital-signs";
const OLD: &str = "2026-01-01T00:00:00.000Z";

fn observation(id: &str, category: &str, date: &str) -> String {
    format!(
        r#"{{"resourceType":"Observation","id":"{id}","meta":{{"lastUpdated":"{date}"}},"subject":{{"reference":"Patient/a-b"}},"category":[{{"coding":[{{"code":"{category}"}}]}}]}}"#
    )
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A payer of a laboratory result and a vital sign.
fn payer() -> Dictated {
    let payer = Dictated::start();
    payer.serve("Patient", &[r#"{"resourceType":"Patient","id":"a-b"}"#]);
    let all = [observation("l1", "laboratory", OLD), observation("v1", "vital-signs", OLD)];
    payer.serve("Observation", &all);
    payer.script().token = r#","patient":"a-b""#.to_owned();
    payer
}

/// Has it declare `_lastUpdated`.
fn declaring(payer: Dictated) -> Dictated {
    let mut script = payer.script();
    script.declared = vec!["Patient", "Observation"];
    script.declaration = r#","searchParam":[{"name":"_lastUpdated","type":"date"}]"#.to_owned();
    drop(script);
    payer
}

/// Once the laboratory's results were sent, the vital sign becomes one of them; so does `also`, which
/// nobody has seen yet.
fn moves_behind_the_walk(payer: &Dictated, also: &'static [&'static str]) {
    payer.script().then = Some(Box::new(move |query, types| {
        if query.contains("category=laboratory") && !query.contains("_lastUpdated") {
            let moved = ["v1"].iter().chain(also);
            let mut all = vec![observation("l1", "laboratory", OLD)];
            all.extend(moved.map(|id| observation(id, "laboratory", &now())));
            types.insert("Observation", all);
        }
    }));
}

/// The searches for Observations since the last call, without the instants they ask for.
fn asked(payer: &Dictated) -> Vec<String> {
    let queries = std::mem::take(&mut payer.script().queries);
    let mine = queries.into_iter().filter(|query| query.starts_with("Observation?"));
    mine.map(|query| query.split("=ge").next().unwrap().to_owned()).collect()
}

fn live(home: &Home) -> Vec<String> {
    let live = "SELECT resource_id FROM resource WHERE resource_type = 'Observation'
        AND deleted_at IS NULL ORDER BY 1";
    home.rows(live).concat()
}

fn state(home: &Home) -> String {
    home.value(
        "SELECT state || ' ' || coalesce(reason, '') FROM sync_walk
         WHERE resource_type = 'Observation' AND mode <> 'window' ORDER BY id DESC LIMIT 1",
    )
}

#[test]
fn what_changed_meanwhile_is_asked_for_where_the_server_honours_it() {
    let payer = declaring(payer());
    payer.script().honours_last_updated = true;
    moves_behind_the_walk(&payer, &[]);
    let home = payer.home(RULES);
    home.succeed(&["sync"], "a first walk");
    assert_eq!(live(&home), ["l1", "v1"]);
    let changes = |part: &str| format!("{part}&_lastUpdated");
    // The second round over the changes brings nothing that the first did not bring.
    let (laboratory, vital_signs) = (changes(LABORATORY), changes(VITAL_SIGNS));
    let round = [&*laboratory, &vital_signs];
    assert_eq!(asked(&payer), [&[LABORATORY, VITAL_SIGNS], &round[..], &round].concat());
    // Beside a new resource nobody would know what is missing: it came to the second part and moved.
    moves_behind_the_walk(&payer, &["new"]);
    home.succeed(&["sync"], "a later walk");
    assert_eq!(live(&home), ["l1", "new", "v1"]);
    payer.script().then = None;
    asked(&payer);
    home.succeed(&["sync"], "a calm walk asks no page twice");
    assert_eq!(asked(&payer), [&[LABORATORY, VITAL_SIGNS], &round[..]].concat());
    home.succeed(&["verify"], "parts");
}

#[test]
fn all_parts_are_asked_for_again_where_the_server_does_not_honour_it() {
    let refusing = || {
        let payer = declaring(payer());
        payer.script().wants.insert("Observation", ("patient=a-b&category=", 400));
        payer.script().refuses = Some(("_lastUpdated", 400));
        payer
    };
    let twice = vec![LABORATORY, VITAL_SIGNS, LABORATORY, VITAL_SIGNS];
    let dated = format!("{LABORATORY}&_lastUpdated");
    let with_dated = [&twice[..2], &[&*dated], &twice[2..]].concat();
    // It says nothing of the parameter, ignores it, refuses it.
    for (payer, expected) in
        [(payer(), &twice), (declaring(payer()), &with_dated), (refusing(), &with_dated)]
    {
        moves_behind_the_walk(&payer, &[]);
        let home = payer.home(RULES);
        home.succeed(&["sync"], "a first walk");
        assert_eq!(live(&home), ["l1", "v1"]);
        let asked_first = asked(&payer);
        assert_eq!(asked_first[..expected.len()], **expected);
        payer.script().then = None;
        home.succeed(&["sync"], "a calm walk over a type that was whole");
        assert_eq!(asked(&payer), twice[..2]);
        moves_behind_the_walk(&payer, &[]);
        let new = observation("l2", "laboratory", &now());
        let all =
            [observation("l1", "laboratory", OLD), observation("v1", "vital-signs", OLD), new];
        payer.serve("Observation", &all);
        home.succeed(&["sync"], "a later walk that brings something new");
        assert_eq!(asked(&payer)[..4], twice);
        assert_eq!(state(&home), "complete ");
        home.succeed(&["verify"], "parts");
    }
}

#[test]
fn what_never_stops_moving_is_told() {
    let payer = payer();
    let mut count = 0;
    payer.script().then = Some(Box::new(move |query, types| {
        if query.starts_with("Observation?") {
            // Something new is always where the walk has just been.
            count += 1;
            let category = if query.contains("vital") { "vital-signs" } else { "laboratory" };
            let new = observation(&format!("n{count}"), category, OLD);
            types.entry("Observation").or_default().push(new);
        }
    }));
    let home = payer.home(RULES);
    let moving = home.run(&["sync"]);
    assert_eq!(moving.code, 2, "{}", moving.stderr);
    assert_eq!(state(&home), "incomplete pages_moved");
    assert!(moving.stderr.contains("moved between the parts"), "{}", moving.stderr);
}

#[test]
fn a_run_of_few_requests_leaves_it_to_the_next_run() {
    let payer = payer();
    let home = payer.home(RULES);
    home.succeed(&["sync", "--max-requests", "10"], "few requests");
    assert_eq!(asked(&payer), [LABORATORY, VITAL_SIGNS]);
    assert_eq!(state(&home), "complete ");
}
