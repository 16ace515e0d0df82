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
    time::{Duration, Instant},
};

/// The variables with the vault's key, and with the path of a file that holds it.
const VAULT_KEY: &str = "PAYERSYNC_VAULT_KEY";
const VAULT_KEY_FILE: &str = "PAYERSYNC_VAULT_KEY_FILE";
/// The name of the vault's key among the credentials of a systemd service.
const VAULT_KEY_CREDENTIAL: &str = "vault-key";

/// Where the vault's key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VaultKeyPlace {
    /// In an environment variable.
    Environment,
    /// In a file whose path is in an environment variable.
    File(PathBuf),
    /// In the output of a command.
    Command(Vec<String>),
    /// Among the credentials of a systemd service.
    Credential(PathBuf),
    /// In the home, beside the vault.
    Home,
}

/// The place of the vault's key. Nothing but the configuration is opened.
///
/// # Errors
/// The configuration is invalid, or it names a command although the environment gives the key, too.
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
            .hint("keep one of them: two keys that differ would lock the vault")),
        };
    }
    Ok(match (variable, env::var_os(VAULT_KEY_FILE), handed_over) {
        (Some(VAULT_KEY), ..) => VaultKeyPlace::Environment,
        (_, Some(path), _) => VaultKeyPlace::File(path.into()),
        (_, None, Some(path)) => VaultKeyPlace::Credential(path),
        (_, None, None) => VaultKeyPlace::Home,
    })
}

/// Whether a file is in a folder, after all links are resolved.
pub(super) fn is_below(path: &Path, folder: &Path) -> bool {
    real(path).starts_with(real(folder))
}

/// The path with its links resolved, as far as it exists.
fn real(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = |above: &Path| {
        let rest = path.strip_prefix(above).ok()?;
        Some(above.canonicalize().ok()?.join(rest))
    };
    path.ancestors().find_map(there).unwrap_or_else(|| path.clone())
}

/// The vault's key, if it is not in the home.
///
/// # Errors
/// Those of [`place`], or the key cannot be read from there.
pub(super) fn find(home: &Path) -> Result<Option<GivenKey>, Failure> {
    let (read, place) = match place(home)? {
        VaultKeyPlace::Home => return Ok(None),
        VaultKeyPlace::Environment => {
            let text = env::var(VAULT_KEY).map(SecretString::from).map_err(|_| {
                // The error itself would show the value.
                Failure::misuse(format!("{VAULT_KEY} is not text"))
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
            _ => format!("set {VAULT_KEY_FILE} to the path of a file that this user can read"),
        };
        Failure::usage("cannot take the vault's key", error).hint(hint)
    })
}

/// The time for which a command that failed is not run again.
///
/// It is longer than a run without the key takes, and shorter than a day.
const REST: Duration = Duration::from_secs(10 * 60);

/// The answer of a command.
struct Answer {
    words: Vec<String>,
    /// When the command answered.
    at: Instant,
    /// The key, or the text of the failure and its hint.
    key: Result<SecretString, (String, String)>,
}

/// Runs the command, or returns its earlier answer.
///
/// A command that succeeded runs only once in a process, since a person may have to answer it. A command that
/// failed is not run again for a while, so that the notification after a run does not ask the person a second
/// time. In the next night of a daemon it runs again.
fn printed(words: &[String], home: &Path) -> Result<SecretString, Failure> {
    printed_at(Instant::now(), words, home)
}

fn printed_at(now: Instant, words: &[String], home: &Path) -> Result<SecretString, Failure> {
    static LAST: Mutex<Option<Answer>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    let holds = |answer: &Answer| {
        answer.words == words
            && (answer.key.is_ok() || now.saturating_duration_since(answer.at) < REST)
    };
    let key = match last.as_ref().filter(|answer| holds(answer)) {
        Some(answer) => answer.key.clone(),
        None => {
            let asked = key_command::ask(words, home);
            let key =
                asked.map_err(|failure| (failure.to_string(), failure.what_to_do().to_owned()));
            // The command itself may have taken a while.
            let at = now.max(Instant::now());
            *last = Some(Answer { words: words.to_owned(), at, key: key.clone() });
            key
        }
    };
    key.map_err(|(error, hint)| Failure::misuse(error).hint(hint))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_in_a_folder_however_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir(at("home")).unwrap();
        std::fs::write(at("home/key"), "").unwrap();
        std::fs::write(at("key"), "").unwrap();
        std::os::unix::fs::symlink(at("home"), at("link")).unwrap();
        for inside in ["home/key", "link/key", "home/missing", "link/missing", "home/../home/key"] {
            assert!(is_below(&at(inside), &at("home")), "{inside}");
            assert!(is_below(&at(inside), &at("link")), "{inside}");
        }
        for outside in ["key", "missing", "home/../key", "home2/key"] {
            assert!(!is_below(&at(outside), &at("home")), "{outside}");
        }
        // The tests run in the folder of the package.
        assert!(is_below(&Path::new("src").canonicalize().unwrap(), Path::new(".")));
        assert!(is_below(Path::new("src/lib.rs"), &Path::new("src").canonicalize().unwrap()));
    }

    #[test]
    fn a_command_is_run_once_and_one_that_failed_again_after_a_rest() {
        let home = tempfile::tempdir().unwrap();
        let words = ["/bin/sh", "-c", "echo asked >> asked; exit 3"].map(str::to_owned);
        let errors = [(); 2].map(|()| printed(&words, home.path()).unwrap_err());
        assert_eq!(std::fs::read_to_string(home.path().join("asked")).unwrap(), "asked\n");
        assert_eq!(errors[0].to_string(), errors[1].to_string());
        assert!(errors[1].to_string().contains("exit status: 3"), "{}", errors[1]);
        assert_eq!(errors[0].what_to_do(), errors[1].what_to_do());
        let later = Instant::now() + REST;
        printed_at(later, &words, home.path()).unwrap_err();
        printed_at(later + REST / 2, &words, home.path()).unwrap_err();
        assert_eq!(std::fs::read_to_string(home.path().join("asked")).unwrap(), "asked\nasked\n");
    }
}
