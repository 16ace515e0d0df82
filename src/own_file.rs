//! Files and folders that this account alone can change, and new files that replace nobody else's.
//!
//! Whoever can write to a folder can put a trap there: a link to a file of ours, or a file of theirs for us
//! to write into. So a home is checked as ssh checks one, and a file that we create must not be there before.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Why a file or folder is not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Distrust {
    /// A link: whoever made it decides where it leads.
    #[error("{} is a symbolic link", path.display())]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A pipe, a socket or a device: a program that opens it may wait for ever, or drive the device.
    #[error("{} is neither a file nor a folder", path.display())]
    Special {
        /// The pipe, socket or device.
        path: PathBuf,
    },
    /// The file or folder belongs neither to this account nor to root.
    #[error("{} belongs to user id {owner}, and this is user id {user}", path.display())]
    Foreign {
        /// The file or folder.
        path: PathBuf,
        /// The user id of the owner.
        owner: u32,
        /// The user id of this process.
        user: u32,
    },
    /// Others can change the file or folder.
    #[error("{} can be written by others", path.display())]
    Writable {
        /// The file or folder.
        path: PathBuf,
    },
}

impl Distrust {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            Distrust::Link { path } => match fs::canonicalize(path) {
                Ok(target) => {
                    format!(
                        "name the target of the link, {}, or move the target here",
                        target.display()
                    )
                }
                Err(_) => "remove it".to_owned(),
            },
            Distrust::Special { .. } => "move it aside, or name another place".to_owned(),
            Distrust::Foreign { path, owner, user } => format!(
                "run as that user (`sudo -u '#{owner}' -H payersync`, or the user of the container), \
                 or `chown -R {user} {}`",
                path.display()
            ),
            Distrust::Writable { path } => format!(
                "`chmod go-w {}`; if the disk has no file modes, set them when it is mounted \
                (dmask=077,fmask=077)",
                path.display()
            ),
        }
    }
}

/// Refuses a link, a pipe or device, and a file or folder that belongs neither to this account nor to root. A
/// missing path is fine.
///
/// # Errors
/// [`Distrust::Link`], [`Distrust::Special`] or [`Distrust::Foreign`].
pub fn require_owned(path: &Path) -> Result<(), Distrust> {
    // With a slash at its end a link would be followed.
    let path: PathBuf = path.components().collect();
    match path.symlink_metadata() {
        Ok(metadata) if metadata.is_symlink() => Err(Distrust::Link { path }),
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
            Err(Distrust::Special { path })
        }
        Ok(metadata) => owned(&path, &metadata),
        // The caller that opens the path reports what is wrong.
        Err(_) => Ok(()),
    }
}

/// Checks like [`require_owned`], and also refuses a file or folder that others can write to.
///
/// # Errors
/// The file or folder is not this account's alone, for the reason in the error.
pub fn require_own(path: &Path) -> Result<(), Distrust> {
    require_owned(path)?;
    match mode(path) & 0o022 {
        0 => Ok(()),
        _ => Err(Distrust::Writable { path: path.into() }),
    }
}

/// Refuses a folder in which others could put a file of theirs in the place of one of ours.
///
/// The folder may be a link. Others may write to it if the sticky bit keeps each to their own files, as in
/// the system's temporary folder.
///
/// # Errors
/// Why a file in it is not safe.
pub fn require_safe_folder(path: &Path) -> Result<(), Distrust> {
    if let Ok(metadata) = fs::metadata(path) {
        owned(path, &metadata)?;
    }
    let mode = mode(path);
    match mode & 0o022 == 0 || mode & 0o1000 != 0 {
        true => Ok(()),
        false => Err(Distrust::Writable { path: path.into() }),
    }
}

#[cfg(unix)]
fn owned(path: &Path, metadata: &fs::Metadata) -> Result<(), Distrust> {
    let owner = std::os::unix::fs::MetadataExt::uid(metadata);
    let user = rustix::process::geteuid().as_raw();
    match owner == user || owner == 0 {
        true => Ok(()),
        false => Err(Distrust::Foreign { path: path.into(), owner, user }),
    }
}

#[cfg(not(unix))]
fn owned(_: &Path, _: &fs::Metadata) -> Result<(), Distrust> {
    Ok(())
}

/// The mode of a file; 0 if it cannot be read or the system knows no modes.
fn mode(path: &Path) -> u32 {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(path).map_or(0, |metadata| metadata.permissions().mode())
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        0
    }
}

fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
    let _ = (file, mode);
    Ok(())
}

/// Opens for reading and writing, never through a link; a new file has this mode.
fn options(mode: u32) -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(mode).custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    }
    let _ = mode;
    options
}

