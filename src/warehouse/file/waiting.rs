//! How a connection waits for a lock that another process holds.
//!
//! SQLite's own waiting tries ten times a second. Beside a process that commits one page after another it
//! can find the lock taken every time, and give up. Trying every few milliseconds finds the gap between
//! two pages.

use super::{no_locks, open::beside};
use crate::warehouse::error::{Doing, WarehouseError};
use rusqlite::{Connection, ErrorCode};
use std::{
    fs,
    path::Path,
    process, thread,
    time::{Duration, Instant},
};

/// How long a writer waits. Others hold the lock for a page, or at most for a purge's VACUUM.
const WRITERS_PATIENCE: Duration = Duration::from_secs(5 * 60);
/// How long a reader waits: for a journal that is being recovered or folded into the file.
const READERS_PATIENCE: Duration = Duration::from_secs(30);
/// After this wait the file system is tested for whether it gives locks at all.
const DOUBT: Duration = Duration::from_secs(2);
/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// Sets a connection to wait as long as a writer does.
pub(super) fn as_writer(connection: &mut Connection, path: &Path) -> Result<(), WarehouseError> {
    set(connection, path, WRITERS_PATIENCE)
}

/// Sets a connection to wait as long as a reader does.
pub(super) fn as_reader(connection: &mut Connection, path: &Path) -> Result<(), WarehouseError> {
    set(connection, path, READERS_PATIENCE)
}

/// Sets a connection to wait for no lock at all.
pub(crate) fn for_nobody(connection: &Connection) -> Result<(), WarehouseError> {
    connection.busy_timeout(Duration::ZERO).doing("cannot set how long to wait for a lock")
}

/// Repeats work that another process prevents, for as long as a reader waits.
///
/// SQLite itself does not wait if a connection that reads wants the file for itself, as to set the journal
/// mode of a new file: two such processes would wait for each other for ever.
pub(super) fn until_alone(mut work: impl FnMut() -> rusqlite::Result<()>) -> rusqlite::Result<()> {
    let began = Instant::now();
    loop {
        match work() {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && began.elapsed() < READERS_PATIENCE
                    && !no_locks::is_noted() =>
            {
                thread::sleep(LONGEST_PAUSE);
            }
            done => return done,
        }
    }
}

fn set(connection: &mut Connection, path: &Path, patience: Duration) -> Result<(), WarehouseError> {
    let path = path.to_owned();
    let (mut began, mut has_doubted) = (Instant::now(), false);
    let look_again = move |tries: i32| {
        if tries == 0 {
            (began, has_doubted) = (Instant::now(), false);
        }
        let waited = began.elapsed();
        if waited >= DOUBT && !has_doubted {
            has_doubted = true;
            if !gives_locks(&path) {
                no_locks::note();
                return false;
            }
        }
        thread::sleep(LONGEST_PAUSE.min(Duration::from_millis(1) * (tries.unsigned_abs() + 1)));
        waited < patience
    };
    connection.busy_handler(Some(look_again)).doing("cannot set how long to wait for a lock")
}

/// Whether the file system gives a lock on a file of our own, which nobody else can hold.
///
/// True if no such file can be made, since the answer is unknown then.
fn gives_locks(path: &Path) -> bool {
    let path = beside(path, &format!(".lock-{}", process::id()));
    let locked = Connection::open(&path).and_then(|probe| {
        probe.busy_timeout(Duration::ZERO)?;
        probe.execute_batch("BEGIN EXCLUSIVE")
    });
    let _ = fs::remove_file(&path);
    !locked.is_err_and(|error| error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy))
}
