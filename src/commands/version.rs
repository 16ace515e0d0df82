//! `payersync --version --verbose`: shows details of the build.

use super::{ended, print};
use crate::{exit_code::ExitCode, warehouse::sqlite_version};

/// The commit of the build, if the build was given it.
const COMMIT: Option<&str> = option_env!("PAYERSYNC_COMMIT");

/// Prints the version, and the details of this build.
pub fn long_version() -> ExitCode {
    let features: Vec<&str> = [
        ("encryption", cfg!(feature = "encryption")),
        ("lake", cfg!(feature = "lake")),
        ("parquet", cfg!(feature = "parquet")),
    ]
    .into_iter()
    .filter_map(|(name, is_on)| is_on.then_some(name))
    .collect();
    let features = if features.is_empty() { "none".to_owned() } else { features.join(", ") };
    let lines = [
        ("commit", COMMIT.filter(|commit| !commit.is_empty()).unwrap_or("not known")),
        ("features", &features),
        ("sqlite", sqlite_version()),
        ("target", env!("PAYERSYNC_TARGET")),
        ("profile", env!("PAYERSYNC_PROFILE")),
    ];
    ended(
        print(|out| {
            writeln!(out, "payersync {}", env!("CARGO_PKG_VERSION"))?;
            lines.iter().try_for_each(|(what, value)| writeln!(out, "{what:<9} {value}"))
        })
        .map(|()| ExitCode::Complete),
    )
}
