//! What tests do to the generated data.

use chrono::{DateTime, Utc};

/// What became of a resource after it was generated.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// It has changed so many times, the last time at this instant.
    Amended(u32, DateTime<Utc>),
    /// It is gone.
    Withdrawn,
}
