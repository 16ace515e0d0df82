//! One file of an export: readable for its owner alone, hashed while it is written, synced to the
//! disk at its end.

use crate::{commands::failure::Failure, own_file};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    mem,
    path::Path,
};

/// Bytes gathered before the system is asked to write them.
const BUFFER: usize = 1 << 16;

/// A file that knows its hash.
#[derive(Debug)]
pub(super) struct HashedFile {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

/// What a file came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) bytes: u64,
    /// SHA-256 in hexadecimal digits.
    pub(super) sha256: String,
}

/// What a file could not be written for.
pub(in crate::commands) fn cannot_write(path: &Path, error: io::Error) -> Failure {
    let hint = "check that the folder exists and that this user may write to it";
    Failure::file(format!("cannot write {}", path.display()), error, hint)
}

impl HashedFile {
    /// Makes a file that was not there.
    pub(super) fn create(path: &Path) -> io::Result<HashedFile> {
        let file = BufWriter::with_capacity(BUFFER, own_file::create_new(path)?);
        Ok(HashedFile { file, hash: Sha256::new(), bytes: 0 })
    }

    /// Waits until all of it is on the disk.
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
