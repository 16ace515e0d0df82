//! A purged member leaves no byte behind; nobody else loses one.

use crate::support::{CANARY_BYTES, Home, Payer, Purgeable, sightings, stayers_rows};
use payersync::sandbox::Options;
use std::{fs, process::Stdio, thread, time::Duration};

#[test]
fn what_does_not_fit_memory_is_spilled_inside_the_home() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    let asked = home.run(&["query", "--format", "csv", "PRAGMA temp_store_directory"]);
    assert_eq!(asked.code, 0, "{}", asked.stderr);
    let folder = asked.stdout.lines().nth(1).unwrap();
    assert_eq!(std::path::Path::new(folder), home.path(), "{}", asked.stdout);
}

#[test]
fn a_purged_member_is_in_no_file_and_the_other_one_is_untouched() {
    let Purgeable { home, canaries, payer: _payer } = Purgeable::new(&["sync"], 40);
    let before = sightings(home.path(), &canaries);
    let planner = "SELECT count(*) FROM sqlite_stat4 WHERE instr(sample, 'leaver') = 0";
    assert!(before.iter().any(|seen| seen.contains("vault.db")), "{before:?}");
    assert!(before.len() > canaries.len() / 2);
    assert!(home.value::<i64>(planner) > 0);
    let stayer = stayers_rows(&home);

    let purged = home.run(&["purge", "leaver-in-chief", "--yes"]);
    assert_eq!(purged.code, 0, "{}", purged.stderr);
    assert!(purged.stdout.contains(" 0 left; tokens removed"), "{}", purged.stdout);
    assert!(purged.stdout.contains("resource_version"), "{}", purged.stdout);
    assert!(purged.stderr.contains("no revocation_url"), "{}", purged.stderr);
    assert_eq!(sightings(home.path(), &canaries), Vec::<String>::new());
    assert_eq!(stayers_rows(&home), stayer);
    assert_eq!(home.rows("SELECT name FROM connection"), [["stayer"]]);
    assert_eq!(home.rows("PRAGMA foreign_key_check"), Vec::<Vec<String>>::new());
    let logged = home.rows("SELECT command, connection_id, target FROM access_log");
    assert_eq!(logged, [["purge", "1", ""]]);

    let again = home.run(&["purge", "leaver-in-chief", "--yes"]);
    assert_eq!(again.code, 1, "{}", again.stderr);
    assert_eq!(home.run(&["sync"]).code, 0);
}

#[test]
fn a_killed_purge_can_be_repeated_until_nothing_is_left() {
    let Purgeable { home, canaries, .. } = Purgeable::new(&["sync"], 40);
    let stayer = stayers_rows(&home);
    let arguments = ["purge", "leaver-in-chief", "--yes"];
    for milliseconds in [5, 15, 30, 60, 90, 130, 180, 240] {
        let mut child =
            home.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Wherever this ends it, the last run below must come to the same.
        thread::sleep(Duration::from_millis(milliseconds));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let last = home.run(&arguments);
    assert!(last.code == 0 || last.stderr.contains("there is no connection"), "{}", last.stderr);
    assert_eq!(sightings(home.path(), &canaries), Vec::<String>::new());
    assert_eq!(stayers_rows(&home), stayer);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM purge_unfinished"), 0);
}

#[test]
fn a_purge_whose_rows_are_gone_is_finished_under_the_same_name() {
    let Purgeable { home, canaries, .. } = Purgeable::new(&["sync"], 40);
    let file = home.warehouse_file();
    let payersync::warehouse::PurgeTarget::Connection(row) =
        payersync::warehouse::find_for_purge(&file, "leaver-in-chief").unwrap()
    else {
        panic!("it is there")
    };
    let now = chrono::Utc::now();
    let purged = payersync::warehouse::purge_rows(&file, &row, "a test", now).unwrap();
    assert_eq!(purged.left, 0);
    let warehouse = fs::read(file.path()).unwrap();
    assert!(warehouse.windows(CANARY_BYTES).any(|bytes| canaries.contains(bytes)));

    let finished = home.run(&["purge", "leaver-in-chief", "--yes"]);
    assert_eq!(finished.code, 0, "{}", finished.stderr);
    assert!(finished.stderr.contains("Finished an earlier purge"), "{}", finished.stderr);
    let left = sightings(home.path(), &canaries);
    // The tokens go first, and this test left that step out.
    assert!(left.iter().all(|seen| !seen.contains("warehouse.db")), "{left:?}");
}

#[test]
fn without_a_terminal_or_yes_nothing_is_removed() {
    let payer = Payer::start(Options::default());
    let home = payer.connected_home();
    let refused = home.run(&["purge", "john"]);
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("payersync purge john --yes"), "{}", refused.stderr);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM connection"), 1);
    assert_eq!(home.run(&["purge", "jack", "--yes"]).code, 1);
}

#[test]
fn a_plan_that_does_not_revoke_keeps_nothing_from_going_and_is_told() {
    let payer = Payer::start(Options::default());
    let home = Home::new();
    let revocation_url = format!("revocation_url = \"{}/oauth2/revoke\"\n", payer.origin());
    payer.configure(&home, &revocation_url);
    payer.connect(&home, "john", 0);
    let purged = home.run(&["purge", "john", "--yes"]);
    assert_eq!(purged.code, 4, "{}", purged.stderr);
    assert!(purged.stderr.contains("did not revoke"), "{}", purged.stderr);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM connection"), 0);
    // Nor does a secret that is missing.
    payer.connect(&home, "john", 0);
    fs::remove_file(home.file("demo.secret")).unwrap();
    let purged = home.run(&["purge", "john", "--yes"]);
    assert_eq!(purged.code, 4, "{}", purged.stderr);
    assert!(purged.stderr.contains("did not revoke"), "{}", purged.stderr);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM connection"), 0);
}
