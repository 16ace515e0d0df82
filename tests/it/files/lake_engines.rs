//! Every mart and every view of the Tuva layer on other engines, over the lake: the rows are SQLite's, to the
//! cent.
#![cfg(feature = "lake")]

use crate::{
    files::lake::sync,
    support::{Home, python_with_delta, python_with_spark},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Files of SQL in a folder of the configuration.
fn count(folder: &str) -> usize {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config").join(folder);
    fs::read_dir(folder).unwrap().count()
}

/// Runs all of them over the lake of a home with the demo's members, so many from their own SQL.
#[track_caller]
fn assert_the_same_on(engine: &str, python: Option<PathBuf>, own: usize) {
    // Nobody else opens an encrypted warehouse.
    let Some(python) = python.filter(|_| cfg!(not(feature = "encryption"))) else { return };
    let (home, folder) = (Home::of_demo(), Home::new());
    let lake = folder.file("lake");
    sync(&home, &lake, &["--shard", "east"]);
    let output = Command::new(python)
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/engine_check.py"))
        .args([engine.as_ref(), lake.as_os_str(), "east".as_ref()])
        .arg(home.file("warehouse.db"))
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/config"))
        .env("SAIL_MODE", "local-cluster")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let made = |how: &str| said.lines().filter(|line| line.starts_with(how)).count();
    let all = count("marts") + count("tuva");
    assert_eq!((made("own SQL "), made("lake ")), (own, all - own), "{said}");
}

#[test]
fn every_mart_has_the_same_rows_on_sail() {
    assert_the_same_on("sail", python_with_delta(), 18);
}

#[test]
fn every_mart_has_the_same_rows_on_duckdb() {
    assert_the_same_on("duckdb", python_with_delta(), 19);
}

#[test]
fn every_mart_has_the_same_rows_on_spark() {
    assert_the_same_on("spark", python_with_spark(), 18);
}
