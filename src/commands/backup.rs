//! `payersync backup` and `payersync restore`: writes a checked copy of the warehouse, and reads it back.

use super::{failure::Failure, home, lock, system, tell};
use crate::{
    cli::{BackupArgs, RestoreArgs},
    clock::Clock,
    config::{FILE_NAME, Settings, credential, read_credential, read_secret_file},
    exit_code::ExitCode,
    plural,
    warehouse::{
        self, Access, Seal, SealKey, WarehouseError, WarehouseFile, backup_outcome, log_access,
    },
};
use secrecy::SecretString;
use std::path::{Path, absolute};

/// Copies the warehouse, also while a sync runs.
pub(super) fn run(folder: &Path, args: &BackupArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let warehouse = home::existing_warehouse(&settings.home)?;
    let seal = seal(args)?;
    let _lock = match seal {
        Some(_) if warehouse.path().exists() => Some(lock::take_for_backup(folder)?),
        _ => None,
    };
    // The copy is logged before it is made: a purge must be able to name every copy. Logging fails if the
    // warehouse cannot be written to, which is when a copy is needed most. So such a failure is only
    // reported after the copy is there.
    let _ = log(&warehouse, "backup", &args.file, Some(backup_outcome::BEGUN));
    let done = warehouse::back_up(&warehouse, &args.file, seal.as_ref()).inspect_err(|_| {
        let _ = log(&warehouse, "backup", &args.file, Some(backup_outcome::FAILED));
    })?;
    let how = if seal.is_some() { backup_outcome::ENCRYPTED } else { backup_outcome::IN_CLEAR };
    log_done(&warehouse, "backup", &args.file, Some(how))?;
    tell(&format!(
        "Backed up {} to {}; {} checked",
        plural::count(done.bytes, "byte"),
        args.file.display(),
        plural::count(done.pages, "page")
    ));
    tell(match (seal, warehouse.is_encrypted()) {
        (Some(_), _) => {
            "The backup is encrypted: keep its key or passphrase elsewhere, and try a restore"
        }
        (None, true) => "Only this home's vault key opens it; keep a copy of the key elsewhere",
        (None, false) => {
            "The backup holds health data and no tokens: vault.db, vault.key and payersync.toml are \
             not in it (docs/operations.md, Backup and restore)"
        }
    });
    Ok(ExitCode::Complete)
}

/// Restores a backup into a home that has no warehouse.
pub(super) fn restore(folder: &Path, args: &RestoreArgs) -> Result<ExitCode, Failure> {
    let settings = Settings::load_or_default(folder)?;
    let key = key(args)?;
    home::create(folder)?;
    let _lock = lock::take(folder, "restore")?;
    let warehouse = home::warehouse_file(&settings.home)?;
    let restored = warehouse::restore(&args.file, &warehouse, key.as_ref(), Clock::system().now());
    let done = restored.map_err(|error| match error {
        WarehouseError::Exists { .. } => {
            Failure::from(error).hint("name a new home with --home, or move warehouse.db aside")
        }
        WarehouseError::Missing { .. } => {
            Failure::from(error).hint("name a file that `payersync backup` wrote")
        }
        WarehouseError::NotADatabase { .. } => Failure::from(error).hint(
            "name a file that `payersync backup` wrote; the backup of an encrypted warehouse opens \
             only in a build with --features encryption",
        ),
        error => error.into(),
    })?;
    log_done(&warehouse, "restore", &args.file, None)?;
    let (bytes, pages) = (plural::count(done.bytes, "byte"), plural::count(done.pages, "page"));
    tell(&format!("Restored {bytes}; {pages} checked"));
    let before = match folder.join(FILE_NAME).exists() {
        true => "",
        false => "put payersync.toml back, then ",
    };
    tell(&format!(
        "Next: {before}`payersync sync`; without vault.db and its key the members consent again"
    ));
    Ok(ExitCode::Complete)
}

fn seal(args: &BackupArgs) -> Result<Option<Seal>, Failure> {
    Ok(match &args.encrypt_passphrase_file {
        Some(file) => Some(Seal::with_passphrase(&secret(file)?).map_err(WarehouseError::Seal)?),
        None if args.encrypt.is_empty() => None,
        None => Some(Seal::for_recipients(&args.encrypt).map_err(WarehouseError::Seal)?),
    })
}

fn key(args: &RestoreArgs) -> Result<Option<SealKey>, Failure> {
    let key = match (&args.identity, &args.passphrase_file) {
        (Some(file), _) => SealKey::from_identities(&secret(file)?),
        (None, Some(file)) => SealKey::from_passphrase(&secret(file)?),
        (None, None) => return Ok(None),
    };
    Ok(Some(key.map_err(WarehouseError::Seal)?))
}

fn secret(file: &Path) -> Result<SecretString, Failure> {
    let read = match credential(file) {
        Some(path) => read_credential(&path),
        None => read_secret_file(file),
    };
    read.map_err(|error| {
        let hint = error.hint();
        Failure::usage("cannot read the key or passphrase of the backup", error).hint(hint)
    })
}

fn log(
    warehouse: &WarehouseFile,
    command: &'static str,
    file: &Path,
    detail: Option<&str>,
) -> Result<(), WarehouseError> {
    let target = absolute(file).unwrap_or_else(|_| file.to_owned());
    let access = Access {
        os_user: system::user(),
        command,
        connection_id: None,
        target: Some(target.display().to_string()),
        detail: detail.map(str::to_owned),
    };
    log_access(warehouse, &access, Clock::system().now())
}

/// Enters a copy that was made. If the warehouse is older than the access log, that is told: the copy is
/// there, and a command that fails would be taken for one that made none.
fn log_done(
    warehouse: &WarehouseFile,
    command: &'static str,
    file: &Path,
    detail: Option<&str>,
) -> Result<(), Failure> {
    match log(warehouse, command, file, detail) {
        Err(WarehouseError::OlderSchema { .. }) => {
            tell("Not entered in the access log, which this warehouse is too old to have");
            Ok(())
        }
        logged => Ok(logged?),
    }
}
