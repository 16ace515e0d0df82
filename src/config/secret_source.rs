//! Secrets that a plan's section names: an environment variable, or a file of its owner's alone.

use super::{ConfigError, credential, read_credential, read_secret_file};
use secrecy::{ExposeSecret, SecretString};
use std::{
    env,
    path::{Path, PathBuf},
};

/// Where a secret is.
#[derive(Debug, Clone)]
pub(super) struct SecretSource {
    /// What it is, for people: "client secret".
    what: String,
    /// The keys by which the configuration says where it is.
    keys: &'static str,
    place: Place,
}

#[derive(Debug, Clone)]
enum Place {
    Environment(String),
    /// The path as given, and within the home.
    File(PathBuf, PathBuf),
}

impl SecretSource {
    /// The secret of a variable or a file; `None` where neither is named.
    ///
    /// # Errors
    /// Both are named.
    pub(super) fn of(
        what: &str,
        keys: &'static str,
        variable: Option<String>,
        file: Option<PathBuf>,
        home: &Path,
    ) -> Result<Option<SecretSource>, BothNamed> {
        let place = match (variable, file) {
            (Some(_), Some(_)) => return Err(BothNamed),
            (Some(variable), None) => Place::Environment(variable),
            (None, Some(file)) => {
                let path = home.join(&file);
                Place::File(file, path)
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(SecretSource { what: what.to_owned(), keys, place }))
    }

    /// Where it is, for people.
    pub(super) fn place(&self) -> String {
        match &self.place {
            Place::Environment(variable) => format!("the environment variable {variable}"),
            Place::File(_, path) => path.display().to_string(),
        }
    }

    /// Reads it, without white space around it.
    ///
    /// # Errors
    /// It is not there, is empty, or others can read it.
    pub(super) fn read(&self, plan: &str) -> Result<SecretString, ConfigError> {
        let (what, keys, plan) = (&self.what, self.keys, plan.to_owned());
        let refuse = |plan, problem| Err(ConfigError::Secret { plan, problem, keys });
        let text = match &self.place {
            Place::Environment(variable) => match env::var(variable) {
                Ok(text) => SecretString::from(text),
                Err(_) => {
                    let problem =
                        format!("the environment variable {variable} with the {what} is not set");
                    return refuse(plan, problem);
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
            true => refuse(plan, format!("the {what} is empty")),
            false => Ok(SecretString::from(text)),
        }
    }
}

/// A variable and a file are both named.
#[derive(Debug)]
pub(super) struct BothNamed;
