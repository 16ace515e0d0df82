//! `lake sync`: the lake is the warehouse, row for row, whoever was killed, and holds nothing of a
//! member who left.
#![cfg(feature = "lake")]

use crate::support::{Home, Outcome, Payer, Purgeable, SHORT_SYNC, python_with_delta, sightings};
use payersync::sandbox::Options;
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// Brings the lake of a home up to date.
#[track_caller]
pub(crate) fn sync(home: &Home, lake: &Path, more: &[&str]) -> String {
    let outcome = run(home, lake, more);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    outcome.stderr
}

pub(crate) fn run(home: &Home, lake: &Path, more: &[&str]) -> Outcome {
    home.run(&[&["lake", "sync", lake.to_str().unwrap()], more].concat())
}

/// delta-rs finds the rows of the homes' warehouses in the lake, and no others.
#[track_caller]
fn assert_same(lake: &Path, homes: &[(&str, &Home)]) {
    assert_same_at(lake.to_str().unwrap(), &[], homes);
}

/// The same of a lake, or a reader, that needs settings.
#[track_caller]
pub(crate) fn assert_same_at(
    lake: &str,
    settings: &[(&'static str, String)],
    homes: &[(&str, &Home)],
) {
    if cfg!(feature = "encryption") {
        // Nobody else opens the warehouse then.
        return;
    }
    let Some(python) = python_with_delta() else { return };
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/lake_check.py"))
        .arg(lake)
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .args(homes.iter().map(|(shard, home)| {
            format!("{shard}={}", home.file("warehouse.db").to_str().unwrap())
        }))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(" tables, ") && !said.contains(" 0 rows"), "{said}");
}

/// All files below a folder, by their paths within it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push(path),
        }
    }
    found.sort();
    found
}

