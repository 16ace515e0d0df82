//! Where the vault's key comes from: the environment, a file, a command, systemd, or the home.

use super::{failure::Failure, key_command};
use crate::{
    auth::GivenKey,
    config::{SecretFileError, Settings, credential, read_credential, read_secret_file},
};
use secrecy::SecretString;
use std::{
    env,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

/// The environment variable with the vault's key, and the one with a file that it is in.
const VAULT_KEY: &str = "PAYERSYNC_VAULT_KEY";
const VAULT_KEY_FILE: &str = "PAYERSYNC_VAULT_KEY_FILE";
/// The name of the vault's key among the credentials of a systemd service.
const VAULT_KEY_CREDENTIAL: &str = "vault-key";

/// Where the vault's key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VaultKeyPlace {
    /// In the environment.
    Environment,
    /// In a file that the environment names.
    File(PathBuf),
    /// In the output of a command.
    Command(Vec<String>),
    /// Among the credentials of a systemd service.
    Credential(PathBuf),
    /// In the home, beside the vault.
    Home,
}

/// Where the vault's key is to be looked for. Opens nothing but the configuration.
///
/// # Errors
/// The configuration is wrong, or a command and something else both say where the key is.
pub(super) fn place(home: &Path) -> Result<VaultKeyPlace, Failure> {
    let handed_over = credential(Path::new(VAULT_KEY_CREDENTIAL));
    let variable = [VAULT_KEY, VAULT_KEY_FILE].into_iter().find(|name| env::var_os(name).is_some());
    if let Some(words) = Settings::load_or_default(home)?.vault_key_command {
        let other =
            variable.or(handed_over.is_some().then_some("the systemd credential vault-key"));
        return match other {
            None => Ok(VaultKeyPlace::Command(words)),
            Some(other) => Err(Failure::misuse(format!(
                "both {other} and {} say where the vault's key is",
                key_command::KEY
            ))
            .hint("leave one of them: two keys that differ would lock the vault")),
        };
    }
    Ok(match (variable, env::var_os(VAULT_KEY_FILE), handed_over) {
        (Some(VAULT_KEY), ..) => VaultKeyPlace::Environment,
        (_, Some(path), _) => VaultKeyPlace::File(path.into()),
        (_, None, Some(path)) => VaultKeyPlace::Credential(path),
        (_, None, None) => VaultKeyPlace::Home,
    })
}

/// The vault's key where it is not the file in the home.
///
/// # Errors
/// As [`place`]; or it cannot be had from there.
pub(super) fn find(home: &Path) -> Result<Option<GivenKey>, Failure> {
    let (read, place) = match place(home)? {
        VaultKeyPlace::Home => return Ok(None),
        VaultKeyPlace::Environment => {
            let text = env::var(VAULT_KEY).map(SecretString::from).map_err(|_| {
                // The error itself would show the value.
                Failure::misuse(format!("{VAULT_KEY} is no text"))
                    .hint("a key is 32 bytes in base64, as `openssl rand -base64 32` makes them")
            })?;
            return Ok(Some(GivenKey { text, place: VAULT_KEY.to_owned() }));
        }
        VaultKeyPlace::Command(words) => {
            let text = printed(&words, home)?;
            return Ok(Some(GivenKey { text, place: key_command::KEY.to_owned() }));
        }
        VaultKeyPlace::File(path) => (read_secret_file(&path), path.display().to_string()),
        VaultKeyPlace::Credential(path) => {
            (read_credential(&path), "the systemd credential vault-key".to_owned())
        }
    };
    read.map(|text| Some(GivenKey { text, place })).map_err(|error| {
        let hint = match &error {
            SecretFileError::ReadableByOthers { .. } => error.hint(),
            _ => format!("{VAULT_KEY_FILE} names a file that this user can read"),
        };
        Failure::usage("cannot take the vault's key", error).hint(hint)
    })
}

/// A key, or why there is none and what to do.
type Answered = Result<SecretString, (String, String)>;

/// What the command prints; it is run once in a process, since a person may have to answer it. One that
/// failed is not asked again: whoever did not answer is not to be asked for the notification, too.
fn printed(words: &[String], home: &Path) -> Result<SecretString, Failure> {
    static LAST: Mutex<Option<(Vec<String>, Answered)>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let known = last.as_ref().filter(|(known, _)| known == words).map(|(_, key)| key.clone());
    let answered = known.unwrap_or_else(|| {
        let asked = key_command::ask(words, home);
        asked.map_err(|failure| (failure.to_string(), failure.what_to_do().to_owned()))
    });
    *last = Some((words.to_owned(), answered.clone()));
    answered.map_err(|(error, hint)| Failure::misuse(error).hint(hint))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_run_once_also_where_it_fails() {
        let home = tempfile::tempdir().unwrap();
        let words = ["/bin/sh", "-c", "echo asked >> asked; exit 3"].map(str::to_owned);
        let errors = [(); 2].map(|()| printed(&words, home.path()).unwrap_err());
        assert_eq!(std::fs::read_to_string(home.path().join("asked")).unwrap(), "asked\n");
        assert_eq!(errors[0].to_string(), errors[1].to_string());
        assert!(errors[1].to_string().contains("exit status: 3"), "{}", errors[1]);
        assert_eq!(errors[0].what_to_do(), errors[1].what_to_do());
    }
}
