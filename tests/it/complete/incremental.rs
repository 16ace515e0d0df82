//! Nights after the first: only what changed, where the plan has shown that this is safe.

use crate::support::{Home, Payer};
use payersync::sandbox::{Fault, Options};

fn walk(home: &Home, resource_type: &str) -> Vec<String> {
    home.rows(&format!(
        "SELECT mode, state, resources_seen, resources_changed, resources_deleted
         FROM sync_walk WHERE resource_type = '{resource_type}' ORDER BY id DESC LIMIT 1"
    ))
    .remove(0)
}

fn first_id(home: &Home, resource_type: &str) -> String {
    home.value(&format!(
        "SELECT min(resource_id) FROM resource WHERE resource_type = '{resource_type}'"
    ))
}

/// A type whose resources all say when they were last updated.
const DATED: &str = "Coverage";

/// A type that fits one page is always walked in full.
const SMALL_PAGES: &str = "page_size = 2\n";

#[test]
fn the_second_night_asks_only_for_what_changed() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home_with(SMALL_PAGES);
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(walk(&home, DATED)[0], "full");
    let id = first_id(&home, DATED);
    assert!(payer.amend(0, DATED, &id));
    let second = home.run(&["sync"]);
    assert_eq!(second.code, 0, "{}", second.stderr);
    let night = walk(&home, DATED);
    assert_eq!(night[0], "incremental", "{night:?}");
    assert_eq!(night[3], "1", "{night:?}");
    assert_eq!(home.value::<i64>("SELECT count(*) FROM resource_version"), 1);
    let mut stored =
        home.rows("SELECT json FROM resource WHERE resource_type = 'Coverage'").concat();
    let mut expected = payer.resources(0, DATED);
    stored.sort();
    expected.sort();
    assert_eq!(stored, expected);
    let support: String = home
        .value("SELECT last_updated_support FROM completeness WHERE resource_type = 'Coverage'");
    assert_eq!(support, "honoured");
}

#[test]
fn a_walk_over_changes_does_not_go_on_once_a_later_walk_has_seen_everything() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home_with("page_size = 1\n");
    home.run(&["sync"]);
    for id in home.rows("SELECT resource_id FROM resource WHERE resource_type = 'Coverage'") {
        assert!(payer.amend(0, DATED, &id[0]));
    }
    let under_way = "SELECT count(*) FROM walk_cursor WHERE mode = 'incremental'";
    let is_under_way = (1..8).any(|requests| {
        home.run(&["sync", "--type", DATED, &format!("--max-requests={requests}")]);
        home.value::<i64>(under_way) == 1
    });
    assert!(is_under_way);
    home.succeed(&["sync", "--full", "--type", DATED], "all of it");
    assert_eq!(home.value::<i64>(under_way), 0);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM walk_page"), 0);
    home.succeed(&["verify"], "a cursor that goes");
}

#[test]
fn a_type_with_undated_resources_is_walked_in_full_every_night() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home_with(SMALL_PAGES);
    home.run(&["sync"]);
    home.run(&["sync"]);
    assert_eq!(walk(&home, "ExplanationOfBenefit")[0], "full");
}

#[test]
fn a_server_that_ignores_the_date_is_found_out_and_walked_in_full() {
    let payer =
        Payer::start(Options { faults: vec![Fault::IgnoresLastUpdated], ..Options::plain() });
    let home = payer.connected_home_with(SMALL_PAGES);
    home.run(&["sync"]);
    let id = first_id(&home, DATED);
    payer.amend(0, DATED, &id);
    assert_eq!(home.run(&["sync"]).code, 0);
    let night = walk(&home, DATED);
    assert_eq!((night[0].as_str(), night[3].as_str()), ("full", "1"), "{night:?}");
    let reason: String =
        home.value("SELECT last_updated_reason FROM completeness WHERE resource_type = 'Coverage'");
    assert!(reason.contains("self link") || reason.contains("cannot have changed"), "{reason}");
}

#[test]
fn a_server_that_begins_to_ignore_the_date_is_downgraded_in_the_same_run() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home_with(SMALL_PAGES);
    home.run(&["sync"]);
    home.run(&["sync"]);
    assert_eq!(walk(&home, DATED)[0], "incremental");
    // A watermark ahead of every resource: whatever comes now, comes against what was asked.
    home.warehouse()
        .execute("UPDATE type_state SET watermark = '2026-06-01T00:00:00.000Z'", [])
        .unwrap();
    payer.set_faults(vec![Fault::IgnoresLastUpdated]);
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(walk(&home, DATED)[..2], ["full", "complete"]);
}

