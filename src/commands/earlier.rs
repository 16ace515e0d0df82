//! Refuses to overwrite a file that no earlier run of the same command wrote.

use super::failure::Failure;
use crate::own_file;
use std::{
    fs::File,
    io::{self, Read},
    path::Path,
};

/// Refuses to replace a file that payersync did not write.
///
/// Every file of the kind `what` begins with `beginning`. A file with another beginning, a link, device or
/// pipe, and a file of another account are refused: a mistyped file name may be that of the warehouse or of
/// the vault's key, and nothing could bring them back.
///
/// # Errors
/// The file is not payersync's own; the message names it.
pub(super) fn refuse_other(file: &Path, beginning: &str, what: &str) -> Result<(), Failure> {
    refuse_dash(file)?;
    own_file::require_owned(file)?;
    let start = start(file, beginning.len())
        .map_err(|error| refusal(file, &format!("exists and cannot be read ({error})")))?;
    if start.is_empty() || start == beginning.as_bytes() {
        return Ok(());
    }
    Err(refusal(file, &format!("exists and is not a {what}")))
}

/// Refuses `-`, which other programs take for standard output.
///
/// # Errors
/// The name is `-`.
pub(super) fn refuse_dash(file: &Path) -> Result<(), Failure> {
    if file == Path::new("-") {
        return Err(Failure::misuse("- is not the name of a file").hint("name the file to write"));
    }
    Ok(())
}

/// Whether the file is an unencrypted SQLite database.
pub(super) fn is_database(file: &Path) -> bool {
    let header = b"SQLite format 3\0";
    start(file, header.len()).is_ok_and(|start| start == header)
}

pub(super) fn refusal(file: &Path, why: &str) -> Failure {
    Failure::misuse(format!("{} {why}; it was left as it is", file.display()))
        .hint("name another file, or move this one away")
}

/// The first bytes of a file; none if the file is missing or is not a plain file.
fn start(path: &Path, bytes: usize) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    // Reading a pipe or a device could wait forever.
    if path.symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
        File::open(path)?.take(bytes as u64).read_to_end(&mut start)?;
    }
    Ok(start)
}
