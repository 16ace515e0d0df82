//! The file as typed: one struct per section, unknown keys refused.

use super::{
    error::ConfigError, header_text::HeaderText, patient_from::PatientFrom, sync_section::Sync,
};
use crate::{auth::TypedUrl, http::HttpOptions};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use std::{
    collections::BTreeMap,
    num::{NonZeroU32, NonZeroUsize},
    path::{Path, PathBuf},
    time::Duration,
};
use url::Url;

#[derive(Debug, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct File {
    pub(super) vault_key_command: Option<Vec<String>>,
    pub(super) http: Http,
    pub(super) sync: Sync,
    pub(super) schedule: Schedule,
    pub(super) warehouse: Warehouse,
    pub(super) notify: super::notify::Section,
    pub(super) production_access: super::ProductionAccess,
    pub(super) plans: BTreeMap<String, Plan>,
    pub(super) connections: BTreeMap<String, Connection>,
}

#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Http {
    pub(super) connect_timeout_seconds: u64,
    pub(super) read_timeout_seconds: u64,
    pub(super) total_timeout_seconds: u64,
    pub(super) max_body_mebibytes: usize,
    pub(super) max_attempts: NonZeroU32,
    pub(super) max_retry_wait_seconds: u64,
    pub(super) initial_delay_milliseconds: u64,
    pub(super) max_delay_seconds: u64,
}

impl Default for Http {
    fn default() -> Http {
        let options = HttpOptions::default();
        Http {
            connect_timeout_seconds: options.connect_timeout.as_secs(),
            read_timeout_seconds: options.read_timeout.as_secs(),
            total_timeout_seconds: options.total_timeout.as_secs(),
            max_body_mebibytes: options.max_body_bytes >> 20,
            max_attempts: NonZeroU32::new(options.max_attempts).unwrap_or(NonZeroU32::MIN),
            max_retry_wait_seconds: options.max_retry_wait.as_secs(),
            initial_delay_milliseconds: options.initial_delay.as_millis() as u64,
            max_delay_seconds: options.max_delay.as_secs(),
        }
    }
}

impl Http {
    pub(super) fn options(&self, path: &Path) -> Result<HttpOptions, ConfigError> {
        let bounded = |key: &str, value: u64, most: u64| {
            if (1..=most).contains(&value) {
                return Ok(value);
            }
            Err(ConfigError::Value {
                path: path.into(),
                line: None,
                key: format!("http.{key}"),
                problem: format!("is {value}, and must be between 1 and {most}"),
            })
        };
        const DAY: u64 = 24 * 60 * 60;
        let seconds = |key, value| bounded(key, value, DAY).map(Duration::from_secs);
        let mebibytes = bounded("max_body_mebibytes", self.max_body_mebibytes as u64, 4096)?;
        Ok(HttpOptions {
            connect_timeout: seconds("connect_timeout_seconds", self.connect_timeout_seconds)?,
            read_timeout: seconds("read_timeout_seconds", self.read_timeout_seconds)?,
            total_timeout: seconds("total_timeout_seconds", self.total_timeout_seconds)?,
            max_body_bytes: (mebibytes as usize) << 20,
            max_attempts: self.max_attempts.get(),
            max_retry_wait: seconds("max_retry_wait_seconds", self.max_retry_wait_seconds)?,
            initial_delay: Duration::from_millis(bounded(
                "initial_delay_milliseconds",
                self.initial_delay_milliseconds,
                DAY * 1000,
            )?),
            max_delay: seconds("max_delay_seconds", self.max_delay_seconds)?,
            ..HttpOptions::default()
        })
    }
}

#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Schedule {
    pub(super) cron: String,
    pub(super) time_zone: String,
    pub(super) jitter_seconds: u32,
}

impl Default for Schedule {
    fn default() -> Schedule {
        Schedule { cron: "0 3 * * *".to_owned(), time_zone: "UTC".to_owned(), jitter_seconds: 300 }
    }
}

#[derive(Debug, Default, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Connection {
    pub(super) schedule: Option<String>,
    pub(super) authorize_parameters: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Warehouse {
    pub(super) views_dir: Option<PathBuf>,
    pub(super) keep_versions_days: u32,
    pub(super) keep_runs_days: u32,
    pub(super) count_unmapped_paths: bool,
}

impl Default for Warehouse {
    fn default() -> Warehouse {
        Warehouse {
            views_dir: None,
            keep_versions_days: 0,
            keep_runs_days: 0,
            count_unmapped_paths: true,
        }
    }
}

impl Warehouse {
    /// How long superseded versions of resources are kept; `None`: for ever.
    pub(super) fn keep_versions(&self) -> Option<Duration> {
        let days = u64::from(self.keep_versions_days);
        (days > 0).then(|| Duration::from_secs(days * 24 * 60 * 60))
    }

