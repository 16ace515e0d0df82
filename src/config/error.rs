//! Errors of the configuration.

use super::{line::line_of, secret_file::SecretFileError};
use crate::{alike::most_alike, auth::ClientKeyError};
use std::path::PathBuf;

/// A mistake in the configuration, with its place.
///
/// It never shows a line of the file, which may have a secret in the wrong place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no file.
    #[error("there is no configuration at {}", path.display())]
    Missing {
        /// The path where the file was expected.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The text is not TOML, has an unknown key, or has a value of the wrong kind.
    #[error("{}:{line}:{column}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// The problem at that place.
        message: String,
    },
    /// A value cannot be used, such as one out of its bounds.
    #[error("{}{}: {key} {problem}", path.display(), at(*line))]
    Value {
        /// The file.
        path: PathBuf,
        /// The 1-based line of the key, or of the table that should have it; `None` if the file has
        /// neither.
        line: Option<usize>,
        /// The key, with its table.
        key: String,
        /// The problem with the value.
        problem: String,
    },
    /// The configuration has no plan with this name.
    #[error("{} has no plan {name}", path.display())]
    UnknownPlan {
        /// The name asked for.
        name: String,
        /// The names of all plans.
        known: Vec<String>,
        /// The file.
        path: PathBuf,
    },
    /// A plan's secret cannot be read from its file.
    #[error("plan {plan}: the {what}")]
    SecretFile {
        /// The plan.
        plan: String,
        /// The kind of secret, in words.
        what: String,
        /// The keys that name the place of the secret.
        keys: &'static str,
        /// The reason.
        source: SecretFileError,
    },
    /// A plan's private key cannot be read from its file.
    #[error("plan {plan}: cannot read the client's private key")]
    KeyFile {
        /// The plan.
        plan: String,
        /// The reason.
        source: SecretFileError,
    },
    /// A plan's private key cannot be used for signing.
    #[error("plan {plan}: the file of client_key_file cannot be used")]
    Key {
        /// The plan.
        plan: String,
        /// The reason.
        source: ClientKeyError,
    },
    /// A secret is not where the configuration says.
    #[error("plan {plan}: {problem}")]
    Secret {
        /// The plan.
        plan: String,
        /// The problem.
        problem: String,
        /// The environment variable that should have the secret and is not set.
        variable: Option<String>,
        /// The keys that name the place of the secret.
        keys: &'static str,
    },
}

/// The text `:LINE`, to follow a file's name.
fn at(line: Option<usize>) -> String {
    line.map(|line| format!(":{line}")).unwrap_or_default()
}

impl ConfigError {
    /// Adds the line of the key with the wrong value; `text` is the file's text.
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
            ConfigError::Missing { .. } => Some(
                "`payersync init` writes a commented payersync.toml; --home names its folder"
                    .to_owned(),
            ),
            ConfigError::UnknownPlan { known, .. } if known.is_empty() => {
                Some("add a [plans.NAME] section to it".to_owned())
            }
            ConfigError::UnknownPlan { name, known, .. } => {
                let alike = most_alike(name, known.iter().map(String::as_str));
                let alike = alike.map(|alike| format!("did you mean {alike}? "));
                Some(format!("{}known plans: {}", alike.unwrap_or_default(), known.join(", ")))
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
                "name in client_key_file a file that this user can read; `payersync jwks {plan} \
                 --new` makes a key"
            )),
            ConfigError::Key { source: ClientKeyError::Encrypted, .. } => Some(
                "decrypt it into a file of mode 0600: `openssl pkey -in KEY -out FILE`".to_owned(),
            ),
            ConfigError::Key { plan, .. } => Some(format!(
                "RS384 and ES384 are supported; `payersync jwks {plan} --new` makes such a key where \
                 the file is missing"
            )),
            ConfigError::Secret { variable: Some(variable), keys, .. } => {
                // `keys` is a text such as "client_secret_env or client_secret_file".
                let file = keys.rsplit(" or ").next().unwrap_or(keys);
                Some(format!("set {variable}, or name a file in {file}"))
            }
            ConfigError::Secret { keys, .. } | ConfigError::SecretFile { keys, .. } => {
                Some(format!("put the secret into the variable or file that {keys} names"))
            }
            ConfigError::Unreadable { .. } => Some(
                "make payersync.toml readable for this user, or name its folder with --home"
                    .to_owned(),
            ),
            ConfigError::Syntax { message, .. } if message.starts_with("duplicate key") => {
                Some("keep one of the two".to_owned())
            }
            ConfigError::Syntax { .. } | ConfigError::Value { .. } => Some(
                "correct it there; `payersync --home EMPTY-FOLDER init` writes every key"
                    .to_owned(),
            ),
        }
    }
}
