//! What a build is made of: the bill of materials is whole and says what `Cargo.lock` says, and nothing
//! comes in that `deny.toml` forbids, also where cargo-deny is not installed.

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// The packages of a lock file: name and version, with source and checksum.
fn locked(path: &str) -> BTreeMap<(String, String), [Option<String>; 2]> {
    let text = fs::read_to_string(root().join(path)).unwrap();
    text.split("[[package]]")
        .skip(1)
        .map(|package| {
            let field = |name: &str| {
                let start = format!("{name} = \"");
                let line = package.lines().find_map(|line| line.strip_prefix(&start));
                line.map(|rest| rest.trim_end_matches('"').to_owned())
            };
            let key = (field("name").unwrap(), field("version").unwrap());
            (key, [field("source"), field("checksum")])
        })
        .collect()
}

/// The bill of materials; `None` where there is no Python.
fn bill() -> Option<String> {
    let python = Command::new("python3").arg("--version").output();
    if python.is_err() {
        assert!(std::env::var_os("CI").is_none(), "python3 is missing");
        eprintln!("SKIPPED: python3 is not installed");
        return None;
    }
    let output = Command::new("python3").arg("scripts/sbom").current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_bill_of_materials_is_whole_and_says_what_the_lock_file_says() {
    let Some(text) = bill() else { return };
    assert_eq!(bill().unwrap(), text, "two runs differ");
    let bill: Value = serde_json::from_str(&text).unwrap();
    assert_eq!([&bill["bomFormat"], &bill["specVersion"]], ["CycloneDX", "1.5"]);
    let locked = locked("Cargo.lock");
    let components = bill["components"].as_array().unwrap();
    let mut names = BTreeSet::new();
    let mut references =
        BTreeSet::from([bill["metadata"]["component"]["bom-ref"].clone().to_string()]);
    for component in components {
        let text = |key: &str| component[key].as_str().unwrap().to_owned();
        let key = (text("name"), text("version"));
        let checksum = component["hashes"][0]["content"].as_str().map(str::to_owned);
        assert_eq!(checksum, locked[&key][1], "{key:?}");
        assert_eq!(text("purl"), format!("pkg:cargo/{}@{}", key.0, key.1));
        let licence = component["licenses"][0]["expression"].as_str().unwrap();
        assert!(!licence.contains('/') && !licence.contains("  "), "{key:?}: {licence}");
        assert!(references.insert(component["bom-ref"].to_string()), "{key:?} is there twice");
        names.insert(key.0);
    }
    for name in ["age", "libsqlite3-sys", "reqwest", "rusqlite", "rustls"] {
        assert!(names.contains(name), "{name} is missing");
    }
    for name in ["proptest", "tempfile", "wiremock"] {
        assert!(!names.contains(name), "{name} is of the tests alone");
    }
    for needs in bill["dependencies"].as_array().unwrap() {
        let all = [vec![needs["ref"].clone()], needs["dependsOn"].as_array().unwrap().clone()];
        for reference in all.concat() {
            assert!(references.contains(&reference.to_string()), "{reference} leads nowhere");
        }
    }
}

#[test]
fn every_crate_is_from_the_registry_with_a_checksum_and_none_is_banned() {
    for path in ["Cargo.lock", "tests/fuzz/Cargo.lock"] {
        for ((name, version), [source, checksum]) in locked(path) {
            if name.starts_with("payersync") {
                assert_eq!([source, checksum], [None, None], "{name}");
                continue;
            }
            let of_registry = "registry+https://github.com/rust-lang/crates.io-index";
            assert_eq!(source.as_deref(), Some(of_registry), "{path}: {name} {version}");
            assert_eq!(checksum.unwrap().len(), 64, "{path}: {name} {version}");
            assert_ne!(name, "native-tls", "{path}");
        }
    }
}

#[test]
fn two_advisories_are_accepted_of_crates_that_one_file_needs() {
    let deny = fs::read_to_string(root().join("deny.toml")).unwrap();
    let (_, rest) = deny.split_once("[advisories]").unwrap();
    let (accepted, _) = rest.split_once("\n]").unwrap();
    let accepted: Vec<&str> = accepted.split("id = \"").skip(1).map(|rest| &rest[..17]).collect();
    assert_eq!(accepted, ["RUSTSEC-2025-0012", "RUSTSEC-2024-0384"]);
    let page = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    assert!(page.contains("- Two advisories are accepted in `deny.toml`"));
    let lock = fs::read_to_string(root().join("Cargo.lock")).unwrap();
    let needs = |crate_name: &str| -> Vec<&str> {
        let line = format!("\n \"{crate_name}\",\n");
        let needing = lock.split("[[package]]").filter(|package| package.contains(&line));
        needing.filter_map(|package| package.split('"').nth(1)).collect()
    };
    assert_eq!((needs("backoff"), needs("instant")), (vec!["payersync"], vec!["backoff"]));
}

/// `tests/fuzz` has a lock file of its own, which nothing but the fuzzer reads.
#[test]
fn the_fuzzer_is_built_of_the_versions_that_the_product_is_built_of() {
    let Some(text) = bill() else { return };
    let bill: Value = serde_json::from_str(&text).unwrap();
    let fuzzer = locked("tests/fuzz/Cargo.lock");
    let hint = "copy Cargo.lock to tests/fuzz and run cargo metadata there";
    for component in bill["components"].as_array().unwrap() {
        let text = |key: &str| component[key].as_str().unwrap().to_owned();
        let key = (text("name"), text("version"));
        assert!(fuzzer.contains_key(&key), "{key:?} is not in tests/fuzz/Cargo.lock: {hint}");
    }
}

#[test]
fn every_licence_is_one_that_is_allowed() {
    let Some(text) = bill() else { return };
    let bill: Value = serde_json::from_str(&text).unwrap();
    let deny = fs::read_to_string(root().join("deny.toml")).unwrap();
    let line = deny.lines().find_map(|line| line.strip_prefix("allow = [")).unwrap();
    let allowed: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
    for component in bill["components"].as_array().unwrap() {
        let name = component["name"].as_str().unwrap();
        let licence = component["licenses"][0]["expression"].as_str().unwrap();
        // One that stands in deny.toml with its crate is an exception of its own.
        let is_exception = deny.contains(&format!("crate = \"{name}\", allow"));
        assert!(is_exception || is_fine(licence, &allowed), "{name}: {licence}");
    }
}

/// Whether an SPDX expression can be met by the licences allowed: one side of each OR, all of an AND.
fn is_fine(expression: &str, allowed: &[&str]) -> bool {
    let expression = expression.trim();
    let split = |word: &str| -> Option<(&str, &str)> {
        let mut depth = 0;
        expression.char_indices().find_map(|(at, letter)| {
            depth += i32::from(letter == '(') - i32::from(letter == ')');
            (depth == 0 && expression[at..].starts_with(word))
                .then(|| (&expression[..at], &expression[at + word.len()..]))
        })
    };
    if let Some((left, right)) = split(" OR ") {
        return is_fine(left, allowed) || is_fine(right, allowed);
    }
    if let Some((left, right)) = split(" AND ") {
        return is_fine(left, allowed) && is_fine(right, allowed);
    }
    match expression.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')) {
        Some(inner) => is_fine(inner, allowed),
        None => allowed.contains(&expression),
    }
}