    /// How long runs that changed nothing and the access log are kept; `None`: for ever.
    pub(super) fn keep_runs(&self, path: &Path) -> Result<Option<Duration>, ConfigError> {
        match u64::from(self.keep_runs_days) {
            0 => Ok(None),
            days @ 30.. => Ok(Some(Duration::from_secs(days * 24 * 60 * 60))),
            days => Err(ConfigError::Value {
                path: path.into(),
                line: None,
                key: "warehouse.keep_runs_days".to_owned(),
                problem: format!("is {days}, and must be 0 (for ever) or at least 30"),
            }),
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum Grant {
    #[default]
    AuthorizationCode,
    ClientCredentials,
    None,
    Token,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenAuth {
    #[default]
    Post,
    Basic,
    PrivateKeyJwt,
}

#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    #[cfg_attr(test, schemars(with = "Url"))]
    pub(super) fhir_url: TypedUrl,
    #[serde(default)]
    pub(super) bases: BTreeMap<String, Url>,
    pub(super) authorize_url: Option<Url>,
    pub(super) token_url: Option<Url>,
    pub(super) discovery_url: Option<Url>,
    pub(super) issuer: Option<String>,
    pub(super) revocation_url: Option<Url>,
    pub(super) introspection_url: Option<Url>,
    pub(super) client_id: Option<String>,
    pub(super) client_secret_env: Option<String>,
    pub(super) client_secret_file: Option<PathBuf>,
    #[serde(default, deserialize_with = "refuse_inline_secret", skip_serializing)]
    #[cfg_attr(test, schemars(skip))]
    #[expect(dead_code, reason = "the key is refused with a better message than serde's")]
    pub(super) client_secret: (),
    pub(super) client_key_file: Option<PathBuf>,
    pub(super) client_key_id: Option<String>,
    #[cfg_attr(test, schemars(with = "Option<Url>"))]
    pub(super) redirect_url: Option<TypedUrl>,
    pub(super) scope: Option<String>,
    #[serde(default = "yes")]
    pub(super) pkce: bool,
    #[serde(default)]
    pub(super) audience: Audience,
    #[serde(default = "yes")]
    pub(super) send_redirect_url: bool,
    #[serde(default)]
    pub(super) authorize_parameters: BTreeMap<String, String>,
    pub(super) response_mode: Option<ResponseMode>,
    #[serde(default)]
    pub(super) token_auth: TokenAuth,
    #[serde(default)]
    pub(super) token_format: TokenFormat,
    #[serde(default)]
    pub(super) token_fields: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) patient_from: PatientFrom,
    pub(super) patient_claim: Option<String>,
    #[serde(default)]
    pub(super) grant: Grant,
    pub(super) access_token_env: Option<String>,
    pub(super) access_token_file: Option<PathBuf>,
    pub(super) accept: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, HeaderText>,
    #[serde(default = "default_page_size")]
    pub(super) page_size: u32,
    #[serde(default = "yes")]
    pub(super) last_updated: bool,
    #[serde(default = "default_concurrency")]
    pub(super) concurrency: NonZeroUsize,
    #[serde(default = "default_per_second")]
    pub(super) requests_per_second: NonZeroU32,
    pub(super) requests_per_hour: Option<NonZeroU32>,
    #[serde(default)]
    pub(super) types: Vec<String>,
    pub(super) required: Option<Vec<String>>,
    #[serde(default)]
    pub(super) search: BTreeMap<String, OneOrMore>,
    #[serde(default)]
    pub(super) dependants: bool,
    #[serde(default)]
    pub(super) attachments: bool,
    #[serde(default)]
    pub(super) cookies: bool,
    #[serde(default)]
    pub(super) proxied_origins: Vec<Url>,
    pub(super) consent_days: Option<NonZeroU32>,
    pub(super) schedule: Option<String>,
    #[serde(default = "yes")]
    pub(super) keep_alive: bool,
    pub(super) refresh_token_lifetime_minutes: Option<NonZeroU32>,
}

/// Whether `aud` is sent, and as what.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(super) enum Audience {
    /// true: the FHIR base is sent. false: no `aud` is sent.
    Base(bool),
    /// The text to send.
    Text(String),
}

impl Default for Audience {
    fn default() -> Audience {
        Audience::Base(false)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum ResponseMode {
    Query,
    Fragment,
    FormPost,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenFormat {
    #[default]
    Form,
    Json,
}

/// One text, or several.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub(super) enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    pub(super) fn texts(&self) -> &[String] {
        match self {
            OneOrMore::One(text) => std::slice::from_ref(text),
            OneOrMore::More(texts) => texts,
        }
    }
}

fn yes() -> bool {
    true
}

fn default_page_size() -> u32 {
    100
}

fn default_concurrency() -> NonZeroUsize {
    NonZeroUsize::new(4).unwrap_or(NonZeroUsize::MIN)
}

fn default_per_second() -> NonZeroU32 {
    NonZeroU32::new(10).unwrap_or(NonZeroU32::MIN)
}

fn refuse_inline_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    serde::de::IgnoredAny::deserialize(deserializer)?;
    Err(D::Error::custom(
        "a secret does not belong in this file; use client_secret_env or client_secret_file",
    ))
}
