//! `payersync backup` and `payersync restore`: a checked copy, and the way back.

use super::{failure::Failure, home, lock, system, tell};
use crate::{
    cli::{BackupArgs, RestoreArgs},
    clock::Clock,
    config::Settings,
    exit_code::ExitCode,
    warehouse::{self, Access, log_access},
};
use std::path::{Path, absolute};

/// Copies the warehouse, also while a sync runs.
pub(super) fn run(folder: &Path, args: &BackupArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let path = settings.warehouse_path();
    let done = warehouse::back_up(&path, &args.file)?;
    log(&path, "backup", &args.file)?;
    tell(&format!(
        "Backed up {} bytes to {}; {} pages checked",
        done.bytes,
        args.file.display(),
        done.pages
    ));
    tell("It holds health data and no tokens; keep the vault's key elsewhere");
    Ok(ExitCode::Complete)
}

/// Puts a backup where no warehouse is.
pub(super) fn restore(folder: &Path, args: &RestoreArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let path = settings.warehouse_path();
    home::create(folder)?;
    let _lock = lock::take(folder, "restore")?;
    let done = warehouse::restore(&args.file, &path)?;
    log(&path, "restore", &args.file)?;
    tell(&format!("Restored {} bytes; {} pages checked", done.bytes, done.pages));
    tell("Next: `payersync sync`; a connection without tokens here asks for a new consent");
    Ok(ExitCode::Complete)
}

fn log(path: &Path, command: &'static str, file: &Path) -> Result<(), Failure> {
    let target = absolute(file).unwrap_or_else(|_| file.to_owned());
    let access = Access {
        os_user: system::user(),
        command,
        connection_id: None,
        target: Some(target.display().to_string()),
        detail: None,
    };
    Ok(log_access(path, &access, Clock::system().now())?)
}
