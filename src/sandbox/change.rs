//! Changes that tests make to the generated data.

use chrono::{DateTime, Utc};

/// A change of a generated resource.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Change {
    /// The resource has changed this number of times, the last time at this instant.
    Amended(u32, DateTime<Utc>),
    /// The resource was deleted.
    Withdrawn,
}
