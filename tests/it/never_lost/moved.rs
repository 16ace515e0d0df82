//! A connection moves to another home: nothing of it is lost, and it is never active in both.

use crate::{
    never_lost::{failing_disk::fail_at_each_step, kill_steps::kill_at_each_step},
    support::{Home, Payer, Purgeable, SHORT_SYNC, rows, sightings, stayers_rows},
};
use payersync::{
    sandbox::{Fault, Options},
    warehouse::leave,
};
use rusqlite::Connection;
use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The other home is a folder of the first one, so that a copy of one is a copy of both.
fn other(home: &Home) -> PathBuf {
    home.file("other")
}

/// Makes the other home, with a connection of its own.
fn furnish_other(payer: &Payer, home: &Home) {
    let there = Home::new();
    payer.configure(&there, "");
    payer.connect(&there, "inmate", 1);
    there.succeed(&SHORT_SYNC, "a consent");
    fs::create_dir(other(home)).unwrap();
    for entry in fs::read_dir(there.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, other(home).join(path.file_name().unwrap())).unwrap();
        }
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(other(home), fs::Permissions::from_mode(0o700)).unwrap();
    }
}

/// Runs the binary in the other home; its exit code and all that it said.
fn there(home: &Home, arguments: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_payersync"))
        .arg("--home")
        .arg(other(home))
        .args(arguments)
        .env("PAYERSYNC_LOG_FORMAT", "plain")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&said).into_owned())
}

/// How many grants a vault has of a connection.
fn grants(folder: &Path, name: &str) -> i64 {
    let vault = Connection::open(folder.join("vault.db")).unwrap();
    let sql = "SELECT count(*) FROM stored_grant WHERE name = ?1";
    vault.query_row(sql, [name], |row| row.get(0)).unwrap_or_default()
}

/// What ids of a connection's rows lead to.
const REFERENCES: [(&str, &str); 5] = [
    (
        "walks of resources",
        "SELECT r.resource_id, w.resource_type, w.walk_started_at, w.first_url, n.command,
           n.started_at FROM resource r JOIN sync_walk w ON w.id = r.walk_id
         JOIN sync_run n ON n.id = w.run_id",
    ),
    (
        "walks before",
        "SELECT r.resource_type, r.started_at, b.started_at, b.resource_type
         FROM sync_walk r JOIN sync_walk b ON b.id = r.resumed_from",
    ),
    (
        "walks of cursors",
        "SELECT r.next_url, w.resource_type, w.started_at
         FROM walk_cursor r JOIN sync_walk w ON w.id = r.walk_id",
    ),
    (
        "older versions",
        "SELECT r.resource_id, n.started_at FROM resource_outdated o
         JOIN resource r ON r.id = o.resource JOIN sync_run n ON n.id = o.run_id",
    ),
    (
        "resources that no list has brought",
        "SELECT r.resource_type, r.resource_id FROM resource_unlisted u
         JOIN resource r ON r.id = u.resource",
    ),
];

/// The resources that unfinished walks have seen, whose row ids are eight bytes each.
fn seen_on_pages(warehouse: &Connection, name: &str) -> Vec<Vec<String>> {
    let of = format!("connection_id = (SELECT id FROM connection WHERE name = '{name}')");
    let ids: HashMap<i64, String> = rows(
        warehouse,
        &format!("SELECT id, resource_type || '/' || resource_id FROM resource WHERE {of}"),
    )
    .into_iter()
    .map(|row| (row[0].parse().unwrap(), row[1].clone()))
    .collect();
    let pages = rows(warehouse, &format!("SELECT page, hex(seen) FROM walk_page WHERE {of}"));
    let mut seen = Vec::new();
    for page in pages {
        for id in page[1].as_bytes().chunks(16) {
            let digits = std::str::from_utf8(id).unwrap();
            let id = u64::from_str_radix(digits, 16).unwrap().swap_bytes();
            seen.push(vec![page[0].clone(), ids[&(id as i64)].clone()]);
        }
    }
    seen.sort_unstable();
    seen
}

