//! Old nights and old entries of the access log go where the configuration says so; sums, states and the
//! chain stay.

use crate::support::{Faulty, Home, Payer, SHORT_SYNC};

const DAY: i64 = 24 * 3600;

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

fn full(home: &Home) {
    let outcome = home.run(&[&SHORT_SYNC[..], &["--full"]].concat());
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
}

#[test]
fn nights_that_changed_nothing_become_one_row_per_type_and_nothing_else_changes() {
    let payer = Payer::small();
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
    let (before, states) =
        (sums(&home), home.rows("SELECT resource_type, state FROM completeness"));
    payer.configure(&home, "[warehouse]\nkeep_runs_days = 30\n");
    // This one finds what is old; what it asks for itself is taken off below.
    full(&home);
    let runs = home.rows("SELECT CAST(id AS TEXT) FROM sync_run ORDER BY id").concat();
    assert_eq!(runs, ["1", "2", "5", "6"], "the first one brought all, the second has the sums");
    let walks = "SELECT count(*) FROM sync_walk WHERE run_id = 2 AND warning LIKE 'sums of %'";
    assert!(home.value::<i64>(walks) > 0);
    assert_eq!(home.run(&["verify"]).code, 0);
    assert_eq!(home.run(&["status"]).code, 0);
    assert_eq!(home.rows("SELECT resource_type, state FROM completeness"), states);
    let warehouse = home.warehouse();
    warehouse
        .execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM sync_walk WHERE run_id = 6")
        .unwrap();
    drop(warehouse);
    assert_eq!(sums(&home), before);
}

#[test]
fn the_access_log_is_cut_up_to_a_copy_that_is_there_and_its_chain_still_proves_the_rest() {
    let Some(faulty) = Faulty::build() else { return };
    let payer = Payer::small();
    let home = Home::new();
    payer.configure(&home, "[warehouse]\nkeep_runs_days = 30\n");
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
