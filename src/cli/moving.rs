//! `payersync move`.

use clap::Args;
use std::path::PathBuf;

/// `payersync move`.
#[derive(Debug, Args)]
pub struct MoveArgs {
    /// The connections
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// The folder of the other home
    #[arg(required = true, value_name = "HOME")]
    pub target: PathBuf,
    /// The file with the vault's key of the other home, where this home's key comes from the
    /// environment
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}