#[test]
fn the_ledger_names_what_the_server_did_not_search_by() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home();
    let left_out = "SELECT coalesce(self_left_out, 'no self link') FROM sync_history
                    WHERE resource_type = 'ExplanationOfBenefit' AND run_id = ";
    assert_eq!(home.run(&["sync"]).code, 0);
    assert_eq!(home.rows(&format!("{left_out} 1")), [[""]]);
    payer.set_faults(vec![Fault::CountIgnored]);
    assert_eq!(home.run(&["sync", "--full"]).code, 0);
    assert_eq!(home.rows(&format!("{left_out} 2")), [["_count"]]);
}

#[test]
fn what_is_gone_is_buried_by_a_full_walk_only() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home_with(SMALL_PAGES);
    home.run(&["sync"]);
    let id = first_id(&home, "Observation");
    assert!(payer.withdraw(0, "Observation", &id));
    let full = home.run(&["sync", "--full"]);
    assert_eq!(full.code, 0, "{}", full.stderr);
    assert_eq!(walk(&home, "Observation")[4], "1");
    let rows = format!("SELECT count(*) FROM observation WHERE id = '{id}'");
    assert_eq!(home.value::<i64>(&rows), 0);
    let kept = format!(
        "SELECT deleted_at IS NOT NULL FROM resource WHERE resource_id = '{id}' AND resource_type = 'Observation'"
    );
    assert!(home.value::<bool>(&kept));
}

#[test]
fn a_sudden_shrink_deletes_nothing_until_it_is_accepted() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home_with(SMALL_PAGES);
    home.run(&["sync"]);
    let live =
        "SELECT count(*) FROM resource WHERE resource_type = 'Observation' AND deleted_at IS NULL";
    let before: i64 = home.value(live);
    payer.set_faults(vec![Fault::Shrink]);
    let shrunk = home.run(&["sync", "--full"]);
    assert_eq!(shrunk.code, 2, "{}", shrunk.stderr);
    assert!(shrunk.stderr.contains("--accept-shrink"), "{}", shrunk.stderr);
    assert_eq!(home.value::<i64>(live), before);
    let accepted = home.run(&["sync", "--accept-shrink"]);
    assert_eq!(accepted.code, 0, "{}", accepted.stderr);
    assert!(home.value::<i64>(live) < before / 2);
}

/// The searches that a sync sends, each with its query.
fn searches(payer: &Payer, home: &Home, arguments: &[&str]) -> Vec<String> {
    payer.clear_requests();
    home.succeed(arguments, "a calm night");
    let asked = payer.requests().into_iter().filter(|asked| asked.path.starts_with("/r4/"));
    asked
        .filter(|asked| asked.path != "/r4/metadata")
        .map(|asked| format!("{}?{}", asked.path, asked.query))
        .collect()
}

/// What being sure costs: docs/performance.md has these figures.
#[test]
fn a_calm_walk_asks_no_page_twice_and_an_unchanged_night_asks_once_per_type() {
    let payer = Payer::start(Options::plain());
    let home = payer.connected_home_with(SMALL_PAGES);
    for night in [&["sync"][..], &["sync", "--full"]] {
        let asked = searches(&payer, &home, night);
        let pages: i64 = home.value(
            "SELECT sum(pages) FROM sync_walk WHERE run_id = (SELECT max(id) FROM sync_run)",
        );
        let different: std::collections::BTreeSet<_> = asked.iter().collect();
        assert_eq!((asked.len(), different.len()), (pages as usize, pages as usize), "{night:?}");
    }
    // The first night after a full walk also looks whether the plan honours the date.
    searches(&payer, &home, &["sync"]);
    let asked = searches(&payer, &home, &["sync"]);
    let rows = home.rows(
        "SELECT resource_type, requests FROM sync_walk WHERE mode = 'incremental'
         AND run_id = (SELECT max(id) FROM sync_run)",
    );
    assert!(rows.len() > 3, "{rows:?}");
    for row in rows {
        let path = format!("/r4/{}?", row[0]);
        let requests = asked.iter().filter(|asked| asked.starts_with(&path)).count();
        assert_eq!((row[1].as_str(), requests), ("1", 1), "{row:?}");
    }
}
