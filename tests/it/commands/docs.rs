//! What is written about payersync is true of it: commands, flags, exit codes, configuration,
//! tables.

pub(crate) mod command_pages;
mod configuration_page;
mod table_pages;

use crate::support::article;
use clap::{Command, CommandFactory};
use payersync::{
    cli::Cli,
    config::{Settings, TEMPLATE},
    exit_code::ExitCode,
};
use std::{fs, path::Path};

fn root(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The command and all below it, each with its full name, and their arguments.
fn visit(command: &Command, name: &str, look: &mut dyn FnMut(&str, &Command)) {
    look(name, command);
    for below in command.get_subcommands().filter(|command| command.get_name() != "help") {
        visit(below, &format!("{name} {}", below.get_name()), look);
    }
}

#[test]
fn the_help_names_every_exit_code() {
    let help = Cli::command().render_long_help().to_string();
    let help = help.split("Exit codes:").nth(1).unwrap();
    for code in ExitCode::ALL {
        assert!(help.contains(&format!(" {} ", code as u8)), "{}", code.describe());
    }
}

#[test]
fn help_texts_are_sentences_with_a_capital_and_without_a_period() {
    let mut poor = Vec::new();
    let mut check = |whose: &str, text: Option<String>| {
        let Some(text) = text else {
            poor.push(format!("{whose} has no help"));
            return;
        };
        if !text.starts_with(|c: char| c.is_uppercase()) || text.ends_with('.') {
            poor.push(format!("{whose}: {text}"));
        }
    };
    visit(&Cli::command(), "payersync", &mut |name, command| {
        check(name, command.get_about().map(ToString::to_string));
        for argument in command.get_arguments() {
            let whose = format!("{name} {}", argument.get_id());
            check(&whose, argument.get_help().map(ToString::to_string));
            for value in argument.get_possible_values() {
                if let Some(help) = value.get_help() {
                    check(&format!("{whose} {}", value.get_name()), Some(help.to_string()));
                }
            }
        }
    });
    assert!(poor.is_empty(), "\n{}", poor.join("\n"));
}

#[test]
fn the_template_is_a_configuration() {
    let settings =
        Settings::parse(Path::new("home"), Path::new("payersync.toml"), TEMPLATE).unwrap();
    assert_eq!(settings.plans.len(), 1);
}

/// Texts that people read: the documents, the descriptions of tables and marts, the help.
#[test]
fn an_article_fits_the_word_behind_it() {
    let mut texts: Vec<(String, String)> = ["README.md", "SECURITY.md", "CONTRIBUTING.md"]
        .into_iter()
        .map(|path| (path.to_owned(), fs::read_to_string(root(path)).unwrap()))
        .collect();
    for folder in [
        "docs",
        "docs/commands",
        "docs/tables",
        "config",
        "config/tables",
        "config/shapes",
        "config/views",
        "config/marts",
        "config/tuva",
    ] {
        for entry in fs::read_dir(root(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() && path.extension().is_some_and(|it| it != "svg" && it != "png") {
                texts.push((path.display().to_string(), fs::read_to_string(path).unwrap()));
            }
        }
    }
    visit(&Cli::command(), "payersync", &mut |name, command| {
        texts.push((name.to_owned(), command.clone().render_long_help().to_string()));
    });
    let wrong: Vec<String> = texts
        .iter()
        .flat_map(|(path, text)| wrong_articles(text).map(move |pair| format!("{path}: {pair}")))
        .collect();
    assert!(texts.len() > 200, "only {} texts", texts.len());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    let planted = "A organization is a unit of a one-off, an hour, a allergy and an user's claim.";
    assert_eq!(
        wrong_articles(planted).collect::<Vec<_>>(),
        ["A organization", "a allergy", "an user's"]
    );
}

/// Each `a` or `an` that does not fit how the next word is spoken. Words in capitals are passed
/// over: nobody can tell from the spelling whether they are spelt out.
fn wrong_articles(text: &str) -> impl Iterator<Item = String> {
    let mut words = text.split_whitespace();
    let mut before = words.next().unwrap_or_default();
    words.filter_map(move |word| {
        let found = std::mem::replace(&mut before, word).trim_start_matches(['(', '"', '>']);
        let plain = word.starts_with(|first: char| first.is_ascii_lowercase());
        let is_article = ["a", "A", "an", "An"].contains(&found);
        let fits = found.eq_ignore_ascii_case(article(word));
        (plain && is_article && !fits).then(|| format!("{found} {word}"))
    })
}

/// The rooms: folders of `src/`, and those within them that have a `mod.rs`, as commands do when they
/// need one.
fn rooms(folder: &str, depth: usize) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root(folder)).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        let path = format!("{folder}{name}/");
        if !entry.file_type().unwrap().is_dir() || name == "tests" {
            continue;
        }
        if folder == "src/" || entry.path().join("mod.rs").exists() {
            found.push(path.clone());
        }
        if depth > 1 && name != "commands" {
            found.extend(rooms(&path, depth - 1));
        }
    }
    found
}

#[test]
fn the_map_shows_every_room_and_no_path_that_is_gone() {
    let map = fs::read_to_string(root("docs/architecture.md")).unwrap();
    let rooms = rooms("src/", 2);
    assert!(rooms.contains(&"src/sync/walk/".to_owned()), "{rooms:?}");
    let unnamed: Vec<_> = rooms.iter().filter(|room| !map.contains(&format!("`{room}`"))).collect();
    let gone: Vec<_> = map
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|path| ["src/", "tests/", "config/"].iter().any(|top| path.starts_with(top)))
        .filter(|path| !root(path).exists())
        .collect();
    assert!(unnamed.is_empty() && gone.is_empty(), "not shown: {unnamed:?}; gone: {gone:?}");
}
