//! The house is kept as it is drawn: what may stand where, read from the sources as text.
//!
//! A rule that gets in the way is changed here, in the open, with its reason beside it.

use crate::tidy_source::{is_snake_case, sources, tracked_texts};
use std::{fs, path::Path};

/// What each module may know of ours. What is not listed may know nothing.
const MAY_KNOW: &[(&str, &[&str])] = &[
    // The faults of the sandbox are values of a flag.
    ("cli", &["sandbox", "shard"]),
    (
        "commands",
        &[
            "alike",
            "auth",
            "cli",
            "clock",
            "config",
            "exit_code",
            "fhir",
            "http",
            "monitor",
            "notify",
            "outcome",
            "own_file",
            "plural",
            "reference",
            "sandbox",
            "schedule",
            "shard",
            "sync",
            "view",
            "warehouse",
        ],
    ),
    ("config", &["alike", "auth", "fhir", "http", "reference", "schedule", "shard"]),
    (
        "sync",
        &[
            "auth",
            "clock",
            "exit_code",
            "fhir",
            "fingerprint",
            "http",
            "monitor",
            "outcome",
            "plural",
            "reference",
            "view",
            "warehouse",
        ],
    ),
    (
        "fuzzing",
        &["auth", "clock", "commands", "fhir", "http", "monitor", "own_file", "view", "warehouse"],
    ),
    ("fhir", &["auth", "clock", "fingerprint", "http", "instant", "outcome", "r4", "reference"]),
    // Names of types in a path may be shown. Shards take turns at a limit by the time of day.
    ("http", &["clock", "r4", "shard"]),
    ("monitor", &["outcome"]),
    ("notify", &["clock", "config", "exit_code", "http", "own_file", "plural"]),
    ("outcome", &["exit_code", "plural"]),
    ("fingerprint", &["view"]),
    // An assertion says until when it is good.
    ("auth", &["clock", "http", "own_file"]),
    // Which type or element a misspelt name meant.
    ("view", &["r4", "reference"]),
    (
        "warehouse",
        &[
            "clock",
            "fingerprint",
            "instant",
            "monitor",
            "outcome",
            "own_file",
            "plural",
            "reference",
            "view",
        ],
    ),
];

/// Words that stand in a few places only.
const WORDS: &[(&str, &[(&str, &str)])] = &[
    (
        "Utc::now",
        &[
            ("clock.rs", "the one place that asks"),
            ("http/client.rs", "a Retry-After date of a server that does not say what time it has"),
            ("sandbox/", "a server has a clock of its own"),
        ],
    ),
    ("SystemTime::now", &[]),
    ("println!", &[]),
    ("print!", &[]),
    ("eprintln!", &[]),
    ("eprint!", &[]),
    ("dbg!", &[]),
    ("io::stdout", &[("commands/terminal.rs", "where a terminal is shown what it would obey")]),
    ("io::stderr", &[("commands/terminal.rs", "where a terminal is shown what it would obey")]),
    ("process::exit", &[]),
    (
        "env::var",
        &[
            ("config/secret_file.rs", "the folder of systemd's credentials"),
            ("config/secret_source.rs", "a variable with a secret, which the configuration names"),
            ("commands/home.rs", "where XDG puts a user's data"),
            ("commands/config.rs", "which variables `config show` has to name"),
            ("commands/shard.rs", "which pod of an indexed Job this is"),
            ("commands/browser.rs", "the browser of the user's choice"),
            ("commands/handed_on.rs", "what a browser and a pager inherit"),
            ("commands/pager.rs", "the pager of the user's choice"),
            ("commands/key_command.rs", "what the command for the vault's key inherits"),
            ("commands/vault_key.rs", "the vault's key"),
            ("notify/program.rs", "what a program that tells somebody inherits"),
        ],
    ),
    ("env::home_dir", &[("commands/home.rs", "the default home")]),
    ("unsafe ", &[]),
    ("#[allow(", &[]),
    ("#![allow(", &[]),
    ("todo!", &[]),
    // `warehouse/walks/kinds.rs` has the lists.
    ("mode IN (", &[]),
    ("mode NOT IN (", &[]),
];

const LONGEST_FILE: usize = 400;
const LONGEST_MEDIAN: usize = 150;

#[test]
fn no_module_knows_more_than_it_should() {
    let sources = sources();
    let strangers = sources.iter().filter(|source| !source.is_root()).flat_map(|source| {
        let may_know = MAY_KNOW
            .iter()
            .find(|(name, _)| *name == source.module())
            .map_or(&[][..], |(_, known)| *known);
        source
            .modules_named()
            .into_iter()
            .filter(|name| name != source.module() && !may_know.contains(&name.as_str()))
            .map(|name| format!("{} names crate::{name}", source.path))
            .collect::<Vec<_>>()
    });
    nothing(strangers);
}

/// Nouns that people are told numbers of.
const COUNTED: [&str; 19] = [
    "bytes",
    "cells",
    "connections",
    "files",
    "lines",
    "members",
    "pages",
    "plans",
    "problems",
    "references",
    "rejects",
    "requests",
    "resources",
    "rows",
    "runs",
    "tables",
    "types",
    "views",
    "windows",
];

