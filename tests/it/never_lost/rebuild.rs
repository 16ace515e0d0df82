//! Tables from the stored resources: the same rows again, whatever happens on the way.

use crate::support::{Home, Payer, VIEWS_DIR, definition};
use payersync::{clock::Clock, monitor::Silent, sandbox::Options, warehouse::Catalog};
use rusqlite::Connection;
use std::process::{Child, Stdio};

/// A synced home with two connections, and the payer they are at.
fn synced(more: &str) -> (Payer, Home) {
    let payer = Payer::start(Options { members: 2, ..Options::default() });
    let home = Home::new();
    std::fs::create_dir(home.file("views")).unwrap();
    payer.configure(&home, more);
    payer.connect(&home, "john", 0);
    payer.connect(&home, "mary", 1);
    let sync = home.run(&["sync"]);
    assert_eq!(sync.code, 0, "{}", sync.stderr);
    (payer, home)
}

fn succeed(home: &Home, arguments: &[&str]) {
    let outcome = home.run(arguments);
    assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
}

fn drop_tables(home: &Home) {
    let warehouse = home.warehouse();
    for table in home.table_names() {
        warehouse.execute_batch(&format!("DROP TABLE \"{table}\"")).unwrap();
    }
}

#[test]
fn a_rebuild_gives_row_for_row_what_the_sync_gave() {
    let (_payer, home) = synced("");
    let before = home.digest();
    assert!(!before.starts_with("0 rows"), "{before}");
    drop_tables(&home);
    succeed(&home, &["rebuild"]);
    assert_eq!(home.digest(), before);
    let warehouse = home.warehouse();
    for table in home.table_names() {
        warehouse.execute_batch(&format!("DELETE FROM \"{table}\"")).unwrap();
    }
    succeed(&home, &["rebuild"]);
    assert_eq!(home.digest(), before);
    drop_tables(&home);
    // A missing table is noticed without being asked for.
    succeed(&home, &["rebuild", "patient"]);
    assert_eq!(home.digest(), before);
    assert!(home.value::<i64>("SELECT count(*) FROM claim") > 0, "the marts still stand");
}

#[test]
fn one_table_alone_can_be_rebuilt() {
    let (_payer, home) = synced("");
    let before = home.digest();
    home.warehouse().execute_batch("DELETE FROM coverage; DELETE FROM coverage_class").unwrap();
    succeed(&home, &["rebuild", "coverage"]);
    assert_ne!(home.digest(), before);
    succeed(&home, &["rebuild", "coverage_class"]);
    assert_eq!(home.digest(), before);
    let unknown = home.run(&["rebuild", "cover"]);
    assert_eq!(unknown.code, 1);
    assert_eq!(unknown.stdout, "");
    assert!(unknown.stderr.contains("there is no table cover"), "{}", unknown.stderr);
}

#[test]
fn deleted_resources_stay_out() {
    let (_payer, home) = synced("");
    let warehouse = home.warehouse();
    warehouse
        .execute_batch(
            "UPDATE resource SET deleted_at = received_at WHERE resource_type = 'Coverage'",
        )
        .unwrap();
    succeed(&home, &["rebuild", "coverage", "coverage_class"]);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM coverage"), 0);
}

