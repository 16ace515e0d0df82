//! What is written about payersync is true of it: commands, flags, exit codes, configuration,
//! tables.

use crate::support::Home;
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
fn the_readme_names_every_command_flag_and_exit_code() {
    let readme = fs::read_to_string(root("README.md")).unwrap();
    let mut missing = Vec::new();
    visit(&Cli::command(), "payersync", &mut |name, command| {
        if !readme.contains(name) {
            missing.push(name.to_owned());
        }
        for flag in command.get_arguments().filter_map(|argument| argument.get_long()) {
            if !readme.contains(&format!("--{flag}")) {
                missing.push(format!("{name} --{flag}"));
            }
        }
    });
    let section = readme.split("\n## ").find(|section| section.starts_with("Exit codes"));
    for code in ExitCode::ALL {
        let row = format!("| {} |", code as u8);
        if !section.is_some_and(|section| section.contains(&row)) {
            missing.push(format!("exit code {} ({})", code as u8, code.describe()));
        }
    }
    assert!(missing.is_empty(), "README.md lacks\n{}", missing.join("\n"));
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

/// `PAYERSYNC_BLESS=1 cargo test` writes it anew.
#[test]
fn the_data_dictionary_is_what_the_definitions_say() {
    let home = Home::new();
    let outcome = home.run(&["tables", "--markdown"]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let path = root("docs/tables.md");
    if std::env::var("PAYERSYNC_BLESS").is_ok_and(|value| value == "1") {
        fs::create_dir_all(root("docs")).unwrap();
        fs::write(&path, &outcome.stdout).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let first = written.lines().zip(outcome.stdout.lines()).find(|(written, made)| written != made);
    assert!(
        written == outcome.stdout,
        "docs/tables.md is not current, PAYERSYNC_BLESS=1 writes it: {first:?}"
    );
}
