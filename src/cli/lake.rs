//! `payersync lake`, as it is typed.

use clap::{Args, Subcommand};

/// `payersync lake`.
#[derive(Debug, Args)]
pub struct LakeCommand {
    /// What to do
    #[command(subcommand)]
    pub action: LakeAction,
}

/// What is done with a lake.
#[derive(Debug, Subcommand)]
pub enum LakeAction {
    /// Bring a Delta Lake up to date with the warehouse
    #[command(after_long_help = include_str!("help/lake-sync.txt"))]
    Sync(LakeSyncArgs),
}

/// `payersync lake sync`.
#[derive(Debug, Args)]
pub struct LakeSyncArgs {
    /// The lake: a folder, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX
    #[arg(value_name = "URL")]
    pub url: String,
    /// What this home is called in a lake that several homes fill [default: the name of the home's folder]
    #[arg(long, value_name = "NAME", value_parser = shard)]
    pub shard: Option<String>,
    /// For how many days replaced files are kept, for time travel [default: 7]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(..=3650))]
    pub keep_days: Option<u32>,
    /// Take over the shard that another home wrote, as a restored or moved home does; also begins a lake anew
    #[arg(long)]
    pub take_over: bool,
}

/// A name that can be part of a path everywhere.
fn shard(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    match !text.is_empty() && text.len() <= 64 && text.chars().all(is_plain) {
        true => Ok(text.to_owned()),
        false => Err("is not a shard: letters, digits, - and _ are allowed, at most 64".to_owned()),
    }
}
