//! The task of a rebuild.

use super::table::Catalog;
use chrono::{DateTime, Utc};

/// The tables of one type, and which of them are out of date.
pub(crate) struct Job<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) resource_type: &'a str,
    /// Positions of the tables to fill; none if only rejected resources are to be tried again.
    pub(crate) stale: Vec<usize>,
    pub(crate) now: DateTime<Utc>,
}
