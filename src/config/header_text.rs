//! A value of the configuration that may be a secret.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The value of a header: a text that everybody may know, or the place of a secret text.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(super) enum HeaderText {
    Open(String),
    Secret(SecretPlace),
}

/// Where a secret is.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct SecretPlace {
    pub(super) env: Option<String>,
    pub(super) file: Option<PathBuf>,
}