/// Every row of a connection, with what its ids lead to in place of the ids.
fn rows_of(warehouse: &Path, name: &str) -> Vec<(String, Vec<Vec<String>>)> {
    let warehouse = Connection::open(warehouse).unwrap();
    let tables = rows(
        &warehouse,
        "SELECT s.name FROM sqlite_schema s JOIN pragma_table_info(s.name) c
         WHERE s.type = 'table' AND c.name = 'connection_id'
           AND s.name NOT IN ('access_log', 'connection_move', 'mart_due', 'mart_due_type',
             'resource_unlisted')
           AND s.name NOT IN (SELECT name FROM mart_table)
         ORDER BY 1",
    );
    let of = |table: &str| {
        let columns = rows(
            &warehouse,
            &format!(
                "SELECT group_concat('\"' || name || '\"') FROM pragma_table_info('{table}')
                 WHERE name NOT IN ('id', 'connection_id', 'walk_id', 'run_id', 'resumed_from',
                   'seen')"
            ),
        );
        let sql = format!(
            "SELECT {} FROM \"{table}\" WHERE connection_id =
               (SELECT id FROM connection WHERE name = '{name}')",
            columns[0][0]
        );
        let mut found = rows(&warehouse, &sql);
        found.sort_unstable();
        (table.to_owned(), found)
    };
    let mut all: Vec<_> = tables.iter().map(|row| of(&row[0])).collect();
    for (what, sql) in REFERENCES {
        let sql = format!(
            "{sql} WHERE r.connection_id = (SELECT id FROM connection WHERE name = '{name}')"
        );
        let mut found = rows(&warehouse, &sql);
        found.sort_unstable();
        all.push((what.to_owned(), found));
    }
    all.push(("seen on pages".to_owned(), seen_on_pages(&warehouse, name)));
    all
}

#[test]
fn a_moved_connection_is_whole_in_the_other_home_and_no_byte_of_it_stays_here() {
    let Purgeable { payer, home, canaries } = Purgeable::new(&["sync"], 40);
    // A walk that is to be resumed: there are more pages than requests.
    let cut = home.run(&[
        "sync",
        "leaver-in-chief",
        "--full",
        "--type",
        "ExplanationOfBenefit",
        "--max-requests",
        "3",
    ]);
    assert_eq!(cut.code, 2, "{}", cut.stderr);
    furnish_other(&payer, &home);
    let stayer = stayers_rows(&home);
    let before = rows_of(&home.file("warehouse.db"), "leaver-in-chief");
    let cursors = |of: &[(String, Vec<Vec<String>>)]| {
        let rows = |what: &str| of.iter().find(|(name, _)| name == what).unwrap().1.len();
        [rows("walk_cursor"), rows("seen on pages"), rows("resource_version")]
    };
    assert!(cursors(&before).iter().all(|rows| *rows > 0), "{:?}", cursors(&before));

    let target = other(&home);
    let target = target.to_str().unwrap();
    // That a later one cannot be moved takes nothing from the first.
    let moved = home.run(&["move", "leaver-in-chief", "nobody", target]);
    assert_eq!(moved.code, 1, "{}", moved.stderr);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM purge_unfinished"), 0);
    assert!(moved.stdout.contains("Moved leaver-in-chief to "), "{}", moved.stdout);
    assert_eq!(rows_of(&other(&home).join("warehouse.db"), "leaver-in-chief"), before);
    assert_eq!(stayers_rows(&home), stayer);
    assert_eq!(
        (grants(home.path(), "leaver-in-chief"), grants(&other(&home), "leaver-in-chief")),
        (0, 1)
    );
    assert_eq!(home.rows("SELECT command, connection_id, target FROM access_log")[0][0], "move");
    // How a run of this home ended is no result of the other home's.
    let arrived = Connection::open(other(&home).join("warehouse.db")).unwrap();
    let outcomes = rows(
        &arrived,
        "SELECT DISTINCT r.exit_code IS NULL AND r.summary IS NULL FROM sync_run r
         JOIN sync_walk w ON w.run_id = r.id JOIN connection c ON c.id = w.connection_id
         WHERE c.name = 'leaver-in-chief'",
    );
    drop(arrived);
    assert_eq!(outcomes, [["1"]]);
    home.succeed(&["verify"], "a move");
    let verified = there(&home, &["verify"]);
    assert_eq!(verified.0, 0, "{}", verified.1);
    // It goes on there at the page where it stopped here.
    let (code, said) = there(&home, &["sync", "leaver-in-chief"]);
    assert_eq!(code, 0, "{said}");
    let resumed = Connection::open(other(&home).join("warehouse.db")).unwrap();
    let resumed = rows(&resumed, "SELECT count(*) FROM sync_walk WHERE resumed_from IS NOT NULL");
    assert_ne!(resumed[0][0], "0");
    let again = home.run(&["move", "leaver-in-chief", target]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stderr.contains("already"), "{}", again.stderr);
    fs::remove_dir_all(other(&home)).unwrap();
    assert_eq!(sightings(home.path(), &canaries), Vec::<String>::new());
}

