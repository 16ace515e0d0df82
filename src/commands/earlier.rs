//! What an earlier run wrote may be replaced; any other file is left as it is.

use super::failure::Failure;
use crate::own_file;
use std::{fs::File, io::Read, path::Path};

/// Refuses to replace a file that does not begin as every `what` of ours does, a link, a device or pipe, and
/// what belongs to another account.
///
/// A name that was mistyped, or completed by the shell, may be that of the warehouse or of the
/// vault's key: nothing brings them back.
///
/// # Errors
/// A message that names the file.
pub(super) fn refuse_other(file: &Path, beginning: &str, what: &str) -> Result<(), Failure> {
    refuse_dash(file)?;
    own_file::require_owned(file)?;
    let start = start(file, beginning.len());
    if start.is_empty() || start == beginning.as_bytes() {
        return Ok(());
    }
    Err(refusal(file, &format!("exists and is no {what}")))
}

/// Refuses `-`, which other programs take for standard output.
///
/// # Errors
/// A message that says so.
pub(super) fn refuse_dash(file: &Path) -> Result<(), Failure> {
    if file == Path::new("-") {
        return Err(Failure::misuse("- is no name of a file").hint("name the file to write"));
    }
    Ok(())
}

/// Whether this is a file of SQLite that nobody has encrypted.
pub(super) fn is_database(file: &Path) -> bool {
    let header = b"SQLite format 3\0";
    start(file, header.len()) == header
}

pub(super) fn refusal(file: &Path, why: &str) -> Failure {
    Failure::misuse(format!("{} {why}; it was left as it is", file.display()))
        .hint("name another file, or move this one away")
}

/// The first bytes of a file; none of what is missing, empty, or cannot be read.
fn start(path: &Path, bytes: usize) -> Vec<u8> {
    let mut start = Vec::new();
    // Anything but a file could be waited for without end.
    if path.symlink_metadata().is_ok_and(|metadata| metadata.is_file())
        && let Ok(file) = File::open(path)
    {
        // A failure in the middle leaves what was read, which is no start of ours.
        let _ = file.take(bytes as u64).read_to_end(&mut start);
    }
    start
}
