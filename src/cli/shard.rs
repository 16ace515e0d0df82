//! `--shard`, which several commands take.

use crate::shard::Shard;
use clap::Args;
use std::num::NonZeroU32;

/// Which part of the connections a command is about.
#[derive(Debug, Clone, Default, Args)]
pub struct ShardArgs {
    /// Only the connections of shard I of N, with an Nth of what each plan allows; also the variable
    /// PAYERSYNC_SHARD
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
    /// The shard of N whose number, counted from 0, is in JOB_COMPLETION_INDEX, as Kubernetes sets it;
    /// also the variable PAYERSYNC_SHARDS
    #[arg(long, value_name = "N", conflicts_with = "shard")]
    pub shards: Option<NonZeroU32>,
}

/// `payersync run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// The part of the connections that the daemon syncs
    #[command(flatten)]
    pub shard: ShardArgs,
}
