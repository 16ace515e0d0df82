//! Each dependency has a home in the house, or may be named anywhere.

use crate::tidy_source::sources;
use std::{collections::BTreeSet, fs};

/// Crates with one home, and that home. `commands/` is where things are shown to people.
const HOMES: &[(&str, &[&str])] = &[
    ("age", &["warehouse/file/seal.rs"]),
    ("aho_corasick", &["http/secrets.rs"]),
    (
        "aws_lc_rs",
        &["auth/token/", "commands/export/deidentify/", "fhir/attachment.rs", "sandbox/oauth/"],
    ),
    ("axum", &["sandbox/", "auth/consent/callback.rs", "auth/consent/start_page.rs"]),
    ("backoff", &["http/retry.rs"]),
    ("base64", &["auth/", "commands/report/page.rs", "fhir/attachment.rs", "http/", "sandbox/"]),
    ("chacha20poly1305", &["auth/vault/cipher.rs"]),
    ("clap", &["cli.rs", "cli/", "main.rs"]),
    ("clap_complete", &["cli/"]),
    ("clap_mangen", &["cli/"]),
    ("comfy_table", &["commands/"]),
    ("strsim", &["alike.rs"]),
    ("terminal_size", &["commands/terminal.rs"]),
    ("unicode_width", &["commands/"]),
    ("cron", &["schedule"]),
    ("chrono_tz", &["schedule", "config", "commands/run/week.rs"]),
    ("csv", &["commands/"]),
    (
        "getrandom",
        &["auth/random.rs", "commands/consent.rs", "own_file.rs", "sandbox/oauth/grants.rs"],
    ),
    ("flate2", &["commands/import/", "http/", "sandbox/tests/faults.rs"]),
    ("governor", &["http/"]),
    ("icu_normalizer", &["warehouse/tables/marts/"]),
    ("indicatif", &["commands/progress.rs"]),
    ("maud", &["commands/report/"]),
    ("object_store", &["commands/lake/store.rs"]),
    ("parquet", &["commands/export/columnar.rs", "commands/lake/checkpoint.rs"]),
    ("rand_chacha", &["sandbox/members/rng.rs"]),
    ("refinery", &["warehouse/"]),
    ("reqwest", &["http/"]),
    ("rusqlite", &["warehouse/", "auth/vault/"]),
    ("rustix", &["commands/system.rs", "own_file.rs"]),
    ("toml", &["config/"]),
    ("tracing_subscriber", &["commands/logging", "commands/terminal.rs"]),
    ("zip", &["commands/codes/", "commands/import/"]),
];

/// Crates that any module may speak: data, errors, time, tasks.
const EVERYWHERE: &[&str] = &[
    "anyhow",
    "base16ct",
    "bytes",
    "chrono",
    "secrecy",
    "serde",
    "serde_json",
    "sha2",
    "thiserror",
    "tokio",
    "tracing",
    "url",
    "zeroize",
];

#[test]
fn every_dependency_has_a_home_and_stays_there() {
    let manifest = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let dependencies: BTreeSet<String> = manifest
        .lines()
        .skip_while(|line| *line != "[dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| Some(line.split_once(" = ")?.0.replace('-', "_")))
        .collect();
    let homes: BTreeSet<String> = HOMES
        .iter()
        .map(|(name, _)| *name)
        .chain(EVERYWHERE.iter().copied())
        .map(str::to_owned)
        .collect();
    assert_eq!(dependencies, homes, "give a new dependency a home in this file");
    let sources = sources();
    let strays = sources.iter().flat_map(|source| {
        HOMES
            .iter()
            .filter(|(name, homes)| !source.is_in(homes) && source.names_crate(name))
            .map(|(name, homes)| format!("{} names {name}, which lives in {homes:?}", source.path))
    });
    let strays: Vec<String> = strays.collect();
    assert!(strays.is_empty(), "\n{}\n", strays.join("\n"));
}
