//! The warehouse: one SQLite file that analysts open in whatever they like.
//!
//! The only place (with the vault, which is a file of its own) that names rusqlite and refinery.
//! It knows tables, pages and walks; it knows nothing of HTTP, tokens or Bundles. All writing goes
//! through one thread; a page is one transaction.
//!
//! The rooms: `file` opens, locks, copies and purges the file; `tables` makes normalised tables and
//! marts from stored resources; `walks` writes pages and the ledger; `read` answers; `verify` compares
//! what is stored with what it was made from.

mod error;
mod file;
mod read;
mod tables;
mod verify;
mod walks;

mod embedded {
    include!(concat!(env!("OUT_DIR"), "/embedded.rs"));
}

use crate::{clock::Clock, monitor::Monitor};
use chrono::{DateTime, Utc};
use file::{open, schema};
use read::status;
use std::{path::Path, sync::Arc};
use tables::{unmapped_table, upkeep};
use walks::{connections, ledger, left_out, seen, type_state, writer};

pub(crate) use error::RAISE_LIMITS;
pub use error::WarehouseError;
pub use file::access_log::{Access, PastBackup, backup_outcome, log_access};
pub use file::backup::{BackedUp, back_up, restore};
pub use file::metrics_files::{metrics_files, remember_metrics_file};
pub use file::moving::{arrive, copy_in, leave};
pub use file::partial::{
    left_in as unfinished_copies, new_name as unfinished_name, sweep_of as sweep_unfinished,
};
pub use file::place::WarehouseFile;
pub use file::purge::{
    PurgeTarget, Purged, find_for_purge, is_unscrubbed, move_rows_out, purge_rows, scrub,
};
pub use file::schema::known_schema_version;
pub use file::seal::{Seal, SealKey};
pub use file::seal_error::SealError;
pub use read::metrics::{Effort, FinishedRun};
pub use read::query::{Answer, Cell as AnswerCell, Names, Parameter, ParameterValue};
pub use read::read_only::ReadOnlyWarehouse;
pub(crate) use read::reader::{Reader, is_unchanged, known};
pub use read::snapshot::{Since, Snapshot};
pub use read::standing::Standing;
pub use read::status::{TableCount, TypeStatus};
pub use tables::code_list;
pub use tables::codes::{CodeSystem, LoadedCodes, TakeCode};
pub use tables::marts::{MartState, luhn_sum, npi_is_valid};
pub(crate) use tables::projection::project;
pub(crate) use tables::row_batch::{RowBatch, TableRows};
pub use tables::table::{Catalog, Mart, Table, embedded_definitions, embedded_marts};
pub use tables::unmapped::{LeafPath, LeafSurvey};
pub use verify::checked::Checked;
pub use verify::{foreign_schema, quick_check, verify};
pub(crate) use walks::abridged::is_less_than_stored;
pub(crate) use walks::absence::{
    Absent, Finding, NO_INSTANT, asked_lately, has_unasked_absences, open_absences,
    pending_absences, surely_present,
};
pub(crate) use walks::attachments::{
    AttachmentCount, AttachmentFound, NamedAttachment, PendingAttachment, attachment_counts,
    attachment_source, attachment_sources, pending_attachments, stored_binary,
    unstored_attachments,
};
pub(crate) use walks::chain::{Chain, PageCount, Sums};
pub use walks::connections::{ConnectionRow, NewConsent, NewFiles};
pub(crate) use walks::connections::{
    other_patients, patients as stored_patients, token_generation,
};
pub use walks::consents::Consent;
pub use walks::cursor::{Cursor, WalkWindow};
pub(crate) use walks::cursor::{
    came_whole, last_round_ended, live_resources, unfinished_round, window_complete_at,
    window_cursor, window_is_too_long, windows_are_closed,
};
pub(crate) use walks::everything::{MissedAlong, along_types};
pub(crate) use walks::finish::WalkEnd;
pub use walks::ledger::WalkKey;
pub(crate) use walks::ledger::{WalkStart, latest_walk};
pub(crate) use walks::left_out::{brought_late, held_since, outdated, seen_last};
pub use walks::moves::Moving;
pub(crate) use walks::page::{ChangedResource, PageWrite, PageWritten, Reject, Unchanged};
pub(crate) use walks::quarantine::open_strangers;
pub(crate) use walks::reference_queue::{
    Answered, Found, QueueSummary, ReferenceType, Verdict, pending as pending_references,
    read_before, sources as reference_sources, summary as reference_summary,
};
pub(crate) use walks::run_ledger::newest_run;
pub(crate) use walks::seen::Agreement;
pub(crate) use walks::tally::Tally;
pub(crate) use walks::turns::{
    connection_turns, is_turn_of_full_walk, last_turns, pages_of_full_walk,
};
pub(crate) use walks::type_state::{
    Advance, KnownTypes, dates, held_types, left_types, unmentioned_types,
};
pub use walks::type_state::{HeldType, LastUpdated, Totals, TypeState};
pub use walks::walk_counters::WalkCounters;
pub use walks::walk_finish::WalkFinish;
pub(crate) use walks::writer::OnItsWay;

