//! Where the warehouse is, and the key that opens it.
//!
//! A build with SQLCipher (`--features encryption`) encrypts the file with a key that is derived from the
//! vault's key. Any other build knows unencrypted files only; a [`WarehouseFile`] has no key there. The
//! key is never written anywhere. An encrypted backup holds a key of its own, which encrypts only the copy
//! in that backup.

use crate::warehouse::error::WarehouseError;
use rusqlite::Connection;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::{
    fmt::Write,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// The first bytes of an unencrypted SQLite file.
const IN_CLEAR: &[u8; 16] = b"SQLite format 3\0";
/// The first bytes of an encrypted backup that holds the key of its copy: this text, the key, a line end.
const HEAD: &str = "payersync SQLCipher key x'";
const HEAD_END: &str = "'\n";
/// The length of the whole head.
pub(crate) const HEAD_BYTES: usize = HEAD.len() + 64 + HEAD_END.len();

/// The path of a warehouse, and its key if it is encrypted.
#[derive(Debug, Clone)]
pub struct WarehouseFile {
    path: PathBuf,
    /// The key as 64 hexadecimal digits.
    key: Option<SecretString>,
}

impl WarehouseFile {
    /// A file that is not encrypted.
    pub fn in_clear(path: impl Into<PathBuf>) -> WarehouseFile {
        WarehouseFile { path: path.into(), key: None }
    }

    /// A file that SQLCipher encrypts with this key. Needs a build with SQLCipher.
    pub fn encrypted(path: impl Into<PathBuf>, key: &[u8; 32]) -> WarehouseFile {
        let mut digits = Zeroizing::new(String::with_capacity(64));
        for byte in key {
            // Writing to a string cannot fail.
            let _ = write!(digits, "{byte:02x}");
        }
        WarehouseFile { path: path.into(), key: Some(SecretString::from(digits.as_str())) }
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file has a key.
    pub fn is_encrypted(&self) -> bool {
        self.key.is_some()
    }

    /// Whether the file on the disk is an unencrypted SQLite database, whatever key this value has.
    ///
    /// `None` if its first bytes cannot be read.
    pub fn lies_in_clear(&self) -> Option<bool> {
        begins_in_clear(&self.path)
    }

    /// Another file with the same key.
    pub(crate) fn at(&self, path: &Path) -> WarehouseFile {
        WarehouseFile { path: path.into(), key: self.key.clone() }
    }

    /// A copy that goes into an encrypted backup together with its key, and so has a key of its own.
    pub(super) fn copy_at(&self, path: &Path) -> WarehouseFile {
        let Some(key) = &self.key else { return WarehouseFile::in_clear(path) };
        let mut hash = Sha256::new();
        hash.update(b"payersync copy in an encrypted backup\0");
        hash.update(key.expose_secret());
        WarehouseFile::encrypted(path, &Zeroizing::new(hash.finalize().into()))
    }

    /// The head that an encrypted backup of this file begins with; empty without a key.
    pub(crate) fn head(&self) -> Zeroizing<String> {
        Zeroizing::new(
            self.key
                .as_ref()
                .map_or_else(String::new, |key| [HEAD, key.expose_secret(), HEAD_END].concat()),
        )
    }

    /// The file to which the head of a backup belongs; without a valid head the file is unencrypted.
    pub(super) fn of_head(path: &Path, head: &[u8]) -> WarehouseFile {
        let key = std::str::from_utf8(head)
            .ok()
            .and_then(|head| head.strip_prefix(HEAD)?.strip_suffix(HEAD_END))
            .filter(|key| key.bytes().all(|byte| byte.is_ascii_hexdigit()));
        WarehouseFile { path: path.into(), key: key.map(SecretString::from) }
    }

    /// Refuses an unencrypted file where an encrypted one belongs, before SQLite sees it.
    pub(super) fn require_encrypted(&self) -> Result<(), WarehouseError> {
        match self.is_encrypted() && is_in_clear(&self.path) {
            true => Err(WarehouseError::InClear { path: self.path.clone() }),
            false => Ok(()),
        }
    }

    /// Attaches this file to an open connection of another file, under a schema name.
    pub(super) fn attach(&self, connection: &Connection, name: &str) -> rusqlite::Result<()> {
        let path = self.path.to_string_lossy();
        let Some(key) = &self.key else {
            let sql = format!("ATTACH DATABASE ?1 AS {name}");
            return connection.execute(&sql, [path.as_ref()]).map(drop);
        };
        let key = Zeroizing::new(format!("x'{}'", key.expose_secret()));
        let sql = format!("ATTACH DATABASE ?1 AS {name} KEY ?2");
        connection.execute(&sql, [path.as_ref(), key.as_str()]).map(drop)
    }

    /// Gives the key to a fresh connection.
    pub(super) fn unlock(&self, connection: &Connection) -> rusqlite::Result<()> {
        let Some(key) = &self.key else { return Ok(()) };
        let pragma = Zeroizing::new(format!("PRAGMA key = \"x'{}'\"", key.expose_secret()));
        // SQLCipher answers this pragma with a row; plain SQLite does not, and would go on without
        // encryption.
        connection.query_row(&pragma, [], |_| Ok(()))?;
        // SQLCipher would log to stderr; payersync reports the errors in its own words and format.
        connection.execute_batch("PRAGMA cipher_log_level = NONE")
    }
}

/// Whether a file is an unencrypted SQLite database; false for a file that cannot be read.
pub(super) fn is_in_clear(path: &Path) -> bool {
    begins_in_clear(path) == Some(true)
}

fn begins_in_clear(path: &Path) -> Option<bool> {
    let mut start = [0; IN_CLEAR.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut start)).ok()?;
    Some(start == *IN_CLEAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_shows_nowhere_and_a_copy_has_another_one() {
        let file = WarehouseFile::encrypted("w.db", &[0xab; 32]);
        assert!(!format!("{file:?}").contains("abab"));
        let copy = file.copy_at(Path::new("c.db"));
        assert_ne!(file.head(), copy.head());
        assert_eq!(copy.head().len(), HEAD_BYTES);
        let read = WarehouseFile::of_head(Path::new("r.db"), copy.head().as_bytes());
        assert_eq!(read.head(), copy.head());
    }

    #[test]
    fn what_is_no_head_belongs_to_a_file_in_clear() {
        let path = Path::new("w.db");
        assert!(WarehouseFile::in_clear(path).head().is_empty());
        let injected = format!("{HEAD}{}{HEAD_END}", "0'; ATTACH --".repeat(5));
        for head in ["", "SQLite format 3\0", &injected] {
            assert!(!WarehouseFile::of_head(path, head.as_bytes()).is_encrypted(), "{head}");
        }
    }
}
