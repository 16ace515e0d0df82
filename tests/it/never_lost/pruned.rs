//! Old nights and old entries of the access log go where the configuration says so; sums, states and the
//! chain stay.

use crate::{
    files::export::{export, lines},
    support::{Faulty, Home, Payer, SHORT_SYNC},
};
use chrono::{Duration, Utc};
use payersync::warehouse::{Access, log_access};
use std::{fs, path::Path};

const DAY: i64 = 24 * 3600;
const KEEP: &str = "[warehouse]\nkeep_runs_days = 30\n";

/// What the ledger adds up to, in whatever rows.
fn sums(home: &Home) -> Vec<Vec<String>> {
    let count = |column: &str| format!("CAST(sum({column}) AS TEXT)");
    let columns =
        ["requests", "pages", "bytes", "resources_seen", "resources_unchanged"].map(count);
    home.rows(&format!(
        "SELECT resource_type, {} FROM sync_walk GROUP BY resource_type ORDER BY 1",
        columns.join(", ")
    ))
}

/// A home with five nights, the first four of which are old.
fn nights(payer: &Payer) -> Home {
    let home = Home::new();
    payer.configure(&home, "");
    payer.connect(&home, "john", 0);
    (0..5).for_each(|_| full(&home));
    home.warehouse()
        .execute_batch(
            "UPDATE sync_walk SET finished_at = '2001-01-0' || run_id || 'T00:00:00.000Z'
               WHERE run_id < 5;
             UPDATE sync_run SET finished_at = '2001-01-0' || id || 'T00:00:00.000Z' WHERE id < 5",
        )
        .unwrap();
    home
}

/// Enters an access of so many days ago.
fn enter(home: &Home, command: &'static str, target: Option<&Path>, detail: &str, days: i64) {
    let access = Access {
        os_user: "a test".to_owned(),
        command,
        connection_id: None,
        target: target.map(|target| target.display().to_string()),
        detail: Some(detail.to_owned()),
    };
    log_access(&home.warehouse_file(), &access, Utc::now() - Duration::days(days)).unwrap();
}

/// What is entered, by its number.
fn entered(home: &Home) -> Vec<Vec<String>> {
    home.rows("SELECT CAST(id AS TEXT), command, target FROM access_log ORDER BY id")
}