/// The lines of all commits of a table.
pub(crate) fn log(lake: &Path, table: &str) -> Vec<Value> {
    let mut commits = files(&lake.join(table).join("_delta_log"));
    commits.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    let text = commits.iter().map(|path| fs::read_to_string(path).unwrap()).collect::<String>();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Two members with few claims, synced.
pub(crate) fn two_members() -> (Payer, Home) {
    let payer = Payer::start(Options { members: 2, claims_per_member: 5, ..Options::default() });
    let home = Home::new();
    payer.configure(&home, "");
    payer.connect(&home, "john", 0);
    payer.connect(&home, "mary", 1);
    home.succeed(&SHORT_SYNC, "two consents");
    (payer, home)
}

fn amend(payer: &Payer, home: &Home, member: u32) {
    let claim = home.value::<String>(&format!(
        "SELECT resource_id FROM resource WHERE connection_id = {} AND deleted_at IS NULL
           AND resource_type = 'ExplanationOfBenefit' LIMIT 1",
        member + 1
    ));
    assert!(payer.amend(member, "ExplanationOfBenefit", &claim));
    home.succeed(&SHORT_SYNC, "an amended claim");
}

#[test]
fn the_lake_is_the_warehouse_and_an_unchanged_one_gets_no_commit() {
    let (home, folder) = (Home::of_demo(), Home::new());
    let lake = folder.file("lake");
    let told = sync(&home, &lake, &["--shard", "east"]);
    assert!(told.contains(" tables changed, "), "{told}");
    assert_same(&lake, &[("east", &home)]);
    let by_duckdb = [("LAKE_READER", "duckdb".to_owned())];
    assert_same_at(lake.to_str().unwrap(), &by_duckdb, &[("east", &home)]);
    let before = files(&lake);
    let told = sync(&home, &lake, &[]);
    assert!(told.contains("as shard east: nothing changed"), "{told}");
    assert_eq!(files(&lake), before);
    // The least and greatest values of a column would be a member's.
    for line in log(&lake, "patient") {
        let Some(stats) = line["add"]["stats"].as_str() else { continue };
        let stats: Value = serde_json::from_str(stats).unwrap();
        assert_eq!(stats["minValues"].as_object().unwrap().len(), 1, "{stats}");
    }
}

#[test]
fn a_change_of_one_connection_leaves_the_other_tables_as_they_are() {
    let (payer, home) = two_members();
    let folder = Home::new();
    let lake = folder.file("lake");
    sync(&home, &lake, &["--shard", "a"]);
    amend(&payer, &home, 0);
    let told = sync(&home, &lake, &[]);
    assert_same(&lake, &[("a", &home)]);
    let commits = |table: &str| files(&lake.join(table).join("_delta_log")).len();
    assert_eq!((commits("explanation_of_benefit"), commits("patient")), (2, 1), "{told}");
    // What the first sync wrote is still there for a reader of version 0.
    let lines = log(&lake, "explanation_of_benefit");
    let removed = lines.iter().find_map(|line| line["remove"]["path"].as_str()).unwrap();
    assert!(lake.join("explanation_of_benefit").join(removed).exists());
    sync(&home, &lake, &["--keep-days", "0"]);
    thread::sleep(Duration::from_millis(5));
    sync(&home, &lake, &[]);
    assert!(!lake.join("explanation_of_benefit").join(removed).exists());
    assert_same(&lake, &[("a", &home)]);
    // Tables of other tools: one needs what payersync does not know, the first commits of one are gone.
    let protocol = r#"{"protocol":{"minReaderVersion":3,"minWriterVersion":7}}"#;
    for (table, commit, text) in [("newer", 0, protocol), ("tidied", 5, "{}")] {
        let log = lake.join(table).join("_delta_log");
        fs::create_dir_all(&log).unwrap();
        fs::write(log.join(format!("{commit:020}.json")), text).unwrap();
    }
    let before = files(&lake);
    sync(&home, &lake, &[]);
    assert_eq!(files(&lake), before);
}

#[test]
fn a_lake_killed_at_random_is_whole_after_the_next_sync() {
    let (_payer, home) = two_members();
    let folder = Home::new();
    let lake = folder.file("lake");
    let began = Instant::now();
    sync(&home, &folder.file("measured"), &["--shard", "a"]);
    let whole = began.elapsed();
    let (mut killed, mut seed) = (0, 17_u64);
    for round in 0.. {
        if killed == 12 {
            break;
        }
        // So many that ended first would mean that none can be killed.
        assert!(round < 100, "{killed} were killed");
        // Each digest begins with the connection's random name: every row counts as changed.
        home.warehouse().execute_batch("UPDATE connection SET uid = uid || 'x'").unwrap();
        let words = ["lake", "sync", lake.to_str().unwrap(), "--shard", "a"];
        let mut child = home.command(&words).stderr(Stdio::null()).spawn().unwrap();
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        thread::sleep(whole.mul_f64((seed >> 40) as f64 / (1_u64 << 24) as f64));
        killed += usize::from(child.try_wait().unwrap().is_none());
        let _ = child.kill();
        child.wait().unwrap();
        if round % 5 == 4 {
            sync(&home, &lake, &["--shard", "a"]);
            assert_same(&lake, &[("a", &home)]);
        }
    }
    sync(&home, &lake, &["--shard", "a", "--keep-days", "0"]);
    thread::sleep(Duration::from_millis(5));
    sync(&home, &lake, &[]);
    assert_same(&lake, &[("a", &home)]);
    // What the killed ones left is gone: each file of data is in the log, once.
    let table = lake.join("explanation_of_benefit");
    let is_data = |path: &&PathBuf| !path.to_str().unwrap().contains("_delta_log");
    assert_eq!(files(&table).iter().filter(is_data).count(), 1);
}

#[test]
fn a_purge_leaves_no_string_of_the_member_in_the_lake() {
    let Purgeable { payer, home, canaries } = Purgeable::new(&SHORT_SYNC, 5);
    let folder = Home::new();
    let lake = folder.file("lake");
    sync(&home, &lake, &["--shard", "a"]);
    amend(&payer, &home, 0);
    sync(&home, &lake, &[]);
    let written = files(&lake.join("patient").join("lake_shard=a"));
    let half = written[0].with_file_name("0011223344556677.zstd.parquet#1");
    fs::write(&half, canaries.iter().flatten().copied().collect::<Vec<u8>>()).unwrap();
    assert!(half.exists());
    let outcome = home.run(&["purge", "leaver-in-chief", "--yes"]);
    assert_eq!(outcome.code, 0, "{}{}", outcome.stdout, outcome.stderr);
    assert!(!outcome.stderr.contains("Earlier copies are not touched"), "{}", outcome.stderr);
    assert_same(&lake, &[("a", &home)]);
    assert_eq!(sightings(&lake, &canaries), Vec::<String>::new());
    // No file is left that was written while the member was there.
    let purged: Vec<String> = fs::read_dir(&lake)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "_payersync")
        .flat_map(|table| {
            let past = log(&lake, &table).into_iter().filter_map(move |line| {
                let path = line["remove"]["path"].as_str()?.to_owned();
                Some(format!("{table}/{path}"))
            });
            past.collect::<Vec<_>>()
        })
        .collect();
    assert!(purged.len() > 10, "{purged:?}");
    let left: Vec<&String> = purged.iter().filter(|path| lake.join(path).exists()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_purge_is_unfinished_while_a_lake_cannot_be_brought_up_to_date() {
    let Purgeable { home, canaries, .. } = Purgeable::new(&SHORT_SYNC, 5);
    let folder = Home::new();
    let lake = folder.file("lake");
    sync(&home, &lake, &["--shard", "a"]);
    let owner = lake.join("_payersync").join("a.json");
    let ours = fs::read(&owner).unwrap();
    fs::write(&owner, r#"{"home":"another"}"#).unwrap();
    let arguments = ["purge", "leaver-in-chief", "--yes"];
    for _ in 0..2 {
        let outcome = home.run(&arguments);
        assert_eq!(outcome.code, 2, "{}", outcome.stderr);
        assert!(outcome.stderr.contains("may hold what was purged"), "{}", outcome.stderr);
        assert_eq!(home.value::<i64>("SELECT count(*) FROM purge_unfinished"), 1);
        assert_ne!(home.run(&["verify"]).code, 0);
    }
    fs::write(&owner, ours).unwrap();
    let outcome = run(&home, &lake, &["--shard", "a"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("Finished an earlier purge"), "{}", outcome.stderr);
    assert_eq!(home.value::<i64>("SELECT count(*) FROM purge_unfinished"), 0);
    assert_eq!(sightings(&lake, &canaries), Vec::<String>::new());
    home.succeed(&["verify"], "a finished purge");
}

#[test]
fn two_homes_write_one_lake_at_the_same_time() {
    let (_one, first) = two_members();
    let (_two, second) = two_members();
    let folder = Home::new();
    let lake = folder.file("lake");
    let homes = [("a", &first), ("b", &second)];
    thread::scope(|scope| {
        for (shard, home) in homes {
            let lake = &lake;
            scope.spawn(move || sync(home, lake, &["--shard", shard]));
        }
    });
    assert_same(&lake, &homes);
    // A home that takes another one's name would remove its rows.
    let outcome = run(&Home::copy(&second), &folder.file("lake"), &["--shard", "a"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("this home is shard b"), "{}", outcome.stderr);
    let (_three, third) = two_members();
    let outcome = run(&third, &lake, &["--shard", "a"]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("belongs to another home"), "{}", outcome.stderr);
    assert_same(&lake, &homes);
    sync(&third, &lake, &["--shard", "a", "--take-over"]);
    assert_same(&lake, &[("a", &third), ("b", &second)]);
}

#[test]
fn a_table_whose_definition_is_others_is_written_anew() {
    let (_payer, home) = two_members();
    let folder = Home::new();
    let lake = folder.file("lake");
    sync(&home, &lake, &["--shard", "a"]);
    home.warehouse()
        .execute_batch(
            "ALTER TABLE patient ADD COLUMN shoe_size INTEGER; UPDATE patient SET shoe_size = 44",
        )
        .unwrap();
    sync(&home, &lake, &[]);
    assert_same(&lake, &[("a", &home)]);
    let metadata = log(&lake, "patient").iter().filter(|line| !line["metaData"].is_null()).count();
    assert_eq!(metadata, 2);
}

#[test]
fn a_column_that_changes_its_type_in_two_homes_holds_up_neither() {
    let (_one, first) = two_members();
    let (_two, second) = two_members();
    let folder = Home::new();
    let lake = folder.file("lake");
    let homes = [("a", &first), ("b", &second)];
    for (shard, home) in homes {
        let sql = "ALTER TABLE patient ADD COLUMN shoe_size TEXT";
        home.warehouse().execute_batch(sql).unwrap();
        sync(home, &lake, &["--shard", shard]);
    }
    assert_same(&lake, &homes);
    for (_, home) in homes {
        let sql = "PRAGMA writable_schema = ON; UPDATE sqlite_schema
                   SET sql = replace(sql, 'shoe_size TEXT', 'shoe_size INTEGER') WHERE name = 'patient'";
        home.warehouse().execute_batch(sql).unwrap();
    }
    let outcome = run(&first, &lake, &[]);
    assert_eq!(outcome.code, 2, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("patient.shoe_size is "), "{}", outcome.stderr);
    sync(&second, &lake, &[]);
    sync(&first, &lake, &[]);
    assert_same(&lake, &homes);
}

#[test]
fn a_reader_finds_all_in_the_checkpoint_when_old_commits_are_gone() {
    let (_payer, home) = two_members();
    let lake = home.file("lake");
    let log = lake.join("connection/_delta_log");
    for night in 0..12 {
        let sql = format!("UPDATE connection SET member = 'night {night}' WHERE name = 'john'");
        home.warehouse().execute(&sql, []).unwrap();
        sync(&home, &lake, &["--shard", "a"]);
    }
    let last: Value =
        serde_json::from_slice(&fs::read(log.join("_last_checkpoint")).unwrap()).unwrap();
    assert_eq!(last["version"], 9, "{last}");
    assert!(log.join("00000000000000000009.checkpoint.parquet").exists());
    // A table with few commits has none.
    assert!(!lake.join("coverage/_delta_log/_last_checkpoint").exists());
    for commit in 0..=9 {
        fs::remove_file(log.join(format!("{commit:020}.json"))).unwrap();
    }
    assert_same(&lake, &[("a", &home)]);
    let by_duckdb = [("LAKE_READER", "duckdb".to_owned())];
    assert_same_at(lake.to_str().unwrap(), &by_duckdb, &[("a", &home)]);

    // The home goes on where it was; another one, which would have to read what is gone, says so.
    sync(&home, &lake, &[]);
    let memories = files(home.file("lake").parent().unwrap()).into_iter();
    let is_memory = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("lake.") && name != "lake.json"
    };
    memories.filter(is_memory).for_each(|path| fs::remove_file(path).unwrap());
    let outcome = run(&home, &lake, &[]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("first commits of the table connection"), "{}", outcome.stderr);
    fs::remove_dir_all(lake.join("connection")).unwrap();
    sync(&home, &lake, &[]);
    assert_same(&lake, &[("a", &home)]);
}

#[cfg(unix)]
#[test]
fn nobody_else_can_lead_a_lakes_tables_elsewhere_or_read_them() {
    use std::os::unix::fs::PermissionsExt;
    let payer = Payer::rich();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "a consent");
    let set = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    let folder = Home::new();
    let lake = folder.file("lake");
    fs::create_dir(&lake).unwrap();
    for (of_folder, of_lake) in [(0o755, 0o1777), (0o755, 0o770), (0o777, 0o755)] {
        set(folder.path(), of_folder);
        set(&lake, of_lake);
        let outcome = run(&home, &lake, &[]);
        assert_eq!(outcome.code, 1, "{of_folder:o} {of_lake:o}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("can be written by others"), "{}", outcome.stderr);
        assert_eq!(fs::read_dir(&lake).unwrap().count(), 0);
    }
    set(folder.path(), 0o755);
    let command = home.command(&["lake", "sync", lake.to_str().unwrap()]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 0; exec \"$@\"", "sh"]).arg(command.get_program());
    assert!(shell.args(command.get_args()).output().unwrap().status.success());
    let modes: Vec<u32> = files(&lake)
        .iter()
        .map(|file| fs::metadata(file).unwrap().permissions().mode() & 0o777)
        .collect();
    assert!(modes.len() > 10 && modes.iter().all(|mode| mode & 0o027 == 0), "{modes:?}");
}
