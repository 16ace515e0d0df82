//! docs/commands: a page per command, made from its help.
//!
//! `PAYERSYNC_BLESS=1` writes them anew. What a page says comes from the doc comments in src/cli
//! and from src/cli/help/NAME.txt.

use clap::{Arg, Command, CommandFactory};
use payersync::{cli::Cli, exit_code::ExitCode};
use std::{collections::BTreeMap, fmt::Write, fs, path::PathBuf};

const EXAMPLES: &str = "\nExamples:\n\n";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/commands")
}

/// Each command with the words that name it, such as `views check`.
fn commands() -> Vec<(String, Command)> {
    fn collect(above: &str, command: &Command, found: &mut Vec<(String, Command)>) {
        for below in command.get_subcommands().filter(|below| below.get_name() != "help") {
            let name = format!("{above} {}", below.get_name()).trim_start().to_owned();
            found.push((name.clone(), below.clone()));
            collect(&name, below, found);
        }
    }
    let mut found = Vec::new();
    collect("", &Cli::command(), &mut found);
    found
}

/// The text behind the flags, and the script below `Examples:`.
fn details(name: &str, command: &Command) -> (String, String) {
    let text = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
    let (told, examples) = text.split_once(EXAMPLES).unwrap_or_else(|| {
        panic!("{name} has no src/cli/help/….txt with `Examples:`, as its neighbours have")
    });
    let lines = examples.lines().map(|line| match line.strip_prefix("  ") {
        Some(line) => line,
        None if line.is_empty() => "",
        None => panic!("{name}: an example is not indented by two: {line}"),
    });
    (told.trim_end().to_owned(), lines.collect::<Vec<_>>().join("\n").trim_end().to_owned())
}

/// What an argument is, what it may be, and what it is by default.
fn described(argument: &Arg) -> String {
    let mut text = argument.get_help().map(ToString::to_string).unwrap_or_default();
    if argument.get_action().takes_values() {
        let values: Vec<String> = argument
            .get_possible_values()
            .iter()
            .map(|value| match value.get_help() {
                Some(help) => format!("<br>`{}`: {help}", value.get_name()),
                None => format!("<br>`{}`", value.get_name()),
            })
            .collect();
        text += &values.concat();
        let defaults = argument.get_default_values();
        if let [default] = defaults {
            write!(text, "<br>Default: `{}`", default.to_string_lossy()).unwrap();
        }
    }
    if let Some(variable) = argument.get_env() {
        write!(text, "<br>Environment: `{}`", variable.to_string_lossy()).unwrap();
    }
    text.replace('|', "\\|")
}

/// As it is typed: `--type TYPE`, `NAMES…`.
fn typed(argument: &Arg) -> String {
    let values = argument.get_value_names().unwrap_or_default();
    let values: Vec<&str> = values.iter().map(|name| name.as_str()).collect();
    let many = argument.get_num_args().is_some_and(|count| count.max_values() > 1);
    match (argument.get_short(), argument.get_long(), argument.get_action().takes_values()) {
        (_, None, _) => format!("{}{}", values.join(" "), if many { "…" } else { "" }),
        (Some(short), Some(long), false) => format!("-{short}, --{long}"),
        (None, Some(long), false) => format!("--{long}"),
        (_, Some(long), true) => format!("--{long} {}", values.join(" ")),
    }
}

fn table<'a>(title: &str, arguments: impl Iterator<Item = &'a Arg>) -> String {
    let rows: Vec<String> = arguments
        .filter(|argument| argument.get_id() != "help" && argument.get_id() != "version")
        .map(|argument| format!("| `{}` | {} |\n", typed(argument), described(argument)))
        .collect();
    match rows.is_empty() {
        true => String::new(),
        false => format!("\n| {title} | |\n|---|---|\n{}", rows.concat()),
    }
}

fn page(name: &str, command: &Command) -> String {
    let (told, examples) = details(name, command);
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let full = format!("payersync {name}");
    let usage = command.clone().bin_name(&full).render_usage().to_string();
    let usage = usage.trim_start_matches("Usage: ");
    let below: Vec<String> = command
        .get_subcommands()
        .map(|below| {
            let file = format!("{name}-{}.md", below.get_name()).replace(' ', "-");
            format!("- [{full} {}]({file})\n", below.get_name())
        })
        .collect();
    let below = if below.is_empty() { String::new() } else { format!("\n{}", below.concat()) };
    format!(
        "<!-- Made from `{full} --help` by tests/it/docs/command_pages.rs. -->\n\n# {full}\n\n{about}.\n\n\
         ```text\n{usage}\n```\n{}{}{below}\n{told}\n\n## Examples\n\n```bash\n{examples}\n```\n",
        table("argument", command.get_arguments().filter(|argument| argument.is_positional())),
        table("flag", command.get_arguments().filter(|argument| !argument.is_positional())),
    )
}

fn overview() -> String {
    let mut text = "<!-- Made from `payersync --help` by tests/it/docs/command_pages.rs. -->\n\n\
                    # Commands\n\n| command | what it does |\n|---|---|\n"
        .to_owned();
    for (name, command) in commands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        let file = name.replace(' ', "-");
        writeln!(text, "| [{name}]({file}.md) | {about} |").unwrap();
    }
    text += "\nEvery command takes these flags. A flag takes precedence over the environment, \
             the environment over\n`payersync.toml`, and the file over the default.\n";
    text += &table("flag", Cli::command().get_arguments());
    text += "\nData goes to stdout, everything else to stderr. The exit code is one of these; if \
             several apply, the\nmost serious one is returned.\n\n| exit code | what |\n|---|---|\n";
    for code in ExitCode::ALL {
        writeln!(text, "| {} | {} |", code as u8, code.describe()).unwrap();
    }
    text
}

/// File name and text of each page.
fn pages() -> BTreeMap<String, String> {
    let mut pages: BTreeMap<String, String> = commands()
        .iter()
        .map(|(name, command)| (format!("{}.md", name.replace(' ', "-")), page(name, command)))
        .collect();
    pages.insert("README.md".to_owned(), overview());
    pages
}

/// The name of each command, and the script of its examples.
pub(crate) fn examples() -> Vec<(String, String)> {
    let found = commands().into_iter();
    found.map(|(name, command)| (name.clone(), details(&name, &command).1)).collect()
}

#[test]
fn every_command_has_a_page_that_says_what_its_help_says() {
    let made = pages();
    let folder = folder();
    if std::env::var("PAYERSYNC_BLESS").is_ok_and(|value| value == "1") {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        made.iter().for_each(|(name, text)| fs::write(folder.join(name), text).unwrap());
    }
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap());
    let written: BTreeMap<String, String> = entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read_to_string(entry.path()).unwrap())
        })
        .collect();
    let stale: Vec<&String> = made
        .keys()
        .chain(written.keys())
        .filter(|name| made.get(*name) != written.get(*name))
        .collect();
    assert!(
        stale.is_empty(),
        "docs/commands is not current, PAYERSYNC_BLESS=1 writes it: {stale:?}"
    );
}

#[test]
fn help_fits_a_screen_of_eighty_columns() {
    for (name, command) in commands() {
        let text = command.get_after_long_help().unwrap().to_string();
        for line in text.lines() {
            assert!(line.chars().count() < 80, "{name}: {line}");
        }
    }
}
