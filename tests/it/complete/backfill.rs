//! One-off walks by windows of date.

use crate::support::{Asked, Faulty, Home, Payer, Reply, Scripted, bundle};
use payersync::sandbox::{Fault, Options};

const CLAIMS: &str = "ExplanationOfBenefit";

fn backfill(home: &Home, more: &[&str]) -> crate::support::Outcome {
    let range = ["backfill", "john", "--from", "2015-01-01", "--to", "2027-12-31"];
    home.run(&[&range[..], more].concat())
}

fn claims_asked(payer: &Payer) -> usize {
    payer.requests().iter().filter(|request| request.path.ends_with(CLAIMS)).count()
}

fn stored(home: &Home) -> Vec<String> {
    let sql = "SELECT json FROM resource WHERE resource_type = 'ExplanationOfBenefit'
               AND deleted_at IS NULL";
    let mut stored = home.rows(sql).concat();
    stored.sort();
    stored
}

fn truth(payer: &Payer) -> Vec<String> {
    let mut truth = payer.resources(0, CLAIMS);
    truth.sort();
    truth
}

#[test]
fn windows_bring_everything_and_are_not_asked_for_twice() {
    let payer = Payer::start(Options { claims_per_member: 120, ..Options::plain() });
    let home = payer.connected_home();
    let arguments = ["--type", CLAIMS, "--window-months", "6"];
    let first = backfill(&home, &arguments);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert_eq!(stored(&home), truth(&payer));
    let windows = "SELECT count(*), sum(window_parameter = 'service-date') FROM sync_history
                   WHERE mode = 'window' AND state = 'complete'";
    // And a closing one, over what changed meanwhile.
    assert_eq!(home.rows(windows), [["27", "26"]]);
    let several_pages = "SELECT count(*) FROM sync_history WHERE mode = 'window' AND pages > 1";
    assert!(home.value::<i64>(several_pages) > 0);
    for untouched in ["completeness", "type_state", "walk_cursor"] {
        assert_eq!(home.value::<i64>(&format!("SELECT count(*) FROM {untouched}")), 0);
    }

    payer.clear_requests();
    let second = backfill(&home, &arguments);
    assert_eq!(second.code, 0, "{}", second.stderr);
    // Two questions prove the parameter; the windows that were still open are asked again.
    let open =
        home.value::<i64>("SELECT count(*) FROM sync_history WHERE mode = 'window' AND run_id = 2");
    assert!(open < 7, "{open}");
    // And two whether the closing one is honoured.
    assert!(claims_asked(&payer) <= 4 + open as usize);
    assert!(second.stderr.contains("0 rows written"), "{}", second.stderr);

    let again = backfill(&home, &[&arguments[..], &["--full"]].concat());
    assert_eq!(again.code, 0, "{}", again.stderr);
    let asked = "SELECT count(*) FROM sync_history WHERE mode = 'window' AND run_id = 3";
    assert_eq!(home.value::<i64>(asked), 27);
}

/// Windows that a clock of the future dated are not complete as of that future.
#[test]
fn windows_of_a_clock_that_was_a_year_ahead_are_asked_for_again() {
    let Some(faulty) = Faulty::build() else { return };
    let day = 24 * 3600;
    let payer = Payer::start(Options { claims_per_member: 8, ..Options::plain() });
    let home = payer.connected_home();
    let range = ["--from", "2015-01-01", "--to", "2026-01-31", "--window-months", "48"];
    let arguments = [&["backfill", "john", "--type", CLAIMS][..], &range].concat();
    let ahead = faulty.run_at(&home, &arguments, 400 * day);
    assert_eq!(ahead.code, 0, "{}", ahead.stderr);
    let ids = "SELECT resource_id FROM resource WHERE resource_type = 'ExplanationOfBenefit'";
    assert!(payer.amend(0, CLAIMS, &home.rows(ids).concat()[0]));
    assert_ne!(stored(&home), truth(&payer));
    let later = faulty.run_at(&home, &arguments, 3 * day);
    assert_eq!(later.code, 0, "{}", later.stderr);
    assert_eq!(stored(&home), truth(&payer));
}

