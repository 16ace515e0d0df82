//! `payersync backup` and `payersync restore`, as they are typed.

use clap::Args;
use std::path::PathBuf;

/// `payersync backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file to write; it must not exist
    pub file: PathBuf,
    /// Encrypt it for an age recipient (age1…); may be repeated
    #[arg(long, value_name = "RECIPIENT")]
    pub encrypt: Vec<String>,
    /// Encrypt it with the passphrase in this file
    #[arg(long, value_name = "FILE", conflicts_with = "encrypt")]
    pub encrypt_passphrase_file: Option<PathBuf>,
}

/// `payersync restore`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// A file that `payersync backup` wrote
    pub file: PathBuf,
    /// The file with an age identity, for a backup that is encrypted to recipients
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
    /// The file with the passphrase, for a backup that is encrypted with one
    #[arg(long, value_name = "FILE", conflicts_with = "identity")]
    pub passphrase_file: Option<PathBuf>,
}
