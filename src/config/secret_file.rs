//! Files with one secret: a client secret, the vault's key, or the key of a backup.
//!
//! A file that others than its owner can read is refused before it is read, since its content may already
//! be known. No error has any part of the content.

use secrecy::SecretString;
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// The file that systemd makes of a service's credential (`LoadCredential=NAME:…`); `None` without one.
pub fn credential(name: &Path) -> Option<PathBuf> {
    let folder = env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(Path::new(&folder).join(name)).filter(|path| name.is_relative() && path.is_file())
}

/// Why a secret cannot be read from its file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretFileError {
    /// The file does not exist, this user cannot read it, or it is not text.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Others than its owner can read the file.
    #[error("{} can be read by others", path.display())]
    ReadableByOthers {
        /// The file.
        path: PathBuf,
    },
}

impl SecretFileError {
    /// What a person can do about it.
    pub fn hint(&self) -> String {
        match self {
            SecretFileError::Unreadable { .. } => {
                "name a file that exists and that this user can read".to_owned()
            }
            SecretFileError::ReadableByOthers { path } => format!("`chmod 600 {}`", path.display()),
        }
    }
}

/// Reads a file that only its owner may be able to read.
///
/// # Errors
/// It cannot be read, or others can read it.
pub fn read_secret_file(path: &Path) -> Result<SecretString, SecretFileError> {
    let unreadable = |source| SecretFileError::Unreadable { path: path.into(), source };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    #[cfg(unix)]
    if std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0 {
        return Err(SecretFileError::ReadableByOthers { path: path.into() });
    }
    let _ = metadata;
    read_credential(path)
}

/// Reads a credential from systemd.
///
/// The mode of its file does not matter, since only the service can enter its folder.
///
/// # Errors
/// The file cannot be read.
pub fn read_credential(path: &Path) -> Result<SecretString, SecretFileError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(SecretString::from(text)),
        Err(source) => Err(SecretFileError::Unreadable { path: path.into(), source }),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_that_others_can_read_is_refused_with_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("s");
        fs::write(&path, "hunter2").unwrap();
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = read_secret_file(&path).unwrap_err();
            assert!(error.hint().contains("chmod 600"), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert_eq!(read_secret_file(&path).unwrap().expose_secret(), "hunter2");
    }
}
