//! `payersync status`.

use clap::Args;
use std::path::PathBuf;

/// `payersync status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Print when members must consent again, as an iCalendar file
    #[arg(long, conflicts_with_all = ["json", "prometheus"])]
    pub calendar: bool,
    /// Print metrics for node_exporter's textfile collector, or write them to a file
    #[arg(long, value_name = "FILE", num_args = 0..=1, conflicts_with = "json")]
    pub prometheus: Option<Option<PathBuf>>,
}
