//! Clocks that are wrong, ours and a plan's: told, not believed, and nothing is lost by them.

use crate::support::{Asked, Faulty, Home, Payer, Reply, SHORT_SYNC, Scripted, bundle};
use payersync::warehouse::ReadOnlyWarehouse;
use std::sync::atomic::Ordering;

const DAY: i64 = 24 * 3600;
const TYPE: &str = "Condition";

fn condition(id: &str, changed: &str) -> String {
    format!(
        "{{\"resourceType\":\"{TYPE}\",\"id\":\"{id}\",\"meta\":{{\"lastUpdated\":\"{changed}\"}},\
          \"recordedDate\":\"{changed}\"}}"
    )
}

/// A search that honours `_lastUpdated`; reads are refused.
fn answer(asked: &Asked, held: &[(&str, &str)]) -> Reply {
    if asked.id.is_some() {
        return (403, String::new());
    }
    let bound = asked.query.get("_lastUpdated").map_or("", |bound| bound.trim_start_matches("ge"));
    let found: Vec<String> = held
        .iter()
        .filter(|(_, changed)| changed.get(..10) >= bound.get(..10))
        .map(|(id, changed)| condition(id, changed))
        .collect();
    bundle(&found, Some(found.len()), None)
}

fn live(home: &Home) -> Vec<String> {
    home.rows("SELECT id FROM condition ORDER BY id").concat()
}

#[test]
fn servers_whose_clocks_differ_are_told_with_what_to_do() {
    let held: Vec<String> =
        (0..20).map(|id| condition(&format!("c{id}"), "2026-01-02T00:00:00Z")).collect();
    let payer = Scripted::start(&[TYPE], |_| (404, String::new()));
    let clock = payer.clock();
    payer.play(move |asked| {
        let from = asked.number("from");
        // The second page comes from another server.
        clock.store(if from == 0 { 0 } else { -30 * 3600 - 1800 }, Ordering::Relaxed);
        let next = (from == 0).then(|| format!("{}/{TYPE}?from=10", asked.base));
        bundle(&held[from..from + 10], Some(20), next)
    });
    let home = payer.connected_home(&[TYPE], "");
    let told = home.run(&["sync", "--full"]);
    assert_eq!(told.code, 2, "{}", told.stderr);
    for words in ["30 hours behind that of another", "clocks of its servers", "overlap_hours = 31"]
    {
        assert!(told.stderr.contains(words), "{words}: {}", told.stderr);
    }
    let file = home.file("payersync.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("[sync]\noverlap_hours = 31\n{text}")).unwrap();
    home.succeed(&["sync", "--full"], "as the hint says");
    assert_eq!(live(&home).len(), 20);
}

/// Practitioners are read by reference: a claim of the night after names one more.
#[test]
fn what_comes_after_a_clock_that_was_ahead_is_searched_for_references() {
    let Some(faulty) = Faulty::build() else { return };
    let types = [TYPE, "Practitioner"];
    let plan = |asked: &Asked, number: usize| match (&asked.id, asked.resource_type.as_str()) {
        (None, TYPE) => {
            let condition = |id| {
                format!(
                    "{{\"resourceType\":\"{TYPE}\",\"id\":\"c{id}\",\
                      \"asserter\":{{\"reference\":\"Practitioner/d{id}\"}}}}"
                )
            };
            bundle(&(0..number).map(condition).collect::<Vec<_>>(), Some(number), None)
        }
        (None, _) => (403, String::new()),
        (Some(id), _) => (200, format!("{{\"resourceType\":\"Practitioner\",\"id\":\"{id}\"}}")),
    };
    for days in [10, 4000] {
        let payer = Scripted::start(&types, move |asked| plan(asked, 1));
        let home = payer.connected_home(&types, "");
        let ahead = faulty.run_at(&home, &["sync"], days * DAY);
        assert_eq!(ahead.code, 0, "{days}: {}", ahead.stderr);
        payer.play(move |asked| plan(asked, 2));
        home.succeed(&["sync"], "the clock is right again");
        let read = home.rows("SELECT id FROM practitioner ORDER BY id").concat();
        assert_eq!(read, ["d0", "d1"], "{days}");
        home.succeed(&["sync"], "and nothing is left to be read");
    }
}

/// The clock stands where it does not for one night; the nights after it are right.
#[test]
fn a_clock_that_jumps_forgets_no_version_and_is_told() {
    let Some(faulty) = Faulty::build() else { return };
    for days in [400, 40, -400] {
        let payer = Payer::small();
        let home = Home::new();
        payer.configure(&home, "[warehouse]\nkeep_versions_days = 30\n");
        payer.connect(&home, "john", 0);
        home.succeed(&SHORT_SYNC, "the first");
        let ids = home
            .rows("SELECT resource_id FROM resource WHERE resource_type = 'ExplanationOfBenefit'")
            .concat();
        assert!(payer.amend(0, "ExplanationOfBenefit", &ids[0]));
        home.succeed(&SHORT_SYNC, "a change");
        let versions = "SELECT count(*) FROM resource_version";
        assert_eq!(home.value::<i64>(versions), 1, "{days}");
        let full = ["sync", "--full", "--type", "Patient", "--type", "ExplanationOfBenefit"];
        let jumped = faulty.run_at(&home, &full, days * DAY);
        assert_eq!(jumped.code, 0, "{days}: {}", jumped.stderr);
        let told = jumped.stderr.matches("this machine's clock says").count();
        assert_eq!(told, 1, "{days}: {}", jumped.stderr);
        assert_eq!(home.value::<i64>(versions), 1, "{days}: forgotten");
        assert!(payer.amend(0, "ExplanationOfBenefit", &ids[1]));
        home.succeed(&SHORT_SYNC, "the clock is right again");
        assert_eq!(home.value::<i64>(versions), 2, "{days}");
        let backwards = "SELECT count(*) FROM resource_version WHERE valid_to < valid_from";
        assert_eq!(home.value::<i64>(backwards), 0, "{days}");
        home.succeed(&["verify"], "clocks");
    }
}

#[test]
fn a_clock_that_jumps_while_no_plan_answers_forgets_no_version() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = Payer::small();
    let home = Home::new();
    payer.configure(&home, "[warehouse]\nkeep_versions_days = 30\n");
    payer.connect(&home, "john", 0);
    home.succeed(&SHORT_SYNC, "the first");
    let claim = home.rows("SELECT id FROM explanation_of_benefit LIMIT 1").concat();
    assert!(payer.amend(0, "ExplanationOfBenefit", &claim[0]));
    home.succeed(&SHORT_SYNC, "a change");
    drop(payer);
    assert_ne!(faulty.run_at(&home, &SHORT_SYNC, 400 * DAY).code, 0);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM resource_version"), 1);
}

