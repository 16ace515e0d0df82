//! A page on its way to the writer, and what became of it.

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

/// A resource whose content the warehouse does not hold yet.
#[derive(Debug)]
pub(crate) struct ChangedResource {
    pub(crate) resource_type: String,
    pub(crate) resource_id: String,
    pub(crate) version_id: Option<String>,
    pub(crate) last_updated: Option<String>,
    pub(crate) content_hash: [u8; 32],
    /// Where its bytes stand in the page's body.
    pub(crate) json: Range<usize>,
    /// Where references lead that only the page's Bundle resolves, as
    /// [`FullUrls::to_text`](crate::reference::FullUrls::to_text) has it.
    pub(crate) bundle_references: Option<String>,
    /// Empty when a view could not take it: all tables have it, or none.
    pub(crate) rows: Vec<TableRows>,
    /// Why a view could not take it.
    pub(crate) view_error: Option<String>,
    /// Whether the page also holds a newer version, which stands before it in the list.
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

/// A resource whose stored content stays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unchanged {
    pub(crate) rowid: i64,
    /// Whether it is of the walk's own type.
    pub(crate) is_own_type: bool,
    /// Whether it came as it is stored; if not, it came abridged.
    pub(crate) is_same: bool,
}

/// Something that could not be taken in.
#[derive(Debug)]
pub(crate) struct Reject {
    pub(crate) resource_id: Option<String>,
    pub(crate) reason: &'static str,
    pub(crate) detail: String,
    /// Whether it is surely of another type than the walk's, so that it hides nothing of that.
    pub(crate) is_other_type: bool,
    /// Where its bytes stand in the page's body.
    pub(crate) body: Range<usize>,
}

/// A page as the workers leave it for the writer.
#[derive(Debug)]
pub(crate) struct PageWrite {
    pub(crate) walk: WalkKey,
    /// The walk over the whole type that this one, over a window, is a part of.
    pub(crate) round: Option<i64>,
    /// The name of the file that it comes from, as typed; `None` for a resource that a plan sent.
    pub(crate) file: Option<String>,
    /// 1-based, counted from the start of the walk.
    pub(crate) page: u64,
    /// Its URL, parameter names only.
    pub(crate) url: String,
    /// Names of the parameters that the server's self link leaves out, on a walk's first page.
    pub(crate) self_left_out: Option<String>,
    pub(crate) body: Bytes,
    pub(crate) changed: Vec<ChangedResource>,
    /// The resources that came as they are stored.
    pub(crate) unchanged: Vec<Unchanged>,
    pub(crate) rejects: Vec<Reject>,
    /// Whether it is noted which resources of other types came along.
    pub(crate) notes_along: bool,
    pub(crate) rows: RowBatch,
    /// The outcome of each reference, on a page of a walk by reference.
    pub(crate) answered: Vec<Answered>,
    /// The next page's URL; `None` on the last page.
    pub(crate) next_url: Option<String>,
    /// What the walk counts and its pages add up to; the writer adds what is new.
    pub(crate) sums: Sums,
    pub(crate) now: DateTime<Utc>,
    /// Whether the walk takes its next page before this one is committed.
    pub(crate) goes_ahead: bool,
    /// The memory that the page has; given back when it is stored.
    pub(crate) _memory: Vec<OwnedSemaphorePermit>,
}

/// Bytes that go in as SQL text, unchanged; as a blob where they are not UTF-8.
pub(super) struct TextBytes<'a>(pub(super) &'a [u8]);

impl rusqlite::ToSql for TextBytes<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match std::str::from_utf8(self.0) {
            Ok(_) => ValueRef::Text(self.0),
            Err(_) => ValueRef::Blob(self.0),
        }))
    }
}
