//! Locks for one run at a time per home.
//!
//! They are locks of the operating system, which are released when the process ends, however it ends.

use super::{
    failure::{Failure, WRITABLE},
    standing::minute,
    told::tell,
};
use crate::{
    clock::{self, Clock},
    own_file,
};
use std::{
    fs::{File, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// The pause between two attempts to take a lock.
const PAUSE: Duration = Duration::from_millis(20);
/// How long to wait for a command that ends soon.
const LONG: Duration = Duration::from_secs(5 * 60);
/// The file of the lock of encrypted backups.
const BACKUP: &str = "backup.lock";

/// A lock of a home, released when it is dropped.
#[derive(Debug)]
pub(super) struct HomeLock {
    file: File,
}

/// Takes the home's lock; an error names the process that holds it.
pub(super) fn take(home: &Path, command: &str) -> Result<HomeLock, Failure> {
    take_file(home, "lock", command, patience_with)
}

/// Takes the lock of encrypted backups: they may run during a sync, but only one at a time.
pub(super) fn take_for_backup(home: &Path) -> Result<HomeLock, Failure> {
    take_file(home, BACKUP, "backup", patience_with)
}

/// Takes the lock of encrypted backups for a command that removes their temporary copies beside the
/// warehouse; waits for a backup that is at work.
pub(super) fn take_from_backups(home: &Path, command: &str) -> Result<HomeLock, Failure> {
    take_file(home, BACKUP, command, |owner| match command_of(owner) {
        Some("backup") => LONG,
        _ => patience_with(owner),
    })
}

/// Takes the lock like [`take_from_backups`], for a command that can leave its work to a later one: does not
/// wait for a backup.
#[cfg(feature = "lake")]
pub(super) fn try_from_backups(home: &Path, command: &str) -> Result<HomeLock, Failure> {
    take_file(home, BACKUP, command, |_| Duration::ZERO)
}

/// Whether a process may be at work on a temporary copy beside the warehouse. Creates no file.
///
/// A backup makes such a copy of an existing warehouse, a restore for a missing one.
pub(super) fn is_staging(home: &Path, has_warehouse: bool) -> bool {
    let file = File::open(home.join(if has_warehouse { BACKUP } else { "lock" }));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Takes the lock of consents, so that no consent is stored meanwhile.
///
/// A consent may be stored during a sync, but not during a move or a purge.
pub(super) fn take_for_consent(home: &Path, command: &str) -> Result<HomeLock, Failure> {
    take_file(home, "consent.lock", command, patience_with)
}

/// Takes every lock of two homes.
///
/// The order does not depend on which home is named first: otherwise two commands could wait for each other
/// forever.
pub(super) fn take_both(one: &Path, other: &Path, command: &str) -> Result<Vec<HomeLock>, Failure> {
    let mut homes = [one, other];
    homes.sort();
    let mut locks = Vec::new();
    for home in homes {
        locks.push(take(home, command)?);
        locks.push(take_for_consent(home, command)?);
    }
    Ok(locks)
}

/// Takes the lock of lakes, so that no other process writes to this home's folders of a lake.
#[cfg(feature = "lake")]
pub(super) fn take_for_lake(home: &Path) -> Result<HomeLock, Failure> {
    take_file(home, "lake.lock", "lake", patience_with)
}

fn take_file(
    home: &Path,
    name: &str,
    command: &str,
    patience: impl Fn(&str) -> Duration,
) -> Result<HomeLock, Failure> {
    let path = home.join(name);
    let failed = |error: std::io::Error| {
        Failure::file(format!("cannot use {}", path.display()), error, WRITABLE)
    };
    let mut file = own_file::open_or_create(&path).map_err(failed)?;
    let (began, mut told) = (Instant::now(), false);
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(error)) => return Err(failed(error)),
            Err(TryLockError::WouldBlock) => {}
        }
        let mut owner = String::new();
        let _ = file.rewind().and_then(|()| file.read_to_string(&mut owner));
        let owner = owner.trim();
        if began.elapsed() > patience(owner) {
            let hint = match command_of(owner) {
                Some("run") => {
                    "`payersync run` keeps the home until it is stopped; let it sync on its \
                     schedule, or stop it"
                }
                _ => {
                    "wait until it ends, or stop it (the next run goes on from there), and run this again"
                }
            };
            let owner = if owner.is_empty() { "another process" } else { owner };
            return Err(
                Failure::locked(format!("{} is in use by {owner}", home.display())).hint(hint)
            );
        }
        if !owner.is_empty() && !told {
            tell(&format!("Waiting for {owner}"));
            told = true;
        }
        thread::sleep(PAUSE);
    }
    let started = minute(&clock::text(Clock::system().now()));
    // The lock is held; its file only tells others who holds it. On a full disk this write fails, but a purge
    // that would make room must still get the lock.
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| {
        writeln!(file, "`payersync {command}`, process {}, since {started} UTC", std::process::id())
    });
    Ok(HomeLock { file })
}

