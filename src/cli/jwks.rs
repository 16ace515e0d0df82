//! `payersync jwks`.

use clap::{Args, ValueEnum};

/// `payersync jwks`.
#[derive(Debug, Args)]
pub struct JwksArgs {
    /// The plan's name in payersync.toml
    pub plan: String,
    /// Make the key first, in the plan's client_key_file; a file that exists is never overwritten
    #[arg(long, value_name = "ALGORITHM", num_args = 0..=1, default_missing_value = "es384")]
    pub new: Option<NewKey>,
}

/// How a new key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum NewKey {
    /// ECDSA on the curve P-384
    Es384,
    /// RSA of 3072 bits
    Rs384,
}
