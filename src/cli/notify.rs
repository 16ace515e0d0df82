//! `payersync notify`.

use clap::Args;

/// `payersync notify`.
#[derive(Debug, Args)]
pub struct NotifyArgs {
    /// Send a test alert to everybody whom `[notify]` in payersync.toml names
    #[arg(long, required = true)]
    pub test: bool,
}
