//! Who names the Patient of a consent, as typed.

use serde::{Deserialize, Serialize};

/// Who names the Patient of a consent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(super) enum PatientFrom {
    #[default]
    Token,
    UserInfo,
    #[serde(rename = "id_token")]
    IdToken,
}
