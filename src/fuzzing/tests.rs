//! Runs each target over its seeds, intact and damaged.
//!
//! `PAYERSYNC_FUZZ_CASES` says how many damaged seeds are tried.

use super::{TARGETS, Target};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use std::{fs, path::Path};

/// The number of damaged seeds per target.
const CASES: u32 = 2_000;
/// The number of damaged seeds for a target that writes a file for each seed.
const CASES_ON_DISK: u32 = 40;

/// Pieces of text that one of the readers treats specially.
const PIECES: &[&[u8]] = &[
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"null",
    b"1e400",
    b"-0",
    b"\xff",
    b"\xef\xbb\xbf",
    b"\"entry\":[",
    b"\"resource\":{",
    b"\"resourceType\":\"Bundle\"",
    b"s3cr3t-in-play",
    b"&state=the-state",
    b"&code=c",
    b"&iss=https://plan.example",
    b"%00",
    b"?",
    b"#",
    b"9999999999",
    b" GMT",
    b"\x1b[2J",
    b"\n",
    b"(",
    b")",
    b"'",
    b"@2024-02-30",
    b".repeat(",
    b" | ",
    b"PK\x03\x04",
    b"\x1f\x8b\x08",
];

#[derive(Debug, Clone)]
enum Edit {
    Byte(u8),
    Insert(usize),
    Cut(u16),
    Twice(u8),
    Drop(u8),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        any::<u8>().prop_map(Edit::Byte),
        (0..PIECES.len()).prop_map(Edit::Insert),
        any::<u16>().prop_map(Edit::Cut),
        any::<u8>().prop_map(Edit::Twice),
        any::<u8>().prop_map(Edit::Drop),
    ]
}

/// Damages a text at a place between its beginning (0) and its end (`u16::MAX`).
fn damage(text: &mut Vec<u8>, place: u16, edit: &Edit) {
    let at = usize::from(place) * text.len() / usize::from(u16::MAX);
    let piece_end = |length: &u8| (at + usize::from(*length)).min(text.len());
    match edit {
        Edit::Byte(byte) if at < text.len() => text[at] = *byte,
        Edit::Byte(byte) => text.push(*byte),
        Edit::Insert(piece) => drop(text.splice(at..at, PIECES[*piece].iter().copied())),
        // Done rarely: after a cut, little text is left to damage.
        Edit::Cut(chance) if chance % 8 == 0 => text.truncate(at),
        Edit::Cut(_) => {}
        Edit::Twice(length) => {
            let piece = text[at..piece_end(length)].to_vec();
            drop(text.splice(at..at, piece));
        }
        Edit::Drop(length) => drop(text.drain(at..piece_end(length))),
    }
}

fn seeds(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds").join(name);
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

fn target(name: &str) -> Target {
    TARGETS.iter().find(|target| target.0 == name).unwrap().1
}

fn fuzz(name: &str, cases: u32) {
    let (target, seeds) = (target(name), seeds(name));
    seeds.iter().for_each(|seed| target(seed));
    let asked = std::env::var("PAYERSYNC_FUZZ_CASES").ok().and_then(|text| text.parse().ok());
    let cases = asked.unwrap_or(cases);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let strategy = (0..seeds.len(), prop::collection::vec((any::<u16>(), edit()), 1..8));
    let ran = TestRunner::new(config).run(&strategy, |(seed, edits)| {
        let mut text = seeds[seed].clone();
        edits.iter().for_each(|(place, edit)| damage(&mut text, *place, edit));
        target(&text);
        Ok(())
    });
    ran.unwrap();
}

#[test]
fn any_page_is_indexed_or_refused() {
    fuzz("bundle", CASES);
}

#[test]
fn any_json_is_read_as_serde_json_reads_it() {
    fuzz("json", CASES);
}

#[test]
fn any_file_is_imported_part_by_part_or_named_with_its_trouble() {
    fuzz("import", CASES);
}

#[test]
fn any_expression_gives_rows_or_an_error() {
    fuzz("fhirpath", CASES);
}

#[test]
fn any_token_answer_keeps_its_secrets() {
    fuzz("token", CASES);
}

#[test]
fn any_retry_after_is_a_wait_or_none() {
    fuzz("retry-after", CASES);
}

#[test]
fn no_answer_of_another_request_brings_a_code() {
    fuzz("callback", CASES);
}

#[test]
fn any_altered_backup_is_a_warehouse_or_leaves_nothing() {
    fuzz("restore", CASES_ON_DISK);
}

#[test]
fn every_target_has_seeds_and_every_seed_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/seeds");
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    let mut targets = TARGETS.map(|target| target.0);
    targets.sort_unstable();
    assert_eq!(names, targets);
}
