//! Functions of the operating system: the user, the disk, limits, core dumps.

use std::{fs, io, num::NonZero, path::Path, sync::Mutex, thread};

/// The user that runs this process, by name and number, for the access log.
///
/// Both come from the system, not from environment variables, which anybody can set. If `/etc/passwd` does
/// not have the user (accounts of a directory service, containers), the number stands alone.
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

/// The name of a user id in the text of `/etc/passwd`.
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

/// The number of bytes that this user can still write on the disk of a folder.
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

/// The number of files that a command opens at once, with some to spare.
const FILES: u64 = 32;

/// Raises this process's limit on open files as far as allowed.
///
/// # Errors
/// The limit is too low for any command. Without this check, opening a file could fail anywhere, sometimes
/// by a panic.
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

/// The number of threads besides the runtime's workers, with some to spare.
///
/// They are the writer and the first of the threads that wait for the disk.
const THREADS: usize = 4;

/// Checks that the system gives this process the threads that any command needs.
///
/// # Errors
/// The system gives fewer threads. The runtime would notice this later: if it cannot start a worker it waits
/// forever, and if it cannot start another thread it panics in the middle of a connection.
pub(super) fn try_threads() -> io::Result<()> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    let gate = Mutex::new(());
    let held = gate.lock();
    // All threads exist at the same time, since a limit counts those that have not ended.
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
/// If the system refuses, the process goes on.
pub(super) fn forbid_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    }
    // The limit does not apply if core_pattern pipes the dump into a program. This setting does.
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

/// Lets only this user write the files that this process makes, and only its group read them.
///
/// This holds whatever umask was set. Files for everybody, such as metrics, get their mode when they are
/// written.
pub(super) fn keep_from_others() {
    #[cfg(unix)]
    {
        use rustix::{fs::Mode, process::umask};
        let others = Mode::WGRP | Mode::RWXO;
        // The umask can only be read by setting it; no other thread has begun yet.
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

/// Makes a write beyond the limit on file sizes (`ulimit -f`) fail like a write to a full disk.
///
/// By default, the signal SIGXFSZ would end the process. A handler that does nothing prevents that; it
/// stays for as long as the process lives.
///
/// # Errors
/// There is no current runtime, or the system refuses the handler.
pub(super) fn outlive_file_size_limit() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let exceeded = rustix::process::Signal::XFSZ.as_raw();
        signal(SignalKind::from_raw(exceeded)).map(drop)?;
    }
    Ok(())
}