fn full(home: &Home) {
    let outcome = home.run(&[&SHORT_SYNC[..], &["--full"]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn nights_that_changed_nothing_become_one_row_per_type_and_nothing_else_changes() {
    let payer = Payer::rich();
    let home = nights(&payer);
    let (before, states) =
        (sums(&home), home.rows("SELECT resource_type, state FROM completeness"));
    payer.configure(&home, KEEP);
    // This one finds what is old; what it asks for itself is taken off below.
    full(&home);
    let runs = home.rows("SELECT CAST(id AS TEXT) FROM sync_run ORDER BY id").concat();
    assert_eq!(runs, ["1", "2", "5", "6"], "the first one brought all, the second has the sums");
    let walks = "SELECT count(*) FROM sync_walk WHERE run_id = 2 AND warning LIKE 'sums of %'";
    assert!(home.value::<i64>(walks) > 0);
    assert_eq!(home.run(&["verify"]).code, 0);
    assert_eq!(home.run(&["status"]).code, 0);
    assert_eq!(home.rows("SELECT resource_type, state FROM completeness"), states);
    // A reader whose last export was of a run that is gone goes on from there.
    let folder = export(&home, &["--since", "3", "--raw"]);
    assert_eq!(lines(&folder, "_changed.csv").len(), 1, "the line of names");
    let warehouse = home.warehouse();
    warehouse
        .execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM sync_walk WHERE run_id = 6")
        .unwrap();
    drop(warehouse);
    assert_eq!(sums(&home), before);
}

#[test]
fn what_an_old_night_said_is_not_lost() {
    let payer = Payer::rich();
    let home = nights(&payer);
    home.warehouse()
        .execute_batch(
            "UPDATE sync_walk SET warning = iif(run_id = 4, 'other', 'odd')
               WHERE run_id BETWEEN 2 AND 5 AND resource_type = 'Coverage'",
        )
        .unwrap();
    payer.configure(&home, KEEP);
    full(&home);
    let left = home.rows(
        "SELECT CAST(run_id AS TEXT), warning FROM sync_walk WHERE run_id BETWEEN 2 AND 4
           AND resource_type = 'Coverage' AND mode = 'full' ORDER BY run_id",
    );
    assert_eq!(left.len(), 2, "{left:?}");
    assert!(left[0][0] == "2" && left[0][1].starts_with("odd; sums of "), "{left:?}");
    assert_eq!(left[1], ["4", "other"]);
    home.succeed(&["verify"], "pruning");
}

#[test]
fn a_night_that_cannot_forget_is_complete_all_the_same_and_says_so() {
    let payer = Payer::rich();
    let home = nights(&payer);
    home.warehouse()
        .execute_batch(
            "CREATE TRIGGER stays BEFORE DELETE ON sync_walk
             BEGIN SELECT RAISE(ABORT, 'it stays'); END",
        )
        .unwrap();
    payer.configure(&home, KEEP);
    let night = home.run(&[&SHORT_SYNC[..], &["--full"]].concat());
    assert_eq!(night.code, 0, "{}", night.stderr);
    assert!(night.stderr.contains("cannot delete old runs: it stays"), "{}", night.stderr);
    let state: String = home.value("SELECT state FROM sync_run ORDER BY id DESC LIMIT 1");
    assert_eq!(state, "complete");
    home.warehouse().execute_batch("DROP TRIGGER stays").unwrap();
    full(&home);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM sync_run WHERE id IN (3, 4)"), 0);
}

#[test]
fn a_copy_made_anew_holds_nothing_back_and_one_that_may_be_away_stays_named() {
    let payer = Payer::rich();
    let home = Home::new();
    payer.configure(&home, KEEP);
    payer.connect(&home, "john", 0);
    full(&home);
    let (nightly, away) = (home.file("nightly.db"), home.file("disk/away.db"));
    fs::write(&nightly, "").unwrap();
    // The disk is not mounted: its folder is empty.
    fs::create_dir(home.file("disk")).unwrap();
    for (copy, days) in [(&away, 100), (&nightly, 99), (&nightly, 98), (&nightly, 1)] {
        enter(&home, "backup", Some(copy), "begun", days);
        enter(&home, "backup", Some(copy), "not encrypted", days);
    }
    full(&home);
    let left = entered(&home);
    let [nightly, away] = [&nightly, &away].map(|path| path.to_str().unwrap());
    let names = [
        ["7", "backup", nightly],
        ["8", "backup", nightly],
        ["9", "prune", ""],
        ["10", "prune", away],
    ];
    assert_eq!(left, names);
    home.succeed(&["verify"], "pruning");
    full(&home);
    assert_eq!(entered(&home), left, "a night that forgets nothing enters nothing");
    let purged = home.run(&["purge", "john", "--yes"]);
    assert_eq!(purged.code, 0, "{}", purged.stderr);
    assert!(purged.stderr.contains(away), "{}", purged.stderr);
}

#[test]
fn pruning_does_not_feed_itself_and_stops_at_the_first_entry_that_is_not_old() {
    let payer = Payer::rich();
    let home = Home::new();
    payer.configure(&home, KEEP);
    payer.connect(&home, "john", 0);
    full(&home);
    let nothing_went = format!("0 entries up to 0, digest {}", "0".repeat(64));
    enter(&home, "prune", None, &nothing_went, 90);
    full(&home);
    assert_eq!(entered(&home), [["1", "prune", ""]]);
    enter(&home, "get", None, "", 80);
    full(&home);
    assert_eq!(entered(&home), [["3", "prune", ""]]);
    // A clock that was set back: what is old stands behind what is not.
    enter(&home, "get", None, "", 80);
    full(&home);
    assert_eq!(entered(&home), [["3", "prune", ""], ["4", "get", ""]]);
    home.succeed(&["verify"], "pruning");
}

#[test]
fn the_access_log_is_cut_up_to_a_copy_that_is_there_and_its_chain_still_proves_the_rest() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = Payer::rich();
    let home = Home::new();
    payer.configure(&home, KEEP);
    payer.connect(&home, "john", 0);
    full(&home);
    let copies = ["gone-1.db", "gone-2.db", "there.db", "gone-3.db"].map(|name| home.file(name));
    for (copy, age) in copies.iter().zip([100, 99, 98, 97]) {
        let ended = faulty.run_at(&home, &["backup", copy.to_str().unwrap()], -age * DAY);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
    }
    for copy in copies.iter().filter(|copy| !copy.ends_with("there.db")) {
        std::fs::remove_file(copy).unwrap();
    }
    let entries = || home.value::<i64>("SELECT count(*) FROM access_log");
    let made = entries();
    let verified = || home.run(&["verify"]);
    let pruned = "SELECT detail FROM access_log WHERE command = 'prune' ORDER BY id DESC LIMIT 1";
    full(&home);
    let detail: String = home.value(pruned);
    let gone: i64 = detail.split(' ').next().unwrap().parse().unwrap();
    assert!(gone >= 2 && entries() == made - gone + 1, "{detail}");
    let targets = home.rows("SELECT DISTINCT target FROM access_log WHERE target IS NOT NULL");
    assert_eq!(
        targets.concat().len(),
        2,
        "the copy that is there, and what is behind it: {targets:?}"
    );
    assert_eq!(verified().code, 0, "{}", verified().stdout);
    // The rest follows once the copy is gone; numbers add up.
    std::fs::remove_file(&copies[2]).unwrap();
    full(&home);
    let detail: String = home.value(pruned);
    assert!(detail.starts_with(&format!("{made} entries up to {made}, digest ")), "{detail}");
    assert_eq!(verified().code, 0, "{}", verified().stdout);
    // Whoever removes an entry by hand is found out.
    home.warehouse()
        .execute_batch("DELETE FROM access_log WHERE id = (SELECT min(id) FROM access_log)")
        .unwrap();
    assert_eq!(verified().code, 5, "{}", verified().stdout);
}