/// Creates a file for its owner alone; nothing may be at its path yet.
///
/// # Errors
/// An error of the system; also if anything is at the path, even a link to nowhere.
pub fn create_new(path: &Path) -> io::Result<File> {
    options(0o600).create_new(true).open(path)
}

/// Opens a file and keeps its content; creates it, for its owner alone, if it is missing.
///
/// # Errors
/// An error of the system; also if the path is a link.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    options(0o600).create(true).truncate(false).open(path)
}

/// Puts a file in place in one step: readers see the old file or all of the new one. It has this `mode`,
/// whatever the umask.
///
/// # Errors
/// An error of the system; nothing is left behind then.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let partial = beside(path, &format!(".{}.partial", random_name()?));
    replace_with(path, &partial, mode, |file| file.write_all(bytes))
}

/// Replaces a file like [`replace`]: `write` fills the file `partial` beside it. An error keeps the old file.
///
/// # Errors
/// An error of the system or of `write`; nothing is left behind then.
pub fn replace_with(
    path: &Path,
    partial: &Path,
    mode: u32,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = options(mode).create_new(true).open(partial)?;
    let placed = set_mode(&file, mode)
        .and_then(|()| write(&mut file))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(partial, path));
    if placed.is_err() {
        let _ = fs::remove_file(partial);
    }
    placed
}

/// Creates a folder for its owner alone; nothing may be at its path yet.
///
/// # Errors
/// An error of the system; also if anything is at the path.
pub fn create_new_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Puts a folder in place in one step: readers see all of the old one or all of the new one. An old folder
/// has the name `new` afterwards.
///
/// A file system that cannot exchange two names gets two steps, with no folder in between.
///
/// # Errors
/// An error of the system; the old folder is then in its place, or has the name `aside`.
pub fn place_folder(new: &Path, target: &Path, aside: &Path) -> io::Result<()> {
    if target.symlink_metadata().is_err() {
        return fs::rename(new, target);
    }
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::{
            fs::{CWD, RenameFlags, renameat_with},
            io::Errno,
        };
        match renameat_with(CWD, new, CWD, target, RenameFlags::EXCHANGE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            done => return done.map_err(io::Error::from),
        }
    }
    fs::rename(target, aside)?;
    fs::rename(new, target)
        .and_then(|()| fs::rename(aside, new))
        .inspect_err(|_| drop(fs::rename(aside, target)))
}

/// Gives a file its final name in one step, unless anything has that name.
///
/// A file system that cannot do that gets two steps: a file that is created between them is replaced.
///
/// # Errors
/// An error of the system; [`io::ErrorKind::AlreadyExists`] if anything has that name. The file then has its
/// old name.
pub fn place_new(new: &Path, target: &Path) -> io::Result<()> {
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    {
        use rustix::{
            fs::{CWD, RenameFlags, renameat_with},
            io::Errno,
        };
        match renameat_with(CWD, new, CWD, target, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
            done => return done.map_err(io::Error::from),
        }
    }
    match target.symlink_metadata() {
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(new, target),
    }
}

/// Creates a file for its owner alone, whole and durable; nothing may be at its path yet.
///
/// If the process is killed or the disk is full, no file is at the path, so that the caller can be repeated.
///
/// # Errors
/// An error of the system; also if anything is at the path. Nothing is left behind then.
pub fn create_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = beside(path, &format!(".{}.partial", random_name()?));
    let mut file = create_new(&partial)?;
    let placed = file
        .write_all(bytes)
        .and_then(|()| file.sync_all())
        .and_then(|()| place_new(&partial, path));
    if placed.is_err() {
        let _ = fs::remove_file(&partial);
    }
    placed
}

/// Makes the names in a folder durable, if the system can do that.
///
/// # Errors
/// An error of the system.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(path)?.sync_all(),
        false => Ok(()),
    }
}

/// A name that nobody can know beforehand: 16 hexadecimal digits.
///
/// # Errors
/// The system has no randomness.
pub fn random_name() -> io::Result<String> {
    let mut bytes = [0_u8; 8];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(base16ct::lower::encode_string(&bytes))
}

/// Whether another process than this one has this number and is running.
pub fn is_at_work(process: u32) -> bool {
    #[cfg(unix)]
    {
        use rustix::{
            io::Errno,
            process::{Pid, test_kill_process},
        };
        let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
        // A process that may not be signalled is running, too.
        process != std::process::id()
            && pid.is_some_and(|pid| !matches!(test_kill_process(pid), Err(Errno::SRCH)))
    }
    #[cfg(not(unix))]
    {
        process != std::process::id()
    }
}

/// The path of another file in the same folder: the name is that of `path` with `ending` after it.
pub fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
