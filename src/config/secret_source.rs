//! Secrets that a plan's section names: in an environment variable, or in a file that only its owner can
//! read.

use super::{
    error::ConfigError,
    secret_file::{credential, read_credential, read_secret_file},
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    env,
    path::{Path, PathBuf},
};

/// The place of a secret.
#[derive(Debug, Clone)]
pub(super) struct SecretSource {
    /// The kind of secret, in words for people, such as "client secret".
    what: String,
    /// The keys by which the configuration names its place.
    keys: &'static str,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Environment(String),
    /// The path as given, and the path resolved within the home.
    File(PathBuf, PathBuf),
}

impl SecretSource {
    /// The place of a secret, in a variable or a file; `None` if neither is named.
    ///
    /// # Errors
    /// Both are named, or the variable's name is a text that cannot be one.
    pub(super) fn of(
        what: &str,
        keys: &'static str,
        variable: Option<String>,
        file: Option<PathBuf>,
        home: &Path,
    ) -> Result<Option<SecretSource>, Misnamed> {
        let place = match (variable, file) {
            (Some(_), Some(_)) => return Err(Misnamed::Both),
            (Some(name), None) if !is_variable(&name) => return Err(Misnamed::NoVariable),
            (Some(variable), None) => Place::Environment(variable),
            (None, Some(file)) => {
                let path = home.join(&file);
                Place::File(file, path)
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(SecretSource { what: what.to_owned(), keys, place }))
    }

    /// The place of the secret, in words for people.
    pub(super) fn place(&self) -> String {
        match &self.place {
            Place::Environment(variable) => format!("the environment variable {variable}"),
            Place::File(_, path) => path.display().to_string(),
        }
    }

    /// Reads the secret, without white space around it.
    ///
    /// # Errors
    /// The secret is missing or empty, or others can read its file.
    pub(super) fn read(&self, plan: &str) -> Result<SecretString, ConfigError> {
        let (what, keys, plan) = (&self.what, self.keys, plan.to_owned());
        let refuse =
            |plan, problem, variable| Err(ConfigError::Secret { plan, problem, variable, keys });
        let text = match &self.place {
            Place::Environment(variable) => match env::var(variable) {
                Ok(text) => SecretString::from(text),
                Err(_) => {
                    let problem =
                        format!("the environment variable {variable} with the {what} is not set");
                    return refuse(plan, problem, Some(variable.clone()));
                }
            },
            Place::File(given, path) => {
                let read = match credential(given) {
                    Some(path) => read_credential(&path),
                    None => read_secret_file(path),
                };
                let what = what.clone();
                match read {
                    Ok(text) => text,
                    Err(source) => {
                        return Err(ConfigError::SecretFile { plan, what, keys, source });
                    }
                }
            }
        };
        let text = text.expose_secret().trim();
        match text.is_empty() {
            true => refuse(plan, format!("the {what} is empty"), None),
            false => Ok(SecretString::from(text)),
        }
    }
}

/// Why the place of a secret is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Misnamed {
    /// A variable and a file are both named.
    Both,
    /// A text that cannot be a variable's name. It may be the secret itself, so it is not repeated.
    NoVariable,
}

impl Misnamed {
    /// The problem with the key; `both` is the text if a variable and a file are both named.
    pub(super) fn problem(self, both: &str) -> String {
        let problem = match self {
            Misnamed::Both => both,
            Misnamed::NoVariable => {
                "does not name an environment variable (letters, digits and _, no digit first); the \
                 secret itself does not belong in this file"
            }
        };
        problem.to_owned()
    }
}

/// Whether a text can be the name of an environment variable (POSIX.1-2024, XBD 3.216, "Name").
fn is_variable(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.starts_with(|c: char| !c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_variables_name_is_refused_and_not_repeated() {
        let of = |name: &str| {
            let name = Some(name.to_owned());
            SecretSource::of("secret", "key", name, None, Path::new("/h")).map(|_| ())
        };
        for name in ["A", "_", "payersync_2", "X9"] {
            assert_eq!(of(name), Ok(()), "{name}");
        }
        for name in ["", "9A", "hunter2-x", "hunter2 x", "a.b", "a=b", "ä"] {
            assert_eq!(of(name), Err(Misnamed::NoVariable), "{name}");
        }
        assert!(!Misnamed::NoVariable.problem("hunter2").contains("hunter2"));
    }
}