/// The command of the lock's owner, as written in the lock's file.
fn command_of(owner: &str) -> Option<&str> {
    owner.strip_prefix("`payersync ")?.split('`').next()
}

/// How long to wait for the lock's owner.
///
/// A run may take all night, so nobody waits for it. A short command is waited for, so that it does not cost
/// a scheduled run its night. An owner without a name is about to write its name.
fn patience_with(owner: &str) -> Duration {
    match command_of(owner) {
        Some(
            "codes load" | "connect" | "get" | "lake sync" | "move" | "plan" | "purge" | "rebuild"
            | "restore",
        ) => LONG,
        Some(_) => Duration::ZERO,
        None => Duration::from_secs(5),
    }
}

impl Drop for HomeLock {
    fn drop(&mut self) {
        // Clears the owner's name, so that the next owner is not mistaken for this one. This works on a
        // full disk.
        let _ = self.file.set_len(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit_code::ExitCode;

    #[test]
    fn the_second_one_is_told_who_has_it_and_the_third_gets_it() {
        let home = tempfile::tempdir().unwrap();
        let first = take(home.path(), "sync").unwrap();
        let refused = take(home.path(), "sync").unwrap_err();
        assert_eq!(refused.code(), ExitCode::Locked);
        assert!(refused.what_to_do().starts_with("wait until it ends"), "{}", refused.what_to_do());
        let text = format!("{refused:?}");
        assert!(text.contains("`payersync sync`"), "{text}");
        assert!(text.contains(&std::process::id().to_string()), "{text}");
        drop(first);
        take(home.path(), "sync").unwrap();
    }

    #[test]
    fn nobody_is_told_to_wait_for_the_daemon_which_does_not_end() {
        let home = tempfile::tempdir().unwrap();
        let _daemon = take(home.path(), "run").unwrap();
        let refused = take(home.path(), "sync").unwrap_err();
        let hint = refused.what_to_do();
        assert!(hint.contains("until it is stopped") && !hint.contains("wait"), "{hint}");
    }

    #[test]
    fn every_command_that_ends_soon_is_waited_for_and_no_run_is() {
        let patience = |command: &str| patience_with(&format!("`payersync {command}`, process 7"));
        for short in ["codes load", "get", "lake sync", "plan", "purge", "rebuild"] {
            assert_eq!(patience(short), LONG, "{short}");
        }
        for long in ["backfill", "import", "run", "sync"] {
            assert_eq!(patience(long), Duration::ZERO, "{long}");
        }
    }

    #[test]
    fn a_purge_waits_for_an_encrypted_backup_and_another_backup_does_not() {
        let home = tempfile::tempdir().unwrap();
        let backup = take_for_backup(home.path()).unwrap();
        assert_eq!(take_for_backup(home.path()).unwrap_err().code(), ExitCode::Locked);
        assert!(is_staging(home.path(), true) && !is_staging(home.path(), false));
        thread::scope(|scope| {
            let purge = scope.spawn(|| take_from_backups(home.path(), "purge").map(drop));
            drop(backup);
            purge.join().unwrap().unwrap();
        });
        assert!(!is_staging(home.path(), true));
    }

    #[test]
    fn a_run_waits_for_a_command_that_ends_soon() {
        let home = tempfile::tempdir().unwrap();
        let purge = take(home.path(), "purge").unwrap();
        thread::scope(|scope| {
            let sync = scope.spawn(|| take(home.path(), "sync").map(drop));
            drop(purge);
            sync.join().unwrap().unwrap();
        });
    }
}