#[test]
fn a_window_that_ended_early_goes_on_at_its_own_page() {
    let payer = Payer::start(Options { claims_per_member: 120, ..Options::plain() });
    let home = payer.connected_home();
    let arguments = ["--type", CLAIMS, "--window-months", "48"];
    let limited = backfill(&home, &[&arguments[..], &["--max-requests", "5"]].concat());
    assert_eq!(limited.code, 2, "{}", limited.stderr);
    assert!(home.value::<i64>("SELECT count(*) FROM walk_cursor") > 0);
    payer.clear_requests();
    let rest = backfill(&home, &arguments);
    assert_eq!(rest.code, 0, "{}", rest.stderr);
    assert_eq!(stored(&home), truth(&payer));
    assert_eq!(home.value::<i64>("SELECT count(*) FROM walk_cursor"), 0);
    let resumed = "SELECT count(*) FROM sync_walk WHERE mode = 'window' AND pages_before > 0";
    assert!(home.value::<i64>(resumed) > 0);
    let pages: i64 = home.value("SELECT sum(pages) FROM sync_walk WHERE mode = 'window'");
    assert_eq!(claims_asked(&payer) as i64, pages - 5 + 4);
}

#[test]
fn a_parameter_that_is_not_honoured_or_not_there_means_a_full_walk_and_says_so() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home();
    let outcome = backfill(&home, &["--type", "Condition", "--type", "Coverage"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("does not honour onset-date"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("no date parameter to search by"), "{}", outcome.stderr);
    let modes = "SELECT resource_type, mode, state, warning IS NOT NULL FROM sync_walk ORDER BY 1";
    assert_eq!(
        home.rows(modes),
        [["Condition", "full", "complete", "1"], ["Coverage", "full", "complete", "1"]]
    );
}

/// A window of a type in parts would be all of the type: each part names its own query, and no date.
#[test]
fn a_type_that_is_searched_in_parts_is_walked_once_and_says_so() {
    let payer = Scripted::start(&["Condition"], moving);
    let home = payer.connected_home(&["Condition"], "");
    let file = home.file("payersync.toml");
    let parts = "search = { Condition = [\"category=a\", \"category=b\"] }\n";
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text + parts).unwrap();
    let outcome = home.run(&MOVING_RANGE);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("the type is searched in parts"), "{}", outcome.stderr);
    let asked = payer.asked();
    assert!(asked.iter().all(|asked| asked.query.contains_key("category")), "{asked:?}");
    assert!(asked.iter().all(|asked| !asked.query.contains_key("onset-date")), "{asked:?}");
    let full = "SELECT count(*) FROM sync_walk WHERE mode = 'full' AND state = 'complete'";
    assert_eq!(home.value::<i64>(full), 1);
}

#[test]
fn windows_bury_nothing_and_leave_the_status_as_it_was() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home();
    assert_eq!(home.run(&["sync"]).code, 0);
    let of_claims = "SELECT state, complete_as_of, watermark, mode FROM completeness
                     WHERE resource_type = 'ExplanationOfBenefit'";
    let before = home.rows(of_claims);
    let id: String = home.value(
        "SELECT min(resource_id) FROM resource WHERE resource_type = 'ExplanationOfBenefit'",
    );
    assert!(payer.withdraw(0, CLAIMS, &id));
    let kept = stored(&home).len();
    assert_eq!(backfill(&home, &["--type", CLAIMS, "--window-months", "24"]).code, 0);
    assert_eq!(stored(&home).len(), kept);
    payer.set_faults(vec![Fault::Permanent400]);
    backfill(&home, &["--type", CLAIMS, "--window-months", "1200", "--full"]);
    assert_eq!(home.rows(of_claims), before);
    assert_eq!(home.run(&["status"]).code, 0);
}

