//! `payersync production-access`.

use clap::Args;
use std::path::PathBuf;

/// `payersync production-access`.
#[derive(Debug, Args)]
pub struct ProductionAccessArgs {
    /// The folder to write; files there that a person edited are kept
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// Only this plan of the configuration; may be repeated
    #[arg(long = "plan", value_name = "PLAN")]
    pub plans: Vec<String>,
}
