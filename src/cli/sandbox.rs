//! `payersync sandbox` and `payersync demo`, as they are typed.

use crate::sandbox::{Fault, Like};
use clap::Args;
use std::path::PathBuf;

/// `payersync sandbox`.
#[derive(Debug, Args)]
pub struct SandboxCommand {
    /// The port to listen on; 0 picks a free one
    #[arg(long, default_value_t = 8970)]
    pub port: u16,
    /// The client's public keys, as `payersync jwks PLAN` prints them, for a platform that wants the client
    /// to sign
    #[arg(long, value_name = "FILE")]
    pub jwks: Option<PathBuf>,
    /// How the payer behaves
    #[command(flatten)]
    pub sandbox: SandboxArgs,
}

/// `payersync demo`.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Leave the payer running until Ctrl-C, for `sync` and other commands
    #[arg(long)]
    pub keep: bool,
    /// How the payer behaves
    #[command(flatten)]
    pub sandbox: SandboxArgs,
}

/// How the embedded payer behaves.
#[derive(Debug, Clone, Args)]
pub struct SandboxArgs {
    /// Synthetic members
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub members: u32,
    /// Claims of each member
    #[arg(long, default_value_t = 40, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub claims: u32,
    /// Seed of the synthetic data
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Milliseconds by which every page is delayed
    #[arg(long, default_value_t = 0, value_name = "MS")]
    pub page_delay: u64,
    /// Serve the later pages of a search only to a client that sends back the cookie of the first page
    #[arg(long)]
    pub sticky: bool,
    /// The platform whose documented rules the payer plays
    #[arg(long, value_name = "NAME", default_value = "1uphealth", value_parser = like, hide_default_value = true)]
    pub like: Like,
    /// List the platforms and the rules that each follows, and exit
    #[arg(long)]
    pub list_likes: bool,
    /// A fault to inject; may be repeated
    #[arg(long = "fault", value_name = "NAME", value_parser = fault)]
    pub faults: Vec<Fault>,
    /// Name the faults and exit
    #[arg(long)]
    pub list_faults: bool,
}

fn like(name: &str) -> Result<Like, String> {
    name.parse().map_err(|error: crate::sandbox::UnknownLike| {
        format!("{error}; --list-likes names them all")
    })
}

fn fault(name: &str) -> Result<Fault, String> {
    name.parse().map_err(|error: crate::sandbox::UnknownFault| {
        format!("{error}; --list-faults names them all")
    })
}
