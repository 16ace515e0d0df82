//! A page on its way to the writer.

use super::{answered::Answered, chain::Sums, walk_key::WalkKey};
use crate::{
    fingerprint::Version,
    warehouse::tables::row_batch::{RowBatch, TableRows},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use rusqlite::types::{ToSqlOutput, ValueRef};
use std::ops::Range;
use tokio::sync::OwnedSemaphorePermit;

/// A resource with content that the warehouse does not have yet.
#[derive(Debug)]
pub(crate) struct ChangedResource {
    pub(crate) resource_type: String,
    pub(crate) resource_id: String,
    pub(crate) version_id: Option<String>,
    pub(crate) last_updated: Option<String>,
    pub(crate) content_hash: [u8; 32],
    /// The position of the resource's bytes in the page's body.
    pub(crate) json: Range<usize>,
    /// The targets of references that only the page's Bundle resolves, as written by
    /// [`FullUrls::to_text`](crate::reference::FullUrls::to_text).
    pub(crate) bundle_references: Option<String>,
    /// The resource's rows; empty if a view rejected the resource: it has rows in all tables of its type or
    /// in none.
    pub(crate) rows: Vec<TableRows>,
    /// Why a view rejected the resource.
    pub(crate) view_error: Option<String>,
    /// Whether the page also has a newer version, which is earlier in the list.
    pub(crate) is_superseded: bool,
}

impl ChangedResource {
    pub(crate) fn version(&self) -> Version<'_> {
        Version {
            version_id: self.version_id.as_deref(),
            last_updated: self.last_updated.as_deref(),
        }
    }
}

/// A resource for which the stored content is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unchanged {
    pub(crate) rowid: i64,
    /// Whether the resource is of the walk's own type.
    pub(crate) is_own_type: bool,
    /// Whether the content that came equals the stored one; if not, the resource came abridged.
    pub(crate) is_same: bool,
}

/// An entry of a page that could not be taken in.
#[derive(Debug)]
pub(crate) struct Reject {
    pub(crate) resource_id: Option<String>,
    pub(crate) reason: &'static str,
    pub(crate) detail: String,
    /// Whether the entry is surely of another type than the walk's, so that it cannot be a missing resource
    /// of the walk's type.
    pub(crate) is_other_type: bool,
    /// The position of the entry's bytes in the page's body.
    pub(crate) body: Range<usize>,
}

/// A page, unpacked by the worker threads and ready for the writer.
#[derive(Debug)]
pub(crate) struct PageWrite {
    pub(crate) walk: WalkKey,
    /// If the walk is over a window: the walk over the whole type to which it belongs.
    pub(crate) round: Option<i64>,
    /// The name of the file that the page comes from, as typed; `None` if a plan sent the page.
    pub(crate) file: Option<String>,
    /// The page's number from 1, counted from the start of the walk.
    pub(crate) page: u64,
    /// The page's URL, with parameter names only.
    pub(crate) url: String,
    /// Parameters that are missing in the server's self link; set on a walk's first page.
    pub(crate) self_left_out: Option<String>,
    pub(crate) body: Bytes,
    pub(crate) changed: Vec<ChangedResource>,
    /// The resources whose stored content is kept.
    pub(crate) unchanged: Vec<Unchanged>,
    pub(crate) rejects: Vec<Reject>,
    /// Whether to note the resources of other types that came along.
    pub(crate) notes_along: bool,
    pub(crate) rows: RowBatch,
    /// On a page of a walk by reference: the outcome of each reference.
    pub(crate) answered: Vec<Answered>,
    /// The next page's URL; `None` on the last page.
    pub(crate) next_url: Option<String>,
    /// The walk's counters and sums; the writer adds the counts that it alone knows.
    pub(crate) sums: Sums,
    pub(crate) now: DateTime<Utc>,
    /// Whether the walk requests its next page before this one is committed.
    pub(crate) goes_ahead: bool,
    /// The memory reserved for the page; released when the page is stored.
    pub(crate) _memory: Vec<OwnedSemaphorePermit>,
}

/// Bytes that are stored as SQL text, unchanged, or as a blob if they are not UTF-8.
pub(super) struct TextBytes<'a>(pub(super) &'a [u8]);

impl rusqlite::ToSql for TextBytes<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match std::str::from_utf8(self.0) {
            Ok(_) => ValueRef::Text(self.0),
            Err(_) => ValueRef::Blob(self.0),
        }))
    }
}
