//! Doctor's checks of this machine, which change no file.

use super::finding::Finding;
use crate::{
    auth::Vault,
    clock::Clock,
    commands::{
        freshness, home, lock,
        standing::{minute, standing},
        system, vault_key,
    },
    config::Settings,
    outcome::WalkState,
    plural,
    warehouse::{
        ReadOnlyWarehouse, TypeStatus, WarehouseError, foreign_schema, quick_check, staging_path,
        unfinished_copies as unfinished_copies_in,
    },
};
use std::{collections::BTreeSet, fs, io::ErrorKind, path::Path};

/// In bytes. With less free space than this, the next sync may not fit on the disk.
const LITTLE_SPACE: u64 = 256 << 20;

/// Warns if both default home folders exist and nobody has named a home.
pub(crate) fn other_home(folder: &Path, findings: &mut Vec<Finding>) {
    if let Some(other) = home::other_default(folder) {
        let said = format!("{} is used, and {} exists too", folder.display(), other.display());
        let hint = "remove the folder that is not wanted, or name the home with --home";
        findings.push(Finding::warning("home", said, hint));
    }
}

/// Checks whether others can read the private files of the home, or write its configuration.
pub(crate) fn permissions(folder: &Path, findings: &mut Vec<Finding>) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let said = format!("{} does not exist", folder.display());
            findings.push(Finding::wrong("home", said, "`payersync init` makes it"));
            return;
        }
        Err(error) => {
            findings.push(Finding::wrong("home", error.to_string(), "run as the home's owner"));
            return;
        }
    };
    let before = findings.len();
    if others_can(folder, 0o077) {
        let said = format!("{} can be entered by others", folder.display());
        let hint = format!("chmod 700 {}", folder.display());
        findings.push(Finding::warning("home", said, hint));
    }
    for path in entries.flatten().map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let hint = format!("chmod 600 {}", path.display());
        let is_private = ["vault.", "pending-"].iter().any(|start| name.starts_with(start))
            || name.ends_with(".secret")
            || name.contains(".db");
        if path.is_file() && is_private && others_can(&path, 0o077) {
            let said = format!("{name} can be read by others");
            findings.push(Finding::wrong("permissions", said, hint));
        } else if name == crate::config::FILE_NAME && others_can(&path, 0o022) {
            let said = format!("{name} can be written by others");
            findings.push(Finding::wrong("permissions", said, hint));
        }
    }
    if findings.len() == before {
        findings.push(Finding::fine("permissions", "only the owner can read the files"));
    }
}

fn others_can(path: &Path, bits: u32) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & bits != 0)
    }
    #[cfg(not(unix))]
    {
        let _ = (path, bits);
        false
    }
}

/// Reports unfinished backups, exports and query outputs in the home and in the folders of earlier copies.
pub(crate) fn unfinished_copies(
    folder: &Path,
    warehouse: Option<&ReadOnlyWarehouse>,
    findings: &mut Vec<Finding>,
) {
    let mut folders = BTreeSet::from([folder.to_owned()]);
    let known = warehouse.and_then(|warehouse| warehouse.copy_folders().ok());
    folders.extend(known.unwrap_or_default());
    for path in folders.iter().flat_map(|folder| unfinished_copies_in(folder)) {
        let said = format!("{} is an unfinished copy, and holds health data", path.display());
        let hint = format!(
            "the next backup, export, report, `query --output` or purge of its warehouse removes it, \
             or `rm -r {}`",
            path.display()
        );
        findings.push(Finding::warning("backups", said, hint));
    }
}

/// Reports the temporary copy of a killed backup or restore beside the warehouse.
pub(crate) fn staged_copy(folder: &Path, findings: &mut Vec<Finding>) {
    let warehouse = folder.join("warehouse.db");
    let staged = staging_path(&warehouse);
    // A backup or restore that is at work removes its copy itself.
    if staged.symlink_metadata().is_err() || lock::is_staging(folder, warehouse.exists()) {
        return;
    }
    let (staged, said) = (staged.display(), "was left by a killed backup or restore");
    findings.push(Finding::warning(
        "backups",
        format!("{staged} {said}, and may hold health data in clear"),
        format!("the next `backup --encrypt`, `restore` or `purge` removes it, or `rm {staged}`"),
    ));
}

