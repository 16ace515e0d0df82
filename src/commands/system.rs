//! What only the operating system knows or can do: the user, the disk, core dumps.

use std::{fs, io, num::NonZero, path::Path, sync::Mutex, thread};

/// Who runs this, by name and number; for the access log.
///
/// Both are the system's word: the environment says what whoever set it likes. Without a name in
/// `/etc/passwd` (accounts of a directory service, containers) the number stands alone.
pub(super) fn user() -> String {
    #[cfg(unix)]
    {
        let uid = rustix::process::getuid().as_raw();
        let accounts = fs::read_to_string("/etc/passwd").unwrap_or_default();
        match name_of(uid, &accounts) {
            Some(name) => format!("{name} (uid {uid})"),
            None => format!("uid {uid}"),
        }
    }
    #[cfg(not(unix))]
    "unknown".to_owned()
}

/// The name of a user id among accounts as `/etc/passwd` lists them.
#[cfg(unix)]
fn name_of(uid: u32, accounts: &str) -> Option<&str> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, number) = (fields.next()?, fields.nth(1)?);
        (number.parse() == Ok(uid) && !name.is_empty()).then_some(name)
    })
}

/// The name of this machine, for alerts.
pub(super) fn host() -> String {
    #[cfg(unix)]
    {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }
    #[cfg(not(unix))]
    "unknown".to_owned()
}

/// Bytes that this user may still write on the disk of a folder.
pub(super) fn free_bytes(folder: &Path) -> io::Result<u64> {
    #[cfg(unix)]
    {
        let disk = rustix::fs::statvfs(folder)?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

/// Files that a command opens at once, with some to spare.
const FILES: u64 = 32;

/// Has this process open as many files as it may.
///
/// # Errors
/// Those are too few for any command: what opens them fails in many ways, and some of it by panic.
pub(super) fn open_enough_files() -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            return enough(limit.maximum);
        }
        enough(limit.current)
    }
    #[cfg(not(unix))]
    Ok(())
}

#[cfg(unix)]
fn enough(files: Option<u64>) -> io::Result<()> {
    match files {
        Some(files) if files < FILES => Err(rustix::io::Errno::MFILE.into()),
        _ => Ok(()),
    }
}

/// Threads that a command has beside the runtime's workers, with some to spare: the writer, and the first of
/// those that wait for the disk.
const THREADS: usize = 4;

/// Tries whether this process is given the threads that any command needs.
///
/// # Errors
/// It is not. The runtime, which would meet this later, waits for ever for a worker that it could not
/// make beside another, and panics in the middle of a connection without the others.
pub(super) fn try_threads() -> io::Result<()> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let gate = Mutex::new(());
    let held = gate.lock();
    // All stand at once: a limit counts those that have not ended.
    thread::scope(|scope| {
        let made = (0..workers + THREADS).try_for_each(|_| {
            let wait = || drop(gate.lock());
            thread::Builder::new().stack_size(1 << 16).spawn_scoped(scope, wait).map(drop)
        });
        drop(held);
        made
    })
}

/// Keeps tokens and health data out of core dumps.
///
/// Best effort: a system that refuses is no reason not to work.
pub(super) fn forbid_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
    // The limit does not hold for a core_pattern that pipes into a program; this does.
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Lets nobody else write what this process makes, and none but its group read it, whatever the umask. What
/// is for everybody, such as metrics, is given its mode when it is written.
pub(super) fn keep_from_others() {
    #[cfg(unix)]
    {
        use rustix::{fs::Mode, process::umask};
        let others = Mode::WGRP | Mode::RWXO;
        // The only way to read it is to set it; no other thread has begun yet.
        let chosen = umask(others);
        umask(chosen | others);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_one_of_the_number() {
        let accounts = "root:x:0:0:root:/:/bin/sh\n\n+nis\nclaims:x:998:998::/:/bin/false\n";
        assert_eq!(name_of(998, accounts), Some("claims"));
        assert_eq!(name_of(0, accounts), Some("root"));
        assert_eq!(name_of(1000, accounts), None);
    }
}

/// Lets a write beyond the limit on file sizes (`ulimit -f`) fail like one on a full disk.
///
/// The signal that announces it would end the process; a handler, here one that does nothing, keeps
/// it from that. The handler stays for as long as the process lives.
///
/// # Errors
/// The runtime is not entered, or the system takes no handler.
pub(super) fn outlive_file_size_limit() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let exceeded = rustix::process::Signal::XFSZ.as_raw();
        signal(SignalKind::from_raw(exceeded)).map(drop)?;
    }
    Ok(())
}