#[test]
fn a_plan_whose_clock_is_a_month_off_is_told_and_later_changes_are_taken_in() {
    for days in [31, -31, 4000] {
        let before = [("a", "2026-01-01T00:00:00Z"), ("b", "2026-01-02T00:00:00Z")];
        let payer = Scripted::start(&[TYPE], move |asked| answer(asked, &before));
        payer.set_clock(days * DAY);
        let home = payer.connected_home(&[TYPE], "");
        let first = home.run(&["sync"]);
        assert_eq!(first.code, 0, "{}", first.stderr);
        assert!(first.stderr.contains("this machine's clock says"), "{days}: {}", first.stderr);
        home.succeed(&["sync"], "a probe");
        let now = chrono::Utc::now().format("%Y-%m-%dT%H:%M:%SZ").to_string();
        payer.play(move |asked| {
            answer(asked, &[("a", "2026-01-01T00:00:00Z"), ("b", &now), ("c", &now)])
        });
        home.succeed(&["sync"], "a change of today");
        assert_eq!(live(&home), ["a", "b", "c"], "{days}");
        let dates = home.rows("SELECT id FROM condition WHERE recorded_date LIKE '2026-01-01%'");
        assert_eq!(dates.concat(), ["a"], "{days}: b has changed");
    }
}

/// Where a plan refuses reads, two full walks prove a deletion when they are a day apart; by a clock
/// that jumped they are not.
#[test]
fn walks_are_not_days_apart_by_a_clock_that_jumped() {
    let Some(faulty) = Faulty::build() else { return };
    let night = ["sync", "--full"];
    for (first, second) in
        [(0, 400), (-400, 0), (0, -400), (400, 0), (0, 31), (-31, 0), (0, -31), (31, 0), (0, 2)]
    {
        let held = ["a", "b", "c"].map(|id| (id, "2026-01-01T00:00:00Z"));
        let payer = Scripted::start(&[TYPE], move |asked| answer(asked, &held));
        let home = payer.connected_home(&[TYPE], "");
        home.succeed(&night, "all three");
        payer.play(move |asked| answer(asked, &held[..2]));
        for days in [first, second] {
            let ended = faulty.run_at(&home, &night, days * DAY);
            assert_eq!(ended.code, 0, "{days}: {}", ended.stderr);
        }
        assert_eq!(live(&home), ["a", "b", "c"], "{first}, {second}: buried");
        // With clocks that agree two days later it is proved.
        payer.set_clock(2 * DAY);
        assert_eq!(faulty.run_at(&home, &night, 2 * DAY).code, 0);
        assert_eq!(live(&home), ["a", "b"], "{first}, {second}: still there");
    }
}