/// The rebuild under way: its type and how many resources are done.
fn progress(warehouse: &Connection) -> Option<(String, u64)> {
    warehouse
        .query_row("SELECT resource_type, resources_done FROM table_rebuild", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .ok()
}

/// What is rebuilt where a few tables tell as much as all.
const SOME: &[&str] =
    &["rebuild", "explanation_of_benefit", "explanation_of_benefit_item", "observation"];

/// Starts a rebuild and kills it once it has come further than `seen`; whether it was in time.
fn kill_after(home: &Home, seen: Option<&(String, u64)>) -> bool {
    let mut child: Child =
        home.command(SOME).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    let warehouse = home.warehouse();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return false;
        }
        match (progress(&warehouse), seen) {
            (Some(found), Some(seen)) if found == *seen => {}
            (Some((found, done)), Some((resource_type, before))) if found == *resource_type => {
                assert!(done >= *before, "started anew: {done} after {before}");
                break;
            }
            (Some(_), _) => break,
            (None, _) => {}
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    true
}

#[test]
fn a_killed_rebuild_goes_on_where_it_was() {
    let (_payer, home) = synced("");
    home.multiply(10);
    succeed(&home, SOME);
    let before = home.digest();
    let mut kills = 0;
    let mut seen = None;
    while kills < 12 && kill_after(&home, seen.as_ref()) {
        kills += 1;
        seen = progress(&home.warehouse()).or(seen);
        assert_eq!(home.digest(), before, "readers see the old tables whole");
    }
    assert!(kills > 2, "the rebuild was too fast to be killed: {kills}");
    succeed(&home, SOME);
    assert_eq!(home.digest(), before);
    assert_eq!(left_behind(&home), 0);
}

fn left_behind(home: &Home) -> i64 {
    home.value(
        "SELECT (SELECT count(*) FROM table_rebuild) + (SELECT count(*) FROM rebuild_request)
           + (SELECT count(*) FROM sqlite_schema WHERE name LIKE 'building%')
           + (SELECT count(*) FROM view_table WHERE definition_hash = X'')",
    )
}

#[test]
fn a_killed_rebuild_is_finished_by_the_next_run_whatever_it_is() {
    let (_payer, home) = synced("");
    home.multiply(10);
    succeed(&home, SOME);
    let before = home.digest();
    assert!(kill_after(&home, None));
    assert_ne!(left_behind(&home), 0);
    succeed(&home, &["rebuild", "observation"]);
    assert_eq!(home.digest(), before);
    assert_eq!(left_behind(&home), 0);
}

#[test]
fn a_rebuild_whose_definition_changes_meanwhile_starts_anew() {
    let (_payer, home) = synced(VIEWS_DIR);
    home.multiply(10);
    home.own_view("own.json", &definition("own", "ExplanationOfBenefit", "'a'"));
    succeed(&home, &["rebuild", "patient"]);
    home.own_view("own.json", &definition("own", "ExplanationOfBenefit", "'b'"));
    assert!(kill_after(&home, None));
    assert_eq!(home.value::<String>("SELECT max(found) FROM own"), "a");
    home.own_view("own.json", &definition("own", "ExplanationOfBenefit", "'c'"));
    succeed(&home, &["rebuild", "patient"]);
    let found = home.rows("SELECT found, count(*) FROM own GROUP BY 1");
    let all: i64 = home.value("SELECT count(*) FROM explanation_of_benefit");
    assert_eq!(found, [["c".to_owned(), all.to_string()]]);
    assert_eq!(left_behind(&home), 0);
}

#[test]
fn a_reader_sees_the_whole_old_table_or_the_whole_new_one() {
    let (_payer, home) = synced(VIEWS_DIR);
    home.multiply(10);
    home.own_view("own.json", &definition("own", "ExplanationOfBenefit", "'old'"));
    succeed(&home, &["rebuild", "own"]);
    let all: i64 = home.value("SELECT count(*) FROM own");
    home.own_view("own.json", &definition("own", "ExplanationOfBenefit", "'new'"));
    let mut child = home
        .command(&["rebuild", "patient"])
        .stderr(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let warehouse = home.warehouse();
    let look = || {
        warehouse
            .query_row("SELECT count(*), min(found), max(found) FROM own", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
            })
            .unwrap()
    };
    let mut old = 0;
    loop {
        let ended = child.try_wait().unwrap();
        let (count, first, last) = look();
        assert_eq!(count, all);
        assert_eq!(first, last);
        old += usize::from(first == "old");
        if let Some(status) = ended {
            assert!(status.success());
            break;
        }
    }
    assert!(old > 0);
    assert_eq!(look().1, "new");
}

#[test]
fn opening_with_nothing_to_do_writes_nothing() {
    let (_payer, home) = synced("");
    let file = home.warehouse_file();
    let open = || {
        let catalog = Catalog::embedded();
        let opened =
            payersync::warehouse::Warehouse::open(&file, catalog, Clock::system(), &Silent)
                .unwrap();
        assert_eq!(opened.rebuilt().len(), 0);
        opened.close();
    };
    open();
    let before = std::fs::read(file.path()).unwrap();
    open();
    assert!(std::fs::read(file.path()).unwrap() == before);
}