/// The version of the SQLite that is built in.
pub fn sqlite_version() -> &'static str {
    rusqlite::version()
}

/// An open warehouse.
#[derive(Debug)]
pub struct Warehouse {
    file: WarehouseFile,
    catalog: Arc<Catalog>,
    writer: writer::Writer,
    reader: Reader,
    clock: Clock,
    upkeep: upkeep::Upkeep,
}

impl Warehouse {
    /// Opens or creates the warehouse, brings its tables up to date and starts its writer.
    ///
    /// Tables whose definition is new or changed are filled again from the stored resources before
    /// this returns, also what an earlier process was killed in. One process at a time may do this;
    /// the home's lock sees to it.
    ///
    /// # Errors
    /// What is no warehouse, or a newer one, is left untouched.
    pub fn open(
        file: &WarehouseFile,
        catalog: Catalog,
        clock: Clock,
        monitor: &dyn Monitor,
    ) -> Result<Warehouse, WarehouseError> {
        Warehouse::open_and_rebuild(file, catalog, &[], clock, monitor)
    }

    /// As [`Warehouse::open`], and fills the named tables again from the stored resources.
    ///
    /// # Errors
    /// As [`Warehouse::open`].
    pub fn open_and_rebuild(
        file: &WarehouseFile,
        catalog: Catalog,
        tables: &[String],
        clock: Clock,
        monitor: &dyn Monitor,
    ) -> Result<Warehouse, WarehouseError> {
        let mut connection = open::open_to_write(file)?;
        let upkeep = upkeep::prepare(&mut connection, &catalog, tables, clock.now(), monitor)?;
        if !tables.is_empty() {
            unmapped_table::refresh(&mut connection, &catalog, &|| false)?;
        }
        Warehouse::start(file, connection, catalog, clock, upkeep)
    }

    /// Opens or creates the warehouse beside whatever runs, for what touches no resource.
    ///
    /// Tables that hold rows stay as they are: the next run brings them up to date.
    ///
    /// # Errors
    /// As [`Warehouse::open`].
    pub fn open_beside_a_run(
        file: &WarehouseFile,
        catalog: Catalog,
        clock: Clock,
    ) -> Result<Warehouse, WarehouseError> {
        let mut connection = open::open_to_write(file)?;
        upkeep::prepare_empty(&mut connection, &catalog, clock.now())?;
        Warehouse::start(file, connection, catalog, clock, upkeep::Upkeep::default())
    }

    /// Opens an existing warehouse for reading; whatever would write says that the writer has
    /// stopped. One of an older schema is brought up to date first.
    ///
    /// # Errors
    /// As [`Warehouse::open`], and when there is no warehouse.
    pub fn open_to_look(
        file: &WarehouseFile,
        catalog: Catalog,
        clock: Clock,
    ) -> Result<Warehouse, WarehouseError> {
        let reader = Reader::new(file.clone());
        if !reader.read(schema::is_current)? {
            drop(open::open_to_write(file)?);
        }
        Ok(Warehouse {
            file: file.clone(),
            catalog: Arc::new(catalog),
            writer: writer::Writer::absent(),
            reader,
            clock,
            upkeep: upkeep::Upkeep::default(),
        })
    }

    /// Whether opening by a run would bring tables up to date.
    ///
    /// # Errors
    /// SQLite's.
    pub fn is_out_of_date(&self) -> Result<bool, WarehouseError> {
        self.reader.read(|connection| upkeep::is_due(connection, &self.catalog))
    }

