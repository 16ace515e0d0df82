//! `payersync views`, as it is typed.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// `payersync views`.
#[derive(Debug, Args)]
pub struct ViewsCommand {
    /// What to do with the definitions
    #[command(subcommand)]
    pub action: ViewsAction,
}

/// What is done with definitions.
#[derive(Debug, Subcommand)]
pub enum ViewsAction {
    /// Run definitions over resources; rows go to stdout, rejects to stderr
    #[command(after_long_help = include_str!("help/views-run.txt"))]
    Run(ViewsRunArgs),
    /// Check definitions as a compiler would
    #[command(after_long_help = include_str!("help/views-check.txt"))]
    Check(ViewsCheckArgs),
}

/// `payersync views run`.
#[derive(Debug, Args)]
pub struct ViewsRunArgs {
    /// ViewDefinition files; with several, each row begins with its view's name
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Resources or Bundles, one per line; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub input: PathBuf,
    /// FHIR base of the resources' server: an absolute reference below it has a key
    #[arg(long, value_name = "URL")]
    pub base: Option<url::Url>,
    /// How rows are printed
    #[arg(long, value_enum, default_value = "ndjson")]
    pub format: ViewsFormat,
}

/// How rows are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ViewsFormat {
    /// One JSON object per line
    Ndjson,
    /// Comma-separated values with a header line
    Csv,
}

/// `payersync views check`.
#[derive(Debug, Args)]
pub struct ViewsCheckArgs {
    /// ViewDefinition files
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}
