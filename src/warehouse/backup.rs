//! A consistent copy of the warehouse while others write, and the way back.
//!
//! The copy is checked before it takes its name. It holds everything the warehouse holds, so it is
//! health data; it never holds a token, since those are in the vault.

use super::{
    error::{Doing, WarehouseError},
    open::{self, beside},
    seal::{self, Seal, SealKey},
    seal_error::SealError,
    staging::{Staging, partial_of, remove},
    verify::integrity,
};
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use std::{
    fs::{self, File, OpenOptions},
    io,
    path::Path,
    thread,
    time::Duration,
};

/// Pages copied at a time; between two times the copy can be interrupted.
const STEP: i32 = 4096;
/// How long a locked page is waited for.
const PAUSE: Duration = Duration::from_millis(50);

/// What a copy came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackedUp {
    /// Bytes of the copy.
    pub bytes: u64,
    /// Pages of the copy, all of them checked.
    pub pages: u64,
}

/// Copies the warehouse to `target`, checks the copy, and only then gives it its name.
///
/// Writers go on meanwhile; the copy is the state of one instant. Never overwrites. With a seal
/// nothing but encrypted bytes come to the target's disk: the copy is made and checked beside the
/// warehouse, which one process at a time may do.
///
/// # Errors
/// There is no warehouse, `target` exists or cannot be written, or the copy is not sound.
pub fn back_up(
    path: &Path,
    target: &Path,
    seal: Option<&Seal>,
) -> Result<BackedUp, WarehouseError> {
    let source = open::open_to_read(path)?;
    refuse_existing(target)?;
    let partial = partial_of(target);
    let Some(seal) = seal else {
        let copied = copy(&source, &partial).and_then(|()| check(&partial));
        return finish(&partial, target, copied);
    };
    let staging = Staging::beside(path)?;
    copy(&source, staging.path())?;
    let checked = check(staging.path())?;
    let written = write_sealed(seal, staging.path(), &partial);
    finish(&partial, target, written.map(|bytes| BackedUp { bytes, ..checked }))
}

/// Puts a copy in the place of a warehouse that is not there; `key` opens an encrypted one.
///
/// # Errors
/// There is a warehouse, or the copy is none, is not sound, does not open with the key, or was
/// written by a newer version. Nothing is left behind then.
pub fn restore(
    copy: &Path,
    path: &Path,
    key: Option<&SealKey>,
) -> Result<BackedUp, WarehouseError> {
    refuse_existing(path)?;
    for ending in ["-wal", "-journal"] {
        refuse_existing(&beside(path, ending))?;
    }
    if !seal::is_sealed(copy) {
        return match key {
            Some(_) => Err(WarehouseError::Seal(SealError::NotSealed { path: copy.into() })),
            None => restore_open(copy, path),
        };
    }
    let staging = Staging::beside(path)?;
    open::create_private(staging.path())?;
    let mut file =
        OpenOptions::new().write(true).open(staging.path()).map_err(at(staging.path()))?;
    seal::open(copy, key, &mut file, at(staging.path()))?;
    drop(file);
    restore_open(staging.path(), path).map_err(|error| match error {
        WarehouseError::NotADatabase { .. } | WarehouseError::NotAWarehouse { .. } => {
            WarehouseError::NotAWarehouse { path: copy.into() }
        }
        error => error,
    })
}

fn restore_open(copy: &Path, path: &Path) -> Result<BackedUp, WarehouseError> {
    let source = open::open_to_read(copy)?;
    if !open::is_warehouse(&source)? {
        return Err(WarehouseError::NotAWarehouse { path: copy.into() });
    }
    let partial = partial_of(path);
    let copied = self::copy(&source, &partial).and_then(|()| check(&partial));
    finish(&partial, path, copied)
}

/// Returns how many bytes were written.
fn write_sealed(seal: &Seal, plain: &Path, partial: &Path) -> Result<u64, WarehouseError> {
    remove(partial)?;
    open::create_private(partial)?;
    let mut plain = File::open(plain).map_err(at(plain))?;
    OpenOptions::new()
        .write(true)
        .open(partial)
        .and_then(|target| seal.write(&mut plain, target))
        .and_then(|()| fs::metadata(partial))
        .map(|metadata| metadata.len())
        .map_err(at(partial))
}

fn refuse_existing(target: &Path) -> Result<(), WarehouseError> {
    if target.symlink_metadata().is_ok() {
        return Err(WarehouseError::Exists { path: target.into() });
    }
    Ok(())
}

fn copy(source: &Connection, partial: &Path) -> Result<(), WarehouseError> {
    let doing = "cannot copy the warehouse";
    // Left over from a copy that was killed.
    remove(partial)?;
    open::create_private(partial)?;
    let mut copy = Connection::open_with_flags(
        partial,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .doing(doing)?;
    // The open transaction holds the instant: pages written meanwhile do not start it anew.
    let instant = source.unchecked_transaction().doing(doing)?;
    instant.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())).doing(doing)?;
    {
        let backup = Backup::new(&instant, &mut copy).doing(doing)?;
        loop {
            match backup.step(STEP).doing(doing)? {
                StepResult::Done => break,
                StepResult::More => {}
                _ => thread::sleep(PAUSE),
            }
        }
    }
    // One file, whatever opens it: a copy in WAL mode would want two more beside it.
    copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).doing(doing)
}

fn check(partial: &Path) -> Result<BackedUp, WarehouseError> {
    let copy = Connection::open_with_flags(
        partial,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
    .doing("cannot open the copy")?;
    let checked = integrity(&copy)?;
    match checked.described.first() {
        None => Ok(BackedUp {
            bytes: fs::metadata(partial).map_err(at(partial))?.len(),
            pages: checked.count,
        }),
        Some(_) => Err(WarehouseError::UnsoundCopy { problems: checked.problems }),
    }
}

fn finish(
    partial: &Path,
    target: &Path,
    copied: Result<BackedUp, WarehouseError>,
) -> Result<BackedUp, WarehouseError> {
    let named = copied.and_then(|done| {
        // Another copy may have taken the name meanwhile.
        refuse_existing(target)?;
        File::open(partial)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(partial, target))
            .and_then(|()| sync_folder_of(target))
            .map_err(at(target))?;
        Ok(done)
    });
    if named.is_err() {
        // Half a copy of health data is not left lying about; the error says more than a second
        // one about the removal would.
        let _ = remove(partial);
    }
    named
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match cfg!(unix) {
        true => File::open(folder.unwrap_or(Path::new(".")))?.sync_all(),
        false => Ok(()),
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> WarehouseError {
    let path = path.to_owned();
    move |source| WarehouseError::Copy { path, source }
}
