//! Completions and man pages: a real shell completes, and each command has its page.

use crate::support::{Home, bash};
use clap::CommandFactory;
use payersync::cli::Cli;
use std::fs;

/// What bash offers behind the words, of which the last one is only begun.
fn offered(home: &Home, words: &[&str]) -> Vec<String> {
    let last = words.len() - 1;
    let script = format!(
        "source completions.bash
         COMP_WORDS=({}) COMP_CWORD={last} COMP_LINE='{}'
         _payersync payersync '{}' '{}'
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words.join(" "),
        words[last],
        words[last - 1],
    );
    // Not with `set -u`: completions of bash-completion are not written for it either.
    let outcome = bash(&format!("set +eu\n{script}"), home.path(), home.path(), &[]);
    assert_eq!(outcome.code, 0, "{words:?}: {}", outcome.stderr);
    assert_eq!(outcome.stderr, "", "{words:?}");
    outcome.stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_commands_flags_and_values() {
    let home = Home::new();
    let script = "payersync completions bash > completions.bash\nbash -n completions.bash";
    let outcome = bash(script, home.path(), home.path(), &[]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    assert_eq!(offered(&home, &["payersync", "stat"]), ["status"]);
    assert_eq!(offered(&home, &["payersync", "sync", "--acc"]), ["--accept-shrink"]);
    assert_eq!(offered(&home, &["payersync", "views", "ch"]), ["check"]);
    let formats = offered(&home, &["payersync", "query", "--format", "nd"]);
    assert_eq!(formats, ["ndjson"]);
    assert!(offered(&home, &["payersync", "nothing-of-that-kind"]).is_empty());
}

#[test]
fn every_shell_gets_a_script_that_names_every_command() {
    let home = Home::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let outcome = home.run(&["completions", shell]);
        assert_eq!((outcome.code, &*outcome.stderr), (0, ""), "{shell}");
        for command in Cli::command().get_subcommands() {
            assert!(outcome.stdout.contains(command.get_name()), "{shell}: {}", command.get_name());
        }
    }
}

#[test]
fn every_command_has_a_man_page_with_its_flags() {
    let home = Home::new();
    let folder = home.file("man/man1");
    let outcome = home.run(&["man", folder.to_str().unwrap()]);
    assert_eq!(outcome.code, 0, "{}", outcome.stderr);
    let mut pages = 1;
    let overview = fs::read_to_string(folder.join("payersync.1")).unwrap();
    assert!(overview.contains(".TH payersync 1"), "{overview}");
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        let page = fs::read_to_string(folder.join(format!("payersync-{name}.1"))).unwrap();
        assert!(page.contains("\n.SH SYNOPSIS\n"), "{page}");
        for flag in command.get_arguments().filter_map(|argument| argument.get_long()) {
            assert!(page.contains(&flag.replace('-', "\\-")), "{name} --{flag}: {page}");
        }
        pages += 1 + command.get_subcommands().count();
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), pages);
    assert!(outcome.stderr.contains(&format!("{pages} man pages in ")), "{}", outcome.stderr);
    let blocked = home.file("man/man1/payersync.1/x");
    let outcome = home.run(&["man", blocked.to_str().unwrap()]);
    assert_eq!(outcome.code, 1, "{}", outcome.stderr);
    assert!(outcome.stderr.contains("cannot write man pages to"), "{}", outcome.stderr);
}
