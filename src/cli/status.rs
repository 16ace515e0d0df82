//! `payersync status`.

use clap::Args;
use std::path::PathBuf;

/// `payersync status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// The connections to show, type by type; all of them, in a line each, if none is named
    #[arg(conflicts_with_all = ["prometheus", "calendar"])]
    pub names: Vec<String>,
    /// Show every type of every connection
    #[arg(long, conflicts_with_all = ["prometheus", "calendar"])]
    pub all: bool,
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
