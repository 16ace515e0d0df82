//! Writes data to standard output.

use super::{failure::Failure, terminal};
use std::io::{self, Write};

/// Writes data to stdout. If the reader closes the pipe, it has seen enough; that is not a failure.
///
/// On a terminal, control characters are made visible; files and pipes get the exact bytes.
pub(super) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = terminal::data();
    match write(&mut *out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| Failure::usage("cannot write to standard output", error)),
    }
}
