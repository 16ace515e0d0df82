//! What can be wrong with a configuration.

use super::{line::line_of, secret_file::SecretFileError};
use crate::auth::ClientKeyError;
use std::path::PathBuf;

/// A mistake in the configuration, with where it stands. Never shows a line of the file: it may
/// hold what should not have been written there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no file.
    #[error("there is no configuration at {}", path.display())]
    Missing {
        /// The path that was looked at.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// Not TOML, an unknown key or a value of the wrong kind.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// 1-based.
        line: usize,
        /// 1-based.
        column: usize,
        /// What is wrong there.
        message: String,
    },
    /// A value out of its bounds.
    #[error("{}{}: {key} {problem}", path.display(), at(*line))]
    Value {
        /// The file.
        path: PathBuf,
        /// The 1-based line of the key, or of the table that should have it; `None` if the file has
        /// neither.
        line: Option<usize>,
        /// The key, with its table.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A plan that the configuration does not have.
    #[error("{} has no plan {name}", path.display())]
    UnknownPlan {
        /// The name asked for.
        name: String,
        /// The names there are.
        known: Vec<String>,
        /// The file.
        path: PathBuf,
    },
    /// A plan's secret that its file does not give.
    #[error("plan {plan}: the {what}")]
    SecretFile {
        /// The plan.
        plan: String,
        /// The kind of secret, in words.
        what: String,
        /// The keys that say where it is.
        keys: &'static str,
        /// Why.
        source: SecretFileError,
    },
    /// A plan's private key that its file does not give.
    #[error("plan {plan}: cannot read the client's private key")]
    KeyFile {
        /// The plan.
        plan: String,
        /// Why.
        source: SecretFileError,
    },
    /// A private key that cannot sign.
    #[error("plan {plan}: the file of client_key_file cannot be used")]
    Key {
        /// The plan.
        plan: String,
        /// Why.
        source: ClientKeyError,
    },
    /// A secret that is not where the configuration says.
    #[error("plan {plan}: {problem}")]
    Secret {
        /// The plan.
        plan: String,
        /// What is wrong.
        problem: String,
        /// The environment variable that was to hold it and is not set.
        variable: Option<String>,
        /// The keys that say where it is.
        keys: &'static str,
    },
}

/// A line behind the name of its file.
fn at(line: Option<usize>) -> String {
    line.map(|line| format!(":{line}")).unwrap_or_default()
}

impl ConfigError {
    /// Adds the line of the key that has the wrong value; `text` is the file's.
    pub(super) fn with_line(self, text: &str) -> ConfigError {
        match self {
            ConfigError::Value { path, line: None, key, problem } => {
                ConfigError::Value { path, line: line_of(text, &key), key, problem }
            }
            error => error,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            ConfigError::Missing { .. } => {
                Some("`payersync init` writes a commented one; --home names the folder".to_owned())
            }
            ConfigError::UnknownPlan { known, .. } if known.is_empty() => {
                Some("add a [plans.NAME] section to it".to_owned())
            }
            ConfigError::UnknownPlan { known, .. } => {
                Some(format!("known plans: {}", known.join(", ")))
            }
            ConfigError::SecretFile {
                source: error @ SecretFileError::ReadableByOthers { .. },
                ..
            }
            | ConfigError::KeyFile {
                source: error @ SecretFileError::ReadableByOthers { .. },
                ..
            } => Some(error.hint()),
            ConfigError::KeyFile { plan, .. } => Some(format!(
                "client_key_file names a file that this user can read; `payersync jwks {plan} --new` \
                 makes one"
            )),
            ConfigError::Key { source: ClientKeyError::Encrypted, .. } => Some(
                "decrypt it into a file of mode 0600: `openssl pkey -in KEY -out FILE`".to_owned(),
            ),
            ConfigError::Key { plan, .. } => Some(format!(
                "RS384 and ES384 are supported; `payersync jwks {plan} --new` makes such a key where \
                 the file is missing"
            )),
            ConfigError::Secret { variable: Some(variable), keys, .. } => {
                // Such as "client_secret_env or client_secret_file".
                let file = keys.rsplit(" or ").next().unwrap_or(keys);
                Some(format!("set {variable}, or name a file in {file}"))
            }
            ConfigError::Secret { keys, .. } | ConfigError::SecretFile { keys, .. } => {
                Some(format!("its place is the variable or file that {keys} names"))
            }
            ConfigError::Unreadable { .. } => Some(
                "--home names the folder of payersync.toml, which this user must be able to read"
                    .to_owned(),
            ),
            ConfigError::Syntax { .. } | ConfigError::Value { .. } => Some(
                "correct it there; `payersync --home EMPTY-FOLDER init` writes every key"
                    .to_owned(),
            ),
        }
    }
}
