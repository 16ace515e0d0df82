//! `payersync config`, as it is typed.

use clap::{Args, Subcommand};

/// `payersync config`.
#[derive(Debug, Args)]
pub struct ConfigCommand {
    /// What to print
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What is printed of the configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Print every setting that is in force and where it comes from; never a secret
    #[command(after_long_help = include_str!("help/config-show.txt"))]
    Show(ConfigShowArgs),
    /// Print the JSON schema of payersync.toml, for editors
    #[command(after_long_help = include_str!("help/config-schema.txt"))]
    Schema,
}

/// `payersync config show`.
#[derive(Debug, Args)]
pub struct ConfigShowArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}
