//! README.md is a front page, and true: its commands run, its answers are the demo's, its links
//! lead somewhere. So do the commands and links of the other documents.
#![cfg(unix)]

use crate::{
    commands::{codes, command_examples::Stage},
    support::{Home, at_terminal, scripts},
};
use payersync::exit_code::ExitCode;
use std::{
    fs,
    path::{Path, PathBuf},
};

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_readme_is_short_and_names_every_exit_code() {
    let readme = read("README.md");
    assert!(readme.lines().count() <= 150, "{} lines", readme.lines().count());
    let operations = read("docs/operations.md");
    for code in ExitCode::ALL {
        let row = format!("| {} | {} |", code as u8, code.describe());
        assert!(readme.contains(&row), "README.md lacks {row}");
        assert!(operations.contains(&format!("| {} | ", code as u8)), "operations.md: {row}");
    }
}

/// Each SQL block with the Markdown table behind it.
fn answers(readme: &str) -> Vec<(String, String)> {
    let blocks = readme.split("```sql\n").skip(1);
    blocks
        .map(|block| {
            let (sql, behind) = block.split_once("```\n").unwrap();
            let table = behind.lines().skip(1).take_while(|line| line.starts_with('|'));
            (sql.to_owned(), table.map(|line| format!("{line}\n")).collect())
        })
        .collect()
}

#[test]
fn the_answers_and_the_picture_are_the_demos() {
    let home = Home::new();
    let screen = at_terminal(home.command(&["demo"]), 80, 24);
    let said = screen.text();
    assert_eq!(screen.code, 0, "{said}");
    let answers = answers(&read("README.md"));
    assert_eq!(answers.len(), 4);
    for (sql, table) in answers {
        let outcome = home.run(&["query", "--format", "markdown", &sql]);
        assert_eq!(outcome.stdout, table, "{sql}");
    }
    let picture = read("docs/demo.svg");
    let lines: Vec<String> = picture
        .lines()
        .filter(|line| line.starts_with("<text"))
        .map(|line| {
            let text = line.split_once('>').unwrap().1.strip_suffix("</text>").unwrap();
            text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        })
        .collect();
    assert!(lines.len() > 25, "{lines:?}");
    // When it was drawn, and where a line of the summary broke, is nobody's question.
    let words = |text: &str| {
        let words = text.split_whitespace().filter(|word| !word.starts_with("20"));
        words.collect::<Vec<_>>().join(" ")
    };
    let said = words(&said);
    for line in lines.iter().skip(1) {
        let line = words(line);
        assert!(said.contains(&line), "scripts/picture draws docs/demo.svg anew: {line}");
    }
}

/// In cargo's place, for the commands that build.
const CARGO: &str = "case \"$*\" in
  'run --release -- demo') unset PAYERSYNC_HOME; exec payersync demo ;;
  'install --path .') ;;
  *) echo \"not a command of the README: $*\" >&2; exit 1 ;;
esac";

#[test]
fn the_readmes_commands_lead_to_a_synced_plan() {
    let stage = Stage::new();
    let [two, init, connect, sync] = <[String; 4]>::try_from(scripts(&read("README.md"))).unwrap();
    let home = Home::new();
    let work = tempfile::tempdir().unwrap();
    let play = |script: &str| {
        let programs = [("cargo", CARGO.to_owned())];
        let outcome = stage.play(&home, work.path(), script, &programs);
        assert_eq!(outcome.code, 0, "{script}: {}{}", outcome.stdout, outcome.stderr);
        outcome.stdout
    };
    let said = play(&two);
    assert!(said.contains("Is anything missing?"), "{said}");
    assert!(work.path().join("payersync-demo/warehouse.db").exists());
    play(&init);
    // What a person enters in step 2.
    let written = fs::read_to_string(home.file("payersync.toml")).unwrap();
    assert!(written.contains("\n[plans.demo]\n"));
    stage.payer.configure(&home, "redirect_url = \"http://127.0.0.1:0/callback\"\n");
    play(&connect);
    let said = play(&sync);
    assert!(said.contains("mary at plan demo"), "{said}");
    assert!(said.contains("claim_current"), "{said}");
}

/// Documents whose commands are run by tests of their own; `documents` holds that there is one for each.
const ELSEWHERE: [&str; 6] = [
    "docs/install.md",
    "docs/lake.md",
    "docs/production-access/README.md",
    "docs/recipes.md",
    "docs/upgrading.md",
    "docs/vault-key.md",
];

fn documents() -> Vec<PathBuf> {
    let folders = [".", "docs", "docs/commands", "docs/tables", "docs/production-access"];
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .map(|path| path.strip_prefix("./").unwrap_or(&path).to_owned())
        .collect();
    paths.sort();
    paths
}

/// Whether the commands of a document are run here.
pub(crate) fn runs(document: &str) -> bool {
    let is_page = document.starts_with("docs/") && !document.starts_with("docs/commands/");
    is_page && !ELSEWHERE.contains(&document)
}

#[test]
fn the_commands_of_the_documents_run_as_they_stand() {
    let stage = Stage::new();
    let mut looked = 0;
    for path in documents() {
        let name = path.display().to_string();
        if !runs(&name) {
            continue;
        }
        let text = read(&name);
        let work = tempfile::tempdir().unwrap();
        let home = stage.home.copy();
        codes::publish(work.path());
        for script in scripts(&text) {
            let outcome = stage.play(&home, work.path(), &script, &[]);
            let said = format!("{}{}", outcome.stdout, outcome.stderr);
            assert_eq!(outcome.code, 0, "{name}: {script}: {said}");
            looked += 1;
        }
        for sql in text.split("```sql\n").skip(1).map(|block| block.split("```").next().unwrap()) {
            // Another engine's statements are tried with that engine.
            if sql.starts_with("SELECT") {
                home.rows(sql.trim().trim_end_matches(';'));
                looked += 1;
            }
        }
    }
    assert!(looked >= 6, "{looked}");
}

/// Titles as the links of Markdown name them.
fn anchors(text: &str) -> Vec<String> {
    let titles = text.lines().filter(|line| line.starts_with('#'));
    titles
        .map(|title| {
            let title = title.trim_start_matches('#').trim().to_lowercase();
            let kept = title.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let mut links = 0;
    let mut lost = Vec::new();
    for path in documents() {
        let text = read(&path.display().to_string());
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains(' ') || link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            links += 1;
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let folder = path.parent().unwrap_or(Path::new(""));
            let target = if file.is_empty() { path.clone() } else { folder.join(file) };
            let is_there = match fs::read_to_string(&target) {
                _ if anchor.is_empty() => target.exists(),
                Ok(text) => anchors(&text).iter().any(|known| known == anchor),
                Err(_) => false,
            };
            if !is_there {
                lost.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(links > 60, "{links}");
    assert!(lost.is_empty(), "{lost:#?}");
}
