//! Files that only their owner can read.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::{auth::VaultError, own_file};

/// A failure at a path.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> VaultError {
    let path = path.to_owned();
    move |source| VaultError::Io { path, source }
}

/// Creates a folder that only its owner can enter, with its parents; an existing one stays as is.
pub(crate) fn create_dir(path: &Path) -> Result<(), VaultError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(at(path))
}

/// Creates a file that only its owner can read; it must not exist.
pub(crate) fn create_new(path: &Path) -> Result<File, VaultError> {
    own_file::create_new(path).map_err(at(path))
}

/// Opens a lock file, and creates it if it is missing. Its content means nothing.
pub(crate) fn open_lock(path: &Path) -> Result<File, VaultError> {
    own_file::open_or_create(path).map_err(at(path))
}

/// Refuses a file that others can read, since its content must be considered known.
pub(super) fn require_private(path: &Path) -> Result<(), VaultError> {
    let metadata = fs::metadata(path).map_err(at(path))?;
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0 {
        return Err(VaultError::ReadableByOthers { path: path.to_owned() });
    }
    let _ = metadata;
    Ok(())
}

/// Makes the names in a folder durable, such as the name of a new file.
pub(super) fn sync_dir(path: &Path) -> Result<(), VaultError> {
    #[cfg(unix)]
    File::open(path).and_then(|dir| dir.sync_all()).map_err(at(path))?;
    Ok(())
}

/// Waits until no other process opens the vault or makes its key. Others wait until the file is dropped.
///
/// `None` if a home with a vault has no lock file and cannot be written to: nobody can make a key there.
pub(super) fn lock_vault(home: &Path) -> Result<Option<File>, VaultError> {
    let path = locks_dir(home).join("vault.lock");
    let lock = match create_dir(&locks_dir(home)).and_then(|()| open_lock(&path)) {
        Ok(lock) => lock,
        Err(VaultError::Io { source, .. })
            if is_closed_to_writing(&source) && home.join("vault.db").exists() =>
        {
            match File::open(&path) {
                Ok(lock) => lock,
                Err(_) => return Ok(None),
            }
        }
        Err(error) => return Err(error),
    };
    lock.lock().map_err(at(&path))?;
    Ok(Some(lock))
}

fn is_closed_to_writing(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull)
}

/// The folder of the lock files in a home.
pub(crate) fn locks_dir(home: &Path) -> PathBuf {
    home.join("locks")
}
