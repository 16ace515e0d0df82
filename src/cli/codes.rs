//! `payersync codes`, as it is typed.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `payersync codes`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct CodesCommand {
    /// What to do; without it, list what is loaded
    #[command(subcommand)]
    pub action: Option<CodesAction>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// What is done with code lists.
#[derive(Debug, Subcommand)]
pub enum CodesAction {
    /// Read code lists as their publishers offer them into the table `code`
    #[command(after_long_help = include_str!("help/codes-load.txt"))]
    Load(CodesLoadArgs),
}

/// `payersync codes load`.
#[derive(Debug, Args)]
pub struct CodesLoadArgs {
    /// Published files, also within a .zip; their content tells what they are
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The release that the files are of [default: the number in a file's name]
    #[arg(long, value_name = "TEXT")]
    pub release: Option<String>,
}
