//! Pages that lead on for ever, under links that are new each time: the walk ends, incomplete.

use crate::support::{Asked, Home, Reply, Scripted, Watched, bundle};

const TYPE: &str = "Condition";

/// Twenty resources on two pages that lead to each other, restamped at each request; after each
/// page may come an empty one.
fn circle(asked: &Asked, turn: usize, with_empty_pages: bool) -> Reply {
    let from = asked.number("from");
    let is_empty = with_empty_pages && asked.number("empty") == 0 && turn > 1;
    let (next, empty) = if is_empty { (from, 1) } else { ((from + 10) % 20, 0) };
    let next = format!("{}/{TYPE}?from={next}&empty={empty}&token={turn}", asked.base);
    let condition = |number: usize| {
        format!(
            "{{\"resourceType\":\"{TYPE}\",\"id\":\"c{number:02}\",\"meta\":{{\"lastUpdated\":\"2026-03-01T00:00:00.{:03}Z\"}}}}",
            turn % 1000
        )
    };
    let count = if is_empty { 0 } else { 10 };
    let entries: Vec<String> = (from..from + count).map(condition).collect();
    bundle(&entries, None, Some(next))
}

fn payer(with_empty_pages: bool) -> (Scripted, Home) {
    let mut turn = 0;
    let payer = Scripted::start(&[TYPE], move |asked| {
        turn += 1;
        circle(asked, turn, with_empty_pages)
    });
    let home = payer.connected_home(&[TYPE], "");
    (payer, home)
}

fn reason(home: &Home) -> String {
    home.value("SELECT coalesce(reason, state) FROM completeness WHERE resource_type = 'Condition'")
}

#[test]
fn a_circle_ends_after_three_pages_that_bring_nothing_new() {
    for with_empty_pages in [false, true] {
        let (payer, home) = payer(with_empty_pages);
        let outcome = home.run(&["sync"]);
        assert_eq!(outcome.code, 2, "{}", outcome.stderr);
        assert_eq!(reason(&home), "no_progress");
        let asked = payer.asked().len();
        assert!(asked <= if with_empty_pages { 11 } else { 6 }, "{asked}");
        let held: i64 = home.value("SELECT count(*) FROM condition");
        assert_eq!(held, 20);
    }
}

#[test]
fn a_circle_ends_as_well_where_each_night_has_but_two_requests() {
    for with_empty_pages in [false, true] {
        let (_payer, home) = payer(with_empty_pages);
        let mut reasons = Vec::new();
        while reasons.last().is_none_or(|reason| reason != "no_progress") {
            assert!(reasons.len() < 6, "{reasons:?}");
            assert_eq!(home.run(&["sync", "--max-requests", "2"]).code, 2);
            reasons.push(reason(&home));
        }
        let left: i64 = home.value("SELECT count(*) FROM walk_cursor");
        assert_eq!(left, 0, "the next night begins anew");
    }
}

/// Entries that bring no id that the walk has not met, with a number that is new at each request, and
/// how many requests they may cost.
const HOLLOW: [(&str, &str, usize); 6] = [
    (
        "an outcome",
        r#"{"resource":{"resourceType":"OperationOutcome","id":"o@","issue":[{"severity":"information","code":"informational"}]},"search":{"mode":"outcome"}}"#,
        110,
    ),
    (
        "an include",
        r#"{"resource":{"resourceType":"Practitioner","id":"p","name":[{"text":"@"}]},"search":{"mode":"include"}}"#,
        8,
    ),
    (
        "an include of its own type",
        r#"{"resource":{"resourceType":"Condition","id":"c","code":{"text":"@"}},"search":{"mode":"include"}}"#,
        8,
    ),
    (
        "something else",
        r#"{"resource":{"resourceType":"Observation","id":"x","code":{"text":"@"}},"search":{"mode":"match"}}"#,
        8,
    ),
    ("no id", r#"{"resource":{"resourceType":"Condition","code":{"text":"@"}}}"#, 110),
    ("no resource", r#"{"fullUrl":"urn:x:@"}"#, 110),
];

/// A payer of one such entry a page, without end.
fn hollow(entry: &'static str) -> (Scripted, Home) {
    let mut turn = 0;
    let payer = Scripted::start(&[TYPE], move |asked| {
        turn += 1;
        let entry = entry.replace('@', &turn.to_string());
        let next = format!("{}/{TYPE}?token={turn}", asked.base);
        (
            200,
            format!(
                r#"{{"resourceType":"Bundle","type":"searchset","link":[{{"relation":"next","url":"{next}"}}],"entry":[{entry}]}}"#
            ),
        )
    });
    let home = payer.connected_home(&[TYPE], "");
    (payer, home)
}

#[test]
fn pages_that_bring_no_new_id_end_whatever_they_bring() {
    for (what, entry, most) in HOLLOW {
        let (payer, home) = hollow(entry);
        let outcome = home.run(&["sync"]);
        assert_eq!(outcome.code, 2, "{what}: {}", outcome.stderr);
        assert_eq!(reason(&home), "no_progress", "{what}");
        let asked = payer.asked().len();
        assert!(asked <= most, "{what}: {asked}");
    }
}

/// The pages of all nights count, and those before a kill.
#[test]
fn pages_that_bring_no_new_id_end_over_several_nights_and_kills_too() {
    for (what, entry, most) in HOLLOW {
        let (payer, home) = hollow(entry);
        let (budget, mut asked, mut nights) = ((most / 4).to_string(), 0, 0);
        while home.value::<i64>("SELECT count(*) FROM sync_walk WHERE reason = 'no_progress'") == 0
        {
            nights += 1;
            assert!(nights < 9, "{what}: {asked} requests, and it goes on");
            if nights == 2 {
                let (mut sync, mut tonight) = (Watched::start(&home, &["sync"]), 0);
                sync.until(|| {
                    tonight += payer.asked().len();
                    tonight > most / 4
                });
                sync.kill();
                asked += tonight;
            } else {
                home.run(&["sync", "--max-requests", &budget]);
            }
            asked += payer.asked().len();
        }
        // Two requests a run are of pages that nobody stored, or whose walk was to say first what it is.
        assert!(asked <= most + 2 * nights, "{what}: {asked} in {nights} nights");
        let left: i64 = home.value("SELECT count(*) FROM walk_cursor");
        assert_eq!(left, 0, "{what}: the next night begins anew");
    }
}