#[test]
fn a_range_that_ends_before_it_begins_is_a_mistake() {
    let home = Payer::start(Options::plain()).connected_home();
    let outcome = home.run(&["backfill", "john", "--from", "2024-02-01", "--to", "2024-01-01"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
}

const MOVING_RANGE: [&str; 8] =
    ["backfill", "c", "--from", "2020-01-01", "--to", "2021-12-31", "--window-months", "12"];

/// Three resources in two windows. One moves from the window that is asked for later into that
/// which is asked for first, in between: it is on no page of either.
fn moving(asked: &Asked) -> Reply {
    let condition = |id: &str| {
        let updated = if id == "moved" { "2026-06-01" } else { "2026-01-02" };
        format!(
            "{{\"resourceType\":\"Condition\",\"id\":\"{id}\",\"meta\":{{\"lastUpdated\":\"{updated}T00:00:00Z\"}}}}"
        )
    };
    let date = |name: &str| asked.query.get(name).cloned().unwrap_or_default();
    let (onset, updated) = (date("onset-date"), date("_lastUpdated"));
    let found: &[&str] = match (onset.as_str(), updated.as_str()) {
        ("ge2100-01-01", _) | (_, "ge2100-01-01") => &[],
        ("lt2021-01-01", _) => &["early"],
        ("lt2022-01-01", _) => &["late"],
        ("", since) if !since.is_empty() && since != "ge1900-01-01" => &["moved"],
        _ => &["early", "late", "moved"],
    };
    bundle(&found.iter().map(|id| condition(id)).collect::<Vec<_>>(), None, None)
}

#[test]
fn what_moved_from_window_to_window_meanwhile_is_asked_for_at_the_end() {
    for limits in [vec!["--max-requests=2", "--max-requests=9"], vec!["--max-requests=9"]] {
        let payer = Scripted::start(&["Condition"], moving);
        let home = payer.connected_home(&["Condition"], "");
        for (number, limit) in limits.iter().enumerate() {
            let outcome = home.run(&[&MOVING_RANGE[..], &[*limit]].concat());
            let is_last = number + 1 == limits.len();
            assert_eq!(outcome.code, if is_last { 0 } else { 2 }, "{}", outcome.stderr);
        }
        let held = home.rows("SELECT id FROM condition ORDER BY id").concat();
        assert_eq!(held, ["early", "late", "moved"], "{limits:?}");
        payer.asked();
        assert_eq!(home.run(&MOVING_RANGE).code, 0);
        let asked = payer.asked();
        assert_eq!(asked.len(), 3, "three questions find the parameter: {asked:?}");
        home.succeed(&["verify"], "a closing window");
    }
}

#[test]
fn a_window_that_is_refused_is_open_for_the_plan_serves_the_type() {
    for refused in ["a window", "the closing one"] {
        let payer = Scripted::start(&["Condition"], moving);
        let home = payer.connected_home(&["Condition"], "");
        payer.play(move |asked| {
            let date = |name: &str| asked.query.get(name).cloned().unwrap_or_default();
            let is_refused = match refused {
                "a window" => date("onset-date") == "lt2022-01-01",
                _ => !["", "ge1900-01-01", "ge2100-01-01"].contains(&&*date("_lastUpdated")),
            };
            if is_refused { (403, String::new()) } else { moving(asked) }
        });
        let outcome = home.run(&MOVING_RANGE);
        assert_eq!(outcome.code, 2, "{refused}: {}", outcome.stderr);
        let states =
            "SELECT group_concat(state) FROM (SELECT DISTINCT state FROM sync_walk ORDER BY 1)";
        assert_eq!(home.value::<String>(states), "complete,incomplete", "{refused}");
        payer.play(moving);
        assert_eq!(home.run(&MOVING_RANGE).code, 0, "{refused}");
        let held = home.rows("SELECT id FROM condition ORDER BY id").concat();
        assert_eq!(held, ["early", "late", "moved"], "{refused}");
    }
}

/// A closing window that could not be asked for is owed: only a server that cannot do it settles that.
#[test]
fn a_backfill_is_open_while_nobody_answers_whether_something_moved() {
    let payer = Scripted::start(&["Condition"], moving);
    let home = payer.connected_home(&["Condition"], "");
    payer.play(|asked| match asked.query.get("_lastUpdated").map(String::as_str) {
        Some("ge2100-01-01") => (500, String::new()),
        _ => moving(asked),
    });
    let outcome = home.run(&MOVING_RANGE);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    payer.play(moving);
    assert_eq!(home.run(&MOVING_RANGE).code, 0);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM condition WHERE id = 'moved'"), 1);
}

/// A replica that is behind leaves out what just changed, and looks as if it could not search by date.
#[test]
fn a_server_that_once_seemed_to_ignore_dates_is_asked_again_what_moved() {
    let payer = Scripted::start(&["Condition"], moving);
    let home = payer.connected_home(&["Condition"], "");
    let many: Vec<String> = (0..11)
        .map(|number| {
            let meta = "\"meta\":{\"lastUpdated\":\"2026-01-02T00:00:00Z\"}";
            format!("{{\"resourceType\":\"Condition\",\"id\":\"c{number}\",{meta}}}")
        })
        .collect();
    payer.play(move |asked| match asked.query.contains_key("_lastUpdated") {
        true => bundle(&[], Some(0), None),
        false => bundle(&many, Some(many.len()), None),
    });
    for _ in 0..2 {
        home.succeed(&["sync"], "a replica that is behind");
    }
    assert_eq!(home.value::<String>("SELECT last_updated FROM type_state"), "ignored");
    payer.play(moving);
    assert_eq!(home.run(&MOVING_RANGE).code, 0);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM condition WHERE id = 'moved'"), 1);
}
