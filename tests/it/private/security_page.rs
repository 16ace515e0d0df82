//! SECURITY.md: beside each promise stand the tests that hold it, and each of them is a test of this tree.

use crate::tidy_source::tracked_texts;
use std::{collections::BTreeSet, fs, path::Path};

/// Sections that promise nothing: how to report, what is not stopped, what is left to the operator.
const NO_PROMISES: [&str; 3] = ["Reporting", "What is not stopped", "What the operator does"];

/// The names of all tests: functions right behind an attribute that makes one.
fn tests() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (path, text) in tracked_texts() {
        if !path.ends_with(".rs") {
            continue;
        }
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            let declared = line.trim_start_matches("async ").strip_prefix("fn ");
            match declared {
                Some(rest) if is_test => {
                    names.extend(rest.split('(').next().map(str::to_owned));
                    is_test = false;
                }
                _ if line == "#[test]" || line.starts_with("#[tokio::test") => is_test = true,
                // Further attributes, and comments between, belong to it.
                _ if line.starts_with('#') || line.starts_with("//") => {}
                _ => is_test = false,
            }
        }
    }
    names
}

/// Headings with what stands below: a row of a table, an item of a list, or a paragraph each.
fn statements(page: &str) -> Vec<(String, String)> {
    let (mut section, mut found) = (String::new(), Vec::<(String, String)>::new());
    let mut is_open = false;
    for (number, line) in page.lines().enumerate() {
        let next = page.lines().nth(number + 1).unwrap_or_default();
        if let Some(heading) = line.strip_prefix("## ") {
            section = heading.to_owned();
        }
        let is_head = line.starts_with('#') || line.starts_with("|---") || next.starts_with("|---");
        if line.is_empty() || is_head {
            is_open = false;
            continue;
        }
        let is_item =
            line.starts_with("- ") || line.split(". ").next().unwrap().parse::<u8>().is_ok();
        match found.last_mut() {
            Some((_, text)) if is_open && !is_item && !line.starts_with('|') => {
                text.push('\n');
                text.push_str(line);
            }
            _ => found.push((section.clone(), line.to_owned())),
        }
        is_open = !line.starts_with('|');
    }
    found
}

/// The tests named beside a statement; `None` where it names none.
fn named(statement: &str) -> Option<Vec<&str>> {
    let (_, rest) = statement.split_once("<sub>tests: ")?;
    let (names, _) = rest.split_once("</sub>")?;
    Some(names.split(',').map(str::trim).collect())
}

#[test]
fn every_promise_of_the_security_page_names_tests_that_exist() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("SECURITY.md");
    let page = fs::read_to_string(path).unwrap();
    let (tests, statements) = (tests(), statements(&page));
    assert!(tests.len() > 900 && statements.len() > 70, "{} {}", tests.len(), statements.len());
    let mut wrong = Vec::new();
    for (section, statement) in &statements {
        let names = named(statement);
        let is_promise = !section.is_empty() && !NO_PROMISES.contains(&section.as_str());
        if is_promise && names.is_none() {
            wrong.push(format!("no test is named: {statement}"));
        }
        for name in names.into_iter().flatten().filter(|name| !tests.contains(*name)) {
            wrong.push(format!("{name} is no test: {statement}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn a_statement_without_a_test_and_a_test_without_a_body_are_found_out() {
    let page = "intro\n\n## A\n\n| a | b |\n|---|---|\n| x | y <sub>tests: t</sub> |\n| z | w |\n\n- one\n  two\n1. three\n";
    let statements = statements(page);
    let texts: Vec<&str> = statements.iter().map(|(_, text)| text.as_str()).collect();
    let expected =
        ["intro", "| x | y <sub>tests: t</sub> |", "| z | w |", "- one\n  two", "1. three"];
    assert_eq!(texts, expected);
    let names: Vec<_> = texts.iter().map(|text| named(text)).collect();
    assert_eq!(names, [None, Some(vec!["t"]), None, None, None]);
    assert!(tests().contains("a_statement_without_a_test_and_a_test_without_a_body_are_found_out"));
    assert!(!tests().contains("statements"));
}