/// A payer that ends a grant whose spent refresh token comes back, and a home there.
fn strict() -> (Payer, Home) {
    let payer = Payer::start(Options { members: 2, claims_per_member: 2, ..Options::default() });
    payer.set_faults(vec![Fault::ReuseRevokesGrant]);
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "a consent");
    furnish_other(&payer, &home);
    (payer, home)
}

const GET: [&str; 4] = ["get", "Patient", "--connection", "john"];

#[test]
#[cfg(target_os = "linux")]
fn a_move_killed_at_any_step_is_finished_by_the_next_one_and_costs_no_consent() {
    let (payer, start) = strict();
    let expected = rows_of(&start.file("warehouse.db"), "john");
    let command = |home: &Home| {
        vec!["move".to_owned(), "john".to_owned(), other(home).to_str().unwrap().to_owned()]
    };
    kill_at_each_step(&start, command, |home, when| {
        assert!(grants(home.path(), "john") + grants(&other(home), "john") > 0, "{when}: lost");
        // The access token is fresh: whoever may use the grant has an answer, and nobody refreshes.
        let (here, elsewhere) = (home.run(&GET), there(home, &GET));
        assert!(here.code != 0 || elsewhere.0 != 0, "{when}: active in both");
        let again = home.run(&command(home).iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(again.code, 0, "{when}: {}", again.stderr);
        let active = there(home, &GET);
        assert_eq!(active.0, 0, "{when}: {}", active.1);
        assert_ne!(home.run(&GET).code, 0, "{when}");
        let places = (grants(home.path(), "john"), grants(&other(home), "john"));
        assert_eq!(places, (0, 1), "{when}");
        assert_eq!(rows_of(&other(home).join("warehouse.db"), "john"), expected, "{when}");
        for what in ["connection", "connection_move", "resource", "purge_unfinished"] {
            assert_eq!(
                home.value::<i64>(&format!("SELECT count(*) FROM {what}")),
                0,
                "{when}: {what}"
            );
        }
        home.succeed(&["verify"], when);
        let verified = there(home, &["verify"]);
        assert_eq!(verified.0, 0, "{when}: {}", verified.1);
    });
    drop(payer);
}

#[test]
#[cfg(target_os = "linux")]
fn a_move_on_a_failing_disk_says_so_and_is_finished_by_the_next_one() {
    let (_payer, start) = strict();
    let expected = rows_of(&start.file("warehouse.db"), "john");
    let command = |home: &Home| {
        vec!["move".to_owned(), "john".to_owned(), other(home).to_str().unwrap().to_owned()]
    };
    fail_at_each_step(&start, command, |home, _, _, when| {
        assert!(grants(home.path(), "john") + grants(&other(home), "john") > 0, "{when}: lost");
        let again = home.run(&command(home).iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(again.code, 0, "{when}: {}", again.stderr);
        let places = (grants(home.path(), "john"), grants(&other(home), "john"));
        assert_eq!(places, (0, 1), "{when}");
        assert_eq!(rows_of(&other(home).join("warehouse.db"), "john"), expected, "{when}");
        home.succeed(&["verify"], when);
        let verified = there(home, &["verify"]);
        assert_eq!(verified.0, 0, "{when}: {}", verified.1);
    });
}

#[test]
fn between_two_homes_nobody_asks_for_it_and_everybody_is_told() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "a consent");
    let now = chrono::Utc::now();
    leave(&home.warehouse_file(), 1, Path::new("/elsewhere"), now).unwrap();
    payer.clear_requests();
    for command in
        [&["sync"][..], &["plan"], &GET, &["connect", "john", "--plan", "demo", "--no-browser"]]
    {
        let refused = home.run(command);
        assert_eq!(refused.code, 2, "{command:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("john is on its way to /elsewhere"), "{}", refused.stderr);
        assert!(refused.stderr.contains("`payersync move john /elsewhere`"), "{}", refused.stderr);
    }
    assert!(payer.requests().iter().all(|request| !request.had_bearer));
    let status = home.run(&["status"]);
    assert_eq!(status.code, 2, "{}", status.stdout);
    assert!(status.stdout.contains("It is on its way to /elsewhere"), "{}", status.stdout);
    let elsewhere = Home::new();
    payer.configure(&elsewhere, "");
    let refused = home.run(&["move", "john", elsewhere.path().to_str().unwrap()]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
}

#[test]
fn a_purge_between_two_homes_leaves_no_copy_unsaid() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "a consent");
    let there = home.copy();
    let now = chrono::Utc::now();
    let arriving = "INSERT INTO connection_move VALUES (1, 'arriving', ?1, '2026-01-01')";
    there.warehouse().execute(arriving, [home.path().to_str().unwrap()]).unwrap();
    leave(&home.warehouse_file(), 1, there.path(), now).unwrap();
    let purge = ["purge", "john", "--yes"];
    for (at, hint) in [(&home, "then purge it there"), (&there, "then purge it here")] {
        let refused = at.run(&purge);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains("john is on its way "), "{}", refused.stderr);
        assert!(refused.stderr.contains(hint), "{}", refused.stderr);
        assert_eq!(at.value::<i64>("SELECT count(*) FROM connection"), 1);
    }
    // Active here, the tokens are not the copy's to revoke.
    home.warehouse().execute("DELETE FROM connection_move", []).unwrap();
    let purged = there.run(&purge);
    assert_eq!(purged.code, 0, "{}", purged.stderr);
    assert!(!purged.stderr.contains("revocation_url"), "{}", purged.stderr);
    leave(&home.warehouse_file(), 1, Path::new("/elsewhere"), now).unwrap();
    let purged = home.run(&purge);
    assert_eq!(purged.code, 2, "{}", purged.stderr);
    assert!(purged.stderr.contains("  /elsewhere (the other home"), "{}", purged.stderr);
    assert!(purged.stderr.contains("revocation_url"), "{}", purged.stderr);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM connection"), 0);
}

