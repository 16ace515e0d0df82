//! `payersync sync`, and `payersync plan`, which shows what a sync would do.

use super::ShardArgs;
use clap::Args;

/// `payersync sync`.
#[derive(Debug, Args)]
pub struct SyncArgs {
    /// The connections to sync; all of them if none is named
    pub names: Vec<String>,
    /// Begin every walk anew instead of going on where an earlier run ended
    #[arg(long)]
    pub full: bool,
    /// Only this resource type; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    pub types: Vec<String>,
    /// Stop between two pages after this many page requests; the next run goes on there
    #[arg(long, value_name = "N")]
    pub max_requests: Option<u64>,
    /// Stop between two pages after this many seconds; the next run goes on there
    #[arg(long, value_name = "SECONDS")]
    pub max_duration: Option<u64>,
    /// Believe the plan when it suddenly sends far less, and delete the rest
    #[arg(long)]
    pub accept_shrink: bool,
    /// The part of the connections to sync
    #[command(flatten)]
    pub shard: ShardArgs,
}

/// `payersync plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// The connections; all of them if none is named
    pub names: Vec<String>,
    /// As `sync --full` would
    #[arg(long)]
    pub full: bool,
    /// Only this resource type; may be repeated
    #[arg(long = "type", value_name = "TYPE")]
    pub types: Vec<String>,
    /// The part of the connections to plan for
    #[command(flatten)]
    pub shard: ShardArgs,
}
