//! `payersync report`, as it is typed.

use clap::Args;
use std::path::PathBuf;

/// `payersync report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The page to write, for this user alone; an earlier one is replaced
    #[arg(value_name = "FILE.html")]
    pub file: PathBuf,
    /// Only this member: the label, another member_id of the mart member, or a connection's name
    #[arg(long, value_name = "MEMBER")]
    pub member: Option<String>,
    /// Open the page in the browser
    #[arg(long)]
    pub open: bool,
}