/// Checks that the free space suffices for the next sync, and for a rebuild or purge, which rewrite the file.
pub(crate) fn disk(folder: &Path, findings: &mut Vec<Finding>) {
    let Ok(free) = system::free_bytes(folder) else { return };
    let size = fs::metadata(folder.join("warehouse.db")).map_or(0, |metadata| metadata.len());
    let said = format!("{} MiB free, the warehouse takes {} MiB", free >> 20, size >> 20);
    findings.push(if free < LITTLE_SPACE {
        Finding::wrong("disk", said, "free some space before the next sync")
    } else if free < 2 * size {
        Finding::warning(
            "disk",
            said,
            "a purge or rebuild needs about twice the size of the warehouse",
        )
    } else {
        Finding::fine("disk", said)
    });
}

/// Runs SQLite's quick check on the warehouse, if it exists, and opens it.
pub(crate) fn warehouse(folder: &Path, findings: &mut Vec<Finding>) -> Option<ReadOnlyWarehouse> {
    let file = match home::existing_warehouse(folder) {
        Ok(file) => file,
        Err(_) if !is_configured(folder) => {
            findings.push(not_checked("warehouse"));
            return None;
        }
        Err(failure) => {
            let hint = failure.what_to_do().to_owned();
            findings.push(Finding::wrong("warehouse", failure.to_string(), hint));
            return None;
        }
    };
    if !file.path().exists() {
        findings
            .push(Finding::fine("warehouse", "not made yet; the first sync or import makes it"));
        return None;
    }
    match quick_check(&file) {
        Ok(0) => {
            let how = if file.is_encrypted() { "encrypted" } else { "not encrypted" };
            let said = format!("passes SQLite's quick check; {how}");
            findings.push(Finding::fine("warehouse", said));
        }
        Ok(problems) => findings.push(Finding::wrong(
            "warehouse",
            format!("{} in SQLite's quick check", plural::count(problems, "problem")),
            "`payersync verify` names them; restore the last backup that verifies",
        )),
        Err(error) => {
            let hint = error.hint().unwrap_or("`payersync verify` may say more");
            findings.push(Finding::wrong("warehouse", error.to_string(), hint));
            return None;
        }
    }
    match foreign_schema(&file) {
        Ok(names) if !names.is_empty() => findings.push(Finding::warning(
            "warehouse",
            format!("has triggers or views that payersync did not make: {}", names.join(", ")),
            "find out who made them; a restore refuses a backup that has them",
        )),
        Ok(_) => {}
        Err(error) => {
            let hint = error.hint().unwrap_or("`payersync verify` may say more");
            findings.push(Finding::wrong("warehouse", error.to_string(), hint));
        }
    }
    ReadOnlyWarehouse::open_untouched(&file).ok()
}

/// Whether the ledger can be read; if an older payersync wrote it and nothing has brought it up to date, that
/// is reported in place of its state.
pub(super) fn ledger(warehouse: &ReadOnlyWarehouse, findings: &mut Vec<Finding>) -> bool {
    match warehouse.require_ledger(Clock::system().now()) {
        Err(error @ WarehouseError::OlderSchema { .. }) => {
            let hint = error.hint().unwrap_or_default();
            findings.push(Finding::warning("last run", error.to_string(), hint));
            false
        }
        // Another error is reported where the ledger is read.
        _ => true,
    }
}

/// Reports how the latest run ended and the state of the resource types.
pub(super) fn last_run(warehouse: &ReadOnlyWarehouse, findings: &mut Vec<Finding>) {
    let what = "last run";
    let read = warehouse.finished_run().and_then(|run| Ok((run, warehouse.status()?)));
    let (run, types) = match read {
        Ok((Some(run), types)) => (run, types),
        Ok((None, _)) => {
            findings.push(Finding::fine(what, "nothing has run yet"));
            return;
        }
        Err(error) => {
            let hint = error.hint().unwrap_or("`payersync verify` may say more");
            findings.push(Finding::wrong(what, error.to_string(), hint));
            return;
        }
    };
    let ended = match run.exit_code {
        Some(code) => format!("ended with exit code {code} at {} UTC", minute(&run.finished_at)),
        None => format!("was killed; it began at {} UTC", minute(&run.started_at)),
    };
    let asked: Vec<&TypeStatus> = types.iter().filter(|status| status.state.is_asked()).collect();
    let said = match asked.is_empty() {
        true => ended,
        false => format!("{ended}; {}", standing(&asked).join(", ")),
    };
    // The last run may have been of one connection, and what another one lacks is older.
    let is_whole =
        |status: &&TypeStatus| status.state == WalkState::Complete && status.rejects == 0;
    findings.push(match run.exit_code {
        Some(0) if asked.iter().all(is_whole) => Finding::fine(what, said),
        _ => Finding::warning(what, said, "`payersync status` says what is missing and what to do"),
    });
}