#[test]
fn a_home_that_could_not_go_on_is_refused_before_anything_moves() {
    let payer = Payer::rich();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "a consent");
    let target = Home::new();
    let into = |target: &Home| home.run(&["move", "john", target.path().to_str().unwrap()]);
    let refused = into(&target);
    assert!(refused.code == 1 && refused.stderr.contains("payersync.toml"), "{}", refused.stderr);
    payer.configure(&target, "");
    let configured = fs::read_to_string(target.file("payersync.toml")).unwrap();
    let renamed = configured.replace("[plans.demo]", "[plans.another]");
    fs::write(target.file("payersync.toml"), renamed).unwrap();
    let refused = into(&target);
    assert!(refused.code == 1 && refused.stderr.contains("demo"), "{}", refused.stderr);
    let moved_away = configured.replace(&payer.fhir_url().to_string(), "https://other.example/r4");
    fs::write(target.file("payersync.toml"), moved_away).unwrap();
    let refused = into(&target);
    assert!(refused.code == 1 && refused.stderr.contains("other.example"), "{}", refused.stderr);
    let other_path = format!("{}/other", payer.fhir_url());
    for (key, value) in [
        ("client_id", "of-another-registration"),
        ("token_url", "https://other.example/token"),
        ("fhir_url", other_path.as_str()),
    ] {
        let begin = format!("{key} = ");
        let changed: String = configured
            .lines()
            .map(|line| match line.starts_with(&begin) {
                true => format!("{begin}{value:?}\n"),
                false => format!("{line}\n"),
            })
            .collect();
        fs::write(target.file("payersync.toml"), changed).unwrap();
        let refused = into(&target);
        assert_eq!(refused.code, 1, "{key}: {}", refused.stderr);
        assert!(refused.stderr.contains(&format!("{key} ")), "{}", refused.stderr);
        assert!(refused.stderr.contains("copy [plans.demo] from "), "{}", refused.stderr);
    }
    assert_eq!(into(&home).code, 1);
    fs::write(target.file("payersync.toml"), configured).unwrap();
    payer.connect(&target, "john", 0);
    let refused = into(&target);
    assert!(refused.stderr.contains("another connection john"), "{}", refused.stderr);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM connection_move"), 0);
    home.succeed(&SHORT_SYNC, "refused moves");
}
