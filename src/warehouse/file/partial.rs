//! Copies and exports that are not finished: their temporary names, and the removal of those that a
//! killed process left. An export is a folder.
//!
//! The name is `NAME.TAG-PROCESS-RANDOM.partial`, beside the final name. The random part keeps two copies
//! apart and cannot be guessed. The tag identifies the warehouse, so that nobody removes another warehouse's
//! unfinished copy. The process number tells whether the process that makes the copy still runs.

use super::{open::beside, removal::remove};
use crate::{own_file, warehouse::error::WarehouseError};
use chrono::{DateTime, TimeDelta, Utc};
use sha2::{Digest, Sha256};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

const ENDING: &str = ".partial";

/// A short tag of a warehouse, to tell its copies from those of others in the same folder.
pub(crate) fn tag(warehouse: &Path) -> String {
    let folder = folder_of(warehouse);
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let path = folder.join(warehouse.file_name().unwrap_or_default());
    let hash = Sha256::digest(path.as_os_str().as_encoded_bytes());
    base16ct::lower::encode_string(&hash[..4])
}

/// A new temporary name for a copy whose final name is `target`.
pub(crate) fn name(target: &Path, tag: &str) -> Result<PathBuf, WarehouseError> {
    let random = own_file::random_name()
        .map_err(|source| WarehouseError::Copy { path: target.into(), source })?;
    Ok(beside(target, &format!(".{tag}-{}-{random}{ENDING}", std::process::id())))
}

/// A new temporary name for an export from `warehouse`; `target` is the export's final name.
///
/// # Errors
/// The system has no randomness.
pub fn new_name(target: &Path, warehouse: &Path) -> Result<PathBuf, WarehouseError> {
    name(target, &tag(warehouse))
}

/// Removes the copies and exports of a warehouse that killed processes have left in the folder of
/// `target`.
///
/// # Errors
/// A copy or export cannot be removed.
pub fn sweep_of(target: &Path, warehouse: &Path) -> Result<(), WarehouseError> {
    left_of(folder_of(target), &tag(warehouse)).try_for_each(|path| remove(&path))
}

/// Removes the copies and exports of this warehouse that killed processes left in the folder of `target`.
///
/// Also removes an unfinished copy of `target` that has the name an earlier version gave it.
pub(super) fn sweep(target: &Path, tag: &str) -> Result<(), WarehouseError> {
    let unnamed = Some(beside(target, ENDING)).filter(|path| is_own_file(path));
    left_of(folder_of(target), tag).chain(unnamed).try_for_each(|path| remove(&path))
}

/// The copies and exports of the warehouse with this tag that ended processes left unfinished in a folder.
pub(super) fn left_of(folder: &Path, tag: &str) -> impl Iterator<Item = PathBuf> {
    left_in(folder).into_iter().filter(move |path| tag_of(path).as_deref() == Some(tag))
}

/// Whether an unfinished copy or export was last written so long ago that nobody is at work on it.
///
/// The process number does not tell: a process in another container that shares the folder has a number of
/// its own, which may be free here.
pub(super) fn is_abandoned(path: &Path, now: DateTime<Utc>) -> bool {
    let written = path.symlink_metadata().and_then(|metadata| metadata.modified());
    written.is_ok_and(|written| now - DateTime::<Utc>::from(written) > TimeDelta::days(1))
}

/// Whether an unfinished copy or export with this final name is there, whoever makes it or has left it.
pub(super) fn is_beside(target: &Path) -> bool {
    let entries = fs::read_dir(folder_of(target)).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .any(|path| parts(&path).is_some() && target_of(&path).file_name() == target.file_name())
}

/// The copies and exports in a folder that ended processes left unfinished. All hold health data.
///
/// Only files and folders of this user account are listed.
pub fn left_in(folder: &Path) -> Vec<PathBuf> {
    // A folder that cannot be read has nothing that could be removed here.
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut left: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| maker_of(path).is_some_and(|process| !own_file::is_at_work(process)))
        .filter(|path| is_own_file(path) || is_own_folder(path))
        .collect();
    left.sort();
    left
}

fn is_own_file(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
        && own_file::require_owned(path).is_ok()
}

fn is_own_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
        && own_file::require_owned(path).is_ok()
}

/// The folder that a file is in.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// The tag and the process number in a temporary name of ours.
fn parts(path: &Path) -> Option<(String, u32)> {
    let name = path.file_name()?.to_str()?;
    // SQLite's files beside a copy hold the same data, and may outlive the copy.
    let name = ["-journal", "-wal", "-shm"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name)
        .strip_suffix(ENDING)?;
    let mut parts = name.rsplit_once('.')?.1.split('-');
    let (tag, process, random) = (parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_ours = tag.len() == 8 && random.len() == 16 && is_hex(tag) && is_hex(random);
    (is_ours && parts.next().is_none()).then(|| Some((tag.to_owned(), process.parse().ok()?)))?
}

fn tag_of(path: &Path) -> Option<String> {
    parts(path).map(|(tag, _)| tag)
}

fn maker_of(path: &Path) -> Option<u32> {
    parts(path).map(|(_, process)| process)
}

/// Creates the file of a copy; it must be new, and only its owner can read it.
pub(crate) fn create(path: &Path) -> Result<fs::File, WarehouseError> {
    own_file::create_new(path)
        .map_err(|source: io::Error| WarehouseError::Copy { path: target_of(path), source })
}

/// The final path of a copy: the path that the user named. Any other path is returned as it is.
fn target_of(path: &Path) -> PathBuf {
    let target = path.file_name().and_then(|name| name.to_str()).and_then(|name| {
        parts(path)?;
        Some(name.strip_suffix(ENDING)?.rsplit_once('.')?.0)
    });
    target.map_or_else(|| path.to_owned(), |name| path.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dead_have_left_goes_and_what_others_are_at_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("night.db");
        let (ours, theirs) = (tag(Path::new("a.db")), tag(Path::new("b.db")));
        let mut sleeper = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let named = |tag: &str, process: u32| {
            let path = beside(&target, &format!(".{tag}-{process}-0123456789abcdef.partial"));
            fs::write(&path, "health data").unwrap();
            path
        };
        // No process has this number.
        let (dead, of_another) = (named(&ours, 2_000_000_000), named(&theirs, 2_000_000_000));
        let alive = named(&ours, sleeper.id());
        let journal = beside(&dead, "-journal");
        fs::write(&journal, "health data").unwrap();
        let other_name = folder.path().join("a-letter.partial");
        fs::write(&other_name, "mine").unwrap();
        let export = beside(&target, &format!(".{ours}-2000000000-0123456789abcdea.partial"));
        fs::create_dir(&export).unwrap();
        fs::write(export.join("claim.csv"), "health data").unwrap();
        // A folder of somebody else's, whose name is not ours.
        let their_folder = folder.path().join("another.db.partial");
        fs::create_dir(&their_folder).unwrap();
        assert_eq!(left_in(folder.path()).len(), 4);
        assert!(is_beside(&target) && !is_beside(&folder.path().join("another.db")));
        sweep(&folder.path().join("another.db"), &ours).unwrap();
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        assert!(!dead.exists() && !journal.exists() && !export.exists() && their_folder.exists());
        assert!(of_another.exists() && alive.exists() && other_name.exists());
        assert_eq!(tag_of(&name(&target, &ours).unwrap()), Some(ours));
    }
}