/// The same where it is the plan's clock that jumps.
#[test]
fn walks_are_not_days_apart_by_a_plans_clock_that_jumped() {
    let Some(faulty) = Faulty::build() else { return };
    for (first, second) in [(0, 31), (-31, 0), (-400, 0), (0, 400)] {
        let held = ["a", "b", "c"].map(|id| (id, "2026-01-01T00:00:00Z"));
        let payer = Scripted::start(&[TYPE], move |asked| answer(asked, &held));
        let home = payer.connected_home(&[TYPE], "");
        home.succeed(&["sync", "--full"], "all three");
        payer.play(move |asked| answer(asked, &held[..2]));
        for days in [first, second] {
            payer.set_clock(days * DAY);
            home.succeed(&["sync", "--full"], "within a minute");
        }
        assert_eq!(live(&home), ["a", "b", "c"], "{first}, {second}: buried");
        payer.set_clock(2 * DAY);
        assert_eq!(faulty.run_at(&home, &["sync", "--full"], 2 * DAY).code, 0);
        assert_eq!(live(&home), ["a", "b"], "{first}, {second}: still there");
    }
}

/// A type that is searched in parts has no page of its own to take the plan's clock from.
#[test]
fn parts_are_not_days_apart_by_a_clock_that_jumped() {
    let Some(faulty) = Faulty::build() else { return };
    let held = ["a", "b", "c"].map(|id| (id, "2026-01-01T00:00:00Z"));
    let part = |asked: &Asked, held: &[(&str, &str)]| {
        let is_a = asked.query.get("category").is_some_and(|category| category == "a");
        let (a, rest): (Vec<_>, Vec<_>) = held.iter().partition(|(id, _)| *id == "a");
        answer(asked, if is_a { &a } else { &rest })
    };
    let payer = Scripted::start(&[TYPE], move |asked| part(asked, &held));
    let more = "search = { Condition = [\"category=a\", \"category=b\"] }";
    let home = payer.connected_home(&[TYPE], "");
    let file = home.file("payersync.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{text}{more}\n")).unwrap();
    home.succeed(&["sync", "--full"], "all three");
    payer.play(move |asked| part(asked, &held[..2]));
    for (days, plan, left) in [(0, 0, 3), (31, 0, 3), (2, 2, 2)] {
        payer.set_clock(plan * DAY);
        let ended = faulty.run_at(&home, &["sync", "--full"], days * DAY);
        assert_eq!(ended.code, 0, "{days}: {}", ended.stderr);
        assert_eq!(live(&home).len(), left, "{days} days by ours, {plan} by the plan's");
    }
}

#[test]
fn a_read_proves_a_deletion_whatever_the_clocks_say() {
    let Some(faulty) = Faulty::build() else { return };
    let held = ["a", "b", "c"].map(|id| (id, "2026-01-01T00:00:00Z"));
    let payer = Scripted::start(&[TYPE], move |asked| answer(asked, &held));
    let home = payer.connected_home(&[TYPE], "");
    home.succeed(&["sync", "--full"], "all three");
    payer.play(move |asked| match asked.id.as_deref() {
        Some("c") => (404, String::new()),
        Some(id) => (200, condition(id, "2026-01-01T00:00:00Z")),
        None => answer(asked, &held[..2]),
    });
    // Behind the ledger, and not confirmed by the plan: nobody knows what day it is.
    let ended = faulty.run_at(&home, &["sync", "--full"], -400 * DAY);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(live(&home), ["a", "b"]);
}

