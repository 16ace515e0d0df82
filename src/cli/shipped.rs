//! What a package ships beside the binary: completions and man pages, made from the command line.

use super::Cli;
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;
use std::{io, path::PathBuf};

/// `payersync completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell that will read the script
    #[arg(value_enum)]
    pub shell: Shell,
}

/// `payersync man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// The folder to write; pages of an earlier version are replaced
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// The completion script for a shell.
pub fn completions(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "payersync", &mut script);
    script
}

/// File name and roff text of the man page of payersync and of each command.
///
/// # Errors
/// None in practice: the text is written to memory.
pub fn man_pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut command = Cli::command().disable_help_subcommand(true);
    // Gives each command its full name and the global flags.
    command.build();
    let mut pages = Vec::new();
    collect(&command, &mut pages)?;
    Ok(pages)
}

fn collect(command: &clap::Command, pages: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    let page = Man::new(command.clone());
    let mut text = Vec::new();
    page.render(&mut text)?;
    pages.push((page.get_filename(), text));
    command.get_subcommands().try_for_each(|below| collect(below, pages))
}