    fn start(
        file: &WarehouseFile,
        connection: rusqlite::Connection,
        catalog: Catalog,
        clock: Clock,
        upkeep: upkeep::Upkeep,
    ) -> Result<Warehouse, WarehouseError> {
        seen::create_temporary_tables(&connection)?;
        left_out::create_temporary_table(&connection)?;
        let catalog = Arc::new(catalog);
        Ok(Warehouse {
            file: file.clone(),
            writer: writer::Writer::start(connection, Arc::clone(&catalog))?,
            reader: Reader::new(file.clone()),
            catalog,
            clock,
            upkeep,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// The normalised tables.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.catalog
    }

    /// Tables that opening created or filled again because their definition was new or changed.
    pub fn rebuilt(&self) -> &[String] {
        &self.upkeep.rebuilt
    }

    /// How many resources opening found to be in no table because a view rejects them, of the types
    /// whose tables it rebuilt.
    pub fn rejected_by_rebuild(&self) -> u64 {
        self.upkeep.rejected
    }

    pub(crate) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// Enters a consent: a new connection, or a renewed one under the name it has.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn consent(&self, consent: NewConsent) -> Result<ConnectionRow, WarehouseError> {
        let now = self.clock.now();
        self.writer
            .run(move |connection, catalog| {
                let bases = catalog.bases(&consent.plan);
                connections::consent(connection, &consent, bases, now)
            })
            .await
    }

    /// The connection of a name.
    ///
    /// # Errors
    /// SQLite's.
    pub fn connection(&self, name: &str) -> Result<Option<ConnectionRow>, WarehouseError> {
        self.reader.read(|connection| connections::by_name(connection, name))
    }

    /// All connections, by name.
    ///
    /// # Errors
    /// SQLite's.
    pub fn connections(&self) -> Result<Vec<ConnectionRow>, WarehouseError> {
        self.reader.read(connections::all)
    }

    /// Remembers whose data a connection holds, unless that is known.
    ///
    /// # Errors
    /// SQLite's.
    pub async fn pin_patient(&self, id: i64, patient: String) -> Result<(), WarehouseError> {
        self.writer
            .run(move |connection, _| connections::pin_patient(connection, id, &patient))
            .await
    }

    /// What is known of a connection's types, as of one instant.
    ///
    /// # Errors
    /// SQLite's.
    pub(crate) fn known_types(&self, connection_id: i64) -> Result<KnownTypes, WarehouseError> {
        self.reader.read(|connection| KnownTypes::read(connection, connection_id))
    }

    /// The states of a connection's types.
    ///
    /// # Errors
    /// SQLite's.
    pub fn type_states(&self, connection_id: i64) -> Result<Vec<TypeState>, WarehouseError> {
        self.reader.read(|connection| type_state::states(connection, connection_id))
    }

    pub(crate) async fn set_last_updated(
        &self,
        connection_id: i64,
        resource_type: &str,
        support: LastUpdated,
        reason: Option<String>,
    ) -> Result<(), WarehouseError> {
        let (resource_type, now) = (resource_type.to_owned(), self.clock.now());
        self.writer
            .run(move |connection, _| {
                let reason = reason.as_deref();
                type_state::set_last_updated(
                    connection,
                    connection_id,
                    &resource_type,
                    support,
                    reason,
                    now,
                )
            })
            .await
    }

    /// How many requests the walks of a plan have sent since an instant.
    ///
    /// # Errors
    /// SQLite's.
    pub fn requests_since(&self, plan: &str, since: DateTime<Utc>) -> Result<u32, WarehouseError> {
        self.reader.read(|connection| ledger::requests_since(connection, plan, since))
    }

    /// How many rejects of a connection are open.
    ///
    /// # Errors
    /// SQLite's.
    pub fn open_rejects(&self, connection_id: i64) -> Result<u64, WarehouseError> {
        self.reader.read(|connection| ledger::open_rejects(connection, connection_id))
    }

    pub(crate) async fn write_page(&self, page: PageWrite) -> Result<PageWritten, WarehouseError> {
        self.send_page(page).await?.stored().await
    }

    /// Sends a page to the writer, which stores pages in the order in which they are sent.
    pub(crate) async fn send_page(&self, page: PageWrite) -> Result<OnItsWay, WarehouseError> {
        self.writer.send_page(page).await
    }

    /// Brings `unmapped_path` up to date with what changed, until told to stop; see
    /// [`LeafSurvey`].
    ///
    /// # Errors
    /// SQLite's.
    pub async fn survey_unmapped(
        &self,
        stop: impl Fn() -> bool + Send + 'static,
    ) -> Result<(), WarehouseError> {
        self.writer
            .run(move |connection, catalog| unmapped_table::refresh(connection, catalog, &stop))
            .await
    }

    /// The truth per connection and type.
    ///
    /// # Errors
    /// SQLite's.
    pub fn status(&self) -> Result<Vec<TypeStatus>, WarehouseError> {
        self.reader.read(status::completeness)
    }

    /// Waits until everything is written and closes the file.
    pub fn close(self) {
        let Warehouse { writer, reader, .. } = self;
        drop(reader);
        drop(writer);
    }
}
