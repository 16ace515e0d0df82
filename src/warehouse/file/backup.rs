//! Makes a consistent copy of the warehouse while others write, and restores it.
//!
//! The copy is checked before it takes its name. It holds everything the warehouse holds, so it is
//! health data; it never holds a token, since those are in the vault.

use super::{
    connect::{connect, spill_beside},
    open::{self, beside},
    partial,
    place::{HEAD_BYTES, WarehouseFile, is_in_clear},
    removal::remove,
    seal::{self, Seal, SealKey},
    seal_error::SealError,
    staging::Staging,
    without_locks::Reading,
};
use crate::{
    own_file,
    warehouse::{
        error::{Doing, WarehouseError},
        verify::{integrity, strangers},
    },
};
use chrono::{DateTime, Utc};
use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
    params,
};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::Path,
    thread,
    time::Duration,
};

/// Pages copied in one step; between two steps the copy can be interrupted.
const STEP: i32 = 4096;
/// How long to wait for a locked page.
const PAUSE: Duration = Duration::from_millis(50);
/// By how much a restore raises the numbers of runs and connections, at least.
pub(crate) const RESTORE_JUMP: i64 = 1_000_000;

/// The outcome of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackedUp {
    /// Bytes of the copy.
    pub bytes: u64,
    /// Pages of the copy, all of them checked.
    pub pages: u64,
}

/// Copies the warehouse to `target`, checks the copy, and only then gives it its name.
///
/// Writers go on meanwhile; the copy is the state of one instant. An existing file is never overwritten.
/// With a seal, only encrypted bytes reach the target's disk: the copy is made and checked beside the
/// warehouse, by one process at a time. Copies that killed backups of this warehouse left in the target's
/// folder are removed first.
///
/// # Errors
/// There is no warehouse, `target` exists or cannot be written, or the copy is damaged. Without a seal
/// also: other users could replace the copy while it is written.
pub fn back_up(
    file: &WarehouseFile,
    target: &Path,
    seal: Option<&Seal>,
) -> Result<BackedUp, WarehouseError> {
    let source = open::open_to_read(file)?;
    refuse_existing(target)?;
    let tag = partial::tag(file.path());
    let Some(seal) = seal else {
        own_file::require_safe_folder(partial::folder_of(target))
            .map_err(WarehouseError::Distrusted)?;
        partial::sweep(target, &tag)?;
        let partial = partial::name(target, &tag)?;
        let copied = copy(&source, &file.at(&partial));
        return finish(&partial, target, copied);
    };
    partial::sweep(target, &tag)?;
    let partial = partial::name(target, &tag)?;
    let staging = Staging::beside(file.path())?;
    let staged = file.copy_at(staging.path());
    let checked = copy(&source, &staged)?;
    let written = write_sealed(seal, &staged, &partial);
    finish(&partial, target, written.map(|bytes| BackedUp { bytes, ..checked }))
}

/// Restores a backup into a home that has no warehouse; `key` opens an encrypted backup.
///
/// If the warehouse is to be encrypted and the copy is in clear, the copy is encrypted on the way. New runs
/// and connections get numbers that were never given out, even if the lost warehouse went on after the
/// backup.
///
/// # Errors
/// The home has a warehouse already; or the copy is no warehouse, is damaged, does not open with
/// the key, was written by a newer version, or has a trigger or view that payersync has not made.
/// Nothing is left behind then.
pub fn restore(
    copy: &Path,
    file: &WarehouseFile,
    key: Option<&SealKey>,
    now: DateTime<Utc>,
) -> Result<BackedUp, WarehouseError> {
    let path = file.path();
    // SQLite's temporary files go beside the new warehouse: others may use the disk of the copy, too.
    spill_beside(path);
    refuse_existing(path)?;
    for ending in ["-wal", "-journal"] {
        refuse_existing(&beside(path, ending))?;
    }
    open::require_existing(copy)?;
    if !seal::is_sealed(copy).map_err(at(copy))? {
        return match key {
            Some(_) => Err(WarehouseError::Seal(SealError::NotSealed { path: copy.into() })),
            None if is_in_clear(copy) => restore_open(&WarehouseFile::in_clear(copy), file, now),
            None => restore_open(&file.at(copy), file, now),
        };
    }
    let staging = Staging::beside(path)?;
    let staged = unseal(copy, key, staging.path())?;
    if staged.is_encrypted() && !file.is_encrypted() {
        return Err(WarehouseError::NeedsEncryption { path: copy.into() });
    }
    restore_open(&staged, file, now).map_err(|error| match error {
        WarehouseError::NotADatabase { .. } | WarehouseError::NotAWarehouse { .. } => {
            WarehouseError::NotAWarehouse { path: copy.into() }
        }
        error => error,
    })
}

