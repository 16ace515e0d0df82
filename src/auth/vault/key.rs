//! The vault's key: one that the command was given, or a file next to the vault.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::Path;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use super::{cipher::Key, private_file};
use crate::auth::{VaultError, random};

/// A key that does not come from the file in the home: 32 bytes in base64.
#[derive(Clone, Debug)]
pub struct GivenKey {
    /// The key.
    pub text: SecretString,
    /// Where the key comes from, for errors.
    pub place: String,
}

/// Standard base64; the padding may be missing.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A key and where it comes from.
pub(crate) struct FoundKey {
    pub(crate) key: Key,
    /// Where the key comes from, for errors.
    pub(crate) place: String,
}

/// The given key, or the one in `home`; a new one only if `may_create`.
///
/// The caller holds the vault's lock, so that two first uses do not make two keys.
pub(crate) fn find(
    home: &Path,
    given: Option<&GivenKey>,
    may_create: bool,
) -> Result<FoundKey, VaultError> {
    if let Some(given) = given {
        return parse(given.text.expose_secret(), given.place.clone());
    }
    let path = home.join("vault.key");
    let place = path.display().to_string();
    match fs::read_to_string(&path).map(Zeroizing::new) {
        Ok(text) => {
            private_file::require_private(&path)?;
            parse(&text, place)
        }
        Err(error) if error.kind() == ErrorKind::NotFound && may_create => {
            Ok(FoundKey { key: create(home, &path)?, place })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Err(VaultError::MissingKey { path }),
        Err(error) => Err(private_file::at(&path)(error)),
    }
}

/// Writes a new key, complete or not at all, and durable before anything is encrypted with it.
fn create(home: &Path, path: &Path) -> Result<Key, VaultError> {
    let key = random::bytes::<32>()?;
    let partial = home.join("vault.key.new");
    // Left over from a crash: nothing was ever encrypted with it.
    let _ = fs::remove_file(&partial);
    let mut file = private_file::create_new(&partial)?;
    let text = Zeroizing::new(format!("{}\n", STANDARD.encode(&key[..])));
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&partial, path))
        .map_err(private_file::at(path))?;
    private_file::sync_dir(home)?;
    Ok(key)
}

fn parse(text: &str, place: String) -> Result<FoundKey, VaultError> {
    let decoded = LENIENT.decode(text.trim()).map(Zeroizing::new).ok();
    match decoded.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok()) {
        Some(key) => Ok(FoundKey { key: Zeroizing::new(key), place }),
        None => Err(VaultError::InvalidKey { place }),
    }
}
