//! The section `[sync]`, as typed in the file.

use super::error::ConfigError;
use serde::{Deserialize, Serialize};
use std::{
    num::{NonZeroU32, NonZeroUsize},
    path::Path,
    time::Duration,
};

/// A hundred years, nearly: no longer time can be subtracted from every date that a plan may send.
const LONGEST_DAYS: u32 = 36_500;

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
    pub(super) fn full_walk_every(&self, path: &Path) -> Result<Duration, ConfigError> {
        let days = self.full_walk_every_days;
        at_most(path, "sync.full_walk_every_days", days, LONGEST_DAYS)?;
        Ok(Duration::from_secs(u64::from(days) * 24 * 60 * 60))
    }

    pub(super) fn overlap(&self, path: &Path) -> Result<Duration, ConfigError> {
        let hours = self.overlap_hours;
        at_most(path, "sync.overlap_hours", hours, LONGEST_DAYS * 24)?;
        Ok(Duration::from_secs(u64::from(hours) * 60 * 60))
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
        let percent = self.shrink_limit_percent;
        at_most(path, "sync.shrink_limit_percent", percent.into(), 100)?;
        Ok(percent)
    }
}

fn at_most(path: &Path, key: &str, value: u32, most: u32) -> Result<(), ConfigError> {
    if value <= most {
        return Ok(());
    }
    Err(ConfigError::Value {
        path: path.into(),
        line: None,
        key: key.to_owned(),
        problem: format!("is {value}, and must be at most {most}"),
    })
}
