//! The warehouse: one SQLite file that analysts open in whatever they like.
//!
//! The only place that names rusqlite and refinery, except for the vault, which is a file of its own. It
//! knows tables, pages and walks; it knows nothing of HTTP, tokens or Bundles. All writing goes through
//! one thread, and a page is never split over two transactions.
//!
//! The rooms: `handle` is the open warehouse, through which the rest of the house reads and writes;
//! `file` opens, locks, copies and purges the file; `tables` makes normalised tables and
//! marts from stored resources; `walks` writes pages and the ledger; `read` answers queries; `verify`
//! compares what is stored with what it was made from.

mod error;
mod file;
mod handle;
mod read;
mod tables;
mod verify;
mod walks;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

pub(crate) use error::RAISE_LIMITS;
pub use error::WarehouseError;
pub use file::access_log::{Access, log_access};
pub use file::backup::{BackedUp, back_up, restore};
pub use file::copies::{PastBackup, backup_outcome};
pub use file::metrics_files::{metrics_files, remember_metrics_file};
pub use file::moving::{arrive, copy_in, leave};
pub use file::partial::{
    left_in as unfinished_copies, new_name as unfinished_name, sweep_of as sweep_unfinished,
};
pub use file::place::WarehouseFile;
pub use file::purge::{
    PurgeTarget, Purged, end_moves, end_purges, find_for_purge, is_unscrubbed, move_rows_out,
    purge_rows, scrub, unreached_copies,
};
pub use file::schema::known_schema_version;
pub use file::seal::{Seal, SealKey};
pub use file::seal_error::SealError;
pub use file::staging::path as staging_path;
pub use handle::Warehouse;
pub use read::metrics::{Effort, FinishedRun};
pub use read::query::{Answer, Cell as AnswerCell, Names, Parameter, ParameterValue};
pub use read::read_only::ReadOnlyWarehouse;
pub(crate) use read::reader::{Reader, is_unchanged, known};
pub use read::snapshot::{Since, Snapshot};
pub use read::standing::Standing;
pub use read::status::{TableCount, TypeStatus};
pub use tables::code_systems;
pub use tables::codes::{CodeSystem, LoadedCodes, TakeCode};
pub use tables::marts::{MartState, luhn_sum, npi_is_valid};
pub(crate) use tables::projection::project;
pub(crate) use tables::row_batch::{RowBatch, TableRows};
pub use tables::table::{Catalog, Mart, Table, embedded_definitions, embedded_marts};
pub use tables::unmapped::{LeafPath, LeafSurvey};
pub use verify::checked::{Checked, Remedy};
pub use verify::{foreign_schema, quick_check, verify};
pub(crate) use walks::abridged::is_less_than_stored;
pub(crate) use walks::absence::{
    Absent, Finding, NO_INSTANT, asked_lately, has_unasked_absences, is_no_answer, open_absences,
    pending_absences,
};
pub(crate) use walks::answered::{Answered, Verdict};
pub(crate) use walks::attachments::{
    AttachmentCount, AttachmentFound, NamedAttachment, PendingAttachment, attachment_counts,
    attachment_source, attachment_sources, pending_attachments, stored_binary,
    unstored_attachments,
};
pub(crate) use walks::chain::{Chain, PageCount, Sums};
pub use walks::connections::{ConnectionRow, NewConsent, NewFiles};
pub(crate) use walks::connections::{other_patients, patients as stored_patients};
pub use walks::consents::Consent;
pub use walks::cursor::{Cursor, WalkWindow};
pub(crate) use walks::cursor::{
    came_whole, last_round_ended, live_resources, unfinished_round, window_complete_at,
    window_cursor, window_is_too_long, windows_are_closed,
};
pub(crate) use walks::everything::{MissedAlong, along_types};
pub(crate) use walks::ledger::{
    WalkStart, latest_walk, reads_were_blocked_before, was_forbidden_before,
};
pub(crate) use walks::left_out::{brought_late, held_since, outdated, seen_last};
pub use walks::moves::Moving;
pub(crate) use walks::page::{ChangedResource, PageWrite, Reject, Unchanged};
pub(crate) use walks::page_written::PageWritten;
pub(crate) use walks::parts::round_without_the_rest_ended;
pub(crate) use walks::quarantine::open_strangers;
pub(crate) use walks::reference_queue::{
    Found, QueueSummary, ReferenceType, pending as pending_references, read_before,
    sources as reference_sources, summary as reference_summary,
};
pub use walks::run_ledger::PARTIAL_SYNC;
pub(crate) use walks::run_ledger::newest_run;
pub(crate) use walks::seen::Agreement;
pub(crate) use walks::surely_present::surely_present;
pub(crate) use walks::tally::Tally;
pub(crate) use walks::turns::{
    connection_turns, is_turn_of_full_walk, last_turns, pages_of_full_walk,
};
pub(crate) use walks::type_state::{
    Advance, KnownTypes, dates, held_types, left_types, unmentioned_types,
};
pub use walks::type_state::{HeldType, LastUpdated, Totals, TypeState};
pub use walks::unasked::Unasked;
pub(crate) use walks::unasked::waiting_types;
pub(crate) use walks::walk_counters::ProofReport;
pub use walks::walk_counters::WalkCounters;
pub(crate) use walks::walk_end::WalkEnd;
pub use walks::walk_finish::WalkFinish;
pub use walks::walk_key::WalkKey;
pub(crate) use walks::writer::OnItsWay;

/// The version of the SQLite that is built in.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}
