//! A file of an export.
//!
//! Only its owner can read it. It is hashed while it is written, and synced to the disk at the end.

use crate::{commands::failure::Failure, own_file};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    mem,
    path::Path,
};

/// The number of bytes that are gathered before a write to the file.
const BUFFER: usize = 1 << 16;

/// A file that computes its hash while it is written.
#[derive(Debug)]
pub(super) struct HashedFile {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

/// The size and the hash of a finished file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) bytes: u64,
    /// SHA-256 in hexadecimal digits.
    pub(super) sha256: String,
}

/// The failure of a file that could not be written.
pub(in crate::commands) fn cannot_write(path: &Path, error: io::Error) -> Failure {
    let hint = "check that the folder exists and that this user may write to it";
    Failure::file(format!("cannot write {}", path.display()), error, hint)
}

impl HashedFile {
    /// Creates a file, which must not exist yet.
    pub(super) fn create(path: &Path) -> io::Result<HashedFile> {
        let file = BufWriter::with_capacity(BUFFER, own_file::create_new(path)?);
        Ok(HashedFile { file, hash: Sha256::new(), bytes: 0 })
    }

    /// Flushes the file and waits until all of it is on the disk.
    pub(super) fn finish(&mut self) -> io::Result<Sums> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        let sha256 = base16ct::lower::encode_string(&mem::take(&mut self.hash).finalize());
        Ok(Sums { bytes: self.bytes, sha256 })
    }
}

impl Write for HashedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
