//! Keys for other purposes than the vault, derived from the vault's key.
//!
//! A derived key tells nothing about the vault's key or about the keys for other purposes. It is derived
//! whenever it is needed and is never written.

use super::{cipher::Key, key, private_file};
use crate::auth::{GivenKey, VaultError};
use sha2::{Digest, Sha256};
use std::path::Path;

/// Derives the key for a purpose. A missing vault key is made only if `may_create`.
///
/// One-step key derivation with SHA-256 (NIST SP 800-56C revision 2, section 4.1, option 1): the
/// vault's key is 32 random bytes, so that no stretching is needed.
///
/// # Errors
/// The vault's key is missing, is not a key, or can be read by others.
pub fn derived_key(
    home: &Path,
    given: Option<&GivenKey>,
    purpose: &str,
    may_create: bool,
) -> Result<Key, VaultError> {
    // The lock keeps two first uses from making two keys. If no key may be made, no lock is written.
    let lock = may_create.then(|| private_file::lock_vault(home)).transpose()?;
    let found = key::find(home, given, may_create)?;
    drop(lock);
    let mut hash = Sha256::new();
    hash.update(1_u32.to_be_bytes());
    hash.update(&found.key[..]);
    hash.update(purpose);
    Ok(Key::new(hash.finalize().into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_and_each_vault_key_has_its_own_and_it_stays_the_same() {
        let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let key = |home: &tempfile::TempDir, purpose| {
            derived_key(home.path(), None, purpose, true).unwrap().to_vec()
        };
        let first = key(&home, "one");
        assert_eq!(first, key(&home, "one"));
        assert_ne!(first, key(&home, "two"));
        assert_ne!(first, key(&other, "one"));
    }

    #[test]
    fn no_key_is_made_where_something_is_encrypted_with_a_lost_one() {
        let home = tempfile::tempdir().unwrap();
        let error = derived_key(home.path(), None, "one", false).unwrap_err();
        assert!(matches!(error, VaultError::MissingKey { .. }), "{error:?}");
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
    }
}