/// A timer that died begins no run, and so no run can tell.
#[test]
fn a_connection_that_no_run_completed_for_two_nights_is_stale() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = Payer::small();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "the first");
    let file = home.file("claims.json");
    std::fs::write(&file, "{\"resourceType\":\"Patient\",\"id\":\"p\"}").unwrap();
    home.succeed(&["import", "files", file.to_str().unwrap()], "a file");
    let status =
        |days: i64, more: &[&str]| faulty.run_at(&home, &[&["status"], more].concat(), days * DAY);
    for (days, more, code) in [
        (0, &[][..], 0),
        (1, &["--max-age", "36h"], 0),
        (2, &["--max-age", "36h"], 2),
        (2, &["--max-age", "4d"], 0),
        // The schedule is every night at three.
        (4, &[], 2),
        (4, &["files"], 0),
        (-4, &[], 0),
    ] {
        let status = status(days, more);
        assert_eq!(status.code, code, "{days} {more:?}: {}{}", status.stdout, status.stderr);
        let told = status.stdout.matches("Stale: nothing was completed since").count();
        assert_eq!(told, usize::from(code == 2), "{days} {more:?}: {}", status.stdout);
    }
    let json: serde_json::Value = serde_json::from_str(&status(4, &["--json"]).stdout).unwrap();
    assert_eq!((&json["complete"], &json["exit_code"]), (&false.into(), &2.into()));
    let connections = json["connections"].as_array().unwrap();
    let since: Vec<bool> = connections.iter().map(|one| one["stale_since"].is_string()).collect();
    assert_eq!(since.iter().filter(|is_stale| **is_stale).count(), 1, "{connections:#?}");
    let doctor = faulty.run_at(&home, &["doctor", "--offline"], 4 * DAY);
    assert!(doctor.code == 1 && doctor.stdout.contains("wrong   age of john"), "{}", doctor.stdout);
    let weekly = "[schedule]\ncron = \"0 3 * * 1\"\n";
    payer.configure(&home, weekly);
    assert_eq!(status(4, &[]).code, 0, "twice a week is two weeks");
    assert_eq!(status(20, &[]).code, 2);
}

/// A job that syncs one type keeps no other type fresh.
#[test]
fn a_type_that_every_sync_leaves_out_is_stale_unless_the_configuration_leaves_it_out_too() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = Payer::small();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "the first");
    let synced = faulty.run_at(&home, &["sync", "--type", "Patient"], 9 * DAY);
    assert_eq!(synced.code, 0, "{}", synced.stderr);
    let status =
        |more: &[&str]| faulty.run_at(&home, &[&["status"], more].concat(), 9 * DAY + 3600);
    for more in [&[][..], &["--max-age", "36h"]] {
        let status = status(more);
        assert_eq!(status.code, 2, "{more:?}: {}{}", status.stdout, status.stderr);
        let told = "Stale: Coverage, ExplanationOfBenefit: nothing was completed since";
        assert!(status.stdout.contains(told), "{more:?}: {}", status.stdout);
        assert!(status.stdout.contains("without --type"), "{more:?}: {}", status.stdout);
    }
    assert_eq!(status(&["--max-age", "10d"]).code, 0);
    let doctor = faulty.run_at(&home, &["doctor", "--offline"], 9 * DAY + 3600);
    assert!(doctor.stdout.contains("wrong   age of john: Stale: Coverage"), "{}", doctor.stdout);
    let ages = || {
        let metrics = faulty.run_at(&home, &["status", "--prometheus"], 9 * DAY + 3600).stdout;
        metrics.lines().filter(|line| line.starts_with("payersync_freshness_seconds{")).count()
    };
    assert_eq!(ages(), 3);
    payer.configure(&home, "types = [\"Patient\"]\n");
    // An alert on the age of a type that nobody wants would never end.
    assert_eq!(ages(), 1);
    let unasked = status(&["--max-age", "36h"]);
    assert_eq!(unasked.code, 0, "{}{}", unasked.stdout, unasked.stderr);
}

/// A walk of the future says nothing of how old the data is, and a run of the future is not the latest one.
#[test]
fn what_a_clock_that_was_ahead_wrote_hides_no_age_and_no_run() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = Payer::small();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "the first");
    let ahead = faulty.run_at(&home, &["sync", "--type", "Patient"], 400 * DAY);
    assert_eq!(ahead.code, 0, "{}", ahead.stderr);
    let status = faulty.run_at(&home, &["status"], 4 * DAY);
    assert!(status.stdout.contains("Stale: nothing was completed since"), "{}", status.stdout);
    let now = chrono::Utc::now();
    let warehouse = ReadOnlyWarehouse::open(&home.warehouse_file()).unwrap();
    let standing = warehouse.standings(now).unwrap().into_values().next().unwrap();
    let as_of = standing.complete_as_of.clone().unwrap();
    assert!(as_of < now.to_rfc3339(), "{standing:?}");
    assert!(warehouse.last_runs().unwrap().into_values().all(|began| began > now));
    home.succeed(&SHORT_SYNC, "the clock is right again");
    let last_runs = warehouse.last_runs().unwrap();
    assert!(last_runs.into_values().all(|began| began < now + chrono::Duration::days(1)));
}
