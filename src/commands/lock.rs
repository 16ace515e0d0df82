//! One run at a time per home: an operating system lock, gone with its process however it ends.

use super::failure::Failure;
use crate::clock::{self, Clock};
use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read, Seek, Write},
    path::Path,
};

/// Held while a run writes.
#[derive(Debug)]
pub(super) struct HomeLock {
    _file: File,
}

/// Takes the lock, or says who has it.
pub(super) fn take(home: &Path, command: &str) -> Result<HomeLock, Failure> {
    take_file(home, "lock", command)
}

/// Takes the lock of encrypted backups, which go on beside a run and not beside each other.
pub(super) fn take_for_backup(home: &Path) -> Result<HomeLock, Failure> {
    take_file(home, "backup.lock", "backup")
}

fn take_file(home: &Path, name: &str, command: &str) -> Result<HomeLock, Failure> {
    let path = home.join(name);
    let failed = |error: std::io::Error| {
        Failure::file(
            format!("cannot use {}", path.display()),
            error,
            "make the folder writable for this user, or name another one with --home",
        )
    };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::Error(error)) => return Err(failed(error)),
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // The owner may be about to write its name; without it the message still helps.
            let _ = file.read_to_string(&mut owner);
            let owner = owner.trim();
            let owner = if owner.is_empty() { "another process" } else { owner };
            return Err(Failure::locked(format!("{} is in use by {owner}", home.display()))
                .hint("wait for it to end, or stop it; it goes on where it was"));
        }
    }
    let started = clock::text(Clock::system().now());
    // The lock is held; whose it is, is for others to read. A full disk, which could not take that
    // down, must not keep a purge from making room.
    let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| {
        writeln!(file, "`payersync {command}`, process {}, since {started}", std::process::id())
    });
    Ok(HomeLock { _file: file })
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
        let text = format!("{refused:?}");
        assert!(text.contains("`payersync sync`"), "{text}");
        assert!(text.contains(&std::process::id().to_string()), "{text}");
        drop(first);
        take(home.path(), "sync").unwrap();
    }
}
