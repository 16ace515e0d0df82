//! Data for standard output.

use super::{failure::Failure, terminal};
use std::io::{self, Write};

/// Writes data to stdout. A reader that closed the pipe has seen enough; that is no failure.
///
/// A terminal is shown what it would obey; files and pipes get the bytes.
pub(super) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = terminal::data();
    match write(&mut *out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| Failure::usage("cannot write to standard output", error)),
    }
}