/// Plurals behind a number that is never one, or behind a name.
const NEVER_ONE: [&str; 7] = [
    "all {number} types",
    "of {total} resources",
    "more than {MOST_BYTES} bytes",
    "{received} of {} bytes",
    "{pages} pages in a row",
    "--home {folder} tables",
    "{what} types",
];

#[test]
fn a_number_is_told_with_its_noun_by_the_helper() {
    let sources = sources();
    let told = sources.iter().filter(|source| matches!(source.module(), "commands" | "sync"));
    let mut looked = 0;
    let mut wrong = Vec::new();
    for line in told.flat_map(|source| {
        looked += 1;
        source.product.lines().map(|line| format!("{}: {}", source.path, line.trim()))
    }) {
        let is_plural = |noun: &&str| {
            let (_, rest) = line.split_once(&format!("}} {noun}"))?;
            Some(!rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        };
        let found = COUNTED.iter().any(|noun| is_plural(noun) == Some(true));
        if found && !NEVER_ONE.iter().any(|known| line.contains(known)) {
            wrong.push(line);
        }
    }
    assert!(looked > 50, "{looked} files");
    assert!(wrong.is_empty(), "plural::count tells a number with its noun: {wrong:#?}");
}

#[test]
fn words_with_a_place_stand_there_alone() {
    let sources = sources();
    let strays = sources.iter().flat_map(|source| {
        WORDS
            .iter()
            .filter(|(word, places)| {
                source.product.contains(word)
                    && !places.iter().any(|(place, _)| source.is_in(&[place]))
            })
            .map(|(word, _)| format!("{}: {word}", source.path))
    });
    nothing(strays);
}

#[test]
fn files_are_short_and_say_what_they_are() {
    let mut lengths: Vec<usize> =
        sources().iter().map(|source| source.text.lines().count()).collect();
    lengths.sort_unstable();
    let median = lengths[lengths.len() / 2];
    assert!(median <= LONGEST_MEDIAN, "the median file has {median} lines");
    let poor = tracked_texts().into_iter().filter(|(path, _)| path.ends_with(".rs")).filter_map(
        |(path, text)| {
            let lines = text.lines().count();
            if lines > LONGEST_FILE {
                return Some(format!("{path} has {lines} lines"));
            }
            (!text.starts_with("//! ")).then(|| format!("{path} does not begin with //!"))
        },
    );
    nothing(poor);
}

#[test]
fn no_file_names_a_machine_a_registry_or_work_left_to_do() {
    // In pieces, so that this file is not found.
    let words = [
        ["/wo", "rk/"],
        ["/ro", "ot/"],
        ["/far", "m/"],
        ["/Us", "ers/"],
        ["registry.npm", "js"],
        ["py", "pi.org"],
        ["pythonhosted", ".org"],
        ["deb.deb", "ian.org"],
        ["crates", ".io/api"],
        ["index.crates", ".io"],
        ["TO", "DO"],
        ["FIX", "ME"],
    ]
    .map(|parts| parts.concat());
    // cargo writes the lock file.
    let texts = tracked_texts().into_iter().filter(|(path, _)| path != "Cargo.lock");
    nothing(texts.flat_map(|(path, text)| {
        words
            .iter()
            .filter(|word| text.contains(word.as_str()))
            .map(|word| format!("{path}: {word}"))
            .collect::<Vec<_>>()
    }));
}

#[test]
fn migrations_are_numbered_without_a_gap_and_named_in_snake_case() {
    let mut names = files("migrations");
    names.sort();
    for (position, name) in names.iter().enumerate() {
        let rest = name.strip_prefix(&format!("V{:04}__", position + 1));
        let rest = rest.and_then(|rest| rest.strip_suffix(".sql"));
        // A hyphen would make refinery skip the file without a word.
        assert!(rest.is_some_and(is_snake_case), "{name}");
    }
}

#[test]
fn every_view_and_mart_is_named_as_its_file_and_described() {
    let mut poor = Vec::new();
    for file in files("config/views") {
        let view: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(root("config/views").join(&file)).unwrap())
                .unwrap();
        let name = view["name"].as_str().unwrap_or_default();
        if file != format!("{name}.json") || !is_snake_case(name) {
            poor.push(format!("{file} is named {name}"));
        }
        if view["description"].as_str().is_none_or(str::is_empty) {
            poor.push(format!("{file} has no description"));
        }
    }
    let marts = files("config/marts").into_iter().map(|file| ("config/marts", "", file));
    let tuva = files("config/tuva").into_iter().map(|file| ("config/tuva", "tuva_", file));
    for (folder, prefix, file) in marts.chain(tuva) {
        let sql = fs::read_to_string(root(folder).join(&file)).unwrap();
        let name = format!("{prefix}{}", file.strip_suffix(".sql").unwrap_or_default());
        let creates = [format!("\nCREATE VIEW {name} AS\n"), format!("\nCREATE TABLE {name} (\n")];
        if !is_snake_case(&name) || !creates.iter().any(|create| sql.contains(create)) {
            poor.push(format!("{file} does not create {name}"));
        }
        if !sql.starts_with("-- ") {
            poor.push(format!("{file} does not begin with its question"));
        }
    }
    nothing(poor);
}

fn root(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn files(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root(folder)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn nothing(found: impl IntoIterator<Item = String>) {
    let found: Vec<String> = found.into_iter().collect();
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}
