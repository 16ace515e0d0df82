//! Files that hold one secret: a client secret, the vault's key, what opens a backup.
//!
//! A file that others than its owner can read is refused before it is read: what is in it must be
//! taken for known. Nothing of the content is ever part of an error.

use secrecy::SecretString;
use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

/// The file of a credential that systemd hands to a service (`LoadCredential=NAME:…`), if it does.
pub fn credential(name: &Path) -> Option<PathBuf> {
    let folder = env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(Path::new(&folder).join(name)).filter(|path| name.is_relative() && path.is_file())
}

/// A secret that cannot be had from its file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretFileError {
    /// Not there, not readable for this user, or no text.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Others than its owner can read it.
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

/// Reads a file that must be its owner's alone.
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

/// Reads a credential that systemd hands over: its folder is the service's alone, whatever the
/// mode of the file says.
///
/// # Errors
/// It cannot be read.
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
