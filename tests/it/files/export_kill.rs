//! SIGKILL, a full disk and large tables: the old export stays whole, the next export removes what a
//! killed one left, and memory does not grow with the rows.
#![cfg(target_os = "linux")]

use crate::{
    files::export::manifest,
    never_lost::kill_steps::kill_at_each_step,
    support::{Faulty, Home, Payer, SHORT_SYNC, Watched},
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeSet,
    fs,
    process::{Command, Stdio},
};

const OLD: [&str; 1] = ["coverage"];
const NEW: [&str; 3] = ["claim", "coverage", "patient"];

/// A home with an export of [`OLD`].
fn exported() -> (Payer, Home) {
    let payer = Payer::rich();
    let home = payer.connected_home();
    home.succeed(&SHORT_SYNC, "nothing");
    home.succeed(&words(&home, &OLD).iter().map(String::as_str).collect::<Vec<_>>(), "a sync");
    (payer, home)
}

fn words(home: &Home, tables: &[&str]) -> Vec<String> {
    let folder = home.file("export").to_str().unwrap().to_owned();
    let tables = tables.iter().map(|table| (*table).to_owned());
    ["export".to_owned(), folder].into_iter().chain(tables).collect()
}

/// The tables of the export that is there, each file as the manifest says.
fn tables(home: &Home, when: &str) -> Vec<String> {
    let folder = home.file("export");
    let told = manifest(&folder);
    let mut names = BTreeSet::from(["manifest.json".to_owned()]);
    let mut tables = Vec::new();
    for file in told["files"].as_array().unwrap() {
        let name = file["name"].as_str().unwrap();
        let hash = Sha256::digest(fs::read(folder.join(name)).unwrap());
        let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(file["sha256"], hash, "{when}: {name}");
        names.insert(name.to_owned());
        tables.push(file["table"].as_str().unwrap().to_owned());
    }
    let found = fs::read_dir(&folder).unwrap();
    let found: BTreeSet<String> =
        found.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, names, "{when}");
    tables
}

fn left(home: &Home) -> Vec<String> {
    home.names().into_iter().filter(|name| name.contains("partial")).collect()
}

#[test]
fn an_export_killed_at_any_step_leaves_the_old_one_whole_or_the_new_one() {
    let (_payer, start) = exported();
    let (mut old, mut new, mut had_left) = (0, 0, 0);
    kill_at_each_step(
        &start,
        |home| words(home, &NEW),
        |home, when| {
            let found = tables(home, when);
            assert!(found == OLD || found == NEW, "{when}: {found:?}");
            old += usize::from(found == OLD);
            new += usize::from(found == NEW);
            had_left += usize::from(!left(home).is_empty());
            let again = words(home, &NEW);
            home.succeed(&again.iter().map(String::as_str).collect::<Vec<_>>(), when);
            assert_eq!(tables(home, when), NEW, "{when}");
            assert_eq!(left(home), Vec::<String>::new(), "{when}");
            home.succeed(&["verify"], when);
        },
    );
    assert!(old > 2 && new > 0 && had_left > 2, "{old} old, {new} new, {had_left} left something");
}

#[test]
fn an_export_that_meets_a_failing_disk_says_so_and_leaves_the_old_one() {
    let Some(faulty) = Faulty::build() else { return };
    let (_payer, start) = exported();
    let calm = start.copy();
    let arguments = |home: &Home| words(home, &NEW);
    let run = |home: &Home, at: usize, how: &str| {
        let words = arguments(home);
        faulty.run(home, &words.iter().map(String::as_str).collect::<Vec<_>>(), at, how)
    };
    let steps = run(&calm, 0, "").steps;
    // Of the writes to its own files, the first and the last; the warehouse's have tests of their own.
    let is_own = |step: &String| step.starts_with("write ") && step.contains("export");
    let own: Vec<usize> = (1..=steps.len()).filter(|at| is_own(&steps[at - 1])).collect();
    assert!(own.len() > NEW.len(), "{steps:?}");
    for at in [own[0], own[own.len() - 1]] {
        let home = start.copy();
        let failed = run(&home, at, "once:ENOSPC");
        failed.assert_decent(&format!("ENOSPC at {at}, {}", failed.step(at)));
        assert_eq!(tables(&home, "a full disk"), OLD);
        assert_eq!(left(&home), Vec::<String>::new());
        let logged = "SELECT detail FROM access_log WHERE command = 'export' ORDER BY id DESC";
        assert_eq!(home.rows(logged)[0], ["failed"]);
    }
}

/// Fills a table with invented rows.
fn fill(home: &Home, rows: u32) {
    let sql = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows})
         INSERT INTO coverage_class (connection_id, coverage_id, row_no, type_code, value, name)
         SELECT 1, 'c' || i, 0, 'group', 'value ' || (i * 7919 % 1000003), 'name ' || (i % 1000) FROM n"
    );
    home.warehouse().execute_batch(&sql).unwrap();
}

/// Exports a table of a million rows in a format.
#[track_caller]
fn assert_bounded(home: &Home, format: &str) {
    let folder = home.file("export");
    let arguments = ["export", folder.to_str().unwrap(), "coverage_class", "--format", format];
    let ended = Watched::start(home, &arguments).end();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(manifest(&folder)["files"][0]["rows"], 1_000_000);
    eprintln!("{format}: peak {} MiB", ended.peak_kib >> 10);
    // Of a debug build's program so much more is in memory than of a release build's.
    let limit = if cfg!(debug_assertions) { 64 + 16 } else { 64 };
    assert!(ended.peak_kib < limit << 10, "{format}: {} KiB", ended.peak_kib);
}

#[test]
fn an_export_that_is_asked_to_stop_leaves_nothing_of_itself() {
    let (_payer, home) = exported();
    fill(&home, 1_000_000);
    for name in ["INT", "TERM"] {
        let arguments = words(&home, &["coverage_class"]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut export = home.command(&arguments).stderr(Stdio::piped()).spawn().unwrap();
        while left(&home).is_empty() {
            assert!(export.try_wait().unwrap().is_none(), "it ended before it was asked to");
            std::thread::yield_now();
        }
        let kill = format!("kill -s {name} {}", export.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let output = export.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("an earlier export is as it was"), "{said}");
        assert_eq!(left(&home), Vec::<String>::new());
        assert_eq!(tables(&home, name), OLD);
    }
}

#[test]
fn a_million_rows_take_no_more_than_64_mebibytes() {
    let home = Payer::rich().connected_home();
    home.succeed(&["rebuild"], "nothing");
    fill(&home, 1_000_000);
    assert_bounded(&home, "csv");
    if cfg!(feature = "parquet") {
        assert_bounded(&home, "parquet");
    }
}