fn restore_open(
    copy: &WarehouseFile,
    file: &WarehouseFile,
    now: DateTime<Utc>,
) -> Result<BackedUp, WarehouseError> {
    let source = open::open_to_read(copy)?;
    if !open::is_warehouse(&source)? {
        return Err(WarehouseError::NotAWarehouse { path: copy.path().into() });
    }
    let strangers = strangers::find(&source)?;
    if !strangers.foreign.is_empty() {
        let (path, names) = (copy.path().into(), strangers.foreign);
        return Err(WarehouseError::Strangers { path, names });
    }
    let tag = partial::tag(file.path());
    partial::sweep(file.path(), &tag)?;
    let partial = partial::name(file.path(), &tag)?;
    let target = file.at(&partial);
    let copied = match target.is_encrypted() == copy.is_encrypted() {
        true => self::copy(&source, &target),
        false => encrypt(copy.path(), &target),
    }
    .and_then(|done| match strangers.outdated.is_empty() {
        true => Ok(done),
        false => {
            let copy = connect(&target, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
            strangers::drop_outdated(&copy, &strangers)?;
            drop(copy);
            check(&target)
        }
    })
    .and_then(|done| raise_numbers(&target, now).map(|()| done));
    finish(&partial, file.path(), copied)
}

/// Raises the next number of a run and of a connection.
///
/// Those after the backup's may be in use: an export's `latest_run` and its connections. The time is part of
/// the number, so that two restores of one backup do not give the same numbers.
fn raise_numbers(file: &WarehouseFile, now: DateTime<Utc>) -> Result<(), WarehouseError> {
    let doing = "cannot raise the numbers of runs";
    let copy = connect(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // The file has its name only later, so a journal on the disk protects nothing.
    copy.execute_batch("PRAGMA journal_mode = MEMORY;").doing(doing)?;
    for table in ["connection", "sync_run"] {
        let raise = "UPDATE sqlite_sequence SET seq = max(seq + ?2, ?3) WHERE name = ?1";
        let raised = copy.execute(raise, params![table, RESTORE_JUMP, now.timestamp()]);
        if raised.doing(doing)? == 0 {
            let first = "INSERT INTO sqlite_sequence (name, seq) VALUES (?1, max(?2, ?3))";
            copy.execute(first, params![table, RESTORE_JUMP, now.timestamp()]).doing(doing)?;
        }
    }
    Ok(())
}

/// Writes an encrypted backup; returns how many bytes were written.
fn write_sealed(
    seal: &Seal,
    staged: &WarehouseFile,
    partial: &Path,
) -> Result<u64, WarehouseError> {
    let target = partial::create(partial)?;
    let mut plain = File::open(staged.path()).map_err(at(staged.path()))?;
    seal.write(staged.head().as_bytes(), &mut plain, target)
        .and_then(|()| fs::metadata(partial))
        .map(|metadata| metadata.len())
        .map_err(at(partial))
}

fn unseal(
    copy: &Path,
    key: Option<&SealKey>,
    into: &Path,
) -> Result<WarehouseFile, WarehouseError> {
    let mut opened = seal::open(copy, key)?;
    let mut target = partial::create(into)?;
    let start = opened.start(HEAD_BYTES)?;
    let staged = WarehouseFile::of_head(into, &start);
    // The bytes before an encrypted copy are its key. The key stays in memory and is written to no file.
    if !staged.is_encrypted() {
        target.write_all(&start).map_err(at(into))?;
    }
    opened.copy_to(&mut target, at(into))?;
    Ok(staged)
}

fn refuse_existing(target: &Path) -> Result<(), WarehouseError> {
    if target.symlink_metadata().is_ok() {
        return Err(WarehouseError::Exists { path: target.into() });
    }
    Ok(())
}

/// Copies page by page, and checks the copy.
fn copy(source: &Reading, target: &WarehouseFile) -> Result<BackedUp, WarehouseError> {
    let doing = "cannot copy the warehouse";
    let mut copy = create(target)?;
    // The open transaction holds the instant: pages written meanwhile do not restart the copy.
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
    drop(instant);
    source.confirm()?;
    // The copy must be one file: in WAL mode it would need two more files beside it when opened.
    copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(())).doing(doing)?;
    drop(copy);
    check(target)
}

/// Copies row by row, since pages of an unencrypted file have no room for what encryption adds.
fn encrypt(clear: &Path, target: &WarehouseFile) -> Result<BackedUp, WarehouseError> {
    let doing = "cannot encrypt the copy";
    let copy = create(target)?;
    let Some(clear) = clear.to_str() else {
        return Err(WarehouseError::NotAWarehouse { path: clear.into() });
    };
    copy.execute("ATTACH ?1 AS clear KEY ''", [clear]).doing(doing)?;
    copy.query_row("SELECT sqlcipher_export('main', 'clear')", [], |_| Ok(())).doing(doing)?;
    drop(copy);
    check(target)
}

fn create(target: &WarehouseFile) -> Result<Connection, WarehouseError> {
    partial::create(target.path())?;
    connect(target, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

fn check(file: &WarehouseFile) -> Result<BackedUp, WarehouseError> {
    let copy = connect(file, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    // SQLite reports no error if it cannot write the journal mode, so the mode is read back from the file.
    let mode: String = copy
        .query_row("PRAGMA journal_mode", [], |row| row.get(0))
        .doing("cannot read the copy")?;
    if mode != "delete" {
        return Err(at(file.path())(io::Error::other("the copy did not become one file")));
    }
    let checked = integrity(&copy)?;
    match checked.described.first() {
        None => Ok(BackedUp {
            bytes: fs::metadata(file.path()).map_err(at(file.path()))?.len(),
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
        File::open(partial).and_then(|file| file.sync_all()).map_err(at(target))?;
        // Another process may have created a file of this name meanwhile: it must not be replaced.
        own_file::place_new(partial, target).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => WarehouseError::Exists { path: target.into() },
            _ => at(target)(error),
        })?;
        sync_folder_of(target).map_err(at(target))?;
        Ok(done)
    });
    if named.is_err() {
        // Half a copy of health data must not stay. If the removal fails as well, the first error says
        // more.
        let _ = remove(partial);
    }
    named
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(partial::folder_of(path))?.sync_all(),
        false => Ok(()),
    }
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> WarehouseError {
    let path = path.to_owned();
    move |source| WarehouseError::Copy { path, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::warehouse::Snapshot;
    use age::x25519::Identity;

    #[test]
    fn what_an_encrypting_build_has_backed_up_needs_one_to_restore_it() {
        let home = tempfile::tempdir().unwrap();
        let identity = Identity::generate();
        let seal = Seal::for_recipients(&[identity.to_public().to_string()]).unwrap();
        let key = SealKey::from_identities(&identity.to_string()).unwrap();
        let copy = home.path().join("copy.age");
        let head = WarehouseFile::encrypted("w.db", &[7; 32]).head();
        seal.write(head.as_bytes(), &mut &[0_u8; 8192][..], File::create(&copy).unwrap()).unwrap();
        let target = WarehouseFile::in_clear(home.path().join("warehouse.db"));
        let error = restore(&copy, &target, Some(&key), DateTime::UNIX_EPOCH).unwrap_err();
        assert!(matches!(error, WarehouseError::NeedsEncryption { .. }), "{error:?}");
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_restored_warehouse_gives_no_number_a_second_time() {
        let home = tempfile::tempdir().unwrap();
        let file = |name: &str| WarehouseFile::in_clear(home.path().join(name));
        let begin = |connection: &Connection| {
            connection
                .execute_batch(
                    "INSERT INTO sync_run (command, version, state, started_at)
                     VALUES ('sync', '', 'complete', '2026-01-01');
                     INSERT INTO connection (uid, name, created_at)
                     VALUES (hex(randomblob(8)), hex(randomblob(8)), '2026-01-01')",
                )
                .unwrap();
        };
        let lost = open::open_to_write(&file("warehouse.db")).unwrap();
        begin(&lost);
        let copy = home.path().join("copy.db");
        back_up(&file("warehouse.db"), &copy, None).unwrap();
        // What was exported after this run is in no warehouse any more.
        begin(&lost);
        let instant = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
        for (name, now, first) in [
            ("one.db", instant(1_800_000_000), 1_800_000_001),
            ("two.db", instant(1_800_000_060), 1_800_000_061),
            ("set_back.db", instant(0), RESTORE_JUMP + 2),
        ] {
            restore(&copy, &file(name), None, now).unwrap();
            let restored = open::open_to_write(&file(name)).unwrap();
            begin(&restored);
            for table in ["connection", "sync_run"] {
                let newest: i64 = restored
                    .query_row(&format!("SELECT max(id) FROM {table}"), [], |row| row.get(0))
                    .unwrap();
                assert_eq!(newest, first, "{name} {table}");
            }
            let is_known = |run| Snapshot::of(&restored).since(run).unwrap().is_some();
            let known = [0, 1, 2, first - 1, first].map(is_known);
            assert_eq!(known, [true, false, false, false, true], "{name}");
        }
    }
}
