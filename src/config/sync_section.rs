//! The section `[sync]`, as typed in the file.

use super::error::ConfigError;
use serde::{Deserialize, Serialize};
use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::Path,
    time::Duration,
};

#[derive(Debug, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields)]
pub(super) struct Sync {
    pub(super) connections_in_parallel: NonZeroUsize,
    pub(super) shrink_limit_percent: u8,
    pub(super) strict_totals: bool,
    pub(super) full_walk_every_days: u32,
    pub(super) overlap_hours: u32,
    pub(super) attachment_max_mebibytes: u32,
    pub(super) attachments_per_run: NonZeroU32,
}

impl Default for Sync {
    fn default() -> Sync {
        Sync {
            connections_in_parallel: NonZeroUsize::new(4).unwrap_or(NonZeroUsize::MIN),
            shrink_limit_percent: 30,
            strict_totals: false,
            full_walk_every_days: 7,
            overlap_hours: 24,
            attachment_max_mebibytes: 20,
            attachments_per_run: NonZeroU32::new(1000).unwrap_or(NonZeroU32::MIN),
        }
    }
}

impl Sync {
    pub(super) fn full_walk_every(&self) -> Duration {
        Duration::from_secs(u64::from(self.full_walk_every_days) * 24 * 60 * 60)
    }

    pub(super) fn overlap(&self) -> Duration {
        Duration::from_secs(u64::from(self.overlap_hours) * 60 * 60)
    }

    /// The largest attachment in bytes, and the most attachments of one run.
    pub(super) fn attachments(&self, path: &Path) -> Result<(usize, u32), ConfigError> {
        let mebibytes = self.attachment_max_mebibytes;
        // A value in SQLite has at most a billion bytes.
        if (1..=900).contains(&mebibytes) {
            return Ok(((mebibytes as usize) << 20, self.attachments_per_run.get()));
        }
        Err(ConfigError::Value {
            path: path.into(),
            line: None,
            key: "sync.attachment_max_mebibytes".to_owned(),
            problem: format!("is {mebibytes}, and must be between 1 and 900"),
        })
    }

    pub(super) fn shrink_limit(&self, path: &Path) -> Result<u8, ConfigError> {
        if self.shrink_limit_percent <= 100 {
            return Ok(self.shrink_limit_percent);
        }
        Err(ConfigError::Value {
            path: path.into(),
            line: None,
            key: "sync.shrink_limit_percent".to_owned(),
            problem: format!("is {}, and must be at most 100", self.shrink_limit_percent),
        })
    }
}