/// Checks whether each connection was completed as recently as its schedule demands.
pub(super) fn ages(
    settings: &Settings,
    warehouse: &ReadOnlyWarehouse,
    findings: &mut Vec<Finding>,
) {
    if let Err(error) = stale_connections(settings, warehouse, findings) {
        let hint = error.hint().unwrap_or("`payersync verify` may say more");
        findings.push(Finding::wrong("age", error.to_string(), hint));
    }
}

fn stale_connections(
    settings: &Settings,
    warehouse: &ReadOnlyWarehouse,
    findings: &mut Vec<Finding>,
) -> Result<(), WarehouseError> {
    let (rows, types) = (warehouse.connections()?, warehouse.status()?);
    let now = Clock::system().now();
    for row in rows {
        if let Some(stale) = freshness::stale(&row, &types, warehouse, settings, None, now)? {
            let what = format!("age of {}", row.name);
            findings.push(Finding::wrong(what, stale.sentence(), stale.hint()));
        }
    }
    Ok(())
}

/// Whether the configuration is valid or missing; it may say where the vault's key is.
fn is_configured(folder: &Path) -> bool {
    Settings::load_or_default(folder).is_ok()
}

/// The finding for a check that needs the configuration while the configuration is invalid.
///
/// The mistake in the configuration itself is reported once, elsewhere.
fn not_checked(what: &str) -> Finding {
    let said = "not checked without a configuration";
    Finding::warning(what, said, "correct the configuration first")
}

/// Opens the vault, if it exists and if opening it changes nothing.
pub(crate) fn vault(folder: &Path, findings: &mut Vec<Finding>) -> Option<Vault> {
    let there = |name: &str| folder.join(name).exists();
    if !there("vault.db") {
        findings.push(Finding::fine("vault", "not made yet; `payersync connect` makes it"));
        return None;
    }
    if !is_configured(folder) {
        findings.push(not_checked("vault"));
        return None;
    }
    let given = match vault_key::find(folder) {
        Ok(given) => given,
        Err(failure) => {
            let hint = failure.what_to_do().to_owned();
            findings.push(Finding::wrong("vault", failure.to_string(), hint));
            return None;
        }
    };
    if given.is_none() && !there("vault.key") {
        let hint = "bring vault.key back, or set PAYERSYNC_VAULT_KEY, or connect again";
        findings.push(Finding::wrong("vault", "its key is missing", hint));
        return None;
    }
    if !there("locks/vault.lock") {
        let said = "never opened on this machine, so it was left as it is";
        findings.push(Finding::warning(
            "vault",
            said,
            "the next command that needs the vault opens it",
        ));
        return None;
    }
    match home::vault(folder) {
        Ok(vault) => {
            findings.push(Finding::fine("vault", "opens with its key"));
            Some(vault)
        }
        Err(failure) => {
            let hint = failure.what_to_do().to_owned();
            findings.push(Finding::wrong("vault", failure.to_string(), hint));
            None
        }
    }
}

/// Checks the table definitions, including the user's own.
pub(crate) fn views(settings: &Settings, findings: &mut Vec<Finding>) {
    findings.push(match home::catalog_and_left_out(settings) {
        Ok((catalog, left_out)) if left_out.is_empty() => {
            Finding::fine("views", plural::count(catalog.tables().len(), "table"))
        }
        Ok((_, left_out)) => {
            let files: Vec<String> =
                left_out.iter().map(|left| left.file.display().to_string()).collect();
            let hint = format!("`payersync views check {}` says why", files[0]);
            Finding::wrong(
                "views",
                format!("these files cannot become tables: {}", files.join(", ")),
                hint,
            )
        }
        Err(failure) => Finding::wrong("views", failure.to_string(), "mend or remove the file"),
    });
}
